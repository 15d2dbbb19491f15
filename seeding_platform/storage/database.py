"""Connections to the state database: SQLite or Postgres, with the settings that each needs. Its tables are in `schema`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import ConfigError, PermanentError, TransientError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from seeding_platform.errors import SeedingError

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite connection waits for another one's write."""

_WRITE = "seeding_write"
_DAMAGED = ("not a database", "malformed", "unsupported file format", "disk I/O error")


def checked_url(text: str) -> URL:
    """The URL of a state database, with its driver said.

    Raises:
        ConfigError: not a URL, neither SQLite nor Postgres, or SQLite without a file. The URL is not shown: it may hold a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    fix = "Set SEEDING_DATABASE_URL to sqlite:////<absolute path> or postgresql+psycopg2://<user>@<host>/<database>, or leave it empty."
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError("The URL of the state database cannot be read.", fix=fix) from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg2"):
        return url.set(drivername="postgresql+psycopg2")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ConfigError(f"The state database cannot be kept in {url.drivername!r}.", fix=fix)
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError("The state database needs a file of its own: other processes read it too.", fix=fix)
    return url


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database; None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def connected(url: URL, *, migrating: bool = False) -> Engine:
    """An engine for the database; it opens a connection when it is first asked something.

    Args:
        url: from `checked_url`.
        migrating: foreign keys are off on SQLite, where altering a table means dropping it, and nothing is pooled.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    pool: dict[str, Any] = {"poolclass": NullPool} if migrating else {}
    if file_of(url) is None:
        server = create_engine(url, **pool, **({} if migrating else {"pool_pre_ping": True}))
        _refuse_nul(server)
        return server
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **pool)
    _prepare_sqlite(engine, foreign_keys=not migrating)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that means to write: SQLite takes the write lock at its start, so that nothing read in it can be outdated."""
    with engine.execution_options(**{_WRITE: True}).begin() as connection:
        yield connection


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what a driver says about an unusable database into an error that says what to do.

    Raises:
        ConfigError: the SQLite file is damaged, no database, or may not be opened.
        TransientError: SQLite is locked for longer than the timeout, or the server does not answer.
    """
    from sqlalchemy.exc import DatabaseError, OperationalError

    try:
        yield
    except DatabaseError as error:
        reason = str(error.orig).strip()
        file = file_of(url)
        if file is not None and (trouble := _file_trouble(file, reason)):
            raise trouble from error
        if file is None and isinstance(error, OperationalError):
            what = f"The state database {url.render_as_string(hide_password=True)} does not answer: {reason}."
            raise TransientError(what, fix="Start the server or correct SEEDING_DATABASE_URL.") from error
        raise


def damaged(file: Path, reason: str) -> ConfigError:
    """The error for a file that is no SQLite database, or no longer a whole one."""
    return ConfigError(
        f"{file} cannot be read as a SQLite database ({reason}).",
        fix=f"Put a backup in its place, or move it and {file.name}-wal away to begin with an empty state.",
    )


def _file_trouble(file: Path, reason: str) -> SeedingError | None:
    if "locked" in reason:
        return TransientError(f"{file} stayed locked for {BUSY_TIMEOUT_MS // 1000} s.", fix="End the process that writes to it, then repeat.")
    if "full" in reason:
        return TransientError(f"The disk of {file} is full.", fix="Free some space, then repeat.")
    if "unable to open" in reason or "readonly" in reason:
        return ConfigError(f"{file} cannot be opened for writing ({reason}).", fix="Check that it and its folder are writable for this user.")
    if any(word in reason for word in _DAMAGED):
        return damaged(file, reason)
    return None


def _refuse_nul(engine: Engine) -> None:
    """A text with a NUL, which SQLite keeps and Postgres does not, is refused for what it is."""
    from sqlalchemy import event

    def refuse(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, ValueError) and "NUL" in str(context.original_exception):
            raise PermanentError("A text holds a NUL character (U+0000).", fix="Take it out; texts are kept without.") from None

    event.listen(engine, "handle_error", refuse)


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    from sqlalchemy import event

    def set_up(connection: DBAPIConnection, record: object) -> None:
        raw: sqlite3.Connection = connection  # type: ignore[assignment]  # this dialect's driver is the standard library's
        raw.isolation_level = None  # the driver begins no transactions of its own: it would leave CREATE TABLE outside of one
        try:
            for pragma in (
                f"busy_timeout = {BUSY_TIMEOUT_MS}",
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "secure_delete = 1",
                f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            ):
                raw.execute(f"PRAGMA {pragma}")
        except BaseException:
            raw.close()
            raise

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
