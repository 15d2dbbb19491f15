"""Alerts judged, targets paced, reports written: pure arithmetic on the facts in force; who is told, and how, is decided elsewhere."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.language import asked
from seeding_platform.analytics.language.explain import messages, metric_name
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.analytics.show import answer_lines, figure

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.keeping import Alert, Report, Target
    from seeding_platform.analytics.periods import Window

LOOKED_BACK = 60
_TESTS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class AlertState:
    """Whether an alert's limit is passed.

    Args:
        holds: it is passed now.
        value: the figure of its days; None without facts, or where amounts are in more than one currency.
        since: the first of the days on end at which it was passed; None when it is not.
        window: its days.
    """

    holds: bool
    value: float | None
    since: dt.date | None
    window: Window


def alert_state(alert: Alert, facts: Known) -> AlertState:
    """Judge an alert on the last complete days; `since` looks back sixty days at most."""
    window = periods.last(alert.days, "day", facts.as_of)
    value = _value(alert, facts, window)
    if not _passed(alert, value):
        return AlertState(False, value, None, window)
    since, end = window.end, window.end - periods.DAY
    while (window.end - end).days <= LOOKED_BACK and end >= facts.first_day:
        earlier = periods.Window(start=end - (alert.days - 1) * periods.DAY, end=end)
        if not _passed(alert, _value(alert, facts, earlier)):
            break
        since, end = end, end - periods.DAY
    return AlertState(True, value, since, window)


def _passed(alert: Alert, value: float | None) -> bool:
    return value is not None and _TESTS[alert.operator](value, alert.value)


def _value(alert: Alert, facts: Known, window: Window) -> float | None:
    found = answered(QueryPlan(metrics=(alert.metric,), window=window, filters=alert.filters), facts)
    return found.rows[0][alert.metric] if len(found.rows) == 1 else None


def alert_said(alert: Alert, state: AlertState) -> tuple[str, str]:
    """Subject and text of the message that an alert sends."""
    words = messages(alert.lang)["alert"]
    scope = ", ".join(v for f in alert.filters for v in f.values)
    told = {
        "metric": metric_name(alert.metric, alert.lang) + (f" ({scope})" if scope else ""),
        "operator": words["operators"][alert.operator],
        "limit": figure(alert.value, alert.metric),
        "value": figure(state.value, alert.metric),
        "days": alert.days,
        "start": state.window.start,
        "end": state.window.end,
        "since": state.since,
    }
    subject = alert.title or words["subject"].format(**told)
    return subject, words["body"].format(**told)


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a target is.

    Args:
        done: reached so far, through the last complete day.
        share: of the amount.
        expected: what even days would have reached by now.
        ahead: done - expected.
        projected: where it ends when the days to come are like the days so far; None before its first complete day.
        days_left: complete days still to come.
    """

    done: float
    share: float
    expected: float
    ahead: float
    projected: float | None
    days_left: int


def pace(target: Target, facts: Known) -> Pace | None:
    """A target against its days so far; even days are the measure. None where amounts are in more than one currency."""
    days = (target.end - target.start).days + 1
    through = min(target.end, facts.complete_through)
    elapsed = max((through - target.start).days + 1, 0)
    done = 0.0
    if elapsed:
        window = periods.Window(start=target.start, end=through)
        rows = answered(QueryPlan(metrics=(target.metric,), window=window, filters=target.filters), facts).rows
        if len(rows) > 1:
            return None
        done = float(rows[0][target.metric] or 0) if rows else 0.0
    expected = target.amount * elapsed / days
    return Pace(done, done / target.amount, expected, done - expected, done / elapsed * days if elapsed else None, days - elapsed)


def report_text(report: Report, facts: Known) -> str:
    """The answers of a report as plain text; a question that is refused says so in its place."""
    parts = []
    for question in report.questions:
        lines = answer_lines(asked(question, facts, lang=report.lang))
        parts.append("\n".join([question, "", *lines]))
    return ("\n\n" + "-" * 40 + "\n\n").join(parts) + "\n"
