"""Signing in by an issuer: sent there with an attempt that only this browser holds, and back with a code that is changed for a session.

An attempt is a signed cookie with state, nonce and verifier; it is over after ten minutes, or once it
was used, whatever came of it.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerMinute

from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.issuer import IssuerUnreachable, NotVouched
from seeding_platform.service.pages.render import LOCALES
from seeding_platform.service.pages.views import Locale, own_target, sign_in_shown
from seeding_platform.service.sessions import COOKIE, SESSION_SECONDS
from seeding_platform.storage.person_sessions import AttemptUsed

if TYPE_CHECKING:
    from seeding_platform.service.context import Service

log = logging.getLogger("seeding.service")
router = APIRouter(include_in_schema=False)
CALLBACK = "/sign-in/callback"
ATTEMPT = "sp_attempt"
ATTEMPT_SECONDS = 600
MOST_A_MINUTE = RateLimitItemPerMinute(120)
"""Attempts that come back from one address in a minute: each is a question to the issuer."""
_RANDOM_BYTES = 32
_LONGEST_TARGET = 1000


@router.get("/{lang}/sign-in/issuer")
def to_issuer(request: Request, lang: Locale, next: str = "") -> Response:
    """Send somebody to the issuer."""
    service = service_of(request)
    if service.vouching is None:
        return sign_in_shown(request, lang, status=404)
    attempt = {name: service.new_id(_RANDOM_BYTES) for name in ("state", "nonce", "verifier")}
    try:
        where = service.vouching[0].address(**attempt, redirect_uri=_redirect_uri(service))
    except IssuerUnreachable as error:
        log.warning("sign-in by the issuer: %s", error)
        return sign_in_shown(request, lang, status=502, wrong="issuer_away")
    until = int(service.now().timestamp()) + ATTEMPT_SECONDS
    response = RedirectResponse(where, status_code=303, headers={"Cache-Control": "private, no-store"})
    cookie = _sealed(service, {**attempt, "lang": lang, "next": own_target(next[:_LONGEST_TARGET], lang), "until": until})
    response.set_cookie(ATTEMPT, cookie, max_age=ATTEMPT_SECONDS, path=CALLBACK, httponly=True, samesite="lax", secure=_secure(service))
    return response


@router.get(CALLBACK)
def from_issuer(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Take somebody back from the issuer."""
    service = service_of(request)
    attempt = _opened(service, request.cookies.get(ATTEMPT, ""))
    lang = attempt["lang"] if attempt else _asked_for(request)
    if service.vouching is None:
        return sign_in_shown(request, lang, status=404)
    issuer, memberships = service.vouching
    if attempt is None or not hmac.compare_digest(state.encode(), attempt["state"].encode()):
        return _refused(request, lang, "attempt_over", 401, "no attempt of this browser")
    if not service.limiter.hit(MOST_A_MINUTE, "codes", request.client.host if request.client else ""):
        return _refused(request, lang, "issuer_away", 429, "too many codes of one address in a minute")
    try:
        service.sessions.spend(attempt["state"], seconds=ATTEMPT_SECONDS)
    except AttemptUsed as used:
        return _refused(request, lang, "attempt_over", 401, str(used))
    if error or not code:
        return _refused(request, lang, "issuer_refused", 401, f"the issuer says {error[:100]!r}")
    try:
        vouched = issuer.vouched(code, nonce=attempt["nonce"], verifier=attempt["verifier"], redirect_uri=_redirect_uri(service))
    except IssuerUnreachable as away:
        return _refused(request, lang, "issuer_away", 502, str(away))
    except NotVouched as refused:
        return _refused(request, lang, "issuer_refused", 401, str(refused))
    place = memberships.place(vouched.groups)
    if place is None:
        return _refused(request, lang, "no_group", 403, f"{service.pseudonym(vouched.subject)} is in no group that is mapped")
    try:
        cookie, actor = service.sessions.begun(attempt["state"], person=service.pseudonym(vouched.subject), role=place.role, tenant=place.tenant)
    except AttemptUsed as used:
        return _refused(request, lang, "attempt_over", 401, str(used))
    request.state.actor = actor
    tell(request, did="sign_in.issuer", role=str(actor.role))
    response = RedirectResponse(own_target(attempt["next"], lang), status_code=303, headers={"Cache-Control": "private, no-store"})
    response.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=_secure(service))
    response.delete_cookie(ATTEMPT, path=CALLBACK)
    return response


def _refused(request: Request, lang: str, wrong: str, status: int, why: str) -> Response:
    """The page of signing in, with what went wrong; the reason stands in the log, without code or token."""
    log.warning("sign-in by the issuer was refused: %s", why)
    tell(request, did="sign_in.issuer")
    response = sign_in_shown(request, lang, status=status, wrong=wrong)
    response.delete_cookie(ATTEMPT, path=CALLBACK)
    return response


def _redirect_uri(service: Service) -> str:
    """Where the issuer sends people back to: never what a request calls this host."""
    return (service.settings.public_url.rstrip("/") or f"http://127.0.0.1:{service.settings.port}") + CALLBACK


def _secure(service: Service) -> bool:
    return service.settings.public_url.startswith("https://")


def _asked_for(request: Request) -> str:
    return "nl" if request.headers.get("accept-language", "").lower().startswith("nl") else "en"


def _sealed(service: Service, attempt: dict[str, Any]) -> str:
    text = base64.urlsafe_b64encode(json.dumps(attempt).encode()).decode()
    return f"{text}.{service.sessions.attempt_mark(text)}"


def _opened(service: Service, cookie: str) -> dict[str, Any] | None:
    """An attempt of ours that is not over."""
    text, _, mark = cookie.partition(".")
    if not cookie.isascii() or not hmac.compare_digest(mark, service.sessions.attempt_mark(text)):
        return None
    attempt: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text))
    return attempt if attempt["until"] >= service.now().timestamp() and attempt["lang"] in LOCALES else None
