"""What people and new versions do to many rows at once: done anew, brought back from the dead, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.states import STAGES, Ref

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from seeding_platform.storage.enrichment.states import Dead

_POSITIONS = {str(stage): n for n, stage in enumerate(STAGES)}
_MADE_BY_OTHERS = """
s.stage = :stage AND s.status IN ('completed', 'skipped') AND s.model_version IS NOT NULL AND s.provider <> 'human'
AND (s.model_version <> :model OR s.prompt_version <> :prompt)
"""
_OF_ONE = "s.tenant = :tenant AND s.record_type = :record_type AND s.record_id = :record_id AND s.stage = :stage"
_OWN = "s.tenant, s.record_type, s.record_id, s.stage, s.fence, s.status, s.lease_owner"
_AGAIN = f"status = 'pending', {traces.NO_TRIES}, {traces.NO_ANSWER}, {traces.NO_LEASE}, {traces.NO_TROUBLE}, finished_at = NULL"


def invalidated(
    connection: Connection,
    *,
    tenant: str | None,
    stage: str,
    keep: tuple[str, str],
    below: float | None,
    most_reasks: int | None,
    now: dt.datetime,
) -> int:
    """Put what another version made back; see `EnrichmentStore.invalidate`."""
    where = _MADE_BY_OTHERS + (" AND s.tenant = :tenant" if tenant is not None else "")
    where += " AND s.status = 'completed' AND s.confidence < :below" if below is not None else ""
    where += " AND s.reasked < :most" if most_reasks is not None else ""
    told = {"tenant": tenant, "below": below, "most": most_reasks}
    values = {"stage": stage, "model": keep[0], "prompt": keep[1]} | {name: value for name, value in told.items() if value is not None}
    rows = _locked(connection, where, values, stage)
    _anew(connection, rows, reasked=below is not None, now=now)
    return len(rows)


def again(connection: Connection, tenant: str, record: tuple[str, str], *, stage: str, now: dt.datetime) -> Ref | None:
    """Put one record's stage back, whoever made it; see `EnrichmentStore.again`."""
    where = _OF_ONE + " AND ((s.status IN ('completed', 'skipped') AND s.model_version IS NOT NULL AND s.provider <> 'human') OR s.status = 'failed')"
    values = {"tenant": tenant, "record_type": record[0], "record_id": record[1], "stage": stage}
    rows = _locked(connection, where, values, stage)
    _anew(connection, rows, reasked=True, now=now)
    return _ref(rows[0]) if rows else None


def _anew(connection: Connection, rows: list[Any], *, reasked: bool, now: dt.datetime) -> None:
    """Begin rows of one stage again; `reasked`: what is known of before will not do."""
    at = bulk.moment(connection, now)
    more = " reasked = {}reasked + 1,".format("s." if bulk.postgres(connection) else "") if reasked else ""
    moved = [(row.open, at if row.open else None, at, row.place) for row in rows]
    bulk.changed(connection, moved, ("ready", "due_at", "moved_at"), fixed=f"{more} {_AGAIN}")
    _gate(connection, [_ref(row) for row in rows], now=now)


def redriven(
    connection: Connection,
    tenant: str,
    *,
    wanted: Dead,
    records: Collection[tuple[str, str]] | None,
    dry_run: bool,
    now: dt.datetime,
) -> list[Ref]:
    """Bring dead rows back; see `EnrichmentStore.redrive`."""
    told = {"error": wanted.error, "since": bulk.moment(connection, wanted.since), "until": bulk.moment(connection, wanted.until)}
    given = {name: value for name, value in told.items() if value is not None}
    also = {"error": "s.error = :error", "since": "s.escalated_at >= :since", "until": "s.escalated_at < :until"}
    where = " AND ".join(["s.tenant = :tenant", "s.escalated_at IS NOT NULL", "s.stage = :stage", *(also[name] for name in given)])
    back: list[Ref] = []
    for name in [wanted.stage] if wanted.stage else map(str, STAGES):
        values = {"tenant": tenant, "stage": name, **given}
        rows = _some(_locked(connection, where, values, name), records)
        back += [_ref(row) for row in rows]
        if not dry_run:
            at = bulk.moment(connection, now)
            more = "redrives = {}redrives + 1".format("s." if bulk.postgres(connection) else "")
            moved = [(row.open, at if row.open else None, at, row.place) for row in rows]
            bulk.changed(connection, moved, ("ready", "due_at", "moved_at"), fixed=f"{more}, {_AGAIN}")
    return back


def cancelled(
    connection: Connection, tenant: str, *, stage: str | None, records: Collection[tuple[str, str]] | None, reason: str, now: dt.datetime
) -> list[Ref]:
    """End what is not finished; see `EnrichmentStore.cancel`."""
    import sqlalchemy as sa

    at, ended = bulk.moment(connection, now), []
    where = "s.tenant = :tenant AND s.stage = :stage AND s.status IN ('pending', 'in_progress', 'failed')"
    for name in map(str, STAGES[_POSITIONS[stage] if stage else 0 :]):  # what comes after it could never begin
        rows = _some(_locked(connection, where, {"tenant": tenant, "stage": name}, name), records)
        moved = [(row.fence + 1, at, at, row.place) for row in rows]
        fixed = (
            f"status = 'skipped', ready = TRUE, due_at = NULL, {traces.NO_ANSWER}, {traces.NO_LEASE}, "
            f"error = NULL, message = '{traces.CANCELLED}', escalated_at = NULL, owner = NULL, review_at = NULL"
        )
        bulk.changed(connection, moved, ("fence", "finished_at", "moved_at"), fixed=fixed)
        said = f"{traces.CANCELLED}: {reason}"
        traces.keep(connection, [traces.attempt(_ref(row), row.fence + 1, "skipped", at=at, message=said) for row in rows])
        ended += [_ref(row) for row in rows]
    if stage is None:
        names = sorted({(ref.record_type, ref.record_id) for ref in ended})
        query = "UPDATE enrichment_records SET withdrawn_at = :at WHERE tenant = :tenant AND record_type = :record_type AND record_id = :record_id"
        if names:
            connection.execute(sa.text(query), [{"at": at, "tenant": tenant, "record_type": kind, "record_id": name} for kind, name in names])
    return ended


def _gate(connection: Connection, refs: Sequence[Ref], *, now: dt.datetime) -> None:
    """Let what comes after these wait for them. What is being worked on may end; what is finished stays; what is dead stays dead."""
    at = bulk.moment(connection, now)
    position = _POSITIONS[refs[0].stage] if refs else len(STAGES)
    for stage in STAGES[position + 1 :]:
        later = [Ref(r.tenant, r.record_type, r.record_id, stage) for r in refs]
        rows = [row for row in bulk.found(connection, later, "s.status, s.due_at") if row is not None]
        waiting = [(at, row[0]) for row in rows if row[1] in ("pending", "failed") and row[2] is not None]
        leased = [(False, row[0]) for row in rows if row[1] == "in_progress"]
        bulk.changed(connection, waiting, ("moved_at",), fixed="status = 'pending', ready = FALSE, due_at = NULL, error = NULL, message = NULL")
        bulk.changed(connection, leased, ("ready",))


def _locked(connection: Connection, where: str, values: dict[str, Any], stage: str) -> list[Any]:
    """Rows of a stage, locked, each with `open`: whether all stages before it are completed."""
    import sqlalchemy as sa

    before = ", ".join(f"'{s}'" for s in STAGES[: _POSITIONS[stage]]) or "''"
    query = (
        f"SELECT {'s.ctid' if bulk.postgres(connection) else 's.rowid'} AS place, {_OWN}, "  # noqa: S608  names of the schema
        "NOT EXISTS (SELECT 1 FROM enrichment_stages u WHERE u.tenant = s.tenant AND u.record_type = s.record_type AND u.record_id = s.record_id "
        f"AND u.stage IN ({before}) AND u.status <> 'completed') AS open "
        f"FROM enrichment_stages s WHERE {where} ORDER BY s.tenant, s.record_type, s.record_id"
        + (" FOR UPDATE OF s" if bulk.postgres(connection) else "")
    )
    return list(connection.execute(sa.text(query), values).all())


def _some(rows: list[Any], records: Collection[tuple[str, str]] | None) -> list[Any]:
    return rows if records is None else [row for row in rows if (row.record_type, row.record_id) in records]


def _ref(row: Any) -> Ref:
    return Ref(row.tenant, row.record_type, row.record_id, row.stage)
