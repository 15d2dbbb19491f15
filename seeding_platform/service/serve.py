"""The service as a process: on the loopback only, with a first admin key that is shown once."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

from seeding_platform.service.app import create_app
from seeding_platform.service.key_commands import new_key
from seeding_platform.service.listening import HOST, listening
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeding_platform.catalog.ports import TableRestorer
    from seeding_platform.service.runs import RunGateway
    from seeding_platform.settings import Settings

__all__ = ["default_tenant", "first_admin_key", "new_key", "serve"]
FIRST_KEY = "first-admin-key"
LISTENERS_S = 5
"""How long pages that listen for events may hold up the end of the service."""


def serve(
    settings: Settings,
    *,
    tenant: str | None,
    environment: Mapping[str, str],
    runs: RunGateway,
    restorer: TableRestorer,
    says: Callable[[str], None],
) -> None:
    """Serve until told to stop.

    Raises:
        ConfigError: the port is taken.
    """
    import uvicorn

    with listening(settings.port, "SEEDING_PORT") as door:
        first_admin_key(settings, tenant=tenant or default_tenant(settings), says=says)
        says(f"API and pages on http://{HOST}:{settings.port}")
        app = create_app(settings, limit_per_minute=settings.requests_per_minute, inherited=environment, runs=runs, restorer=restorer)
        config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=LISTENERS_S)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[door])


def first_admin_key(settings: Settings, *, tenant: str, says: Callable[[str], None]) -> None:
    """Make the first admin key where there is none; it is shown, and kept in a file that only its owner can read."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        if any(k.role is Role.ADMIN and k.valid(dt.datetime.now(dt.UTC)) for k in ApiState(state).all_keys()):
            return
    _, key = new_key(settings, role=Role.ADMIN, tenant=tenant, label="first admin key")
    path = settings.state / FIRST_KEY
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(key + "\n")
    says(f"First admin key (tenant {tenant}), shown once and kept in {path}:\n{key}")


def default_tenant(settings: Settings) -> str:
    """The only tenant that has facts, or `default`."""
    try:
        rows = snapshots.opened(settings.serving).rows("SELECT DISTINCT tenant FROM facts")
    except snapshots.NoSnapshot:
        return "default"
    return str(rows[0]["tenant"]) if len(rows) == 1 else "default"
