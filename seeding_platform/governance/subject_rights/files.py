"""Files of every form that the platform keeps: what stands in them, decoded as deep as it goes, and rewriting those that hold a person's identifiers.

A file is searched as bytes first and then decoded: gzip and zip (spreadsheets, model files) member by member, Parquet and DuckDB cell by cell, SQLite
page by page (its bytes) and cell by cell, texts in their encoding. It is rewritten beside and renamed, so that there is never half a file.
"""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import zipfile
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeding_platform.governance.subject_rights.matcher import Matcher

_GZIP, _ZIP, _PARQUET, _SQLITE = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"SQLite format 3\x00"
_DEEPEST = 4
_DAMAGED = (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zlib.error, zipfile.BadZipFile)
BESIDE = ("-wal", "-shm", "-journal")


def holds(path: Path, matcher: Matcher) -> bool:
    """Whether an identifier stands in a file, decoded as deep as it goes."""
    if path.name.endswith(BESIDE):
        return False  # a part of its database, with which it is read
    data = path.read_bytes()
    if in_content(data, matcher):
        return True
    if data.startswith(_SQLITE):
        return _in_sqlite(path, matcher)
    return _is_duckdb(data) and any(matcher.rows(frame).any() for frame in _duckdb_tables(path))


def in_content(data: bytes, matcher: Matcher, depth: int = 0) -> bool:
    """Whether an identifier stands in bytes, or in what they hold when decoded."""
    if matcher.in_bytes(data):
        return True
    if depth >= _DEEPEST:
        return False
    try:
        return _in_decoded(data, matcher, depth)
    except (*_DAMAGED, pl.exceptions.PolarsError):
        return False  # what cannot be decoded was searched as it stands


def _in_decoded(data: bytes, matcher: Matcher, depth: int) -> bool:
    if data.startswith(_GZIP):
        return in_content(_unzipped(data), matcher, depth + 1)
    if data.startswith(_ZIP) and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(in_content(archive.read(name), matcher, depth + 1) for name in archive.namelist())
    if data.startswith(_PARQUET) and data.endswith(_PARQUET):
        return bool(matcher.rows(pl.read_parquet(io.BytesIO(data))).any())
    return False


def rewrite(path: Path, matcher: Matcher) -> bool:
    """Replace the identifiers in a file by what says that they were erased; true when it changed.

    Raises:
        ValueError: its form is none that can be rewritten; the file is as it was.
    """
    data = path.read_bytes()
    if data.startswith(_SQLITE):
        return rewrite_sqlite(path, matcher)
    if _is_duckdb(data):
        return _rewrite_duckdb(path, matcher)
    made = rewritten(data, matcher)
    if made == data:
        return False
    replace(path, made)
    return True


def rewritten(data: bytes, matcher: Matcher, depth: int = 0) -> bytes:
    """The content with the identifiers replaced, in the same form.

    Raises:
        ValueError: an identifier stands where it cannot be replaced.
    """
    if data.startswith(_GZIP):
        inside = _unzipped(data)
        made = rewritten(inside, matcher, depth + 1)
        return data if made == inside else gzip.compress(made, mtime=0)
    if data.startswith(_ZIP) and zipfile.is_zipfile(io.BytesIO(data)):
        return _rewritten_zip(data, matcher, depth)
    if data.startswith(_PARQUET) and data.endswith(_PARQUET):
        frame, cells = matcher.erased(pl.read_parquet(io.BytesIO(data)))
        if not cells and not matcher.in_bytes(data):
            return data
        out = io.BytesIO()
        frame.write_parquet(out)
        return out.getvalue()
    if not matcher.in_bytes(data):
        return data
    text, encoding = _decoded(data)
    made = matcher.replaced(text).encode(encoding)
    if matcher.in_bytes(made):
        raise ValueError("an identifier stands in a part that is no text")
    return made


def _rewritten_zip(data: bytes, matcher: Matcher, depth: int) -> bytes:
    out, changed = io.BytesIO(), False
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in archive.infolist():
            inside = archive.read(info.filename)
            made = rewritten(inside, matcher, depth + 1)
            changed = changed or made != inside
            target.writestr(info, made)
    return out.getvalue() if changed else data


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding, "surrogateescape"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _unzipped(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return b""  # its bytes were searched as they stand


def replace(path: Path, data: bytes) -> None:
    """Write a file whole in place of another, keeping its mode."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(data)
    partial.chmod(path.stat().st_mode)
    synced(partial)
    partial.replace(path)
    synced(path.parent)


def _in_sqlite(path: Path, matcher: Matcher) -> bool:
    """Whether an identifier stands in a cell of a SQLite database, its log included: in its bytes, a long text is in pieces."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        for table, column in _sqlite_columns(database):
            query = f"SELECT DISTINCT {_quoted(column)} FROM {_quoted(table)}"  # noqa: S608 (quoted names)
            for (value,) in database.execute(query):
                if matcher.in_bytes(value) if isinstance(value, bytes) else value is not None and matcher.found(str(value)):
                    return True
    return False


def _sqlite_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    return [(t, row[1]) for (t,) in tables for row in database.execute(f"PRAGMA table_info({_quoted(t)})").fetchall()]


def rewrite_sqlite(path: Path, matcher: Matcher) -> bool:
    """Replace the identifiers in every text of a SQLite database, then rebuild it, so that no free page holds them."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN IMMEDIATE")
        changed = False
        for table, column in _sqlite_columns(database):
            changed |= _rewrite_column(database, table, column, matcher)
        database.execute("COMMIT")
    rebuilt(path)
    return changed


def rebuilt(path: Path) -> None:
    """Rebuild a SQLite database, so that neither a free page nor its log holds what was deleted."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            database.execute(statement)


def _rewrite_column(database: sqlite3.Connection, table: str, column: str, matcher: Matcher) -> bool:
    name, of = _quoted(column), _quoted(table)
    query = f"SELECT DISTINCT {name} FROM {of} WHERE typeof({name}) IN ('text', 'blob')"  # noqa: S608 (quoted names)
    changed = False
    for (value,) in database.execute(query).fetchall():
        if isinstance(value, str) and matcher.found(value):
            made: str | bytes = matcher.replaced(value)
        elif isinstance(value, bytes) and in_content(value, matcher):
            made = rewritten(value, matcher)
        else:
            continue
        database.execute(f"UPDATE {of} SET {name} = ? WHERE {name} = ?", (made, value))  # noqa: S608 (quoted names)
        changed = True
    return changed


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_duckdb(data: bytes) -> bool:
    return data[8:12] == b"DUCK"


def _duckdb_tables(path: Path) -> Iterator[pl.DataFrame]:
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        for schema, table in database.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            yield database.sql(f"SELECT * FROM {_quoted(schema)}.{_quoted(table)}").pl()  # noqa: S608 (quoted names)


def _rewrite_duckdb(path: Path, matcher: Matcher) -> bool:
    """A new file with the same tables, erased: the old one's blocks are not carried over."""
    import duckdb

    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    changed = False
    with duckdb.connect(str(path), read_only=True) as old, duckdb.connect(str(partial)) as new:
        for schema, table in old.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            frame, cells = matcher.erased(old.sql(f"SELECT * FROM {_quoted(schema)}.{_quoted(table)}").pl())  # noqa: S608 (quoted names)
            changed = changed or bool(cells)
            new.register("incoming", frame.to_arrow())
            new.execute(f"CREATE TABLE {_quoted(table)} AS SELECT * FROM incoming")  # noqa: S608 (quoted names)
            new.unregister("incoming")
        new.execute("CHECKPOINT")
    if changed:
        partial.chmod(path.stat().st_mode)
        synced(partial)
        partial.replace(path)
        synced(path.parent)
    else:
        partial.unlink()
    return changed
