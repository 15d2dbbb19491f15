"""The rows that an engine's feed gives, of those rows of its inputs that are good enough, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.distribution.feeds import Feed, FeedContext


@dataclass(frozen=True, slots=True)
class FedRows:
    """What a feed gave.

    Args:
        rows: rows for the engine.
        reason: why there are none.
        inputs: for each table read its rows, and those good enough to be used.
        confidence: for each table read the mean and the lowest confidence of the rows used; null where none has any.
    """

    rows: pl.DataFrame
    reason: str | None
    inputs: Mapping[str, Mapping[str, int]]
    confidence: Mapping[str, Mapping[str, float | None]]


def explain_missing(engine: EngineContract, available: Mapping[str, int]) -> str:
    """Why an engine cannot be fed: which tables it needs and has not got; empty when it can be.

    Args:
        engine: contract of the engine.
        available: usable rows of each table that there is; a table that is not there is left out.
    """
    absent = [name for name in engine.inputs if name not in available]
    empty = [name for name in engine.inputs if available.get(name) == 0]
    said = [
        *([f"{_listed(absent)}, of which there is no table yet"] if absent else []),
        *([f"{_listed(empty)}, without rows so far"] if empty else []),
    ]
    if not said:
        return ""
    if len(absent) + len(empty) == 1:
        return f"needs {(absent or empty)[0]}, which {'no step fills yet' if absent else 'has no rows yet'}"
    return "needs " + ", and ".join(said)


def fed_rows(engine: EngineContract, feed: Feed, inputs: Mapping[str, pl.LazyFrame], context: FeedContext) -> FedRows:
    """Rows of a feed from those rows of its inputs that are good enough; none, with the reason, where an input is lacking.

    Args:
        engine: contract of the engine.
        feed: its feed.
        inputs: quality rows of one tenant by table; a table that is not there is left out.
        context: what the feed is told beside its tables.
    """
    given = {name: inputs[name] for name in feed.inputs if name in inputs}
    everything = engine.minimum_confidence == 0
    good = pl.lit(True) if everything else (pl.col("confidence") >= engine.minimum_confidence).fill_null(False)
    used = pl.col("confidence") if everything else pl.col("confidence").filter(good)
    told = pl.collect_all(
        [
            frame.select(rows=pl.len(), used=pl.len() if everything else good.sum(), mean=used.mean().round(4), lowest=used.min().round(4))
            for frame in given.values()
        ]
    )
    counted = {name: {column: int(n[column][0]) for column in ("rows", "used")} for name, n in zip(given, told, strict=True)}
    confidence = {name: {column: n[column][0] for column in ("mean", "lowest")} for name, n in zip(given, told, strict=True)}
    reason = explain_missing(engine, {name: n["used"] for name, n in counted.items()})
    if reason:
        doubtful = [name for name in engine.inputs if name in counted and counted[name]["rows"] and not counted[name]["used"]]
        because = f" with a confidence of at least {engine.minimum_confidence:.2f} ({_listed(doubtful)})" if doubtful else ""
        return FedRows(engine.empty(), reason + because, counted, confidence)
    tables = {name: given[name].filter(good) if name in given else TABLES[name].empty("quality").lazy() for name in feed.inputs}
    rows = feed.build(tables, context)
    return FedRows(rows, None if rows.height else f"no row of {_listed(engine.inputs)} qualifies", counted, confidence)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
