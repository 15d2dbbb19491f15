"""API keys: made, listed, revoked by an admin."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])
Admin = Annotated[Actor, Depends(may(Role.ADMIN))]


class NewKey(BaseModel, extra="forbid"):
    """What a key is to be."""

    role: Role
    label: str = Field("", max_length=200)


class KeyAnswer(BaseModel):
    """A key; its secret is shown once, when it is made."""

    key_id: str
    role: Role
    tenant: str
    label: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None
    key: str | None = None


@router.post("", status_code=201)
def post_key(request: Request, actor: Admin, asked: NewKey) -> KeyAnswer:
    """Make a key of one's own tenant; the answer is the only place where it is ever shown."""
    service = service_of(request)
    key_id, now = service.new_id(6), service.now()
    key = service.api.create_key(role=asked.role, tenant=actor.tenant, label=asked.label, secret=service.new_id(24), key_id=key_id, now=now)
    return KeyAnswer(key_id=key_id, role=asked.role, tenant=actor.tenant, label=asked.label, created_at=now, key=key)


@router.get("")
def list_keys(request: Request, actor: Admin) -> list[KeyAnswer]:
    """Keys of one's own tenant, without their secrets."""
    return [
        KeyAnswer(**{f: getattr(k, f) for f in KeyAnswer.model_fields if f != "key"})
        for k in service_of(request).api.all_keys()
        if k.tenant == actor.tenant
    ]


@router.delete("/{key_id}", status_code=204)
def delete_key(request: Request, actor: Admin, key_id: str) -> None:
    """Revoke a key of one's own tenant; not the one that asks, so that nobody locks themselves out."""
    if key_id == actor.key_id:
        raise Problem(409, "own-key", "A key cannot revoke itself; ask with another one.")
    service = service_of(request)
    key = service.api.named_key(key_id)
    if key is None or key.tenant != actor.tenant or not service.api.revoke(key_id, now=service.now()):
        raise Problem(404, "no-such-key", "There is no such key, or it is revoked already.")
