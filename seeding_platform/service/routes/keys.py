"""API keys: made, listed, rotated, revoked by an admin. Secrets are in the answers that make them and nowhere else."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.errors import ConfigError
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.moments import Moment
from seeding_platform.storage.api_keys import ApiKey, KeyRefused, KeyTaken, LastAdmin, Role

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])
Admin = Annotated[Actor, Depends(may(Role.ADMIN))]
ID_BYTES, SECRET_BYTES = 6, 24
MOST_KEYS = 1000


class NewKey(BaseModel, extra="forbid"):
    """What a key is to be."""

    role: Role
    label: str = Field("", max_length=200, description="What it is for")
    holder: str = Field("", max_length=200, description="The person or system that it is for")
    expires_at: Moment | None = Field(None, description="When it ends by itself; null: never")
    grants: list[str] = Field(
        [], max_length=50, description="Tables and sources that it is limited to: `clean/orders`, `quality/*`, `source:ad_exports`"
    )


class Rotation(BaseModel, extra="forbid"):
    """How a key is rotated."""

    grace_hours: int = Field(1, ge=0, le=24, strict=True, description="How long the secret before is still taken")
    seen: int | None = Field(None, ge=1, strict=True, description="The revision that was looked at; another one is refused with 409")


class KeyAnswer(BaseModel):
    """A key; its secret is shown once, when it is made or rotated."""

    key_id: str
    role: Role
    tenant: str
    label: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None
    holder: str = ""
    made_by: str = ""
    expires_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None
    revision: int = Field(1, strict=True)
    rotated_at: dt.datetime | None = None
    old_until: dt.datetime | None = None
    grants: list[str] = []
    key: str | None = None


@router.post("", status_code=201)
def post_key(request: Request, actor: Admin, asked: NewKey) -> KeyAnswer:
    """Make a key of one's own tenant; the answer is the only place where it is ever shown."""
    return made_key(request, actor, asked, service_of(request).new_id(ID_BYTES))


@router.get("")
def list_keys(
    request: Request,
    actor: Admin,
    limit: Annotated[int, Query(ge=1, le=MOST_KEYS)] = MOST_KEYS,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[KeyAnswer]:
    """Keys of one's own tenant, the oldest first, without their secrets."""
    return [_answer(k) for k in own_keys(request, actor)[offset : offset + limit]]


@router.post("/{key_id}/rotate")
def rotate_key(request: Request, actor: Admin, key_id: str, asked: Rotation) -> KeyAnswer:
    """Give a key of one's own tenant a new secret; the answer is the only place where it is ever shown.

    The secret before is taken for `grace_hours`; one before that, and the pages that it opened, end at once.
    """
    service = service_of(request)
    _own(request, actor, key_id)
    grace = dt.timedelta(hours=asked.grace_hours)
    try:
        key = service.api.rotate(key_id, secret=service.new_id(SECRET_BYTES), grace=grace, now=service.now(), seen=asked.seen)
    except KeyRefused as refused:
        raise Problem(409, "not-rotated", str(refused)) from refused
    tell(request, did="keys.rotate", key=key_id, grace_hours=asked.grace_hours)
    return _answer(_own(request, actor, key_id), key)


@router.delete("/{key_id}", status_code=204)
def delete_key(request: Request, actor: Admin, key_id: str) -> None:
    """Revoke a key of one's own tenant; not the one that asks, so that nobody locks themselves out, nor the last valid admin key."""
    if key_id == actor.key_id:
        raise Problem(409, "own-key", "A key cannot revoke itself; ask with another one.")
    service = service_of(request)
    found = _own(request, actor, key_id)
    try:
        revoked = service.api.revoke(key_id, now=service.now(), spare_last_admin=True)
    except LastAdmin as refused:
        raise Problem(409, "last-admin", str(refused)) from refused
    if not revoked:
        raise _none_such()
    tell(request, did="keys.revoke", key=key_id, role=str(found.role))


def made_key(request: Request, actor: Actor, asked: NewKey, key_id: str) -> KeyAnswer:
    """Make a key of one's own tenant with an id of its own.

    Raises:
        Problem: 409 there is one of this id; 422 it would have ended already, or is limited to what is no table or source.
    """
    service = service_of(request)
    now = service.now()
    if asked.expires_at is not None and asked.expires_at <= now:
        raise Problem(422, "ended-already", "expires_at is in the past; give a later time, or none.")
    try:
        key = service.api.create_key(
            role=asked.role,
            tenant=actor.tenant,
            label=asked.label,
            secret=service.new_id(SECRET_BYTES),
            key_id=key_id,
            now=now,
            holder=asked.holder,
            made_by=actor.key_id,
            expires_at=asked.expires_at,
            grants=asked.grants,
        )
    except (KeyRefused, ConfigError) as refused:
        raise Problem(422, "no-such-grant", str(refused)) from refused
    except KeyTaken as taken:
        raise Problem(409, "made-already", str(taken)) from taken
    tell(request, did="keys.create", key=key_id, role=str(asked.role), grants=" ".join(asked.grants))
    return _answer(_own(request, actor, key_id), key)


def own_keys(request: Request, actor: Actor) -> list[ApiKey]:
    """Keys of one's own tenant, the oldest first."""
    return [k for k in service_of(request).api.all_keys() if k.tenant == actor.tenant]


def _own(request: Request, actor: Actor, key_id: str) -> ApiKey:
    """A key of one's own tenant.

    Raises:
        Problem: 404 there is none.
    """
    found = service_of(request).api.named_key(key_id)
    if found is None or found.tenant != actor.tenant:
        raise _none_such()
    return found


def _none_such() -> Problem:
    return Problem(404, "no-such-key", "There is no such key, or it is revoked already.")


def _answer(key: ApiKey, secret: str | None = None) -> KeyAnswer:
    return KeyAnswer(**{name: getattr(key, name) for name in KeyAnswer.model_fields if name != "key"}, key=secret)
