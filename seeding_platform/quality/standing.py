"""What else stands in the lake about the tables: calibration, history, bias, recommendations; and how right they are against a reference."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.cleaning.score import Ratio
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.storage.lake import Lake

log = logging.getLogger(__name__)
POINTS, MOST_TOLD = 28, 10
"""Runs of a trend, and findings and recommendations that a report tells; their tables hold them all."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How well stated confidence holds: `bins` of (stated, observed, records held out), and their calibration error."""

    bins: tuple[tuple[float, float, int], ...]
    error: float


@dataclass(frozen=True, slots=True)
class Point:
    """A table at one run: rows, mean score, mean confidence; over all its tenants."""

    at: str
    rows: int
    score: float | None
    confidence: float | None


def curve(lake: Lake, name: str) -> Curve | None:
    """The reliability of a table's confidence on records held out; None where it is assumed."""
    from seeding_platform.quality.confidence.table import from_table

    table = f"quality/{name}__calibration"
    if not lake.exists(table):
        return None
    held = from_table(lake.read(table).collect()).held_out
    return None if held is None else Curve(tuple((round(s, 4), round(o, 4), int(n)) for s, o, n in held.bins.rows()), round(held.ece, 4))


def accuracy(kept: pl.DataFrame, contract: TableContract, references: Path | None) -> Ratio:
    """Cells of a reference that the clean rows have too; nothing to judge without one.

    Args:
        kept: clean rows.
        contract: whose rows they are.
        references: folder with `<table>.csv` or `<table>.parquet`: rows known to be right, by the contract's column names, with its key, and with
            `tenant` where the table holds rows of several. One that cannot be read as that is named in the log, and nothing is told.
    """
    from seeding_platform.cleaning import quality_score

    found = [references / f"{contract.name}{end}" for end in (".parquet", ".csv")] if references is not None else []
    file = next((f for f in found if f.is_file()), None)
    if file is None or kept.is_empty():
        return Ratio(0, 0)
    import datetime as dt

    try:
        right = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema=False)
        if "tenant" not in right.columns:
            if kept["tenant"].n_unique() > 1:
                raise ConfigError(f"{file.name} has no column tenant, but the table holds rows of several.", fix="Say whose each row is.")
            right = right.with_columns(tenant=pl.lit(kept["tenant"][0]))
        _, score = quality_score(kept, contract, now=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), reference=right)
    except (ConfigError, pl.exceptions.PolarsError, OSError) as error:
        log.warning("the reference %s cannot be compared with: %s", file.name, error)
        return Ratio(0, 0)
    return score.accuracy


def beside(lake: Lake) -> dict[str, Any]:
    """The parts of a report that other assets have made: `trend`, `unusual`, `bias`, `bias_counts`, `recommendations`, `seeding`."""
    recommendations = tuple(_rows(lake, "quality/recommendations", MOST_TOLD))
    return {**_history(lake), **_bias(lake), "recommendations": recommendations, "seeding": _seeding(lake)}


def _seeding(lake: Lake) -> tuple[dict[str, Any], ...] | None:
    """The rows of the seeding experiment; None before it was first run."""
    if not lake.exists("quality/seeding_experiment"):
        return None
    return tuple(lake.read("quality/seeding_experiment").sort("tenant", "model", "labels").collect().to_dicts())


def _history(lake: Lake) -> dict[str, Any]:
    if not lake.exists("quality/monitors"):
        return {}
    from seeding_platform.quality.monitors import told

    history = lake.read("quality/monitors").collect()
    figures = history.filter((pl.col("column") == "") & pl.col("metric").is_in(["rows", "score", "confidence"]))
    by_run = figures.pivot("metric", index=["table", "at", "tenant"], values="value", aggregate_function="first").sort("table", "at")
    for name in ("rows", "score", "confidence"):
        if name not in by_run.columns:
            by_run = by_run.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
    rows = pl.col("rows")
    means = [((pl.col(m) * rows).sum() / rows.sum()).round(4).alias(m) for m in ("score", "confidence")]
    points = by_run.group_by("table", "at", maintain_order=True).agg(rows.sum(), *means)
    trend = {
        table: tuple(Point(at.isoformat(), int(n), score, confidence) for _, at, n, score, confidence in part.tail(POINTS).iter_rows())
        for (table,), part in points.partition_by("table", as_dict=True, maintain_order=True).items()
    }
    latest = history.filter(pl.col("at") == pl.col("at").max().over("table"))
    moments = latest["at"].unique().sort(descending=True)
    return {"trend": trend, "unusual": tuple(line for at in moments for line in told(latest, at=at))[:MOST_TOLD]}


def _bias(lake: Lake) -> dict[str, Any]:
    if not lake.exists("quality/bias"):
        return {}
    found = lake.read("quality/bias").collect()
    counts = dict(found.group_by("verdict").agg(pl.len()).sort("verdict").iter_rows())
    order = {"biased": 0, "insufficient_evidence": 1}
    told = found.filter(pl.col("verdict").is_in(list(order)) & pl.col("value").is_not_null())
    ranked = told.sort(pl.col("verdict").replace_strict(order, return_dtype=pl.Int8), "tenant", "subject", "metric", "group").head(MOST_TOLD)
    return {"bias": tuple(ranked.to_dicts()), "bias_counts": counts}


def _rows(lake: Lake, table: str, most: int) -> list[dict[str, Any]]:
    return lake.read(table).sort("rank").head(most).drop("preview").collect().to_dicts() if lake.exists(table) else []
