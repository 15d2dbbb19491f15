"""What people adjust while the platform runs: read by analysts, changed by stewards, with history and a way back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.catalog.adjustable import EVERYWHERE, Adjustable
from seeding_platform.errors import ConfigError
from seeding_platform.service import audited
from seeding_platform.service.adjustables import SETTINGS
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.withheld import texts_told
from seeding_platform.storage.adjusted import Adjusted, Version
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.kept import VersionConflict

router = APIRouter(prefix="/api/v1/settings", tags=["settings"])
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]
MOST_VERSIONS = 200
Scope = Annotated[str, Query(max_length=100, description="A table, an engine or a schedule, or nothing for everywhere")]


class VersionShown(BaseModel):
    """One version for one scope; 0 = nobody has adjusted it."""

    version: int
    values: dict[str, Any]
    actor: str
    reason: str
    written_at: dt.datetime | None


class SettingShown(BaseModel):
    """A setting: what it is, what holds, and where it differs."""

    name: str
    describes: str
    scope: str
    values: dict[str, Any]
    adjusted: VersionShown
    scopes: list[str]
    fields: dict[str, Any]


class ChangeWanted(BaseModel, extra="forbid"):
    """New values for one scope; fields that are not named have the wider scope's."""

    values: dict[str, Any]
    scope: str = Field("", max_length=100)
    reason: str = Field(min_length=1, max_length=500)
    seen: int | None = Field(None, ge=0, strict=True, description="The version that was seen; another one in force is refused")


class BackWanted(BaseModel, extra="forbid"):
    """An earlier version to return to; 0 = as if nobody had adjusted it."""

    version: int = Field(ge=0, strict=True)
    scope: str = Field("", max_length=100)
    reason: str = Field(min_length=1, max_length=500)


class ChangedAnswer(BaseModel):
    """The version that holds now, and the tables that it concerns; they follow when the platform judges them again."""

    adjusted: VersionShown
    affects: list[str]


@router.get("")
def list_settings(request: Request, _: Analyst) -> list[SettingShown]:
    """Every setting, with the values that hold everywhere."""
    store = Adjusted(service_of(request).state)
    return [_shown(store, setting, EVERYWHERE) for setting in SETTINGS.values()]


@router.get("/{name}")
def get_setting(request: Request, _: Analyst, name: str, scope: Scope = EVERYWHERE) -> SettingShown:
    """One setting as it holds for a scope."""
    return _shown(Adjusted(service_of(request).state), _named(name, scope), scope)


@router.get("/{name}/history")
def list_versions(request: Request, _: Analyst, name: str, scope: Scope = EVERYWHERE) -> list[VersionShown]:
    """The newest 200 versions for just this scope, the newest first."""
    return [_version(v) for v in reversed(Adjusted(service_of(request).state).history(_named(name, scope), scope)[-MOST_VERSIONS:])]


@router.put("/{name}")
def put_setting(request: Request, actor: Steward, name: str, wanted: ChangeWanted) -> ChangedAnswer:
    """Adjust a setting for one scope."""
    service, setting = service_of(request), _own(actor, _named(name, wanted.scope))
    [reason] = texts_told([wanted.reason])  # every version stays
    audited.tell(request, scope=wanted.scope, values=wanted.values, reason=reason)
    with _refusals():
        made = Adjusted(service.state).change(
            setting, wanted.values, scope=wanted.scope, actor=actor.key_id, reason=reason, now=service.now(), seen=wanted.seen
        )
    return ChangedAnswer(adjusted=_version(made), affects=setting.affects(wanted.scope))


@router.post("/{name}/back")
def post_back(request: Request, actor: Steward, name: str, wanted: BackWanted) -> ChangedAnswer:
    """Return to an earlier version; it becomes the newest."""
    service, setting = service_of(request), _own(actor, _named(name, wanted.scope))
    [reason] = texts_told([wanted.reason])
    audited.tell(request, scope=wanted.scope, version=wanted.version, reason=reason)
    with _refusals():
        made = Adjusted(service.state).back(setting, wanted.version, scope=wanted.scope, actor=actor.key_id, reason=reason, now=service.now())
    return ChangedAnswer(adjusted=_version(made), affects=setting.affects(wanted.scope))


def _own(actor: Actor, setting: Adjustable) -> Adjustable:
    """The setting, where who asks may change it.

    Raises:
        Problem: 403 for what only admins may.
    """
    if setting.lasting and not actor.role.may(Role.ADMIN):
        raise Problem(403, "forbidden", f"{setting.name} deletes rows of everybody for good: only admins may change it; the key has {actor.role}.")
    return setting


@contextmanager
def _refusals() -> Iterator[None]:
    """Say why a change is refused.

    Raises:
        Problem: 422 for what is not allowed, 409 where somebody else was faster.
    """
    try:
        yield
    except ConfigError as error:
        raise Problem(422, "not-allowed", str(error)) from error
    except VersionConflict as conflict:
        raise Problem(409, "changed-meanwhile", f"Version {conflict.version} is in force; look at it first.") from conflict


def _named(name: str, scope: str) -> Adjustable:
    """The setting of that name.

    Raises:
        Problem: 404 for a name or a scope that there is not.
    """
    if name not in SETTINGS:
        raise Problem(404, "no-such-setting", f"There is no setting {name!r}; there are {', '.join(SETTINGS)}.")
    setting = SETTINGS[name]
    why_not = setting.refused(scope)
    if why_not and not (scope == EVERYWHERE and setting.scopes == "schedule"):
        raise Problem(404, "no-such-scope", f"{name}: {why_not}.")
    return setting


def _shown(store: Adjusted, setting: Adjustable, scope: str) -> SettingShown:
    return SettingShown(
        name=setting.name,
        describes=setting.describes,
        scope=scope,
        values=store.value(setting, scope).model_dump(mode="json"),
        adjusted=_version(store.current(setting, scope)),
        scopes=store.scopes(setting),
        fields=setting.model.model_json_schema()["properties"],
    )


def _version(version: Version) -> VersionShown:
    return VersionShown(
        version=version.number, values=dict(version.values), actor=version.actor, reason=version.reason, written_at=version.written_at
    )
