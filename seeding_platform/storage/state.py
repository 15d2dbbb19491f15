"""The state database: what has been done and what is pinned, asked and told in words of the product.

Its tables are in `schema`, how it is connected to in `database`; what the lake holds is not kept here but in the lake.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from seeding_platform.errors import PermanentError
from seeding_platform.storage.database import checked_url, connected, explained, file_of, writing
from seeding_platform.storage.migration import make_current

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from types import TracebackType

    from sqlalchemy import Connection, Engine, RowMapping, Table
    from sqlalchemy.dialects import postgresql, sqlite


class LandingStatus(StrEnum):
    """What became of a landed file."""

    LANDED = "landed"
    SUPERSEDED = "superseded"
    """A later file of the same name took its place."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One file that a source brought; `(source, partition_key)` is its natural key.

    Attributes:
        source: name of the source.
        partition_key: the partition that the file became.
        tenant: whose file it is.
        file_name: name without folders; the same name again is a newer version of the file.
        sha256: of the file's bytes, hex.
        status: what became of it.
        landed_at: when it was read, aware.
        bytes: size of the file.
        rows: rows that were read.
        rejects: rows that could not be read.
        message: why it failed, or what a person should know.
    """

    source: str
    partition_key: str
    tenant: str
    file_name: str
    sha256: str
    status: LandingStatus
    landed_at: dt.datetime
    bytes: int = 0
    rows: int = 0
    rejects: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Versions of several tables that belong together; `State.pinned` gives them."""

    snapshot_id: str
    purpose: str
    created_at: dt.datetime
    run_id: str


def snapshot_id_of(versions: Mapping[str, int], purpose: str) -> str:
    """The id of a snapshot: its content, so that pinning the same again is the same snapshot.

    >>> snapshot_id_of({"a": 1, "b": 2}, "bundle") == snapshot_id_of({"b": 2, "a": 1}, "bundle")
    True
    """
    return hashlib.sha256(json.dumps([purpose, sorted(versions.items())]).encode()).hexdigest()[:32]


class State:
    """An open state database; close it, or use it in a `with`. May be shared by threads, not over a fork.

    Args:
        engine: connects to an up-to-date database; `State.open` makes one.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect, after making or upgrading the tables where that is needed.

        Args:
            url: `sqlite:///<file>` or `postgresql+psycopg2://...`; the folders of a file are made.

        Raises:
            ConfigError: the URL is wrong, the file is damaged, or a newer version made the database.
            TransientError: the database does not answer.
        """
        checked = checked_url(url)
        if file := file_of(checked):
            file.parent.mkdir(parents=True, exist_ok=True)
        with explained(checked):
            make_current(checked)
        return cls(connected(checked))

    def close(self) -> None:
        """Close every connection; the object is of no use afterwards."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def pin(self, versions: Mapping[str, int], *, purpose: str, run_id: str, now: dt.datetime) -> str:
        """Keep versions of tables as one snapshot; the same versions for the same purpose again change nothing.

        Args:
            versions: Delta version by table.
            purpose: what they are pinned for, such as `bundle/search`.
            run_id: who pins them.
            now: the moment, aware.

        Returns:
            The id of the snapshot.
        """
        from seeding_platform.storage import schema

        snapshot_id = snapshot_id_of(versions, purpose)
        snapshot = {"snapshot_id": snapshot_id, "purpose": purpose, "created_at": now, "run_id": run_id}
        rows = [{"snapshot_id": snapshot_id, "table_name": table, "version": version} for table, version in sorted(versions.items())]
        with writing(self.engine) as connection:
            connection.execute(_insert(connection, schema.snapshots).on_conflict_do_nothing(), snapshot)
            if rows:
                connection.execute(_insert(connection, schema.dataset_versions).on_conflict_do_nothing(), rows)
        return snapshot_id

    def pinned(self, snapshot_id: str) -> dict[str, int]:
        """Version by table of a snapshot.

        Raises:
            PermanentError: there is no such snapshot.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import dataset_versions, snapshots

        query = (
            sa.select(dataset_versions.c.table_name, dataset_versions.c.version)
            .select_from(snapshots.outerjoin(dataset_versions))
            .where(snapshots.c.snapshot_id == snapshot_id)
            .order_by(dataset_versions.c.table_name)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise PermanentError(f"There is no snapshot {snapshot_id!r}.", fix="Take an id that pinning gave, or pin the versions anew.")
        return {table: version for table, version in rows if table is not None}

    def snapshots(self, purpose: str | None = None, limit: int = 100) -> list[Snapshot]:
        """The snapshots that were first pinned last, newest first; of one purpose or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import snapshots

        query = sa.select(snapshots).order_by(snapshots.c.created_at.desc(), snapshots.c.snapshot_id).limit(limit)
        if purpose is not None:
            query = query.where(snapshots.c.purpose == purpose)
        with self.engine.connect() as connection:
            return [Snapshot(**row) for row in connection.execute(query).mappings()]

    def record_landing(self, landing: Landing) -> Landing:
        """Keep what became of a file, in place of what was kept under its key; a repeat changes nothing.

        Of the landed files of one source, tenant and name only the latest (by `landed_at`, then key) stays landed: earlier ones become
        superseded in the same transaction, and so does this one where a later one has landed already.

        Returns:
            The landing as it is kept.
        """
        from seeding_platform.storage.schema import landings

        with writing(self.engine) as connection:
            if landing.status == LandingStatus.LANDED:
                landing = _among_its_versions(connection, landing)
            insert = _insert(connection, landings).values(dataclasses.asdict(landing))
            others = [column.name for column in landings.columns if not column.primary_key]
            changed = {name: insert.excluded[name] for name in others}
            connection.execute(insert.on_conflict_do_update(index_elements=list(landings.primary_key), set_=changed))
        return landing

    def landings(self, source: str | None = None, *, status: LandingStatus | None = None) -> list[Landing]:
        """What has landed, by time and then key; of one source, of one status, or all."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import landings

        query = sa.select(landings).order_by(landings.c.landed_at, landings.c.partition_key, landings.c.source)
        if source is not None:
            query = query.where(landings.c.source == source)
        if status is not None:
            query = query.where(landings.c.status == status)
        with self.engine.connect() as connection:
            return [_landing(row) for row in connection.execute(query).mappings()]

    def same_content(self, sha256: str, tenant: str, *, source: str) -> Landing | None:
        """The latest file of the source that has landed with the very same bytes and was not superseded, if there is one."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import landings

        query = (
            sa.select(landings)
            .where(landings.c.sha256 == sha256, landings.c.tenant == tenant, landings.c.source == source)
            .where(landings.c.status == LandingStatus.LANDED)
            .order_by(landings.c.landed_at.desc(), landings.c.partition_key.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _landing(row)


def _among_its_versions(connection: Connection, landing: Landing) -> Landing:
    """Supersede the landed versions of the file before this one; the landing as superseded where one after it has landed."""
    import sqlalchemy as sa

    from seeding_platform.storage.schema import landings

    if connection.dialect.name == "postgresql":  # two versions of one file wait for each other; SQLite has but one writer
        name = json.dumps([landing.source, landing.tenant, landing.file_name])
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    others = sa.and_(
        landings.c.source == landing.source,
        landings.c.tenant == landing.tenant,
        landings.c.file_name == landing.file_name,
        landings.c.partition_key != landing.partition_key,
        landings.c.status == LandingStatus.LANDED,
    )
    same_time = sa.and_(landings.c.landed_at == landing.landed_at, landings.c.partition_key > landing.partition_key)
    later = sa.select(landings.c.partition_key).where(others, sa.or_(landings.c.landed_at > landing.landed_at, same_time))
    if connection.execute(later.limit(1)).first():
        return dataclasses.replace(landing, status=LandingStatus.SUPERSEDED)
    connection.execute(sa.update(landings).where(others).values(status=LandingStatus.SUPERSEDED))
    return landing


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, which SQLAlchemy gives to each database by itself."""
    from sqlalchemy.dialects import postgresql, sqlite

    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _landing(row: RowMapping) -> Landing:
    kept: dict[str, Any] = dict(row)
    return Landing(**{**kept, "status": LandingStatus(kept["status"])})
