"""What each figure is, to the letter."""

import pytest
from scipy.stats import binomtest

from seeding_platform.enrichment.measures import Metric, bounds, calibration_of, counted_failures, measured_now, quality_of, rate, wilson
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.measured import Answered, Judged, Measured, Tried
from seeding_platform.storage.enrichment.measurements import Measurement
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.rows import NOW, attempt, fill, label, put


@pytest.fixture
def state(tmp_path):
    with State.open(f"sqlite:///{tmp_path / 'state.db'}") as state:
        yield state


def test_every_figure_of_a_tenant(state):
    fill(state)
    found = {m.metric: m for m in measured_now(Measured(state), "t", now=NOW)}
    assert set(found) == {str(m) for m in Metric}
    values = {m: found[m].value for m in Metric}
    assert values[Metric.COMPLETENESS] == 94
    assert found[Metric.COMPLETENESS].n == 100  # the twenty new ones are too young to count
    assert found[Metric.COMPLETENESS].detail["low"] < 94 < found[Metric.COMPLETENESS].detail["high"]
    assert (values[Metric.BACKLOG], found[Metric.BACKLOG].detail["due"]) == (23, 22)
    assert values[Metric.OLDEST_DUE] == 2 * 3600
    assert values[Metric.FAILURE] == 6  # 6 time-outs of 100; twenty were not asked
    assert found[Metric.FAILURE].detail["deferred"] == 20
    assert values[Metric.DEFERRED] == pytest.approx(100 * 20 / 120)
    assert values[Metric.THROUGHPUT] == 30
    assert values[Metric.SUCCESS] == pytest.approx(100 * 94 / 97)
    assert values[Metric.HIGH_CONFIDENCE] == pytest.approx(100 * 90 / 94)
    assert values[Metric.AVERAGE_TIME] == pytest.approx(120 * 0.2 / 94)
    assert values[Metric.DURATION] == 30
    assert values[Metric.CONFIDENCE] == pytest.approx((90 * 0.95 + 4 * 0.55) / 94)
    assert values[Metric.QUALITY] == pytest.approx(100 * values[Metric.CONFIDENCE])  # nothing invalid, nobody said otherwise


def test_nothing_is_no_figure(state):
    found = {m.metric: m for m in measured_now(Measured(state), "t", now=NOW)}
    none = {Metric.BACKLOG: 0, Metric.OLDEST_DUE: 0, Metric.THROUGHPUT: 0}
    assert {m: found[m].value for m in Metric} == {m: none.get(m) for m in Metric}


def test_what_people_say_pulls_quality(state):
    fill(state)
    put(state, schema.labels, [label(f"r{i:03}", "late" if i < 20 else "lost", confidence=0.95) for i in range(60)])
    put(state, schema.attempts, [attempt(f"r{i:03}", "failed", fence=7, error="invalid_output") for i in range(6)])
    found = {m.metric: m for m in measured_now(Measured(state), "t", now=NOW)}
    pull = 90 * (20 / 60 - 0.95) * 60 / 80
    assert found[Metric.QUALITY].value == pytest.approx(100 * 94 / 100 * (90 * 0.95 + 4 * 0.55 + pull) / 94)
    calibration = found[Metric.CONFIDENCE].detail
    assert calibration["ece"] == pytest.approx(0.95 - 20 / 60)
    assert (calibration["labelled"], calibration["covered"]) == (60, pytest.approx(90 / 94))


def test_wilson_limits():
    assert wilson(0, 50)[0] == 0
    assert wilson(1, 50)[1] == 1
    for hits, n in ((10, 50), (3, 999), (49, 50)):
        theirs = binomtest(hits, n).proportion_ci(0.99, method="wilson")
        assert wilson(hits / n, n, level=0.99) == pytest.approx((theirs.low, theirs.high))


def test_bounds_of_rates_means_and_counts():
    assert bounds(rate(Metric.FAILURE, "t", NOW, 10, 50), level=0.99) == pytest.approx((9.38, 37.65), abs=0.01)
    mean = Measurement(tenant="t", metric=Metric.QUALITY, at=NOW, value=80.0, n=100, detail={"sd": 10.0})
    assert bounds(mean, level=0.95) == pytest.approx((78.04, 81.96), abs=0.01)
    count = Measurement(tenant="t", metric=Metric.BACKLOG, at=NOW, value=80.0, n=80)
    assert bounds(count, level=0.99) == (80, 80)
    with pytest.raises(ValueError, match="no value"):
        bounds(rate(Metric.FAILURE, "t", NOW, 0, 0), level=0.99)


def test_quality_without_any_answer():
    nothing = Answered((0,) * 10, 0.0, 0.0, 0, ())
    assert quality_of(nothing, 0, []) == (None, 0, 0.0)
    assert quality_of(nothing, 7, []) == (0.0, 7, 0.0)


def test_failures_that_count():
    tried = [
        Tried("s", "completed", "", 80), Tried("s", "skipped", "", 10), Tried("s", "failed", "transient", 4), Tried("s", "failed", "rate_limited", 9),
        Tried("s", "failed", "budget_exhausted", 1), Tried("s", "lost", "", 2), Tried("s", "outdated", "", 50), Tried("s", "reset", "", 50),
    ]  # fmt: skip
    assert counted_failures(tried) == (6, 96, 10, {"transient": 4, "rate_limited": 9, "budget_exhausted": 1, "worker_lost": 2})


def test_calibration_weighs_bins_as_answers_have_them():
    judged = [Judged(0.55, False, "low_confidence")] * 90 + [Judged(0.95, True, "sample")] * 10
    told = calibration_of(judged, (0, 0, 0, 0, 0, 5, 0, 0, 0, 95))
    assert told["ece"] == pytest.approx(0.05 * 0.55 + 0.95 * 0.05)
    assert calibration_of(judged, (0,) * 10)["ece"] == pytest.approx(0.9 * 0.55 + 0.1 * 0.05)
    assert calibration_of([], (1,) * 10) == {"ece": None, "labelled": 0, "covered": 0.0, "bins": []}
    assert calibration_of([Judged(0.3, True, "x")], (0,) * 10)["bins"][0][0] == 0.3
