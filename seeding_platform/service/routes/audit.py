"""Who did what: the audit log of one's own tenant, and whether it is as it was written."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]
Admin = Annotated[Actor, Depends(may(Role.ADMIN))]


class EventAnswer(BaseModel):
    """One event; `sound` says that it is as it was written."""

    seq: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    outcome: str
    detail: dict[str, Any]
    sound: bool


class EventsAnswer(BaseModel):
    """Events, the newest first; `next_before` leads to older ones."""

    items: list[EventAnswer]
    next_before: int | None


class VerdictAnswer(BaseModel):
    """What verifying the whole log found."""

    ok: bool
    events: int
    first_bad: int | None
    missing: list[list[int]]
    unsealed: int
    seals: int
    problems: list[str]


@router.get("")
def list_events(
    request: Request,
    actor: Steward,
    action: Annotated[str, Query(max_length=200, description="Only what begins with this")] = "",
    by: Annotated[str, Query(max_length=100, description="Only of this actor")] = "",
    outcome: Literal["", "ok", "refused", "failed"] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> EventsAnswer:
    """What was done to one's own tenant's data, the newest first."""
    log = service_of(request).trail.log
    found = log.newest(tenant=actor.tenant, action=action, actor=by, outcome=outcome, limit=limit, before=before)
    items = [
        EventAnswer(
            seq=r.seq, at=r.event.at, actor=r.event.actor, action=r.event.action, subject=r.event.subject, outcome=r.event.outcome,
            detail=dict(r.event.detail), sound=r.sound,
        )
        for r in found
    ]  # fmt: skip
    return EventsAnswer(items=items, next_before=found[-1].seq if len(found) == limit else None)


@router.post("/verify")
def post_verify(request: Request, _: Admin) -> VerdictAnswer:
    """Check every event and every seal of the installation."""
    return VerdictAnswer.model_validate(service_of(request).trail.verify().as_dict())
