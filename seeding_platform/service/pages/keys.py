"""People and systems that hold a key: what each may do and when it was last used, with forms to make, rotate and revoke one.

A secret stands in the one answer that makes it: in no address, no log and no page that can be loaded again.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.errors import ConfigError
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.cleaning import Offset, pager
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.keys import ID_BYTES, NewKey, Rotation, delete_key, made_key, own_keys, rotate_key
from seeding_platform.storage.api_keys import Role, last_admins
from seeding_platform.storage.grants import parsed

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.keys import KeyAnswer
    from seeding_platform.storage.api_keys import ApiKey

router = APIRouter(include_in_schema=False)
KEYS_A_PAGE = 25
LONGEST_TEXT = 200
MOST_DAYS = 3650
GRACES_H = (0, 1, 8, 24)
NAME_OF_NEW = re.compile(rf"[0-9a-f]{{{2 * ID_BYTES}}}")


@router.get("/{lang}/people")
def people_page(request: Request, lang: Locale, offset: Offset = 0) -> Response:
    """Keys of one's own tenant, those that are valid first, and a form for a new one."""
    actor = looking(request, lang, Role.ADMIN)
    if isinstance(actor, Response):
        return actor
    return _list(request, lang, actor, offset=offset)


@router.post("/{lang}/people")
def change_people(request: Request, lang: Locale, form: Form) -> Response:
    """Make a key; ask before one is rotated or revoked, then do it."""
    actor = writing(request, lang, Role.ADMIN, form)
    if isinstance(actor, Response):
        return actor
    step, k = typed(form, "step"), words(lang)["people"]
    if step == "create":
        return _create(request, lang, actor, form)
    key = next((one for one in own_keys(request, actor) if one.key_id == typed(form, "key_id")), None)
    if key is None or not key.valid(service_of(request).now()):
        return told_off(request, lang, actor, k["no_such"], status=404)
    if step in ("rotate", "revoke"):
        return _confirm(request, lang, actor, key, step)
    if step == "rotated":
        return _rotate(request, lang, actor, key, form)
    if step == "revoked":
        return _revoke(request, lang, actor, key)
    return _list(request, lang, actor)


def _create(request: Request, lang: str, actor: Actor, form: FormData) -> Response:
    k, now = words(lang)["people"], service_of(request).now()
    shown = {name: typed(form, name)[:LONGEST_TEXT] for name in ("role", "label", "holder", "days", "grants")}
    wrong = _wrong(shown, k)
    named = typed(form, "new_id")
    if wrong or not NAME_OF_NEW.fullmatch(named):
        return _list(request, lang, actor, shown=shown, wrong=wrong, status=422)
    ends = now + dt.timedelta(days=int(shown["days"])) if shown["days"] else None
    asked = NewKey(role=Role(shown["role"]), label=shown["label"], holder=shown["holder"], expires_at=ends, grants=shown["grants"].split())
    try:
        made = made_key(request, actor, asked, named)
    except Problem as problem:
        return _list(request, lang, actor, shown=shown, said=k["made_already"] if problem.status == 409 else problem.detail, status=problem.status)
    return _list(request, lang, actor, made=made)


def _wrong(shown: dict[str, str], k: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a new key as it was typed, by field."""
    wrong = {} if shown["role"] in list(Role) else {"role": k["bad_role"]}
    wrong |= {} if shown["holder"] else {"holder": k["no_holder"]}
    try:
        limits = parsed(shown["grants"].split())
    except ConfigError:
        wrong["grants"] = k["bad_grants"]
    else:
        wrong |= {"grants": k["admin_grants"]} if limits and shown["role"] == Role.ADMIN else {}
    days = shown["days"]
    if days and not (days.isascii() and days.isdecimal() and len(days) <= len(str(MOST_DAYS)) and 1 <= int(days) <= MOST_DAYS):
        wrong["days"] = k["bad_days"]
    return wrong


def _confirm(request: Request, lang: str, actor: Actor, key: ApiKey, step: str) -> Response:
    """What would stop working, before anything is done."""
    say, k, now = Speaker(lang, None), words(lang)["people"], service_of(request).now()
    last = key.key_id in last_admins(own_keys(request, actor), now)
    refused = ""
    if step == "revoke":
        refused = k["own_key"] if key.key_id == actor.key_id else k["last_admin"] if last else ""
    more: dict[str, Any] = {
        "key": key,
        "step": step,
        "refused": refused,
        "used": say.moment(key.last_used_at) if key.last_used_at is not None else k["never"],
        "graces": [(hours, k["at_once"] if not hours else k["hours"].format(n=hours)) for hours in GRACES_H],
        "own": key.key_id == actor.key_id,
    }
    return page(request, "keys_confirm", lang, actor, facts_or_none(request, actor), **more)


def _rotate(request: Request, lang: str, actor: Actor, key: ApiKey, form: FormData) -> Response:
    k, grace, seen = words(lang)["people"], typed(form, "grace_hours"), typed(form, "seen")
    if grace not in {str(hours) for hours in GRACES_H} or not seen.isdecimal() or len(seen) > LONGEST_TEXT // 20:
        return told_off(request, lang, actor, k["unreadable"], status=422)
    try:
        made = rotate_key(request, actor, key.key_id, Rotation(grace_hours=int(grace), seen=max(1, int(seen))))
    except Problem as problem:
        return told_off(request, lang, actor, k["rotated_meanwhile"] if problem.status == 409 else problem.detail, status=problem.status)
    return _list(request, lang, actor, made=made)


def _revoke(request: Request, lang: str, actor: Actor, key: ApiKey) -> Response:
    k = words(lang)["people"]
    try:
        delete_key(request, actor, key.key_id)
    except Problem as problem:
        told = {"own-key": k["own_key"], "last-admin": k["last_admin"]}.get(problem.code, problem.detail)
        return told_off(request, lang, actor, told, status=problem.status)
    return RedirectResponse(f"/{lang}/people", status_code=303)


def _list(
    request: Request,
    lang: str,
    actor: Actor,
    *,
    offset: int = 0,
    made: KeyAnswer | None = None,
    shown: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    """The list with the form as it was typed; with a secret where one was just made."""
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["people"]
    now = service.now()
    keys = sorted(own_keys(request, actor), key=lambda one: (not one.valid(now), one.created_at))
    names = names_of(request, actor)
    more: dict[str, Any] = {
        "keys": [_row(one, now, names, say, k) for one in keys[offset : offset + KEYS_A_PAGE]],
        "one": pager({}, len(keys), offset, KEYS_A_PAGE, say, words(lang)["cleaning"]),
        "lead": k["lead"].format(valid=say.count(sum(one.valid(now) for one in keys)), admins=_admins(keys, now)),
        "made": made,
        "until": say.moment(made.old_until) if made is not None and made.old_until is not None else "",
        "roles": [str(role) for role in Role],
        "shown": {"role": str(Role.VIEWER), "label": "", "holder": "", "days": "", "grants": "", **(shown or {})},
        "wrong": wrong or {},
        "said": said,
        "new_id": service.new_id(ID_BYTES),
    }
    return page(request, "keys_people", lang, actor, facts_or_none(request, actor), status=status, **more)


def _admins(keys: list[ApiKey], now: dt.datetime) -> int:
    return sum(one.role is Role.ADMIN and one.valid(now) for one in keys)


def _row(key: ApiKey, now: dt.datetime, names: dict[str, str], say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A key for people."""
    state = "revoked" if key.revoked_at is not None else "valid" if key.valid(now) else "ended"
    old = len(key.marks(now)) > 1 and key.old_until is not None
    return {
        "key": key,
        "state": state,
        "used": say.moment(key.last_used_at) if key.last_used_at is not None else k["never"],
        "ends": k["ends"].format(at=say.moment(key.expires_at)) if key.expires_at is not None and state == "valid" else "",
        "made": say.day(key.created_at.date()),
        "by": k["by_command"] if key.made_by == "cli" else names.get(key.made_by, key.made_by) or k["by_unknown"],
        "old": k["old_short"].format(at=say.moment(key.old_until)) if old and key.old_until is not None else "",
    }
