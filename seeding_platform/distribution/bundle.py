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

from seeding_platform.catalog.tables import TABLES
from seeding_platform.distribution.conformity import check_rows
from seeding_platform.distribution.formats import EXTENSIONS, write_rows
from seeding_platform.distribution.manifest import MANIFEST, PII_POLICY, BundleFile, BundleInvalid, Manifest, content_id
from seeding_platform.distribution.readme import readme
from seeding_platform.distribution.verify import CURRENT, Pointer, file_sha256, folder_name, read_pointer, verify_bundle
from seeding_platform.errors import BusyError, PermanentError
from seeding_platform.storage.durable import synced
from seeding_platform.storage.recalls import recalled, recalled_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.distribution.feeds import Feed, FeedContext
    from seeding_platform.distribution.manifest import Lineage

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


@dataclass(frozen=True, slots=True)
class FedRows:
    """What a feed gave.

    Args:
        rows: rows for the engine.
        reason: why there are none.
        inputs: for each table read its rows, and those good enough to be used.
    """

    rows: pl.DataFrame
    reason: str | None
    inputs: Mapping[str, Mapping[str, int]]


def engine_folder(root: Path, tenant: str, engine: str) -> Path:
    """Where the bundles of a tenant's engine lie.

    Raises:
        PermanentError: a name is no name of a folder.
    """
    for name in (tenant, engine):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise PermanentError(f"{name!r} cannot name a folder of bundles.", fix="Use letters, digits, - and _ only.")
    return root / tenant / engine


def explain_missing(engine: EngineContract, available: Mapping[str, int]) -> str:
    """Why an engine cannot be fed: which tables it needs and has not got; empty when it can be.

    Args:
        engine: contract of the engine.
        available: usable rows of each table that there is; a table that is not there is left out.
    """
    absent = [name for name in engine.inputs if name not in available]
    empty = [name for name in engine.inputs if available.get(name) == 0]
    said = [
        *([f"{_listed(absent)}, of which there is no table yet"] if absent else []),
        *([f"{_listed(empty)}, without rows so far"] if empty else []),
    ]
    if not said:
        return ""
    if len(absent) + len(empty) == 1:
        return f"needs {(absent or empty)[0]}, which {'no step fills yet' if absent else 'has no rows yet'}"
    return "needs " + ", and ".join(said)


def fed_rows(engine: EngineContract, feed: Feed, inputs: Mapping[str, pl.LazyFrame], context: FeedContext) -> FedRows:
    """Rows of a feed from those rows of its inputs that are good enough; none, with the reason, where an input is lacking.

    Args:
        engine: contract of the engine.
        feed: its feed.
        inputs: quality rows of one tenant by table; a table that is not there is left out.
        context: what the feed is told beside its tables.
    """
    given = {name: inputs[name] for name in feed.inputs if name in inputs}
    everything = engine.minimum_confidence == 0
    good = pl.lit(True) if everything else (pl.col("confidence") >= engine.minimum_confidence).fill_null(False)
    counts = pl.collect_all([frame.select(rows=pl.len(), used=pl.len() if everything else good.sum()) for frame in given.values()])
    counted = {name: {column: int(n[column][0]) for column in n.columns} for name, n in zip(given, counts, strict=True)}
    reason = explain_missing(engine, {name: n["used"] for name, n in counted.items()})
    if reason:
        doubtful = [name for name in engine.inputs if name in counted and counted[name]["rows"] and not counted[name]["used"]]
        because = f" with a confidence of at least {engine.minimum_confidence:.2f} ({_listed(doubtful)})" if doubtful else ""
        return FedRows(engine.empty(), reason + because, counted)
    tables = {name: given[name].filter(good) if name in given else TABLES[name].empty("quality").lazy() for name in feed.inputs}
    rows = feed.build(tables, context)
    return FedRows(rows, None if rows.height else f"no row of {_listed(engine.inputs)} qualifies", counted)


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
) -> Bundle:
    """Make an engine's bundle and put it in force, or find that the one in force holds the same content.

    Args:
        engine: contract of the engine.
        feed: its feed.
        inputs: quality rows of this tenant by table; a table that is not there is left out.
        tenant: whose data it is.
        root: folder of all bundles.
        lineage: where the rows come from.
        quality: summary of the inputs' quality, for the manifest.
        now: time of making, with a time zone.
        context: what the feed is told beside its tables.

    Raises:
        ContractBroken: the rows do not keep the contract; the bundle in force stays.
        BusyError: another process is making a bundle of this engine.
        BundleInvalid: the pointer cannot be read, or what was written is not what is on the disk.
    """
    if context.tenant != tenant or now.tzinfo is None:
        raise PermanentError(f"{engine.name}: tenant {tenant!r} and its feed's context must agree, and `now` needs a time zone.")
    fed = fed_rows(engine, feed, inputs, context)
    check_rows(engine, fed.rows)
    folder = engine_folder(root, tenant, engine.name)
    with _alone(folder):
        staged = folder / f"{_LEFTOVER}bundle"
        files = _staged_files(engine, fed, staged)
        before = read_pointer(folder)
        identity = content_id(engine.schema_hash(), files)
        target = folder / folder_name(identity)
        withdrawn = recalled(target) is not None  # its pointer may stand, and files of it, where the recall was cut short
        same = before is not None and before.content_id == identity and not withdrawn
        generation = before.generation if before is not None and same else last_number(folder, before) + 1
        supersedes = before.content_id if before is not None and not same else None
        if _whole(target) and not withdrawn:
            shutil.rmtree(staged)
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
                rows=fed.rows.height,
                reason=fed.reason,
                inputs={name: dict(n) for name, n in fed.inputs.items()},
                quality=dict(quality),
                pii_policy=PII_POLICY,
                lineage=lineage,
                supersedes=supersedes,
                created=now,
            )
            _put_in_place(staged, target, manifest)
        if not same:
            _flip(folder, Pointer(generation=generation, content_id=identity))
    return Bundle(engine.name, tenant, target, generation, identity, fed.rows.height, fed.reason, not same, supersedes)


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


def _staged_files(engine: EngineContract, fed: FedRows, staged: Path) -> tuple[BundleFile, ...]:
    """Write rows and README into a temporary folder."""
    staged.mkdir()
    part = f"part-00000.{EXTENSIONS[engine.format]}"
    write_rows(fed.rows, staged / part, engine.format)
    page = readme(engine, part=part, rows=fed.rows.height, reason=fed.reason)
    (staged / README).write_text(page, encoding="utf-8", newline="\n")
    rows = {part: fed.rows.height, README: None}
    return tuple(
        BundleFile(path=name, bytes=(staged / name).stat().st_size, sha256=file_sha256(staged / name), rows=count) for name, count in rows.items()
    )


def _whole(target: Path) -> bool:
    try:
        verify_bundle(target)
    except BundleInvalid:
        return False
    return True


def _put_in_place(staged: Path, target: Path, manifest: Manifest) -> None:
    """Complete the temporary folder, give it its name, and read it back; a broken folder of that name makes way."""
    (staged / MANIFEST).write_bytes(manifest.to_bytes())
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


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
