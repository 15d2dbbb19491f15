"""The pull part of the engine protocol: what is released, the stream of releases, and what engines say of themselves."""

from __future__ import annotations

import hashlib
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.service.acknowledging import Acknowledgement, NotTaken, acknowledged, measured
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.bulletin import Listener
from seeding_platform.service.errors import Problem
from seeding_platform.service.granted import speaks_for, within
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.delivery.groups import GO, STOP, Groups
from seeding_platform.storage.delivery.records import GenerationState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Send

    from seeding_platform.service.delivering import Delivering
    from seeding_platform.storage.delivery.records import EngineEvent

router = APIRouter(prefix="/api/v1/engines/{engine}", tags=["engines"])
sockets = APIRouter()
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
NAME = r"^[a-z][a-z0-9_]*$"
Engine = Annotated[str, Path(max_length=100, pattern=NAME)]
HEARTBEAT_S, LOOK_S, MOST_S, SEND_S = 15.0, 1.0, 3600.0, 10.0
MOST_ENGINES, FIRST_MESSAGE_S, MOST_MESSAGE = 100, 10.0, 20_000
RESET = "reset"


class Released(BaseModel):
    """What an engine is to use."""

    model_config = ConfigDict(extra="forbid")
    seq: int
    release: str
    release_signature: dict[str, str]
    decided: Literal["activate", "abort"] | None = Field(
        None, description="Of a release of a group: what was decided about it; null while nothing was"
    )


class Accepted(BaseModel):
    """An acknowledgement that counts."""

    model_config = ConfigDict(extra="forbid")
    accepted: bool
    desired: int


class Figure(BaseModel):
    """A figure that an engine measures while it uses a generation; higher is better."""

    model_config = ConfigDict(extra="forbid")
    metric: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,59}$")
    value: float = Field(allow_inf_nan=False)
    generation: int | None = Field(None, ge=1, le=2_000_000_000)


class Counted(BaseModel):
    """A figure that was kept."""

    model_config = ConfigDict(extra="forbid")
    accepted: bool
    generation: int


@router.get("/release", responses={304: {"description": "Unchanged"}})
def get_release(request: Request, response: Response, actor: Viewer, engine: Engine) -> Released:
    """The release that is in force, signed; 404 before the first, and while the last was recalled and there is no other."""
    publisher, now = service_of(request).delivering.publisher, service_of(request).now()
    made = publisher.ledger.newest(actor.tenant, engine)
    if made is None or made.state == GenerationState.RECALLED:
        raise Problem(404, "no-release", "Nothing is released for this engine.")
    decision = Groups(publisher.state).decision(made)
    decided = None if decision is None else GO if decision.go else STOP
    etag = f'"{hashlib.sha256(f"{made.release}{decided or str()}".encode()).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in [given.strip() for given in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)  # type: ignore[return-value]  # FastAPI passes a response on
    response.headers.update(headers)
    seq = publisher.events.seq_of(actor.tenant, engine, made.generation)
    return Released(seq=seq, release=made.release, release_signature=json.loads(publisher.current_signature(made, now=now)), decided=decided)


@router.get("/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def get_stream(
    request: Request,
    actor: Viewer,
    engine: Engine,
    since: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,15}$")] = None,
    seconds: Annotated[float, Query(gt=0, le=MOST_S, description="How long at most; come back with `since`")] = MOST_S,
) -> StreamingResponse:
    """Events `release`, `recalled`, `activate`, `abort`; `reset` when `since` is too old to be known. Who does not read is cut off."""
    delivering = service_of(request).delivering
    listener = Listener(actor.tenant, [engine])
    begin = int(last_event_id) if last_event_id is not None else since
    if not await run_in_threadpool(delivering.bulletin.join, listener):
        raise Problem(503, "too-many-listeners", "Too many engines listen.", headers={"Retry-After": "30"})
    return _Patient(
        _events(request, delivering, listener, begin, seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.post("/acknowledgements")
def post_acknowledgement(request: Request, actor: Viewer, engine: Engine, said: Acknowledgement) -> Accepted:
    """What an engine says of a generation, with its proof; twice counts once."""
    _require_speaker(actor, engine)
    try:
        return Accepted(accepted=True, desired=acknowledged(service_of(request).delivering, actor.tenant, engine, said))
    except NotTaken as error:
        raise _problem(error) from error


@router.post("/health")
def post_health(request: Request, actor: Viewer, engine: Engine, figure: Figure) -> Counted:
    """A figure of the engine's own: one that falls while a new generation is watched puts the one before back."""
    _require_speaker(actor, engine)
    try:
        about = measured(service_of(request).delivering, actor.tenant, engine, metric=figure.metric, value=figure.value, generation=figure.generation)
    except NotTaken as error:
        raise _problem(error) from error
    return Counted(accepted=True, generation=about)


@sockets.websocket("/api/v1/engines/stream")
async def stream(socket: WebSocket) -> None:
    """The same events for several engines; the first message of the engine says which, and from where on."""
    service = socket.app.state.service
    await socket.accept()
    actor = await run_in_threadpool(service.sessions.bearer, socket.headers.get("authorization", ""))
    if actor is None:
        await socket.close(4401, "unauthenticated")
        return
    try:
        with anyio.fail_after(FIRST_MESSAGE_S):
            first = _asked(await socket.receive_text())
    except (TimeoutError, WebSocketDisconnect, ValueError, KeyError):  # the last: it was no text
        await socket.close(4400, "malformed")
        return
    if actor.grants and not all(within(actor.grants, f"engine:{name}") for name in first.engines):
        await socket.close(4403, "not-granted")
        return
    listener = Listener(actor.tenant, first.engines)
    if not await run_in_threadpool(service.delivering.bulletin.join, listener):
        await socket.close(1013, "too-many-listeners")
        return
    try:
        async with anyio.create_task_group() as both:
            both.start_soon(_until_gone, socket, both.cancel_scope)
            await _told(socket, service.delivering, listener, first.since)
            both.cancel_scope.cancel()
    finally:
        service.delivering.bulletin.leave(listener)


async def _told(socket: WebSocket, delivering: Delivering, listener: Listener, since: int | None) -> None:
    """Tell a socket what its listener hears, as long as it reads."""
    try:
        async for name, event in _heard(delivering, listener, since):
            if name is None:
                continue  # the server's own pings keep a socket open
            with anyio.fail_after(SEND_S):
                await socket.send_text(json.dumps({"event": name, **(_data(event) if event is not None else {})}))
        await socket.close(1001, "come back with since")
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        return  # it does not read, or is gone: it comes back with `since`


async def _until_gone(socket: WebSocket, scope: anyio.CancelScope) -> None:
    """End what is done for a socket once its other side has hung up: else it would count as a listener until the next event."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


class _First(BaseModel):
    """What a listener asks for."""

    model_config = ConfigDict(extra="ignore")
    engines: list[Annotated[str, Field(max_length=100, pattern=NAME)]] = Field(min_length=1, max_length=MOST_ENGINES)
    since: int | None = Field(None, ge=0)


def _asked(text: str) -> _First:
    if len(text) > MOST_MESSAGE:
        raise ValueError("too long")
    return _First.model_validate_json(text)


class _Patient(StreamingResponse):
    """A stream that ends when its reader does not take what is sent."""

    async def stream_response(self, send: Send) -> None:
        """ASGI."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self.body_iterator:
            with anyio.fail_after(SEND_S):
                await send({"type": "http.response.body", "body": chunk if isinstance(chunk, bytes) else str(chunk).encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _events(request: Request, delivering: Delivering, listener: Listener, since: int | None, seconds: float) -> AsyncIterator[str]:
    """Server-sent events."""
    try:
        told = ""
        if since is None:  # who is cut off before the first event goes on from here, and misses nothing
            since = (await run_in_threadpool(delivering.publisher.events.span))[1]
            told = f"id: {since}\n"
        yield f"retry: 1000\n{told}\n"
        async for name, event in _heard(delivering, listener, since, seconds=seconds):
            if name is None:
                if await request.is_disconnected():
                    return
                yield ": still here\n\n"
            elif event is None:
                yield f"event: {name}\ndata: {{}}\n\n"
            else:
                yield f"id: {event.seq}\nevent: {name}\ndata: {json.dumps(_data(event))}\n\n"
    finally:
        delivering.bulletin.leave(listener)


async def _heard(
    delivering: Delivering, listener: Listener, since: int | None, *, seconds: float = MOST_S
) -> AsyncIterator[tuple[str | None, EngineEvent | None]]:
    """Names and events, what is known first and then what comes; a name of None is a beat that keeps the line open."""
    log, bulletin = delivering.publisher.events, delivering.bulletin
    oldest, newest = await run_in_threadpool(log.span)
    seq = newest if since is None else since
    if since is not None and (since < oldest - 1 or since > newest):
        yield RESET, None
        seq = newest
    while True:  # what was told before the listener came; what comes meanwhile waits for it, and is passed over below
        known = await run_in_threadpool(partial(log.after, seq, tenant=listener.tenant))
        for event in known:
            seq = event.seq
            if listener.wants(event):
                yield event.event, event
        if not known:
            break
    began = beat = time.monotonic()
    while not listener.cut and not bulletin.closing:
        left = seconds - (time.monotonic() - began)
        if left <= 0:
            return
        event_or_none = await listener.next(min(LOOK_S, left))
        if event_or_none is not None and event_or_none.seq > seq:
            seq = event_or_none.seq
            yield event_or_none.event, event_or_none
        if time.monotonic() - beat >= HEARTBEAT_S:
            beat = time.monotonic()
            yield None, None


def _data(event: EngineEvent) -> dict[str, Any]:
    told: dict[str, Any] = {"seq": event.seq, "tenant": event.tenant, "engine": event.engine, "generation": event.generation}
    told["content_id"] = event.content_id
    return {**told, "reason": event.reason, "instead": event.instead} if event.event == "recalled" else told


def _require_speaker(actor: Actor, engine: str) -> None:
    if not speaks_for(actor, engine):
        raise Problem(403, "forbidden", "This needs a key that was made for the engine (seeding keys create --engine), or the role operator.")


def _problem(error: NotTaken) -> Problem:
    return Problem(error.status, error.code, error.says, more={} if error.desired is None else {"desired": error.desired})
