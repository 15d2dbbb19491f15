"""Records that come in: new ones get a row per stage, changed ones begin anew, unchanged ones stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.states import STAGES, Ref

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

    from seeding_platform.storage.enrichment.states import Record

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('enrichment_intake'))"
_RECORD = ("tenant", "record_type", "record_id", "payload", "input_hash", "priority", "value", "ingested_at", "arrived_at", "updated_at")
_STAGE = (
    "tenant", "record_type", "record_id", "stage", "status", "ready", "priority", "attempts", "asked", "losses", "reasked", "redrives",
    "due_at", "fence", "input_hash", "moved_at",
)  # fmt: skip
_AGAIN = ", ".join(("status = 'pending', reasked = 0", traces.NO_TRIES, traces.NO_ANSWER, traces.NO_LEASE, traces.NO_TROUBLE, traces.NO_DATES))


@dataclass(frozen=True, slots=True)
class Intake:
    """How many records an intake found new, changed and unchanged; one that stood twice in it counts once."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Intake) -> Intake:
        return Intake(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


def taken_in(engine: Engine, records: Sequence[Record], *, now: dt.datetime) -> Intake:
    """Take records in, a transaction for every ten thousand; see `EnrichmentStore.intake`."""
    last = {(r.tenant, r.record_type, r.record_id): r for r in records}
    for record in last.values():
        _check(record)
    distinct = [last[key] for key in sorted(last)]
    total = Intake()
    for begin in range(0, len(distinct), bulk.AT_ONCE):
        some = distinct[begin : begin + bulk.AT_ONCE]
        total += bulk.transaction(engine, lambda connection, some=some: _taken(connection, some, now=now))  # type: ignore[misc]
    return total


def _taken(connection: Connection, records: list[Record], *, now: dt.datetime) -> Intake:
    if bulk.postgres(connection):
        connection.exec_driver_sql(_LOCK)  # two intakes at once could both find the same record new
    new, changed, moved = [], [], []
    refs = [Ref(r.tenant, r.record_type, r.record_id, STAGES[0]) for r in records]
    for record, row in zip(records, bulk.found(connection, refs, "s.priority, s.input_hash"), strict=True):
        if row is None:
            new.append(record)
        elif row[2] != record.input_hash:
            changed.append(record)
        else:
            moved.append(record)
    _add(connection, new, now=now)
    _restart(connection, changed, now=now)
    _weigh(connection, moved)
    return Intake(len(new), len(changed), len(moved))


def _add(connection: Connection, records: list[Record], *, now: dt.datetime) -> None:
    at = bulk.moment(connection, now)
    rows = [
        (r.tenant, r.record_type, r.record_id, bulk.canonical(r.payload), r.input_hash, r.priority, r.value, at,
         bulk.moment(connection, r.arrived_at or now), at)
        for r in records
    ]  # fmt: skip
    bulk.added(connection, "enrichment_records", _RECORD, rows)
    first = STAGES[0]
    stages = [
        (r.tenant, r.record_type, r.record_id, str(stage), "pending", stage is first, r.priority, 0, 0, 0, 0, 0,
         at if stage is first else None, 0, r.input_hash if stage is first else "", at)
        for r in records
        for stage in STAGES
    ]  # fmt: skip
    bulk.added(connection, "enrichment_stages", _STAGE, stages)


def _restart(connection: Connection, records: list[Record], *, now: dt.datetime) -> None:
    at = bulk.moment(connection, now)
    rows, taken = [], []
    for stage in STAGES:
        first = stage is STAGES[0]
        refs = [Ref(r.tenant, r.record_type, r.record_id, stage) for r in records]
        for record, ref, row in zip(records, refs, bulk.found(connection, refs, "s.status, s.fence, s.lease_owner"), strict=True):
            place, status, fence, worker = row
            leased = status == "in_progress"
            if leased:
                taken.append((ref, fence, worker))
            rows.append((first, record.priority, at if first else None, fence + leased, record.input_hash if first else "", at, place))
    bulk.changed(connection, rows, ("ready", "priority", "due_at", "fence", "input_hash", "moved_at"), fixed=_AGAIN)
    traces.resets(taken, now=now, connection=connection, why="the record has changed")
    values = [
        {"payload": bulk.canonical(r.payload), "hash": r.input_hash, "priority": r.priority, "value": r.value, "at": at, **_key(r)} for r in records
    ]
    _record(connection, "payload = :payload, input_hash = :hash, priority = :priority, value = :value, updated_at = :at, withdrawn_at = NULL", values)


def _weigh(connection: Connection, records: list[Record]) -> None:
    """Bring the weight of records up to date whose input is the same."""
    import sqlalchemy as sa

    if not records:
        return
    held = bulk.found_records(connection, [_names(r) for r in records], "priority, value")
    other = [r for r, row in zip(records, held, strict=True) if row[1:] != (r.priority, r.value)]
    if other:
        _record(connection, "priority = :priority, value = :value", [{"priority": r.priority, "value": r.value, **_key(r)} for r in other])
        query = (
            "UPDATE enrichment_stages SET priority = :priority "
            "WHERE tenant = :tenant AND record_type = :record_type AND record_id = :record_id AND priority <> :priority"
        )
        connection.execute(sa.text(query), [{"priority": r.priority, **_key(r)} for r in other])


def _record(connection: Connection, sets: str, values: list[dict[str, Any]]) -> None:
    import sqlalchemy as sa

    if values:
        query = f"UPDATE enrichment_records SET {sets} WHERE tenant = :tenant AND record_type = :record_type AND record_id = :record_id"  # noqa: S608
        connection.execute(sa.text(query), values)


def _names(record: Record) -> tuple[str, str, str]:
    return record.tenant, record.record_type, record.record_id


def _key(record: Record) -> dict[str, str]:
    return dict(zip(("tenant", "record_type", "record_id"), _names(record), strict=True))


def _check(record: Record) -> None:
    named = f"A record of {record.tenant}"
    if not (record.tenant and record.record_id and record.input_hash):
        raise PermanentError(f"{named} lacks its tenant, its id or its hash.", fix="Give all three.")
    if record.value is not None and not math.isfinite(record.value):
        raise PermanentError(f"{named} has a value that is no finite number.", fix="Leave the value out where it is not known.")
