"""The times of checks and of forced retraining: whatever was missed while nothing ran is made up for once, and hours follow the local clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def slot(moment: dt.datetime, *, hours: int = 4, zone: str = "UTC") -> dt.datetime:
    """The newest check time at or before a moment, in UTC: whole multiples of the hours by the zone's clock.

    An hour that the clock shows twice holds one check time; one that it leaves out moves to the next.

    Args:
        moment: with a time zone.
        hours: between two checks, a divisor of 24.
        zone: IANA time zone.

    >>> slot(dt.datetime(2026, 11, 26, 15, 59, tzinfo=dt.UTC)).hour
    12
    """
    return _wall_slot(moment, hours, zone).replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def next_slot(moment: dt.datetime, *, hours: int = 4, zone: str = "UTC") -> dt.datetime:
    """The first check time after a moment, in UTC.

    >>> next_slot(dt.datetime(2026, 11, 26, 15, 59, tzinfo=dt.UTC)).hour
    16
    """
    following = _wall_slot(moment, hours, zone) + dt.timedelta(hours=hours)
    return following.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def _wall_slot(moment: dt.datetime, hours: int, zone: str) -> dt.datetime:
    wall = moment.astimezone(ZoneInfo(zone))
    return dt.datetime(wall.year, wall.month, wall.day, wall.hour // hours * hours)


def due_check(last: dt.datetime | None, now: dt.datetime, *, hours: int = 4, zone: str = "UTC") -> dt.datetime | None:
    """The check time that is due now, or None; of several that were missed, the newest only.

    Args:
        last: when the last check was made; None before the first.
        now: the moment.
        hours: between two checks.
        zone: IANA time zone.
    """
    newest = slot(now, hours=hours, zone=zone)
    return newest if last is None or last < newest else None


def forced_due(last_success: dt.datetime | None, now: dt.datetime, *, days: int = 7, hours: int = 4, zone: str = "UTC") -> bool:
    """Whether a model must be retrained for its age: so many days lie between the check times of its last success and of now.

    Ages are counted from check to check by the zone's clock, so that a week stays a week: a retraining of ten minutes does not move the
    next one by a check, and a change of the clock does not move it by an hour. A model that was never trained is due.
    """
    if last_success is None:
        return True
    return _wall_slot(now, hours, zone) - _wall_slot(last_success, hours, zone) >= dt.timedelta(days=days)


def run_key(model: str, data_version: str, trigger: str, attempt: int = 1) -> str:
    """The key by which a run for the same reason on the same data is started once.

    >>> run_key("demo.churn", "12", "performance")
    'retrain:demo.churn@12/performance#1'
    """
    return f"retrain:{model}@{data_version}/{trigger}#{attempt}"
