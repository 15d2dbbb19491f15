"""Requests of people about their data: taken by stewards, carried out in the background, each with a certificate at its end."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.encryption import NotOurs
from seeding_platform.governance.reveal import MOST, Revealer
from seeding_platform.governance.subject_rights.access import export, held_with_reasons
from seeding_platform.governance.subject_rights.identity import Identity
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
from seeding_platform.governance.subject_rights.rectification import Correction
from seeding_platform.governance.subject_rights.requests import CARRIED, SubjectRights
from seeding_platform.service import audited
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.people import people
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.privacy import PrivacyRequest
from seeding_platform.storage.subject_keys import KeyShredded, NoSuchKey

router = APIRouter(prefix="/api/v1/privacy", tags=["privacy"])
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]


class SubjectWanted(BaseModel, extra="forbid"):
    """One identifier of a person."""

    label: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=40)
    value: str = Field(min_length=1, max_length=500)


class IdentityWanted(BaseModel, extra="forbid"):
    """Who confirmed that the person is who they say, and how, in a few words."""

    confirmed_by: str = Field(min_length=1, max_length=100)
    how: str = Field(min_length=3, max_length=300)


class RequestWanted(BaseModel, extra="forbid"):
    """What a person asks for, and how they can be recognised."""

    kind: Literal["access", "erase", "rectify", "restrict", "lift", "portability"]
    subject: list[SubjectWanted] = Field(min_length=1, max_length=20)
    request_id: str = Field("", max_length=100, pattern=r"^[A-Za-z0-9_.-]*$")
    identity: IdentityWanted | None = Field(None, description="Who confirmed who they are; without it the actor answers for that")
    table: str = Field("", max_length=100, description="For `rectify`: the contract's table")
    corrections: dict[str, str | None] = Field(default_factory=dict, max_length=50, description="For `rectify`: column and right value; null = none")


class RequestAnswer(BaseModel):
    """How far a request is; `days_left` until it must be answered. The person is named by a pseudonym only.

    `held_by` names the holds that keep what was to be erased; `about` says for each data set what it is for, who gets it and how long it is kept.
    """

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
    identity: dict[str, str] | None = None
    held_by: list[str] = Field(default_factory=list)
    about: dict[str, Any] | None = None


def rights_of(request: Request) -> SubjectRights:
    """Who answers people, in this service."""
    service = service_of(request)
    return people(service.settings, service.state, now=service.now)


@router.post("/requests", status_code=202)
def post_request(request: Request, actor: Steward, wanted: RequestWanted) -> RequestAnswer:
    """Take a request. What changes something is carried out in the background; access is answered at once with what is held, by store and place.

    The package of a request for portability is there at once, under `/package`.
    """
    rights = rights_of(request)
    try:
        identifiers = [Identifier.parsed(f"{s.label}={s.value}") for s in wanted.subject]
        made = rights.receive(
            wanted.kind,
            identifiers,
            tenant=actor.tenant,
            actor=actor.key_id,
            request_id=wanted.request_id,
            identity=Identity.confirmed(wanted.identity.confirmed_by, wanted.identity.how) if wanted.identity else None,
            correction=Correction.checked(wanted.table, wanted.corrections) if wanted.kind == "rectify" else None,
        )
    except ConfigError as error:
        raise Problem(422, "names-nobody", str(error)) from error
    except PermanentError as error:
        raise Problem(409, "id-taken", str(error)) from error
    if wanted.kind in CARRIED or made.closed_at is not None:
        return _answer(rights, made)
    matcher = Matcher(identifiers)
    held = rights.held(matcher, tenant=actor.tenant)
    if wanted.kind == "portability":
        export(rights, matcher, tenant=actor.tenant, target=rights.package_file(made.request_id))
    rights.answered(made, {store: sum(places.values()) for store, places in held.items()})
    answer = _answer(rights, rights.kept.one(made.request_id) or made, held)
    return answer.model_copy(update={"about": held_with_reasons(rights, held, actor.tenant)})


@router.get("/requests")
def list_requests(
    request: Request,
    actor: Steward,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[RequestAnswer]:
    """Requests of one's own tenant, the one that is due first first."""
    rights = rights_of(request)
    found = rights.kept.all(actor.tenant, limit=limit, offset=offset)
    receipts = rights.kept.receipts_of([one.request_id for one in found])
    return [_told(rights, one, receipts[one.request_id]) for one in found]


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


@router.get("/requests/{request_id}/package", response_class=FileResponse)
def get_package(request: Request, actor: Steward, request_id: str) -> FileResponse:
    """What is held about the person, as a ZIP with a manifest; each time it is taken goes on record."""
    rights = rights_of(request)
    file = rights.package_file(_own(rights, request_id, actor).request_id)
    if not file.is_file():
        raise Problem(404, "no-package", "The request has no package, or it was removed after a month.")
    audited.tell(request, package=request_id)
    return FileResponse(file, media_type="application/zip", filename=f"{request_id}.zip", headers={"Cache-Control": "no-store"})


class RevealWanted(BaseModel, extra="forbid"):
    """Encrypted values of one column that somebody must read, and why."""

    table: str = Field(max_length=100)
    column: str = Field(max_length=100)
    values: list[Annotated[str, Field(max_length=20_000)]] = Field(min_length=1, max_length=MOST)
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
    return _told(rights, found, rights.kept.receipts(found.request_id), held)


def _told(
    rights: SubjectRights, found: PrivacyRequest, stores: dict[str, dict[str, Any]], held: dict[str, dict[str, int]] | None = None
) -> RequestAnswer:
    left = None if found.closed_at else (found.due_at - rights.now()).days
    names = ("request_id", "kind", "state", "subject", "actor", "received_at", "due_at", "closed_at")
    identity = json.loads(found.identity) if found.identity else None
    held_by = stores.get("hold", {}).get("held_by", [])
    return RequestAnswer(**{n: getattr(found, n) for n in names}, days_left=left, stores=stores, held=held, identity=identity, held_by=held_by)
