"""Whether the engines of a group go on or stop: decided once, for all of them, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeding_platform.storage.database import writing
from seeding_platform.storage.delivery.events import tell
from seeding_platform.storage.delivery.records import DeliveryState, EndpointKind, Generation, GenerationState, Step, Task

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.storage.state import State

GO: Literal["activate"] = "activate"
STOP: Literal["abort"] = "abort"
LIVE = (GenerationState.PUBLISHED, GenerationState.SOAKING)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a group.

    Args:
        go: its engines use what they have prepared; else they keep what they had.
        at: when.
        reason: why it was stopped; empty where it goes on.
    """

    go: bool
    at: dt.datetime
    reason: str = ""


class Groups:
    """Groups in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def undecided(self) -> list[str]:
        """Groups of which nothing was decided."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events
        from seeding_platform.storage.delivery.schema import generations as table

        said = sa.exists().where(
            events.c.tenant == table.c.tenant, events.c.engine == table.c.engine, events.c.generation == table.c.generation,
            events.c.event.in_((GO, STOP)),
        )  # fmt: skip
        query = sa.select(table.c.group_id).where(table.c.group_id.is_not(None), table.c.state.in_(LIVE), ~said).distinct()
        with self.engine.connect() as connection:
            return [str(found) for found in connection.execute(query).scalars()]

    def decided(self, tenant: str, group_id: str, *, go: bool, reason: str, now: dt.datetime) -> bool:
        """Let the group go on, or stop it; false where that was decided before.

        Those who have prepared are told next; who is still at it is told when done. One that pulls hears it from the log.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import deliveries, endpoints, events
        from seeding_platform.storage.delivery.schema import generations as table

        with writing(self.engine) as connection:
            query = sa.select(table).where(table.c.tenant == tenant, table.c.group_id == group_id).order_by(table.c.engine).with_for_update()
            members = [Generation(**row) for row in connection.execute(query).mappings()]
            for made in members:
                here = sa.and_(events.c.tenant == tenant, events.c.engine == made.engine, events.c.generation == made.generation)
                if connection.execute(sa.select(events.c.seq).where(here, events.c.event.in_((GO, STOP)))).first():
                    return False
            pulls = sa.select(endpoints.c.endpoint_id).where(endpoints.c.kind == EndpointKind.PULL)
            for made in members:
                its = sa.and_(
                    deliveries.c.tenant == tenant, deliveries.c.engine == made.engine, deliveries.c.generation == made.generation,
                    deliveries.c.task == Task.DELIVER,
                )  # fmt: skip
                told = sa.and_(its, deliveries.c.endpoint_id.not_in(pulls))
                begun = sa.and_(told, sa.or_(deliveries.c.state == DeliveryState.PREPARED, deliveries.c.first_at.is_not(None)))
                waits = deliveries.c.state.in_((DeliveryState.PREPARED, DeliveryState.WAITING, DeliveryState.HELD))
                step = Step.ACTIVATE if go else Step.ABORT
                which = sa.and_(told, deliveries.c.state == DeliveryState.PREPARED) if go else sa.and_(begun, waits)
                again = {"state": DeliveryState.WAITING, "step": step, "due_at": now, "opened_at": now}
                connection.execute(sa.update(deliveries).where(which).values(again))
                if not go:
                    rest = sa.and_(its, waits, deliveries.c.step != Step.ABORT)
                    connection.execute(sa.update(deliveries).where(rest).values(state=DeliveryState.ABORTED, due_at=None))
                row = {"tenant": tenant, "engine": made.engine, "generation": made.generation, "content_id": made.content_id, "at": now}
                tell(connection, {**row, "event": GO if go else STOP, "reason": reason or None, "instead": None})
        return True

    def decision(self, made: Generation) -> Decision | None:
        """What was decided about a generation's group; None while nothing was, or where it has none."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events

        if made.group_id is None:
            return None
        query = sa.select(events.c.event, events.c.at, events.c.reason).where(
            events.c.tenant == made.tenant, events.c.engine == made.engine, events.c.generation == made.generation, events.c.event.in_((GO, STOP))
        )
        with self.engine.connect() as connection:
            said = connection.execute(query).first()
        return None if said is None else Decision(said.event == GO, said.at, said.reason or "")

    def in_force_and_stopped(self) -> list[Generation]:
        """The highest generations of engines whose group was stopped, and that still count as what is wanted."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events
        from seeding_platform.storage.delivery.schema import generations as table

        higher = table.alias("higher")
        newer = sa.exists().where(higher.c.tenant == table.c.tenant, higher.c.engine == table.c.engine, higher.c.generation > table.c.generation)
        said = sa.exists().where(
            events.c.tenant == table.c.tenant, events.c.engine == table.c.engine, events.c.generation == table.c.generation, events.c.event == STOP
        )
        query = sa.select(table).where(table.c.group_id.is_not(None), table.c.state.in_(LIVE), said, ~newer)
        with self.engine.connect() as connection:
            return [Generation(**row) for row in connection.execute(query.order_by(table.c.tenant, table.c.engine)).mappings()]
