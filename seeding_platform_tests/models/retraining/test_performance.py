"""The performance trigger: exact where rows are right or wrong, honest over weeks of checks, and found where a drop is real."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy.stats import fisher_exact, hypergeom, norm

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion import metric
from seeding_platform.models.retraining import RetrainingThresholds, check, compare
from seeding_platform.models.retraining.performance import WINDOWS, alpha, fewer_right
from seeding_platform_tests.models.retraining.simulated import A_DAY, BARS, SPELL, false_spells, found, labels, naive, ours, rolled_back
from seeding_platform_tests.real import real_data

BEGIN = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def history(right: list[int], *, n: int = 100) -> pl.DataFrame:
    """Score frame of `n` labels just before each four-hourly check since the deployment, so many of them right."""
    at = [BEGIN + dt.timedelta(hours=4 * (i + 1), minutes=-1) for i in range(len(right)) for _ in range(n)]
    return pl.DataFrame({"truth": 1, "prediction": [int(j < r) for r in right for j in range(n)], "at": at})


def checked(rows: pl.DataFrame, checks: int, **more):
    return check(
        rows, metric("accuracy"), deployed_at=BEGIN, now=BEGIN + dt.timedelta(hours=4 * checks), thresholds=more.pop("thresholds", BARS), **more
    )


def test_the_test_of_counts_is_fishers_less_half_of_what_was_seen():
    for before, now in ((90, 75), (99, 90), (50, 60), (100, 100)):
        full = fisher_exact([[before, 100 - before], [now, 100 - now]], alternative="greater").pvalue
        seen = hypergeom.pmf(100 - now, 200, 200 - before - now, 100)
        assert fewer_right(before, 100, now, 100) == pytest.approx(full - seen / 2)


@pytest.mark.parametrize(("w", "z"), [(6, 3.3), (12, 3.2)])
def test_the_bar_raises_as_many_false_alarms_as_its_formula_says(w, z):
    rng = np.random.default_rng(0)
    summed = np.cumsum(np.pad(rng.normal(size=(6000, SPELL + w)), ((0, 0), (1, 0))), axis=1)
    moving = (summed[:, w:] - summed[:, :-w]) / np.sqrt(w)
    alarms = float((moving > z).any(axis=1).mean())
    assert alpha(w, SPELL, alarms) == pytest.approx(norm.sf(z), rel=0.25)


def test_rarer_false_alarms_and_more_looks_ask_for_a_smaller_p():
    assert alpha(6, 168, 0.01) < alpha(6, 168, 0.05) < 0.001
    assert alpha(6, 1680, 0.05) < alpha(6, 168, 0.05) < alpha(42, 168, 0.05)


def test_a_drop_fires_with_its_evidence_and_a_healthy_model_does_not():
    right = [85] * 90 + [78] * 12
    rows = history(right)
    healthy, dropped = checked(rows, 90), checked(rows, 102)
    assert not healthy.dropped
    assert [days for days, _ in healthy.windows] == [1, 2]
    assert dropped.dropped
    two = dict(dropped.windows)[2]
    assert (two.n_baseline, two.n_current, two.baseline, two.current) == (8400, 1200, 0.85, 0.78)
    assert two.drop == pytest.approx(0.07)
    assert two.p == pytest.approx(fewer_right(7140, 8400, 936, 1200))
    assert "dropped: 0.7800 on" in dropped.says


def test_a_significant_drop_below_the_threshold_does_not_fire():
    rows = history([285] * 84 + [279] * 84, n=300)
    found_ = checked(rows, 168, time_window=14)
    assert not found_.dropped
    assert found_.windows[0][1].p < 1e-6
    assert checked(rows, 168, time_window=14, threshold=0.015).dropped


@pytest.mark.parametrize("before", range(60, 100))
def test_three_points_are_three_points(before):
    """Differences of floats fall short of the number that they stand for as often as not."""
    frames = [pl.DataFrame({"truth": 1, "prediction": [1] * right + [0] * (10_000 - right)}) for right in (100 * before, 100 * before - 300)]
    assert compare(*frames, metric("accuracy"), threshold=0.03, alpha=0.001).dropped


def test_simulated_counts_are_judged_as_checks_are():
    rng = np.random.default_rng(11)
    right = np.concatenate([labels(2, 40, 0.85, rng), labels(2, 12, 0.72, rng)], axis=1)
    fired = ours(right)
    assert fired.any()
    for i in range(2):
        rows = history(right[i].tolist())
        assert [checked(rows, k + 1).dropped for k in range(36, 52)] == fired[i, 36:52].tolist()


def test_too_few_labels_judge_nothing():
    assert checked(history([85] * 6), 6).windows == ()
    assert "too few labels" in checked(history([3] * 60, n=4), 60).says


@pytest.mark.parametrize(("more", "says"), [({"time_window": 0}, "1 to 90 days"), ({"time_window": 91}, "1 to 90"), ({"threshold": 0.0}, "above 0")])
def test_what_is_out_of_range_is_refused(more, says):
    with pytest.raises(ConfigError, match=says):
        checked(history([85] * 20), 20, **more)
    with pytest.raises(ConfigError, match="no column at"):
        checked(history([85] * 20).drop("at"), 20)


def test_errors_drop_by_their_share():
    rng = np.random.default_rng(2)
    before, same, worse = (pl.DataFrame({"truth": rng.normal(0, s, 2000), "prediction": 0.0}) for s in (1.0, 1.0, 1.15))
    for name in ("rmse", "mae"):
        assert not compare(before, same, metric(name), threshold=0.03, alpha=0.001).dropped
        got = compare(before, worse, metric(name), threshold=0.03, alpha=0.001)
        assert got.dropped
        assert got.drop == pytest.approx(0.15, abs=0.06)


def test_p_of_other_metrics_is_even_where_nothing_changed():
    rng = np.random.default_rng(3)
    small = 0
    for seed in range(80):
        score = rng.random((2, 300))
        frames = [pl.DataFrame({"truth": (rng.random(300) < s).astype(int), "prediction": (s > 0.5).astype(int), "score": s}) for s in score]
        small += compare(*frames, metric("auc"), threshold=0.03, alpha=0.5, seed=seed).p < 0.1
    assert 0.01 <= small / 80 <= 0.22


def test_bars_share_the_false_alarms_and_never_exceed_the_p_asked_for():
    assert sum(part for _, part in WINDOWS) == pytest.approx(1)
    levels = [c.alpha for _, c in checked(history([85] * 90), 90).windows]
    assert levels == [pytest.approx(min(0.001, alpha(d * A_DAY, SPELL, part * 0.05))) for d, part in WINDOWS]
    strict = RetrainingThresholds(performance_p=1e-6)
    assert [c.alpha for _, c in checked(history([85] * 90), 90, thresholds=strict).windows] == [1e-6, 1e-6]


@pytest.mark.long
def test_false_retrains_are_rare_and_drops_are_found():
    """Fewer seeds than the benchmark, with bars that four standard errors keep away from its figures."""
    rng = np.random.default_rng(4)
    first, later, _ = false_spells(ours, 300, 0.85, rng)
    assert max(first, later) <= 0.09
    assert false_spells(naive, 50, 0.85, rng)[2] > 1, "the rule of thumb retrains more than once a day"
    five, _ = found(ours, 300, 0.85, 0.05, 14, rng)
    assert five >= 0.80
    assert found(ours, 100, 0.85, 0.10, 14, rng)[0] == 1
    assert rolled_back(1000, 0.85, 0.0, rng) <= 0.06
    assert rolled_back(500, 0.85, 0.10, rng) >= 0.93


@pytest.mark.long
@pytest.mark.real
def test_a_real_dip_fires_in_its_three_chunks_and_nowhere_else():
    names = {"employed": "truth", "predicted_probability": "score"}
    kept = ["truth", "prediction", "score"]
    reference = pl.read_parquet(real_data("employment_MA_reference.pq")).rename(names).select(kept)
    target = pl.read_parquet(real_data("employment_MA_analysis_target.pq"))
    analysis = (
        pl.read_parquet(real_data("employment_MA_analysis.pq")).join(target, on="id", how="left", maintain_order="left").rename(names).select(kept)
    )
    fired = {
        name: [i for i in range(42) if compare(reference, analysis.slice(5000 * i, 5000), metric(name), threshold=0.03, alpha=0.001).dropped]
        for name in ("accuracy", "brier")
    }
    assert fired == {"accuracy": [27, 28], "brier": [27, 28]}, "counted from 0; chunk 26 lost 1.8 points of accuracy"
    small = reference.gather_every(8)
    f1 = [i for i in range(42) if compare(small, analysis.slice(5000 * i, 5000), metric("f1"), threshold=0.03, alpha=0.001).dropped]
    assert f1 == [26, 27, 28], "by F1 of those employed"
