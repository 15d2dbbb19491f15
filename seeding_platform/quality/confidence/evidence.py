"""What speaks against a clean row, as counts from 0 (nothing) up. What they mean is learned in `calibration`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.catalog import TableContract

FACTORS: dict[str, str] = {
    "missing_required": "required values that are missing",
    "missing_usual": "how unusual it is in the same source to miss what this row misses: 1 where one row in 27 does, 3 where one in 200",
    "soft_rules": "soft rules that it breaks",
    "outliers": "amounts that are unusual among their like",
    "guessed": "cells that a repair rule has filled or changed on evidence",
    "disagreement": "share of cells in which another row of the same thing says something else",
    "unsupported": "1 where no other row of the same thing says the same",
}
"""Each factor and what it counts."""
OFTEN, MOST = 0.1, 3.0
"""Share of the rows of a source from which on it is no news that they miss a value; most that a factor counts."""
_PLACE = ("_source", "_batch", "_row")


def evidence(
    rows: pl.LazyFrame | pl.DataFrame,
    contract: TableContract,
    *,
    repairs: pl.LazyFrame | pl.DataFrame | None = None,
    duplicates: pl.LazyFrame | pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row a row of `rows`, in their order: each factor of `FACTORS`, at most 3.

    Args:
        rows: in the contract's clean schema.
        contract: whose rows they are.
        repairs: cells that were changed, in the schema of the repairs of a cleaning; none without it. Of lazy ones only what counts is read.
        duplicates: rows that were merged into others; none without it.
    """
    frame = rows.lazy().collect()
    required = contract.required_columns()
    optional = [c for c in contract.columns if c not in required and c not in contract.derived]
    missing = {c: pl.col(c).is_null() for c in optional if frame[c].null_count()}
    usual = [pl.when(missing[c]).then(news).otherwise(0.0) for c, news in _news(frame, missing).items()]
    soft = list(contract.flags)
    flags = pl.col("flags")
    counted = frame.select(
        missing_required=pl.sum_horizontal(pl.col(c).is_null().cast(pl.Float64) for c in required) if required else pl.lit(0.0),
        missing_usual=pl.sum_horizontal(usual) if usual else pl.lit(0.0),
        soft_rules=flags.list.set_intersection(soft).list.len().cast(pl.Float64) if soft else pl.lit(0.0),
        outliers=flags.list.set_difference(soft).list.len().cast(pl.Float64) if soft else flags.list.len().cast(pl.Float64),
    )
    beside = frame.select(_PLACE)
    guessed = _guessed(beside, repairs)
    disagreement, unsupported = _others(beside, duplicates)
    told = counted.with_columns(guessed=guessed, disagreement=disagreement, unsupported=unsupported)
    return told.select(pl.col(name).fill_null(0.0).clip(0.0, MOST) for name in FACTORS)


def _news(frame: pl.DataFrame, missing: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    """How unusual it is in a row's source to miss each column. Of each source once: there are few sources and many rows."""
    shares = frame.group_by("_source").agg(**{c: (OFTEN / no.mean()).log().clip(0.0) for c, no in missing.items()}) if missing else pl.DataFrame()
    if shares.height == 1:
        return {c: pl.lit(shares[c][0]) for c in missing}
    return {c: pl.col("_source").replace_strict(shares["_source"], shares[c], return_dtype=pl.Float64) for c in missing}


def _guessed(places: pl.DataFrame, repairs: pl.LazyFrame | pl.DataFrame | None) -> pl.Series:
    """Cells of each row that were changed with less than certainty."""
    if repairs is None:
        return _all(0.0, places, "guessed")
    cells = repairs.lazy().filter(pl.col("confidence") < 1.0).group_by(_PLACE).agg(guessed=pl.len().cast(pl.Float64)).collect()
    return _beside(places, cells)["guessed"].fill_null(0.0)


def _others(places: pl.DataFrame, duplicates: pl.LazyFrame | pl.DataFrame | None) -> tuple[pl.Series, pl.Series]:
    """Of the rows merged into each row: the largest share of cells in which one says something else, and 1 where none says the same."""
    if duplicates is None or "agreement" not in duplicates.lazy().collect_schema():
        return _all(0.0, places, "least"), _all(1.0, places, "most")
    into = [pl.col(f"survivor{c}").alias(c) for c in _PLACE]
    told = duplicates.lazy().group_by(into).agg(least=pl.col("agreement").min(), most=pl.col("agreement").max()).collect()
    found = _beside(places, told)
    return (1.0 - found["least"]).fill_null(0.0), (found["most"] < 1.0).cast(pl.Float64).fill_null(1.0)


def _all(value: float, places: pl.DataFrame, name: str) -> pl.Series:
    return pl.Series(name, [value], dtype=pl.Float64).new_from_index(0, places.height)


def _beside(places: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """What is told of some places, at each place; null elsewhere. The row's number, which is cheap to compare, comes first."""
    some = places.lazy().with_row_index("_place").filter(pl.col("_row").is_in(told["_row"].unique().implode()))
    found = some.join(told.lazy(), on=_PLACE, how="inner").collect()
    values = [c for c in told.columns if c not in _PLACE]
    nothing = {c: pl.Series(c, [None], dtype=told.schema[c]).new_from_index(0, places.height) for c in values}
    return pl.DataFrame([nothing[c].scatter(found["_place"], found[c]) for c in values])
