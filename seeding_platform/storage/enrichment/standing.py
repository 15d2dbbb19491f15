"""How enrichment stands: what is due, how many rows are where, and the story of one record. Reads only."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment.pauses import held_back
from seeding_platform.storage.enrichment.states import STAGES, Counts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from seeding_platform.storage.enrichment.actions import Action
    from seeding_platform.storage.enrichment.reviews import HumanLabel
    from seeding_platform.storage.enrichment.states import Dead


_COUNTS = """
SELECT s.*, r.ingested FROM (
  SELECT tenant, stage,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'skipped') AS skipped,
    count(*) FILTER (WHERE escalated_at IS NOT NULL) AS dead,
    count(*) FILTER (WHERE status IN ('pending', 'failed') AND escalated_at IS NULL) AS due,
    count(*) FILTER (WHERE status = 'in_progress') AS leased,
    count(*) FILTER (WHERE status = 'pending' AND due_at IS NULL) AS gated,
    min(due_at) FILTER (WHERE due_at <= :now) AS oldest_due_at
  FROM enrichment_stages :whose GROUP BY tenant, stage
) s JOIN (SELECT tenant, count(*) AS ingested FROM enrichment_records :whose GROUP BY tenant) r ON r.tenant = s.tenant
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """One record in one stage; the fields are the columns of `enrichment_stages`, `output` is read."""

    stage: str
    status: str
    ready: bool
    attempts: int
    asked: int
    losses: int
    reasked: int
    redrives: int
    due_at: dt.datetime | None
    lease_owner: str | None
    lease_until: dt.datetime | None
    fence: int
    output: Mapping[str, Any] | None
    confidence: float | None
    label: str | None
    provider: str | None
    model_version: str | None
    prompt_version: str | None
    error: str | None
    message: str | None
    escalated_at: dt.datetime | None
    owner: str | None
    review_at: dt.datetime | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    moved_at: dt.datetime

    @property
    def dead(self) -> bool:
        """Whether it will not be tried again by itself."""
        return self.escalated_at is not None

    @property
    def retry_count(self) -> int:
        """Tries after the first, 0-5."""
        return max(self.attempts - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """A record and where it is in each stage, in their order."""

    tenant: str
    record_type: str
    record_id: str
    priority: int
    value: float | None
    ingested_at: dt.datetime
    updated_at: dt.datetime
    withdrawn_at: dt.datetime | None
    stages: tuple[StageState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt, as it is kept in `enrichment_attempts`."""

    stage: str
    fence: int
    outcome: str
    error: str | None
    message: str | None
    worker: str | None
    confidence: float | None
    label: str | None
    provider: str
    model_version: str
    prompt_version: str
    took_ms: int
    calls: int
    tokens: int
    cost: float
    cached: bool
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that is known of a record.

    Attributes:
        record: the record and its stages.
        payload: its facts.
        attempts: in the order in which they happened.
        actions: in the order in which they were planned.
        labels: what people said, oldest first.
    """

    record: RecordState
    payload: Mapping[str, Any]
    attempts: tuple[Attempt, ...]
    actions: tuple[Action, ...]
    labels: tuple[HumanLabel, ...]


def due(connection: Connection, *, now: dt.datetime) -> list[tuple[str, str, int]]:
    """Rows that could be claimed now, by tenant and stage; reads the index of what is due, and of leases that ran out."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import stages as table

    waiting = sa.select(table.c.tenant, table.c.stage).where(table.c.status.in_(("pending", "failed")), table.c.due_at <= now)
    lost = sa.select(table.c.tenant, table.c.stage).where(table.c.lease_until <= now)
    both = sa.union_all(waiting, lost).subquery()
    query = sa.select(both.c.tenant, both.c.stage, sa.func.count()).group_by(both.c.tenant, both.c.stage).order_by(both.c.tenant, both.c.stage)
    away = {str(stage): held_back(connection, stage) for stage in STAGES}
    rows = connection.execute(query).all()
    return [(tenant, stage, n) for tenant, stage, n in rows if (names := away[stage]) is not None and tenant not in names]


def next_due_at(connection: Connection) -> dt.datetime | None:
    """When there is something to do next, be it in the past: the first row that is due or the first lease that runs out."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import stages as table

    moments = [connection.execute(sa.select(sa.func.min(column))).scalar() for column in (table.c.due_at, table.c.lease_until)]
    return min((m for m in moments if m is not None), default=None)


def counts(connection: Connection, tenant: str | None, *, now: dt.datetime) -> list[Counts]:
    """Where the rows are, by tenant and stage, in one statement and so at one instant. What came in is counted in the records, not in the rows."""
    import sqlalchemy as sa

    from seeding_platform.storage.columns import UtcTime

    whose = "WHERE tenant = :tenant" if tenant is not None else ""
    query = sa.text(_COUNTS.replace(":whose", whose)).bindparams(sa.bindparam("now", now, UtcTime))
    values = {"tenant": tenant} if tenant is not None else {}
    found = [Counts(**row) for row in connection.execute(query.columns(oldest_due_at=UtcTime), values).mappings()]
    return sorted(found, key=lambda c: (c.tenant, STAGES.index(c.stage)))


def records(
    connection: Connection,
    tenant: str,
    *,
    status: str | None = None,
    stage: str | None = None,
    error: str | None = None,
    dead: bool | None = None,
    text: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 50,
) -> list[RecordState]:
    """Records of a tenant by type and id; those that have a stage in which all that is asked for holds."""
    from seeding_platform.storage.enrichment.schema import stages as s

    asked = [s.c.status == status] if status else []
    asked += [s.c.stage == stage] if stage else []
    asked += [s.c.error == error] if error else []
    asked += [s.c.escalated_at.is_not(None) if dead else s.c.escalated_at.is_(None)] if dead is not None else []
    return _listed(connection, tenant, asked, text=text, after=after, limit=limit)


def dead(connection: Connection, tenant: str, wanted: Dead, *, after: tuple[str, str] | None, limit: int) -> list[RecordState]:
    """Records of a tenant with a dead row that is meant, by type and id."""
    from seeding_platform.storage.enrichment.schema import stages as s

    asked: list[Any] = [s.c.escalated_at.is_not(None)]
    asked += [s.c.stage == wanted.stage] if wanted.stage else []
    asked += [s.c.error == wanted.error] if wanted.error else []
    asked += [s.c.escalated_at >= wanted.since] if wanted.since is not None else []
    asked += [s.c.escalated_at < wanted.until] if wanted.until is not None else []
    return _listed(connection, tenant, asked, text=None, after=after, limit=limit)


def _listed(
    connection: Connection, tenant: str, asked: list[Any], *, text: str | None, after: tuple[str, str] | None, limit: int
) -> list[RecordState]:
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import records as r
    from seeding_platform.storage.enrichment.schema import stages as s

    query = sa.select(r).where(r.c.tenant == tenant)
    if asked:
        same = (s.c.tenant == r.c.tenant, s.c.record_type == r.c.record_type, s.c.record_id == r.c.record_id)
        query = query.where(sa.exists(sa.select(sa.literal(1)).where(*same, *asked)))
    if text:
        query = query.where(r.c.record_id.startswith(text, autoescape=True))
    if after:
        query = query.where(sa.tuple_(r.c.record_type, r.c.record_id) > sa.tuple_(*map(sa.literal, after)))
    found = connection.execute(query.order_by(r.c.record_type, r.c.record_id).limit(limit)).mappings().all()
    return _with_stages(connection, tenant, found)


def story(connection: Connection, tenant: str, record_type: str, record_id: str) -> Story | None:
    """Everything about one record; None where the tenant has no such record."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.actions import actions_of
    from seeding_platform.storage.enrichment.reviews import labels_of
    from seeding_platform.storage.enrichment.schema import attempts as a
    from seeding_platform.storage.enrichment.schema import records as r

    whose = {"tenant": tenant, "record_type": record_type, "record_id": record_id}
    found = connection.execute(sa.select(r).filter_by(**whose)).mappings().all()
    if not found:
        return None
    tried = connection.execute(sa.select(a).filter_by(**whose)).mappings().all()
    names = [f.name for f in dataclasses.fields(Attempt)]
    told = sorted((Attempt(**{n: row[n] for n in names}) for row in tried), key=lambda t: (t.at, STAGES.index(t.stage), t.fence))
    return Story(
        record=_with_stages(connection, tenant, found)[0],
        payload=json.loads(found[0]["payload"]),
        attempts=tuple(told),
        actions=tuple(actions_of(connection, tenant, record=(record_type, record_id))),
        labels=tuple(labels_of(connection, tenant, record=(record_type, record_id))),
    )


def _with_stages(connection: Connection, tenant: str, found: Any) -> list[RecordState]:
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import stages as s

    keys = [(row["record_type"], row["record_id"]) for row in found]
    mine: dict[tuple[str, str], list[StageState]] = {key: [] for key in keys}
    for begin in range(0, len(keys), 500):  # a statement takes only so many values
        some = sa.tuple_(s.c.record_type, s.c.record_id).in_(keys[begin : begin + 500])
        for row in connection.execute(sa.select(s).where(s.c.tenant == tenant, some)).mappings():
            mine[row["record_type"], row["record_id"]].append(_stage(row))
    names = [f.name for f in dataclasses.fields(RecordState) if f.name != "stages"]
    return [
        RecordState(**{n: row[n] for n in names}, stages=tuple(sorted(mine[key], key=lambda one: STAGES.index(one.stage))))
        for key, row in zip(keys, found, strict=True)
    ]


def _stage(row: RowMapping) -> StageState:
    values = {f.name: row[f.name] for f in dataclasses.fields(StageState)}
    return StageState(**values | {"output": json.loads(row["output"]) if row["output"] is not None else None})
