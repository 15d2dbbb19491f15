"""Webhooks for people: made, tried, rotated, switched off and on, taken away; what each was told, with every attempt, replayed by a press.

A secret stands in the one answer that makes it: in no address, no log and no page that can be loaded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.exchange.addresses import LONGEST_URL
from seeding_platform.monitoring.events import EVENTS
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes import webhooks as routes
from seeding_platform.service.routes.webhooks import NewWebhook, WebhookRotation
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.webhooks import AttemptAnswer, DeliveryAnswer, WebhookAnswer

router = APIRouter(include_in_schema=False)
DELIVERIES_SHOWN = 25
OVERLAPS_H = (24, 0, 72, 168)
BADGES = {"sent": "ok", "waiting": "waiting", "given_up": "failed"}
LONGEST_ID = 64
Chosen = Annotated[str, Query(max_length=LONGEST_ID)]


@router.get("/{lang}/webhooks")
def webhooks_page(request: Request, lang: Locale, webhook: Chosen = "") -> Response:
    """Webhooks of one's own organisation, a form for a new one, and what the chosen one was told."""
    actor = looking(request, lang, Role.STEWARD)
    if isinstance(actor, Response):
        return actor
    return _list(request, lang, actor, chosen=webhook)


@router.post("/{lang}/webhooks")
def change_webhooks(request: Request, lang: Locale, form: Form) -> Response:
    """Make a webhook, or do something with one."""
    actor = writing(request, lang, Role.STEWARD, form)
    if isinstance(actor, Response):
        return actor
    step, chosen, k = typed(form, "step"), typed(form, "webhook")[:LONGEST_ID], words(lang)["webhooks"]
    if step == "create":
        return _create(request, lang, actor, form)
    if step == "rotate":
        return _rotate(request, lang, actor, chosen, form)
    if step == "remove":
        return _list(request, lang, actor, chosen=chosen, removing=True)
    acts: dict[str, Callable[[], object]] = {
        "enable": lambda: routes.enable_webhook(request, actor, chosen),
        "disable": lambda: routes.disable_webhook(request, actor, chosen),
        "removed": lambda: routes.delete_webhook(request, actor, chosen),
        "test": lambda: routes.try_webhook(request, actor, chosen),
        "replay": lambda: routes.replay_delivery(request, actor, chosen, typed(form, "delivery")[:LONGEST_ID]),
    }
    if step not in acts:
        return _list(request, lang, actor, chosen=chosen, said=k["unreadable"], status=422)
    try:
        acts[step]()
    except Problem as problem:
        if problem.status == 404:
            return told_off(request, lang, actor, k["no_such"], status=404)
        return _list(request, lang, actor, chosen=chosen, said=k["refused"].get(problem.code, problem.detail), status=problem.status)
    return RedirectResponse(f"/{lang}/webhooks" if step == "removed" else f"/{lang}/webhooks?webhook={chosen}", status_code=303)


def _create(request: Request, lang: str, actor: Actor, form: FormData) -> Response:
    k, url = words(lang)["webhooks"], typed(form, "address")
    events = [name for name in typed_all(form, "event") if name in EVENTS]
    shown = {"url": url[:LONGEST_URL], "events": events}
    wrong = {} if url and len(url) <= LONGEST_URL else {"url": k["no_url"]}
    wrong |= {} if events else {"events": k["no_events"]}
    if wrong:
        return _list(request, lang, actor, shown=shown, wrong=wrong, status=422)
    try:
        made = routes.made_webhook(request, actor, NewWebhook(url=url, events=events))
    except Problem as problem:
        told = k["refused"].get(problem.code, problem.detail)
        wrong = {"url": told} if problem.code == "address-refused" else {}
        return _list(request, lang, actor, shown=shown, wrong=wrong, said="" if wrong else told, status=problem.status)
    return _list(request, lang, actor, made=made, chosen=made.webhook_id)


def _rotate(request: Request, lang: str, actor: Actor, chosen: str, form: FormData) -> Response:
    k, hours, seen = words(lang)["webhooks"], typed(form, "overlap_hours"), typed(form, "seen")
    if hours not in {str(n) for n in OVERLAPS_H} or not (seen.isascii() and seen.isdecimal() and 0 < len(seen) < 9 and int(seen)):
        return _list(request, lang, actor, chosen=chosen, said=k["unreadable"], status=422)
    try:
        made = routes.rotate_webhook(request, actor, chosen, WebhookRotation(overlap_hours=int(hours), seen=int(seen)))
    except Problem as problem:
        if problem.status == 404:
            return told_off(request, lang, actor, k["no_such"], status=404)
        return _list(request, lang, actor, chosen=chosen, said=k["refused"].get(problem.code, problem.detail), status=problem.status)
    return _list(request, lang, actor, made=made, chosen=chosen)


def _list(
    request: Request,
    lang: str,
    actor: Actor,
    *,
    chosen: str = "",
    made: WebhookAnswer | None = None,
    shown: dict[str, Any] | None = None,
    wrong: dict[str, str] | None = None,
    said: str = "",
    status: int = 200,
    removing: bool = False,
) -> Response:
    """The list with the form as it was typed; with a secret where one was just made, or a question before one is taken away."""
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["webhooks"]
    found = routes.list_webhooks(request, actor)
    one = next((w for w in found if w.webhook_id == chosen), None)
    deliveries = [] if one is None else routes.list_deliveries(request, actor, one.webhook_id, limit=DELIVERIES_SHOWN)
    more: dict[str, Any] = {
        "webhooks": [_row(w, say, k) for w in found],
        "chosen": None if one is None else _row(one, say, k),
        "deliveries": [_delivery(d, say, k) for d in deliveries],
        "made": made,
        "until": say.moment(made.old_until) if made is not None and made.old_until is not None else "",
        "events": [(name, k["events"][name]) for name in EVENTS if name != "webhook.test"],
        "overlaps": [(n, k["at_once"] if not n else k["hours"].format(n=n)) for n in OVERLAPS_H],
        "shown": shown or {"url": "", "events": ["alert.opened", "alert.resolved"]},
        "wrong": wrong or {},
        "said": said,
        "most": LONGEST_URL,
        "removing": removing,
        "private": service.settings.private_addresses,
    }
    return page(request, "webhooks", lang, actor, facts_or_none(request, actor), status=status, **more)


def _row(webhook: WebhookAnswer, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A webhook for people."""
    why = k["whys"].get(webhook.disabled_why, webhook.disabled_why)
    return {
        "w": webhook,
        "events": ", ".join(webhook.events),
        "state": k["on"] if webhook.enabled else k["off"].format(why=why),
        "made": say.moment(webhook.created_at),
        "old": k["old_until"].format(at=say.moment(webhook.old_until)) if webhook.old_until is not None else "",
    }


def _delivery(delivery: DeliveryAnswer, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A delivery for people."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "d": delivery,
        "state": k["states"][delivery.state],
        "badge": BADGES[delivery.state],
        "at": say.moment(delivery.created_at),
        "next": k["next"].format(at=say.moment(delivery.next_at)) if delivery.next_at is not None else "",
        "code": str(last.code) if last is not None and last.code is not None else "–",
        "took": k["took"].format(n=say.count(last.took_ms)) if last is not None else "–",
        "tries": [_attempt(a, say, k) for a in delivery.attempts],
    }


def _attempt(attempt: AttemptAnswer, say: Speaker, k: dict[str, Any]) -> str:
    """A try as a line."""
    code = "–" if attempt.code is None else str(attempt.code)
    parts = [f"{say.moment(attempt.at)}: {code}", k["took"].format(n=say.count(attempt.took_ms)), attempt.error]
    return ", ".join(part for part in parts if part)
