"""Deliveries that wait for the hours of their engine: moved when people change these hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.hours import next_hour
from seeding_platform.storage.delivery.records import DeliveryState

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.distribution.delivery.publishing import Publisher


def replanned(publisher: Publisher, *, now: dt.datetime) -> int:
    """Give what is held the hour that holds now, and let go what is due; returns how many moved or went.

    What is held by the schedule of its own address stays as it is. Where an engine takes no batches any more, what is held goes at once.
    """
    changed = 0
    for held in publisher.queue.some(states=[DeliveryState.HELD], limit=1000):
        address = publisher.endpoints.one(held.endpoint_id)
        if address is None or address.schedule:
            continue
        rules = publisher.rules_for(held.engine)
        due = max(next_hour(rules.batch, held.created_at, zone=rules.zone), now) if rules.batch else now
        late = held.due_at is not None and held.due_at <= now
        if due != held.due_at and not late:
            changed += publisher.queue.replan(held.delivery_id, due_at=due)
    return changed + publisher.queue.release(now=now)
