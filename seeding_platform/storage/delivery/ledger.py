"""Generations as they were published. One enters together with what is to be delivered and what listeners are told, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing
from seeding_platform.storage.delivery.endpoints import row_of
from seeding_platform.storage.delivery.events import tell
from seeding_platform.storage.delivery.records import (
    DeliveryState,
    Endpoint,
    EndpointKind,
    Generation,
    GenerationState,
    Step,
    Task,
    delivery_id_of,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from sqlalchemy import Connection

    from seeding_platform.storage.state import State

    Hour = Callable[[str, dt.datetime], dt.datetime]
    """The next moment of a schedule."""

REPLACED = (DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.PREPARED)
"""What a newer generation ends; a delivery that somebody is at ends by itself."""


class Ledger:
    """Generations in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def enter(self, made: Generation, *, now: dt.datetime, hour: Hour, held_until: dt.datetime | None = None) -> bool:
        """Write a generation down with its deliveries and its event; false when it stands already.

        Args:
            made: as it was signed.
            now: the moment.
            hour: when an address with a schedule is next delivered to.
            held_until: when one without is; None: at once.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries, endpoints
        from seeding_platform.storage.delivery.schema import generations as table

        with writing(self.engine) as connection:
            mine = sa.and_(endpoints.c.tenant == made.tenant, endpoints.c.engine == made.engine, endpoints.c.removed_at.is_(None))
            query = sa.select(endpoints).where(mine).order_by(endpoints.c.endpoint_id).with_for_update()
            addresses = [Endpoint(**row) for row in connection.execute(query).mappings()]
            if not connection.execute(_once(connection, table, row_of(made), ("tenant", "engine", "generation"))).rowcount:
                return False
            here = sa.and_(table.c.tenant == made.tenant, table.c.engine == made.engine)
            if connection.execute(sa.select(table.c.generation).where(here, table.c.generation > made.generation)).first():
                return True  # a newer one is in force already
            if made.kind == "rolled_back":
                undone = sa.and_(here, table.c.generation == made.previous, table.c.state != GenerationState.RECALLED)
                connection.execute(sa.update(table).where(undone).values(state=GenerationState.ROLLED_BACK, soak_until=None, note=made.reason or ""))
            older = sa.and_(here, table.c.generation < made.generation, table.c.state == GenerationState.SOAKING)
            connection.execute(sa.update(table).where(older).values(state=GenerationState.PUBLISHED, soak_until=None))
            past = sa.and_(
                deliveries.c.tenant == made.tenant, deliveries.c.engine == made.engine, deliveries.c.task == Task.DELIVER,
                deliveries.c.generation < made.generation, deliveries.c.state.in_(REPLACED), deliveries.c.step != Step.ABORT,
            )  # fmt: skip
            connection.execute(sa.update(deliveries).where(past).values(state=DeliveryState.SUPERSEDED, due_at=None))
            for address in addresses:
                if address.enabled:
                    _ordered(connection, address, made, now=now, hour=hour, held_until=held_until)
            told = {"tenant": made.tenant, "engine": made.engine, "generation": made.generation, "content_id": made.content_id}
            tell(connection, {**told, "event": "release", "reason": made.reason, "instead": None, "at": now})
        return True

    def register(self, endpoint: Endpoint, *, now: dt.datetime, hour: Hour) -> bool:
        """Keep an address; the generation in force goes to it. False when it stands already."""
        from seeding_platform.storage.delivery.schema import endpoints

        with writing(self.engine) as connection:
            if not connection.execute(_once(connection, endpoints, row_of(endpoint), ("endpoint_id",))).rowcount:
                return False
            self._caught_up(connection, endpoint, now=now, hour=hour)
        return True

    def catch_up(self, endpoint: Endpoint, *, now: dt.datetime, hour: Hour) -> None:
        """Deliver the generation in force to an address that was switched off, unless that was begun already."""
        with writing(self.engine) as connection:
            self._caught_up(connection, endpoint, now=now, hour=hour)

    def _caught_up(self, connection: Connection, endpoint: Endpoint, *, now: dt.datetime, hour: Hour) -> None:
        found = _newest(connection, endpoint.tenant, endpoint.engine)
        if found is not None and found.state != GenerationState.RECALLED:
            _ordered(connection, endpoint, found, now=now, hour=hour)

    def newest(self, tenant: str, engine: str) -> Generation | None:
        """The highest generation of an engine."""
        with self.engine.connect() as connection:
            return _newest(connection, tenant, engine)

    def one(self, tenant: str, engine: str, generation: int) -> Generation | None:
        """A generation by its number."""
        from seeding_platform.storage.delivery.schema import generations as table

        found = self._some(table.c.tenant == tenant, table.c.engine == engine, table.c.generation == generation, limit=1)
        return found[0] if found else None

    def of(self, tenant: str, engine: str, *, limit: int = 50, before: int | None = None) -> list[Generation]:
        """Generations of an engine, the newest first."""
        from seeding_platform.storage.delivery.schema import generations as table

        asked = [table.c.tenant == tenant, table.c.engine == engine, *([table.c.generation < before] if before is not None else [])]
        return self._some(*asked, limit=limit)

    def since(self, tenant: str, moment: dt.datetime, *, kind: str) -> list[Generation]:
        """Generations of a kind that were issued to a tenant's engines since a moment."""
        from seeding_platform.storage.delivery.schema import generations as table

        return self._some(table.c.tenant == tenant, table.c.issued_at >= moment, table.c.kind == kind, limit=1000)

    def heads(self, tenant: str | None = None) -> list[Generation]:
        """The highest generation of every engine, of a tenant or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import generations as table

        top = sa.select(table.c.tenant, table.c.engine, sa.func.max(table.c.generation).label("top")).group_by(table.c.tenant, table.c.engine)
        high = (top if tenant is None else top.where(table.c.tenant == tenant)).subquery()
        joined = sa.and_(table.c.tenant == high.c.tenant, table.c.engine == high.c.engine, table.c.generation == high.c.top)
        with self.engine.connect() as connection:
            query = sa.select(table).join(high, joined).order_by(table.c.tenant, table.c.engine)
            return [Generation(**row) for row in connection.execute(query).mappings()]

    def soaking(self) -> list[Generation]:
        """Those that are watched."""
        from seeding_platform.storage.delivery.schema import generations as table

        return self._some(table.c.state == GenerationState.SOAKING, limit=1000)

    def grouped(self, group_id: str) -> list[Generation]:
        """The generations of a group."""
        from seeding_platform.storage.delivery.schema import generations as table

        return self._some(table.c.group_id == group_id, limit=1000)

    def judge(self, made: Generation, state: GenerationState, note: str = "", *, seen: GenerationState) -> bool:
        """Say what became of a generation; false when somebody else has."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import generations as table

        mine = sa.update(table).where(
            table.c.tenant == made.tenant, table.c.engine == made.engine, table.c.generation == made.generation, table.c.state == seen
        )
        with writing(self.engine) as connection:
            return bool(connection.execute(mine.values(state=state, soak_until=None, note=note)).rowcount)

    def sign(self, made: Generation, signature: str) -> None:
        """Another signature of the same text: the key of the one before was revoked."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import generations as table

        mine = sa.update(table).where(table.c.tenant == made.tenant, table.c.engine == made.engine, table.c.generation == made.generation)
        with writing(self.engine) as connection:
            connection.execute(mine.values(signature=signature))

    def recall(self, tenant: str, engine: str, content_id: str, *, reason: str, instead: int | None, now: dt.datetime) -> int:
        """Withdraw a content: its generations, what is on its way, and tell whoever was given it; returns how many generations went.

        `content_id` may be the beginning of it: the name of its folder.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries, endpoints
        from seeding_platform.storage.delivery.schema import generations as table

        with writing(self.engine) as connection:
            here = sa.and_(table.c.tenant == tenant, table.c.engine == engine, table.c.content_id.startswith(content_id, autoescape=True))
            query = sa.select(table).where(here, table.c.state != GenerationState.RECALLED).order_by(table.c.generation).with_for_update()
            gone = [Generation(**row) for row in connection.execute(query).mappings()]
            for made in gone:
                mine = sa.and_(table.c.tenant == tenant, table.c.engine == engine, table.c.generation == made.generation)
                connection.execute(sa.update(table).where(mine).values(state=GenerationState.RECALLED, soak_until=None, note=reason))
                its = sa.and_(
                    deliveries.c.tenant == tenant, deliveries.c.engine == engine, deliveries.c.generation == made.generation,
                    deliveries.c.task == Task.DELIVER,
                )  # fmt: skip
                open_ones = sa.and_(its, deliveries.c.state.in_(REPLACED))
                tried = sa.select(deliveries.c.endpoint_id).where(its, deliveries.c.first_at.is_not(None))
                holding = list(connection.execute(tried).scalars())
                connection.execute(sa.update(deliveries).where(open_ones).values(state=DeliveryState.SUPERSEDED, due_at=None))
                addressed = sa.select(endpoints).where(endpoints.c.endpoint_id.in_(holding), endpoints.c.kind != EndpointKind.PULL)
                for row in connection.execute(addressed.where(endpoints.c.removed_at.is_(None))).mappings():
                    _add(connection, Endpoint(**row), made, Task.RECALL, DeliveryState.WAITING, due=now, now=now)
                told = {"tenant": tenant, "engine": engine, "generation": made.generation, "content_id": made.content_id, "at": now}
                tell(connection, {**told, "event": "recalled", "reason": reason, "instead": instead})
        return len(gone)

    def _some(self, *asked: Any, limit: int) -> list[Generation]:
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import generations as table

        with self.engine.connect() as connection:
            query = sa.select(table).where(*asked).order_by(table.c.generation.desc(), table.c.tenant, table.c.engine).limit(limit)
            return [Generation(**row) for row in connection.execute(query).mappings()]


def _newest(connection: Connection, tenant: str, engine: str) -> Generation | None:
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import generations as table

    query = sa.select(table).where(table.c.tenant == tenant, table.c.engine == engine).order_by(table.c.generation.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else Generation(**row)


def _ordered(
    connection: Connection, address: Endpoint, made: Generation, *, now: dt.datetime, hour: Hour, held_until: dt.datetime | None = None
) -> None:
    """What an address is to be sent: at once, at its hour, at that of its engine, or by itself."""
    pulls = address.kind == EndpointKind.PULL
    until = hour(address.schedule, now) if address.schedule else held_until
    held = until is not None and not pulls
    due = None if pulls else until or now
    _add(connection, address, made, Task.DELIVER, DeliveryState.HELD if held else DeliveryState.WAITING, due=due, now=now)


def _add(
    connection: Connection, address: Endpoint, made: Generation, task: Task, state: DeliveryState, *, due: dt.datetime | None, now: dt.datetime
) -> None:
    from seeding_platform.storage.delivery.schema import deliveries

    step = Step.RECALL if task is Task.RECALL else Step.PREPARE
    row = {
        "delivery_id": delivery_id_of(address.endpoint_id, made.generation, task), "tenant": made.tenant, "engine": made.engine,
        "endpoint_id": address.endpoint_id, "generation": made.generation, "content_id": made.content_id, "task": task, "state": state,
        "step": step, "attempts": 0, "opened_at": due or now, "due_at": due, "fence": 0, "error": "", "message": "", "created_at": now,
        "via": "", "bytes": 0,
    }  # fmt: skip
    connection.execute(_once(connection, deliveries, row, ("delivery_id",)))


def _once(connection: Connection, table: Any, row: dict[str, Any], unique: tuple[str, ...]) -> Any:
    """An insert that does nothing where the row stands already."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table).values(row).on_conflict_do_nothing(index_elements=unique)
