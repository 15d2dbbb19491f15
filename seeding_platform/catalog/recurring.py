"""Schedules that people make and change while the platform runs."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.catalog.zones import Zone

JOBS = ("collect", "retrain", "expectations", "upkeep")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_LONGEST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")


class Recurring(BaseModel):
    """What is started when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: Literal["collect", "retrain", "expectations", "upkeep"] = Field("collect", description="What is started")
    cron: str = Field("0 6 * * *", max_length=60, description="When: minute, hour, day of month, month, weekday (0 and 7 are Sunday)")
    zone: Zone = Field("UTC", description="IANA time zone that the hours are meant in")
    enabled: bool = Field(True, description="Off keeps it without starting anything")
    from_hour: int = Field(0, ge=0, le=23, description="First hour of the day in which it may start")
    to_hour: int = Field(24, ge=1, le=24, description="Hour of the day from which on it may not start any more")

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        fields = cron.split()
        if len(fields) != len(_FIELDS):
            raise ValueError("five fields are needed: minute, hour, day of month, month, weekday")
        for field, (name, low, high) in zip(fields, _FIELDS, strict=True):
            if not all(_allowed(part, low, high) for part in field.split(",")):
                raise ValueError(f"{field!r} is no {name}: use *, {low}-{high}, lists with commas, ranges with -, steps with /")
        return " ".join(fields)

    @field_validator("cron")
    @classmethod
    def _comes(cls, cron: str) -> str:
        """A day of the month that no chosen month has never comes; without a day of the week nothing else would start it."""
        _, _, day, month, weekday = cron.split()
        if weekday == "*" and day != "*" and min(_numbers(day, 1, 31)) > max(_LONGEST[m] for m in _numbers(month, 1, 12)):
            raise ValueError(f"day {day} never comes in month {month}")
        return cron

    @model_validator(mode="after")
    def _opens_before_it_shuts(self) -> Recurring:
        if self.from_hour >= self.to_hour:
            raise ValueError("from_hour must lie before to_hour")
        return self


def _numbers(field: str, low: int, high: int) -> set[int]:
    """The numbers that a field stands for; it is in its form.

    >>> sorted(_numbers("1-5/2,9", 1, 12))
    [1, 3, 5, 9]
    """
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = low if first == "*" else int(first)
        end = int(last) if last else high if first == "*" or step else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _allowed(part: str, low: int, high: int) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    first, last, step = (None if g is None else int(g) for g in found.groups())
    inside = all(n is None or low <= n <= high for n in (first, last))
    return inside and (last is None or first is None or first <= last) and step != 0


SCHEDULES = Adjustable(
    "schedules", Recurring, "What is started by the clock, beside the fixed schedules: one entry a name, each with its own hours.", scopes="schedule"
)
