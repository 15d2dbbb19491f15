"""Keys as the command line makes, rotates and revokes them: in the state database of an installation, each on record as done by `cli`."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.errors import ConfigError
from seeding_platform.governance.audit import Trail
from seeding_platform.storage.api_keys import KeyRefused, LastAdmin
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.audit import Event
from seeding_platform.storage.durable import made_once
from seeding_platform.storage.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeding_platform.settings import Settings
    from seeding_platform.storage.api_keys import ApiKey

CLI = "cli"
ID_BYTES, SECRET_BYTES = 6, 24


def new_key(
    settings: Settings, *, role: Role, tenant: str, label: str, holder: str = "", expires_at: dt.datetime | None = None, grants: Sequence[str] = ()
) -> tuple[str, str]:
    """Make a key; its id and the key."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        key_id, now = secrets.token_hex(ID_BYTES), dt.datetime.now(dt.UTC)
        key = ApiState(state).create_key(
            role=role,
            tenant=tenant,
            label=label,
            secret=secrets.token_hex(SECRET_BYTES),
            key_id=key_id,
            now=now,
            holder=holder,
            made_by=CLI,
            expires_at=expires_at,
            grants=grants,
        )
        _record(settings, state, now, tenant, "keys.create", key_id, {"role": str(role), "grants": list(grants)})
        return key_id, key


def share_profile(settings: Settings, file: Path, *, endpoint: str, tenant: str, engines: Sequence[str], lasts: dt.timedelta) -> str:
    """Write a profile for Delta Sharing with a new key of a viewer, for its owner's eyes only (mode 0600); returns the key's id.

    Args:
        settings: of the installation.
        file: where; nothing may lie there.
        endpoint: address of the service, without a path.
        tenant: whose bundles.
        engines: whose bundles may be read; none: of all.
        lasts: how long the key is good for.

    Raises:
        ConfigError: the file is there already, or there is no such engine.
    """
    unknown = sorted(set(engines) - set(shipped_engines()))
    if unknown:
        raise ConfigError(f"There is no engine {unknown[0]!r}.", fix="Give the name of its contract.")
    if file.exists():
        raise ConfigError(f"{file} is there already.", fix="Give another name, or delete it and revoke its key.")
    ends = dt.datetime.now(dt.UTC) + lasts
    key_id, key = new_key(
        settings, role=Role.VIEWER, tenant=tenant, label="delta-sharing", expires_at=ends, grants=[f"bundle/{name}" for name in engines]
    )
    told = {"shareCredentialsVersion": 1, "endpoint": f"{endpoint}/api/v1/delta-sharing", "bearerToken": key, "expirationTime": ends.isoformat()}
    made_once(file, json.dumps(told, indent=1) + "\n")
    return key_id


def rotated_key(settings: Settings, key_id: str, *, grace_hours: int) -> tuple[ApiKey, str]:
    """Give a key a new secret; the key as it is known, and the key.

    Raises:
        KeyRefused: there is no such valid key, or the grace is too long.
    """
    with State.open(settings.state_url) as state:
        api, now = ApiState(state), dt.datetime.now(dt.UTC)
        key = api.rotate(key_id, secret=secrets.token_hex(SECRET_BYTES), grace=dt.timedelta(hours=grace_hours), now=now)
        found = _named(api, key_id)
        _record(settings, state, now, found.tenant, "keys.rotate", key_id, {"grace_hours": grace_hours})
        return found, key


def revoked_key(settings: Settings, key_id: str) -> ApiKey:
    """End a key.

    Raises:
        KeyRefused: there is none, or it is revoked already.
        LastAdmin: it is the last valid admin key of its tenant.
    """
    with State.open(settings.state_url) as state:
        api, now = ApiState(state), dt.datetime.now(dt.UTC)
        found = _named(api, key_id)
        try:
            revoked = api.revoke(key_id, now=now, spare_last_admin=True)
        except LastAdmin:
            _record(settings, state, now, found.tenant, "keys.revoke", key_id, {"role": str(found.role)}, outcome="refused")
            raise
        if not revoked:
            raise KeyRefused(f"Key {key_id} is revoked already.", fix="There is nothing left to do.")
        _record(settings, state, now, found.tenant, "keys.revoke", key_id, {"role": str(found.role)})
        return found


def listed_keys(settings: Settings, *, tenant: str | None) -> list[ApiKey]:
    """Keys of a tenant, or of all, the oldest first."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        return [k for k in ApiState(state).all_keys() if tenant in (None, k.tenant)]


def _named(api: ApiState, key_id: str) -> ApiKey:
    found = api.named_key(key_id)
    if found is None:
        raise KeyRefused(f"There is no key {key_id}.", fix="`seeding keys list` names them all.")
    return found


def _record(
    settings: Settings, state: State, now: dt.datetime, tenant: str, action: str, key_id: str, detail: dict[str, Any], *, outcome: str = "ok"
) -> None:
    Trail(settings, state).record(Event(at=now, tenant=tenant, actor=CLI, action=action, subject=key_id, outcome=outcome, detail=detail))
