"""Requests for figures as plans and cached answers: shared by the API and the pages."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.language.explain import explained
from seeding_platform.analytics.language.model import asked_with
from seeding_platform.analytics.metrics import catalogue
from seeding_platform.analytics.periods import Day
from seeding_platform.analytics.plan import Filter, Order, QueryPlan
from seeding_platform.service.context import etag_of
from seeding_platform.service.errors import Problem

if TYPE_CHECKING:
    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.plan import Answer
    from seeding_platform.service.context import Service

DEFAULT_DAYS = 30


def _listed(value: object) -> object:
    """Several values in one parameter, or the parameter several times."""
    texts = value if isinstance(value, list) else [value]
    return [part.strip() for text in texts for part in str(text).split(",") if part.strip()]


Names = Annotated[list[str], BeforeValidator(_listed)]


class KpiQuery(BaseModel, extra="forbid"):
    """What figures are asked for; the same for the API, downloads and pages."""

    metrics: Names = Field(default_factory=lambda: list(catalogue().performance), description="Figures, comma-separated; see /api/v1/metrics")
    by: Names = Field(default_factory=list, description="Dimensions, comma-separated")
    grain: Literal["day", "week", "month", "quarter", "year"] | None = Field(None, description="One row for each of these")
    start: Day | None = Field(None, description="First day; default 30 days before as_of")
    end: Day | None = Field(None, description="Last day; default the day before as_of")
    compare: Literal["previous", "year", "none"] = Field("none", description="What to compare with")
    filter: list[Annotated[str, Field(pattern=r"^[a-z_]+:!?.+")]] = Field(
        default_factory=list, description="`dimension:value`, `dimension:value|value`, or `dimension:!value`", max_length=20
    )
    order: str | None = Field(None, description="A figure; with a leading - the largest first")
    limit: int = Field(1000, ge=1, le=1000, description="Most rows")
    as_of: Day | None = Field(None, description="The day of asking; default the day after the last complete one")
    lang: Literal["en", "nl"] = Field("en", description="Language of the explanation")


def plan_of(query: KpiQuery, facts: Known) -> QueryPlan:
    """The plan of a request.

    Raises:
        Problem: 422, something in it does not exist.
    """
    as_of = query.as_of or facts.as_of
    try:
        plan = QueryPlan(
            metrics=tuple(query.metrics),
            dimensions=tuple(query.by),
            grain=query.grain,
            filters=tuple(_filter(text) for text in query.filter),
            window=_window(query, as_of),
            order=Order(metric=query.order.lstrip("-"), descending=query.order.startswith("-")) if query.order else None,
            limit=query.limit,
        )
    except (ValidationError, ValueError, OverflowError) as error:
        told = "; ".join(e["msg"] for e in error.errors()) if isinstance(error, ValidationError) else str(error)
        raise Problem(422, "invalid-plan", told) from error
    if plan.order is not None and plan.order.metric not in catalogue().metrics:
        raise Problem(422, "invalid-plan", f"order: {plan.order.metric!r} is no metric.")
    return plan.model_copy(update={"compare": _compare(query, plan, facts)})


def _window(query: KpiQuery, as_of: dt.date) -> periods.Window:
    default = periods.last(DEFAULT_DAYS, "day", as_of)
    if query.start is None and query.end is None:
        return default.model_copy(update={"source": "default"})
    end = query.end or as_of - periods.DAY
    return periods.Window(start=query.start or end - (DEFAULT_DAYS - 1) * periods.DAY, end=end)


def _compare(query: KpiQuery, plan: QueryPlan, facts: Known) -> periods.Window | None:
    try:
        if query.compare == "previous":
            return periods.before(plan.window, complete_through=facts.complete_through)
        if query.compare == "year":
            return periods.year_before(plan.window, complete_through=facts.complete_through, weeks=plan.grain == "week")
    except OverflowError as error:
        raise Problem(422, "invalid-plan", "There are no days before these.") from error
    return None


def _filter(text: str) -> Filter:
    name, colon, value = text.partition(":")
    if not colon or not value.strip("!"):
        raise ValueError(f"filter {text!r} is not dimension:value")
    return Filter(dimension=name, values=tuple(value.removeprefix("!").split("|")), exclude=value.startswith("!"))


def kpis(service: Service, query: KpiQuery, *, tenant: str) -> tuple[bytes, str]:
    """The answer to a request as JSON, and its ETag."""
    facts, ratios = service.facts_and_ratios(tenant)
    plan = plan_of(query, facts)
    etag = etag_of(facts.snapshot.id, tenant, query.lang, plan.model_dump_json(), ratios)
    return service.cache.get(etag, lambda: _json(kpi_answer(plan, facts, lang=query.lang))), etag


def kpi_answer(plan: QueryPlan, facts: Known, *, lang: str) -> Answer:
    """The answer to a plan."""
    assumed = ("window",) if plan.window.source == "default" else ()
    return answered(plan, facts, lang=lang, explanation=explained(plan, lang, assumed=assumed))


def question(service: Service, text: str, *, tenant: str, as_of: dt.date | None, lang: str | None) -> tuple[bytes, str]:
    """The answer to a question as JSON, and its ETag."""
    facts, ratios = service.facts_and_ratios(tenant)
    etag = etag_of(facts.snapshot.id, tenant, "question", text, str(as_of), str(lang), ratios)

    def made() -> bytes:
        return _json(asked_with(service.model, text, facts, as_of=as_of, lang=lang))

    # a model that was away a moment ago may answer now: what it is asked behind is not held
    return made() if service.model is not None else service.cache.get(etag, made), etag


def _json(answer: Answer) -> bytes:
    return answer.model_dump_json().encode()
