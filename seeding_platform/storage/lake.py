"""The lake: every dataset as a Delta table under one folder, `<layer>/<table>`; the only importer of `deltalake`.

Tables are read lazily at a version, written whole or by predicate in one commit, and never half. Two tables are never
changed together: whoever needs several at one moment pins their versions (`storage.state`).
"""

from __future__ import annotations

import datetime as dt
import errno
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import PermanentError, TransientError
from seeding_platform.storage.content import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deltalake import DeltaTable, WriterProperties

FINGERPRINT = "seeding.fingerprint"
HOUSEKEEPING = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES"})
"""Operations that change no row."""
Part = str | list[str] | tuple[str, str]
"""Which rows of a table: a value, one of several values, or from the first to the last value."""
_STATISTICS = ("tenant", "_source", "_row")


class TableMissing(PermanentError):
    """The lake holds no such table."""

    def __init__(self, table: str) -> None:
        super().__init__(f"The lake has no table {table!r} yet.", fix="`seeding tables` lists what is there.")
        self.table = table


class VersionGone(PermanentError):
    """A version whose files were removed by the upkeep or by an erasure."""

    def __init__(self, table: str, version: int) -> None:
        super().__init__(f"Version {version} of {table} is not there any more: its files were removed.", fix="The history lists later ones.")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did.

    Args:
        table: table name, `<layer>/<table>`.
        version: Delta version that holds the rows now.
        rows: rows written (those of the predicate when a part was replaced).
        changed: false when the table already held exactly these rows and no commit was made.
    """

    table: str
    version: int
    rows: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of a table's history: what was done at which version, and when."""

    version: int
    at: dt.datetime
    operation: str
    metadata: Mapping[str, str]

    @property
    def changed_rows(self) -> bool:
        """False for housekeeping, which leaves the rows as they were."""
        return self.operation not in HOUSEKEEPING


class Lake:
    """Delta tables under one root folder or bucket URL."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")

    def uri(self, table: str) -> str:
        """Where a table lies."""
        return f"{self.root}/{table}"

    def exists(self, table: str) -> bool:
        """True when the table has at least one commit."""
        from deltalake import DeltaTable

        return bool(DeltaTable.is_deltatable(self.uri(table)))

    def tables(self) -> list[str]:
        """Names of all tables, sorted."""
        root = Path(self.root)
        return sorted(str(log.parent.relative_to(root)) for log in root.glob("*/*/_delta_log") if self.exists(str(log.parent.relative_to(root))))

    def version(self, table: str) -> int:
        """Latest version of a table."""
        return int(self._open(table).version())

    def read(self, table: str, *, version: int | None = None, tenant: str | None = None) -> pl.LazyFrame:
        """Rows of a table at a version (default: the latest), of one tenant or of all.

        Raises:
            TableMissing: no such table.
            PermanentError: no such version.
        """
        frame = pl.scan_delta(self._open(table, version))
        return frame if tenant is None else frame.filter(pl.col("tenant") == tenant)

    def parts(self, table: str) -> dict[str, tuple[int, int]]:
        """Rows and bytes in force of each tenant, read off the log; none where a table says not whose its rows are."""
        added = pl.DataFrame(self._open(table).get_add_actions(flatten=True))
        if "partition.tenant" not in added.columns:
            return {}
        summed = added.group_by("partition.tenant").agg(pl.col("num_records").sum(), pl.col("size_bytes").sum())
        return {tenant: (int(rows), int(size)) for tenant, rows, size in summed.iter_rows()}

    def files(self, table: str, *, version: int | None = None) -> list[str]:
        """Parquet files that make up a table at a version."""
        uris = sorted(self._open(table, version).file_uris())
        return uris if "://" in self.root else [f"{self.uri(table)}/{uri.rpartition(f'/{table}/')[2]}" for uri in uris]  # a local root comes encoded

    def overwrite(self, table: str, frame: pl.DataFrame) -> Written:
        """Replace the whole table in one commit, or do nothing when it already holds exactly these rows."""
        mark = fingerprint(frame)
        if self.exists(table):
            last = self._last_fingerprint(table)
            if last == mark:
                return Written(table, self.version(table), frame.height, changed=False)
        version = self._commit(table, frame, {FINGERPRINT: mark}, schema_mode="overwrite")
        return Written(table, version, frame.height, changed=True)

    def replace(self, table: str, frame: pl.DataFrame, predicate: Mapping[str, Part]) -> Written:
        """Replace the rows that meet the predicate by those of the frame, in one commit; nothing when they are equal.

        Columns that the table lacks are added; columns that the frame lacks become null.

        Args:
            table: table name.
            frame: new rows; each must meet the predicate.
            predicate: column to value, to a list of values, or to (first, last) inclusive; compared as text or ISO dates.

        Raises:
            PermanentError: a row of the frame lies outside the predicate.
        """
        inside = pl.all_horizontal(_matches(name, wanted) for name, wanted in predicate.items())
        if frame.filter(~inside.fill_null(False)).height:
            raise PermanentError(f"{table}: rows to write lie outside the part {dict(predicate)} that they replace.")
        if not self.exists(table):
            version = self._commit(table, frame, {}, schema_mode="overwrite")
            return Written(table, version, frame.height, changed=True)
        before = self.read(table)
        if set(before.collect_schema()) >= set(frame.columns):
            old = before.filter(inside).collect()
            padded = frame.with_columns(pl.lit(None, dtype=old.schema[c]).alias(c) for c in old.columns if c not in frame.columns)
            if fingerprint(old) == fingerprint(padded):
                return Written(table, self.version(table), frame.height, changed=False)
        clause = " AND ".join(_sql(name, wanted) for name, wanted in predicate.items())
        version = self._commit(table, frame, {}, schema_mode="merge", predicate=clause)
        return Written(table, version, frame.height, changed=True)

    def append(self, table: str, frame: pl.DataFrame, *, app_id: str, number: int, cursor: str = "") -> Written:
        """Append rows exactly once: a repeat with the same or a lower number of the same app id does nothing.

        The caller holds the lease of the stream: Delta stores the number but does not refuse a repeat by itself.
        """
        from deltalake import Transaction

        if self.exists(table):
            seen = self._open(table).transaction_version(app_id)
            if seen is not None and seen >= number:
                return Written(table, self.version(table), 0, changed=False)
        version = self._commit(table, frame, {"cursor": cursor}, schema_mode="merge", mode="append", transactions=[Transaction(app_id, number)])
        return Written(table, version, frame.height, changed=True)

    def merge(self, table: str, frame: pl.DataFrame, *, key: Sequence[str]) -> Written:
        """Update the rows whose key the table holds and insert the others, in one commit; nothing when all rows are there as they are.

        Five to seven times the cost of an append: for rows that change here and there. Time-sliced data is `replace`d.

        Args:
            table: table name.
            frame: new rows, one a key, with all of the table's columns.
            key: columns that name a row; never null.

        Raises:
            PermanentError: a key is null or occurs twice in `frame`.
        """
        keys = list(key)
        if frame.select(pl.any_horizontal(pl.col(k).is_null().any() for k in keys)).item() or frame.select(keys).is_duplicated().any():
            raise PermanentError(f"{table}: a row to merge has no key, or two rows have the same ({', '.join(keys)}).")
        if not self.exists(table):
            return Written(table, self._commit(table, frame, {}, schema_mode="overwrite"), frame.height, changed=True)
        opened = self._open(table)
        fresh = frame.lazy().join(pl.scan_delta(opened), on=frame.columns, how="anti", nulls_equal=True).collect()
        if not fresh.height:
            return Written(table, int(opened.version()), 0, changed=False)

        def write() -> None:
            same = " AND ".join(f"old.{k} = new.{k}" for k in keys)
            merging = self._open(table).merge(fresh, predicate=same, source_alias="new", target_alias="old")
            merging.when_matched_update_all().when_not_matched_insert_all().execute()

        _with_retries(write, table)
        return Written(table, self.version(table), fresh.height, changed=True)

    def erase(self, table: str, column: str, values: Sequence[str]) -> int:
        """Delete the rows with these values, and every older file and log entry that still holds them; returns the rows deleted.

        The values stand in the log of the deleting commit: hand in surrogate keys, never a person's own data. Older versions
        of the table can no longer be read.
        """
        if not self.exists(table) or not values:
            return 0
        deleted = self._open(table).delete(f"{column} IN ({', '.join(map(quoted, values))})")
        self.purge(table)
        return int(deleted["num_deleted_rows"] or 0)

    def purge(self, table: str) -> None:
        """Delete every file and log entry that the version in force does not need: older versions can no longer be read."""
        opened = self._open(table)
        opened.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds", "delta.enableExpiredLogCleanup": "true"})
        opened = self._open(table)
        opened.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        opened = self._open(table)
        opened.create_checkpoint()
        opened.cleanup_metadata()
        self._open(table).alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})

    def history(self, table: str, *, limit: int | None = None) -> list[Commit]:
        """Commits of a table, newest first."""
        return [
            Commit(
                version=entry["version"],
                at=dt.datetime.fromtimestamp(entry["timestamp"] / 1000, tz=dt.UTC),
                operation=entry["operation"],
                metadata={k: v for k, v in entry.items() if isinstance(v, str)},
            )
            for entry in self._open(table).history(limit)
        ]

    def version_at(self, table: str, moment: dt.datetime) -> int:
        """The version that was in force at a moment.

        Raises:
            PermanentError: the table did not exist then.
        """
        for commit in self.history(table):
            if commit.at <= moment:
                return commit.version
        raise PermanentError(f"Table {table!r} did not exist at {moment.isoformat()}.", fix="`seeding show` without --as-of shows the latest.")

    def restore(self, table: str, version: int) -> int:
        """Make an old version the newest one; returns the new version number.

        Raises:
            PermanentError: the version, or a file of it, is not there any more.
        """
        from deltalake.exceptions import DeltaError

        opened = self._open(table)
        try:
            opened.restore(version)
        except DeltaError as error:
            raise VersionGone(table, version) from error
        return int(self.version(table))

    def rows(self, table: str, *, version: int, tenant: str | None = None) -> pl.DataFrame:
        """All rows of a version, of one tenant or of all.

        Raises:
            PermanentError: the version, or a file of it, is not there any more.
        """
        try:
            return self.read(table, version=version, tenant=tenant).collect()
        except FileNotFoundError as error:
            raise VersionGone(table, version) from error

    def maintain(self, table: str, *, keep_hours: int = 168) -> dict[str, int]:
        """Compact small files, write a checkpoint, delete files that no version younger than `keep_hours` needs."""
        opened = self._open(table)
        statistics = [field.name for field in opened.schema().fields if field.name in _STATISTICS]
        compacted = opened.optimize.compact(writer_properties=_written_with(statistics))
        opened.create_checkpoint()
        removed = opened.vacuum(retention_hours=keep_hours, enforce_retention_duration=False, dry_run=False)
        return {"files_added": int(compacted["numFilesAdded"]), "files_removed": int(compacted["numFilesRemoved"]), "files_deleted": len(removed)}

    def _open(self, table: str, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            return DeltaTable(self.uri(table), version=version)
        except TableNotFoundError as error:
            raise TableMissing(table) from error
        except DeltaError as error:
            raise PermanentError(f"Table {table!r} cannot be read at version {version}: {error}", fix="`seeding tables` shows versions.") from error

    def _last_fingerprint(self, table: str) -> str | None:
        for entry in self._open(table).history(20):
            if entry["operation"] in ("WRITE", "CREATE TABLE AS SELECT"):
                return entry.get(FINGERPRINT)
            if entry["operation"] not in HOUSEKEEPING:
                return None
        return None

    def _commit(
        self, table: str, frame: pl.DataFrame, metadata: Mapping[str, str], *, schema_mode: str, mode: str = "overwrite", **options: Any
    ) -> int:
        from deltalake import CommitProperties, write_deltalake

        properties = CommitProperties(custom_metadata=dict(metadata), app_transactions=options.pop("transactions", None))
        statistics = [c for c, d in frame.schema.items() if c in _STATISTICS or d.is_temporal()]
        fresh = not self.exists(table)

        def write() -> None:
            write_deltalake(
                self.uri(table),
                frame,
                mode=mode,
                schema_mode=schema_mode,
                partition_by=["tenant"] if "tenant" in frame.columns else None,
                commit_properties=properties,
                configuration={"delta.dataSkippingStatsColumns": ",".join(statistics)} if fresh and statistics else None,
                writer_properties=_written_with(statistics),
                **options,
            )

        _with_retries(write, table)
        return self.version(table)


def _written_with(columns: Sequence[str]) -> WriterProperties:
    """Statistics in the files for these columns only: smallest and largest texts are people's data, and cut short they name others."""
    from deltalake import ColumnProperties, WriterProperties

    return WriterProperties(
        default_column_properties=ColumnProperties(statistics_enabled="NONE"),
        column_properties={name: ColumnProperties(statistics_enabled="CHUNK") for name in columns},
    )


def _with_retries(write: Callable[[], None], table: str, *, attempts: int = 6, pause_s: float = 0.05) -> None:
    """Run a commit again when another writer was faster; a commit that cannot be written leaves the version before it intact."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    for attempt in range(1, attempts + 1):
        try:
            return write()
        except CommitFailedError as error:
            if attempt == attempts:
                raise TransientError(f"{table}: other writers were faster {attempts} times.", fix="Run it again.") from error
            time.sleep(pause_s * 2**attempt)
        except (OSError, DeltaError) as error:
            if "No space left" in str(error) or getattr(error, "errno", None) == errno.ENOSPC:
                raise TransientError(
                    f"{table} was not written: the disk is full; its version before is intact.", fix="Free disk space, then run it again."
                ) from error
            raise TransientError(
                f"{table} was not written ({error}); its version before is intact.", fix="Check the lake's folder, then run it again."
            ) from error
    return None


def _matches(name: str, wanted: Part) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    if isinstance(wanted, tuple):
        return text.is_between(pl.lit(wanted[0]), pl.lit(wanted[1]))
    return text.is_in([wanted] if isinstance(wanted, str) else wanted)


def quoted(value: str) -> str:
    """A text as a literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def _sql(name: str, wanted: Part) -> str:
    if isinstance(wanted, str):
        return f"{name} = {quoted(wanted)}"
    if isinstance(wanted, list):
        return f"{name} IN ({', '.join(map(quoted, wanted))})"
    return f"{name} >= {quoted(wanted[0])} AND {name} <= {quoted(wanted[1])}"
