"""Who works on what: rows that are due are claimed under a lease, leases are renewed, and those that ran out are taken back.

A batch is fair: every tenant has its turn (the first row of each, then the second of each, ...), within a tenant the higher priority goes first, then
what has waited longer. Of the places of a batch some are for retries and the rest for first tries; what one kind leaves, the other takes. So neither
a tenant's huge backlog nor an outage's heap of retries keeps anybody else waiting.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.pauses import held_back
from seeding_platform.storage.enrichment.states import MOST_LOSSES, STAGES, Claimed, Ref

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

RETRY_SHARE = 0.2
"""Share of a batch that is kept for retries where the caller says nothing else."""

_COLUMNS = "record_type, record_id, priority, due_at, fence, attempts, asked, reasked"
_TENANTS = """
WITH RECURSIVE t (tenant) AS (
  SELECT min(tenant) FROM enrichment_stages WHERE stage = :stage AND status = :status AND due_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(s.tenant) FROM enrichment_stages s
          WHERE s.stage = :stage AND s.status = :status AND s.due_at IS NOT NULL AND s.tenant > t.tenant)
  FROM t WHERE t.tenant IS NOT NULL
) SELECT tenant FROM t WHERE tenant IS NOT NULL
"""
"""The tenants that have such rows, by jumping along the index from one to the next instead of reading all rows."""
_WANTED = "i.stage = :stage AND i.status = :status AND i.tenant = t.value AND i.due_at <= :now ORDER BY i.rank, i.due_at LIMIT :share"
_LOCKED = f"SELECT i.ctid AS place, i.* FROM enrichment_stages i WHERE {_WANTED} FOR UPDATE SKIP LOCKED"  # noqa: S608
_PICK = {
    "sqlite": f"FROM json_each(:tenants) t CROSS JOIN enrichment_stages s ON s.rowid IN (SELECT i.rowid FROM enrichment_stages i WHERE {_WANTED})",  # noqa: S608
    "postgresql": f"FROM unnest(CAST(:tenants AS text[])) AS t (value) CROSS JOIN LATERAL ({_LOCKED}) s",
}
_LEASED = ", ".join(("status = 'in_progress', due_at = NULL, finished_at = NULL", traces.NO_TROUBLE, traces.NO_ANSWER))


def claimed(
    connection: Connection,
    stage: str,
    *,
    owner: str,
    limit: int,
    lease: dt.timedelta,
    now: dt.datetime,
    tenants: Collection[str] | None = None,
    quota: int | None = None,
) -> list[Claimed]:
    """Claim rows of a stage; see `EnrichmentStore.claim`."""
    swept(connection, now=now, stage=stage)
    away = held_back(connection, stage)
    if limit <= 0 or away is None:
        return []
    retries = round(limit * RETRY_SHARE) if quota is None else min(max(quota, 0), limit)
    taken: list[Claimed] = []
    for status, places in (("pending", limit - retries), ("failed", retries), ("pending", limit), ("failed", limit)):
        names = _tenants(connection, stage, status, away, tenants)
        wanted = min(places, limit - len(taken))
        while names and wanted > 0:
            share = -(-wanted // len(names))
            rows = _picked(connection, stage, status, names, share=share, limit=wanted, now=now)
            _lease(connection, rows, owner=owner, until=now + lease, now=now)
            taken += [_claim(stage, row) for row in rows]
            wanted -= len(rows)
            given: dict[str, int] = {}
            for row in rows:
                given[row[1]] = given.get(row[1], 0) + 1
            names = [name for name in names if given.get(name, 0) == share]  # the others have no more
    return taken


def renewed(connection: Connection, claims: Sequence[Claimed], *, owner: str, lease: dt.timedelta, now: dt.datetime) -> list[Claimed]:
    """Prolong the leases that are still held; gives back whose they are."""
    until, rows, mine = bulk.moment(connection, now + lease), [], []
    for claim, row in zip(claims, bulk.found(connection, [c.ref for c in claims], "s.status, s.fence, s.lease_owner"), strict=True):
        if row is not None and row[1:] == ("in_progress", claim.fence, owner):
            rows.append((until, row[0]))
            mine.append(claim)
    bulk.changed(connection, rows, ("lease_until",))
    return mine


def swept(connection: Connection, *, now: dt.datetime, stage: str | None = None, limit: int = bulk.AT_ONCE) -> int:
    """Take back leases that ran out: due again at once and the attempt not counted, or dead after `MOST_LOSSES` of them; gives their number."""
    import sqlalchemy as sa

    place = "ctid" if bulk.postgres(connection) else "rowid"
    lock = " FOR UPDATE SKIP LOCKED" if bulk.postgres(connection) else ""
    which = " AND stage = :stage" if stage else ""
    query = sa.text(
        f"SELECT {place} AS place, tenant, record_type, record_id, stage, fence, attempts, losses, ready, lease_owner FROM enrichment_stages "  # noqa: S608
        f"WHERE lease_until <= :now{which} ORDER BY lease_until LIMIT :limit{lock}"
    )
    values = {"now": bulk.moment(connection, now), "limit": limit} | ({"stage": stage} if stage else {})
    at, moved, kept = bulk.moment(connection, now), [], []
    for row in connection.execute(query, values).all():
        losses, message = row.losses + 1, "whoever worked on it was not heard of again"
        dead = losses > MOST_LOSSES
        status = "failed" if dead or row.ready else "pending"
        due = at if row.ready and not dead else None
        said = ("worker_lost", message) if status == "failed" else (None, None)
        moved.append((status, due, at if dead else None, row.attempts - 1, losses, *said, at, row.place))
        ref = Ref(row.tenant, row.record_type, row.record_id, row.stage)
        kept.append(traces.attempt(ref, row.fence, "lost", at=at, error="worker_lost", message=message, worker=row.lease_owner))
    given = ("status", "due_at", "escalated_at", "attempts", "losses", "error", "message", "moved_at")
    bulk.changed(connection, moved, given, fixed=traces.NO_LEASE)
    traces.keep(connection, kept)
    return len(moved)


def _tenants(connection: Connection, stage: str, status: str, away: set[str], only: Collection[str] | None) -> list[str]:
    import sqlalchemy as sa

    found = connection.execute(sa.text(_TENANTS), {"stage": stage, "status": status}).scalars()
    return [name for name in found if name not in away and (only is None or name in only)]


def _picked(connection: Connection, stage: str, status: str, names: list[str], *, share: int, limit: int, now: dt.datetime) -> list[Any]:
    """The rows of the next turns, locked, with what a claim carries: a turn gives each tenant its best row that is left."""
    import sqlalchemy as sa

    before = STAGES[: [str(s) for s in STAGES].index(stage)]
    # `|| ''` keeps the index by (tenant, stage, status) out of it, which a Postgres without statistics takes for the better one: it then reads all
    # rows of a tenant for each row that is claimed
    outputs = "".join(
        ", (SELECT u.output FROM enrichment_stages u WHERE u.tenant = s.tenant AND u.record_type = s.record_type AND u.record_id = s.record_id "  # noqa: S608
        f"AND u.stage || '' = '{earlier}')"
        for earlier in before
    )
    place = "s.place" if bulk.postgres(connection) else "s.rowid"
    own = ", ".join(f"s.{c.strip()}" for c in _COLUMNS.split(","))
    query = sa.text(
        f"SELECT {place}, s.tenant, {own}, r.payload, r.input_hash{outputs} {_PICK[connection.dialect.name]} "
        "JOIN enrichment_records r ON r.tenant = s.tenant AND r.record_type = s.record_type AND r.record_id = s.record_id"
    )
    listed: Any = names if bulk.postgres(connection) else json.dumps(names)
    values = {"stage": stage, "status": status, "now": bulk.moment(connection, now), "share": share, "tenants": listed}
    by_tenant: dict[str, list[Any]] = {}
    for row in connection.execute(query, values).cursor.fetchall():
        by_tenant.setdefault(row[1], []).append(row)
    turns = []
    for rows in by_tenant.values():
        rows.sort(key=lambda row: (-row[4], row[5], row[2], row[3]))
        turns += [((turn, -row[4], row[5], row[1], row[2], row[3]), row) for turn, row in enumerate(rows)]
    turns.sort(key=lambda pair: pair[0])
    return [row for _, row in turns[:limit]]


def _lease(connection: Connection, rows: Sequence[Any], *, owner: str, until: dt.datetime, now: dt.datetime) -> None:
    at, end = bulk.moment(connection, now), bulk.moment(connection, until)
    own = "s." if bulk.postgres(connection) else ""  # there the joined values stand beside the row
    fixed = f"fence = {own}fence + 1, attempts = {own}attempts + 1, asked = {own}asked + 1, {_LEASED}"
    bulk.changed(connection, [(owner, end, at, at, row[0]) for row in rows], ("lease_owner", "lease_until", "started_at", "moved_at"), fixed=fixed)


def _claim(stage: str, row: Any) -> Claimed:
    _, tenant, record_type, record_id, priority, _, fence, attempts, asked, reasked, payload, input_hash, *outputs = row
    return Claimed(
        ref=Ref(tenant, record_type, record_id, stage),
        fence=fence + 1,
        attempt=attempts + 1,
        asked=asked + 1,
        payload=json.loads(payload),
        input_hash=input_hash,
        upstream={str(s): json.loads(text) for s, text in zip(STAGES, outputs, strict=False) if text is not None},
        priority=priority,
        reasked=reasked,
    )
