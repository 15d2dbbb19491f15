"""Requests of people about their data: taken by stewards, carried out in the background, each with a certificate at its end."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.encryption import NotOurs
from seeding_platform.governance.reveal import MOST, Revealer
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.privacy import PrivacyRequest
from seeding_platform.storage.subject_keys import KeyShredded, NoSuchKey

router = APIRouter(prefix="/api/v1/privacy", tags=["privacy"])
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]


class SubjectWanted(BaseModel, extra="forbid"):
    """One identifier of a person."""

    label: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=40)
    value: str = Field(min_length=1, max_length=500)


class RequestWanted(BaseModel, extra="forbid"):
    """What a person asks for, and how they can be recognised."""

    kind: Literal["access", "erase"]
    subject: list[SubjectWanted] = Field(min_length=1, max_length=20)
    request_id: str = Field("", max_length=100, pattern=r"^[A-Za-z0-9_.-]*$")


class RequestAnswer(BaseModel):
    """How far a request is; `days_left` until it must be answered. The person is named by a pseudonym only."""

    request_id: str
    kind: str
    state: str
    subject: str
    actor: str
    received_at: dt.datetime
    due_at: dt.datetime
    closed_at: dt.datetime | None
    days_left: int | None
    stores: dict[str, dict[str, Any]] = Field(default_factory=dict)
    held: dict[str, dict[str, int]] | None = None


def rights_of(request: Request) -> SubjectRights:
    """Who answers people, in this service."""
    service = service_of(request)
    return SubjectRights(service.settings, service.state, now=service.now)


@router.post("/requests", status_code=202)
def post_request(request: Request, actor: Steward, wanted: RequestWanted) -> RequestAnswer:
    """Take a request; an erasure is carried out in the background, access is answered with what is held, by store and place."""
    rights = rights_of(request)
    try:
        identifiers = [Identifier.parsed(f"{s.label}={s.value}") for s in wanted.subject]
        made = rights.receive(wanted.kind, identifiers, tenant=actor.tenant, actor=actor.key_id, request_id=wanted.request_id)
    except ConfigError as error:
        raise Problem(422, "names-nobody", str(error)) from error
    except PermanentError as error:
        raise Problem(409, "id-taken", str(error)) from error
    if wanted.kind == "erase":
        return _answer(rights, made)
    held = rights.held(Matcher(identifiers), tenant=actor.tenant)
    rights.answered(made)
    return _answer(rights, rights.kept.one(made.request_id) or made, held)


@router.get("/requests")
def list_requests(request: Request, actor: Steward) -> list[RequestAnswer]:
    """Requests of one's own tenant, the one that is due first first."""
    rights = rights_of(request)
    return [_answer(rights, found) for found in rights.kept.all(actor.tenant)]


@router.get("/requests/{request_id}")
def get_request(request: Request, actor: Steward, request_id: str) -> RequestAnswer:
    """One request, with the receipts of its stores."""
    rights = rights_of(request)
    return _answer(rights, _own(rights, request_id, actor))


@router.get("/requests/{request_id}/certificate")
def get_certificate(request: Request, actor: Steward, request_id: str) -> dict[str, Any]:
    """The signed certificate of an erasure that is closed."""
    rights = rights_of(request)
    file = rights.certificate_file(_own(rights, request_id, actor).request_id)
    if not file.is_file():
        raise Problem(404, "no-certificate", "The request has no certificate yet.")
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


class RevealWanted(BaseModel, extra="forbid"):
    """Encrypted values of one column that somebody must read, and why."""

    table: str = Field(max_length=100)
    column: str = Field(max_length=100)
    values: list[str] = Field(min_length=1, max_length=MOST)
    reason: str = Field(min_length=3, max_length=500)


class RevealAnswer(BaseModel):
    """The values, in the order of the question."""

    values: list[str]


@router.post("/reveals")
def post_reveal(request: Request, actor: Steward, wanted: RevealWanted) -> RevealAnswer:
    """Decrypt values; each one goes on record before it is told."""
    service = service_of(request)
    reads = Revealer(service.state, service.trail, service.now)
    try:
        told = reads.revealed(wanted.values, table=wanted.table, column=wanted.column, tenant=actor.tenant, actor=actor.key_id, reason=wanted.reason)
    except KeyShredded as error:
        raise Problem(410, "key-shredded", str(error)) from error
    except (ConfigError, NotOurs, NoSuchKey) as error:
        raise Problem(422, "not-readable", str(error)) from error
    return RevealAnswer(values=told)


def _own(rights: SubjectRights, request_id: str, actor: Actor) -> PrivacyRequest:
    found = rights.kept.one(request_id)
    if found is None or found.tenant != actor.tenant:
        raise Problem(404, "no-such-request", "There is no such request.")
    return found


def _answer(rights: SubjectRights, found: PrivacyRequest, held: dict[str, dict[str, int]] | None = None) -> RequestAnswer:
    left = None if found.closed_at else (found.due_at - rights.now()).days
    names = ("request_id", "kind", "state", "subject", "actor", "received_at", "due_at", "closed_at")
    stores = rights.kept.receipts(found.request_id)
    return RequestAnswer(**{n: getattr(found, n) for n in names}, days_left=left, stores=stores, held=held)
