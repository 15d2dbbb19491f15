"""Many rows in one statement, on SQLite and on Postgres: found by key and locked, changed by place, added.

What the statements mean is said by who calls; here is only how each database takes ten thousand rows quickly. SQLite takes them one by one in its
own loop (`executemany`), Postgres as arrays. A row that is locked keeps its place (`rowid`, `ctid`) until the transaction changes it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from seeding_platform.errors import PermanentError
from seeding_platform.storage.database import writing
from seeding_platform.storage.enrichment.states import STAGES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Engine

    from seeding_platform.storage.enrichment.states import Ref

T = TypeVar("T")

AT_ONCE = 10_000
"""Rows a transaction at most where a call may bring more."""
_DEADLOCK, _TRIES = "40P01", 5
_TYPES = {
    **dict.fromkeys(("priority", "attempts", "asked", "losses", "reasked", "redrives", "took_ms", "calls", "tokens", "n"), "integer"),
    **dict.fromkeys(("due_at", "lease_until", "escalated_at", "review_at", "started_at", "finished_at", "moved_at", "at"), "timestamptz"),
    **dict.fromkeys(("ingested_at", "arrived_at", "updated_at", "withdrawn_at", "planned_at", "done_at"), "timestamptz"),
    **dict.fromkeys(("confidence", "cost", "value", "amount"), "double precision"),
    **dict.fromkeys(("ready", "cached"), "boolean"),
    "fence": "bigint",
    "place": "tid",
}
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_KEY = "tenant, record_type, record_id"
_POSITION = " ".join(["CASE stage", *(f"WHEN '{stage}' THEN {n}" for n, stage in enumerate(STAGES)), "END"])


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """What a piece of work gives in one transaction; done anew where Postgres ended it to free another one."""
    from sqlalchemy.exc import OperationalError

    for left in reversed(range(_TRIES)):
        try:
            with writing(engine) as connection:
                return work(connection)
        except OperationalError as error:
            if not left or getattr(error.orig, "pgcode", "") != _DEADLOCK:
                raise
    raise AssertionError


def postgres(connection: Connection) -> bool:
    """Whether it is one to Postgres."""
    return connection.dialect.name == "postgresql"


def moment(connection: Connection, value: dt.datetime | None) -> Any:
    """A moment as the driver of this database takes it, the same as the type of its column makes it.

    Raises:
        NaiveTime: it has no zone.
    """
    from seeding_platform.storage.columns import UtcTime

    kept = UtcTime().process_bind_param(value, connection.dialect)
    return kept if kept is None or postgres(connection) else kept.isoformat(" ", "microseconds")


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with one way of writing each value.

    Raises:
        PermanentError: it holds what JSON has no word for, such as NaN.

    >>> canonical({"b": 1, "a": None})
    '{"a":null,"b":1}'
    """
    try:
        return _encode(value)
    except (TypeError, ValueError):
        raise PermanentError("A value is no plain JSON: it holds NaN, an infinity or an object.", fix="Give text, finite numbers, lists.") from None


def digest(*parts: str) -> str:
    """SHA-256 in hex of texts, each ended by a line."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def found_records(connection: Connection, names: Sequence[tuple[str, str, str]], columns: str) -> list[Any]:
    """The same as `found` for records by (tenant, type, id)."""
    return _found(connection, [(n, *name, "") for n, name in enumerate(names)], columns, "enrichment_records", _KEY)


def found(connection: Connection, refs: Sequence[Ref], columns: str) -> list[Any]:
    """For each reference the row of its stage, locked: its place, then the columns asked for; None where there is no such row.

    Locks are taken in one order (by stage, then key), whatever the order of the references.
    """
    keys = [(n, ref.tenant, ref.record_type, ref.record_id, ref.stage) for n, ref in enumerate(refs)]
    return _found(connection, keys, columns, "enrichment_stages", f"{_KEY}, stage")


def _found(connection: Connection, keys: list[tuple[Any, ...]], columns: str, table: str, by: str) -> list[Any]:
    if not keys:
        return []
    if postgres(connection):
        query = (
            f"SELECT k.n, s.ctid AS place, {columns} FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::text[]) "  # noqa: S608
            f"AS k (n, {_KEY}, stage) JOIN {table} s USING ({by}) ORDER BY {_POSITION}, {_KEY} FOR UPDATE OF s"
        )
        rows = connection.exec_driver_sql(query, tuple(list(c) for c in zip(*keys, strict=True)))
    else:
        connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS enrichment_keys (n INTEGER PRIMARY KEY, {_KEY}, stage)")
        connection.exec_driver_sql("DELETE FROM enrichment_keys")
        connection.exec_driver_sql("INSERT INTO enrichment_keys VALUES (?, ?, ?, ?, ?)", keys)
        # CROSS keeps SQLite from beginning with the whole table: it does not know how few keys there are
        query = f"SELECT k.n, s.rowid AS place, {columns} FROM enrichment_keys k CROSS JOIN {table} s USING ({by})"  # noqa: S608
        rows = connection.exec_driver_sql(query)
    by_number = {row[0]: row[1:] for row in rows.cursor.fetchall()}
    return [by_number.get(n) for n in range(len(keys))]


def changed(
    connection: Connection, rows: Sequence[tuple[Any, ...]], given: Sequence[str], *, fixed: str = "", table: str = "enrichment_stages"
) -> None:
    """Set columns of rows that are locked.

    Args:
        connection: in a transaction that holds the locks.
        rows: values of `given`, then the place of the row.
        given: columns whose value differs from row to row.
        fixed: assignments that are the same for all, in SQL.
        table: which.
    """
    if not rows:
        return
    if postgres(connection):
        sets = ", ".join([*(f"{c} = v.{c}" for c in given), *([fixed] if fixed else [])])
        arrays = ", ".join(f"%s::{_TYPES.get(c, 'text')}[]" for c in (*given, "place"))
        query = f"UPDATE {table} s SET {sets} FROM unnest({arrays}) AS v ({', '.join((*given, 'place'))}) WHERE s.ctid = v.place"  # noqa: S608
        connection.exec_driver_sql(query, tuple(list(c) for c in zip(*rows, strict=True)))
    else:
        sets = ", ".join([*(f"{c} = ?" for c in given), *([fixed] if fixed else [])])
        connection.exec_driver_sql(f"UPDATE {table} SET {sets} WHERE rowid = ?", list(rows))  # noqa: S608  names of the schema


def added(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], *, keep: bool = False) -> None:
    """Insert rows; with `keep` one that is there already stays as it is."""
    rows = list(rows)
    if not rows:
        return
    names, tail = ", ".join(columns), " ON CONFLICT DO NOTHING" if keep else ""
    if postgres(connection):
        arrays = ", ".join(f"%s::{_TYPES.get(c, 'text')}[]" for c in columns)
        query = f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}){tail}"  # noqa: S608  names of the schema
        connection.exec_driver_sql(query, tuple(list(c) for c in zip(*rows, strict=True)))
    else:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks}){tail}", rows)  # noqa: S608  names of the schema
