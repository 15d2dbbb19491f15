"""What changed between two bundles of an engine, by the key of its contract.

A delta lies in the folder of the bundle that it leads to, and is recalled with it: its upserts are rows of that bundle, so whoever stands in one
stands in the other. Its deletes hold keys only, no other field: they are the pseudonyms by which the receiver that holds the base must find the
rows to throw away, and a key that is in no bundle any more says nothing else of anybody. No delta leads away from a bundle that was recalled: a
receiver must not hold that one, and what is told of it is "delete it all". Where somebody asks to be erased later, bundles made before, deltas
with their pseudonym included, are recalled because they were made of rows before the erasure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.engine import BundleFormat
from seeding_platform.distribution.files import file_sha256
from seeding_platform.distribution.formats import EXTENSIONS, bundle_rows, write_rows
from seeding_platform.distribution.key_shares import ROW, first_repeat, in_shares
from seeding_platform.distribution.manifest import DELETES, UPSERTS, BundleFile, BundleInvalid, Delta, read_manifest
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.errors import PermanentError
from seeding_platform.storage.recalls import recalled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract

LARGEST = 0.5
"""A delta must be smaller than this part of the whole to be worth its trouble."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How rows became other rows.

    Args:
        upserts: rows that are new or not as they were, whole.
        deletes: keys of rows that are gone.
    """

    upserts: pl.DataFrame
    deletes: pl.DataFrame


def changes(base: pl.DataFrame, rows: pl.DataFrame, key: Sequence[str]) -> Changes:
    """How `base` becomes `rows`; a null in a key is a value like any other.

    Raises:
        PermanentError: two rows of either have one key, or the schemas differ.

    >>> before, after = pl.DataFrame({"k": [1, 2, 3], "v": ["a", "b", None]}), pl.DataFrame({"k": [1, 3, 4], "v": ["a", "c", "d"]})
    >>> found = changes(before, after, ["k"])
    >>> found.upserts.rows(), found.deletes.rows()
    ([(3, 'c'), (4, 'd')], [(2,)])
    """
    _same_form(base, rows, key)
    found = [_changed(before, after, key) for before, after in in_shares([base, rows], key)]
    upserts, deletes = (pl.concat(parts).sort(ROW).drop(ROW) for parts in zip(*found, strict=True))
    return Changes(upserts, deletes)


def _changed(base: pl.DataFrame, rows: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that are new or not as they were, and keys that are gone, with their places."""
    others = [name for name in rows.columns if name not in (*key, ROW)]
    before = base.drop(ROW).rename({name: f"{name}\x00before" for name in others}).with_columns(pl.lit(True).alias("\x00known"))
    beside = rows.join(before, on=list(key), how="left", nulls_equal=True)
    same = pl.all_horizontal(pl.col("\x00known").fill_null(False), *(pl.col(n).eq_missing(pl.col(f"{n}\x00before")) for n in others))
    gone = base.select(*key, ROW).join(rows.select(key), on=list(key), how="anti", nulls_equal=True)
    return beside.filter(~same).select(rows.columns), gone


def apply_delta(base: pl.DataFrame, upserts: pl.DataFrame, deletes: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The rows that a base and a delta make, in no particular order.

    Args:
        base: rows of the base.
        upserts: rows to insert, or to put in place of those with their key.
        deletes: keys of rows to leave out.
        key: fields that identify a row.

    Raises:
        PermanentError: two rows of the base or of the upserts have one key, or their schemas differ.
    """
    _same_form(base, upserts, key)
    gone = pl.concat([deletes.select(key), upserts.select(key)])
    return pl.concat([base.join(gone, on=list(key), how="anti", nulls_equal=True, maintain_order="left"), upserts])


def written_delta(staged: Path, base: Path, *, base_generation: int, rows: pl.DataFrame, engine: EngineContract, whole_bytes: int) -> Delta | None:
    """Write the delta from a base into the folder of a new bundle, where it is worth it.

    Args:
        staged: folder of the new bundle.
        base: folder of the bundle in force.
        base_generation: its number.
        rows: all rows of the new bundle.
        engine: contract of the new bundle.
        whole_bytes: bytes of its files with rows.

    Returns:
        What was written; None where the base is recalled, not whole or of another contract, where the format has no keys (libsvm), or where the delta
        is not smaller than half of the whole. A delta is never needed: then the whole is taken.
    """
    key = [f.name for f in engine.fields if f.role == "key"]
    if engine.format is BundleFormat.LIBSVM or set(key) != set(engine.key) or recalled(base) is not None or not rows.height:
        return None
    try:
        verify_bundle(base)
        manifest = read_manifest(base)
    except BundleInvalid:
        return None
    if manifest.contract_hash != engine.schema_hash():
        return None
    found = changes(bundle_rows(base, manifest), rows, key)
    files = []
    for name, part in ((DELETES, found.deletes), (UPSERTS, found.upserts)):
        path = staged / f"{name}.{EXTENSIONS[engine.format]}"
        write_rows(part, path, engine.format)
        files.append(BundleFile(path=path.name, bytes=path.stat().st_size, sha256=file_sha256(path), rows=part.height))
    if sum(f.bytes for f in files) >= LARGEST * whole_bytes:
        for f in files:
            (staged / f.path).unlink()
        return None
    return Delta(
        base_content_id=manifest.content_id,
        base_generation=base_generation,
        upserts=found.upserts.height,
        deletes=found.deletes.height,
        files=tuple(files),
    )


def _same_form(base: pl.DataFrame, rows: pl.DataFrame, key: Sequence[str]) -> None:
    if base.schema != rows.schema:
        raise PermanentError("The rows of a delta and of its base have other fields.", fix="Take the whole bundle.")
    for what, frame in (("base", base), ("rows", rows)):
        if first_repeat(frame, key) is not None:
            raise PermanentError(f"Two rows of the {what} have one key ({', '.join(key)}).", fix="Take the whole bundle.")
