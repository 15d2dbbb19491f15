"""The audit log for people: who did what, one event whole, how far the log is sealed and whether it is as it was written."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.forms import Form, looking, told_off, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.audit import get_seals, list_events, post_verify, recorded
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.audit import VerdictAnswer

router = APIRouter(include_in_schema=False)
EVENTS_A_PAGE = 25
OUTCOMES = ("ok", "refused", "failed")
BADGES = {"ok": "ok", "refused": "warn", "failed": "failed"}
RANGES_SHOWN = 5
Text = Annotated[str, Query(max_length=200)]


@router.get("/{lang}/audit")
def audit_page(
    request: Request,
    lang: Locale,
    action: Text = "",
    by: Text = "",
    outcome: Literal["", "ok", "refused", "failed"] = "",
    first: Annotated[str, Query(alias="from", max_length=40)] = "",
    last: Annotated[str, Query(alias="to", max_length=40)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Events, the newest first, by what is asked for in the address; and the state of the seals."""
    actor = looking(request, lang, Role.STEWARD)
    if isinstance(actor, Response):
        return actor
    k, say = words(lang)["audit"], Speaker(lang, None)
    asked = {"action": action.strip(), "by": by.strip(), "outcome": outcome, "from": first.strip(), "to": last.strip()}
    days, wrong = _days(asked, k)
    found = None
    if not wrong:
        found = list_events(
            request, actor, action=asked["action"], by=asked["by"], outcome=outcome, first_day=days["from"], last_day=days["to"],
            limit=EVENTS_A_PAGE, before=before,
        )  # fmt: skip
    kept = {name: value for name, value in asked.items() if value}
    more: dict[str, Any] = {
        "asked": asked,
        "wrong": wrong,
        "events": [] if found is None else [{"e": e, "said": action_said(e.action, k)} for e in found.items],
        "older": "" if found is None or found.next_before is None else f"?{urlencode({**kept, 'before': found.next_before})}",
        "newest": f"?{urlencode(kept)}" if before is not None else "",
        "filtered": bool(kept),
        "outcomes": OUTCOMES,
        "badges": BADGES,
        "names": names_of(request, actor),
        "may_verify": actor.role.may(Role.ADMIN),
        **seals_shown(request, actor, say, k),
    }
    return page(request, "audit", lang, actor, facts_or_none(request, actor), status=422 if wrong else 200, **more)


@router.post("/{lang}/audit")
def verify_now(request: Request, lang: Locale, form: Form) -> Response:
    """Verify the whole log; what was found stands on the page behind it."""
    actor = writing(request, lang, Role.ADMIN, form)
    if isinstance(actor, Response):
        return actor
    post_verify(request, actor)
    return RedirectResponse(f"/{lang}/audit#seals", status_code=303)


@router.get("/{lang}/audit/{seq}")
def event_page(request: Request, lang: Locale, seq: Annotated[int, Path(ge=1, le=2**62)]) -> Response:
    """One event whole, with the text that its hash is over."""
    actor = looking(request, lang, Role.STEWARD)
    if isinstance(actor, Response):
        return actor
    k = words(lang)["audit"]
    try:
        found = recorded(request, actor, seq)
    except Problem as problem:
        return told_off(request, lang, actor, k["no_such"], status=problem.status)
    more: dict[str, Any] = {
        "e": found.event,
        "seq": seq,
        "said": action_said(found.event.action, k),
        "detail": json.dumps(dict(found.event.detail), indent=1, ensure_ascii=False, sort_keys=True),
        "body": found.body,
        "mac": found.mac,
        "sound": found.sound,
        "sealed": seq <= service_of(request).trail.seals().covered,
        "names": names_of(request, actor),
        "badges": BADGES,
        "inner": f"/{seq}",
    }
    return page(request, "audit_event", lang, actor, facts_or_none(request, actor), **more)


def action_said(action: str, k: dict[str, Any]) -> str:
    """What was done, in words as far as there are any: a verb and what it was done to.

    >>> action_said("PUT /api/v1/settings/{name}", {"methods": {"PUT": "Changed"}, "areas": {"settings": "settings"}, "actions": {}})
    'Changed: settings'
    """
    method, _, route = action.partition(" ")
    parts = [p for p in re.split(r"/", route.removeprefix("/api/v1").removeprefix("/{lang}")) if p and not p.startswith("{")]
    if not route or not parts or method not in k["methods"]:
        return str(k["actions"].get(action, action))
    verbs = k.get("verbs", {})
    return f"{verbs.get(parts[-1], k['methods'][method])}: {k['areas'].get(parts[0], parts[0])}"


def names_of(request: Request, actor: Actor) -> dict[str, str]:
    """What the keys of one's own tenant are called."""
    return {key.key_id: key.label for key in service_of(request).api.all_keys() if key.tenant == actor.tenant and key.label}


def seals_shown(request: Request, actor: Actor, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """How far the log is sealed, and what the newest verification found, in sentences."""
    state = get_seals(request, actor)
    last = state.verified
    return {
        "seals": state,
        "sealed_at": say.moment(state.sealed_at) if state.sealed_at is not None else "",
        "verified": None
        if last is None
        else {"ok": last.found.ok, "at": say.moment(last.at), "by": last.actor, "said": verdict_said(last.found, say, k)},
        "problems": [] if last is None else last.found.problems,
    }


def verdict_said(found: VerdictAnswer, say: Speaker, k: dict[str, Any]) -> str:
    """What verifying found: that all is well, or what comes first of what is not."""
    if found.ok:
        well = str(k["all_well"].format(events=say.count(found.events), seals=say.count(found.seals)))
        return f"{well} {k['tail'].format(unsealed=say.count(found.unsealed))}" if found.unsealed else well
    told = [k["broken"]]
    if found.first_bad is not None:
        told.append(k["first_bad"].format(n=say.count(found.first_bad)))
    if found.missing:
        shown = [say.count(a) if a == b else f"{say.count(a)}–{say.count(b)}" for a, b in found.missing[:RANGES_SHOWN]]
        told.append(k["missing"].format(ranges=", ".join(shown)))
    if found.first_bad is None and not found.missing:
        told.append(k["seals_broken"])
    return " ".join([*told, k["what_to_do"]])


def _days(asked: dict[str, str], k: dict[str, Any]) -> tuple[dict[str, dt.date | None], dict[str, str]]:
    """The days of the filter, and what is wrong with them."""
    days: dict[str, dt.date | None] = {}
    wrong: dict[str, str] = {}
    for name in ("from", "to"):
        try:
            days[name] = dt.date.fromisoformat(asked[name]) if asked[name] else None
        except ValueError:
            wrong[name] = k["no_day"]
    if not wrong and days["from"] and days["to"] and days["from"] > days["to"]:
        wrong["to"] = k["wrong_order"]
    return days, wrong
