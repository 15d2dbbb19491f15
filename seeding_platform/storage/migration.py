"""Brings a state database to this version's tables: once, whoever comes first, and whole or not at all when it is killed.

SQLite's first migration runs in a file beside the database that is then renamed into place; a later one in one transaction. Both run under
the lock `<file>.lock`. On Postgres it is one transaction under an advisory lock.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.storage.database import connected, damaged, file_of, writing
from seeding_platform.storage.durable import synced
from seeding_platform.storage.locks import in_turn

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import URL, Connection

_ADVISORY_LOCK = 0x5EED_5C4E
_ONE_IN_THIS_PROCESS = threading.Lock()  # Alembic keeps the migration that runs in a module
_TEMPORARY = ".first-migration"
_SQLITE = b"SQLite format 3\0"
_SMALLEST = 512
"""Bytes of the smallest page that SQLite has: no database is smaller."""
_BESIDE = ("-wal", "-shm", "-journal")


def make_current(url: URL) -> None:
    """Migrate the database to `HEAD_REVISION`; cheap and without Alembic where it is there already.

    Raises:
        ConfigError: a newer version of this product made the database, it belongs to another program, or a WAL lies about without it.
    """
    from seeding_platform.storage.schema import HEAD_REVISION

    file = file_of(url)
    if (file is None or _has_content(file)) and _stored_revision(url) == HEAD_REVISION:
        return
    if file is None:
        _upgrade_in_place(url)
        return
    with in_turn(file.with_name(f"{file.name}.lock")):
        if _has_content(file):
            _upgrade_in_place(url)
        else:
            _create(file, url)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the history of this package; nobody needs an `alembic.ini`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _has_content(file: Path) -> bool:
    """Whether there is a database to open; SQLite itself takes a file of a few bytes for an empty one and writes over it.

    A file that may be a database is not opened here: closing it again would take away the locks that this process holds on it (POSIX), and another
    process would then delete the WAL that this one still writes to.
    """
    size = file.stat().st_size if file.is_file() else 0
    if size >= _SMALLEST:
        return True
    if size and not file.read_bytes().startswith(_SQLITE):
        raise damaged(file, "it does not begin like one")
    return bool(size)


def _stored_revision(url: URL) -> str | None:
    engine = connected(url, migrating=True)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    import sqlalchemy as sa

    from seeding_platform.storage import schema

    if not sa.inspect(connection).has_table(schema.VERSION_TABLE):
        return None
    return connection.execute(sa.select(schema.version.c.version_num)).scalar_one_or_none()


def _upgrade_in_place(url: URL) -> None:
    import sqlalchemy as sa

    from seeding_platform.storage.schema import VERSION_TABLE

    engine = connected(url, migrating=True)
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            elif (tables := sa.inspect(connection).get_table_names()) and VERSION_TABLE not in tables:
                raise ConfigError(f"{url.database} holds tables of another program.", fix="Give the state database a file of its own.")
            _upgrade(connection)
    finally:
        engine.dispose()


def _create(file: Path, url: URL) -> None:
    """Make the database whole in a file beside it; called under its lock, so what lies there was left by a process that died."""
    for leftover in (file.with_name(file.name + ending) for ending in _BESIDE):
        if leftover.exists():  # SQLite would replay it into the new database
            raise ConfigError(f"{leftover} lies there without its database.", fix=f"Put {file.name} back beside it, or move it away too.")
    temporary = file.with_name(file.name + _TEMPORARY)
    for ending in ("", *_BESIDE):
        temporary.with_name(temporary.name + ending).unlink(missing_ok=True)
    engine = connected(url.set(database=str(temporary)), migrating=True)
    try:
        with writing(engine) as connection:
            _upgrade(connection)
    finally:
        engine.dispose()
    synced(temporary)
    temporary.replace(file)  # the last connection has been closed, so no WAL of it is left behind
    synced(file.parent)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    stored = _revision(connection)
    if stored is not None and stored not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise ConfigError(
            f"The state database has revision {stored}, which this version of seeding-platform does not know: a newer version made it.",
            fix="Install that version again, or point SEEDING_DATABASE_URL at another database.",
        )
    with _ONE_IN_THIS_PROCESS:
        command.upgrade(config, "head")
    if connection.dialect.name == "sqlite" and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
        raise ConfigError(f"The migration would leave {len(broken)} rows without what they refer to.", fix="Restore a backup; nothing was changed.")
