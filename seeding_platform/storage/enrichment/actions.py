"""The ledger of actions: what was planned for a record, sent out, and done. An action that was sent or done for a record is never sent again.

What may be done is decided by whoever plans; what has been done is known here alone.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment import bulk

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from seeding_platform.storage.state import State

ActionState = Literal["planned", "sent", "done", "failed", "refused"]
Mode = Literal["dry_run", "executed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action for one record.

    Attributes:
        tenant: whose.
        record_type: order or exception.
        record_id: of the record.
        action: what is done, a word.
        parameters: of it, plain JSON.
        policy_version: of the rules that allow it.
        mode: dry_run says what would be done; executed does it.
        amount: money that it moves in EUR, None where it moves none.
        actor: who plans it.
        fence: of the claim under which it is planned, later that under which it was last sent.
        planned_at: when, aware.
        state: how far it is; what is sent without an end is repeated under the same key.
        outcome: for people.
        done_at: when it ended.
        key: from `action_key`; made where it is empty.
    """

    tenant: str
    record_type: str
    record_id: str
    action: str
    policy_version: str
    planned_at: dt.datetime
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    mode: Mode = "dry_run"
    amount: float | None = None
    actor: str = "worker"
    fence: int = 0
    state: ActionState = "planned"
    outcome: str = ""
    done_at: dt.datetime | None = None
    key: str = ""


def action_key(tenant: str, record: str, action: str, parameters: Mapping[str, Any], policy_version: str) -> str:
    """Names an action for good, and is its idempotency key: SHA-256 (hex) of `tenant|record|action|parameters|policy_version`.

    >>> a = action_key("t", "order/1", "refund", {"eur": 5, "to": "card"}, "1")
    >>> a == action_key("t", "order/1", "refund", {"to": "card", "eur": 5}, "1"), a == action_key("t", "order/1", "refund", {}, "1")
    (True, False)
    """
    return bulk.digest(json.dumps([tenant, record, action, bulk.canonical(parameters), policy_version]))


class ActionLedger:
    """Actions in the state database.

    Args:
        state: the state database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def plan(self, entries: Sequence[Action]) -> list[Action]:
        """Write plans down; gives for each what stands in the ledger.

        What was sent or done for the same record and action stands for every later plan of it, whatever its parameters or policy: the caller gets
        that one back and must not send the new one. A dry run moves nothing and so stands in nobody's way.

        Raises:
            PermanentError: an amount is no finite number of zero or more, or parameters are no plain JSON.
        """
        for entry in entries:
            if entry.amount is not None and not (math.isfinite(entry.amount) and entry.amount >= 0):
                raise PermanentError(f"An action {entry.action!r} moves an amount that is none.", fix="Give EUR, zero or more.")
        return bulk.transaction(self.engine, lambda connection: [_planned(connection, entry) for entry in _in_order(connection, entries)])

    def sent(self, key: str, fence: int) -> bool:
        """Say that an executed action goes out now.

        False when it must not: it is done, refused or a dry run, a newer claim has sent it, or it went out for the record under another key.
        """
        return bulk.transaction(self.engine, lambda connection: _sent(connection, key, fence))

    def done(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it was done, or would have been in a dry run; false when it is not under way."""
        return self._ended(key, "done", outcome, ("planned", "sent", "failed"), now=now)

    def failed(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it was not done; it may be sent again under the same key."""
        return self._ended(key, "failed", outcome, ("planned", "sent"), now=now)

    def refused(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it must not be done; false when it was sent already."""
        return self._ended(key, "refused", outcome, ("planned",), now=now)

    def of(
        self, tenant: str, *, record: tuple[str, str] | None = None, state: ActionState | None = None, mode: Mode | None = None, limit: int = 1000
    ) -> list[Action]:
        """Actions of a tenant in the order in which they were planned; of one record (type, id), in one state, of one mode."""
        with self.engine.connect() as connection:
            return actions_of(connection, tenant, record=record, state=state, mode=mode, limit=limit)

    def spent(self, tenant: str, since: dt.datetime) -> float:
        """EUR that executed actions of a tenant moved since a moment; what was sent without an end may have, and counts."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import actions as t

        query = sa.select(sa.func.coalesce(sa.func.sum(t.c.amount), 0.0)).where(
            t.c.tenant == tenant, t.c.mode == "executed", t.c.state.in_(("sent", "done")), sa.func.coalesce(t.c.done_at, t.c.planned_at) >= since
        )
        with self.engine.connect() as connection:
            return float(connection.execute(query).scalar_one())

    def _ended(self, key: str, state: ActionState, outcome: str, before: tuple[str, ...], *, now: dt.datetime) -> bool:
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import actions as table

        return self._moved(sa.update(table).where(table.c.key == key, table.c.state.in_(before)).values(state=state, outcome=outcome, done_at=now))

    def _moved(self, statement: Any) -> bool:
        return bulk.transaction(self.engine, lambda connection: bool(connection.execute(statement).rowcount))


def actions_of(
    connection: Connection,
    tenant: str,
    *,
    record: tuple[str, str] | None = None,
    state: ActionState | None = None,
    mode: Mode | None = None,
    limit: int = 1000,
) -> list[Action]:
    """See `ActionLedger.of`."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import actions as table

    query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.planned_at, table.c.key).limit(limit)
    if record is not None:
        query = query.where(table.c.record_type == record[0], table.c.record_id == record[1])
    if state is not None:
        query = query.where(table.c.state == state)
    if mode is not None:
        query = query.where(table.c.mode == mode)
    return [_action(row) for row in connection.execute(query).mappings()]


def _in_order(connection: Connection, entries: Sequence[Action]) -> Sequence[Action]:
    """The entries, once nobody else plans or sends for their records: two plans of one under two keys come one after the other."""
    if bulk.postgres(connection):
        for name in sorted({bulk.digest(e.tenant, e.record_type, e.record_id) for e in entries}):
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (int(name[:15], 16),))
    return entries


def _sent(connection: Connection, key: str, fence: int) -> bool:
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import actions as table

    held = connection.execute(sa.select(table).where(table.c.key == key)).mappings().first()
    if held is None:
        return False
    _in_order(connection, [_action(held)])
    standing = connection.execute(_gone_out(_action(held)).where(table.c.key != key)).first()
    may = (table.c.state.in_(("planned", "sent", "failed")), table.c.mode == "executed", table.c.fence <= fence)
    sending = sa.update(table).where(table.c.key == key, *may).values(state="sent", fence=fence)
    return standing is None and bool(connection.execute(sending).rowcount)


def _gone_out(action: Action) -> Any:
    """Asks for what went out for the same record and action, under whatever key."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import actions as table

    whose = (table.c.tenant == action.tenant, table.c.record_type == action.record_type, table.c.record_id == action.record_id)
    gone = (table.c.action == action.action, table.c.mode == "executed", table.c.state.in_(("sent", "done")))
    return sa.select(table).where(*whose, *gone).order_by(table.c.planned_at, table.c.key)


def _planned(connection: Connection, entry: Action) -> Action:
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import actions as table

    record = f"{entry.record_type}/{entry.record_id}"
    key = entry.key or action_key(entry.tenant, record, entry.action, entry.parameters, entry.policy_version)
    standing = connection.execute(_gone_out(entry)).mappings().first()
    if standing is not None:
        return _action(standing)
    held = connection.execute(sa.select(table).where(table.c.key == key)).mappings().first()
    planned = dataclasses.replace(entry, key=key, state="planned", outcome="", done_at=None)
    if held is None:
        connection.execute(sa.insert(table).values(_row(planned)))
        return planned
    if held["mode"] == "dry_run" and entry.mode == "executed":  # what was only shown so far is now meant
        connection.execute(sa.update(table).where(table.c.key == key).values(_row(planned)))
        return planned
    return _action(held)


def _row(action: Action) -> dict[str, Any]:
    return {f.name: getattr(action, f.name) for f in dataclasses.fields(action)} | {"parameters": bulk.canonical(action.parameters)}


def _action(row: RowMapping) -> Action:
    return Action(**{**row, "parameters": json.loads(row["parameters"])})
