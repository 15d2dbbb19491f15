"""What is to be delivered: claimed under a lease by one worker, one delivery of an address at a time; ended by that claim only.

An address never acknowledges a generation below one that it acknowledged before, and a delivery ends in one of the states of the end or waits:
nothing is lost with a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing
from seeding_platform.storage.delivery.endpoints import answered, locked, row_of, silent
from seeding_platform.storage.delivery.records import Attempt, Delivery, DeliveryState, EndpointKind, Step, Task, Trace

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from seeding_platform.storage.state import State

NO_LEASE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
LONGEST = 300


class LeaseLost(Exception):
    """Somebody else has the delivery by now: what came of this claim does not count."""


class Queue:
    """Deliveries in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    # work

    def next_due(self, *, now: dt.datetime) -> dt.datetime | None:
        """When something is due next that can be claimed, or a lease ends; None when nothing waits. Reads only: it is asked all the time."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table
        from seeding_platform.storage.delivery.schema import endpoints
        from seeding_platform.storage.schema import tenants

        closed = sa.select(tenants.c.tenant).where(tenants.c.state != "active")
        other = table.alias("other")
        free = ~sa.exists().where(other.c.endpoint_id == table.c.endpoint_id, other.c.state == DeliveryState.DELIVERING)
        reached = sa.and_(
            endpoints.c.endpoint_id == table.c.endpoint_id, endpoints.c.removed_at.is_(None), endpoints.c.disabled_at.is_(None),
            sa.or_(endpoints.c.open_until.is_(None), endpoints.c.open_until <= now), endpoints.c.tenant.not_in(closed),
        )  # fmt: skip
        waits = table.c.state.in_((DeliveryState.WAITING, DeliveryState.HELD))
        soon = sa.select(sa.func.min(table.c.due_at)).select_from(table.join(endpoints, reached)).where(waits, free)
        ends = sa.select(sa.func.min(table.c.lease_until)).where(table.c.state == DeliveryState.DELIVERING)
        with self.engine.connect() as connection:
            found = [connection.execute(query).scalar() for query in (soon, ends)]
        return min((moment for moment in found if moment is not None), default=None)

    def claim(self, *, owner: str, limit: int, lease: dt.timedelta, now: dt.datetime) -> list[Delivery]:
        """Take what is due, at most one delivery of an address; nobody else is at these addresses meanwhile."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table
        from seeding_platform.storage.delivery.schema import endpoints
        from seeding_platform.storage.schema import tenants

        closed = sa.select(tenants.c.tenant).where(tenants.c.state != "active")
        due = sa.and_(table.c.state == DeliveryState.WAITING, table.c.due_at <= now)
        other = table.alias("other")
        free = ~sa.exists().where(other.c.endpoint_id == endpoints.c.endpoint_id, other.c.state == DeliveryState.DELIVERING)
        first = sa.select(sa.func.min(table.c.due_at)).where(table.c.endpoint_id == endpoints.c.endpoint_id, due).scalar_subquery()
        wanted = (
            sa.select(endpoints.c.endpoint_id)
            .where(
                endpoints.c.removed_at.is_(None), endpoints.c.disabled_at.is_(None), endpoints.c.tenant.not_in(closed), free, first.is_not(None),
                sa.or_(endpoints.c.open_until.is_(None), endpoints.c.open_until <= now),
            )
            .order_by(first, endpoints.c.endpoint_id).limit(limit).with_for_update(of=endpoints, skip_locked=True)
        )  # fmt: skip
        taken = []
        with writing(self.engine) as connection:
            _swept(connection, now=now)
            for endpoint_id in list(connection.execute(wanted).scalars()):
                mine = sa.select(table).where(table.c.endpoint_id == endpoint_id)
                busy = connection.execute(mine.where(table.c.state == DeliveryState.DELIVERING)).first()
                stops_first = sa.case((sa.or_(table.c.task == Task.RECALL, table.c.step == Step.ABORT), 0), else_=1)
                row = connection.execute(mine.where(due).order_by(stops_first, table.c.generation.desc()).limit(1)).mappings().first()
                if busy or row is None:
                    continue
                values = {"state": DeliveryState.DELIVERING, "lease_owner": owner, "lease_until": now + lease, "fence": row["fence"] + 1,
                          "attempts": row["attempts"] + 1, "due_at": None, "first_at": row["first_at"] or now}  # fmt: skip
                connection.execute(sa.update(table).where(table.c.delivery_id == row["delivery_id"]).values(values))
                taken.append(Delivery(**{**row, **values}))
        return taken

    def renew(self, claim: Delivery, *, lease: dt.timedelta, now: dt.datetime) -> None:
        """Keep a claim for longer.

        Raises:
            LeaseLost: somebody else has it.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        with writing(self.engine) as connection:
            if not connection.execute(sa.update(table).where(_held(table, claim)).values(lease_until=now + lease)).rowcount:
                raise LeaseLost(claim.delivery_id)

    # how a try ends

    def acknowledged(self, claim: Delivery, trace: Trace, *, via: str, now: dt.datetime) -> Delivery:
        """The other side proved that it uses it, or, of a recall, said that it does not any more."""
        values = {"state": DeliveryState.ACKNOWLEDGED, "acknowledged_at": now, "via": via, "error": "", "message": ""}
        return self._ended(claim, trace, values, now=now)

    def prepared(self, claim: Delivery, trace: Trace, *, via: str, now: dt.datetime) -> Delivery:
        """The other side proved that it has it, and does not use it yet."""
        values = {"state": DeliveryState.PREPARED, "prepared_at": now, "via": via, "step": Step.ACTIVATE, "error": "", "message": ""}
        return self._ended(claim, trace, values, now=now)

    def aborted(self, claim: Delivery, trace: Trace, *, now: dt.datetime) -> Delivery:
        """The other side knows that it is not to use it."""
        return self._ended(claim, trace, {"state": DeliveryState.ABORTED}, now=now)

    def failed(self, claim: Delivery, trace: Trace, *, again_at: dt.datetime | None, now: dt.datetime, answers: bool = False) -> Delivery:
        """A try failed: it waits, ends as superseded when a newer one is wanted, or is dead.

        Args:
            claim: as it was claimed.
            trace: what happened.
            again_at: when it is tried again; None: never by itself.
            now: the moment.
            answers: the other side is there, and said no.
        """
        over = DeliveryState.DEAD if again_at is None else DeliveryState.WAITING
        values = {"state": over, "due_at": again_at, "error": trace.error, "message": trace.message[:LONGEST]}
        return self._ended(claim, trace, values, now=now, well=answers)

    def _ended(self, claim: Delivery, trace: Trace, values: dict[str, Any], *, now: dt.datetime, well: bool = True) -> Delivery:
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        with writing(self.engine) as connection:
            endpoint = locked(connection, claim.endpoint_id)
            row = connection.execute(sa.select(table).where(_held(table, claim))).mappings().one_or_none()
            if row is None or endpoint is None:
                raise LeaseLost(claim.delivery_id)
            state, newer = values["state"], _newer(connection, claim)
            if claim.task == Task.DELIVER and (
                DeliveryState.ACKNOWLEDGED in newer or (newer and state in (DeliveryState.WAITING, DeliveryState.DEAD, DeliveryState.PREPARED))
            ):
                values = {**values, "state": DeliveryState.SUPERSEDED, "due_at": None, "acknowledged_at": None}
            changed = {**values, **NO_LEASE, "bytes": row["bytes"] + trace.sent}
            connection.execute(sa.update(table).where(table.c.delivery_id == claim.delivery_id).values(changed))
            _kept(connection, claim, claim.fence, str(values["state"]), trace, now=now)
            (answered if well else silent)(connection, endpoint, now=now)
        return Delivery(**{**row, **changed})

    # what others say

    def told(
        self, delivery_id: str, state: DeliveryState, trace: Trace, *, via: str = "", now: dt.datetime
    ) -> Delivery | None:  # fmt: skip
        """What an engine that pulls says of a delivery; twice counts once. None where there is none, or a higher one was acknowledged."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        with writing(self.engine) as connection:
            row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).mappings().one_or_none()
            endpoint = None if row is None else locked(connection, row["endpoint_id"])
            if row is None or endpoint is None:
                return None
            row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).mappings().one()
            before = Delivery(**row)
            settled = before.state == DeliveryState.ACKNOWLEDGED or (before.state == state == DeliveryState.PREPARED)
            if settled and state != DeliveryState.DEAD:
                return before
            if DeliveryState.ACKNOWLEDGED in _newer(connection, before):
                return None
            moments = {DeliveryState.ACKNOWLEDGED: "acknowledged_at", DeliveryState.PREPARED: "prepared_at"}
            values: dict[str, Any] = {
                "state": state, "error": trace.error, "message": trace.message[:LONGEST], "via": via, "fence": before.fence + 1,
                "attempts": before.attempts + 1, "first_at": before.first_at or now, "due_at": None, **NO_LEASE,
                **({moments[state]: now} if state in moments else {}),
            }  # fmt: skip
            connection.execute(sa.update(table).where(table.c.delivery_id == delivery_id).values(values))
            _kept(connection, before, before.fence + 1, str(state), trace, now=now)
            answered(connection, endpoint, now=now)
        return Delivery(**{**row, **values})

    def lied(self, delivery: Delivery, trace: Trace, *, now: dt.datetime) -> bool:
        """What was acknowledged is not there: it is dead; false when that was said before."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.and_(table.c.delivery_id == delivery.delivery_id, table.c.state == DeliveryState.ACKNOWLEDGED, table.c.fence == delivery.fence)
        values = {"state": DeliveryState.DEAD, "error": trace.error, "message": trace.message, "fence": delivery.fence + 1, "acknowledged_at": None}
        with writing(self.engine) as connection:
            if not connection.execute(sa.update(table).where(mine).values(values)).rowcount:
                return False
            _kept(connection, delivery, delivery.fence + 1, str(DeliveryState.DEAD), trace, now=now)
        return True

    def replay(self, delivery_id: str, *, tenant: str, now: dt.datetime) -> Delivery | None:
        """Send a dead one again under the same id; None where there is no such, or a newer generation is wanted."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.and_(table.c.delivery_id == delivery_id, table.c.tenant == tenant)
        with writing(self.engine) as connection:
            row = connection.execute(sa.select(table).where(mine)).mappings().one_or_none()
            endpoint = None if row is None else locked(connection, row["endpoint_id"])
            if row is None or endpoint is None or (row["task"] == Task.DELIVER and _newer(connection, Delivery(**row))):
                return None
            step = Step.RECALL if row["task"] == Task.RECALL else Step.PREPARE
            due = None if endpoint.kind == EndpointKind.PULL else now
            values = {"state": DeliveryState.WAITING, "step": step, "attempts": 0, "opened_at": now, "due_at": due, "error": "", "message": ""}
            over = table.c.state.in_((DeliveryState.DEAD, DeliveryState.ABORTED))
            if not connection.execute(sa.update(table).where(mine, over).values(values)).rowcount:
                return None
        return Delivery(**{**row, **values})

    def release(self, *, now: dt.datetime) -> int:
        """Let go what was held until now; returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.update(table).where(table.c.state == DeliveryState.HELD, table.c.due_at <= now)
        with self.engine.connect() as connection:
            if not connection.execute(sa.select(table.c.delivery_id).where(table.c.state == DeliveryState.HELD, table.c.due_at <= now)).first():
                return 0
        with writing(self.engine) as connection:
            return int(connection.execute(mine.values(state=DeliveryState.WAITING)).rowcount)

    def replan(self, delivery_id: str, *, due_at: dt.datetime) -> bool:
        """Give one that is held another moment; false where it is not held any more."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.update(table).where(table.c.delivery_id == delivery_id, table.c.state == DeliveryState.HELD)
        with writing(self.engine) as connection:
            return bool(connection.execute(mine.values(due_at=due_at, opened_at=due_at)).rowcount)

    def acknowledged_since(self, since: dt.datetime, *, limit: int) -> list[Delivery]:
        """What was acknowledged at or after a moment, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.and_(table.c.state == DeliveryState.ACKNOWLEDGED, table.c.task == Task.DELIVER, table.c.acknowledged_at >= since)
        with self.engine.connect() as connection:
            query = sa.select(table).where(mine).order_by(table.c.acknowledged_at, table.c.delivery_id).limit(limit)
            return [Delivery(**row) for row in connection.execute(query).mappings()]

    def step(self, which: Sequence[Delivery], step: Step, *, seen: Sequence[DeliveryState], now: dt.datetime) -> int:
        """Let deliveries go on with another step; of those that are still in one of the states. Returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.and_(table.c.delivery_id.in_([d.delivery_id for d in which]), table.c.state.in_(seen))
        with writing(self.engine) as connection:
            return int(
                connection.execute(sa.update(table).where(mine).values(state=DeliveryState.WAITING, step=step, due_at=now, opened_at=now)).rowcount
            )

    def end(self, which: Sequence[Delivery], state: DeliveryState, *, seen: Sequence[DeliveryState]) -> int:
        """End deliveries of which nothing is to be told by us; returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        mine = sa.and_(table.c.delivery_id.in_([d.delivery_id for d in which]), table.c.state.in_(seen))
        with writing(self.engine) as connection:
            return int(connection.execute(sa.update(table).where(mine).values(state=state, due_at=None)).rowcount)

    def forget(self, *, before: dt.datetime) -> int:
        """Delete tries that were made before a moment, and superseded or aborted deliveries; returns how many of these."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import attempts as tries
        from seeding_platform.storage.delivery.schema import deliveries as table

        over = sa.and_(table.c.created_at < before, table.c.state.in_((DeliveryState.SUPERSEDED, DeliveryState.ABORTED)))
        with writing(self.engine) as connection:
            connection.execute(sa.delete(tries).where(tries.c.at < before))
            return int(connection.execute(sa.delete(table).where(over)).rowcount)

    # looks

    def one(self, delivery_id: str, *, tenant: str | None = None) -> Delivery | None:
        """One delivery."""
        found = self.some(delivery_id=delivery_id, tenant=tenant, limit=1)
        return found[0] if found else None

    def some(self, *, limit: int = 100, offset: int = 0, states: Sequence[str] | None = None, **asked: str | int | None) -> list[Delivery]:
        """Deliveries, the newest generation first, by the fields that are asked."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries as table

        query = sa.select(table).order_by(table.c.generation.desc(), table.c.created_at.desc(), table.c.delivery_id).limit(limit).offset(offset)
        query = query.where(*(table.c[name] == value for name, value in asked.items() if value is not None))
        if states is not None:
            query = query.where(table.c.state.in_(states))
        with self.engine.connect() as connection:
            return [Delivery(**row) for row in connection.execute(query).mappings()]

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """Every try of a delivery, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import attempts as table

        query = sa.select(table).where(table.c.delivery_id == delivery_id).order_by(table.c.fence)
        with self.engine.connect() as connection:
            return [Attempt(**row) for row in connection.execute(query).mappings()]


def _held(table: Any, claim: Delivery) -> Any:
    import sqlalchemy as sa

    return sa.and_(table.c.delivery_id == claim.delivery_id, table.c.fence == claim.fence, table.c.state == DeliveryState.DELIVERING)


def _newer(connection: Connection, than: Delivery) -> list[str]:
    """The states of the deliveries of higher generations to the same address."""
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import deliveries as table

    query = sa.select(table.c.state).where(
        table.c.endpoint_id == than.endpoint_id, table.c.generation > than.generation, table.c.task == Task.DELIVER
    )
    return list(connection.execute(query).scalars())


def _kept(connection: Connection, of: Delivery, fence: int, outcome: str, trace: Trace, *, now: dt.datetime) -> None:
    from seeding_platform.storage.delivery.schema import attempts as table

    tried = Attempt(
        delivery_id=of.delivery_id, fence=fence, tenant=of.tenant, engine=of.engine, at=now, outcome=outcome, error=trace.error, code=trace.code,
        took_ms=trace.took_ms, bytes=trace.sent,
    )  # fmt: skip
    connection.execute(table.insert().values(row_of(tried)))


def _swept(connection: Connection, *, now: dt.datetime) -> None:
    """Take back leases that ran out: due again at once, or superseded where a newer generation is wanted."""
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import deliveries as table

    query = sa.select(table).where(table.c.state == DeliveryState.DELIVERING, table.c.lease_until <= now).with_for_update(skip_locked=True)
    for row in connection.execute(query).mappings().all():
        lost = Delivery(**row)
        over = lost.task == Task.DELIVER and _newer(connection, lost)
        values = {"state": DeliveryState.SUPERSEDED if over else DeliveryState.WAITING, "due_at": None if over else now, **NO_LEASE}
        connection.execute(sa.update(table).where(table.c.delivery_id == lost.delivery_id).values(values))
        _kept(connection, lost, lost.fence, "lost", Trace("lost", "whoever delivered it was not heard of again"), now=now)
