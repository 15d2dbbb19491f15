"""What engines that pull say of themselves: that they have a generation, with its proof, that they cannot use it, and how they do with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.distribution.delivery.hours import next_hour
from seeding_platform.distribution.delivery.parcels import parcel_of
from seeding_platform.distribution.delivery.standing import MOST_ENDPOINTS
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.storage.delivery.groups import Groups
from seeding_platform.storage.delivery.records import DeliveryState, Endpoint, EndpointKind, GenerationState, Task, Trace, delivery_id_of

if TYPE_CHECKING:
    from seeding_platform.service.delivering import Delivering
    from seeding_platform.storage.delivery.records import Delivery, Generation

MOST_METRICS = 100
STATES = {"prepared": DeliveryState.PREPARED, "active": DeliveryState.ACKNOWLEDGED, "refused": DeliveryState.DEAD}


class Acknowledgement(BaseModel):
    """What an engine says; the fields are those of the protocol."""

    model_config = ConfigDict(extra="ignore")
    generation: int = Field(ge=1, le=2_000_000_000)
    content_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    state: Literal["prepared", "active", "refused"]
    rows: int | None = Field(None, ge=0)
    proof: str = Field("", max_length=64)
    via: Literal["full", "delta"] = "full"
    receiver: str = Field("engine", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    code: str = Field("refused", pattern=r"^[a-z][a-z0-9-]{0,59}$")
    title: str = Field("", max_length=300)


class NotTaken(Exception):
    """An acknowledgement that does not count.

    Args:
        status: of the answer.
        code: for programs.
        says: for people.
        desired: generation that is wanted; None where it has no part in it.
    """

    def __init__(self, status: int, code: str, says: str, desired: int | None = None) -> None:
        super().__init__(says)
        self.status, self.code, self.says, self.desired = status, code, says, desired


def acknowledged(delivering: Delivering, tenant: str, engine: str, said: Acknowledgement) -> int:
    """Take what an engine says; returns the generation that is wanted.

    Raises:
        NotTaken: there is no such generation, a newer one is wanted, or the proof does not fit.
    """
    publisher = delivering.publisher
    made, desired = _released(delivering, tenant, engine, said)
    delivery = _delivery(delivering, made, said.receiver)
    if said.state != "refused":
        _check_proof(delivering, made, delivery, said)
    trace = Trace(said.code, " ".join(said.title.split())) if said.state == "refused" else Trace()
    done = publisher.queue.told(delivery.delivery_id, STATES[said.state], trace, via=said.via, now=delivering.service.now())
    if done is None:
        raise NotTaken(409, "generation-stale", "A newer generation was acknowledged already.", desired)
    if done.state == DeliveryState.DEAD:
        delivering.courier.refused(done)
    if done.state == DeliveryState.PREPARED and _stopped(delivering, made):  # while this was written down
        publisher.queue.end([done], DeliveryState.ABORTED, seen=(DeliveryState.PREPARED,))
    delivering.wake()
    return desired


def measured(delivering: Delivering, tenant: str, engine: str, *, metric: str, value: float, generation: int | None) -> int:
    """Keep a figure of an engine's; returns the generation that it is about: the highest that it acknowledged, where it says none.

    Raises:
        NotTaken: it has acknowledged none, or there is no such, or it tells too many.
    """
    publisher = delivering.publisher
    if generation is None:
        found = publisher.queue.some(tenant=tenant, engine=engine, task=Task.DELIVER, states=[DeliveryState.ACKNOWLEDGED], limit=1)
        generation = found[0].generation if found else None
    if generation is None or publisher.ledger.one(tenant, engine, generation) is None:
        raise NotTaken(404, "no-such-generation", "The engine has acknowledged no such generation.")
    known = publisher.health.metrics(tenant, engine, generation)
    if metric not in known and len(known) >= MOST_METRICS:
        raise NotTaken(409, "too-many-metrics", f"{MOST_METRICS} metrics are kept of a generation.")
    publisher.health.tell(tenant, engine, generation, metric, value, now=delivering.service.now())
    return generation


def _released(delivering: Delivering, tenant: str, engine: str, said: Acknowledgement) -> tuple[Generation, int]:
    """The generation of which an engine speaks, and the number of the one that is wanted.

    Raises:
        NotTaken: there is no such, or it is not wanted any more, or not yet.
    """
    publisher = delivering.publisher
    newest = publisher.ledger.newest(tenant, engine)
    if newest is None:
        raise NotTaken(404, "no-release", "Nothing was released for this engine yet.")
    if said.generation < newest.generation:
        raise NotTaken(409, "generation-stale", f"Generation {newest.generation} is wanted: take that one.", newest.generation)
    made = publisher.ledger.one(tenant, engine, said.generation)
    if made is None:
        raise NotTaken(404, "no-such-generation", "There is no such generation.", newest.generation)
    if made.content_id != said.content_id:
        raise NotTaken(409, "generation-conflict", "That generation is another bundle.", newest.generation)
    if made.state == GenerationState.RECALLED:
        raise NotTaken(410, "bundle-recalled", "The bundle was recalled: delete what was fetched of it.")
    if made.group_id is not None and said.state != "refused":
        _check_group(delivering, made, said, newest.generation)
    return made, newest.generation


def _check_group(delivering: Delivering, made: Generation, said: Acknowledgement, desired: int) -> None:
    """Nothing, where the engines of a group may say so by now.

    Raises:
        NotTaken: the group was stopped, or nothing was decided about it and the engine says that it uses it.
    """
    decision = Groups(delivering.publisher.state).decision(made)
    if decision is None and said.state == "active":
        raise NotTaken(409, "group-waits", "The engines of the group change together: wait for the event activate.", desired)
    if decision is not None and not decision.go:
        raise NotTaken(409, "group-stopped", "The group was stopped: its engines keep what they have.", desired)


def _stopped(delivering: Delivering, made: Generation) -> bool:
    decision = Groups(delivering.publisher.state).decision(made)
    return decision is not None and not decision.go


def _delivery(delivering: Delivering, made: Generation, receiver: str) -> Delivery:
    """The delivery of a generation to one machine of an engine; a machine is known from its first word on."""
    publisher, now = delivering.publisher, delivering.service.now()
    named = hashlib.blake2b("\x00".join((made.tenant, made.engine, receiver)).encode(), digest_size=12).hexdigest()
    endpoint_id = f"ep_pull_{named}"
    endpoint = publisher.endpoints.one(endpoint_id)
    if endpoint is None:
        if len(publisher.endpoints.all(tenant=made.tenant, engine=made.engine)) >= MOST_ENDPOINTS:
            raise NotTaken(409, "too-many-receivers", f"The engine has {MOST_ENDPOINTS} addresses already: name the machines that there are.")
        endpoint = Endpoint(
            endpoint_id=endpoint_id, tenant=made.tenant, engine=made.engine, kind=EndpointKind.PULL, target=receiver, created_at=now, made_by="engine"
        )
        publisher.ledger.register(endpoint, now=now, hour=next_hour)
    found = publisher.queue.one(delivery_id_of(endpoint_id, made.generation, Task.DELIVER))
    if found is None:
        publisher.ledger.catch_up(endpoint, now=now, hour=next_hour)
        found = publisher.queue.one(delivery_id_of(endpoint_id, made.generation, Task.DELIVER))
    if found is None:
        raise NotTaken(409, "generation-stale", "A newer generation is wanted: ask for the release.")
    return found


def _check_proof(delivering: Delivering, made: Generation, delivery: Delivery, said: Acknowledgement) -> None:
    """Nothing, where the proof is that of the files.

    Raises:
        NotTaken: it is not.
    """
    publisher = delivering.publisher
    endpoint = publisher.endpoints.one(delivery.endpoint_id)
    try:
        if endpoint is None:
            raise NotTaken(404, "no-such-receiver", "The receiver was taken away.")
        parcel = parcel_of(publisher, delivery, endpoint, made, now=delivering.service.now())
        fits = delivering.courier.fits(parcel, said.proof, said.via)
    except (FileNotFoundError, BundleInvalid) as error:
        raise NotTaken(410, "bundle-recalled", "The bundle is not there any more.") from error
    if not fits:
        raise NotTaken(422, "proof-does-not-fit", "These are not the files of the bundle: fetch them again, or refuse it.")
