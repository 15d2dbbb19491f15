"""How the delivery to a tenant's engines stands, and what people do about it: for the API and the pages."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery import putting_back
from seeding_platform.distribution.delivery.adapters.s3 import SCHEME
from seeding_platform.distribution.delivery.endpoint_keys import secret_of
from seeding_platform.distribution.delivery.hours import checked_schedule, next_hour
from seeding_platform.errors import PermanentError
from seeding_platform.exchange.addresses import place_of
from seeding_platform.storage.delivery.records import DeliveryState, Endpoint, EndpointKind, GenerationState, Task, delivery_id_of
from seeding_platform.storage.recalls import RECALLED

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.health import Day
    from seeding_platform.storage.delivery.records import Attempt, Delivery, Generation

MOST_ENDPOINTS = 200
"""Addresses of one engine of a tenant."""
OVERLAP = dt.timedelta(days=1)
"""How long the secret before signs too."""


class EndpointRefused(PermanentError):
    """An address cannot be kept like that."""


class NoSuchDelivery(PermanentError):
    """There is no such delivery, or it cannot be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStanding:
    """How the delivery to an engine stands.

    Attributes:
        tenant: whose.
        engine: which.
        desired: generation that is wanted.
        content_id: of it.
        state: what became of it so far.
        acknowledged: lowest generation that an address of it has proved to use; None where one has none, or there is no address.
        addresses: how many there are.
        up_to_date: how many of them use what is wanted.
        lag_s: seconds since the wanted one was issued, while an address has not got it; 0 when all have; None without an address.
        health: up, slow, down, or unknown where nobody was asked today.
        rows: of the wanted bundle; None where its manifest cannot be read.
        note: what people should know, as a word: dead, held, recalled, rolled_back; empty for nothing.
        uptime: the last 30 days, the oldest first.
    """

    tenant: str
    engine: str
    desired: int
    content_id: str
    state: str
    acknowledged: int | None
    addresses: int
    up_to_date: int
    lag_s: float | None
    health: str
    rows: int | None
    note: str
    uptime: tuple[Day, ...]


def standing(publisher: Publisher, tenant: str, now: dt.datetime) -> list[EngineStanding]:
    """How each engine of a tenant stands that a generation was published for."""
    days = publisher.health.days(tenant, now=now)
    return [_one(publisher, made, days.get(made.engine, []), now) for made in publisher.ledger.heads(tenant)]


def _one(publisher: Publisher, made: Generation, days: list[Day], now: dt.datetime) -> EngineStanding:
    addresses = [e for e in publisher.endpoints.all(tenant=made.tenant, engine=made.engine) if e.enabled]
    having: list[int] = []
    notes: set[str] = set()
    for address in addresses:
        mine = publisher.queue.some(endpoint_id=address.endpoint_id, task=Task.DELIVER, states=[DeliveryState.ACKNOWLEDGED], limit=1)
        having.append(mine[0].generation if mine else 0)
        newest = publisher.queue.some(endpoint_id=address.endpoint_id, task=Task.DELIVER, generation=made.generation, limit=1)
        notes.update(d.state for d in newest if d.state in (DeliveryState.DEAD, DeliveryState.HELD))
    if made.state == GenerationState.RECALLED or made.kind == "rolled_back":
        notes.add("recalled" if made.state == GenerationState.RECALLED else "rolled_back")
    note = next((n for n in ("recalled", "dead", "rolled_back", "held") if n in notes), "")
    current = sum(g >= made.generation for g in having)
    lag = None if not addresses else 0.0 if current == len(addresses) else (now - made.issued_at).total_seconds()
    return EngineStanding(
        tenant=made.tenant,
        engine=made.engine,
        desired=made.generation,
        content_id=made.content_id,
        state=made.state,
        acknowledged=(min(having) or None) if having else None,
        addresses=len(addresses),
        up_to_date=current,
        lag_s=lag,
        health=_health(addresses, days),
        rows=_rows(publisher, made),
        note=note,
        uptime=tuple(days),
    )


def _health(addresses: list[Endpoint], days: list[Day]) -> str:
    if any(a.failures for a in addresses):
        return "down"
    today = days[-1] if days else None
    if today is None or not today.up + today.slow + today.down:
        return "up" if any(a.seen_at is not None for a in addresses) else "unknown"
    return "slow" if today.slow > today.up else "up"


def _rows(publisher: Publisher, made: Generation) -> int | None:
    import json

    from seeding_platform.distribution.bundle import engine_folder
    from seeding_platform.distribution.manifest import MANIFEST
    from seeding_platform.distribution.verify import folder_name

    folder = engine_folder(publisher.root, made.tenant, made.engine) / folder_name(made.content_id)
    if (folder / RECALLED).exists():
        return None
    try:
        return int(json.loads((folder / MANIFEST).read_bytes())["rows"])
    except (OSError, ValueError, KeyError):
        return None  # `verify` tells of a damaged bundle; here there is just no figure


def generations(publisher: Publisher, tenant: str, engine: str, *, limit: int = 50, before: int | None = None) -> list[Generation]:
    """Generations of an engine, the newest first."""
    return publisher.ledger.of(tenant, engine, limit=limit, before=before)


def deliveries(
    publisher: Publisher, tenant: str, *, engine: str | None = None, generation: int | None = None, state: str | None = None, limit: int = 100,
    offset: int = 0,
) -> list[Delivery]:  # fmt: skip
    """Deliveries of a tenant, the newest generation first; `state="dead"` gives the dead letters."""
    return publisher.queue.some(tenant=tenant, engine=engine, generation=generation, state=state, limit=limit, offset=offset)


def attempts(publisher: Publisher, tenant: str, delivery_id: str) -> list[Attempt]:
    """Every try of a delivery.

    Raises:
        NoSuchDelivery: the tenant has none of that id.
    """
    if publisher.queue.one(delivery_id, tenant=tenant) is None:
        raise NoSuchDelivery(f"There is no delivery {delivery_id}.", fix="List them.")
    return publisher.queue.attempts(delivery_id)


def replay(publisher: Publisher, tenant: str, delivery_id: str, *, now: dt.datetime) -> Delivery:
    """Send a dead one again, under the same id.

    Raises:
        NoSuchDelivery: it is not dead, or a newer generation is wanted.
    """
    found = publisher.queue.replay(delivery_id, tenant=tenant, now=now)
    if found is None:
        raise NoSuchDelivery(f"Delivery {delivery_id} cannot be sent again.", fix="Only a dead one of the newest generation can.")
    return found


def rollback(
    publisher: Publisher, tenant: str, engine: str, *, reason: str, actor: str, now: dt.datetime, to: int | None = None, seen: int | None = None
) -> Generation:
    """Put an earlier bundle in force; see `putting_back.rolled_back`."""
    return putting_back.rolled_back(publisher, tenant, engine, reason=reason, actor=actor, now=now, to=to, seen=seen)


def again(publisher: Publisher, tenant: str, engine: str, *, reason: str, actor: str, now: dt.datetime) -> Generation:
    """Send what is in force to every address again, under a new number."""
    return putting_back.again(publisher, tenant, engine, reason=reason, actor=actor, now=now)


# addresses


def registered(
    publisher: Publisher, tenant: str, engine: str, *, kind: EndpointKind, target: str, endpoint_id: str, actor: str, now: dt.datetime,
    private: bool, schedule: str = "",
) -> tuple[Endpoint, str]:  # fmt: skip
    """Keep an address; the generation in force goes to it. Returns it with its secret, which is shown once.

    Args:
        publisher: keeps it.
        tenant: whose rows go there.
        engine: which engine's.
        kind: how they get there.
        target: URL, folder below SEEDING_ENGINE_FOLDERS, or s3://bucket/prefix.
        endpoint_id: a fresh one.
        actor: who asks.
        now: the moment.
        private: whether private addresses and plain http are allowed.
        schedule: cron of five fields in UTC; empty: at once.

    Raises:
        EndpointRefused: there are too many, or the target is none of this kind.
        AddressRefused: the URL must not be talked to.
        ConfigError: the schedule is none.
    """
    if len(publisher.endpoints.all(tenant=tenant, engine=engine)) >= MOST_ENDPOINTS:
        raise EndpointRefused(f"{engine} has {MOST_ENDPOINTS} addresses already.", fix="Take one away first.")
    if kind in (EndpointKind.HTTP, EndpointKind.WEBHOOK):
        place_of(target, private=private)
    elif kind is EndpointKind.S3 and (not target.startswith(SCHEME) or ".." in target or len(target) <= len(SCHEME)):
        raise EndpointRefused("A bucket is named s3://bucket/prefix.", fix="Write it so.")
    elif kind is EndpointKind.FOLDER and (target.startswith(("/", "~")) or ".." in target.split("/")):
        raise EndpointRefused("A folder is named from SEEDING_ENGINE_FOLDERS on.", fix="Give a name such as trainer/in, without .. in it.")
    made = Endpoint(
        endpoint_id=endpoint_id, tenant=tenant, engine=engine, kind=str(kind), target=target, created_at=now, made_by=actor,
        schedule=checked_schedule(schedule, now=now),
    )  # fmt: skip
    publisher.ledger.register(made, now=now, hour=next_hour)
    return made, secret_of(made, publisher.keys)


def rotated(publisher: Publisher, endpoint: Endpoint, *, now: dt.datetime, overlap: dt.timedelta = OVERLAP) -> str:
    """Give an address another secret, which is shown once. For a while calls bear signatures by both, so that the other side can change at leisure.

    Args:
        publisher: keeps it.
        endpoint: as it was seen.
        now: the moment.
        overlap: how long the one before signs as well; nothing where somebody else may have it.

    Raises:
        EndpointRefused: calls to this kind of address are not signed, or somebody else rotated it meanwhile.
    """
    if endpoint.kind not in (EndpointKind.HTTP, EndpointKind.WEBHOOK):
        raise EndpointRefused("Only calls over HTTP are signed with a secret.", fix="There is nothing to rotate for this address.")
    old_until = now + overlap if overlap else None
    if not publisher.endpoints.rotate(endpoint.endpoint_id, seen=endpoint.revision, old_until=old_until):
        raise EndpointRefused("Somebody else rotated this secret meanwhile.", fix="Look again.")
    return secret_of(dataclasses.replace(endpoint, revision=endpoint.revision + 1, old_until=old_until), publisher.keys)


def switched(publisher: Publisher, endpoint: Endpoint, *, on: bool, now: dt.datetime) -> Endpoint:
    """Switch an address on or off; one that is switched on is sent what is in force, also where that was given up before."""
    values = {"disabled_at": None, "disabled_why": "", "failures": 0, "open_until": None} if on else {"disabled_at": now, "disabled_why": "by hand"}
    publisher.endpoints.adjust(endpoint.endpoint_id, **values)
    after = dataclasses.replace(endpoint, **values)
    if on:
        publisher.ledger.catch_up(after, now=now, hour=next_hour)
        newest = publisher.ledger.newest(endpoint.tenant, endpoint.engine)
        if newest is not None and newest.state != GenerationState.RECALLED:
            publisher.queue.replay(delivery_id_of(endpoint.endpoint_id, newest.generation, Task.DELIVER), tenant=endpoint.tenant, now=now)
    return after


def taken_away(publisher: Publisher, endpoint: Endpoint, *, now: dt.datetime) -> None:
    """Nothing goes to an address any more."""
    open_ones = publisher.queue.some(endpoint_id=endpoint.endpoint_id, limit=1000)
    publisher.endpoints.adjust(endpoint.endpoint_id, removed_at=now)
    publisher.queue.end(open_ones, DeliveryState.SUPERSEDED, seen=(DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.PREPARED))
