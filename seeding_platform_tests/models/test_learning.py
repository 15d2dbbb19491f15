"""Every kind of model learns a known relation, says how well, and says the same again; made-up rows never judge."""

import math

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.models import evaluate, fit_and_evaluate, predict, row_scores, split_rows, train
from seeding_platform.models.learning.reading import feature_values
from seeding_platform_tests.models.made import spec, table

KINDS = {
    "classes": {"slices": ["kind"]},
    "several": {"target": "several", "metric": "f1"},
    "texts": {"features": {"text": "text"}},
    "mixed": {"features": {"x": "numeric", "text": "text", "day": "date"}},
    "mixed_several": {"target": "several", "features": {"x": "numeric", "kind": "category", "text": "text"}},
    "numbers": {"kind": "regression", "target": "number"},
    "numbers_of_texts": {"kind": "regression", "target": "number", "features": {"text": "text"}},
    "counts": {"kind": "counts", "target": "times", "baseline": "kind"},
    "counts_of_texts": {"kind": "counts", "target": "times", "features": {"text": "text", "x": "numeric"}},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_relation_is_found_and_found_again(name):
    told, frame = spec(**KINDS[name]), table(300)
    before, held = split_rows(told, frame)
    one, other = train(told, before, seed=3), train(told, before, seed=3)
    assert (one.scores(told, held) == other.scores(told, held)).all(), "same rows and seed, same predictions to the last bit"
    judged = evaluate(one, told, held)
    assert judged.beats_baseline(told), judged.says()
    assert evaluate(one, told, held, clock=iter(range(1000)).__next__).metrics == judged.metrics
    deciding = judged.metrics[judged.metric]
    assert deciding.ci_low < deciding.value < deciding.ci_high
    assert deciding.n == held.height == judged.test_rows
    assert set(judged.dummy) == set(judged.metrics)
    assert judged.size_bytes > 1000
    assert 0 < judged.latency_ms["p50"] <= judged.latency_ms["p99"]


def test_pages_that_follow_are_learned_by_context():
    steps = ["start", "orders", "detail", "start", "reports"] * 80
    frame = pl.DataFrame({"page": steps[1:-1], "before": steps[:-2], "next": steps[2:]})
    told = spec(kind="next_item", target="next", features={"page": "category", "before": "category"})
    judged = fit_and_evaluate(told, frame)
    assert judged.metrics["hit@1"].value == 1.0, "after start comes orders or reports, as what was before start says"
    assert judged.beats_baseline(told)
    one_step = fit_and_evaluate(spec(kind="next_item", target="next", features={"page": "category"}), frame)
    assert one_step.metrics["hit@1"].value < 0.9
    unknown = predict(train(told, frame, seed=0), told, pl.DataFrame({"page": ["nowhere", None], "before": ["start", None]}))
    assert set(unknown) == {"start"}, "of a page that was never seen: the commonest"


def groups(rows: int = 240) -> pl.DataFrame:
    draw = np.random.default_rng(2)
    centres = np.array([[0, 0], [9, 0], [0, 9]])[np.arange(rows) % 3]
    points = centres + draw.normal(size=(rows, 2))
    return pl.DataFrame({"x": points[:, 0], "z": points[:, 1], "kind": ["abc"[i % 3] for i in range(rows)]})


@pytest.mark.parametrize("params", [None, {"method": "mixture"}, {"clusters": 3}])
def test_groups_are_found_and_hold(params):
    told = spec(kind="clustering", target=None, features={"x": "numeric", "z": "numeric"}, floor=0.7, params=params)
    judged = fit_and_evaluate(told, groups())
    assert judged.metrics["stability"].value > 0.9
    assert sorted(f.n for f in judged.slices["cluster_share"].values()) == [80, 80, 80]
    assert judged.beats_baseline(told)
    assert (judged.dummy, judged.gain_se, judged.calibration) == ({}, None, None)


def test_groups_of_noise_do_not_hold_and_nothing_is_grouped_of_nothing():
    told = spec(kind="clustering", target=None, features={"x": "numeric"}, params={"clusters": 6}, floor=0.9)
    noise = pl.DataFrame({"x": np.random.default_rng(1).normal(size=150)})
    assert not fit_and_evaluate(told, noise).meets_floor(told)
    with pytest.raises(PermanentError, match="Only 1 rows differ"):
        train(told, pl.DataFrame({"x": [1.0] * 30}), seed=0)
    with pytest.raises(ValueError, match=r"params\.method"):
        spec(kind="clustering", target=None, features={"x": "numeric"}, params={"method": "magic"})


def test_every_row_is_judged_once_in_folds():
    told = spec(split={"kind": "kfold", "folds": 4, "seed": 0}, metric="auc", slices=["kind"])
    judged = fit_and_evaluate(told, table(200))
    assert (judged.test_rows, judged.train_rows) == (200, 150)
    assert {f.n for f in judged.metrics.values()} == {200}
    assert sum(f.n for f in judged.slices["kind"].values()) == 200
    assert sum(b.n for b in judged.calibration.bins) == 200
    assert judged.calibration.of == "yes"
    same = fit_and_evaluate(spec(metric="auc", slices=["kind"]), table(200), split={"kind": "kfold", "folds": 4, "seed": 0})
    assert same.metrics == judged.metrics


def test_a_class_that_one_fold_does_not_know_counts_as_missed():
    frame = table(60).with_columns(y=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("maybe")).otherwise("y"))
    judged = fit_and_evaluate(spec(split={"kind": "kfold", "folds": 3}), frame)
    assert judged.metrics["accuracy"].n == 60
    assert judged.metrics["accuracy"].value <= 59 / 60


def test_made_up_rows_train_and_never_judge():
    told, frame = spec(), table(200).with_columns(synthetic=pl.int_range(pl.len()) % 4 == 0)
    before, held = split_rows(told, frame)
    model = train(told, before, seed=0)
    assert model.rows == before.height > 50
    assert before["synthetic"].any()
    both = pl.concat([held, before.filter("synthetic")])
    assert evaluate(model, told, both).metrics == evaluate(model, told, held).metrics
    assert row_scores(model, told, both).height == held.height
    with pytest.raises(PermanentError, match="made-up rows do not count"):
        evaluate(model, told, before.filter("synthetic"))


def test_noise_does_not_beat_the_dummy():
    told = spec(kind="regression", target="number")
    frame = table(300).with_columns(number=pl.Series(np.random.default_rng(0).normal(size=300)))
    judged = fit_and_evaluate(told, frame)
    assert not judged.beats_baseline(told), judged.says()
    assert judged.gain_se < 2


def test_the_dummy_knows_the_group_and_nothing_else():
    told = spec(kind="regression", target="number", baseline="kind", metric="mae")
    frame = pl.DataFrame({"x": range(8), "kind": [*"aaaabbbb"], "number": [1.0, 2, 3, 40, 10, 20, 30, 40]})
    model = train(told, frame, seed=0)
    assert model.dummy.scores(pl.DataFrame({"kind": ["a", "b", "c"]})).tolist() == [2.5, 25.0, 15.0]
    assert model.dummy.scores(pl.DataFrame({"other": [1]})).tolist() == [15.0]


def test_row_scores_are_what_gates_compare():
    frame = table(200)
    two = row_scores(train(spec(slices=["kind"], group="account"), frame, seed=0), spec(slices=["kind"], group="account"), frame)
    assert two.columns == ["truth", "prediction", "score", "kind", "account"]
    assert ((two["score"] > 0.5) == (two["prediction"] == "yes")).all()
    turned = spec(positive="no")
    assert row_scores(train(turned, frame, seed=0), turned, frame)["score"].to_list() == pytest.approx((1 - two["score"]).to_list())
    told = spec(target="several")
    assert row_scores(train(told, frame, seed=0), told, frame).columns == ["truth", "prediction", "p_high", "p_low", "p_mid"]
    told = spec(kind="regression", target="number")
    rows = row_scores(train(told, frame, seed=0), told, frame)
    assert rows.schema == {"truth": pl.Float64, "prediction": pl.Float64}
    with pytest.raises(ConfigError, match="the labels are no, yes"):
        row_scores(train(spec(positive="maybe"), frame, seed=0), spec(positive="maybe"), frame)


def test_figures_of_ones_own():
    told = spec(kind="regression", target="number", metrics={"worst": "max(abs(truth - prediction))"}, metric="worst", direction="down")
    judged = fit_and_evaluate(told, table(200))
    assert judged.metrics["worst"].value > judged.metrics["mae"].value
    assert judged.value == judged.metrics["worst"].value
    assert judged.dummy["worst"].value > judged.value
    assert judged.gain_se > 0
    wrong = spec(kind="regression", target="number", metrics={"worst": "truth - guess"}, metric="worst", direction="down")
    with pytest.raises(ConfigError, match=r"metrics\.worst gives no single number"):
        fit_and_evaluate(wrong, table(50))
    with pytest.raises(ConfigError, match="no entry point"):
        fit_and_evaluate(spec(metric="entry:Profit", direction="up"), table(50))


class Flat:
    """An own trainer's model: every label alike, or one number."""

    def __init__(self, labels: int) -> None:
        self.labels = labels

    def predict(self, frame):
        assert frame.schema == {"x": pl.Float64, "kind": pl.String}
        return [5.0] * frame.height

    def predict_proba(self, frame):
        return np.full((frame.height, self.labels), 1 / self.labels)


def own_trainer(told, frame, *, seed):
    assert told.target in frame.columns
    return Flat(2)


def wrong_trainer(told, frame, *, seed):
    return Flat(3)


def test_an_own_trainer_is_judged_like_ours():
    here = f"{__name__}:own_trainer"
    judged = fit_and_evaluate(spec(trainer=here), table(100))
    assert judged.metrics["log_loss"].value == pytest.approx(math.log(2))
    assert judged.size_bytes is None, "its class is not trusted, it could not be kept"
    assert fit_and_evaluate(spec(trainer=here, kind="regression", target="number"), table(100)).metrics["mae"].value > 0
    told = spec(trainer=f"{__name__}:wrong_trainer")
    model = train(told, table(100), seed=0)
    with pytest.raises(PermanentError, match=r"gave \(100, 3\) where \(100, 2\)"):
        row_scores(model, told, table(100))


def test_probabilities_of_texts_are_calibrated():
    draw = np.random.default_rng(0)
    sure = draw.random(1500)
    words = [f"{'good' if s > 0.5 else 'bad'} {'very' if abs(s - 0.5) > 0.25 else 'so'} w{draw.integers(400)}" for s in sure]
    chance = np.where(sure > 0.5, np.where(sure > 0.75, 0.95, 0.7), np.where(sure < 0.25, 0.05, 0.3))
    frame = pl.DataFrame({"text": words, "y": np.where(draw.random(1500) < chance, "yes", "no")})
    judged = fit_and_evaluate(spec(features={"text": "text"}, metric="log_loss"), frame)
    assert judged.calibration.ece < 0.1
    assert judged.beats_baseline(spec(features={"text": "text"}, metric="log_loss"))


def test_trees_say_what_scikit_learn_says_of_the_same_codes():
    frame = table(300).with_columns(kind=pl.when(pl.int_range(pl.len()) % 11 == 0).then(None).otherwise("kind"))
    told = spec(features={"x": "numeric", "kind": "category", "day": "date", "account": "category"})
    model = train(told, frame, seed=0)
    asked = pl.concat([frame, frame.with_columns(kind=pl.lit("unheard of"), x=pl.lit(None, dtype=pl.Float64))])
    values = feature_values(told, asked)
    x, y = model.layout.matrix(feature_values(told, frame)), frame["y"].to_numpy()
    theirs = HistGradientBoostingClassifier(**model.estimator.estimator.get_params()).fit(x, y)
    assert (model.scores(told, asked) == theirs.predict_proba(model.layout.matrix(values))).all()


def test_a_label_alone_is_read_as_among_others():
    frame = table().with_columns(kind=pl.int_range(pl.len()) % 4 / 2)
    told = spec()
    model = train(told, frame, seed=0)
    together = model.scores(told, frame.head(8))
    assert [model.scores(told, frame.slice(n, 1)).tolist()[0] for n in range(8)] == together.tolist()
