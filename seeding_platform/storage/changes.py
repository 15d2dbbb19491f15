"""What differs between two versions of a table: rows added, removed and changed, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that differs.

    Args:
        kind: added, removed or changed.
        key: the values that name it.
        cells: before and after, by column; for a row that is in one version only, all its cells.
    """

    kind: Literal["added", "removed", "changed"]
    key: Mapping[str, Any]
    cells: Mapping[str, tuple[Any, Any]]


def difference(
    lake: Lake, table: str, before: int, after: int, *, key: Sequence[str], ignore: Sequence[str] = (), tenant: str | None = None
) -> Difference:
    """Compare two versions of a table.

    Args:
        lake: where it lies.
        table: its name.
        before: the one version.
        after: the other.
        key: columns that name a row; without any, or where they name several, rows are compared whole: none is changed, only added and removed.
        ignore: columns that do not count.
        tenant: only rows of this tenant; None = of all.

    Raises:
        PermanentError: a version is not there any more.
    """
    old, new = (lake.rows(table, version=v, tenant=tenant) for v in (before, after))
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


def row_changes(
    lake: Lake, table: str, before: int, after: int, *, key: Sequence[str], tenant: str | None = None, limit: int = 10
) -> list[RowChange]:
    """Some of the rows that differ: those that changed first, then those that are in one version only; none where no key tells rows apart.

    Args:
        lake: where it lies.
        table: its name.
        before: the one version.
        after: the other.
        key: columns that name a row.
        tenant: only rows of this tenant; None = of all.
        limit: of each kind.
    """
    old, new = (lake.rows(table, version=v, tenant=tenant) for v in (before, after))
    keys = [c for c in key if c in old.columns and c in new.columns]
    if not keys or len(keys) < len(key) or any(f.select(keys).is_duplicated().any() for f in (old, new)):
        return []
    values = [c for c in old.columns if c in new.columns and c not in keys]
    both = old.join(new.select(*keys, *values), on=keys, how="inner", suffix="__after", nulls_equal=True)
    differing = both.filter(pl.any_horizontal([pl.col(c).ne_missing(pl.col(f"{c}__after")) for c in values])).head(limit) if values else both.clear()
    found = []
    for row in differing.iter_rows(named=True):
        cells = {c: (row[c], row[f"{c}__after"]) for c in values if row[c] != row[f"{c}__after"]}
        found.append(RowChange("changed", {k: row[k] for k in keys}, cells))
    fresh, gone = (one.join(other, on=keys, how="anti", nulls_equal=True).head(limit) for one, other in ((new, old), (old, new)))
    found += [RowChange("added", *_parts(row, keys, lambda v: (None, v))) for row in fresh.iter_rows(named=True)]
    found += [RowChange("removed", *_parts(row, keys, lambda v: (v, None))) for row in gone.iter_rows(named=True)]
    return found


def _parts(row: Mapping[str, Any], keys: Sequence[str], told: Callable[[Any], tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """A row as its key and its other cells."""
    return {k: row[k] for k in keys}, {c: told(v) for c, v in row.items() if c not in keys}


def _only(one: pl.DataFrame, other: pl.DataFrame) -> int:
    """Rows of the one that the other has not, or not as often."""
    counted = [f.group_by(f.columns).len() for f in (one, other)]
    joined = counted[0].join(counted[1], on=one.columns, how="left", nulls_equal=True, suffix="_other")
    return int(joined.select((pl.col("len").cast(pl.Int64) - pl.col("len_other").fill_null(0).cast(pl.Int64)).clip(0).sum()).item())
