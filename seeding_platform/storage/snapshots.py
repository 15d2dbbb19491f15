"""Serving snapshots: the facts that questions are answered from, in an immutable DuckDB file and a pointer to the one in force.

A file is written beside, closed, checked and renamed; `CURRENT` is replaced in one step; readers open it read-only with
everything else shut. `Snapshot.of` holds the same in memory. What is asked of it is compiled elsewhere (`analytics`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from duckdb import DuckDBPyConnection

FACTS = "facts"
KEPT = 2
_FILE, _POINTER = "facts.duckdb", "CURRENT"


class NoSnapshot(PermanentError):
    """Nothing has been published yet."""

    def __init__(self, place: str) -> None:
        super().__init__(f"There are no facts to answer from yet ({place}).", fix="Run `seeding seed`, or `seeding facts load FILE`.")


class Snapshot:
    """The facts at one moment, open for reading; safe to share between threads.

    Args:
        connection: a DuckDB connection that holds the table `facts`.
        snapshot_id: names the content.
    """

    def __init__(self, connection: DuckDBPyConnection, snapshot_id: str) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.id = snapshot_id

    @classmethod
    def of(cls, facts: pl.DataFrame) -> Snapshot:
        """Facts held in memory."""
        import duckdb

        connection = duckdb.connect(":memory:")
        _fill(connection, facts)
        _shut(connection)
        return cls(connection, content_id(facts))

    @classmethod
    def open(cls, file: Path) -> Snapshot:
        """A published file."""
        import duckdb

        try:
            connection = duckdb.connect(str(file), read_only=True)
        except duckdb.Error as error:
            raise PermanentError(f"The snapshot {file} cannot be opened: {error}", fix="Publish it again with `seeding seed`.") from error
        _shut(connection)
        return cls(connection, file.parent.name)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a SELECT with `$name` placeholders, as dictionaries."""
        with self._lock:
            cursor = self._connection.cursor()
        try:
            done = cursor.execute(sql, dict(params or {}))
            names = [column[0] for column in done.description]
            return [dict(zip(names, row, strict=True)) for row in done.fetchall()]
        finally:
            cursor.close()

    def close(self) -> None:
        """Close the file; nobody may be asking any more."""
        self._connection.close()


def content_id(facts: pl.DataFrame) -> str:
    """Names facts by what they hold, whatever their order."""
    from seeding_platform.storage.content import fingerprint

    return hashlib.sha256(fingerprint(facts).encode()).hexdigest()[:16]


def _fill(connection: DuckDBPyConnection, facts: pl.DataFrame) -> None:
    connection.register("incoming", facts.to_arrow())
    order = ", ".join(c for c in ("tenant", "date") if c in facts.columns)
    connection.execute(f"CREATE TABLE {FACTS} AS SELECT * FROM incoming ORDER BY {order}")  # noqa: S608 (column names of ours)
    connection.unregister("incoming")


def _shut(connection: DuckDBPyConnection) -> None:
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def publish(facts: pl.DataFrame, root: Path, *, now: dt.datetime, told: Mapping[str, Any] | None = None) -> str:
    """Write facts as the snapshot in force; the ones before the last two are removed. Equal facts change nothing.

    Args:
        facts: all tenants' facts.
        root: folder of the snapshots.
        now: when it was made.
        told: what to keep beside it (versions of the tables it was made from).

    Returns:
        The snapshot's id.
    """
    import duckdb

    name = content_id(facts)
    if current(root) == name:
        return name
    made, part = root / name, root / f".{name}.{os.getpid()}.part"
    if not (made / _FILE).is_file():
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        with duckdb.connect(str(part / _FILE)) as connection:
            _fill(connection, facts)
            connection.execute("CHECKPOINT")
        (part / "about.json").write_text(json.dumps({"made_at": now.isoformat(), "rows": facts.height, **(told or {})}, indent=1, default=str))
        synced(part / _FILE)
        shutil.rmtree(made, ignore_errors=True)
        part.replace(made)
    pointer = root / f".{_POINTER}.{os.getpid()}"
    pointer.write_text(name)
    synced(pointer)
    pointer.replace(root / _POINTER)
    _remove_old(root, keep=name)
    return name


def holding(root: Path, tenant: str) -> list[str]:
    """Ids of the snapshots that hold facts of a tenant."""
    return [file.parent.name for file in sorted(root.glob(f"*/{_FILE}")) if _holds(file, tenant)] if root.is_dir() else []


def _holds(file: Path, tenant: str) -> bool:
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(f"SELECT count(*) FROM {FACTS} WHERE tenant = ?", [tenant]).fetchone()  # noqa: S608 (a name of ours)
    return found is not None and found[0] > 0


def withdraw(root: Path, tenant: str, *, now: dt.datetime) -> list[str]:
    """Take a tenant's facts out of what is published; returns the snapshots that went.

    What is in force is published anew without them, or nothing is in force any more where nobody else had any; snapshots that still hold them go.
    """
    import duckdb

    found, name = holding(root, tenant), current(root)
    if name in found:
        with duckdb.connect(str(root / name / _FILE), read_only=True) as connection:
            rest = connection.sql(f"SELECT * FROM {FACTS} WHERE tenant <> $t", params={"t": tenant}).pl()  # noqa: S608 (a name of ours)
        if rest.height:
            publish(rest, root, now=now, told={"withdrawn_from": name})
        else:
            (root / _POINTER).unlink()
    for old in found:
        shutil.rmtree(root / old, ignore_errors=True)
    return found


def _remove_old(root: Path, *, keep: str) -> None:
    others = sorted((p for p in root.iterdir() if p.is_dir() and p.name != keep), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in [p for p in others if not p.name.startswith(".")][KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def current(root: Path) -> str | None:
    """Id of the snapshot in force."""
    pointer = root / _POINTER
    return pointer.read_text().strip() if pointer.is_file() else None


def opened(root: Path) -> Snapshot:
    """The snapshot in force.

    Raises:
        NoSnapshot: nothing was published yet.
    """
    name = current(root)
    if name is None or not (root / name / _FILE).is_file():
        raise NoSnapshot(str(root))
    return Snapshot.open(root / name / _FILE)


def distinct_values(snapshot: Snapshot, dimensions: Sequence[str], *, tenant: str) -> dict[str, tuple[str, ...]]:
    """Values of dimensions, sorted."""
    found = {}
    for name in dimensions:
        query = f'SELECT DISTINCT "{name}" AS v FROM {FACTS} WHERE tenant = $tenant AND "{name}" IS NOT NULL ORDER BY 1'  # noqa: S608 (names of ours)
        found[name] = tuple(str(row["v"]) for row in snapshot.rows(query, {"tenant": tenant}))
    return found
