"""Quality of any typed table against a contract: six dimensions a row, and the table's ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.flags import flags
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.cleaning.score import Ratio, TableScore, consistency, required_completeness, timely
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.catalog import TableContract

_ROW = "_row_of_frame"
SCHEMA = {
    "row": pl.UInt32(),
    "completeness": pl.Float64(),
    "validity": pl.Float64(),
    "uniqueness": pl.Float64(),
    "consistency": pl.Float64(),
    "timeliness": pl.Float64(),
    "score": pl.Float64(),
}


def quality_score(
    frame: pl.DataFrame,
    contract: TableContract,
    *,
    now: dt.datetime,
    policy: CleaningPolicy | None = None,
    reference: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, TableScore]:
    """Score each row and the table, 0-100.

    A row's score is 100 times the weighted mean (weights in the policy) of required completeness, overall completeness, consistency,
    uniqueness and, where the contract says when a fact was true, timeliness; one that breaks a hard rule has at most `broken_cap`.

    Args:
        frame: rows with the contract's columns, in their types or as text that can be cast; a missing column counts as empty.
        contract: what they are measured against.
        now: the moment that timeliness is judged at, with a time zone.
        policy: weights and limits; default `CleaningPolicy()`.
        reference: rows known to be right, with the contract's key; where given, accuracy is the share of its cells that `frame` has too.

    Returns:
        `row` (0-based), each dimension 0-1 (`validity`: share of the hard rules that hold; `uniqueness`: 1 / rows with this key; `timeliness`:
        null without a time column), `score`; and the table's ratios with their numerators and denominators.

    Raises:
        ConfigError: `now` has no time zone, or `reference` lacks the key.
    """
    policy = policy or CleaningPolicy()
    if now.tzinfo is None:
        raise ConfigError("now has no time zone: say which moment is meant")
    rows, unread = _typed(frame, contract)
    ordered = rows.sort("tenant", *contract.key, "_source", maintain_order=True)
    derived = ordered.with_columns(expr.alias(name) for name, expr in contract.derived.items())
    flagged = derived.with_columns(flags=flags(contract, policy)).sort(_ROW)
    broken = flagged.select(_broken(contract, unread.get_columns())).to_series() if flagged.height else pl.Series([], dtype=pl.Float64)
    key = pl.struct("tenant", *contract.key)
    told = flagged.select(
        row=pl.col(_ROW).cast(pl.UInt32),
        completeness=required_completeness(contract),
        filled=pl.mean_horizontal(pl.col(c).is_not_null().cast(pl.Float64) for c in contract.columns),
        uniqueness=1.0 / pl.len().over(key).cast(pl.Float64),
        first=key.is_first_distinct(),
        consistency=consistency(policy),
        unflagged=pl.col("flags").list.len() == 0,
        timeliness=timely(contract.time, policy, now).cast(pl.Float64) if contract.time else pl.lit(None, dtype=pl.Float64),
    ).with_columns(validity=1.0 - broken)
    scored = told.with_columns(score=_score(contract, policy))
    return scored.select(pl.col(c).cast(t) for c, t in SCHEMA.items()), _table(scored, flagged, contract, reference)


def _typed(frame: pl.DataFrame, contract: TableContract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows in the contract's types with lineage, and per column which cells could not be cast."""
    there = {name: dtype for name, dtype in contract.schema("clean").items() if name in frame.columns and name in contract.columns}
    cast = frame.select(pl.col(name).cast(dtype, strict=False) for name, dtype in there.items())
    unread = pl.DataFrame([(frame[name].is_not_null() & cast[name].is_null()).alias(name) for name in there])
    lineage = {name: frame[name].cast(pl.String) if name in frame.columns else pl.lit("") for name in ("tenant", "_source")}
    empty = {name: pl.lit(None, dtype=contract.schema("clean")[name]) for name in contract.columns if name not in there}
    return cast.with_row_index(_ROW).with_columns(**lineage, **empty), unread


def _broken(contract: TableContract, unread: list[pl.Series]) -> pl.Expr:
    """Share of the hard rules that a row breaks; a cell that could not be read breaks one."""
    wrong = []
    for name, column in contract.columns.items():
        if name in contract.derived:
            continue
        value = pl.col(name)
        if not column.nullable:
            wrong.append(value.is_null())
        if column.minimum is not None:
            wrong.append(value < column.minimum)
        if column.maximum is not None:
            wrong.append(value > column.maximum)
        if column.values is not None:
            wrong.append(~value.is_in(list(column.values)))
    wrong += [~holds for holds in contract.rules.values()]
    wrong += [pl.lit(cells) for cells in unread if cells.any()]
    return pl.mean_horizontal(w.fill_null(False).cast(pl.Float64) for w in wrong) if wrong else pl.lit(0.0)


def _score(contract: TableContract, policy: CleaningPolicy) -> pl.Expr:
    parts = [
        (policy.weight_required, "completeness"),
        (policy.weight_filled, "filled"),
        (policy.weight_consistency, "consistency"),
        (policy.weight_uniqueness, "uniqueness"),
        *([(policy.weight_timeliness, "timeliness")] if contract.time else []),
    ]
    mean = pl.sum_horizontal(weight * pl.col(name) for weight, name in parts) * (100.0 / sum(weight for weight, _ in parts))
    return pl.when(pl.col("validity") < 1).then(pl.min_horizontal(mean, policy.broken_cap)).otherwise(mean).round(2)


def _table(scored: pl.DataFrame, rows: pl.DataFrame, contract: TableContract, reference: pl.DataFrame | None) -> TableScore:
    n = scored.height
    required = contract.required_columns()
    mean = scored["score"].mean()
    return TableScore(
        completeness=Ratio(sum(n - rows[c].null_count() for c in required), len(required) * n),
        validity=Ratio(int((scored["validity"] == 1).sum()), n),
        uniqueness=Ratio(int(scored["first"].sum()), n),
        consistency=Ratio(int(scored["unflagged"].sum()), n),
        score=None if mean is None else round(float(mean), 2),  # type: ignore[arg-type]
        timeliness=Ratio(int(scored["timeliness"].sum()), n) if contract.time else Ratio(0, 0),
        accuracy=Ratio(0, 0) if reference is None else _accuracy(rows, contract, reference),
    )


def _accuracy(rows: pl.DataFrame, contract: TableContract, reference: pl.DataFrame) -> Ratio:
    """Cells of the reference, its key aside, that the row with the same key has too."""
    keys = [c for c in ("tenant", *contract.key) if c in reference.columns]
    if not set(contract.key) <= set(keys):
        raise ConfigError(f"the reference has no column {', '.join(sorted(set(contract.key) - set(keys)))}: it cannot be compared")
    true, _ = _typed(reference, contract)
    compared = [c for c in reference.columns if c in contract.columns and c not in contract.key]
    held = true.select(*keys, *compared).join(rows.select(*keys, *compared).unique(keys, keep="first"), on=keys, how="left", suffix="_held")
    right = sum(int((held[c].eq_missing(held[f"{c}_held"])).sum()) for c in compared)
    return Ratio(right, len(compared) * held.height)
