"""Addresses that an engine's bundles go to: made, switched off and on, given a new secret, taken away. Admins only: data leaves here."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, Field

from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.distribution.delivery import standing
from seeding_platform.distribution.delivery.courier import UNDELIVERED
from seeding_platform.errors import ConfigError
from seeding_platform.exchange.addresses import LONGEST_URL, AddressRefused
from seeding_platform.service import engine_answers as answers
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.engine_answers import EndpointAnswer
from seeding_platform.service.errors import Problem
from seeding_platform.service.routes.engines import Engine
from seeding_platform.service.routes.engines_managed import no_engine
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.delivery.records import EndpointKind

if TYPE_CHECKING:
    from seeding_platform.service.context import Service
    from seeding_platform.storage.delivery.records import Endpoint

router = APIRouter(prefix="/api/v1/engines/{engine}/endpoints", tags=["engines"])
Admin = Annotated[Actor, Depends(may(Role.ADMIN))]
ID_BYTES = 8
MADE = ("http", "folder", "s3", "webhook")
"""Kinds that people make; an address that pulls makes itself known by its first acknowledgement."""


class NewEndpoint(BaseModel, extra="forbid"):
    """How and where to, and when."""

    kind: Literal["http", "folder", "s3", "webhook"]
    target: str = Field(min_length=1, max_length=LONGEST_URL, description="URL, folder below SEEDING_ENGINE_FOLDERS, or s3://bucket/prefix")
    schedule: str = Field("", max_length=100, description="Cron of five fields in UTC; empty: at once")


class SecretRotation(BaseModel, extra="forbid"):
    """How the secret of an address is changed."""

    overlap_hours: int = Field(24, ge=0, le=168, strict=True, description="How long the secret before signs too")
    seen: int | None = Field(None, ge=1, strict=True, description="The revision that was looked at; another one is refused with 409")


@router.get("")
def list_endpoints(request: Request, actor: Admin, engine: Engine) -> list[EndpointAnswer]:
    """Addresses of an engine, the oldest first, without their secrets."""
    found = service_of(request).delivering.publisher.endpoints.all(tenant=actor.tenant, engine=engine)
    return [answers.endpoint_told(e, whole=True) for e in found]


@router.post("", status_code=201)
def post_endpoint(
    request: Request,
    response: Response,
    actor: Admin,
    engine: Engine,
    wanted: NewEndpoint,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> EndpointAnswer:
    """Keep an address; what is in force goes to it. The answer is the only place where its secret is ever shown.

    A repeat under the same Idempotency-Key makes no second one, and its answer has no secret: rotate it where the first answer was lost.
    """
    service = service_of(request)
    named = _id(service, actor, engine, idempotency_key)
    before = service.delivering.publisher.endpoints.one(named, tenant=actor.tenant)
    if before is not None:
        if (before.kind, before.target, before.schedule) != (wanted.kind, wanted.target, " ".join(wanted.schedule.split())):
            raise Problem(422, "idempotency-key-reused", "The Idempotency-Key belongs to another request.")
        response.headers["Idempotent-Replayed"] = "true"
        return answers.endpoint_told(before, whole=True)
    return made_endpoint(request, actor, engine, wanted, named)


@router.delete("/{endpoint_id}", status_code=204)
def delete_endpoint(request: Request, actor: Admin, engine: Engine, endpoint_id: str) -> None:
    """Take an address away; nothing goes there any more."""
    service, found = service_of(request), existing(request, actor, engine, endpoint_id)
    standing.taken_away(service.delivering.publisher, found, now=service.now())
    service.desk.clear(UNDELIVERED, actor.tenant, f"engine/{engine}/{endpoint_id}", now=service.now())
    tell(request, did="engines.endpoint.remove", engine=engine, endpoint=endpoint_id)


@router.post("/{endpoint_id}/enable")
def enable_endpoint(request: Request, actor: Admin, engine: Engine, endpoint_id: str) -> EndpointAnswer:
    """Let bundles go to an address again; what is in force goes there at once."""
    return _switched(request, actor, engine, endpoint_id, on=True)


@router.post("/{endpoint_id}/disable")
def disable_endpoint(request: Request, actor: Admin, engine: Engine, endpoint_id: str) -> EndpointAnswer:
    """Let no bundle go to an address until it is switched on again."""
    return _switched(request, actor, engine, endpoint_id, on=False)


@router.post("/{endpoint_id}/rotate-secret")
def rotate_secret(request: Request, actor: Admin, engine: Engine, endpoint_id: str, wanted: SecretRotation) -> EndpointAnswer:
    """Give an address a new secret, shown once; for a while the one before signs as well, so that nothing is refused."""
    service, found = service_of(request), existing(request, actor, engine, endpoint_id)
    if wanted.seen not in (None, found.revision):
        raise Problem(409, "changed-meanwhile", "Somebody changed the secret meanwhile; look at it again.")
    try:
        secret = standing.rotated(service.delivering.publisher, found, overlap=dt.timedelta(hours=wanted.overlap_hours), now=service.now())
    except standing.EndpointRefused as error:
        raise Problem(409, "not-rotated", str(error)) from error
    tell(request, did="engines.endpoint.rotate", engine=engine, endpoint=endpoint_id, overlap_hours=wanted.overlap_hours)
    return answers.endpoint_told(existing(request, actor, engine, endpoint_id), whole=True, secret=secret)


def made_endpoint(request: Request, actor: Actor, engine: str, wanted: NewEndpoint, named: str = "") -> EndpointAnswer:
    """Keep an address of an engine.

    Raises:
        Problem: 404 there is no such engine; 422 an address or a schedule that is not taken.
    """
    service = service_of(request)
    publisher = service.delivering.publisher
    if engine not in shipped_engines() and publisher.ledger.newest(actor.tenant, engine) is None:
        raise no_engine(engine)
    try:
        made, secret = standing.registered(
            publisher, actor.tenant, engine, kind=EndpointKind(wanted.kind), target=wanted.target,
            endpoint_id=named or _id(service, actor, engine, None), actor=actor.key_id, now=service.now(),
            private=service.settings.private_addresses, schedule=wanted.schedule,
        )  # fmt: skip
    except (AddressRefused, standing.EndpointRefused) as refused:
        raise Problem(422, "address-refused", str(refused)) from refused
    except ConfigError as refused:
        raise Problem(422, "schedule-refused", str(refused)) from refused
    service.delivering.wake()
    place = answers.place_told(made.kind, made.target)
    tell(request, did="engines.endpoint.add", engine=engine, endpoint=made.endpoint_id, kind=made.kind, place=place)
    kept = publisher.endpoints.one(made.endpoint_id, tenant=actor.tenant)
    if kept is None:
        raise Problem(409, "taken-away", "What was made under this Idempotency-Key was taken away since.")
    return answers.endpoint_told(kept, whole=True, secret=secret)


def existing(request: Request, actor: Actor, engine: str, endpoint_id: str) -> Endpoint:
    """An address of an engine of one's own organisation.

    Raises:
        Problem: 404.
    """
    found = service_of(request).delivering.publisher.endpoints.one(endpoint_id, tenant=actor.tenant)
    if found is None or found.engine != engine:
        raise Problem(404, "no-such-endpoint", "There is no such address.")
    return found


def _switched(request: Request, actor: Actor, engine: str, endpoint_id: str, *, on: bool) -> EndpointAnswer:
    service, found = service_of(request), existing(request, actor, engine, endpoint_id)
    if found.enabled != on:
        found = standing.switched(service.delivering.publisher, found, on=on, now=service.now())
        tell(request, did=f"engines.endpoint.{'enable' if on else 'disable'}", engine=engine, endpoint=endpoint_id)
        service.delivering.wake()
    return answers.endpoint_told(found, whole=True)


def _id(service: Service, actor: Actor, engine: str, key: str | None) -> str:
    """A fresh id, or always the same one for the same Idempotency-Key."""
    if key is None:
        return f"ep_{service.new_id(ID_BYTES)}"
    told = "\x00".join((actor.tenant, engine, key)).encode("utf-8", "surrogatepass")
    return "ep_" + hashlib.blake2b(told, digest_size=ID_BYTES).hexdigest()
