"""Figures are what scikit-learn says they are, under any weights; intervals cover what they should."""

import numpy as np
import pytest
from sklearn import metrics

from seeding_platform.models.evaluation import Evaluation, Figure
from seeding_platform.models.learning.figures import of_classes, of_numbers
from seeding_platform.models.learning.intervals import interval, weighings


@pytest.fixture
def drawn():
    draw = np.random.default_rng(4)
    scores = draw.dirichlet([1, 1, 1], 300).round(2)
    scores /= scores.sum(axis=1, keepdims=True)
    return draw.integers(0, 3, 300), scores, draw.integers(0, 4, 300).astype(float)


def value(figured, weights):
    return figured.of(weights[None, :])[0]


def test_figures_of_several_classes(drawn):
    truth, scores, weights = drawn
    told = scores.argmax(axis=1)
    assert value(of_classes("accuracy", truth, scores, 0), weights) == pytest.approx(metrics.accuracy_score(truth, told, sample_weight=weights))
    assert value(of_classes("f1", truth, scores, 0), weights) == pytest.approx(metrics.f1_score(truth, told, average="macro", sample_weight=weights))
    clipped = np.maximum(scores[np.arange(300), truth], 1e-9)
    assert value(of_classes("log_loss", truth, scores, 0), weights) == pytest.approx(np.average(-np.log(clipped), weights=weights))
    wanted = np.mean([metrics.roc_auc_score(truth == c, scores[:, c], sample_weight=weights) for c in range(3)])
    assert value(of_classes("auc", truth, scores, 0), weights) == pytest.approx(wanted)
    top = metrics.top_k_accuracy_score(truth, scores + 1e-9 * np.arange(3, 0, -1), k=1, sample_weight=weights)
    assert value(of_classes("hit@1", truth, scores, 0), weights) == pytest.approx(top)
    assert value(of_classes("hit@3", truth, scores, 0), weights) == pytest.approx(1.0)


def test_figures_of_two_classes(drawn):
    truth, scores, weights = drawn
    two, yes = scores[:, :2] / np.maximum(scores[:, :2].sum(axis=1, keepdims=True), 0.01), truth % 2
    assert value(of_classes("brier", yes, two, 1), weights) == pytest.approx(
        metrics.brier_score_loss(yes, two[:, 1].clip(0, 1), sample_weight=weights)
    )
    assert value(of_classes("auc", yes, two, 1), weights) == pytest.approx(metrics.roc_auc_score(yes, two[:, 1], sample_weight=weights))


def test_what_a_model_never_saw_counts_against_it():
    scores = np.array([[0.9, 0.1], [0.2, 0.8]])
    truth = np.array([-1, 1])
    once = np.ones(2)
    assert value(of_classes("accuracy", truth, scores, 1), once) == 0.5
    assert value(of_classes("mrr", truth, scores, 1), once) == 0.5
    assert value(of_classes("log_loss", truth, scores, 1), once) > 9


def test_ranks_of_the_next_item():
    scores = np.array([[0.5, 0.3, 0.2, 0.0], [0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    truth = np.array([1, 0, 2])
    once = np.ones(3)
    assert value(of_classes("mrr", truth, scores, 0), once) == pytest.approx((1 / 2 + 1 / 4 + 1 / 3) / 3)
    assert value(of_classes("hit@3", truth, scores, 0), once) == pytest.approx(2 / 3)


def test_figures_of_numbers(drawn):
    _, _, weights = drawn
    draw = np.random.default_rng(5)
    truth, told = draw.poisson(3, 300).astype(float), draw.gamma(3, 1, 300)
    assert value(of_numbers("rmse", truth, told), weights) == pytest.approx(metrics.root_mean_squared_error(truth, told, sample_weight=weights))
    assert value(of_numbers("mae", truth, told), weights) == pytest.approx(metrics.mean_absolute_error(truth, told, sample_weight=weights))
    deviance = metrics.mean_poisson_deviance(truth, told, sample_weight=weights)
    assert value(of_numbers("poisson_deviance", truth, told), weights) == pytest.approx(deviance)
    some = truth > 0
    share = metrics.mean_absolute_percentage_error(truth[some], told[some], sample_weight=weights[some])
    assert value(of_numbers("mape", truth, told), weights) == pytest.approx(share)


def test_one_class_has_no_area():
    assert np.isnan(value(of_classes("auc", np.ones(5, dtype=int), np.full((5, 2), 0.5), 1), np.ones(5)))


def test_intervals_cover_the_truth_as_often_as_they_say():
    draw, inside = np.random.default_rng(0), 0
    for turn in range(200):
        hit = draw.random(120) < 0.7
        values = np.concatenate([(w @ hit) / w.sum(axis=1) for w in weighings(120, None, seed=turn, rounds=200)])
        low, high = interval(values)
        inside += low <= 0.7 <= high
    assert 0.90 <= inside / 200 <= 0.99


def test_rows_of_a_group_are_drawn_together_and_make_intervals_wider():
    group = np.repeat(np.arange(20), 10)
    values = np.repeat(np.random.default_rng(1).normal(size=20), 10)
    widths = []
    for together in (None, group):
        weights = np.concatenate(list(weighings(200, together, seed=0)))
        low, high = interval((weights @ values) / weights.sum(axis=1))
        widths.append(high - low)
    drawn = next(weighings(200, group, seed=0))
    assert (drawn.reshape(len(drawn), 20, 10).std(axis=2) == 0).all()
    assert widths[1] > 2 * widths[0]


def test_blocks_of_draws_do_not_depend_on_their_size():
    whole = np.concatenate(list(weighings(50, None, seed=3, rounds=40)))
    assert whole.shape == (40, 50)
    assert (whole.sum(axis=1) == 50).all()
    assert interval(np.array([1.0, np.nan])) == (None, None)


def test_a_figure_that_cannot_be_told_is_a_question_mark_and_names_stay_as_they_are():
    judged = Evaluation("hit@1", {"hit@1": Figure(None, None, None, 40)}, {}, None, {}, None, {}, None, {"test_rows": 40})
    assert judged.says() == "hit@1 ? on 40 held-out rows"
