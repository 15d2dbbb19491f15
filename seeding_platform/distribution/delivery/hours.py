"""When an address with a schedule, or an engine that takes batches, is delivered to: cron of five fields."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from seeding_platform.errors import ConfigError

_SPANS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_YEARS = 5
_WEEK = 7


def next_hour(schedule: str, after: dt.datetime, *, zone: str = "UTC") -> dt.datetime:
    """The first moment of a schedule after another, in UTC.

    An hour that a zone leaves out when its clocks go forward is an hour later; one that comes twice counts the first time.

    Args:
        schedule: cron of five fields.
        after: the moment before.
        zone: IANA time zone that the hours are meant in.

    Raises:
        ConfigError: it is no schedule, or never comes.

    >>> next_hour("30 6 * * 1-5", dt.datetime(2026, 11, 27, 7, tzinfo=dt.UTC)).isoformat()
    '2026-11-30T06:30:00+00:00'
    """
    minutes, hours, days, months, weekdays = _read(schedule)
    either = "*" not in (schedule.split()[2], schedule.split()[4])  # as cron has it: both given, one of them is enough
    place = ZoneInfo(zone)
    day = after.astimezone(place).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(366 * _YEARS):
        of_month, of_week = day.day in days, (day.isoweekday() % _WEEK in weekdays) or (day.isoweekday() == _WEEK and _WEEK in weekdays)
        if day.month in months and ((of_month or of_week) if either else (of_month and of_week)):
            local = (day + dt.timedelta(hours=h, minutes=m) for h in sorted(hours) for m in sorted(minutes))
            moments = sorted(moment.replace(tzinfo=place).astimezone(dt.UTC) for moment in local)
            found = next((moment for moment in moments if moment > after), None)
            if found is not None:
                return found
        day += dt.timedelta(days=1)
    raise _wrong(schedule)


def checked_schedule(schedule: str, *, now: dt.datetime) -> str:
    """A schedule that comes, or none.

    Raises:
        ConfigError: it is none.
    """
    told = " ".join(schedule.split())
    if told:
        next_hour(told, now)
    return told


def _read(schedule: str) -> list[frozenset[int]]:
    fields = schedule.split()
    if len(fields) != len(_SPANS):
        raise _wrong(schedule)
    try:
        return [frozenset(n for part in field.split(",") for n in _part(part, *span)) for field, span in zip(fields, _SPANS, strict=True)]
    except ValueError as error:
        raise _wrong(schedule) from error


def _part(text: str, low: int, high: int) -> range:
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    begin = low if first == "*" else int(first)
    end = high if first == "*" or (step and not last) else int(last or first)
    if not (low <= begin <= end <= high) or int(step or 1) < 1:
        raise ValueError(text)
    return range(begin, end + 1, int(step or 1))


def _wrong(schedule: str) -> ConfigError:
    return ConfigError(f"{schedule[:60]!r} is no hour that comes.", fix="Write minute, hour, day, month and weekday, in UTC: 0 6 * * 1-5.")
