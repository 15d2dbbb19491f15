"""Putting an old version of a table in force again: on record with its reason, and told to Dagster, so that what lies below follows."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import PermanentError
from seeding_platform.governance import redacted
from seeding_platform.storage.audit import Event
from seeding_platform.storage.changes import Difference, difference

BELOW = {"raw": "clean, quality and all behind", "clean": "quality and all behind", "quality": "models, bundles and KPIs"}


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in force, as which version, and what changed by it."""

    version: int
    changes: Difference


def key_of(table: str) -> Sequence[str]:
    """Columns that name a row of a lake table; none where no contract says."""
    layer, _, name = table.partition("/")
    if name not in TABLES:
        return ()
    return ("_source", "_batch", "_row") if layer == "raw" else ("tenant", *TABLES[name].key)


def preview(platform: Platform, table: str, version: int) -> Difference:
    """What putting a version in force would change."""
    return difference(platform.lake, table, platform.lake.version(table), version, key=key_of(table))


def restore(platform: Platform, instance: dg.DagsterInstance, table: str, version: int, *, actor: str, reason: str) -> Restored:
    """Put a version in force.

    Raises:
        PermanentError: it holds what is in force already, it is not there any more, or no reason is given.
    """
    if not reason.strip():
        raise PermanentError(f"{table} was not restored: no reason is given.", fix="Say why with --reason; it goes on record.")
    changes = preview(platform, table, version)
    if changes.nothing:
        raise PermanentError(f"{table}: version {version} holds what is in force already.", fix="`seeding table history` lists the others.")
    made = platform.lake.restore(table, version)
    facts = {"restored_version": version, "version": made, "added": changes.added, "removed": changes.removed, "changed": changes.changed}
    reason = redacted(pl.Series([reason]))[0]  # it goes on record for good
    event = Event(at=platform.now(), tenant="", actor=actor, action="table.restore", subject=table, detail={**facts, "reason": reason})
    platform.trail.record(event)
    materialization = dg.AssetMaterialization(
        table.split("/"), description=f"version {version} was put in force again: {reason}", metadata={**facts, "delta_version": made}
    )
    instance.report_runless_asset_event(materialization)
    return Restored(made, changes)


def tell_changed(instance: dg.DagsterInstance, tables: Sequence[str], why: str) -> None:
    """Tell Dagster that tables were changed beside a run, so that what lies below follows."""
    for table in tables:
        instance.report_runless_asset_event(dg.AssetMaterialization(table.split("/"), description=why))
