"""Bundles: an engine's rows in a folder that never changes, and the pointer to the one in force.

What stood before stays in force until the new bundle lies whole on the disk and has been read back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.engine import BundleFormat
from seeding_platform.distribution.conformity import check_rows
from seeding_platform.distribution.croissant import CROISSANT, croissant
from seeding_platform.distribution.datapackage import DATAPACKAGE, datapackage
from seeding_platform.distribution.deltas import written_delta
from seeding_platform.distribution.fed import fed_rows
from seeding_platform.distribution.formats import PART_ROWS, read_rows, write_parts
from seeding_platform.distribution.manifest import MANIFEST, PII_POLICY, BundleInvalid, Manifest, content_id
from seeding_platform.distribution.readme import readme
from seeding_platform.distribution.shared import Built, SharedParts, build_key, files_in
from seeding_platform.distribution.signers import sign
from seeding_platform.distribution.signing import Kind
from seeding_platform.distribution.verify import CURRENT, SIGNATURE, Pointer, folder_name, read_pointer, verify_bundle
from seeding_platform.errors import BusyError, PermanentError
from seeding_platform.storage.durable import synced
from seeding_platform.storage.recalls import recalled, recalled_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.distribution.fed import FedRows
    from seeding_platform.distribution.feeds import Feed, FeedContext
    from seeding_platform.distribution.manifest import BundleFile, Delta, Lineage, Seal
    from seeding_platform.distribution.signing import Signer

README = "README.md"
LOCK = ".lock"
_LEFTOVER = ".tmp-"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is in force.

    Args:
        engine: for whom it is.
        tenant: whose data it holds.
        path: its folder.
        generation: its number; later ones are higher.
        content_id: digest of contract, files and policy.
        rows: number of rows.
        reason: why there are no rows.
        fresh: false when the bundle in force held the same content already.
        supersedes: content id of the bundle in force before; null for the first and when not fresh.
    """

    engine: str
    tenant: str
    path: Path
    generation: int
    content_id: str
    rows: int
    reason: str | None
    fresh: bool
    supersedes: str | None


def engine_folder(root: Path, tenant: str, engine: str) -> Path:
    """Where the bundles of a tenant's engine lie.

    Raises:
        PermanentError: a name is no name of a folder.
    """
    for name in (tenant, engine):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise PermanentError(f"{name!r} cannot name a folder of bundles.", fix="Use letters, digits, - and _ only.")
    return root / tenant / engine


def build_bundle(
    engine: EngineContract,
    feed: Feed,
    inputs: Mapping[str, pl.LazyFrame],
    *,
    tenant: str,
    root: Path,
    lineage: Lineage,
    quality: Mapping[str, object],
    now: dt.datetime,
    context: FeedContext,
    signer: Signer | None = None,
    seal: Seal | None = None,
    expires: dt.datetime | None = None,
    pinned: Mapping[str, int] | None = None,
    part_rows: int = PART_ROWS,
) -> Bundle:
    """Make an engine's bundle and put it in force, or find that the one in force holds the same content.

    Args:
        engine: contract of the engine.
        feed: its feed.
        inputs: quality rows of this tenant by table; a table that is not there is left out.
        tenant: whose data it is.
        root: folder of all bundles.
        lineage: where the rows come from.
        quality: summary of the inputs' quality, for the manifest; the confidence of the rows used is added.
        now: time of making, with a time zone.
        context: what the feed is told beside its tables.
        signer: who signs the manifest; a bundle that stands already is signed by it too.
        seal: how far the audit log is sealed.
        expires: until when the bundle may be used.
        pinned: version of each table that is read, where `inputs` are just those: engines that are fed alike then share one build (`shared`).
        part_rows: rows of one part at most.

    Raises:
        ContractBroken: the rows do not keep the contract; the bundle in force stays.
        BusyError: another process is making a bundle of this engine.
        BundleInvalid: the pointer cannot be read, or what was written is not what is on the disk.
    """
    if context.tenant != tenant or now.tzinfo is None:
        raise PermanentError(f"{engine.name}: tenant {tenant!r} and its feed's context must agree, and `now` needs a time zone.")
    key = None if pinned is None else build_key(engine, feed, context, pinned, part_rows=part_rows)
    folder = engine_folder(root, tenant, engine.name)
    with _alone(folder):
        staged = folder / f"{_LEFTOVER}bundle"
        shared = SharedParts(folder.parent, key) if key else None
        built = shared.taken(staged) if shared else None
        if built is None:
            built = _built(engine, fed_rows(engine, feed, inputs, context), staged, part_rows)
            if shared:
                shared.put(staged, built)
        files = (*built.files, *_described(engine, built, staged))
        before = read_pointer(folder)
        identity = content_id(engine.schema_hash(), files)
        target = folder / folder_name(identity)
        withdrawn = recalled(target) is not None  # its pointer may stand, and files of it, where the recall was cut short
        same = before is not None and before.content_id == identity and not withdrawn
        generation = before.generation if before is not None and same else last_number(folder, before) + 1
        supersedes = before.content_id if before is not None and not same else None
        if _whole(target) and not withdrawn:
            shutil.rmtree(staged)
            if signer is not None:
                sign(target, signer)
        else:
            manifest = Manifest(
                engine=engine.name,
                tenant=tenant,
                contract_version=engine.version,
                contract_hash=engine.schema_hash(),
                format=engine.format,
                schema=engine.fields,
                generation=generation,
                content_id=identity,
                files=files,
                rows=built.rows,
                reason=built.reason,
                inputs={name: dict(n) for name, n in built.inputs.items()},
                quality={**quality, "confidence": {name: dict(n) for name, n in built.confidence.items()}},
                pii_policy=PII_POLICY,
                lineage=lineage,
                supersedes=supersedes,
                created=now,
                delta=None if before is None or same else _delta(staged, folder, before, engine, built),
                seal=seal,
                expires=expires,
            )
            _put_in_place(staged, target, manifest, signer)
        if not same:
            _flip(folder, Pointer(generation=generation, content_id=identity))
    return Bundle(engine.name, tenant, target, generation, identity, built.rows, built.reason, not same, supersedes)


def put_in_force(folder: Path, change: Callable[[Pointer | None, int], Pointer]) -> Pointer:
    """Put another pointer in force while nobody makes a bundle of the engine.

    Args:
        folder: of the engine.
        change: gives the new pointer for the one in force and the last number that was given.

    Raises:
        BusyError: another process is making a bundle of this engine.
        BundleInvalid: the pointer cannot be read.
    """
    with _alone(folder):
        before = read_pointer(folder)
        after = change(before, last_number(folder, before))
        if after != before:
            _flip(folder, after)
    return after


def last_number(folder: Path, pointer: Pointer | None) -> int:
    """The last number that an engine was given; that of a recalled bundle is not given again."""
    return max([pointer.generation if pointer else 0, *(r.generation for r in recalled_in(folder))])


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the engine's folder, and clear away what killed runs left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"Another process is making a bundle of {folder.name}.", fix="Wait for it, then run again.") from error
        for left in folder.glob(f"{_LEFTOVER}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        os.close(handle)


def _built(engine: EngineContract, fed: FedRows, staged: Path, part_rows: int) -> Built:
    """Write rows that keep the contract into a temporary folder."""
    check_rows(engine, fed.rows)
    staged.mkdir()
    files = files_in(staged, write_parts(fed.rows, staged, engine, part_rows=part_rows))
    return Built(files, fed.rows.height, fed.reason, fed.inputs, fed.confidence)


def _described(engine: EngineContract, built: Built, staged: Path) -> tuple[BundleFile, ...]:
    """Write the page for people and the two for programs, which name the files with rows."""
    parts = [file.path for file in built.files if file.rows is not None]
    page = readme(engine, parts=parts, rows=built.rows, reason=built.reason)
    (staged / README).write_text(page, encoding="utf-8", newline="\n")
    (staged / CROISSANT).write_bytes(croissant(engine, built.files))
    (staged / DATAPACKAGE).write_bytes(datapackage(engine, built.files))
    return files_in(staged, dict.fromkeys((README, CROISSANT, DATAPACKAGE)))


def _delta(staged: Path, folder: Path, before: Pointer, engine: EngineContract, built: Built) -> Delta | None:
    """Write the delta from the bundle in force, where there is one that is worth it."""
    if built.rows == 0 or engine.format is BundleFormat.LIBSVM:
        return None
    paths = [staged / file.path for file in built.files if file.rows is not None]
    rows = pl.concat([read_rows(path, engine.format, engine.schema()) for path in paths])
    size = sum(file.bytes for file in built.files)
    return written_delta(staged, folder / before.folder, base_generation=before.generation, rows=rows, engine=engine, whole_bytes=size)


def _whole(target: Path) -> bool:
    try:
        verify_bundle(target)
    except BundleInvalid:
        return False
    return True


def _put_in_place(staged: Path, target: Path, manifest: Manifest, signer: Signer | None) -> None:
    """Complete the temporary folder, give it its name, and read it back; a broken folder of that name makes way."""
    text = manifest.to_bytes()
    (staged / MANIFEST).write_bytes(text)
    if signer is not None:
        (staged / SIGNATURE).write_bytes(signer.signed(Kind.MANIFEST, text).to_bytes())
    for file in staged.iterdir():
        synced(file)
    synced(staged)
    if target.exists():
        target.rename(target.with_name(f"{_LEFTOVER}broken"))
    staged.rename(target)
    synced(target.parent)
    verify_bundle(target)
    broken = target.with_name(f"{_LEFTOVER}broken")
    if broken.exists():
        shutil.rmtree(broken)


def _flip(folder: Path, pointer: Pointer) -> None:
    """Put a bundle in force, in one step."""
    fresh = folder / f"{_LEFTOVER}{CURRENT}"
    fresh.write_bytes(pointer.to_bytes())
    synced(fresh)
    fresh.replace(folder / CURRENT)
    synced(folder)
