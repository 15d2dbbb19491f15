"""Runs of the graph: what they did, live; started and stopped by those who may; and signed calls of other systems that start one."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel

from seeding_platform.errors import BusyError
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.repeats import once
from seeding_platform.service.runs import LogLine, NoSuchRun, RunShown
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.service.context import Service

router = APIRouter(prefix="/api/v1", tags=["runs"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
Event = Literal["ingest", "clean", "seed", "kpi", "retrain", "enrich"]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
MOST_OLD_S = 300
HOOK_TENANT = "hooks"


class StartedAnswer(BaseModel):
    """A run that was asked for."""

    run_id: str
    event: Event


class Wanted(BaseModel, extra="forbid"):
    """Which run is wanted."""

    event: Event


@router.get("/runs")
def list_runs(
    request: Request, actor: Viewer, limit: Annotated[int, Query(ge=1, le=100)] = 20, before: Annotated[str | None, Query(max_length=64)] = None
) -> list[RunShown]:
    """Runs, the newest first; `before` is the id of the last one that was seen."""
    return [seen_by(actor, run) for run in service_of(request).runs.recent(limit=limit, before=before)]


@router.post("/runs", status_code=202, response_model=StartedAnswer)
def post_run(request: Request, actor: Operator, wanted: Wanted, idempotency_key: IdempotencyKey = None) -> Response:
    """Start a run; 409 while another one is under way."""
    return started(service_of(request), wanted.event, tenant=actor.tenant, idempotency_key=idempotency_key)


@router.get("/runs/{run_id}")
def get_run(request: Request, actor: Viewer, run_id: str) -> RunShown:
    """One run: its stages with their counts."""
    try:
        return seen_by(actor, service_of(request).runs.one(run_id))
    except NoSuchRun as missing:
        raise Problem(404, "no-such-run", "There is no such run.") from missing


@router.get("/runs/{run_id}/log")
def get_log(request: Request, actor: Operator, run_id: str, after: Annotated[int, Query(ge=-1)] = -1) -> list[LogLine]:
    """What happened in a run, after a line of its log; for operators, as it may name anybody's files and values."""
    try:
        return service_of(request).runs.log(run_id, after=after)
    except NoSuchRun as missing:
        raise Problem(404, "no-such-run", "There is no such run.") from missing


@router.post("/runs/{run_id}/stop", status_code=202, response_model=RunShown)
def post_stop(request: Request, actor: Operator, run_id: str) -> RunShown:
    """Stop a run; tables that it finished stay, none is left half written."""
    service = service_of(request)
    try:
        service.runs.stop(run_id)
        return service.runs.one(run_id)
    except NoSuchRun as missing:
        raise Problem(404, "no-such-run", "There is no such run under way.") from missing


@router.post("/hooks/{event}", status_code=202, response_model=StartedAnswer, tags=["hooks"])
async def post_hook(
    request: Request,
    event: Event,
    x_seeding_signature: Annotated[str | None, Header(max_length=200, description="`t=<unix seconds>,v1=<hex>`")] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a run from another system.

    `v1` is HMAC-SHA256 with SEEDING_HOOK_SECRET over `<t>.<event>.<body>`; `t` may be five minutes off. The same call twice starts one run.
    """
    from fastapi.concurrency import run_in_threadpool

    service, body = service_of(request), await request.body()
    mark = verified(service, event, body, x_seeding_signature)
    return await run_in_threadpool(started, service, event, tenant=HOOK_TENANT, idempotency_key=idempotency_key or mark)


def seen_by(actor: Actor, run: RunShown) -> RunShown:
    """A run as somebody may see it: runs are the installation's, and why one failed may name another tenant's files and values."""
    return run if actor.role.may(Role.OPERATOR) else run.model_copy(update={"message": "", "partition": ""})


def verified(service: Service, event: str, body: bytes, header: str | None) -> str:
    """The signature of a call that is genuine and fresh.

    Raises:
        Problem: 401, or 503 where no secret is set.
    """
    secret = service.settings.hook_secret.get_secret_value()
    if not secret:
        raise Problem(503, "hooks-off", "SEEDING_HOOK_SECRET is not set.")
    match = re.fullmatch(r"t=(\d{1,12}),v1=([0-9a-f]{64})", header or "")
    if match is None:
        raise Problem(401, "unsigned", "Send X-Seeding-Signature: t=<unix seconds>,v1=<hex>.")
    right = hmac.new(secret.encode(), f"{match[1]}.{event}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(match[2], right):
        raise Problem(401, "wrong-signature", "The signature does not fit the call.")
    if abs(service.now().timestamp() - int(match[1])) > MOST_OLD_S:
        raise Problem(401, "stale-signature", "The signature is more than five minutes off.")
    return match[2]


def started(service: Service, event: Event, *, tenant: str, idempotency_key: str | None) -> Response:
    """Start a run once for an Idempotency-Key; 202 with its address."""

    def work() -> Response:
        try:
            run_id = service.runs.start(event, tenant=tenant)
        except BusyError as error:
            raise Problem(409, "busy", str(error)) from error
        except NoSuchRun as error:
            raise Problem(503, "no-runs", "This service starts no runs.") from error
        told = StartedAnswer(run_id=run_id, event=event).model_dump_json()
        return Response(told, status_code=202, media_type="application/json", headers={"Location": f"/api/v1/runs/{run_id}"})

    return once(service, tenant, idempotency_key, f"runs:{event}", work)
