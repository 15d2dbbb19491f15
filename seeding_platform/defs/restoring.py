"""Putting an old version of a table in force again: on record with its reason, and told to Dagster, so that what lies below follows."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.layers import key_of
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import PermanentError
from seeding_platform.storage.audit import Event
from seeding_platform.storage.changes import Difference, difference
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.marks import CORRECTED, RESTRICTED


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in force, as which version, and what changed by it."""

    version: int
    changes: Difference


def preview(platform: Platform, table: str, version: int) -> Difference:
    """What putting a version in force would change."""
    return difference(platform.lake, table, platform.lake.version(table), version, key=key_of(table))


def restore(platform: Platform, instance: dg.DagsterInstance, table: str, version: int, *, actor: str, reason: str, tenant: str = "") -> Restored:
    """Put a version in force; people who were erased since stay erased.

    Args:
        platform: whose table.
        instance: Dagster's, which is told.
        table: its name.
        version: the one to put in force.
        actor: who asks for it.
        reason: why.
        tenant: whose data it concerns; empty for everybody's.

    Raises:
        PermanentError: it holds what is in force already, it is not there any more, no reason is given, or it is older than a restriction or a
            correction that stands for somebody in it.
    """
    if not reason.strip():
        raise PermanentError(f"{table} was not restored: no reason is given.", fix="Say why with --reason; it goes on record.")
    changes = preview(platform, table, version)
    if changes.nothing:
        raise PermanentError(f"{table}: version {version} holds what is in force already.", fix="`seeding table history` lists the others.")
    _refuse_older_than_marks(platform, table, version)
    made = _put_in_force(platform, table, version)
    facts = {"restored_version": version, "version": made, "added": changes.added, "removed": changes.removed, "changed": changes.changed}
    from seeding_platform.governance import redacted  # its patterns take a while to be made

    reason = redacted(pl.Series([reason]))[0]  # it goes on record for good
    event = Event(at=platform.now(), tenant=tenant, actor=actor, action="table.restore", subject=table, detail={**facts, "reason": reason})
    platform.trail.record(event)
    materialization = dg.AssetMaterialization(
        table.split("/"), description=f"version {version} was put in force again: {reason}", metadata={**facts, "delta_version": made}
    )
    instance.report_runless_asset_event(materialization)
    return Restored(made, changes)


def _refuse_older_than_marks(platform: Platform, table: str, version: int) -> None:
    """Refuse a quality version that may hold people whose data is restricted since, or values that were put right since.

    Personal columns of quality tables do not say any more whose rows they are, so that nobody can be left out of them by name.
    """
    layer, _, name = table.partition("/")
    if layer != "quality" or name not in LANDED:
        return
    marks = [("restricted", tenant, mark.at) for tenant, mark in platform.marks.of(RESTRICTED)]
    marks += [("put right", tenant, mark.at) for tenant, mark in platform.marks.of(CORRECTED) if mark.body.get("table") == name]
    if not marks:
        return
    tenants = set(platform.lake.rows(table, version=version)["tenant"].unique())
    written = next((c.at for c in platform.lake.history(table) if c.version == version), None)
    newer = [(at, what) for what, tenant, at in marks if tenant in tenants and (written is None or _utc(at) >= written)]
    if newer:
        at, what = max(newer)
        told = f"{table}: version {version} is older than {_utc(at):%Y-%m-%d %H:%M} UTC, when somebody's data was {what}; it would undo that."
        raise PermanentError(told, fix=f"Restore a later version, or restore clean/{name}: {table} is then made of it as people's requests say.")


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _put_in_force(platform: Platform, table: str, version: int) -> int:
    """Restore a version; written anew without them where it still names people who were erased."""
    rows = platform.lake.rows(table, version=version)
    if "tenant" in rows.columns:
        parts = [part for _, part in rows.group_by("tenant", maintain_order=True)]
        admitted = pl.concat([platform.admit(part, str(part["tenant"][0])) for part in parts]) if parts else rows
        if not admitted.equals(pl.concat(parts) if parts else rows):
            return platform.lake.overwrite(table, admitted).version
    return platform.lake.restore(table, version)


class Restorer:
    """`catalog.ports.TableRestorer` on Dagster's instance, under the lock of whoever writes.

    Args:
        platform: whose tables.
        instance: opens Dagster's instance.
    """

    def __init__(self, platform: Platform, instance: Callable[[], dg.DagsterInstance]) -> None:
        self.platform, self.instance = platform, instance

    def restore(self, table: str, version: int, *, actor: str, tenant: str, reason: str) -> int:
        """Put a version in force, as `restore` does."""
        with exclusive(self.platform.settings.state / "seeding.lock", holder=f"restore {table}"):
            return restore(self.platform, self.instance(), table, version, actor=actor, reason=reason, tenant=tenant).version


def tell_changed(instance: dg.DagsterInstance, tables: Sequence[str], why: str) -> None:
    """Tell Dagster that tables were changed beside a run, so that what lies below follows."""
    for table in tables:
        instance.report_runless_asset_event(dg.AssetMaterialization(table.split("/"), description=why))
