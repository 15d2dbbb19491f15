"""The gate: every rule keeps a challenger out by itself, and what it counts is what an exact test counts."""

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from scipy.stats import binomtest

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion import Footprint, PromotionThresholds, Verdict, decide, metric, needed_rows
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.promotion.pairs import difference, mcnemar
from seeding_platform.models.promotion.resampling import paired_gain, standard_error, weight_blocks
from seeding_platform_tests.models.retraining.simulated import deployed, pair

BARS = PromotionThresholds(floor=0.5)


def counted(won: int, lost: int, both: int, none: int, **columns: list) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Frames of two models on rows that only the challenger, only the champion, both, or none has right."""
    right = [(0, 1)] * won + [(1, 0)] * lost + [(1, 1)] * both + [(0, 0)] * none
    return tuple(pl.DataFrame({"truth": [1] * len(right), "prediction": [r[i] for r in right], **columns}) for i in (0, 1))


def rule(decision, name: str):
    return next(r for r in decision.reasons if r.rule == name)


def judged(frames, **more):
    return decide(*frames, metric=metric("accuracy"), thresholds=more.pop("thresholds", BARS), **more)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (6, 0), (5, 1), (8, 1), (30, 12), (12, 30)])
def test_mcnemar_is_the_binomial_test(won, lost):
    expected = binomtest(won, won + lost, 0.5, alternative="greater").pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(expected)


def test_limits_of_a_difference_hold_it_about_as_often_as_they_say():
    rng, n = np.random.default_rng(3), 200
    cells = rng.multinomial(n, [0.08, 0.03, 0.89], size=2000)
    held = np.mean([low <= 0.05 <= high for low, high in (difference(int(w), int(b), n, confidence=0.95) for w, b, _ in cells)])
    assert 0.93 <= held <= 0.975


def test_a_better_challenger_is_deployed_with_every_figure():
    decision = judged(counted(70, 20, 800, 110))
    assert decision.verdict is Verdict.DEPLOY
    assert (decision.gain, decision.n) == (0.05, 1000)
    assert 0 < decision.ci_low < 0.05 < decision.ci_high
    assert rule(decision, "better").value == pytest.approx(binomtest(70, 90, alternative="greater").pvalue)
    assert all(r.passed and r.says for r in decision.reasons)


def test_without_a_floor_everything_is_refused():
    decision = judged(counted(70, 20, 800, 110), thresholds=PromotionThresholds())
    assert (decision.verdict, decision.reasons[0].rule, decision.gain) == (Verdict.REFUSE, "configured", None)
    assert "no threshold configured" in decision.reasons[0].says


def test_few_rows_are_held_and_told_how_many_are_missing():
    decision = judged(counted(40, 0, 20, 0))
    assert (decision.verdict, decision.more_rows) == (Verdict.HOLD, 40)


def test_a_gain_that_may_be_chance_is_held_until_more_rows():
    decision = judged(counted(6, 2, 172, 20))
    assert (decision.verdict, rule(decision, "better").passed, rule(decision, "gain").passed) == (Verdict.HOLD, False, True)
    assert decision.more_rows == needed_rows(0.02, np.sqrt(0.04 - 0.02**2)) - 200 > 0


def test_what_is_certainly_worse_or_below_the_floor_is_refused():
    assert judged(counted(10, 60, 850, 80)).verdict is Verdict.REFUSE
    low = judged(counted(70, 20, 800, 110), thresholds=PromotionThresholds(floor=0.9))
    assert (low.verdict, rule(low, "floor").passed) == (Verdict.REFUSE, False)


def test_a_slice_of_thirty_rows_keeps_a_challenger_out_and_one_of_29_does_not():
    for size, verdict in ((30, Verdict.HOLD), (29, Verdict.DEPLOY)):
        decision = judged(counted(80, 3, 900, 17, kind=["a"] * 80 + ["b"] * 3 + ["b"] * (size - 3) + ["a"] * (1000 - 80 - size)), slices=["kind"])
        assert decision.verdict is verdict
        assert any(r.rule == "slice" and not r.passed and "'b'" in r.says for r in decision.reasons) == (size == 30)


def test_a_slice_that_is_surely_worse_refuses_also_without_a_value():
    decision = judged(counted(80, 20, 890, 10, kind=["a"] * 80 + [None] * 100 + ["a"] * 820), slices=["kind"])
    assert decision.verdict is Verdict.REFUSE
    assert next(r for r in decision.reasons if not r.passed).value == pytest.approx(0.2)


def test_calibration_latency_and_size_keep_a_challenger_out():
    frames = counted(70, 20, 800, 110)
    rng = np.random.default_rng(0)
    truth = (rng.random(1000) < 0.9).astype(int)
    old = frames[0].with_columns(truth=pl.Series(truth), score=pl.lit(0.9), prediction=pl.Series(np.where(np.arange(1000) < 80, 1 - truth, truth)))
    for said, verdict in ((0.9, Verdict.DEPLOY), (0.8, Verdict.REFUSE)):
        new = old.with_columns(prediction=pl.col("truth"), score=pl.lit(said))
        found = judged((old, new))
        assert (found.verdict, rule(found, "calibration").passed) == (verdict, said == 0.9)
    bars = PromotionThresholds(floor=0.5, latency_ms=20, size_mb=5)
    for footprint, failed in (
        (Footprint(10, 4), set()),
        (Footprint(30, 4), {"latency"}),
        (Footprint(10), {"size"}),
        (Footprint(), {"latency", "size"}),
    ):
        decision = judged(frames, thresholds=bars, footprint=footprint)
        assert {r.rule for r in decision.reasons if not r.passed} == failed
        assert decision.verdict is (Verdict.REFUSE if failed else Verdict.DEPLOY)


def test_a_first_model_must_beat_its_dummy_by_two_standard_errors():
    assert judged(counted(60, 40, 60, 40), first=True).verdict is Verdict.DEPLOY, "20 / sqrt(100 - 2) = 2.02"
    held = judged(counted(58, 42, 60, 40), first=True)
    assert (held.verdict, rule(held, "dummy").passed) == (Verdict.HOLD, False)
    assert judged(counted(40, 60, 60, 40), first=True).verdict is Verdict.HOLD


def test_errors_are_judged_by_paired_bootstrap():
    rng = np.random.default_rng(4)
    truth = rng.normal(size=400)
    shared = rng.normal(size=400)
    old, better, same = (pl.DataFrame({"truth": truth, "prediction": truth + c * shared + 0.1 * rng.normal(size=400)}) for c in (1.0, 0.9, 1.0))
    bars = PromotionThresholds(floor=2.0)
    assert decide(old, better, metric=metric("rmse"), thresholds=bars).verdict is Verdict.DEPLOY
    assert decide(old, same, metric=metric("rmse"), thresholds=bars).verdict is not Verdict.DEPLOY
    assert decide(old, better, metric=metric("rmse"), thresholds=PromotionThresholds(floor=0.5)).verdict is Verdict.REFUSE
    found = paired_gain(metric("rmse"), *(scored(f, metric("rmse")) for f in (old, better)), confidence=0.95, seed=0)
    assert found.low < found.value < found.high
    assert found == paired_gain(metric("rmse"), *(scored(f, metric("rmse")) for f in (old, better)), confidence=0.95, seed=0)


def test_the_standard_error_of_a_mean_is_that_of_its_bootstrap():
    rng = np.random.default_rng(5)
    frame = pl.DataFrame({"truth": rng.normal(size=500), "prediction": np.zeros(500)})
    rows = scored(frame, metric("rmse"))
    drawn = np.concatenate([metric("rmse").values(rows)(w) for w in weight_blocks(500, 2000, rng)])
    assert standard_error(metric("rmse"), rows, seed=0) == pytest.approx(drawn.std(), rel=0.1)


def test_frames_of_other_rows_are_refused():
    old, new = counted(5, 5, 100, 0)
    for frames, says in (
        ((old, new.head(50)), "110 rows"),
        ((old.with_columns(truth=pl.lit(0)), new), "differ in column truth"),
        ((old.drop("truth"), new), "no column truth"),
    ):
        with pytest.raises(ConfigError, match=says):
            judged(frames)
    with pytest.raises(ValidationError):
        PromotionThresholds(floor=0.5, gain=0.1)


def test_needed_rows_find_the_gain_as_often_as_asked():
    n = needed_rows(0.04, np.sqrt(0.1 - 0.04**2))
    rng = np.random.default_rng(6)
    cells = rng.multinomial(n, [0.07, 0.03, 0.9], size=4000)
    assert 0.74 <= (mcnemar(cells[:, 0], cells[:, 1]) <= 0.025).mean() <= 0.84
    with pytest.raises(ConfigError, match="above 0"):
        needed_rows(0.0, 0.3)


def test_a_worse_model_is_hardly_ever_deployed_where_the_rule_of_thumb_often_does():
    gate, thumb = deployed(300, 100, -0.01, 0.08, np.random.default_rng(7))
    assert gate <= 0.02 < 0.08 < thumb
    assert deployed(150, 1000, 0.04, 0.08, np.random.default_rng(8))[0] >= 0.95


def test_made_pairs_are_what_they_say():
    old, new = pair(100_000, 0.04, 0.1, np.random.default_rng(9))
    right = [f["prediction"] == f["truth"] for f in (old, new)]
    assert right[0].mean() == pytest.approx(0.85, abs=0.005)
    assert right[1].mean() - right[0].mean() == pytest.approx(0.04, abs=0.005)
    assert (right[0] != right[1]).mean() == pytest.approx(0.1, abs=0.005)
