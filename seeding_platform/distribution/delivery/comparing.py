"""What sets two generations of an engine apart: rows by the key of the contract, and what each says of its quality. Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog.engine import BundleFormat
from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.formats import scan_rows
from seeding_platform.distribution.manifest import BundleInvalid, read_manifest
from seeding_platform.distribution.verify import folder_name
from seeding_platform.errors import PermanentError
from seeding_platform.storage.recalls import recalled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeding_platform.distribution.manifest import Manifest

MOST_ROWS = 2_000_000
"""Of either side; larger bundles are compared by whoever fetches them."""
EXAMPLES = 10
_THERE, _BESIDE = "\x00there", "\x00beside"


class Incomparable(PermanentError):
    """Two bundles cannot be laid side by side."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that both have, and not alike.

    Args:
        key: values that identify it.
        fields: value before and after of each field that differs.
    """

    key: dict[str, Any]
    fields: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How the rows of one bundle became those of another.

    Args:
        added: rows that only the second has.
        removed: rows that only the first has.
        changed: rows that both have, and not alike.
        unchanged: rows that both have alike.
        by_field: rows in which a field differs, where there are any.
        new_fields: fields that only the second has.
        lost_fields: fields that only the first has.
        other_types: fields that both have with other types; they are not compared.
        examples_added: keys of a few of them, in the order of the keys.
        examples_removed: the same of those that are gone.
        examples_changed: the same of those that differ, with what differs.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    by_field: dict[str, int] = field(default_factory=dict)
    new_fields: tuple[str, ...] = ()
    lost_fields: tuple[str, ...] = ()
    other_types: tuple[str, ...] = ()
    examples_added: tuple[dict[str, Any], ...] = ()
    examples_removed: tuple[dict[str, Any], ...] = ()
    examples_changed: tuple[ChangedRow, ...] = ()


def bundle_of(root: Path, tenant: str, engine: str, content_id: str) -> tuple[Path, Manifest]:
    """The folder of a content and what it says of itself.

    Raises:
        Incomparable: it was recalled, or is not there any more, or is damaged.
    """
    folder = engine_folder(root, tenant, engine) / folder_name(content_id)
    if recalled(folder) is not None:
        raise Incomparable(f"Bundle {content_id[:12]} of {engine} was recalled.", fix="Choose another generation.")
    try:
        return folder, read_manifest(folder)
    except BundleInvalid as error:
        raise Incomparable(f"Bundle {content_id[:12]} of {engine} cannot be read: {error}", fix="Choose another generation.") from error


def compared(before: tuple[Path, Manifest], after: tuple[Path, Manifest], *, examples: int = EXAMPLES) -> Compared:
    """Compare the rows of two bundles by their key; files are read lazily where their format allows it, and only counts and examples are held.

    Args:
        before: folder and manifest of the first.
        after: of the second.
        examples: rows of each kind that are shown at most.

    Raises:
        Incomparable: one has no keys (libsvm), they have other keys, or one is larger than `MOST_ROWS`.
    """
    first, second = before[1], after[1]
    if BundleFormat.LIBSVM in (first.format, second.format):
        raise Incomparable("Rows of libsvm carry no key.", fix="Compare what the two say of their quality.")
    if not first.key or set(first.key) != set(second.key):
        raise Incomparable("The two have other keys.", fix="Choose generations of one major version of the contract.")
    if max(first.rows, second.rows) > MOST_ROWS:
        raise Incomparable(f"One has more than {MOST_ROWS:,} rows.", fix="Fetch both and compare them where there is room.")
    key, types, others = list(first.key), first.dtypes(), second.dtypes()
    shared = [name for name in types if name not in key and name in others]
    fields = [name for name in shared if types[name] == others[name]]
    beside = Compared(
        added=0, removed=0, changed=0, unchanged=first.rows, new_fields=tuple(n for n in others if n not in types),
        lost_fields=tuple(n for n in types if n not in others), other_types=tuple(n for n in shared if n not in fields),
    )  # fmt: skip
    if first.content_id == second.content_id:
        return beside
    counts, *found = _looked(_rows(*before), _rows(*after), key, fields, examples)
    row = {name: int(n or 0) for name, n in counts.row(0, named=True).items()}
    return replace(
        beside,
        added=row["\x00added"],
        removed=row["\x00removed"],
        changed=row["\x00changed"],
        unchanged=row["\x00unchanged"],
        by_field={name: row[name] for name in fields if row[name]},
        examples_added=tuple(found[0].to_dicts()),
        examples_removed=tuple(found[1].to_dicts()),
        examples_changed=tuple(_changed(r, key, fields) for r in found[2].to_dicts()),
    )


def _looked(before: pl.LazyFrame, after: pl.LazyFrame, key: Sequence[str], fields: Sequence[str], examples: int) -> list[pl.DataFrame]:
    """Counts, and examples of what was added, removed and changed, in one pass over both."""
    left = before.select(*key, *(pl.col(n).alias(f"{n}\x00before") for n in fields), pl.lit(True).alias(_THERE))
    right = after.select(*key, *fields, pl.lit(True).alias(_BESIDE))
    joined = left.join(right, on=list(key), how="full", coalesce=True, nulls_equal=True)
    added, removed = pl.col(_THERE).is_null(), pl.col(_BESIDE).is_null()
    both = ~added & ~removed
    differs = {n: both & pl.col(n).ne_missing(pl.col(f"{n}\x00before")) for n in fields}
    changed = pl.any_horizontal(*differs.values()) if differs else pl.lit(False)
    counts = joined.select(
        added.sum().alias("\x00added"), removed.sum().alias("\x00removed"), (both & changed).sum().alias("\x00changed"),
        (both & ~changed).sum().alias("\x00unchanged"), *(d.sum().alias(n) for n, d in differs.items()),
    )  # fmt: skip
    shown = [joined.filter(added).select(key), joined.filter(removed).select(key), joined.filter(both & changed).drop(_THERE, _BESIDE)]
    return pl.collect_all([counts, *(frame.sort(key).head(examples) for frame in shown)])


def _changed(row: dict[str, Any], key: Sequence[str], fields: Sequence[str]) -> ChangedRow:
    pairs = {n: (row[f"{n}\x00before"], row[n]) for n in fields}
    return ChangedRow({n: row[n] for n in key}, {n: pair for n, pair in pairs.items() if pair[0] != pair[1]})


def _rows(folder: Path, manifest: Manifest) -> pl.LazyFrame:
    """The rows of a bundle; columns that nobody asks for are not read where the format allows that."""
    return scan_rows([folder / file.path for file in manifest.files if file.rows], manifest.format, manifest.dtypes())
