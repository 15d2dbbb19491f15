"""The web UI as one ASGI app: the sign-in page in our look, everything else Dagster's, behind the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from seeding_platform.governance.audit import Trail
from seeding_platform.service.membership import Memberships
from seeding_platform.service.pages import render
from seeding_platform.service.sessions import Sessions, session_secret
from seeding_platform.storage.api_state import ApiState
from seeding_platform.storage.person_sessions import PersonSessions
from seeding_platform.storage.tenants import Tenants
from seeding_platform.webui.context import Webserver
from seeding_platform.webui.door import Door
from seeding_platform.webui.gate import Gate
from seeding_platform.webui.record import Recorder
from seeding_platform.webui.sign_in import SignInPages

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State
    from seeding_platform.webui.context import RoleProcessContext


def door_of(settings: Settings, state: State, *, now: Callable[[], dt.datetime], new_id: Callable[[int], str]) -> Door:
    """Who comes into the web UI of an installation."""
    sessions = Sessions(
        ApiState(state), session_secret(settings.state, new_id), now, PersonSessions(state), lambda tenant: not Tenants(state).of(tenant).served
    )
    grouped = Memberships.parsed(settings.oidc_groups).tenants if settings.oidc_groups.strip() else frozenset()
    return Door(sessions, settings.ui_auth, settings.ui_tenant_names, grouped)


def create_app(context: RoleProcessContext, settings: Settings, state: State, door: Door) -> Starlette:
    """The web UI.

    Args:
        context: Dagster's workspace.
        settings: where the audit log's key lies.
        state: the state database.
        door: who comes in.
    """
    recorder = Recorder(Trail(settings, state), door.sessions.now)
    webserver = Webserver(context, recorder)
    inner = webserver.create_asgi_app()
    gate = Gate(inner, routes=inner.routes, door=door, recorder=recorder)
    pages = SignInPages(door, recorder)
    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=Path(render.__file__).parent / "static")),
            Route("/sign-in", pages.chosen),
            Route("/sign-out", pages.sign_out),
            Route("/{lang}/sign-in", pages.page, methods=["GET"]),
            Route("/{lang}/sign-in", pages.sign_in, methods=["POST"]),
            Route("/{lang}/sign-out", pages.sign_out),
            Mount("", gate),
        ]
    )
