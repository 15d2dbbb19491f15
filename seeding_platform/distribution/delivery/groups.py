"""Engines that change together or not at all: when all have prepared they go on, when one cannot all are stopped and keep what they have."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.putting_back import NothingToPutBack, Overtaken, rolled_back
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.release import read_release
from seeding_platform.errors import BusyError
from seeding_platform.storage.delivery.groups import Groups
from seeding_platform.storage.delivery.records import DeliveryState, GenerationState, Task

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.records import Generation

log = logging.getLogger("seeding.engines")
READY = (DeliveryState.PREPARED, DeliveryState.ACKNOWLEDGED)
STOPPED = "group-stopped"
NEVER_HELD = (GenerationState.ROLLED_BACK, GenerationState.RECALLED)
"""What an engine does not go back to."""


def moved_on(publisher: Publisher, *, now: dt.datetime) -> int:
    """Decide about the groups that can be decided about, and put back what was before for engines of stopped ones; returns how many were decided."""
    groups, decided = Groups(publisher.state), 0
    for group_id in groups.undecided():
        by_tenant: dict[str, list[Generation]] = {}
        for made in publisher.ledger.grouped(group_id):
            by_tenant.setdefault(made.tenant, []).append(made)
        for tenant, members in by_tenant.items():
            go, reason = _verdict(publisher, members, now=now)
            decided += go is not None and groups.decided(tenant, group_id, go=go, reason=reason, now=now)
    for made in groups.in_force_and_stopped():
        _put_back(publisher, made, now=now)
    return decided


def _verdict(publisher: Publisher, members: list[Generation], *, now: dt.datetime) -> tuple[bool | None, str]:
    """Whether a group goes on, stops, or waits; and why it stops."""
    group = read_release(members[0].release.encode()).group
    begun = max(m.issued_at for m in members)
    late = now > begun + publisher.rules.group_wait
    lacking = sorted(set(group.engines if group else ()) - {m.engine for m in members})
    if lacking:
        return (False, f"{STOPPED}: {lacking[0]} was not published") if late else (None, "")
    slow = ""
    from_then = begun
    for made in members:
        for delivery in publisher.queue.some(tenant=made.tenant, engine=made.engine, generation=made.generation, task=Task.DELIVER, limit=1000):
            if publisher.endpoints.one(delivery.endpoint_id) is None:
                continue  # the address was taken away: nobody waits for it
            if delivery.state in (DeliveryState.DEAD, DeliveryState.ABORTED, DeliveryState.SUPERSEDED):
                return False, f"{STOPPED}: {made.engine} {delivery.error or delivery.state}"
            if delivery.state not in READY:
                slow, from_then = slow or made.engine, max(from_then, delivery.opened_at)
    late = now > from_then + publisher.rules.group_wait  # one that has its hour is waited for from then on
    if slow:
        return (False, f"{STOPPED}: {slow} was not ready in time") if late else (None, "")
    return True, ""


def _put_back(publisher: Publisher, made: Generation, *, now: dt.datetime) -> None:
    """What is in force is again what an engine of a stopped group holds; where it holds nothing, the generation counts as put back all the same."""
    decision = Groups(publisher.state).decision(made)
    reason = decision.reason if decision is not None else STOPPED
    before = publisher.ledger.of(made.tenant, made.engine, before=made.generation)
    held = next((g for g in before if g.state not in NEVER_HELD), None)
    try:
        rolled_back(
            publisher, made.tenant, made.engine, reason=reason, actor="platform", now=now, seen=made.generation,
            to=held.generation if held is not None else None,
        )  # fmt: skip
    except NothingToPutBack as error:
        log.warning("engine %s of a stopped group has nothing to go back to: %s", made.engine, error)
        publisher.ledger.judge(made, GenerationState.ROLLED_BACK, reason, seen=GenerationState(made.state))
    except (Overtaken, BusyError, BundleInvalid) as error:  # the next round looks again
        log.info("engine %s of a stopped group is not put back yet: %s", made.engine, error)
