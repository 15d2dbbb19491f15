"""A new generation is watched for a while: what does harm gives way to the one before, by itself and once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.putting_back import NothingToPutBack, Overtaken, rolled_back
from seeding_platform.errors import BusyError
from seeding_platform.storage.delivery.groups import Groups
from seeding_platform.storage.delivery.records import DeliveryState, GenerationState, Task

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.records import Delivery, Generation

log = logging.getLogger("seeding.engines")
ROLLED_BACK = "engine.rolled_back"
REFUSALS = ("validation-failed", "activation-failed", "proof-does-not-fit", "lied")
"""What an engine says of rows that it cannot use, or what shows that it does not hold them."""
DOWN_AFTER = 3
"""Failures in a row of an address that has acknowledged a generation, after which that generation is to blame."""


def soaked(publisher: Publisher, *, now: dt.datetime, raising: Callable[[str, Generation, Mapping[str, object]], None]) -> int:
    """Look at every generation that is watched; returns of how many it was decided what becomes of them."""
    decided = 0
    for made in publisher.ledger.soaking():
        deliveries = publisher.queue.some(tenant=made.tenant, engine=made.engine, generation=made.generation, task=Task.DELIVER, limit=1000)
        reason = harm(publisher, made, deliveries)
        rules = publisher.rules_for(made.engine)
        begun = _begun(publisher, made, deliveries)
        over = begun is not None and made.soak_until is not None and now >= max(made.soak_until, begun + rules.soak)
        if not reason and over:
            reason = _lacking(deliveries, rules.quorum)
        if reason:
            decided += _undone(publisher, made, reason, now=now, raising=raising)
        elif over:
            decided += publisher.ledger.judge(made, GenerationState.GOOD, seen=GenerationState.SOAKING)
    return decided


def harm(publisher: Publisher, made: Generation, deliveries: Sequence[Delivery]) -> str:
    """What a generation does wrong, as a word with figures; empty while nothing is known."""
    for delivery in deliveries:
        if delivery.state == DeliveryState.DEAD and delivery.error in REFUSALS:
            return f"refused: {delivery.error}"
    failures = {e.endpoint_id: e.failures for e in publisher.endpoints.all(tenant=made.tenant, engine=made.engine)}
    if any(d.state == DeliveryState.ACKNOWLEDGED and failures.get(d.endpoint_id, 0) >= DOWN_AFTER for d in deliveries):
        return "down: an engine does not answer since it uses it"
    if made.previous is not None:
        told = publisher.health.metrics(made.tenant, made.engine, made.generation)
        before = publisher.health.metrics(made.tenant, made.engine, made.previous)
        for metric, value in sorted(told.items()):
            was = before.get(metric)
            if was is not None and value < was - publisher.rules.most_drop * abs(was):
                return f"metric: {metric} fell from {was:g} to {value:g}"
    return ""


def _begun(publisher: Publisher, made: Generation, deliveries: Sequence[Delivery]) -> dt.datetime | None:
    """When a generation first could be used; None while its group waits. Before that, as while all addresses wait for hours, nothing is watched."""
    sent = [d.opened_at for d in deliveries if d.state != DeliveryState.SUPERSEDED]
    first = max(made.issued_at, min(sent)) if sent else made.issued_at
    if made.group_id is None:
        return first
    decision = Groups(publisher.state).decision(made)
    return None if decision is None else max(first, decision.at)


def _lacking(deliveries: Sequence[Delivery], quorum: float) -> str:
    asked = [d for d in deliveries if d.state not in (DeliveryState.HELD, DeliveryState.SUPERSEDED)]
    having = sum(d.state == DeliveryState.ACKNOWLEDGED for d in asked)
    return f"quorum: {having} of {len(asked)} acknowledged it" if asked and having < quorum * len(asked) else ""


def _undone(
    publisher: Publisher, made: Generation, reason: str, *, now: dt.datetime, raising: Callable[[str, Generation, Mapping[str, object]], None]
) -> bool:
    """Put the one before back; where there is none, the generation stays, and people are told."""
    evidence: dict[str, object] = {"engine": made.engine, "generation": made.generation, "why": reason.partition(":")[0]}
    try:
        put = rolled_back(publisher, made.tenant, made.engine, reason=reason, actor="soak", now=now, seen=made.generation)
    except BusyError:
        return False  # a bundle is being made: the next round looks again
    except (NothingToPutBack, Overtaken) as error:
        log.warning("generation %d of %s was not undone: %s", made.generation, made.engine, error)
        done = publisher.ledger.judge(made, GenerationState.PUBLISHED, reason, seen=GenerationState.SOAKING)
        if done and isinstance(error, NothingToPutBack):
            raising(ROLLED_BACK, made, {**evidence, "instead": 0})
        return done
    raising(ROLLED_BACK, made, {**evidence, "instead": put.generation})
    return True
