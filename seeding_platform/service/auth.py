"""Who is asking: an API key as bearer token, or the session of a page that such a key opened."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from limits import RateLimitItemPerMinute

from seeding_platform.service.errors import Problem
from seeding_platform.service.granted import require_granted
from seeding_platform.service.sessions import COOKIE, Actor
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from limits import RateLimitItem

    from seeding_platform.service.context import Service

__all__ = ["BEARER", "Actor", "actor_of", "may", "service_of"]
BEARER = HTTPBearer(auto_error=False, description="A key of this installation: `sp_...`")


def service_of(request: Request) -> Service:
    """What the app was made with."""
    return request.app.state.service


def actor_of(request: Request) -> Actor:
    """Who is asking.

    Raises:
        Problem: 401 without a valid key or session, 403 when the tenant is suspended or the key is limited to other tables, 429 above the
            limit of the key or of the tenant.
    """
    service = service_of(request)
    actor = service.sessions.bearer(request.headers.get("authorization", "")) or service.sessions.opened(request.cookies.get(COOKIE, ""))
    if actor is None and service.sessions.turned_away(request.headers.get("authorization", "")):
        raise Problem(
            403, "tenant-suspended", "Your organisation is suspended: nothing of it is gone, and nothing is answered. Ask whoever runs this."
        )
    if actor is None:
        raise Problem(401, "unauthenticated", "Send a key as `Authorization: Bearer sp_...`, or sign in.", headers={"WWW-Authenticate": "Bearer"})
    request.state.actor = actor
    _within(service, service.limit, actor.key_id, "rate-limited", f"More than {service.limit.amount} requests a minute.")
    most = service.tenant_of(actor.tenant).quota.requests_a_minute
    if most is not None:
        said = f"More than {most} requests a minute of all keys of your organisation together."
        _within(service, RateLimitItemPerMinute(most), f"tenant\x00{actor.tenant}", "quota-exceeded", said)
    require_granted(request, actor)
    return actor


def _within(service: Service, limit: RateLimitItem, who: str, code: str, said: str) -> None:
    """Count a request.

    Raises:
        Problem: 429, with the seconds to wait, above the limit.
    """
    if not service.limiter.hit(limit, who):
        reset = max(1, int(service.limiter.get_window_stats(limit, who).reset_time - service.now().timestamp()))
        raise Problem(429, code, said, headers={"Retry-After": str(reset)})


def may(role: Role) -> Callable[..., Actor]:
    """A dependency: the actor, who must have a role; a page's session must also prove that its own page asks."""

    def checked(request: Request, actor: Annotated[Actor, Depends(actor_of)], _: Annotated[object, Security(BEARER)]) -> Actor:
        if not actor.role.may(role):
            raise Problem(403, "forbidden", f"This needs the role {role}; the key has {actor.role}.")
        if actor.session and request.method not in ("GET", "HEAD"):
            given = request.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(given.encode(), service_of(request).sessions.csrf_token(actor.session).encode()):
                raise Problem(403, "csrf", "The request does not come from a page of ours; load the page again.")
        return actor

    return checked
