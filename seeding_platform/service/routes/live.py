"""Server-sent events: what happens, as it happens (`run`, `snapshot`, `alert`, `model`, `enrichment`), from where the listener last was."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import anyio
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from seeding_platform.service.context import Service

router = APIRouter(prefix="/api/v1", tags=["live"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
HEARTBEAT_S, POLL_S, MOST_S = 15.0, 1.0, 3600.0
MOST_LISTENERS = 200
_listeners = {"now": 0}


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def get_events(
    request: Request,
    actor: Viewer,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,15}$")] = None,
    seconds: Annotated[float, Query(gt=0, le=MOST_S, description="How long at most; a browser comes back by itself")] = MOST_S,
) -> StreamingResponse:
    """Named events with ids. `Last-Event-ID` says where to go on; without it one hears what comes next. A comment every 15 s keeps it open."""
    if _listeners["now"] >= MOST_LISTENERS:
        raise Problem(503, "too-many-listeners", "Too many pages listen; they look again every half minute.", headers={"Retry-After": "30"})
    service = service_of(request)
    start = int(last_event_id) if last_event_id is not None else await run_in_threadpool(service.live.newest)
    return StreamingResponse(
        _told(request, service, actor.tenant, start, seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(request: Request, service: Service, tenant: str, seq: int, seconds: float) -> AsyncIterator[str]:
    began = beat = time.monotonic()
    _listeners["now"] += 1
    try:
        yield "retry: 3000\n\n"
        while time.monotonic() - began < seconds and not await request.is_disconnected():
            for event in await run_in_threadpool(service.live.after, seq, tenant=tenant):
                seq = event.seq
                yield f"id: {event.seq}\nevent: {event.kind}\ndata: {json.dumps(event.body)}\n\n"
            if time.monotonic() - beat >= HEARTBEAT_S:
                beat = time.monotonic()
                yield ": still here\n\n"
            await anyio.sleep(POLL_S)
    finally:
        _listeners["now"] -= 1
