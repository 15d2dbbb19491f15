"""Windows of days, and what each is compared with. All ends are inclusive; a week is an ISO week.

Meanings: "last N days" are complete days up to yesterday; "last N weeks, months, quarters, years" are complete units;
"this X" runs from its start to the day of asking. Words are not read here (`language.periods`).
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, model_validator

Unit = Literal["day", "week", "month", "quarter", "year"]
Kind = Literal["rolling", "calendar", "to_date", "range"]
DAY = dt.timedelta(days=1)


def _iso(value: object) -> object:
    """Days are texts: a number is no day."""
    if value is not None and not isinstance(value, dt.date) and not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        raise ValueError("a day is a text such as 2026-11-23")
    return value


Day = Annotated[dt.date, BeforeValidator(_iso)]
"""A day as people send it."""


class Window(BaseModel, frozen=True, extra="forbid"):
    """Days from `start` to `end`, both included.

    Args:
        start: first day.
        end: last day.
        kind: rolling (N days), calendar (whole units), to_date (a unit that is under way), range (two days that somebody named).
        unit: the unit that it counts in.
        label: how it was asked for; empty when given as days.
        source: asked, or default when the question named none.
        partial: it holds days that are not complete yet, or lie outside the data.
    """

    start: dt.date
    end: dt.date
    kind: Kind = "range"
    unit: Unit = "day"
    label: str = ""
    source: Literal["asked", "default", "rule"] = "asked"
    partial: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        if self.end < self.start:
            raise ValueError(f"a window ends before it starts ({self.start} to {self.end})")
        return self

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days + 1


def start_of(unit: Unit, day: dt.date) -> dt.date:
    """First day of the unit that holds a day.

    >>> start_of("week", dt.date(2025, 7, 3)), start_of("quarter", dt.date(2025, 6, 30))
    (datetime.date(2025, 6, 30), datetime.date(2025, 4, 1))
    """
    if unit == "week":
        return day - dt.timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def shifted(unit: Unit, day: dt.date, n: int) -> dt.date:
    """A day n units later (earlier when negative); the last day of a shorter month where the day does not exist.

    >>> shifted("month", dt.date(2025, 3, 31), -1), shifted("year", dt.date(2024, 2, 29), -1)
    (datetime.date(2025, 2, 28), datetime.date(2023, 2, 28))
    """
    if unit in ("day", "week"):
        return day + n * (DAY if unit == "day" else 7 * DAY)
    months = {"month": 1, "quarter": 3, "year": 12}[unit] * n
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def unit_of(unit: Unit, day: dt.date, *, n: int = 1) -> Window:
    """The n whole units that begin with the one that holds a day."""
    start = start_of(unit, day)
    return Window(start=start, end=shifted(unit, start, n) - DAY, kind="calendar", unit=unit)


def last(n: int, unit: Unit, as_of: dt.date) -> Window:
    """The n complete units before a day: days end yesterday, other units with the last complete one.

    >>> w = last(2, "month", dt.date(2025, 7, 1)); (w.start.isoformat(), w.end.isoformat())
    ('2025-05-01', '2025-06-30')
    """
    end = start_of(unit, as_of)
    start = shifted(unit, end, -n)
    return Window(start=start, end=end - DAY, kind="rolling" if unit == "day" else "calendar", unit=unit)


def to_date(unit: Unit, as_of: dt.date) -> Window:
    """From the start of the unit under way to a day."""
    return Window(start=start_of(unit, as_of), end=as_of, kind="to_date", unit=unit, partial=True)


def _units(window: Window) -> int:
    n, day = 0, window.start
    while day <= window.end:
        day, n = shifted(window.unit, day, 1), n + 1
    return n


def _elapsed(window: Window, complete_through: dt.date) -> int:
    """Complete days of a window that is under way."""
    return (min(window.end, complete_through) - window.start).days + 1


def before(window: Window, *, complete_through: dt.date) -> Window | None:
    """What a window is compared with: as long before, the units before, or for a unit under way as many complete days of the one before.

    Returns:
        None when a unit under way has no complete day yet.
    """
    if window.kind == "calendar":
        start = shifted(window.unit, window.start, -_units(window))
        return Window(start=start, end=window.start - DAY, kind="calendar", unit=window.unit, source="rule")
    if window.kind == "to_date":
        days = _elapsed(window, complete_through)
        if days < 1:
            return None
        start = shifted(window.unit, window.start, -1)
        end = min(start + (days - 1) * DAY, window.start - DAY)
        return Window(start=start, end=end, kind="to_date", unit=window.unit, source="rule")
    return Window(start=window.start - window.days * DAY, end=window.start - DAY, kind=window.kind, unit=window.unit, source="rule")


def year_before(window: Window, *, complete_through: dt.date, weeks: bool = False) -> Window | None:
    """The same window a year earlier: the same dates, or 52 weeks earlier where weeks are counted.

    Returns:
        None when a unit under way has no complete day yet.
    """
    end = window.end
    if window.kind == "to_date":
        if _elapsed(window, complete_through) < 1:
            return None
        end = min(window.end, complete_through)
    if weeks or window.unit == "week":
        return Window(start=window.start - 364 * DAY, end=end - 364 * DAY, kind=window.kind, unit=window.unit, source="rule")
    start = shifted("year", window.start, -1)
    if window.kind == "calendar":  # whole units stay whole: February of a leap year
        return Window(start=start, end=shifted("year", end + DAY, -1) - DAY, kind="calendar", unit=window.unit, source="rule")
    return Window(start=start, end=shifted("year", end, -1), kind=window.kind, unit=window.unit, source="rule")


def grain_for(window: Window) -> Unit:
    """The grain of a trend that names none: days up to 31 days, weeks up to 180, then months."""
    return "day" if window.days <= 31 else "week" if window.days <= 180 else "month"
