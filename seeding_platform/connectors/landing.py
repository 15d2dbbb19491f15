"""How a file becomes one batch of a raw table: named by its content, kept in the spool, committed once.

A batch is `<file name>@<first 12 of sha256>`. A changed file is a new batch that supersedes the old one of the same name
in the same commit; the same content under another name lands once. Nothing here reads a source's meaning.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.files.content import REJECT_SCHEMA
from seeding_platform.connectors.shown import headers_shown
from seeding_platform.errors import ConfigError, SourceUnreadable, TransientError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from seeding_platform.connectors.files import FileContent
    from seeding_platform.connectors.files.content import Reject
    from seeding_platform.connectors.spec import FileSourceSpec
    from seeding_platform.storage.lake import Lake, Written


@dataclass(frozen=True, slots=True)
class LandedFile:
    """One file with its identity."""

    path: Path
    name: str
    sha256: str

    def batch(self, tenant: str, spec: FileSourceSpec) -> str:
        """Partition key of this file for a source; names the tenant where it is not the source's own."""
        key = f"{self.name}@{self.sha256[:12]}"
        return key if tenant == spec.tenant else f"{key}@{tenant}"


@dataclass(frozen=True, slots=True)
class Batch:
    """A partition key taken apart."""

    file: str
    sha12: str
    tenant: str


def parsed_batch(key: str, spec: FileSourceSpec) -> Batch:
    """The parts of a partition key.

    >>> from seeding_platform.connectors.spec import FileSourceSpec
    >>> spec = FileSourceSpec(name="a", files="*.csv", format="csv", tables=[{"contract": "ad_facts"}])
    >>> parsed_batch("x@y.csv@0123456789ab", spec)
    Batch(file='x@y.csv', sha12='0123456789ab', tenant='default')
    >>> parsed_batch("x.csv@0123456789ab@acme", spec).tenant
    'acme'
    """
    import re

    match = re.fullmatch(r"(.+)@([0-9a-f]{12})(?:@([a-z0-9][a-z0-9_-]*))?", key)
    if match is None:
        raise ConfigError(f"{key!r} is no batch of a file.", fix="A batch is <file name>@<first 12 of its sha256>.")
    return Batch(match[1], match[2], match[3] or spec.tenant)


def fingerprinted(path: Path) -> LandedFile:
    """A file with the sha256 of its bytes."""
    with path.open("rb") as stream:
        return LandedFile(path, path.name, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True, slots=True)
class Matched:
    """Which source a landing file belongs to, or why to none."""

    path: Path
    source: str | None
    problem: str = ""


def matches(files: Iterable[Path], sources: Sequence[FileSourceSpec]) -> list[Matched]:
    """Each file with the one source whose pattern it meets; a file with none, with two, or whose name is taken stays where it is."""
    found: list[Matched] = []
    listed = sorted(files)
    for path in listed:
        twins = [p for p in listed if p.name == path.name]
        names = _sources_of(path, sources)
        if len(twins) > 1:
            places = ", ".join(str(p.parent.name) + "/" + p.name for p in twins)
            found.append(Matched(path, None, f"{len(twins)} files are named {path.name} ({places}); rename all but one"))
        elif not names:
            found.append(Matched(path, None, f"{path.name} matches no source; add a source with files: that meets its name"))
        elif len(names) > 1:
            found.append(
                Matched(path, None, f"{path.name} matches {len(names)} sources ({', '.join(sorted(names))}); make their files: patterns exclusive")
            )
        else:
            found.append(Matched(path, names[0]))
    return found


def _sources_of(path: Path, sources: Sequence[FileSourceSpec]) -> list[str]:
    """Sources whose pattern a name meets; where there is none, those of ad exports when the content is one."""
    from seeding_platform.connectors.exports import is_export

    meeting = [s for s in sources if s.files is not None and fnmatch.fnmatchcase(path.name, s.files)]
    named = [s.name for s in meeting if s.format != "ad_export"]
    exports = [s.name for s in meeting if s.format == "ad_export"]
    return named if named or not exports or not is_export(path) else exports


def landing_files(folder: Path) -> list[Path]:
    """Files of the landing folder, below its folders too; hidden and partial ones are left alone."""
    if not folder.is_dir():
        return []
    paths = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in paths if not p.name.startswith((".", "~$")) and not p.name.endswith((".part", ".tmp", ".crdownload")))


def spooled(file: LandedFile, spool: Path) -> Path:
    """Keep the bytes of a file by its content, so that its batch can be landed again at any time; returns the kept copy."""
    kept = spool / "landed" / file.sha256 / file.name
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(file.path, partial)
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(kept)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise TransientError(
            f"{file.name} could not be kept ({error.strerror}); nothing was landed.", fix="Free disk space, then land it again."
        ) from error
    return kept


def bytes_of(batch: Batch, *, landing: Path, spool: Path) -> Path:
    """Where the bytes of a batch are: in the spool, or still in the landing folder.

    Raises:
        SourceUnreadable: neither holds them: the file was changed or removed before it was landed.
    """
    for folder in (spool / "landed").glob(f"{batch.sha12}*"):
        if (folder / batch.file).is_file():
            return folder / batch.file
    for path in landing_files(landing):
        if path.name == batch.file:
            file = fingerprinted(path)
            if file.sha256.startswith(batch.sha12):
                return spooled(file, spool)
    raise SourceUnreadable(batch.file, f"the content {batch.sha12} is no longer there.", fix="The changed file is landed as a batch of its own.")


def source_rows(content: FileContent, *, source: str, batch: str, tenant: str, now: dt.datetime) -> pl.DataFrame:
    """Rows and rejects of a file as rows of the source's raw table."""
    rows = content.rows.with_columns(
        *(pl.lit(None, dtype=dtype).alias(name) for name, dtype in REJECT_SCHEMA.items() if name not in content.rows.columns)
    )
    if content.rejects:
        rows = pl.concat([rows, _reject_rows(content.rejects, batch, content.rows.height)], how="diagonal")
    return rows.with_columns(
        tenant=pl.lit(tenant), _source=pl.lit(source), _batch=pl.lit(batch), _op=pl.lit("I"), _landed_at=pl.lit(now).cast(TIMESTAMP)
    )


def _reject_rows(rejects: Sequence[Reject], batch: str, good: int) -> pl.DataFrame:
    return pl.DataFrame(
        [(good + i, f"line {r.line}", r.code, f"{batch.split('@')[0]}, line {r.line}", r.raw) for i, r in enumerate(rejects)],
        schema=REJECT_SCHEMA,
        orient="row",
    )


def require_columns(content: FileContent, spec: FileSourceSpec, file: str) -> list[str]:
    """Check that a file has every column that its source maps; returns the columns that nobody maps.

    Raises:
        SourceUnreadable: names the missing columns and what the file has.
    """
    import difflib

    has = [c for c in content.rows.columns if not c.startswith("_")]
    wanted = {c for m in spec.tables for c in (*m.columns.values(), *m.key_from)}
    missing = sorted(wanted - set(has))
    if missing:
        near = [f"{m!r} may be {n[0]!r}" for m in missing if (n := difflib.get_close_matches(m, has, n=1))]
        raise SourceUnreadable(
            file,
            f"the source maps {', '.join(map(repr, missing))}, but the file has only {headers_shown(has)}.",
            line=1,
            column=missing[0],
            fix=f"Correct columns: in the source{' (' + '; '.join(near) + ')' if near else ''}, or export the column. Nothing was landed.",
        )
    return sorted(set(has) - wanted)


def with_history(frame: pl.DataFrame, lake: Lake, table: str, *, superseded: Sequence[str], now: dt.datetime) -> pl.DataFrame:
    """New rows valid from now on, and the rows that they supersede, kept as valid until now: nothing that was ever landed goes away."""
    fresh = frame.with_columns(_valid_from=pl.lit(now).cast(TIMESTAMP), _valid_to=pl.lit(None).cast(TIMESTAMP))
    if not superseded or not lake.exists(table):
        return fresh
    old = lake.read(table).filter(pl.col("_batch").is_in(list(superseded))).collect()
    ended = old.with_columns(_valid_to=pl.col("_valid_to").fill_null(pl.lit(now).cast(TIMESTAMP)))
    return pl.concat([fresh, ended], how="diagonal")


def everything(rows: pl.DataFrame, tenant: str) -> pl.DataFrame:
    """Let everything in."""
    del tenant
    return rows


@dataclass(frozen=True, slots=True)
class LandedBatch:
    """What landing one file did."""

    written: Written
    rows: int
    rejects: tuple[Reject, ...]
    extra_columns: tuple[str, ...]
    warnings: tuple[str, ...]


def land(
    path: Path,
    spec: FileSourceSpec,
    lake: Lake,
    *,
    batch: str,
    tenant: str,
    now: dt.datetime,
    superseded: Sequence[str] = (),
    admit: Callable[[pl.DataFrame, str], pl.DataFrame] = everything,
) -> LandedBatch:
    """Read a file and commit it as one batch of the source's raw table, in place of the batches that it supersedes.

    Args:
        path: the file.
        spec: what it holds.
        lake: where its table lies.
        batch: its partition key.
        tenant: whose it is.
        now: the moment.
        superseded: batches that it takes the place of.
        admit: takes out of rows, and whose they are, what must not come in.

    Raises:
        SourceUnreadable: the file breaks its declaration; nothing was landed.
    """
    name = parsed_batch(batch, spec).file if "@" in batch else path.name
    content = read_file(path, spec, name=name)
    extra = require_columns(content, spec, name)
    frame = admit(source_rows(content, source=spec.label, batch=batch, tenant=tenant, now=now), tenant)
    if spec.mode == "history":
        frame = with_history(frame, lake, spec.table, superseded=superseded, now=now)
    written = lake.replace(spec.table, frame, {"_batch": [batch, *superseded]})
    return LandedBatch(written, content.rows.height, content.rejects, tuple(extra), content.warnings)
