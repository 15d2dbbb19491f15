"""What is wrong with the delivery as a whole: engines that are late, letters that are dead, bundles that are damaged where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.delivery.putting_back import renewed
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.verify import current_bundles, read_pointer, verify_bundle
from seeding_platform.errors import BusyError
from seeding_platform.storage.delivery.records import DeliveryState, GenerationState, Task
from seeding_platform.storage.recalls import recalled

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from typing import Any

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.records import Delivery, Generation

    Asked = dict[str, Any]

DAMAGE = ("bundle-gone", "digest-mismatch", "proof-does-not-fit")
"""How a delivery fails whose bundle may be damaged on our side."""
NOT_LATE = (DeliveryState.ACKNOWLEDGED, DeliveryState.HELD)


@dataclass(frozen=True, slots=True)
class Behind:
    """An engine that does not use what is wanted within its time.

    Args:
        tenant: whose.
        engine: which.
        generation: that is wanted.
        lag_s: seconds for which an address has lacked it.
        limit_s: seconds that it may.
        addresses: how many lack it.
    """

    tenant: str
    engine: str
    generation: int
    lag_s: float
    limit_s: int
    addresses: int


@dataclass(frozen=True, slots=True)
class Damaged:
    """A bundle in force that is not whole on our disk; `file` is the first that is wrong."""

    tenant: str
    engine: str
    file: str


def behind(publisher: Publisher, limits: Mapping[str, int], *, now: dt.datetime) -> list[Behind]:
    """Engines that are late.

    What waits for an hour is not late, and what waited is late from then on.

    Args:
        publisher: knows what was published.
        limits: seconds by engine; others are not looked at.
        now: the moment.
    """
    late = []
    for made in publisher.ledger.heads():
        limit = limits.get(made.engine)
        if limit is None or made.state == GenerationState.RECALLED:
            continue
        lags = _lags(publisher, made, now)
        over = [lag for lag in lags if lag > limit]
        if over:
            late.append(Behind(made.tenant, made.engine, made.generation, max(over), limit, len(over)))
    return late


def _lags(publisher: Publisher, made: Generation, now: dt.datetime) -> list[float]:
    addresses = {e.endpoint_id: e for e in publisher.endpoints.all(tenant=made.tenant, engine=made.engine) if e.enabled}
    batch = bool(publisher.rules_for(made.engine).batch)
    lags = []
    for delivery in publisher.queue.some(tenant=made.tenant, engine=made.engine, generation=made.generation, task=Task.DELIVER, limit=1000):
        address = addresses.get(delivery.endpoint_id)
        if address is None or delivery.state in NOT_LATE:
            continue
        since = delivery.opened_at if batch or address.schedule else max(made.issued_at, delivery.created_at)
        lags.append((now - since).total_seconds())
    return lags


def dead_letters(publisher: Publisher) -> list[Delivery]:
    """Deliveries of what is wanted, and recalls, that were given up; a lie is told of as what it is."""
    dead = publisher.queue.some(states=[DeliveryState.DEAD], task=Task.RECALL, limit=1000)
    for made in publisher.ledger.heads():
        asked: Asked = {"tenant": made.tenant, "engine": made.engine, "generation": made.generation, "task": Task.DELIVER}
        dead += publisher.queue.some(states=[DeliveryState.DEAD], limit=1000, **asked)
    return [d for d in dead if d.error != "lied" and publisher.endpoints.one(d.endpoint_id) is not None]


def recovered(publisher: Publisher, endpoint_id: str) -> bool:
    """Whether nothing of an address is given up any more: it uses the newest that it was sent, or was taken away."""
    if publisher.endpoints.one(endpoint_id) is None:
        return True
    if publisher.queue.some(endpoint_id=endpoint_id, task=Task.RECALL, states=[DeliveryState.DEAD], limit=1):
        return False
    newest = publisher.queue.some(endpoint_id=endpoint_id, task=Task.DELIVER, limit=1)
    return not newest or newest[0].state in (DeliveryState.ACKNOWLEDGED, DeliveryState.SUPERSEDED)


def damaged(publisher: Publisher) -> list[Damaged]:
    """Bundles in force that are not whole. Each is looked at shallowly; one with a delivery that failed as if it were damaged, to the last byte."""
    found = []
    for bundle in current_bundles(publisher.root):
        folder = engine_folder(publisher.root, bundle.tenant, bundle.engine)
        wrong = None if bundle.problem is None else bundle.problem.partition(" ")[0]
        if wrong is None and _suspect(publisher, bundle.tenant, bundle.engine):
            try:
                verify_bundle(folder)
            except BundleInvalid as error:
                wrong = error.file
        if wrong is not None and not _withdrawn(publisher, bundle.tenant, bundle.engine):
            found.append(Damaged(bundle.tenant, bundle.engine, wrong))
    return found


def mended(publisher: Publisher, broken: list[Damaged], *, now: dt.datetime) -> int:
    """Send again what was given up because its bundle was gone, where that is there again; returns how many.

    Where its folder was made anew and the run that did so came to no release, it is released once more.
    """
    lost = {(d.tenant, d.engine) for d in broken}
    again = 0
    for made in publisher.ledger.heads():
        if (made.tenant, made.engine) in lost:
            continue
        asked: Asked = {"tenant": made.tenant, "engine": made.engine, "generation": made.generation, "error": "bundle-gone"}
        given_up = publisher.queue.some(states=[DeliveryState.DEAD], task=Task.DELIVER, limit=1000, **asked)
        try:
            released = bool(given_up) and renewed(publisher, made.tenant, made.engine, now=now) is not None
        except BusyError:
            continue  # it is just being made
        again += len(given_up) if released else sum(publisher.queue.replay(d.delivery_id, tenant=made.tenant, now=now) is not None for d in given_up)
    return again


def _suspect(publisher: Publisher, tenant: str, engine: str) -> bool:
    made = publisher.ledger.newest(tenant, engine)
    if made is None:
        return False
    asked: Asked = {"tenant": tenant, "engine": engine, "generation": made.generation, "task": Task.DELIVER}
    states = [DeliveryState.DEAD, DeliveryState.WAITING]
    return any(d.error in DAMAGE for d in publisher.queue.some(states=states, limit=1000, **asked))


def _withdrawn(publisher: Publisher, tenant: str, engine: str) -> bool:
    """Whether what is in force was recalled: that its files are gone is meant."""
    folder = engine_folder(publisher.root, tenant, engine)
    try:
        pointer = read_pointer(folder)
    except BundleInvalid:
        return False
    return pointer is not None and recalled(folder / pointer.folder) is not None
