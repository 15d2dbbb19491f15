"""The cleaning of one table: harmonise, validate, merge duplicates, derive, flag, score; every input row ends in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.alike import duplicates_by_text
from seeding_platform.cleaning.dedup.strict import DUPLICATE_SCHEMA, Merged, merge_equal_keys
from seeding_platform.cleaning.flags import flags
from seeding_platform.cleaning.harmonise import INDEX, harmonise
from seeding_platform.cleaning.mend import mend_text, mend_values, rules_of
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.cleaning.progress import quiet
from seeding_platform.cleaning.score import row_score, table_score, timeliness
from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.harmonise import Harmonised
    from seeding_platform.cleaning.progress import Progress
    from seeding_platform.cleaning.score import TableScore

QUARANTINE_SCHEMA = {
    "tenant": pl.String(),
    "_source": pl.String(),
    "_batch": pl.String(),
    "_row": pl.Int64(),
    "_position": pl.String(),
    "rules": pl.List(pl.String),
    "columns": pl.List(pl.String),
    "values": pl.List(pl.String),
    "message": pl.String(),
    "record": pl.String(),
}
REPAIR_SCHEMA = {
    "tenant": pl.String(),
    "_source": pl.String(),
    "_batch": pl.String(),
    "_row": pl.Int64(),
    "column": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "rule": pl.String(),
    "confidence": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class CleaningResult:
    """Where every input row went: `rows_in = kept + quarantined + merged`.

    Args:
        kept: rows that keep the contract, in the contract's clean schema.
        quarantined: rows that break it, with rules, raw values and the whole raw record.
        duplicates: rows merged into a kept one, with cluster and survivor.
        repairs: cells whose text was rewritten.
        clusters: kept rows (or merged, where the policy merges) whose texts are the same, with their cluster.
        index: what the next cleaning need not find again about their texts.
        rows_in: input rows.
        score: quality of the table.
    """

    kept: pl.DataFrame
    quarantined: pl.DataFrame
    duplicates: pl.DataFrame
    repairs: pl.DataFrame
    clusters: pl.DataFrame
    index: pl.DataFrame
    rows_in: int
    score: TableScore


def clean(
    raw: pl.LazyFrame | pl.DataFrame,
    contract: TableContract,
    policy: CleaningPolicy | None = None,
    *,
    now: dt.datetime | None = None,
    index: pl.DataFrame | None = None,
    progress: Progress = quiet,
) -> CleaningResult:
    """Clean the rows of one contract.

    Format rules, harmonise, dependencies and dictionaries, validate, merge equal keys, duplicates by text, derive, flag, score.

    Args:
        raw: rows in the contract's raw schema (text and lineage), or any table whose headers can be matched to it (`cleaning.intake`).
        contract: what the rows must keep.
        policy: limits, weights, repairs and duplicates; default `CleaningPolicy()`.
        now: the moment that the timeliness of the table is judged at; without it there is none.
        index: `index` of an earlier result: texts known from then are not worked on again, and the result is the same.
        progress: is told a line at each step.

    Raises:
        ConfigError: the table cannot be matched to the contract, or a repair rule is not in its form.
        PermanentError: a row would be lost or counted twice (a defect of ours, never of the data).
    """
    policy = policy or CleaningPolicy()
    frame = _raw(raw, contract)
    rules = rules_of(contract, policy)
    text, rewritten = mend_text(frame, rules)
    harmonised, mended = mend_values(harmonise(text, contract), rules)
    progress(f"harmonised: {harmonised.failures.height:,} cells could not be read; {rewritten.height + mended.height:,} repaired by rules")
    broken = _broken_rules(harmonised, contract)
    bad = broken[INDEX].unique()
    valid = harmonised.rows.filter(~pl.col(INDEX).is_in(bad.implode()))
    alone = Merged(valid, pl.DataFrame(schema=DUPLICATE_SCHEMA))  # a source row is its own identity: nothing is a duplicate
    merged = merge_equal_keys(valid, contract) if contract.identity == "natural" else alone
    alike = duplicates_by_text(merged.kept, contract, policy.duplicates, index, progress)
    duplicates = pl.concat([merged.duplicates, alike.merged.duplicates])
    kept = _finished(alike.merged.kept, contract, policy)
    if frame.height != kept.height + bad.len() + duplicates.height:
        raise PermanentError(f"{contract.name}: {frame.height} rows in, but {kept.height} + {bad.len()} + {duplicates.height} out.")
    score = table_score(kept, contract, rows_in=frame.height, quarantined=bad.len(), merged=duplicates.height)
    return CleaningResult(
        kept=kept,
        quarantined=_quarantined(frame, broken),
        duplicates=duplicates,
        repairs=_repairs(harmonised, rewritten, mended),
        clusters=alike.clusters,
        index=alike.index,
        rows_in=frame.height,
        score=score if now is None or contract.time is None else replace(score, timeliness=timeliness(kept, contract.time, policy, now)),
    )


def _raw(given: pl.LazyFrame | pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    frame = given.collect() if isinstance(given, pl.LazyFrame) else given
    schema = contract.schema("raw")
    if set(schema) <= set(frame.columns):
        return frame.select(list(schema))
    from seeding_platform.cleaning.intake import as_raw

    return as_raw(frame, contract, source="table").rows


def _broken_rules(harmonised: Harmonised, contract: TableContract) -> pl.DataFrame:
    """`_index, column, value, code, what` for each hard rule that a row breaks, casts included."""
    rows, found = harmonised.rows, [harmonised.failures]
    for name, column in contract.columns.items():
        if name in contract.derived:
            continue
        value = pl.col(name)
        if not column.nullable:
            found.append(_breaking(rows, value.is_null(), name, "missing", "is missing", but_not=harmonised.failures))
        if column.minimum is not None:
            found.append(_breaking(rows, value < column.minimum, name, "too_small", f"is below {column.minimum:g}"))
        if column.maximum is not None:
            found.append(_breaking(rows, value > column.maximum, name, "too_large", f"is above {column.maximum:g}"))
    for rule, holds in contract.rules.items():
        name = holds.meta.root_names()[0]
        found.append(_breaking(rows, ~holds, name, rule, f"breaks the rule {rule}", but_not=harmonised.failures))
    return pl.concat([f for f in found if f.height] or [harmonised.failures]).sort(INDEX, maintain_order=True)


def _breaking(rows: pl.DataFrame, wrong: pl.Expr, name: str, code: str, what: str, *, but_not: pl.DataFrame | None = None) -> pl.DataFrame:
    found = rows.filter(wrong.fill_null(False)).select(
        INDEX, column=pl.lit(name), value=_shown(name, rows.schema[name]), code=pl.lit(code), what=pl.lit(what)
    )
    if but_not is not None and but_not.height and found.height:
        found = found.join(but_not.select(INDEX, "column"), on=[INDEX, "column"], how="anti")
    return found


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).list.join(";") if isinstance(dtype, pl.List) else pl.col(name).cast(pl.String)


def _finished(rows: pl.DataFrame, contract: TableContract, policy: CleaningPolicy) -> pl.DataFrame:
    """Derived columns, flags and score; rows in the order of their key."""
    ordered = rows.sort("tenant", *contract.key, "_source", "_row")
    derived = ordered.with_columns(expr.alias(name) for name, expr in contract.derived.items())
    scored = derived.with_columns(flags=flags(contract, policy)).with_columns(quality_score=row_score(contract, policy))
    return scored.select(pl.col(name).cast(dtype) for name, dtype in contract.schema("clean").items())


def _quarantined(raw: pl.DataFrame, broken: pl.DataFrame) -> pl.DataFrame:
    if not broken.height:
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    told = (
        broken.with_columns(value=pl.col("value").fill_null(""))
        .group_by(INDEX, maintain_order=True)
        .agg(
            rules=pl.col("code"),
            columns=pl.col("column"),
            values=pl.col("value"),
            why=pl.format("column {}: '{}' {}", "column", "value", "what").str.join("; "),
        )
    )
    rows = raw.with_row_index(INDEX).join(told, on=INDEX, how="inner", maintain_order="left")
    file = pl.col("_batch").str.replace(r"@[0-9a-f]{12}(@[a-z0-9_-]+)?$", "")
    content = [c for c in raw.columns if not c.startswith("_") and c not in ("tenant", "synthetic")]
    return rows.with_columns(
        message=pl.format("{}, {}, {}", file, pl.col("_position").fill_null("?"), "why"),
        record=pl.struct(content).struct.json_encode(),
    ).select(*QUARANTINE_SCHEMA)


def _repairs(harmonised: Harmonised, *mended: pl.DataFrame) -> pl.DataFrame:
    lineage = harmonised.rows.select(INDEX, "tenant", "_source", "_batch", "_row")
    changes = pl.concat([mended[0], harmonised.changes.with_columns(confidence=pl.lit(1.0)).select(mended[0].columns), *mended[1:]])
    joined = changes.sort(INDEX, "column", maintain_order=True).join(lineage, on=INDEX, how="left", maintain_order="left")
    return joined.select(*REPAIR_SCHEMA)
