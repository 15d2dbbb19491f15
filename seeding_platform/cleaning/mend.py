"""The repair rules of a contract and its policy inside a cleaning: formats on the raw text, the rest on harmonised values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.cleaning.harmonise import CHANGE_SCHEMA, INDEX, Harmonised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy

MENDED_SCHEMA = {**CHANGE_SCHEMA, "confidence": pl.Float64()}


def rules_of(contract: TableContract, policy: CleaningPolicy) -> list[dict[str, Any]]:
    """Rules in force: the contract's and the policy's, without those that a person has undone."""
    return [dict(rule) for rule in (*contract.repairs, *policy.repairs) if rule["name"] not in policy.without]


def mend_text(raw: pl.DataFrame, rules: Sequence[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Raw rows after the format rules, and what they changed (`_index, column, before, after, rule, confidence`)."""
    formats = [rule for rule in rules if rule["kind"] == "format"]
    if not formats or not raw.height:
        return raw, pl.DataFrame(schema=MENDED_SCHEMA)
    from seeding_platform.cleaning.repair.engine import repair

    result = repair(raw, formats)
    return result.frame, _as_changes(result.changed)


def mend_values(harmonised: Harmonised, rules: Sequence[dict[str, Any]]) -> tuple[Harmonised, pl.DataFrame]:
    """Harmonised rows after the dependencies and dictionaries, each tenant by itself, and what they changed.

    A cell that could not be read and is repaired is no failure any more.
    """
    others = [rule for rule in rules if rule["kind"] != "format"]
    rows = harmonised.rows
    if not others or not rows.height:
        return harmonised, pl.DataFrame(schema=MENDED_SCHEMA)
    from seeding_platform.cleaning.repair.engine import repair

    parts, changes = [], []
    for part in rows.partition_by("tenant", maintain_order=True):
        result = repair(part, others)
        parts.append(result.frame)
        place = part[INDEX]
        changes.append(_as_changes(result.changed.with_columns(row=place.gather(result.changed["row"]))))
    changed = pl.concat(changes)
    failures = harmonised.failures.join(changed.select(INDEX, "column"), on=[INDEX, "column"], how="anti", maintain_order="left")
    return Harmonised(pl.concat(parts).sort(INDEX), failures, harmonised.changes), changed


def _as_changes(log: pl.DataFrame) -> pl.DataFrame:
    return log.rename({"row": INDEX}).select(*MENDED_SCHEMA).cast(MENDED_SCHEMA)  # type: ignore[arg-type]
