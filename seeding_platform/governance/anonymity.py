"""k-anonymity (Sweeney 2002): every combination of quasi-identifiers is shared by at least k people, or its rows are held back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 5


@dataclass(frozen=True, slots=True)
class Anonymity:
    """What the gate let through.

    Args:
        rows: those whose combination is shared by enough.
        held_back: number of the others.
        smallest: size of the smallest group that is left; None without rows.
        combinations: number of combinations before.
        k: what was wanted.
    """

    rows: pl.DataFrame
    held_back: int
    smallest: int | None
    combinations: int
    k: int


def k_anonymous(frame: pl.DataFrame, quasi: Sequence[str], *, person: str | None = None, k: int = FEWEST) -> Anonymity:
    """Hold back rows whose combination of quasi-identifiers fewer than `k` share; null is a value like any other.

    Args:
        frame: any rows.
        quasi: columns that together may tell who somebody is.
        person: column that names a person, where one has several rows; else each row is somebody.
        k: fewest people that must share a combination.

    Raises:
        ConfigError: a column is missing, or none is named.

    >>> found = k_anonymous(pl.DataFrame({"zip": ["1011", "1011", "1012"]}), ["zip"], k=2)
    >>> found.rows["zip"].to_list(), found.held_back, found.smallest
    (['1011', '1011'], 1, 2)
    """
    missing = [c for c in (*quasi, *([person] if person else [])) if c not in frame.columns]
    if missing or not quasi:
        raise ConfigError(
            f"There are no columns {', '.join(missing)}." if missing else "No quasi-identifier is named.", fix="Name columns of the table."
        )
    people = pl.col(person).n_unique() if person else pl.len()
    sized = frame.with_columns(people.over(list(quasi)).alias("_shared"))
    rows = sized.filter(pl.col("_shared") >= k)
    smallest = None if rows.is_empty() else int(rows["_shared"].min())  # type: ignore[arg-type]
    return Anonymity(rows.drop("_shared"), frame.height - rows.height, smallest, frame.select(quasi).n_unique() if frame.height else 0, k)
