"""The monitor: rare false alarms, what is wrong found, alerts that end by themselves, and what they set going."""

import datetime as dt

import pytest
from pydantic import ValidationError

from seeding_platform.enrichment.measures import Metric, rate
from seeding_platform.enrichment.monitor import (
    ANOMALY,
    OF_RULE,
    RULES,
    EnrichmentMonitor,
    Limits,
    judged,
    next_check_at,
    raised_limits,
    verdicts,
)
from seeding_platform.enrichment.thresholds import MONITOR, MonitorThresholds, graded
from seeding_platform.monitoring.rules import RULES as KNOWN
from seeding_platform.settings import Settings
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.enrichment.measurements import Measurement
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.rows import NOW, fill

BARS = MonitorThresholds()
STEP = dt.timedelta(minutes=5)


def failing(share, n=1000, at=NOW, metric=Metric.FAILURE):
    return rate(metric, "t", at, round(share * n), n)


def looks(*shares, n=1000):
    """One every five minutes, the last one now; None = too few to say."""
    times = [NOW - STEP * i for i in range(len(shares) - 1, -1, -1)]
    return [failing(s or 0, n if s is not None else 3, at) for s, at in zip(shares, times, strict=True)]


def said(*shares, bars=BARS, **more):
    made = looks(*shares, **more)
    verdict = judged(made[:-1], made[-1], bars, now=NOW)
    return verdict.severity or ("over" if verdict.over else "as it is")


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((0.3,), "as it is"),  # one look is none
        ((0.3, 0.3), "critical"),
        ((0.3, 0.04, 0.3), "critical"),
        ((0.3, 0.04, 0.04, 0.3), "as it is"),
        ((0.1, 0.1), "warning"),
        ((0.1, 0.3), "warning"),
        ((0.1, 0.3, 0.3), "critical"),
        ((0.3, 0.3, 0.04), "critical"),  # not over yet
        ((0.3, 0.3, 0.04, 0.04), "critical"),
        ((0.3, 0.3, 0.04, 0.04, 0.04), "over"),
        ((0.3, 0.3, None, None, None, None), "as it is"),  # nothing says that it is well
        ((0.3, 0.3, *[None] * 12), "over"),  # nothing fails any more
        ((0.3, 0.3, None, 0.3), "critical"),
        ((0.04,) * 8, "over"),
    ],
)
def test_two_of_three_raise_and_a_quarter_of_an_hour_ends(shares, verdict):
    assert said(*shares) == verdict


def test_little_says_nothing_and_limits_must_lie_beyond():
    assert graded(failing(1.0, 49), BARS) is None
    assert graded(failing(1.0, 50), BARS) == "critical"
    assert graded(failing(0.22, 100), BARS) == "warning"  # 22 % of 100 may well be 15 %
    assert graded(failing(0.08, 100), BARS) is None
    assert graded(failing(0.08, 10_000), BARS) == "warning"
    assert graded(failing(0.0, 0), BARS) is None


def score(value, n=500, metric=Metric.QUALITY, sd=10.0):
    return Measurement(tenant="t", metric=metric, at=NOW, value=value, n=n, detail={"sd": sd})


def test_the_bars_of_the_requirement():
    def of(metric, value, n=100_000):
        return graded(score(value, n, metric, 0.0), BARS)

    assert [of(Metric.COMPLETENESS, v) for v in (69, 71, 84, 86)] == ["critical", "warning", "warning", None]
    assert [of(Metric.QUALITY, v) for v in (59.9, 60.1, 79.9, 80.1)] == ["critical", "warning", "warning", None]
    assert [of(Metric.BACKLOG, v, n=1) for v in (1001, 1000)] == ["critical", None]
    assert [of(Metric.FAILURE, v) for v in (21, 19, 6, 4)] == ["critical", "warning", "warning", None]
    assert [of(Metric.HIGH_CONFIDENCE, v) for v in (79, 81)] == ["info", None]
    assert [of(Metric.SUCCESS, v) for v in (97, 98.5)] == ["warning", None]
    assert [of(Metric.DEFERRED, v) for v in (60, 40)] == ["warning", None]
    assert [of(Metric.OLDEST_DUE, v, n=1) for v in (3601, 3599)] == ["warning", None]
    with pytest.raises(ValidationError, match="completeness_critical"):
        MonitorThresholds(completeness_critical=90)


def test_failures_of_little_traffic_are_looked_for_in_a_longer_window():
    def told(hour, day):
        metrics = {Metric.FAILURE: hour, Metric.FAILURE_SIX: (0.0, 5), Metric.FAILURE_DAY: day}
        history = {m: [failing(share, n, NOW - STEP, m)] for m, (share, n) in metrics.items()}
        now = {m: failing(share, n, NOW, m) for m, (share, n) in metrics.items()}
        return verdicts(history, now, BARS, now=NOW)["enrichment.failure_rate"].severity

    assert told((0.5, 10), (0.5, 200)) == "critical"
    assert told((0.0, 100), (0.5, 200)) is None  # the last hour is well
    assert told((0.5, 10), (0.5, 20)) is None
    assert told((0.5, 10), (0.5, 99)) is None  # of a window that stands for a day twice as much is asked


def test_an_hour_that_falls_silent_is_not_over():
    def told(step, hour):
        now = {m: failing(*(hour if m == Metric.FAILURE else (0.02, 900)), NOW + step * STEP, m) for m in OF_RULE["enrichment.failure_rate"]}
        found = verdicts(history, now, BARS, now=NOW + step * STEP)["enrichment.failure_rate"]
        for m, one in now.items():
            history.setdefault(m, []).append(one)
        return found.severity or ("over" if found.over else "as it is")

    history = {}
    assert [told(i, (0.5, 60)) for i in range(2)] == ["as it is", "critical"]
    assert [told(i, (0.5, 40)) for i in range(2, 13)] == ["critical"] * 2 + ["as it is"] * 9
    assert told(13, (0.5, 40)) == "over"


def test_the_next_look_comes_sooner_while_something_is_wrong():
    assert next_check_at([], BARS, now=NOW) == NOW + STEP
    assert next_check_at(["info"], BARS, now=NOW) == NOW + STEP
    assert next_check_at(["info", "warning"], BARS, now=NOW) == NOW + STEP / 2
    assert next_check_at(["critical"], BARS, now=NOW) == NOW + STEP / 2


def test_limits_are_raised_while_a_backlog_is_critical():
    base = Limits(50, 4)
    assert raised_limits([], base, BARS) == base
    assert raised_limits([("enrichment.backlog", "critical")], base, BARS) == Limits(100, 8)
    assert raised_limits([("enrichment.completeness", "warning")], base, BARS) == base
    assert raised_limits([("enrichment.backlog", "critical")], Limits(50, 12), BARS) == Limits(100, 16)
    assert raised_limits([("enrichment.backlog", "critical")], Limits(50, 40), BARS) == Limits(100, 40)
    for other in ("enrichment.failure_rate", "enrichment.stalled"):  # more calls would not mend it
        assert raised_limits([("enrichment.backlog", "critical"), (other, "critical")], base, BARS) == base


def test_every_rule_is_known():
    assert set(RULES) == {name for name in KNOWN if name.startswith("enrichment.")} & set(RULES)
    assert {m for metrics in OF_RULE.values() for m in metrics} <= set(Metric)


@pytest.fixture
def monitor(database_url, tmp_path):
    with State.open(database_url) as state:
        yield EnrichmentMonitor(state, Settings(_env_file=None, state=tmp_path))


def test_one_alert_a_rule_from_the_first_bad_look_to_its_end(monitor):
    def look(minute, waiting):
        at = NOW + dt.timedelta(minutes=minute)
        backlog = Measurement(tenant="t", metric=Metric.BACKLOG, at=at, value=waiting, n=waiting)
        return monitor.took("t", [backlog], now=at)

    assert look(0, 1500).raised == ()
    first = look(5, 1500)
    assert first.raised == (("enrichment.backlog", "critical"),)
    assert first.next_at == NOW + dt.timedelta(minutes=7.5)
    assert monitor.limits("t", Limits(10, 2)) == Limits(20, 4)
    look(10, 1400)
    (alert,) = monitor.desk.alerts.standing()
    assert (alert.rule, alert.tenant, alert.count, alert.evidence["value"]) == ("enrichment.backlog", "t", 2, 1400)
    ended = [look(m, 10).ended for m in (15, 20, 25, 30)]
    assert ended == [(), (), ("enrichment.backlog",), ()]
    assert monitor.limits("t", Limits(10, 2)) == Limits(10, 2)
    assert look(35, 10).next_at == NOW + dt.timedelta(minutes=40)


def test_a_look_measures_and_keeps(monitor):
    state = monitor.desk.state
    fill(state)
    fill(state, tenant="u")
    assert [c.tenant for c in monitor.check_all(now=NOW)] == ["t", "u"]
    assert monitor.check_all(now=NOW + dt.timedelta(minutes=4)) == []
    assert len(monitor.check_all(now=NOW + STEP)) == 2
    assert set(monitor.kept.newest("t")["t"]) == {str(m) for m in Metric}
    standing = monitor.standing("t")
    assert standing == [("enrichment.stalled", "warning")]  # a record was due for two hours
    assert monitor.check("t", now=NOW + 2 * STEP).next_at == NOW + 2.5 * STEP


def test_people_set_the_bars(monitor):
    Adjusted(monitor.desk.state).change(MONITOR, {"oldest_due_minutes": 300}, actor="k", reason="a test", now=NOW)
    fill(monitor.desk.state)
    monitor.check("t", now=NOW)
    assert monitor.check("t", now=NOW + STEP).raised == ()


def test_anomalies_are_looked_for_once_an_hour(monitor):
    def look(at, value):
        quality = Measurement(tenant="t", metric=Metric.QUALITY, at=at, value=value, n=900, detail={"sd": 12.0})
        return monitor.took("t", [quality], now=at)

    for day in range(20, 0, -1):
        assert look(NOW - dt.timedelta(days=day), 90 + day % 3).raised == ()
    assert look(NOW, 82).raised == ((ANOMALY, "warning"),)  # no bar is broken
    assert look(NOW + STEP, 91).ended == ()
    assert look(NOW + 12 * STEP, 91).ended == (ANOMALY,)
