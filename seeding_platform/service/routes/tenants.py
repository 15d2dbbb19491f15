"""Tenants: an admin sees and takes along their own; admins of the installation (keys without a tenant) manage all of them."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from seeding_platform.errors import BusyError, ConfigError
from seeding_platform.governance.tenants.removal import TenantHeld, TenantLeft
from seeding_platform.governance.tenants.standing import Standing
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.tenanted import Tenancy
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.tenants import INSTALLATION, NAME, Quota, TenantRefused, TenantState

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"])
Admin = Annotated[Actor, Depends(may(Role.ADMIN))]
Name = Annotated[str, Path(max_length=60)]
MOST = 2**53
Limit = Annotated[int | None, Field(ge=0, le=MOST, strict=True)]


class QuotaForm(BaseModel, extra="forbid"):
    """How much a tenant may keep and ask; null for no limit."""

    rows: Limit = Field(None, description="In all its tables together")
    bytes: Limit = Field(None, description="Of all its tables together")
    requests_a_minute: int | None = Field(None, ge=1, le=1_000_000, strict=True, description="Of all its keys together")

    @property
    def quota(self) -> Quota:
        """The same for the platform."""
        return Quota(**self.model_dump())


class NewTenant(BaseModel, extra="forbid"):
    """A tenant to be added."""

    tenant: str = Field(pattern=f"^{NAME.pattern}$", description="Its name, which never changes")
    label: str = Field("", max_length=200, description="What it is called, for people")
    quota: QuotaForm = QuotaForm()


class Why(BaseModel, extra="forbid"):
    """Why something is done."""

    reason: str = Field(min_length=1, max_length=500, description="Goes on record; personal data in it is redacted")


class RemovalWanted(Why):
    """A tenant to be removed for good."""

    confirm: str = Field(max_length=60, description="Its name once more")


class TenantAnswer(BaseModel):
    """A tenant as it stands."""

    tenant: str
    label: str
    state: TenantState
    made_at: dt.datetime | None
    made_by: str
    quota: QuotaForm
    tables: int
    rows: int
    bytes: int
    state_rows: int
    keys: int
    last_at: dt.datetime | None

    @classmethod
    def of(cls, standing: Standing) -> TenantAnswer:
        """The answer for what stands."""
        t, held = standing.tenant, standing.held
        quota = QuotaForm(rows=t.quota.rows, bytes=t.quota.bytes, requests_a_minute=t.quota.requests_a_minute)
        told = {name: getattr(t, name) for name in ("tenant", "label", "state", "made_at", "made_by")}
        counted = {"tables": held.tables, "rows": held.rows, "bytes": held.bytes}
        return cls(**told, quota=quota, **counted, state_rows=standing.state_rows, keys=standing.keys, last_at=standing.last_at)


class RemovedAnswer(BaseModel):
    """What was removed."""

    tenant: str
    stores: dict[str, dict[str, int]]
    certificate: str


@router.get("")
def list_tenants(request: Request, actor: Admin) -> list[TenantAnswer]:
    """Tenants with what they hold: all of them for an admin of the installation, one's own for others."""
    found = _tenancy(request).list(None if actor.tenant == INSTALLATION else actor.tenant)
    return [TenantAnswer.of(one) for one in found]


@router.post("", status_code=201)
def post_tenant(request: Request, actor: Admin, asked: NewTenant) -> TenantAnswer:
    """Add a tenant (admins of the installation)."""
    if actor.tenant != INSTALLATION:
        raise Problem(403, "forbidden", "Only an admin of the installation adds tenants: a key that is made with --tenant ''.")
    try:
        _tenancy(request).add(asked.tenant, label=asked.label, quota=asked.quota.quota, actor=actor.key_id)
    except TenantRefused as refused:
        raise Problem(409, "there-already", str(refused)) from refused
    return _shown(request, asked.tenant)


@router.put("/{tenant}/quota")
def put_quota(request: Request, actor: Admin, tenant: Name, asked: QuotaForm) -> TenantAnswer:
    """Give a tenant another quota, whole (admins of the installation)."""
    _managed(request, actor, tenant)
    try:
        _tenancy(request).limit(tenant, asked.quota, actor=actor.key_id)
    except TenantRefused as refused:
        raise Problem(409, "removed", str(refused)) from refused
    return _shown(request, tenant)


@router.post("/{tenant}/suspend")
def post_suspend(request: Request, actor: Admin, tenant: Name, asked: Why) -> TenantAnswer:
    """Suspend a tenant: its keys are refused at once, its data stays (admins of the installation)."""
    return _moved(request, actor, tenant, TenantState.SUSPENDED, asked.reason)


@router.post("/{tenant}/resume")
def post_resume(request: Request, actor: Admin, tenant: Name, asked: Why) -> TenantAnswer:
    """Serve a suspended tenant again (admins of the installation)."""
    return _moved(request, actor, tenant, TenantState.ACTIVE, asked.reason)


@router.get("/{tenant}/export", response_class=FileResponse, responses={200: {"content": {"application/zip": {}}}})
def get_export(request: Request, actor: Admin, tenant: Name) -> FileResponse:
    """Everything of a tenant as one archive (ZIP): tables as Parquet, rows of the state database as JSON lines, bundles, a manifest with digests."""
    if actor.tenant not in (INSTALLATION, tenant):
        raise _none_such()
    _there(request, tenant)
    handle, name = tempfile.mkstemp(suffix=".zip", dir=service_of(request).settings.state)
    os.close(handle)
    path = File(name)
    try:
        _tenancy(request).export(path, tenant, actor=actor.key_id)
    except BaseException:
        path.unlink()
        raise
    return FileResponse(path, media_type="application/zip", filename=f"{tenant}.zip", background=BackgroundTask(path.unlink))


@router.post("/{tenant}/remove")
def post_removal(request: Request, actor: Admin, tenant: Name, asked: RemovalWanted) -> RemovedAnswer:
    """Delete all that a tenant has, for good, with a signed certificate (admins of the installation)."""
    _managed(request, actor, tenant)
    service = service_of(request)
    try:
        with exclusive(service.settings.state / "seeding.lock", holder="removing a tenant"):
            done = _tenancy(request).remove(tenant, confirm=asked.confirm, reason=asked.reason, actor=actor.key_id)
    except BusyError as busy:
        raise Problem(409, "under-way", str(busy)) from busy
    except ConfigError as wrong:
        raise Problem(422, "not-confirmed", str(wrong)) from wrong
    except TenantHeld as held:
        raise Problem(409, "held", str(held)) from held
    except TenantRefused as refused:
        raise Problem(409, "removed", str(refused)) from refused
    except TenantLeft as left:
        raise Problem(409, "left", str(left)) from left
    finally:
        service.forget_tenant(tenant)
    return RemovedAnswer(tenant=done.tenant, stores=done.stores, certificate=done.certificate.name)


def _moved(request: Request, actor: Actor, tenant: str, state: TenantState, reason: str) -> TenantAnswer:
    _managed(request, actor, tenant)
    try:
        _tenancy(request).move(tenant, state, reason=reason, actor=actor.key_id)
    except ConfigError as wrong:
        raise Problem(422, "no-reason", str(wrong)) from wrong
    except TenantRefused as refused:
        raise Problem(409, "removed", str(refused)) from refused
    return _shown(request, tenant)


def _tenancy(request: Request) -> Tenancy:
    service = service_of(request)
    return Tenancy(service.settings, service.state, service.now)


def _managed(request: Request, actor: Actor, tenant: str) -> None:
    """Nothing, where the actor manages a tenant.

    Raises:
        Problem: 404 for a tenant that one may not know of, 403 for one's own.
    """
    if actor.tenant not in (INSTALLATION, tenant):
        raise _none_such()
    if actor.tenant != INSTALLATION:
        raise Problem(403, "forbidden", "Only an admin of the installation may: a key that is made with --tenant ''.")
    _there(request, tenant)


def _there(request: Request, tenant: str) -> None:
    if not _tenancy(request).list(tenant):
        raise _none_such()


def _shown(request: Request, tenant: str) -> TenantAnswer:
    service_of(request).forget_tenant(tenant)
    return TenantAnswer.of(_tenancy(request).one(tenant))


def _none_such() -> Problem:
    return Problem(404, "no-such-tenant", "There is no such tenant.")
