"""From raw text to rows that keep their contract, with every row accounted for and every changed cell on record.

`clean` brings any table to a contract; `deduplicate` groups rows by their text; `repair` applies declared rules to cells; `flag_outliers` says which
numbers are suspect; `link` finds the records of one or two tables that are the same thing; `quality_score` measures a table against a contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.cleaning.assess import quality_score
from seeding_platform.cleaning.clean import CleaningResult, clean
from seeding_platform.cleaning.outliers import flag_outliers
from seeding_platform.cleaning.policy import CleaningPolicy, DuplicatePolicy
from seeding_platform.cleaning.progress import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from seeding_platform.cleaning.dedup.likeness import Mode
    from seeding_platform.cleaning.link.policy import LinkPolicy
    from seeding_platform.cleaning.progress import Progress
    from seeding_platform.cleaning.repair.engine import RepairResult
    from seeding_platform.cleaning.repair.rules import RepairRule

__all__ = ["CleaningPolicy", "CleaningResult", "DuplicatePolicy", "clean", "deduplicate", "flag_outliers", "link", "quality_score", "repair"]


def deduplicate(
    frame: pl.DataFrame,
    *,
    id: str,
    text: str,
    mode: Mode,
    policy: DuplicatePolicy | dict[str, Any] | None = None,
    progress: Progress = quiet,
) -> pl.DataFrame:
    """Group rows whose texts are the same post; see `cleaning.dedup.likeness.deduplicate`.

    Returns:
        `id, cluster_id, duplicate_kind, similarity`, every input row once, in its order.

    Raises:
        ConfigError: a column is missing, an id is null or stands twice, the mode is none of strict, fuzzy and semantic, or the policy is not in
            its form.
    """
    from seeding_platform.cleaning.dedup.likeness import deduplicate as by_text
    from seeding_platform.cleaning.policies import duplicate_policy

    told = duplicate_policy(policy) if isinstance(policy, dict) else policy
    return by_text(frame, id=id, text=text, mode=mode, policy=told, progress=progress)


def repair(frame: pl.DataFrame, rules: Sequence[RepairRule | dict[str, Any]], *, progress: Progress = quiet) -> RepairResult:
    """Repair cells by declared rules; see `cleaning.repair.engine.repair`.

    Returns:
        The repaired table, and a log of every changed and every suspect cell.

    Raises:
        ConfigError: a rule is not in its form, its column is missing, or what it wrote is no value of the column's type.
    """
    from seeding_platform.cleaning.repair.engine import repair as by_rules

    return by_rules(frame, rules, progress=progress)


def link(a: pl.DataFrame, b: pl.DataFrame | None = None, *, policy: LinkPolicy | dict[str, Any], progress: Progress = quiet) -> pl.DataFrame:
    """Find the records that are the same thing, in two tables or within one; see `cleaning.link.engine.link`.

    Returns:
        `id_a, id_b, score` (0-1), best first.

    Raises:
        ConfigError: the policy is not in its form, a column is missing, or an id is null or stands twice.
    """
    from seeding_platform.cleaning.link.engine import link as by_fields

    return by_fields(a, b, policy=policy, progress=progress)
