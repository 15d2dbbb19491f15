"""Words of time as windows: each rule of a language's grammar names a function here that says which days are meant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.analytics import periods as days
from seeding_platform.analytics.periods import DAY, Window

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from seeding_platform.analytics.language.lexicon import Lexicon
    from seeding_platform.analytics.periods import Unit

MOST_UNITS = 1000


class NoSuchDay(ValueError):
    """The words name a day or a number of units that does not exist."""


@dataclass(frozen=True, slots=True)
class Words:
    """The captured parts of a period.

    Args:
        match: the words.
        lexicon: their language.
        as_of: the day of asking.
        first_day: first day with facts.
        year_hint: a year that another period of the same question names.
    """

    match: re.Match[str]
    lexicon: Lexicon
    as_of: dt.date
    first_day: dt.date
    year_hint: int | None = None

    def text(self, name: str, n: int = 1) -> str | None:
        """A captured part as typed; the n-th of its name."""
        found = self.match.groupdict().get(name if n == 1 else f"{name}_{n}")
        return " ".join(found.split()) if found else None

    def number(self, name: str, n: int = 1) -> int | None:
        """A captured number, in digits or words."""
        text = self.text(name, n)
        if text is None:
            return None
        kind = {"n": "number", "ordinal": "ordinal", "month": "month"}.get(name)
        return int(text) if text.isdigit() else int(self.lexicon.lookups[kind or "number"][text])

    @property
    def unit(self) -> Unit:
        """The unit that the words count in."""
        return self.lexicon.lookups["unit"][self.text("unit") or ""]

    def year_of(self, month: int, day: int = 1, *, n: int = 1) -> int:
        """The year named, or hinted at, or the latest in which the day has begun."""
        named = self.number("year", n) or self.year_hint
        if self.text("lastyear") or self.text("thisyear"):
            named = self.as_of.year - (1 if self.text("lastyear") else 0)
        if named is not None:
            return named
        return self.as_of.year if (month, day) <= (self.as_of.month, self.as_of.day) else self.as_of.year - 1


def _day(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise NoSuchDay(f"{year}-{month:02d}-{day:02d}") from error


def _range(start: dt.date, end: dt.date) -> Window:
    if end < start:
        raise NoSuchDay(f"{start} to {end}")
    return Window(start=start, end=end, kind="range")


def _last_n(w: Words) -> Window:
    n = w.number("n") or 0
    if not 1 <= n <= MOST_UNITS:
        raise NoSuchDay(f"last {n}")
    return days.last(n, w.unit, w.as_of)


def _iso(w: Words, n: int = 1) -> dt.date:
    try:
        return dt.date.fromisoformat(w.text("date", n) or "")
    except ValueError as error:
        raise NoSuchDay(w.text("date", n) or "") from error


def _named_day(w: Words, n: int = 1, *, year: int | None = None) -> dt.date:
    month, day = w.number("month", n) or 0, w.number("day", n) or 0
    return _day(year or w.year_of(month, day, n=n), month, day)


def _day_range(w: Words) -> Window:
    end = _named_day(w, 2) if w.number("year", 2) else None
    first_year = w.number("year")
    if first_year is not None and end is None:
        start = _named_day(w)
        month, day = w.number("month", 2) or 0, w.number("day", 2) or 0
        return _range(start, _day(start.year + ((month, day) < (start.month, start.day)), month, day))
    end = end or _named_day(w, 2)
    month, day = w.number("month") or 0, w.number("day") or 0
    year = first_year or (end.year if (month, day) <= (end.month, end.day) else end.year - 1)
    return _range(_day(year, month, day), end)


def _days_of_month(w: Words) -> Window:
    month, last = w.number("month") or 0, w.number("day", 2) or 0
    year = w.year_of(month, w.number("day") or 1)
    return _range(_day(year, month, w.number("day") or 0), _day(year, month, last))


def _month(w: Words) -> Window:
    month = w.number("month") or 0
    return days.unit_of("month", _day(w.year_of(month), month, 1))


def _month_range(w: Words) -> Window:
    first, last = w.number("month") or 0, w.number("month", 2) or 0
    end_year = one + (last < first) if (one := w.number("year")) is not None and w.number("year", 2) is None else w.year_of(last, n=2)
    start_year = one or (end_year if first <= last else end_year - 1)
    end = days.unit_of("month", _day(end_year, last, 1)).end
    return _range(_day(start_year, first, 1), end).model_copy(update={"kind": "calendar", "unit": "month"})


def _quarter(w: Words) -> Window:
    q = w.number("q") or w.number("ordinal") or 0
    month = 3 * q - 2
    return days.unit_of("quarter", _day(w.year_of(month), month, 1))


def _quarter_range(w: Words) -> Window:
    first, last = 3 * (w.number("q") or 0) - 2, 3 * (w.number("q", 2) or 0) - 2
    end_year = w.number("year", 2) or w.number("year") or w.year_of(last)
    start_year = w.number("year") or (end_year if first <= last else end_year - 1)
    end = days.unit_of("quarter", _day(end_year, last, 1)).end
    return _range(_day(start_year, first, 1), end).model_copy(update={"kind": "calendar", "unit": "quarter"})


def _half(w: Words) -> Window:
    h = w.number("h") or w.number("ordinal") or 0
    if h not in (1, 2):
        raise NoSuchDay(f"half {h}")
    month = 6 * h - 5
    return days.unit_of("quarter", _day(w.year_of(month), month, 1), n=2)


def _year(w: Words) -> Window:
    return days.unit_of("year", _day(w.number("year") or 0, 1, 1))


def _week_number(w: Words) -> Window:
    week = w.number("weekno") or 0
    named = w.number("year") or w.year_hint
    year = named or w.as_of.isocalendar().year
    try:
        start = dt.date.fromisocalendar(year, week, 1)
        if named is None and start > w.as_of:
            start = dt.date.fromisocalendar(year - 1, week, 1)
    except ValueError as error:
        raise NoSuchDay(f"week {week}") from error
    return days.unit_of("week", start)


def _since(start: dt.date, w: Words) -> Window:
    if start > w.as_of:
        raise NoSuchDay(f"since {start}")
    return Window(start=start, end=w.as_of, kind="range", partial=True)


def _single(day: dt.date) -> Window:
    return Window(start=day, end=day, kind="rolling", unit="day")


RULES: dict[str, Callable[[Words], Window]] = {
    "last_n": _last_n,
    "last_fortnight": lambda w: days.last(14, "day", w.as_of),
    "last_one": lambda w: days.last(1, w.unit, w.as_of),
    "this_unit": lambda w: days.to_date(w.unit, w.as_of),
    "to_date_week": lambda w: days.to_date("week", w.as_of),
    "to_date_month": lambda w: days.to_date("month", w.as_of),
    "to_date_quarter": lambda w: days.to_date("quarter", w.as_of),
    "to_date_year": lambda w: days.to_date("year", w.as_of),
    "yesterday": lambda w: _single(w.as_of - DAY),
    "two_days_ago": lambda w: _single(w.as_of - 2 * DAY),
    "today": lambda w: _single(w.as_of),
    "date": lambda w: _single(_iso(w)),
    "date_range": lambda w: _range(_iso(w), _iso(w, 2)),
    "since_date": lambda w: _since(_iso(w), w),
    "day_of_month": lambda w: _single(_named_day(w)),
    "day_range": _day_range,
    "days_of_month": _days_of_month,
    "since_day": lambda w: _since(_named_day(w), w),
    "since_month": lambda w: _since(_month(w).start, w),
    "since_year": lambda w: _since(_year(w).start, w),
    "month": _month,
    "month_range": _month_range,
    "quarter": _quarter,
    "quarter_range": _quarter_range,
    "half": _half,
    "year": _year,
    "week_number": _week_number,
    "week_of": lambda w: days.unit_of("week", _named_day(w)),
    "all_time": lambda w: _range(w.first_day, max(w.first_day, w.as_of - DAY)),
}
"""By the names that the grammars of the languages use."""

NAMELESS_YEAR = frozenset({"month", "quarter", "half", "day_of_month", "week_number", "month_range", "quarter_range"})
"""Rules whose year may be left to another period of the question."""
