"""Who is asking: an API key as bearer token, or the session of a page that such a key opened."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.service.context import Service

COOKIE = "sp_session"
BEARER = HTTPBearer(auto_error=False, description="A key of this installation: `sp_...`")
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking.

    Args:
        key_id: id of the key.
        role: what it may do.
        tenant: whose data it sees.
        session: the value of the page's cookie; empty for a bearer key.
    """

    key_id: str
    role: Role
    tenant: str
    session: str = ""


def service_of(request: Request) -> Service:
    """What the app was made with."""
    return request.app.state.service


def actor_of(request: Request) -> Actor:
    """Who is asking.

    Raises:
        Problem: 401 without a valid key or session, 429 above the limit.
    """
    service = service_of(request)
    actor = _bearer(request, service) or _session(request, service)
    if actor is None:
        raise Problem(401, "unauthenticated", "Send a key as `Authorization: Bearer sp_...`, or sign in.", headers={"WWW-Authenticate": "Bearer"})
    request.state.actor = actor
    if not service.limiter.hit(service.limit, actor.key_id):
        reset = max(1, int(service.limiter.get_window_stats(service.limit, actor.key_id).reset_time - service.now().timestamp()))
        raise Problem(429, "rate-limited", f"More than {service.limit.amount} requests a minute.", headers={"Retry-After": str(reset)})
    return actor


def may(role: Role) -> Callable[..., Actor]:
    """A dependency: the actor, who must have a role; a page's session must also prove that its own page asks."""

    def checked(request: Request, actor: Annotated[Actor, Depends(actor_of)], _: Annotated[object, Security(BEARER)]) -> Actor:
        if not actor.role.may(role):
            raise Problem(403, "forbidden", f"This needs the role {role}; the key has {actor.role}.")
        if actor.session and request.method not in ("GET", "HEAD"):
            given = request.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(given, csrf_token(service_of(request), actor.session)):
                raise Problem(403, "csrf", "The request does not come from a page of ours; load the page again.")
        return actor

    return checked


def _bearer(request: Request, service: Service) -> Actor | None:
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented.isascii():
        return None
    key = service.api.key(presented.strip())
    return None if key is None else Actor(key.key_id, key.role, key.tenant)


def _session(request: Request, service: Service) -> Actor | None:
    value = request.cookies.get(COOKIE, "")
    key_id, _, rest = value.partition(".")
    expires, _, signature = rest.partition(".")
    if not expires.isdigit() or not hmac.compare_digest(signature, _signed(service, f"{key_id}.{expires}")):
        return None
    if int(expires) < service.now().timestamp():
        return None
    key = service.api.named_key(key_id)
    return None if key is None or key.revoked_at is not None else Actor(key.key_id, key.role, key.tenant, session=value)


def session_for(service: Service, key_id: str) -> str:
    """The cookie of a new session."""
    told = f"{key_id}.{int(service.now().timestamp()) + SESSION_SECONDS}"
    return f"{told}.{_signed(service, told)}"


def csrf_token(service: Service, session: str) -> str:
    """What a page sends back to prove that it is ours."""
    return _signed(service, f"csrf:{session}")


def _signed(service: Service, text: str) -> str:
    return hmac.new(service.session_secret, text.encode(), hashlib.sha256).hexdigest()
