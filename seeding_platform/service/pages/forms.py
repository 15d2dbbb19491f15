"""Forms that work without a script: who sends one, whether it comes from a page of ours, and what was typed into it."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.datastructures import FormData

from seeding_platform.service.auth import Actor, service_of
from seeding_platform.service.pages.render import words
from seeding_platform.service.pages.views import page, signed_in, to_sign_in
from seeding_platform.storage.api_state import Role

MOST_SIGNS = 20_000
"""Of one field; what is longer is cut and then refused by whoever reads it."""


async def _read(request: Request) -> FormData:
    return await request.form()


Form = Annotated[FormData, Depends(_read)]
"""What was typed, read before the route runs: routes are not coroutines."""


def typed(form: FormData, name: str) -> str:
    """The text of a field, without space around it; empty when it was not sent."""
    value = form.get(name, "")
    return value.strip()[:MOST_SIGNS] if isinstance(value, str) else ""


def typed_all(form: FormData, name: str) -> list[str]:
    """The texts of a field that stands several times, in their order."""
    return [value.strip()[:MOST_SIGNS] for value in form.getlist(name) if isinstance(value, str)]


def looking(request: Request, lang: str, needed: Role) -> Actor | Response:
    """Who looks, or where they are sent when they may not: to sign in, or to a page that says which role it takes."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    if not actor.role.may(needed):
        return told_off(request, lang, actor, words(lang)["forms"]["role"].format(needed=needed, role=actor.role))
    return actor


def writing(request: Request, lang: str, needed: Role, form: FormData) -> Actor | Response:
    """Who sends a form; one that a session sends must bear the mark of a page of ours."""
    actor = looking(request, lang, needed)
    if isinstance(actor, Response) or not actor.session:
        return actor
    if not hmac.compare_digest(typed(form, "csrf").encode(), service_of(request).sessions.csrf_token(actor.session).encode()):
        return told_off(request, lang, actor, words(lang)["forms"]["foreign"])
    return actor


def told_off(request: Request, lang: str, actor: Actor, detail: str, *, status: int = 403) -> Response:
    """A page that says why nothing is shown or done."""
    return page(request, "problem", lang, actor, None, status=status, detail=detail, page=request.url.path.split("/")[2])
