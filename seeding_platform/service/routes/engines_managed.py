"""Engines as people manage them: how the delivery stands, generations side by side, deliveries with their tries, and what is done about them."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.distribution.delivery import standing
from seeding_platform.distribution.delivery.comparing import Incomparable, bundle_of, compared
from seeding_platform.distribution.delivery.overview import redistributed
from seeding_platform.distribution.delivery.putting_back import NothingToPutBack, Overtaken
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.policies import policy_of
from seeding_platform.errors import BusyError
from seeding_platform.service import engine_answers as answers
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.engine_answers import (
    BundleInForce,
    DeliveryDetail,
    DeliveryPage,
    DiffAnswer,
    EngineAnswer,
    EngineDelivery,
    EngineDetail,
    GenerationAnswer,
)
from seeding_platform.service.errors import Problem
from seeding_platform.service.repeats import once
from seeding_platform.service.routes.engines import NAME, Engine
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seeding_platform.catalog.engine import EngineField
    from seeding_platform.distribution.delivery.standing import EngineStanding
    from seeding_platform.service.context import Service
    from seeding_platform.storage.delivery.records import Generation

router = APIRouter(prefix="/api/v1", tags=["engines"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
Number = Annotated[int, Path(ge=1, le=2_000_000_000)]
DeliveryId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
LONGEST_REASON, MOST_PAGE, MOST_OFFSET = 500, 200, 100_000
State = Literal["waiting", "held", "delivering", "prepared", "acknowledged", "dead", "superseded", "aborted"]


class Reason(BaseModel, extra="forbid"):
    """Why something is done; it goes to the engine and on record."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S")


class RollbackAsked(Reason, extra="forbid"):
    """Which generation's content is put in force again."""

    to: int | None = Field(None, ge=1, le=2_000_000_000, strict=True, description="Without it, the newest before that did no harm")
    seen: int | None = Field(None, ge=1, le=2_000_000_000, strict=True, description="The generation that is to be undone; another one: 409")


class Redistributed(BaseModel):
    """What became of an engine when all were sent what is in force again."""

    engine: str
    generation: int | None
    problem: str | None = None


@router.get("/engines")
def list_engines(request: Request, actor: Viewer) -> list[EngineAnswer]:
    """Every engine and how its delivery stands, by name; those that have no bundle yet too."""
    return told_of(standings(service_of(request), actor))


@router.get("/engines/{engine}")
def get_engine(request: Request, actor: Viewer, engine: Engine) -> EngineDetail:
    """One engine: as it stands, its contract, the policy and the rules of its delivery, its addresses."""
    service = service_of(request)
    publisher = service.delivering.publisher
    found = next((one for one in standings(service, actor) if one.engine == engine), None)
    contract = shipped_engines().get(engine)
    if found is None and contract is None:
        raise no_engine(engine)
    fields: tuple[EngineField, ...] = ()
    policy: dict[str, Any] = {}
    if contract is not None:
        fields = contract.fields
        policy = {**dataclasses.asdict(policy_of(contract)), "minimum_confidence": contract.minimum_confidence}
        policy["k"] = contract.k_anonymity.k if contract.k_anonymity else None
    if found is not None:
        try:
            manifest = bundle_of(publisher.root, actor.tenant, engine, found.content_id)[1]
            fields, policy = manifest.fields, {**policy, "pii_policy": manifest.pii_policy}
        except Incomparable as error:
            policy = {**policy, "problem": str(error)}  # the contract's own fields are told in place of those of the bundle
    rules = {name: value.total_seconds() if hasattr(value, "total_seconds") else value for name, value in dataclasses.asdict(publisher.rules).items()}
    return EngineDetail(
        **answers.engine_told(engine, found).model_dump(),
        description=contract.description if contract else "",
        contract=contract.model_dump(mode="json") if contract else None,
        fields=[f.model_dump(mode="json") for f in fields],
        policy=policy,
        rules=rules,
        addresses=[
            answers.endpoint_told(e, whole=actor.role.may(Role.ADMIN)) for e in publisher.endpoints.all(tenant=actor.tenant, engine=engine)
        ],
    )  # fmt: skip


@router.get("/engines/{engine}/generations")
def list_generations(
    request: Request,
    actor: Viewer,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGE)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2_000_000_000, description="Only lower numbers")] = None,
) -> list[GenerationAnswer]:
    """Generations of an engine, the newest first."""
    found = standing.generations(service_of(request).delivering.publisher, actor.tenant, engine, limit=limit, before=before)
    if not found and before is None and engine not in shipped_engines():
        raise no_engine(engine)
    return [answers.generation_told(made) for made in found]


@router.get("/engines/{engine}/generations/{a}/diff/{b}")
def get_diff(request: Request, actor: Viewer, engine: Engine, a: Number, b: Number) -> DiffAnswer:
    """Two generations side by side: rows by key, and what each says of its quality."""
    publisher, cache = service_of(request).delivering.publisher, service_of(request).cache
    bundles = []
    for number in (a, b):
        made = publisher.ledger.one(actor.tenant, engine, number)
        if made is None:
            raise Problem(404, "no-such-generation", f"{engine} has no generation {number}.")
        try:
            bundles.append(bundle_of(publisher.root, actor.tenant, engine, made.content_id))
        except Incomparable as error:
            raise Problem(410, "bundle-gone", str(error)) from error
    sides = (answers.side_told(a, bundles[0][1]), answers.side_told(b, bundles[1][1]))

    def work() -> bytes:
        try:
            return answers.diff_told(engine, sides, compared(*bundles), None).model_dump_json().encode()
        except Incomparable as error:
            return answers.diff_told(engine, sides, None, str(error)).model_dump_json().encode()

    key = "\x1f".join(("engine-diff", actor.tenant, engine, *(f"{s.generation}:{s.content_id}" for s in sides)))
    return DiffAnswer.model_validate_json(cache.get(key, work))


@router.get("/bundles")
def list_bundles(request: Request, actor: Viewer) -> list[BundleInForce]:
    """The bundle of each engine that is in force, and whether its pointer and manifest can be read; files are not read again."""
    publisher = service_of(request).delivering.publisher
    told = []
    for made in publisher.ledger.heads(actor.tenant):
        named = {"engine": made.engine, "generation": made.generation, "content_id": made.content_id}
        try:
            manifest = bundle_of(publisher.root, actor.tenant, made.engine, made.content_id)[1]
            told.append(BundleInForce(**named, rows=manifest.rows, created=manifest.created, reason=manifest.reason, problem=None))
        except Incomparable as error:
            told.append(BundleInForce(**named, rows=None, created=None, reason=None, problem=str(error)))
    return told


@router.get("/deliveries")
def list_deliveries(
    request: Request,
    actor: Viewer,
    engine: Annotated[str | None, Query(max_length=100, pattern=NAME)] = None,
    state: State | None = None,
    generation: Annotated[int | None, Query(ge=1, le=2_000_000_000)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGE)] = 50,
    offset: Annotated[int, Query(ge=0, le=MOST_OFFSET)] = 0,
) -> DeliveryPage:
    """Deliveries of one's own organisation, the newest generation first; `state=dead` gives the dead letters."""
    found = standing.deliveries(
        service_of(request).delivering.publisher, actor.tenant, engine=engine, generation=generation, state=state, limit=limit + 1, offset=offset
    )
    more = offset + limit if len(found) > limit else None
    return DeliveryPage(deliveries=[answers.delivery_told(d) for d in found[:limit]], next_offset=more)


@router.get("/deliveries/{delivery_id}")
def get_delivery(request: Request, actor: Viewer, delivery_id: DeliveryId) -> DeliveryDetail:
    """A delivery with every try, the oldest first."""
    publisher = service_of(request).delivering.publisher
    found = publisher.queue.one(delivery_id, tenant=actor.tenant)
    if found is None:
        raise _no_delivery(delivery_id)
    return answers.tries_told(found, standing.attempts(publisher, actor.tenant, delivery_id))


@router.post("/deliveries/{delivery_id}/replay", response_model=EngineDelivery)
def post_replay(request: Request, actor: Operator, delivery_id: DeliveryId, idempotency_key: IdempotencyKey = None) -> Response:
    """Send a dead letter again, under the same id."""
    return _done(request, actor, idempotency_key, f"replay:{delivery_id}", lambda: replayed(request, actor, delivery_id).model_dump_json())


@router.post("/engines/redistribute", response_model=list[Redistributed])
def post_redistribute_all(request: Request, actor: Operator, asked: Reason, idempotency_key: IdempotencyKey = None) -> Response:
    """Send what is in force to every address of every engine again; what cannot be sent of one engine is told and holds up no other."""

    def work() -> str:
        return "[" + ",".join(one.model_dump_json() for one in sent_again_all(request, actor, asked)) + "]"

    return _done(request, actor, idempotency_key, f"redistribute:*:{asked.reason}", work)


@router.post("/engines/{engine}/redistribute", response_model=GenerationAnswer)
def post_redistribute(request: Request, actor: Operator, engine: Engine, asked: Reason, idempotency_key: IdempotencyKey = None) -> Response:
    """Send what is in force to every address of an engine again, under a new number."""
    what = f"redistribute:{engine}:{asked.reason}"
    return _done(request, actor, idempotency_key, what, lambda: sent_again(request, actor, engine, asked).model_dump_json())


@router.post("/engines/{engine}/rollback", response_model=GenerationAnswer)
def post_rollback(request: Request, actor: Operator, engine: Engine, asked: RollbackAsked, idempotency_key: IdempotencyKey = None) -> Response:
    """Put an earlier content in force, under a new number."""
    what = f"rollback:{engine}:{asked.model_dump_json()}"
    return _done(request, actor, idempotency_key, what, lambda: rolled_back(request, actor, engine, asked).model_dump_json())


# deeds, for the API and for pages


def standings(service: Service, actor: Actor) -> list[EngineStanding]:
    """How each engine of one's own organisation stands that has a generation."""
    return standing.standing(service.delivering.publisher, actor.tenant, service.now())


def told_of(found: Sequence[EngineStanding]) -> list[EngineAnswer]:
    """Every engine by name: those that stand somehow, and those that come with the platform and have no bundle yet."""
    named = {one.engine: one for one in found}
    return [answers.engine_told(name, named.get(name)) for name in sorted({*shipped_engines(), *named})]


def replayed(request: Request, actor: Actor, delivery_id: str) -> EngineDelivery:
    """Send a dead letter again.

    Raises:
        Problem: 404 there is none; 409 it is not dead, or a newer generation is wanted.
    """
    service = service_of(request)
    publisher = service.delivering.publisher
    if publisher.queue.one(delivery_id, tenant=actor.tenant) is None:
        raise _no_delivery(delivery_id)
    try:
        done = standing.replay(publisher, actor.tenant, delivery_id, now=service.now())
    except standing.NoSuchDelivery as error:
        raise Problem(409, "not-replayable", str(error)) from error
    service.delivering.wake()
    tell(request, did="engines.replay", engine=done.engine, delivery=delivery_id)
    return answers.delivery_told(done)


def rolled_back(request: Request, actor: Actor, engine: str, asked: RollbackAsked) -> GenerationAnswer:
    """Put an earlier content in force.

    Raises:
        Problem: 404 there is no generation; 409 nothing can be put back, another one came in force, or a bundle is being made.
    """
    service = service_of(request)

    def work() -> Generation:
        return standing.rollback(
            service.delivering.publisher, actor.tenant, engine, reason=asked.reason.strip(), actor=actor.key_id, now=service.now(), to=asked.to,
            seen=asked.seen,
        )  # fmt: skip

    return _changed(request, actor, engine, "engines.rollback", asked.reason, work)


def sent_again(request: Request, actor: Actor, engine: str, asked: Reason) -> GenerationAnswer:
    """Send what is in force to every address again.

    Raises:
        Problem: as of `rolled_back`.
    """
    service = service_of(request)

    def work() -> Generation:
        publisher = service.delivering.publisher
        return standing.again(publisher, actor.tenant, engine, reason=asked.reason.strip(), actor=actor.key_id, now=service.now())

    return _changed(request, actor, engine, "engines.redistribute", asked.reason, work)


def sent_again_all(request: Request, actor: Actor, asked: Reason) -> list[Redistributed]:
    """Send what is in force of every engine again."""
    service = service_of(request)
    done = redistributed(service.delivering.publisher, actor.tenant, reason=asked.reason.strip(), actor=actor.key_id, now=service.now())
    service.delivering.wake()
    tell(request, did="engines.redistribute-all", sent=sum(made is not None for _, made, _ in done), reason=asked.reason)
    return [Redistributed(engine=e, generation=m.generation if m else None, problem=None if w is None else str(w)) for e, m, w in done]


def _changed(request: Request, actor: Actor, engine: str, did: str, reason: str, work: Callable[[], Generation]) -> GenerationAnswer:
    service = service_of(request)
    if service.delivering.publisher.ledger.newest(actor.tenant, engine) is None:
        raise no_engine(engine) if engine not in shipped_engines() else Problem(404, "no-generation", f"{engine} has no generation yet.")
    with _refusals():
        made = work()
    service.delivering.wake()
    tell(request, did=did, engine=engine, generation=made.generation, reason=reason)
    return answers.generation_told(made)


@contextmanager
def _refusals() -> Iterator[None]:
    """What distribution refuses, as problems."""
    try:
        yield
    except Overtaken as error:
        raise Problem(409, "overtaken", str(error)) from error
    except NothingToPutBack as error:
        raise Problem(409, "nothing-to-put-back", str(error)) from error
    except BundleInvalid as error:
        raise Problem(409, "bundle-invalid", str(error)) from error
    except BusyError as error:
        raise Problem(409, "busy", str(error), headers={"Retry-After": "10"}) from error


def _done(request: Request, actor: Actor, key: str | None, what: str, work: Callable[[], str]) -> Response:
    """The answer to something that is done once for an Idempotency-Key."""
    return once(service_of(request), actor.tenant, key, what, lambda: Response(work(), media_type="application/json"))


def no_engine(engine: str) -> Problem:
    """There is no such engine."""
    return Problem(404, "no-such-engine", f"There is no engine {engine}.")


def _no_delivery(delivery_id: str) -> Problem:
    return Problem(404, "no-such-delivery", f"There is no delivery {delivery_id}.")
