"""How good one organisation's tables are: figures of the latest run and of those before, what was refused, and how far confidence holds."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel

from seeding_platform.catalog import LANDED
from seeding_platform.quality.standing import curve
from seeding_platform.service.cleaned import Tables, rejects

if TYPE_CHECKING:
    from seeding_platform.storage.lake import Lake

MONITORS = "quality/monitors"
POINTS = 28
OF_TABLE = ("rows", "score", "confidence", "completeness", "validity")


class Run(BaseModel, frozen=True):
    """A table at one run."""

    at: dt.datetime
    rows: int
    score: float | None
    confidence: float | None


class Bin(BaseModel, frozen=True):
    """Records held out with about the same stated confidence, and the share of them that is right."""

    stated: float
    observed: float
    n: int


class Calibration(BaseModel, frozen=True):
    """How far the confidence of a table holds, over all who have rows in it."""

    error: float
    bins: list[Bin]


class Refused(BaseModel, frozen=True):
    """Rows that a rule refused."""

    rule: str
    rows: int


class Unusual(BaseModel, frozen=True):
    """A figure that is unlike those of the runs before."""

    column: str
    metric: str
    value: float
    usual: float


class Standing(BaseModel, frozen=True):
    """One table.

    Args:
        table: its contract.
        measured_at: when its figures were taken.
        rows: kept and in force.
        score: mean row score, 0-100.
        confidence: mean probability that a row is right.
        completeness: filled required cells.
        validity: rows that were not refused, of all that came in.
        columns: filled share of each column, over `rows`.
        runs: the last 28, the oldest first.
        unusual: figures of the latest run that are unlike those before.
        refused: rules and how many rows they refused, the most first.
        calibration: none where confidence is assumed.
    """

    table: str
    measured_at: dt.datetime
    rows: int
    score: float | None
    confidence: float | None
    completeness: float | None
    validity: float | None
    columns: dict[str, float]
    runs: list[Run]
    unusual: list[Unusual]
    refused: list[Refused]
    calibration: Calibration | None


def standings(lake: Lake, tenant: str) -> list[Standing]:
    """Every table with figures of an organisation, the lowest score first."""
    if not lake.exists(MONITORS):
        return []
    history = lake.read(MONITORS).filter(pl.col("tenant") == tenant).collect()
    tables = history.partition_by("table", as_dict=True, maintain_order=True)
    found = [_standing(lake, str(name), part, tenant) for (name,), part in tables.items() if name in LANDED]
    return sorted(found, key=lambda s: (s.score if s.score is not None else -1.0, s.table))


def _standing(lake: Lake, name: str, history: pl.DataFrame, tenant: str) -> Standing:
    at = history["at"].max()
    latest = history.filter(pl.col("at") == at)
    of_table = {m: v for m, v in latest.filter(pl.col("column") == "").select("metric", "value").iter_rows()}
    gaps = latest.filter(pl.col("metric") == "null_rate").select("column", "value")
    figures = history.filter((pl.col("column") == "") & pl.col("metric").is_in(OF_TABLE[:3]))
    by_run = figures.pivot("metric", index="at", values="value", aggregate_function="first").sort("at").tail(POINTS)
    runs = [Run(at=r["at"], rows=int(r["rows"]), score=r.get("score"), confidence=r.get("confidence")) for r in by_run.iter_rows(named=True)]
    odd = latest.filter(pl.col("verdict") == "unusual").sort(pl.col("distance").abs(), descending=True)
    unusual = [Unusual(column=c, metric=m, value=v, usual=u) for c, m, v, u in odd.select("column", "metric", "value", "middle").iter_rows()]
    held = curve(lake, name)
    bins = [Bin(stated=s, observed=o, n=n) for s, o, n in held.bins] if held else []
    order = list(LANDED[name].columns)
    columns = {c: round(1 - v, 4) for c, v in sorted((g for g in gaps.iter_rows() if g[0] in order), key=lambda item: order.index(item[0]))}
    return Standing(
        table=name,
        measured_at=at,
        rows=int(of_table.get("rows") or 0),
        **{m: of_table.get(m) for m in OF_TABLE[1:]},
        columns=columns,
        runs=runs,
        unusual=unusual,
        refused=[Refused(rule=r.rule, rows=r.rows) for r in rejects(Tables(lake, LANDED[name], tenant))],
        calibration=Calibration(error=held.error, bins=bins) if held else None,
    )


class Target(BaseModel, frozen=True):
    """One target of the scorecard, over the whole installation."""

    target: str
    wanted: float
    bound: str
    value: float | None
    n: int | None
    unit: str
    window: str
    state: str
    method: str


def targets(lake: Lake) -> list[Target]:
    """The scorecard; empty until the first report."""
    if not lake.exists("quality/scorecard"):
        return []
    rows = lake.read("quality/scorecard").collect()
    return [Target.model_validate(row) for row in rows.select([c for c in Target.model_fields if c in rows.columns]).iter_rows(named=True)]


class Recommendation(BaseModel, frozen=True):
    """Something that would make more rows usable, over the whole installation."""

    rank: int
    table: str
    kind: str
    column: str
    says: str
    rows: int
    cells: int
    points: float
    add: str


def recommendations(lake: Lake, *, limit: int) -> list[Recommendation]:
    """What would help most, the most first."""
    if not lake.exists("quality/recommendations"):
        return []
    rows = lake.read("quality/recommendations").sort("rank").head(limit).select(list(Recommendation.model_fields)).collect()
    return [Recommendation.model_validate(row) for row in rows.iter_rows(named=True)]
