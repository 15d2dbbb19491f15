"""The page where a key is asked for, the service's own, and the end of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from seeding_platform.service.app import SECURITY
from seeding_platform.service.origin import same_origin
from seeding_platform.service.pages.render import LOCALES, environment, words
from seeding_platform.service.sessions import COOKIE, SESSION_SECONDS
from seeding_platform.webui.door import WrongTenant

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from seeding_platform.service.sessions import Actor
    from seeding_platform.webui.door import Door
    from seeding_platform.webui.record import Recorder

MOST_BYTES = 10_000
"""Of the form."""


class SignInPages:
    """Opening and ending a session.

    Args:
        door: who comes in.
        recorder: writes down who came.
    """

    def __init__(self, door: Door, recorder: Recorder) -> None:
        self.door, self.recorder = door, recorder

    async def chosen(self, request: Request) -> Response:
        """To the page in the language that the browser asks for."""
        lang = "nl" if request.headers.get("accept-language", "").lower().startswith("nl") else "en"
        return RedirectResponse(f"/{lang}/sign-in?next={quote(_target(request.query_params.get('next', '')))}", status_code=303)

    async def page(self, request: Request) -> Response:
        """Where a key is asked for."""
        return _page(_lang(request), request.query_params.get("next", ""))

    async def sign_in(self, request: Request) -> Response:
        """Open a session with a key."""
        lang = _lang(request)
        form = await _form(request)
        target = _target(form.get("next", ""))
        if same_origin(request.headers) is False:
            return _page(lang, target, status=403, wrong="wrong")
        actor = await run_in_threadpool(self.door.sessions.presented, form.get("key", ""))
        if actor is None:
            return _page(lang, target, status=401, wrong="wrong")
        try:
            await run_in_threadpool(self._admit, actor)
        except WrongTenant:
            return _page(lang, target, status=403, wrong="other_tenant")
        response = RedirectResponse(target, status_code=303, headers=SECURITY)
        cookie = self.door.sessions.started(actor.key_id, mark=actor.mark)
        response.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        return response

    def _admit(self, actor: Actor) -> None:
        try:
            self.door.admitted(actor)
        except WrongTenant:
            self.recorder.event(actor, "ui.sign_in", "refused")
            raise
        self.recorder.event(actor, "ui.sign_in", "ok")

    async def sign_out(self, request: Request) -> Response:
        """End the session; a link from elsewhere ends it in this browser only."""
        if same_origin(request.headers) is not False:
            await run_in_threadpool(self.door.sessions.ended, request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/sign-in", status_code=303, headers=SECURITY)
        response.delete_cookie(COOKIE)
        return response


def _lang(request: Request) -> str:
    lang = str(request.path_params["lang"])
    return lang if lang in LOCALES else "en"


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _target(wanted: str) -> str:
    """Where to go after signing in: an address of this web UI, or its beginning."""
    return wanted if wanted.startswith("/") and "//" not in wanted and "\\" not in wanted and wanted.isprintable() else "/"


def _page(lang: str, target: str, *, status: int = 200, wrong: str = "") -> Response:
    w = words(lang)
    told = w["sign_in"]
    shown = {
        "csrf": "", "w": w, "lang": lang, "page": "sign-in", "title": told["title"], "actor": None, "facts": None, "shared": True,
        "query": f"?next={quote(target)}" if target else "", "next": target, "wrong": told[wrong] if wrong else "", "lead": told["ui_lead"],
        "issuer": "",
    }  # fmt: skip
    text = environment().get_template("sign_in.html.j2").render(**shown)
    return HTMLResponse(text, status_code=status, headers={**SECURITY, "Cache-Control": "private, no-store"})
