"""KPIs, questions, the list of metrics, the snapshot in force, downloads."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from seeding_platform.analytics.metrics import DIMENSIONS, GRAINS, catalogue
from seeding_platform.analytics.periods import Day
from seeding_platform.analytics.plan import Answer
from seeding_platform.service.asking import KpiQuery, kpis, question
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1", tags=["figures"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Question(BaseModel, extra="forbid"):
    """A question in plain words."""

    question: str = Field(max_length=4000, description="English or Dutch; more than 500 characters are not understood")
    as_of: Day | None = Field(None, description="The day of asking; default the day after the last complete one")
    lang: Literal["en", "nl"] | None = Field(None, description="Default: whichever language covers the words")


def cached(request: Request, body: bytes, etag: str) -> Response:
    """Bytes with their ETag; 304 where the asker holds them."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/kpis", response_model=Answer)
def get_kpis(request: Request, actor: Viewer, query: Annotated[KpiQuery, Query()]) -> Response:
    """Figures by dimension and time, compared or not."""
    body, etag = kpis(service_of(request), query, tenant=actor.tenant)
    return cached(request, body, etag)


@router.post("/nlq", response_model=Answer)
def post_question(request: Request, actor: Viewer, asked: Question) -> Response:
    """A question in English or Dutch; one that is not understood is refused with 200 and says why."""
    body, etag = question(service_of(request), asked.question, tenant=actor.tenant, as_of=asked.as_of, lang=asked.lang)
    return Response(body, media_type="application/json", headers={"ETag": etag})


class MetricsAnswer(BaseModel):
    """Every figure and how it may be cut."""

    metrics: list[dict[str, Any]]
    dimensions: list[str]
    grains: list[str]


@router.get("/metrics")
def get_metrics(actor: Viewer) -> MetricsAnswer:
    """The closed list of figures."""
    return MetricsAnswer(metrics=[m.model_dump() for m in catalogue().metrics.values()], dimensions=list(DIMENSIONS), grains=list(GRAINS))


class SnapshotAnswer(BaseModel):
    """The facts that are in force."""

    snapshot: str
    tenant: str
    first_day: dt.date
    complete_through: dt.date
    as_of: dt.date
    behind: dict[str, dt.date]
    values: dict[str, list[str]]


@router.get("/snapshots/current", response_model=SnapshotAnswer)
def get_snapshot(request: Request, actor: Viewer) -> Response:
    """Which state of the facts answers, through which day it is complete, and the values of its dimensions."""
    facts = service_of(request).facts(actor.tenant)
    told = SnapshotAnswer(
        snapshot=facts.snapshot.id,
        tenant=facts.tenant,
        first_day=facts.first_day,
        complete_through=facts.complete_through,
        as_of=facts.as_of,
        behind=dict(facts.through),
        values={k: list(v) for k, v in facts.values.items()},
    )
    return cached(request, told.model_dump_json().encode(), f'"{facts.snapshot.id}-{facts.tenant}"')


class Download(KpiQuery):
    """Figures as a file."""

    format: Literal["csv", "arrow"] = Field("csv", description="Form of the file")


@router.get("/exports", responses={200: {"content": {"text/csv": {}, "application/vnd.apache.arrow.file": {}}}})
def get_export(request: Request, actor: Viewer, query: Annotated[Download, Query()]) -> Response:
    """The rows of a KPI answer as CSV (formula signs defused) or Arrow."""
    import polars as pl

    body, etag = kpis(service_of(request), KpiQuery.model_validate(query.model_dump(exclude={"format"})), tenant=actor.tenant)
    rows = [_flat(row) for row in json.loads(body)["rows"]]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    stream = io.BytesIO()
    if query.format == "arrow":
        frame.write_ipc(stream)
        media = "application/vnd.apache.arrow.file"
    else:
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        frame.with_columns(_defused(name) for name in texts).write_csv(stream)
        media = "text/csv; charset=utf-8"
    headers = {"ETag": etag, "Content-Disposition": f'attachment; filename="kpis.{query.format}"'}
    return Response(stream.getvalue(), media_type=media, headers=headers)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {name if part == "current" else f"{name}_{part}": v for part, v in value.items()}
        else:
            found[name] = value
    return found


def _defused(name: str) -> Any:
    """A text that a spreadsheet would run as a formula gets a quote before it."""
    import polars as pl

    text = pl.col(name)
    risky = pl.any_horizontal(text.str.starts_with(sign) for sign in FORMULA)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)
