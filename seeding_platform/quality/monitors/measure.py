"""The figures of one table of the quality layer, tenant by tenant: amounts, gaps, freshness, quality, and the shape of each column."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.catalog import Column, TableContract

MEASURED: dict[str, pl.DataType] = {
    "tenant": pl.String(),
    "column": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "shape": pl.String(),
}
DECILES = 10
MOST_KINDS = 50
"""A column with more different values has no shape: names and texts are not kept here."""


def measured(
    rows: pl.LazyFrame,
    contract: TableContract,
    *,
    quarantined: Mapping[str, int],
    now: dt.datetime,
    shapes: Mapping[tuple[str, str], str] | None = None,
) -> pl.DataFrame:
    """Figures of a table, one row a tenant, column and metric.

    Metrics of the table (column ""): `rows`; `freshness_hours` (age of the newest fact); `score` (mean, 0-100), `confidence` (mean), `completeness`
    (filled required cells), `validity` (rows that were not quarantined). Of each column: `null_rate`; `distinct_ratio` of texts and `mean` of
    numbers, over its values; `psi`, how far its `shape` is from an earlier one.

    Args:
        rows: in the contract's quality schema.
        contract: whose rows they are.
        quarantined: rows of each tenant that cleaning refused.
        now: what freshness is measured from.
        shapes: earlier shapes by tenant and column; `psi` is null where there is none.

    Returns:
        `MEASURED`; `n` is what a figure was made of. A figure that nothing speaks for is left out.
    """
    parts = [pl.DataFrame(schema=MEASURED)]
    for (tenant,), part in rows.collect().partition_by("tenant", as_dict=True).items():
        found = [*_table_figures(part, contract, quarantined.get(str(tenant), 0), now)]
        for name, column in contract.columns.items():
            if name in part.columns:
                found += _column_figures(part[name], column, (shapes or {}).get((str(tenant), name)))
        parts.append(pl.DataFrame([(str(tenant), *figure) for figure in found], schema=MEASURED, orient="row"))
    return pl.concat(parts).sort("tenant", "column", "metric")


Figure = tuple[str, str, float | None, int, str | None]


def _table_figures(part: pl.DataFrame, contract: TableContract, refused: int, now: dt.datetime) -> list[Figure]:
    n = part.height
    required = [c for c in contract.required_columns() if c in part.columns]
    filled = sum(n - part[c].null_count() for c in required)
    found: list[Figure] = [
        ("", "rows", float(n), n, None),
        ("", "score", _mean(part["quality_score"]), n, None),
        ("", "confidence", _mean(part["confidence"]), n, None),
        ("", "completeness", filled / (n * len(required)) if required else None, n * len(required), None),
        ("", "validity", n / (n + refused), n + refused, None),
    ]
    if contract.time and contract.time in part.columns:
        newest = part[contract.time].cast(pl.Datetime("us")).max()
        if newest is not None:
            age = now.replace(tzinfo=None) - newest  # type: ignore[operator]
            found.append(("", "freshness_hours", round(age.total_seconds() / 3600, 3), n, None))  # type: ignore[union-attr]
    return [figure for figure in found if figure[2] is not None]


def _column_figures(values: pl.Series, column: Column, earlier: str | None) -> list[Figure]:
    name, n, known = values.name, values.len(), values.drop_nulls()
    found: list[Figure] = [(name, "null_rate", values.null_count() / n, n, None)]
    if not known.len():
        return found
    if values.dtype.is_numeric():
        found.append((name, "mean", _mean(known), known.len(), None))
    elif values.dtype == pl.String:
        found.append((name, "distinct_ratio", known.n_unique() / known.len(), known.len(), None))
    shape = _shape(known, column)
    if shape is not None:
        psi = None if earlier is None else _psi(known, json.loads(earlier))
        found.append((name, "psi", psi, known.len(), json.dumps(shape, ensure_ascii=False)))
    return found


Shape = dict[str, Any]


def _shape(known: pl.Series, column: Column) -> Shape | None:
    """Counts of a column's kinds, or between the deciles of its numbers; None where it is names or texts."""
    if known.dtype.is_numeric():
        numbers = known.cast(pl.Float64)
        deciles = {numbers.quantile(i / DECILES, interpolation="lower") for i in range(1, DECILES)}
        edges = sorted(float(v) for v in deciles if v is not None)
        return {"edges": edges, "counts": _between(numbers, edges)}
    kinds = known.n_unique()
    if known.dtype not in (pl.String, pl.Boolean) or kinds > MOST_KINDS or (column.values is None and kinds * 5 > known.len()):
        return None
    return {"kinds": dict(known.cast(pl.String).value_counts().sort(known.name).iter_rows())}


def _between(numbers: pl.Series, edges: list[float]) -> list[int]:
    place = pl.Series(edges, dtype=pl.Float64).search_sorted(numbers, side="left")
    counts = dict(place.value_counts().iter_rows())
    return [counts.get(i, 0) for i in range(len(edges) + 1)]


def _psi(known: pl.Series, earlier: Shape) -> float | None:
    """Population stability index of the values against an earlier shape; half a row stands in for a kind that one of the two has not."""
    if "edges" in earlier:
        if not known.dtype.is_numeric():
            return None
        before, after = earlier["counts"], _between(known.cast(pl.Float64), earlier["edges"])
    elif known.dtype.is_numeric():
        return None
    else:
        counts = dict(known.cast(pl.String).value_counts().iter_rows())
        kinds = sorted({*counts, *earlier["kinds"]})
        before, after = ([table.get(kind, 0) for kind in kinds] for table in (earlier["kinds"], counts))
    total_before, total_after = sum(before), sum(after)
    parts = ((max(b, 0.5) / total_before, max(a, 0.5) / total_after) for b, a in zip(before, after, strict=True))
    return float(sum((q - p) * math.log(q / p) for p, q in parts))


def _mean(values: pl.Series) -> float | None:
    mean = values.cast(pl.Float64).mean()
    return None if mean is None else float(mean)  # type: ignore[arg-type]
