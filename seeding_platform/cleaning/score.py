"""Quality of rows and tables, 0-100, as ratios whose numerators and denominators are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share with what it was made of; no denominator means nothing to judge."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The share, or None without a denominator."""
        return self.numerator / self.denominator if self.denominator else None


def required_completeness(contract: TableContract) -> pl.Expr:
    """Share of a record's required columns that are filled, 0-1."""
    return pl.mean_horizontal(pl.col(c).is_not_null().cast(pl.Float64) for c in contract.required_columns())


def consistency(policy: CleaningPolicy) -> pl.Expr:
    """1 minus `flag_penalty` for each flag of the row, not below 0."""
    return (1.0 - policy.flag_penalty * pl.col("flags").list.len().cast(pl.Float64)).clip(0.0, 1.0)


def row_score(contract: TableContract, policy: CleaningPolicy) -> pl.Expr:
    """Quality of a kept row, 0-100: weighted mean of required completeness, overall completeness and consistency."""
    filled = pl.mean_horizontal(pl.col(c).is_not_null().cast(pl.Float64) for c in contract.columns)
    parts = (
        (policy.weight_required, required_completeness(contract)),
        (policy.weight_filled, filled),
        (policy.weight_consistency, consistency(policy)),
    )
    total = sum(weight for weight, _ in parts)
    return (100.0 / total * pl.sum_horizontal(weight * value for weight, value in parts)).round(2)


def timely(time: str, policy: CleaningPolicy, now: dt.datetime) -> pl.Expr:
    """True where a row's time is known, not after `now`, and at most `fresh_days` before it."""
    age = pl.lit(now).dt.convert_time_zone("UTC").dt.replace_time_zone(None) - pl.col(time).cast(pl.Datetime("us"))
    return (age.dt.total_seconds() / 86_400).is_between(0, policy.fresh_days).fill_null(False)


def timeliness(rows: pl.DataFrame, time: str, policy: CleaningPolicy, now: dt.datetime) -> Ratio:
    """Timely rows of all."""
    return Ratio(int(rows.select(timely(time, policy, now).sum()).item()), rows.height)


@dataclass(frozen=True, slots=True)
class TableScore:
    """Quality of a table.

    Args:
        completeness: filled required cells of kept rows.
        validity: rows not quarantined, of all rows.
        uniqueness: rows not merged into another, of the valid ones.
        consistency: kept rows without a flag.
        timeliness: rows whose time is known, not in the future and not too old; nothing to judge where no moment was given.
        accuracy: cells equal to those of a reference; nothing to judge without one.
        score: mean row score, 0-100; None for an empty table.
    """

    completeness: Ratio
    validity: Ratio
    uniqueness: Ratio
    consistency: Ratio
    score: float | None
    timeliness: Ratio = Ratio(0, 0)
    accuracy: Ratio = Ratio(0, 0)


def table_score(kept: pl.DataFrame, contract: TableContract, *, rows_in: int, quarantined: int, merged: int) -> TableScore:
    """Score of a cleaned table from its kept rows and counts."""
    required = contract.required_columns()
    filled = int(kept.select(pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int64).sum() for c in required)).item()) if kept.height else 0
    mean = kept["quality_score"].mean() if kept.height else None
    return TableScore(
        completeness=Ratio(filled, len(required) * kept.height),
        validity=Ratio(rows_in - quarantined, rows_in),
        uniqueness=Ratio(rows_in - quarantined - merged, rows_in - quarantined),
        consistency=Ratio(int((kept["flags"].list.len() == 0).sum()), kept.height),
        score=None if mean is None else round(float(mean), 2),  # type: ignore[arg-type]
    )
