"""What a person could add so that more rows are usable: each tried on the table itself, with what it would gain.

Nothing is applied here. A rule goes into the policy of its table, a setting into the source, where a person puts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.quality.recommendations.found import RECOMMENDATIONS, as_table
from seeding_platform.quality.recommendations.rules import closed_lists, dependencies, slips
from seeding_platform.quality.recommendations.sources import date_formats, references, unfilled

if TYPE_CHECKING:
    import polars as pl

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy
    from seeding_platform.quality.recommendations.found import Found

__all__ = ["RECOMMENDATIONS", "as_table", "recommended"]
SAMPLE = 20_000


def recommended(
    kept: pl.DataFrame, quarantined: pl.DataFrame, contract: TableContract, policy: CleaningPolicy, *, dangling: dict[str, int] | None = None
) -> list[Found]:
    """Recommendations for one table, the one that gains most first.

    Args:
        kept: clean rows.
        quarantined: rows that cleaning refused.
        contract: whose rows they are.
        policy: by which they were cleaned; what it has already is not recommended.
        dangling: per reference ("column -> table.column"), rows that point to nothing.
    """
    sample = kept if kept.height <= SAMPLE else kept.sample(SAMPLE, seed=0)
    scale = kept.height / sample.height if sample.height else 1.0
    found = [
        *closed_lists(quarantined, contract, policy),
        *date_formats(quarantined, contract),
        *dependencies(sample, contract, policy, scale=scale),
        *slips(sample, contract, policy, scale=scale),
        *unfilled(kept, contract, policy),
        *references(contract, dangling or {}),
    ]
    return sorted(found, key=lambda f: (-(f.rows + f.cells), -f.points, f.kind, f.column))
