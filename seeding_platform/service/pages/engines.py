"""Engines for people: how the delivery to all of them stands, live; dead letters sent again; a bundle sent to all again after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.distribution.delivery import overview
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages import engine_shown as shown
from seeding_platform.service.pages.forms import Form, looking, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes import engines_managed as api
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import FormData

    from seeding_platform.distribution.delivery.overview import DeadLetter
    from seeding_platform.service.auth import Actor

router = APIRouter(include_in_schema=False)
LETTERS_SHOWN, MOST_CHOSEN = 100, 200
LOOK_AGAIN_MS = 10_000
"""How often the live part is read again."""


@router.get("/{lang}/engines")
def engines_page(request: Request, lang: Locale) -> Response:
    """Every engine by family: health, what it should hold and holds, lag, rows, 30 days."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _list(request, lang, actor)


@router.post("/{lang}/engines")
def send_all_again(request: Request, lang: Locale, form: Form) -> Response:
    """Send what is in force to every engine again, after a look at what that means."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    step, k = typed(form, "step"), words(lang)["engines"]
    if step == "back":
        return RedirectResponse(f"/{lang}/engines", status_code=303)
    if step == "redistribute_all":
        return _confirm_all(request, lang, actor)
    if step != "redistribute_all_confirmed":
        return _list(request, lang, actor, said=k["unreadable"], status=422)
    reason = typed(form, "reason")[: api.LONGEST_REASON]
    if not reason:
        return _confirm_all(request, lang, actor, wrong=words(lang)["forms"]["no_reason"], status=422)
    done = api.sent_again_all(request, actor, api.Reason(reason=reason))
    left = [one.engine for one in done if one.problem is not None]
    if left:
        return _list(request, lang, actor, said=k["partly"].format(names=", ".join(left)))
    return RedirectResponse(f"/{lang}/engines", status_code=303)


@router.get("/{lang}/engines/dead-letters")
def dead_letters_page(request: Request, lang: Locale) -> Response:
    """What was given up, of all engines."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _dead(request, lang, actor)


@router.post("/{lang}/engines/dead-letters")
def replay_dead_letters(request: Request, lang: Locale, form: Form) -> Response:
    """Send some of them again."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    good, said, status = replayed(request, lang, actor, form)
    return _dead(request, lang, actor, done=good, said=said, status=status)


def replayed(request: Request, lang: str, actor: Actor, form: FormData) -> tuple[str, str, int]:
    """Send the chosen dead letters again: what went well, what did not, and the status of the answer."""
    k, chosen = words(lang)["engines"], typed_all(form, "delivery")[:MOST_CHOSEN]
    if typed(form, "step") != "replay":
        return "", k["unreadable"], 422
    if not chosen:
        return "", k["choose"], 422
    failed = 0
    for delivery_id in chosen:
        try:
            api.replayed(request, actor, delivery_id[:64])
        except Problem:
            failed += 1
    sent = len(chosen) - failed
    return k["replayed"].format(n=sent) if sent else "", k["not_replayed"].format(n=failed) if failed else "", 200 if sent else 409


def letters_shown(request: Request, actor: Actor, letters: Sequence[DeadLetter], say: Speaker, k: dict[str, Any]) -> list[dict[str, Any]]:
    """Dead letters for people, with every try."""
    publisher = service_of(request).delivering.publisher
    places = shown.places_of(publisher.endpoints.all(tenant=actor.tenant))
    return [shown.letter_shown(one, publisher.queue.attempts(one.delivery.delivery_id), places, say, k) for one in letters[:LETTERS_SHOWN]]


def _list(request: Request, lang: str, actor: Actor, *, said: str = "", status: int = 200) -> Response:
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["engines"]
    publisher, now = service.delivering.publisher, service.now()
    found = api.standings(service, actor)
    answers, troubles = api.told_of(found), overview.troubles(publisher, actor.tenant, found)
    heads = {made.engine: made for made in publisher.ledger.heads(actor.tenant)}
    took = overview.arrivals(publisher, actor.tenant, found)
    rows = [shown.engine_row(a, troubles.get(a.engine), heads.get(a.engine), took.get(a.engine), say, k) for a in answers]
    more: dict[str, Any] = {
        "said": said,
        "lead": shown.lead_said(answers, k),
        "figures": shown.figures_shown(overview.figures(publisher, actor.tenant, found, took, now=now), lang, say, k),
        "families": [(k["families"][f], [r for r in rows if r["family"] == f]) for f in shown.FAMILIES],
        "built": bool(found),
        "may_run": actor.role.may(Role.OPERATOR),
        "every_ms": LOOK_AGAIN_MS,
    }
    return page(request, "engines", lang, actor, facts_or_none(request, actor), status=status, **more)


def _confirm_all(request: Request, lang: str, actor: Actor, *, wrong: str = "", status: int = 200) -> Response:
    """What sending all again would do, before it does."""
    c, found = words(lang)["engines"]["confirm"], api.standings(service_of(request), actor)
    points = [(c["changes"], c["redistribute_all_changes"].format(n=len(found))), (c["stays"], c["redistribute_all_stays"])]
    more: dict[str, Any] = {
        "heading": c["redistribute_all"], "points": [*points, (c["told"], c["told_said"])], "action": f"/{lang}/engines", "above": None, "fields": [],
        "step": "redistribute_all_confirmed" if found else "", "do": c["do_redistribute_all"], "danger": False, "choices": [], "chosen": "",
        "reason": "", "wrong": wrong, "said": "" if found else words(lang)["engines"]["lead_none"],
    }  # fmt: skip
    return page(request, "engine_confirm", lang, actor, facts_or_none(request, actor), status=status, **more)


def _dead(request: Request, lang: str, actor: Actor, *, done: str = "", said: str = "", status: int = 200) -> Response:
    say, k = Speaker(lang, None), words(lang)["engines"]
    letters = overview.dead_letters(service_of(request).delivering.publisher, actor.tenant)
    more: dict[str, Any] = {
        "letters": letters_shown(request, actor, letters, say, k), "may_run": actor.role.may(Role.OPERATOR), "done": done, "said": said,
        "inner": "/dead-letters", "action": f"/{lang}/engines/dead-letters",
    }  # fmt: skip
    return page(request, "dead_letters", lang, actor, facts_or_none(request, actor), status=status, **more)
