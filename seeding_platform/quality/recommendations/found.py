"""One recommendation, and the table of all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeding_platform.catalog import TableContract

RECOMMENDATIONS: dict[str, pl.DataType] = {
    "rank": pl.Int64(),
    "table": pl.String(),
    "kind": pl.String(),
    "column": pl.String(),
    "says": pl.String(),
    "rows": pl.Int64(),
    "cells": pl.Int64(),
    "points": pl.Float64(),
    "add": pl.String(),
    "preview": pl.List(pl.String),
}
SHOWN, LONGEST = 5, 60


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to add.

    Args:
        table: contract concerned.
        kind: snap, fd, slip (rules of repair), format (of a source), mapping (of a source), reference (rows to land).
        column: concerned.
        says: what and why, in a sentence.
        rows: that would come back from quarantine, or find what they point to.
        cells: that would be filled or changed.
        points: by which the mean score of the kept rows would rise, 0-100.
        add: what to add, as it stands in the policy or the source; empty where there is nothing to paste.
        preview: some cells before and after, personal data taken out.
    """

    table: str
    kind: str
    column: str
    says: str
    rows: int = 0
    cells: int = 0
    points: float = 0.0
    add: Mapping[str, Any] | None = None
    preview: tuple[str, ...] = ()


PLACE = ("_source", "_batch", "_row")


def wrong_only_in(quarantined: pl.DataFrame, contract: TableContract, column: str) -> pl.DataFrame:
    """Places of refused rows with which nothing is wrong but one column: every rule they break concerns it."""
    with_it = [rule for rule, holds in contract.rules.items() if column in holds.meta.root_names()]
    cells = quarantined.select(*PLACE, "rules", "columns").explode("rules", "columns", empty_as_null=True)
    concerned = (pl.col("columns") == column) | pl.col("rules").is_in(with_it)
    return cells.group_by(PLACE).agg(alone=concerned.all()).filter("alone").select(PLACE)


def previewed(changes: Sequence[tuple[str | None, str | None]]) -> tuple[str, ...]:
    """Cells before and after as lines that anybody may read."""
    from seeding_platform.governance import detect_pii, redacted

    lines = pl.Series([f"{_short(before)} → {_short(after)}" for before, after in dict.fromkeys(changes)][:SHOWN], dtype=pl.String)
    return tuple(redacted(lines, spans=detect_pii(lines, weak=True)).to_list())


def _short(value: str | None) -> str:
    said = "(nothing)" if value is None else value
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def as_table(found: Iterable[Found]) -> pl.DataFrame:
    """All recommendations in their order."""
    ordered = sorted(found, key=lambda f: (-(f.rows + f.cells), -f.points, f.table, f.kind, f.column))
    rows = [
        (rank, f.table, f.kind, f.column, f.says, f.rows, f.cells, round(f.points, 2), json.dumps(dict(f.add)) if f.add else "", list(f.preview))
        for rank, f in enumerate(ordered, 1)
    ]
    return pl.DataFrame(rows, schema=RECOMMENDATIONS, orient="row")
