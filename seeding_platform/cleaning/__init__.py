"""From raw text to rows that keep their contract, with every row accounted for and every changed cell on record.

`deduplicate` groups rows of any table by their text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.cleaning.clean import CleaningResult, clean
from seeding_platform.cleaning.policy import CleaningPolicy

if TYPE_CHECKING:
    import polars as pl

    from seeding_platform.cleaning.dedup.likeness import Mode

__all__ = ["CleaningPolicy", "CleaningResult", "clean", "deduplicate"]


def deduplicate(frame: pl.DataFrame, *, id: str, text: str, mode: Mode) -> pl.DataFrame:
    """Group rows whose texts are the same post; see `cleaning.dedup.likeness.deduplicate`.

    Returns:
        `id, cluster_id, duplicate_kind, similarity`, every input row once, in its order.

    Raises:
        ConfigError: a column is missing, an id is null or stands twice, or the mode is neither strict nor fuzzy.
    """
    from seeding_platform.cleaning.dedup.likeness import deduplicate as by_text

    return by_text(frame, id=id, text=text, mode=mode)
