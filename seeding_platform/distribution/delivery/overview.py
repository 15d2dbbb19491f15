"""The delivery to all engines of a tenant at a glance: how many are up to date, how fast, what is dead, what was put back today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.publishing import PLATFORM
from seeding_platform.errors import SeedingError
from seeding_platform.storage.delivery.records import DeliveryState, Task

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.distribution.delivery.standing import EngineStanding
    from seeding_platform.storage.delivery.health import Day
    from seeding_platform.storage.delivery.records import Delivery, Generation

BY_ITSELF = (PLATFORM, "soak")
"""Who acts without being asked."""
MOST_LETTERS, MOST_OPEN = 500, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Key figures of a tenant's delivery.

    Args:
        addressed: engines with a generation and an address.
        up_to_date: those of them whose every address uses what is wanted.
        slowest_s: seconds that the slowest acknowledgement of what is wanted took since it was due; None where there is none.
        rolled_back: generations that were put back since midnight UTC.
        by_itself: those of them that nobody asked for.
        dead: dead letters that can be sent again.
    """

    addressed: int
    up_to_date: int
    slowest_s: float | None
    rolled_back: int
    by_itself: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up.

    Args:
        delivery: it.
        replayable: whether it can be sent again: its address is there, and no newer generation is wanted.
    """

    delivery: Delivery
    replayable: bool


def arrivals(publisher: Publisher, tenant: str, found: Sequence[EngineStanding]) -> dict[str, float]:
    """For each engine the seconds that the slowest acknowledgement of what is wanted took since it was due; none where nothing arrived."""
    took: dict[str, float] = {}
    for one in found:
        done = publisher.queue.some(
            tenant=tenant, engine=one.engine, generation=one.desired, task=Task.DELIVER, state=DeliveryState.ACKNOWLEDGED
        )  # fmt: skip
        waited = [max(0.0, (d.acknowledged_at - d.opened_at).total_seconds()) for d in done if d.acknowledged_at is not None]
        took |= {one.engine: max(waited)} if waited else {}
    return took


def figures(publisher: Publisher, tenant: str, found: Sequence[EngineStanding], took: Mapping[str, float], *, now: dt.datetime) -> Figures:
    """The key figures over engines that stand as `standing` told, with what `arrivals` told of them."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    back = publisher.ledger.since(tenant, midnight, kind="rolled_back")
    addressed = [one for one in found if one.addresses]
    return Figures(
        addressed=len(addressed),
        up_to_date=sum(one.up_to_date == one.addresses for one in addressed),
        slowest_s=max(took.values(), default=None),
        rolled_back=len(back),
        by_itself=sum(made.actor in BY_ITSELF for made in back),
        dead=sum(letter.replayable for letter in dead_letters(publisher, tenant)),
    )


def dead_letters(publisher: Publisher, tenant: str, *, engine: str | None = None) -> list[DeadLetter]:
    """What was given up, the newest generation first; those that can be sent again before those that are past."""
    there = {e.endpoint_id for e in publisher.endpoints.all(tenant=tenant, engine=engine)}
    wanted = {made.engine: made.generation for made in publisher.ledger.heads(tenant)}
    letters = [
        DeadLetter(d, d.endpoint_id in there and (d.task == Task.RECALL or d.generation >= wanted.get(d.engine, 0)))
        for d in publisher.queue.some(tenant=tenant, engine=engine, state=DeliveryState.DEAD, limit=MOST_LETTERS)
    ]
    return sorted(letters, key=lambda letter: not letter.replayable)


def troubles(publisher: Publisher, tenant: str, found: Sequence[EngineStanding]) -> dict[str, Delivery]:
    """For each engine that is behind one delivery of what is wanted that has not arrived: a dead one before one that waits."""
    wanted = {one.engine: one.desired for one in found}
    states = (DeliveryState.WAITING, DeliveryState.DELIVERING, DeliveryState.HELD, DeliveryState.DEAD)
    some = publisher.queue.some(tenant=tenant, task=Task.DELIVER, states=states, limit=MOST_OPEN)
    mine = [d for d in some if wanted.get(d.engine) == d.generation]
    return {d.engine: d for d in sorted(mine, key=lambda d: (d.state == DeliveryState.DEAD, d.attempts))}


def share_up(days: Sequence[Day]) -> float | None:
    """Share of all questions of some days that were answered; None where nothing was asked.

    >>> share_up([])
    """
    asked = sum(d.up + d.slow + d.down for d in days)
    return sum(d.up + d.slow for d in days) / asked if asked else None


def redistributed(
    publisher: Publisher, tenant: str, *, reason: str, actor: str, now: dt.datetime, engines: Sequence[str] | None = None
) -> list[tuple[str, Generation | None, SeedingError | None]]:
    """Send what is in force to every address of some engines again, or of all; what cannot be sent of one engine holds up no other.

    Returns:
        Each engine with its new generation, or with why it has none.
    """
    from seeding_platform.distribution.delivery.standing import again

    done: list[tuple[str, Generation | None, SeedingError | None]] = []
    for name in engines if engines is not None else [made.engine for made in publisher.ledger.heads(tenant)]:
        try:
            done.append((name, again(publisher, tenant, name, reason=reason, actor=actor, now=now), None))
        except SeedingError as error:
            done.append((name, None, error))
    return done
