"""From clean rows to rows that others may read: confidence added, personal columns dropped, the table judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.confidence import evidence, starting
from seeding_platform.quality.gate import GatePolicy, judged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from seeding_platform.catalog import TableContract
    from seeding_platform.quality.confidence import Calibration
    from seeding_platform.quality.gate import Gate


@dataclass(frozen=True, slots=True)
class Sides:
    """What a cleaning left beside its clean rows.

    Args:
        quarantined: rows of each source that it refused; they count against validity, and against their source.
        repairs: cells that it changed.
        duplicates: rows that it merged into others.
    """

    quarantined: Mapping[str, int]
    repairs: pl.LazyFrame | pl.DataFrame | None = None
    duplicates: pl.LazyFrame | pl.DataFrame | None = None


NOTHING_BESIDE = Sides({})


@dataclass(frozen=True, slots=True)
class Assessment:
    """Rows of the quality layer and what was found about them."""

    rows: pl.DataFrame
    completeness: Ratio
    validity: Ratio
    confidence: float | None
    score: float | None
    gate: Gate


def assess(
    clean: pl.LazyFrame | pl.DataFrame,
    contract: TableContract,
    *,
    beside: Sides = NOTHING_BESIDE,
    calibration: Calibration | None = None,
    trust: Mapping[str, float] | None = None,
    policy: GatePolicy | None = None,
    let_out: Sequence[str] = (),
) -> Assessment:
    """Judge a clean table and give the rows that may leave.

    Args:
        clean: rows in the contract's clean schema.
        contract: the table's contract.
        beside: what the cleaning left beside them.
        calibration: what the evidence against a row means; what is assumed of any table without it.
        trust: source to share of its records that are taken for right before anything is seen.
        policy: thresholds of the gate.
        let_out: declared personal columns that stay, behind the others: whoever asks for them treats them.
    """
    policy, calibration = policy or GatePolicy(), calibration or starting()
    kept = clean.lazy().collect()
    factors = evidence(kept, contract, repairs=beside.repairs, duplicates=beside.duplicates)
    stated = calibration.probability(factors, kept, quarantined=beside.quarantined, trust=trust)
    rows = kept.with_columns(stated.alias("confidence")).select([*contract.schema("quality"), *let_out])
    required = contract.required_columns()
    complete = Ratio(sum(kept.height - kept[c].null_count() for c in required), len(required) * kept.height)
    valid = Ratio(rows.height, rows.height + sum(beside.quarantined.values()))
    mean = None if rows.is_empty() else round(float(rows["confidence"].mean()), 4)  # type: ignore[arg-type]
    score = None if rows.is_empty() else round(float(rows["quality_score"].mean()), 2)  # type: ignore[arg-type]
    gate = judged(contract.name, completeness=complete, validity=valid, confidence=mean, score=score, policy=policy)
    return Assessment(rows, complete, valid, mean, score, gate)
