"""Who did what: the audit log of one's own tenant, and whether it is as it was written."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from seeding_platform.analytics.periods import Day
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.audit import Recorded

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


class VerifiedAnswer(BaseModel):
    """The newest verification: when, by whom, and what it found."""

    at: dt.datetime
    actor: str
    found: VerdictAnswer


class SealsAnswer(BaseModel):
    """How far the log is sealed; `unsealed` events lie behind the newest seal, which the service and the nightly upkeep make."""

    seals: int
    covered: int
    sealed_at: dt.datetime | None
    unsealed: int
    verified: VerifiedAnswer | None


@router.get("")
def list_events(
    request: Request,
    actor: Steward,
    action: Annotated[str, Query(max_length=200, description="Only what begins with this")] = "",
    by: Annotated[str, Query(max_length=100, description="Only of this actor")] = "",
    outcome: Literal["", "ok", "refused", "failed"] = "",
    first_day: Annotated[Day | None, Query(alias="from", description="Only from this day on (UTC)")] = None,
    last_day: Annotated[Day | None, Query(alias="to", description="Only through this day (UTC)")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> EventsAnswer:
    """What was done to one's own tenant's data, the newest first; admins also see what concerned the whole installation."""
    found = service_of(request).trail.log.newest(
        tenant=tenants_seen(actor), action=action, actor=by, outcome=outcome, since=_midnight(first_day, days=0),
        until=_midnight(last_day, days=1), limit=limit, before=before,
    )  # fmt: skip
    return EventsAnswer(items=[_answer(r) for r in found], next_before=found[-1].seq if len(found) == limit else None)


@router.get("/seals")
def get_seals(request: Request, _: Steward) -> SealsAnswer:
    """How far the log is sealed, and when somebody last verified it."""
    trail = service_of(request).trail
    state, last = trail.seals(), trail.last_verified()
    verified = None
    if last is not None:
        verified = VerifiedAnswer(at=last.event.at, actor=last.event.actor, found=_verdict(last))
    at = dt.datetime.fromisoformat(state.at) if state.at else None
    return SealsAnswer(seals=state.seals, covered=state.covered, sealed_at=at, unsealed=state.unsealed, verified=verified)


@router.get("/{seq:int}")
def get_event(request: Request, actor: Steward, seq: Annotated[int, Path(ge=1, le=2**62)]) -> EventAnswer:
    """One event."""
    return _answer(recorded(request, actor, seq))


@router.post("/verify")
def post_verify(request: Request, actor: Admin) -> VerdictAnswer:
    """Check every event and every seal of the installation; what is found goes on record."""
    service = service_of(request)
    return VerdictAnswer.model_validate(service.trail.verified(actor=actor.key_id, now=service.now()).as_dict())


def tenants_seen(actor: Actor) -> list[str]:
    """Whose events somebody sees: of the own tenant; an admin also those of nobody in particular."""
    return [actor.tenant, ""] if actor.role.may(Role.ADMIN) else [actor.tenant]


def recorded(request: Request, actor: Actor, seq: int) -> Recorded:
    """An event that somebody may see.

    Raises:
        Problem: 404 for one that is not there, or not theirs.
    """
    found = next(service_of(request).trail.log.between(seq, seq), None)
    if found is None or found.event.tenant not in tenants_seen(actor):
        raise Problem(404, "no-such-event", "There is no such event.")
    return found


def _verdict(found: Recorded) -> VerdictAnswer:
    """What a verification found, as its event says; an event that was changed itself says that the log is broken."""
    if found.sound:
        return VerdictAnswer.model_validate(dict(found.event.detail))
    said = f"Event {found.seq} is not as it was written."
    return VerdictAnswer(ok=False, events=0, first_bad=found.seq, missing=[], unsealed=0, seals=0, problems=[said])


def _answer(found: Recorded) -> EventAnswer:
    event = found.event
    return EventAnswer(
        seq=found.seq, at=event.at, actor=event.actor, action=event.action, subject=event.subject, outcome=event.outcome,
        detail=dict(event.detail), sound=found.sound,
    )  # fmt: skip


def _midnight(day: dt.date | None, *, days: int) -> dt.datetime | None:
    """The first moment of a day, or of one some days later; the last day of the calendar has no next."""
    if day is None or day > dt.date.max - dt.timedelta(days=days):
        return None
    return dt.datetime.combine(day + dt.timedelta(days=days), dt.time(), dt.UTC)
