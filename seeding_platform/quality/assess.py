"""From clean rows to rows that others may read: confidence added, personal columns dropped, the table judged.

Confidence here is an estimate from stated factors; it is not yet calibrated against known errors, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.cleaning.score import Ratio, consistency, required_completeness
from seeding_platform.quality.gate import GatePolicy, judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog import TableContract
    from seeding_platform.quality.gate import Gate

SOURCE_TRUST, SYNTHETIC_TRUST = 0.95, 0.80


@dataclass(frozen=True, slots=True)
class Assessment:
    """Rows of the quality layer and what was found about them."""

    rows: pl.DataFrame
    completeness: Ratio
    validity: Ratio
    confidence: float | None
    score: float | None
    gate: Gate


def confidence(contract: TableContract, policy: CleaningPolicy) -> pl.Expr:
    """Estimated probability that a record is right, 0-1: geometric mean of source trust, completeness and consistency."""
    trust = pl.when(pl.col("synthetic")).then(SYNTHETIC_TRUST).otherwise(SOURCE_TRUST)
    return ((trust * required_completeness(contract) * consistency(policy)) ** (1 / 3)).round(4)


def assess(
    clean: pl.LazyFrame | pl.DataFrame,
    contract: TableContract,
    *,
    quarantined: int,
    cleaning: CleaningPolicy | None = None,
    policy: GatePolicy | None = None,
    let_out: Sequence[str] = (),
) -> Assessment:
    """Judge a clean table and give the rows that may leave.

    Args:
        clean: rows in the contract's clean schema.
        contract: the table's contract.
        quarantined: rows that cleaning refused; they count against validity.
        cleaning: the policy whose penalties the flags carry.
        policy: thresholds of the gate.
        let_out: declared personal columns that stay, behind the others: whoever asks for them treats them.
    """
    cleaning, policy = cleaning or CleaningPolicy(), policy or GatePolicy()
    rows = clean.lazy().with_columns(confidence=confidence(contract, cleaning)).select([*contract.schema("quality"), *let_out]).collect()
    source = clean.lazy().select(pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int64).sum() for c in contract.required_columns()), pl.len())
    filled, count = source.collect().row(0)
    complete = Ratio(int(filled or 0), len(contract.required_columns()) * int(count))
    valid = Ratio(rows.height, rows.height + quarantined)
    mean = None if rows.is_empty() else round(float(rows["confidence"].mean()), 4)  # type: ignore[arg-type]
    score = None if rows.is_empty() else round(float(rows["quality_score"].mean()), 2)  # type: ignore[arg-type]
    gate = judged(contract.name, completeness=complete, validity=valid, confidence=mean, score=score, policy=policy)
    return Assessment(rows, complete, valid, mean, score, gate)
