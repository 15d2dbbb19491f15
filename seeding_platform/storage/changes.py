"""What differs between two versions of a table: rows added, removed and changed, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.lake import Lake


@dataclass(frozen=True, slots=True)
class Difference:
    """From one version of a table to another.

    Args:
        table: its name.
        before: the one version.
        after: the other.
        added: rows that only the second has.
        removed: rows that only the first has.
        changed: rows of the same key with another content.
        columns: how many of those changed in each column.
        added_columns: columns that only the second has.
        removed_columns: columns that only the first has.
    """

    table: str
    before: int
    after: int
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    added_columns: tuple[str, ...] = ()
    removed_columns: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """The two are the same."""
        return not (self.added or self.removed or self.changed or self.added_columns or self.removed_columns)


def difference(lake: Lake, table: str, before: int, after: int, *, key: Sequence[str], ignore: Sequence[str] = ()) -> Difference:
    """Compare two versions of a table.

    Args:
        lake: where it lies.
        table: its name.
        before: the one version.
        after: the other.
        key: columns that name a row; without any, or where they name several, rows are compared whole: none is changed, only added and removed.
        ignore: columns that do not count.
    """
    old, new = (lake.read(table, version=v).collect() for v in (before, after))
    gone, fresh = (tuple(c for c in a.columns if c not in b.columns) for a, b in ((old, new), (new, old)))
    shared = [c for c in old.columns if c in new.columns and c not in ignore]
    old, new = old.select(shared), new.select(shared)
    keys = list(key) if set(key) <= set(shared) else []
    if not keys or any(f.select(keys).is_duplicated().any() for f in (old, new)):
        added, removed = _only(new, old), _only(old, new)
        return Difference(table, before, after, added, removed, 0, {}, fresh, gone)
    values = [c for c in shared if c not in keys]
    both = old.join(new, on=keys, how="inner", suffix="__after", nulls_equal=True)
    differs = both.select(pl.col(c).ne_missing(pl.col(f"{c}__after")).alias(c) for c in values)
    changed = int(differs.select(pl.any_horizontal(values).sum()).item()) if values and both.height else 0
    counts = {c: n for c, n in zip(values, differs.sum().row(0), strict=True) if n} if changed else {}
    return Difference(table, before, after, new.height - both.height, old.height - both.height, changed, counts, fresh, gone)


def _only(one: pl.DataFrame, other: pl.DataFrame) -> int:
    """Rows of the one that the other has not, or not as often."""
    counted = [f.group_by(f.columns).len() for f in (one, other)]
    joined = counted[0].join(counted[1], on=one.columns, how="left", nulls_equal=True, suffix="_other")
    return int(joined.select((pl.col("len").cast(pl.Int64) - pl.col("len_other").fill_null(0).cast(pl.Int64)).clip(0).sum()).item())
