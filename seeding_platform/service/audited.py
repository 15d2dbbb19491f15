"""Every write and every question on record: who asked which route for what, and what became of it.

A route need not think of it; one that has more to tell calls `tell`. What was asked or sent is not recorded, only its route, the names in its
path and what the route tells: bodies hold personal data.
"""

from __future__ import annotations

import dataclasses
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi.concurrency import run_in_threadpool
from limits import RateLimitItemPerMinute

from seeding_platform.storage.audit import Event

if TYPE_CHECKING:
    from fastapi import Request

    from seeding_platform.service.context import Service

log = logging.getLogger("seeding.service")
QUESTIONS = frozenset({"/api/v1/nlq", "/{lang}/ask"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
STRANGERS = RateLimitItemPerMinute(60)
"""Attempts without a valid key that are recorded in a minute: a flood of them must not fill the log."""
ANONYMOUS = "anonymous"
_LONGEST = 500


def tell(request: Request, **facts: Any) -> None:
    """Add facts to what is recorded about this request; no personal data."""
    request.state.told = {**getattr(request.state, "told", {}), **facts}


async def record(request: Request, service: Service, status: int) -> None:
    """Record a request that is over, if it is one to record.

    An event that cannot be written does not undo what was done: it stands in the service's log as an error, with all that it would have said.
    """
    route = str(getattr(request.scope.get("route"), "path", "none"))
    told: dict[str, Any] = getattr(request.state, "told", {})
    if request.method in READS and route not in QUESTIONS and not told:
        return
    if request.method in READS and route in QUESTIONS and not request.query_params:
        return
    actor = getattr(request.state, "actor", None)
    if actor is None and (route == "none" or not service.limiter.hit(STRANGERS, ANONYMOUS)):
        return
    named = "/".join(str(v) for k, v in request.path_params.items() if k != "lang")
    event = Event(
        at=service.now(),
        tenant=actor.tenant if actor else "",
        actor=actor.key_id if actor else ANONYMOUS,
        action=f"{request.method} {route}",
        subject=named[:200],
        outcome="ok" if status < 400 else "refused" if status < 500 else "failed",
        detail={"status": status, "trace_id": request.state.trace_id},
    )
    try:
        await run_in_threadpool(_write, service, event, told if status < 400 else {})
    except Exception:  # the answer stands: what it tells of has happened
        log.exception("not recorded: %s", event)


def _write(service: Service, event: Event, told: dict[str, Any]) -> None:
    """Record an event with what its route told, names of the path and free text redacted: an event can never be taken back."""
    detail = {**event.detail, **{name: _plain(value) for name, value in told.items()}}
    service.trail.record(dataclasses.replace(event, subject=_plain(event.subject), detail=detail))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _redacted(value[:_LONGEST])
    if isinstance(value, dict):
        return {str(name)[:_LONGEST]: _plain(part) for name, part in value.items()}
    return value


@lru_cache(maxsize=1000)
def _redacted(text: str) -> str:
    """A text without personal data. Names of models and versions come back with every request; to look for such data costs more than to answer."""
    from seeding_platform.governance.pii import redacted

    return str(redacted(pl.Series([text]))[0])
