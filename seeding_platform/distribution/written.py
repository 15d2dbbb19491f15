"""What can be said of a bundle that lies on the disk, from its files alone: nothing that it says of itself is taken for true.

Each function returns what is wrong, in words without values of rows; nothing is wrong where it returns nothing.
"""

from __future__ import annotations

import hashlib
import json
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from seeding_platform.catalog.engine import BundleFormat, inconsistencies
from seeding_platform.distribution.conformity import check_rows
from seeding_platform.distribution.formats import bundle_rows
from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid, read_manifest
from seeding_platform.distribution.signing import Kind, SignatureRefused, check_signature, read_signature
from seeding_platform.distribution.verify import CURRENT, SIGNATURE, folder_name, read_pointer
from seeding_platform.errors import ContractBroken

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract, EngineField
    from seeding_platform.distribution.manifest import Manifest
    from seeding_platform.distribution.signing import TrustedKey

IDENTIFIERS = ("_id", "_ref")
"""How the names of columns end that name one thing, and are the same in a table and in what is made of it."""
HALVED, GROWN = 0.5, 10.0
"""Between which shares of what is usual a bundle's rows and bytes are no surprise."""
TYPED = (BundleFormat.PARQUET, BundleFormat.ARROW)


class Named(NamedTuple):
    """An engine and what it is told that its rows are."""

    name: str
    fields: tuple[EngineField, ...]


def gate_problems(engine: EngineContract, folder: Path, manifest: Manifest, inputs: Mapping[str, pl.LazyFrame]) -> list[str]:
    """Whether only rows passed that may: the contract's rules, groups of people that are large enough, nothing of rows that are too doubtful.

    The last is seen by the names of things (`post_id`, `customer_ref`): each that stands in the bundle must stand in a row of the first table
    that knows it whose confidence is enough.

    Args:
        engine: the contract, with the rules that hold.
        folder: of the bundle.
        manifest: of the bundle; says which files there are.
        inputs: quality rows that it was made of, by table.
    """
    if manifest.format is BundleFormat.LIBSVM:
        return []  # it holds no names and no groups: what it is made of was looked at before it was written
    try:
        rows = bundle_rows(folder, manifest)
        check_rows(engine, rows)
    except ContractBroken as error:
        return [f"column {error.column} breaks the contract"]
    except (pl.exceptions.PolarsError, OSError) as error:
        return [f"the files cannot be read ({type(error).__name__})"]
    return [
        f"{count} values of {column} come from no row of {table} with a confidence of {engine.minimum_confidence:g}"
        for table, column in compared(engine, inputs)
        if (count := _strangers(rows, column, inputs[table], engine.minimum_confidence))
    ]


def compared(engine: EngineContract, inputs: Mapping[str, pl.LazyFrame]) -> list[tuple[str, str]]:
    """Columns of the key whose values are sought in the inputs, each with the table in which."""
    found = []
    for column in (name for name in engine.key if name.endswith(IDENTIFIERS)):
        table = next((t for t in engine.inputs if t in inputs and column in inputs[t].collect_schema()), None)
        if table is not None:
            found.append((table, column))
    return found


def _strangers(rows: pl.DataFrame, column: str, table: pl.LazyFrame, least: float) -> int:
    good = table if least == 0 else table.filter((pl.col("confidence") >= least).fill_null(False))
    named = rows.lazy().select(column).unique()
    return int(named.join(good.select(column).unique(), on=column, how="anti", nulls_equal=True).select(pl.len()).collect().item())


def schema_hash(schema: Mapping[str, pl.DataType]) -> str:
    """Digest of names and types, in their order."""
    told = [(name, str(dtype)) for name, dtype in schema.items()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def schema_problems(engine: EngineContract, folder: Path, manifest: Manifest, before: Manifest | None) -> list[str]:
    """Whether the files have the fields of the contract, and the version says what changed since the generation before."""
    problems = [] if manifest.contract_hash == engine.schema_hash() else ["the manifest names another contract"]
    wanted = schema_hash(engine.schema())
    for file in manifest.files:
        if file.rows is None or manifest.format not in TYPED:
            continue
        path = folder / file.path
        try:
            found = pl.scan_parquet(path, glob=False) if manifest.format is BundleFormat.PARQUET else pl.scan_ipc(path, glob=False)
            if schema_hash(found.collect_schema()) != wanted:
                problems.append(f"{file.path} has other fields than the contract")
        except (pl.exceptions.PolarsError, OSError) as error:
            problems.append(f"{file.path} cannot be read ({type(error).__name__})")
    if before is not None:
        problems += version_problems(before, manifest)
    return problems


def version_problems(before: Manifest, after: Manifest) -> list[str]:
    """Whether a version rose as the change of the fields asks for: the minor for fields that were added, the major for anything else."""
    old, new = ({f.name: f.model_dump(exclude={"description"}) for f in m.fields} for m in (before, after))
    was, now = (tuple(int(part) for part in m.contract_version.split(".")) for m in (before, after))
    other = sorted(name for name in old if old[name] != new.get(name))
    added = sorted(set(new) - set(old))
    if now < was:
        return [f"the contract went back from {before.contract_version} to {after.contract_version}"]
    if (other or before.format is not after.format) and now[0] == was[0]:
        return [f"{', '.join(other) or 'the format'} changed, and the major version {after.contract_version} is that of before"]
    if added and now == was:
        return [f"{', '.join(added)} came, and the version {after.contract_version} is that of before"]
    return []


def size_problems(manifest: Manifest, earlier: Sequence[Manifest]) -> list[str]:
    """Whether rows and bytes are about what they were: the median of earlier generations; an unexpected halving is told."""
    problems = []
    for what, of in (("rows", lambda m: m.rows), ("bytes", _bytes)):
        usual = median(of(m) for m in earlier) if earlier else 0
        now = of(manifest)
        if usual and not usual * HALVED < now < usual * GROWN:
            problems.append(f"{now:,} {what}, where {usual:,.0f} are usual")
    return problems


def _bytes(manifest: Manifest) -> int:
    return sum(file.bytes for file in manifest.files if file.rows is not None)


def signature_problems(folder: Path, trusted: Mapping[str, TrustedKey], *, now: dt.datetime) -> list[str]:
    """Whether the manifest is signed by a key that counts."""
    try:
        signature = read_signature((folder / SIGNATURE).read_bytes(), Kind.MANIFEST)
        check_signature(Kind.MANIFEST, (folder / MANIFEST).read_bytes(), signature, trusted, now=now)
    except FileNotFoundError:
        return ["it is not signed"]
    except SignatureRefused as error:
        return [str(error)]
    return []


def consistency_problems(root: Path, tenants: Iterable[str]) -> tuple[list[str], int]:
    """Names that mean different things in the bundles in force, and how many engines were compared; of bundles that cannot be read `verify` tells."""
    engines: dict[str, Named] = {}
    for tenant in tenants:
        for pointer in sorted((root / tenant).glob(f"*/{CURRENT}")):
            try:
                manifest = in_force(pointer.parent)
            except BundleInvalid:
                continue
            if manifest is not None:
                engines.setdefault(manifest.engine, Named(manifest.engine, manifest.fields))
    return inconsistencies(engines), len(engines)


def in_force(folder: Path) -> Manifest | None:
    """The manifest of the bundle in force in an engine's folder; None where none is.

    Raises:
        BundleInvalid: it cannot be read.
    """
    pointer = read_pointer(folder)
    return None if pointer is None else read_manifest(folder / pointer.folder)


def manifests_of(folder: Path, content_ids: Iterable[str]) -> list[Manifest]:
    """Manifests of bundles in an engine's folder; those that are gone or damaged are left out."""
    found = []
    for content_id in content_ids:
        try:
            found.append(read_manifest(folder / folder_name(content_id)))
        except BundleInvalid:
            continue
    return found
