"""What moved a figure, which days stand out, what comes next."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.analytics.findings import finding_said
from seeding_platform.analytics.forecast import LONGEST, Forecast, NoForecast, forecast
from seeding_platform.analytics.insights import Anomaly, anomalies, contributions
from seeding_platform.analytics.metrics import catalogue
from seeding_platform.analytics.periods import DAY, Day, Window
from seeding_platform.analytics.show import figure
from seeding_platform.service.asking import KpiQuery, plan_of
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/insights", tags=["insights"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Filters = Annotated[list[Annotated[str, Field(pattern=r"^[a-z_]+:!?.+")]], Field(max_length=20)]


class ChangeQuery(BaseModel, extra="forbid"):
    """Which change is to be taken apart."""

    metric: str = Field("cac", description="A figure; see /api/v1/metrics")
    by: str = Field("platform", description="A dimension")
    start: Day | None = Field(None, description="First day; default 30 days before as_of")
    end: Day | None = Field(None, description="Last day; default the day before as_of")
    compare: Literal["previous", "year"] = Field("previous", description="What to compare with")
    filter: Filters = []
    as_of: Day | None = None


class ChangeAnswer(BaseModel):
    """A change and its parts, which add up to it."""

    metric: str
    by: str
    start: dt.date
    end: dt.date
    current: float
    previous: float
    change: float
    parts: list[dict[str, Any]]


@router.get("/contributions")
def get_contributions(request: Request, actor: Viewer, query: Annotated[ChangeQuery, Query()]) -> ChangeAnswer:
    """The change of a figure, split exactly into what each member did to it: volume, mix and rate."""
    facts = service_of(request).facts(actor.tenant)
    asked = KpiQuery.model_validate({**query.model_dump(exclude={"metric", "by"}), "metrics": [query.metric], "by": [query.by]})
    plan = plan_of(asked, facts)
    if plan.compare is None:
        raise Problem(422, "invalid-plan", "There is nothing to compare with.")
    found = contributions(facts, query.metric, by=query.by, window=plan.window, compare=plan.compare, filters=plan.filters)
    told = asdict(found)
    return ChangeAnswer(**told, start=plan.window.start, end=plan.window.end)


class DaysQuery(BaseModel, extra="forbid"):
    """Among which days those that stand out are looked for."""

    metric: str = Field("spend", description="A figure")
    days: int = Field(90, ge=28, le=400, description="The last so many complete days")
    filter: Filters = []


@router.get("/anomalies")
def get_anomalies(request: Request, actor: Viewer, query: Annotated[DaysQuery, Query()]) -> list[Anomaly]:
    """Complete days further than four robust standard deviations from the median of their weekday, the furthest first."""
    facts = service_of(request).facts(actor.tenant)
    plan = plan_of(KpiQuery(metrics=[_known(query.metric)], filter=query.filter), facts)
    window = Window(start=max(facts.first_day, facts.complete_through - (query.days - 1) * DAY), end=facts.complete_through)
    return anomalies(facts, query.metric, window=window, filters=plan.filters)


class ForecastQuery(BaseModel, extra="forbid"):
    """What is forecast."""

    metric: str = Field("revenue", description="A figure")
    days: int = Field(14, ge=1, le=LONGEST, description="How many days to come")
    filter: Filters = []


@router.get("/forecast")
def get_forecast(request: Request, actor: Viewer, query: Annotated[ForecastQuery, Query()]) -> Forecast:
    """The next days of a figure; 422 with a code where nothing trustworthy can be said."""
    facts = service_of(request).facts(actor.tenant)
    plan = plan_of(KpiQuery(metrics=[_known(query.metric)], filter=query.filter), facts)
    try:
        return forecast(facts, query.metric, days=query.days, filters=plan.filters)
    except NoForecast as why:
        raise Problem(422, f"no-forecast-{why.code.replace('_', '-')}", str(why)) from why


class FindingAnswer(BaseModel):
    """Something worth telling, with its size, its interval and the days behind it."""

    kind: str
    metric: str
    segment: str
    statement: str
    effect: float
    low: float
    high: float
    n: int
    valid_from: dt.date
    valid_to: dt.date
    confidence: float | None


@router.get("/findings")
def get_findings(request: Request, actor: Viewer, lang: Literal["en", "nl"] = "en") -> list[FindingAnswer]:
    """What moved the figures, which days stand out, what comes next: the same as in kpi/learning_insights."""
    service = service_of(request)
    found = service.findings(service.facts(actor.tenant), wait=True) or []

    def said(finding: Any) -> str:
        return finding_said(finding, lang, figure=figure, day=lambda day: day.isoformat())

    return [FindingAnswer(**{k: v for k, v in asdict(f).items() if k != "told"}, statement=said(f)) for f in found]


def _known(name: str) -> str:
    if name not in catalogue().metrics:
        raise Problem(422, "invalid-plan", f"{name!r} is no metric; there are {', '.join(catalogue().metrics)}.")
    return name
