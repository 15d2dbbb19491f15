"""Apply repair rules in their order, each cell's change on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.cleaning.progress import quiet
from seeding_platform.cleaning.repair.dependency import dependency_findings, misplaced_rows
from seeding_platform.cleaning.repair.format import format_findings
from seeding_platform.cleaning.repair.rules import DependencyRule, FormatRule, SlipRule, parse_rules
from seeding_platform.cleaning.repair.slip import slip_findings
from seeding_platform.cleaning.repair.snap import snap_findings
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.cleaning.progress import Progress
    from seeding_platform.cleaning.repair.rules import RepairRule

LOG_SCHEMA = {
    "row": pl.UInt32(),
    "column": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "rule": pl.String(),
    "confidence": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class RepairResult:
    """A repaired table and why.

    Args:
        frame: the input with changed cells, same rows, columns and types.
        log: one row a cell that was changed or is suspect: `row` (0-based), `column`, `before`, `after`, `rule` (all that changed it, in
            their order), `confidence` (0-1). A suspect was not changed: its `after` is its `before`.
    """

    frame: pl.DataFrame
    log: pl.DataFrame

    @property
    def changed(self) -> pl.DataFrame:
        """The rows of the log whose cell is now another."""
        return self.log.filter(pl.col("before").ne_missing(pl.col("after")))

    @property
    def suspects(self) -> pl.DataFrame:
        """The rows of the log whose cell breaks a rule that had not enough support or margin to repair it."""
        return self.log.filter(pl.col("before").eq_missing(pl.col("after")))


def repair(frame: pl.DataFrame, rules: Sequence[RepairRule | dict[str, Any]], *, progress: Progress = quiet) -> RepairResult:
    """Repair cells by declared rules.

    Format rules rewrite; a dependency, a dictionary and a unit slip repair only with support and a margin, and flag otherwise. Rules are applied in
    their order, each on what the ones before it left. Blank and null are the same: a result that is empty becomes null.

    Args:
        frame: any table; other types than text are compared as their text, and repaired cells are cast back.
        rules: `FormatRule`, `DependencyRule`, `SnapRule`, `SlipRule`, or plain data in their form.
        progress: is told a line a rule.

    Raises:
        ConfigError: a rule is not in its form, its column is missing, or what it wrote is no value of the column's type.
    """
    parsed = parse_rules([rule if isinstance(rule, dict) else rule.model_dump() for rule in rules])
    missing = sorted({c for rule in parsed for c in rule.needs() if c not in frame.columns})
    if missing:
        raise ConfigError(f"the rules name {', '.join(missing)}; the table has {', '.join(frame.columns)}")
    used = list(dict.fromkeys(c for rule in parsed for c in rule.needs()))
    before = frame.select(_as_text(frame, c) for c in used)
    text, found = before, []
    for rule in parsed:
        findings = _findings(text, rule, parsed)
        changes = findings.filter(pl.col("after").ne_missing(pl.col("before")))
        text = _written(text, rule.column, changes)
        progress(f"{rule.name}: {changes.height:,} cells of {rule.column} changed, {findings.height - changes.height:,} suspect")
        found.append(findings.with_columns(column=pl.lit(rule.name and rule.column), rule=pl.lit(rule.name)))
    log = _one_row_a_cell(found)
    return RepairResult(_cast_back(frame, before, text), log)


def _as_text(frame: pl.DataFrame, column: str) -> pl.Expr:
    try:
        frame.select(pl.col(column).head(0).cast(pl.String))
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"column {column} is {frame.schema[column]}: only columns that can be written as text are repaired") from error
    value = pl.col(column).cast(pl.String)
    return pl.when(value != "").then(value).alias(column)


def _findings(text: pl.DataFrame, rule: RepairRule, rules: Sequence[RepairRule]) -> pl.DataFrame:
    """`row, before, after, confidence` of one rule; a suspect has its `before` as `after`."""
    if isinstance(rule, FormatRule):
        found = format_findings(text, rule)
    elif isinstance(rule, DependencyRule):
        siblings = [r for r in rules if isinstance(r, DependencyRule) and r.determinant == rule.determinant]
        found = dependency_findings(text, rule, misplaced=misplaced_rows(text, siblings))
    elif isinstance(rule, SlipRule):
        found = slip_findings(text, rule)
    else:
        found = snap_findings(text, rule)
    return found.select(pl.col("row").cast(pl.UInt32), "before", "after", pl.col("confidence").cast(pl.Float64))


def _written(text: pl.DataFrame, column: str, changes: pl.DataFrame) -> pl.DataFrame:
    if not changes.height:
        return text
    return text.with_columns(text[column].scatter(changes["row"], changes["after"]))


def _one_row_a_cell(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Changes of the same cell as one, from what it was to what it is; a suspect only where nothing changed the cell."""
    if not found:
        return pl.DataFrame(schema=LOG_SCHEMA)
    findings = pl.concat(found)
    changed = pl.col("before").ne_missing(pl.col("after"))
    changes = (
        findings.filter(changed)
        .group_by("row", "column", maintain_order=True)
        .agg(pl.col("before").first(), pl.col("after").last(), pl.col("rule").str.join(", "), pl.col("confidence").min())
        .filter(changed)
    )
    suspects = findings.filter(~changed).join(changes, on=["row", "column"], how="anti")
    suspects = suspects.unique(["row", "column"], keep="first", maintain_order=True)
    columns = list(LOG_SCHEMA)
    return pl.concat([changes.select(columns), suspects.select(columns)]).sort("row", "column").cast(LOG_SCHEMA)  # type: ignore[arg-type]


def _cast_back(frame: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The input with the changed cells in its own types; all other cells as they came."""
    repaired = []
    for column in before.columns:
        changed = before[column].ne_missing(after[column])
        if not changed.any():
            continue
        values = after[column]
        if frame.schema[column] != pl.String:
            try:
                values = values.cast(frame.schema[column], strict=True)
            except pl.exceptions.PolarsError as error:
                raise ConfigError(f"column {column} is {frame.schema[column]}, but a rule wrote another kind of value: {error}") from error
        repaired.append(pl.select(pl.when(changed).then(values).otherwise(frame[column]).alias(column)).to_series())
    return frame.with_columns(repaired)
