"""A gate that closes and figures that are unlike before raise alerts; what is usual again ends them."""

import datetime as dt

import polars as pl

from seeding_platform.quality.alarms import gate_alarm, monitor_alarms
from seeding_platform.quality.gate import Gate
from seeding_platform.quality.monitors import MONITORS
from seeding_platform_tests.monitoring.conftest import desk, empty, outside, settings, state

__all__ = ["desk", "empty", "outside", "settings", "state"]
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(hours=1)


def figures(at, *rows):
    """Rows of a run: (tenant, column, metric, verdict, alerted)."""
    made = [
        {"at": at, "version": 7, "tenant": t, "table": "orders", "column": c, "metric": m, "value": 9.0, "n": 10, "shape": None, "middle": 2.0,
         "spread": 1.0, "distance": 7.0, "verdict": v, "alerted": a} for t, c, m, v, a in rows
    ]  # fmt: skip
    return pl.DataFrame(made, schema=MONITORS)


def standing(desk):
    return sorted((a.rule, a.tenant, a.subject) for a in desk.alerts.standing())


def test_a_gate_that_closes_is_an_alert_until_it_opens(desk):
    gate_alarm(desk, "orders", Gate(("orders: completeness 70 % ...",), ("completeness",)), run_id="a1", now=NOON)
    (alert,) = desk.alerts.standing()
    assert (alert.rule, alert.tenant, alert.subject, alert.evidence) == (
        "quality.gate_closed", "", "quality/orders", {"why": ["completeness"], "run": "a1"}
    )  # fmt: skip
    gate_alarm(desk, "customers", Gate(()), run_id="a1", now=LATER)
    assert len(desk.alerts.standing()) == 1
    gate_alarm(desk, "orders", Gate(()), run_id="a2", now=LATER)
    assert desk.alerts.standing() == []


def test_every_limit_of_the_gate_is_named():
    from seeding_platform.cleaning.score import Ratio
    from seeding_platform.quality.gate import GatePolicy, judged

    gate = judged("x", completeness=Ratio(1, 10), validity=Ratio(1, 10), confidence=0.1, score=3.0, policy=GatePolicy())
    assert gate.below == ("completeness", "confidence", "score", "validity")
    assert len(gate.reasons) == len(gate.below)


def test_figures_that_are_told_are_alerts_and_end_when_they_are_usual(desk):
    first = figures(NOON, ("acme", "", "rows", "unusual", True), ("acme", "price", "null_rate", "unusual", True), ("b", "", "rows", "usual", False))
    assert monitor_alarms(desk, first, now=NOON) == 2
    assert standing(desk) == [
        ("quality.monitor", "acme", "quality/orders.price:null_rate"),
        ("quality.monitor", "acme", "quality/orders:rows"),
    ]
    assert monitor_alarms(desk, first, now=LATER) == 0, "the table has no new version: nothing was judged anew"
    again = figures(LATER, ("acme", "", "rows", "unusual", False), ("acme", "price", "null_rate", "usual", False))
    assert monitor_alarms(desk, pl.concat([first, again]), now=LATER) == 0
    assert standing(desk) == [("quality.monitor", "acme", "quality/orders:rows")], "still unusual, and told once a day"
    assert desk.alerts.standing()[0].evidence == {"metric": "rows", "value": 9.0, "usual": 2.0, "distance": 7.0, "version": 7}


def test_a_source_that_is_behind_has_a_rule_of_its_own(desk):
    monitor_alarms(desk, figures(NOON, ("acme", "", "freshness_hours", "unusual", True)), now=NOON)
    assert standing(desk) == [("quality.stale", "acme", "quality/orders")]
    monitor_alarms(desk, figures(LATER, ("acme", "", "freshness_hours", "usual", False)), now=LATER)
    assert standing(desk) == []
