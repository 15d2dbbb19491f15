"""What people may keep about their figures, as forms: questions, dashboards, alerts, targets, notes, reports, ratios of their own."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field, model_validator

from seeding_platform.analytics.metrics import OwnRatio, catalogue
from seeding_platform.analytics.periods import Day
from seeding_platform.analytics.plan import Filter, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping

Title = Annotated[str, Field(min_length=1, max_length=120)]
Lang = Literal["en", "nl"]
Channel = Literal["none", "email", "slack"]
MOST_QUESTIONS = 12
_ADDRESS = r"^[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>]+(,\s*[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>]+)*$"


class _Form(BaseModel, frozen=True, extra="forbid"):
    """A form with no room for what nobody asked for."""


class SavedQuestion(_Form):
    """A question that is asked again."""

    title: Title
    question: str = Field(min_length=1, max_length=500)
    lang: Lang = "en"


class Dashboard(_Form):
    """Questions on one page; with a share token whoever has the link may look, and nothing else."""

    title: Title
    questions: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(min_length=1, max_length=MOST_QUESTIONS)
    lang: Lang = "en"


class _Told(_Form):
    """Somebody is told about it."""

    channel: Channel = "none"
    target: str = Field("", max_length=500, description="E-mail addresses, comma-separated; empty for slack")

    @model_validator(mode="after")
    def _reachable(self) -> _Told:
        import re

        if self.channel == "email" and not re.fullmatch(_ADDRESS, self.target):
            raise ValueError("target: give one or more e-mail addresses")
        if self.channel != "email" and self.target:
            raise ValueError("target: only e-mail has one")
        return self


class _OfMetric(_Form):
    """It is about a figure of a part of the facts."""

    metric: str = Field(pattern=r"^[a-z][a-z0-9_]{2,29}$", description="A figure, or the name of a ratio of your own")
    filters: tuple[Filter, ...] = Field((), max_length=20)


class Alert(_OfMetric, _Told):
    """Somebody is told when a figure of the last days passes a limit ("CAC above 40"); once, until it has been back within it."""

    title: str = Field("", max_length=120)
    operator: Operator
    value: float = Field(allow_inf_nan=False, description="A share is given as such: 2 % is 0.02")
    days: int = Field(7, ge=1, le=366, description="The figure of so many last complete days")
    lang: Lang = "en"


class Target(_OfMetric):
    """An amount that a sum is to reach, or a budget that it is to keep to, between two days."""

    title: Title
    amount: float = Field(gt=0, allow_inf_nan=False)
    start: Day
    end: Day

    @model_validator(mode="after")
    def _possible(self) -> Target:
        if self.end < self.start:
            raise ValueError("end: it lies before start")
        if (self.end - self.start).days > 3660:
            raise ValueError("end: a target runs over ten years at most")
        sums = [m.name for m in catalogue().metrics.values() if m.kind == "sum"]
        if self.metric not in sums:
            raise ValueError(f"metric: {self.metric!r} is no sum that days add to; there are {', '.join(sums)}")
        return self


class Annotation(_Form):
    """A note on the time line."""

    day: Day
    text: str = Field(min_length=1, max_length=280)


class Report(_Told):
    """Answers that are sent by themselves."""

    title: Title
    questions: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(min_length=1, max_length=MOST_QUESTIONS)
    every: Literal["day", "week", "month"] = "day"
    on: int = Field(1, ge=1, le=28, description="Day of the week (1 = Monday) or of the month")
    at: str = Field("07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    zone: str = Field("UTC", max_length=60)
    lang: Lang = "en"

    @model_validator(mode="after")
    def _sent(self) -> Report:
        if self.channel == "none":
            raise ValueError("channel: a report is sent by email or slack")
        if self.every == "week" and self.on > 7:
            raise ValueError("on: a week has seven days")
        if self.zone not in available_timezones():
            raise ValueError(f"zone: {self.zone!r} is no time zone such as Europe/Amsterdam")
        return self

    def due(self, now: dt.datetime) -> dt.datetime:
        """The last moment at or before `now` at which it was to be sent."""
        zone = ZoneInfo(self.zone)
        hour, minute = map(int, self.at.split(":"))
        day = now.astimezone(zone).date()
        while True:
            moment = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            right = self.every == "day" or (day.isoweekday() if self.every == "week" else day.day) == self.on
            if right and moment <= now:
                return moment.astimezone(dt.UTC)
            day -= dt.timedelta(days=1)


KINDS: Mapping[str, type[BaseModel]] = {
    "question": SavedQuestion,
    "dashboard": Dashboard,
    "alert": Alert,
    "target": Target,
    "annotation": Annotation,
    "report": Report,
    "ratio": OwnRatio,
}
