"""Organisations on this installation: what each holds and may, with forms to add, limit, suspend and resume one.

An admin of one organisation sees their own; the admin of the installation sees and changes all. Removing one asks for more: it has a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.tenants import NewTenant, QuotaForm, Why, list_tenants, post_resume, post_suspend, post_tenant, put_quota
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.tenants import INSTALLATION, TenantState

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.tenants import TenantAnswer

router = APIRouter(include_in_schema=False)
MB = 1_000_000
LIMITS = ("rows", "megabytes", "requests_a_minute")
BADGES = {TenantState.ACTIVE: "ok", TenantState.SUSPENDED: "waiting", TenantState.REMOVED: "failed"}


@router.get("/{lang}/tenants")
def tenants_page(request: Request, lang: Locale) -> Response:
    """Every organisation that one may know of."""
    actor = looking(request, lang, Role.ADMIN)
    return actor if isinstance(actor, Response) else _list(request, lang, actor)


@router.post("/{lang}/tenants")
def change_tenants(request: Request, lang: Locale, form: Form) -> Response:
    """Add an organisation; limit one; ask before one is suspended or resumed, then do it."""
    actor = writing(request, lang, Role.ADMIN, form)
    if isinstance(actor, Response):
        return actor
    k, step, named = words(lang)["tenants"], typed(form, "step"), typed(form, "tenant")
    if step in ("suspend", "resume"):
        found = next((one for one in list_tenants(request, actor) if one.tenant == named), None)
        if found is None:
            return told_off(request, lang, actor, k["no_such"], status=404)
        return page(request, "tenants_confirm", lang, actor, facts_or_none(request, actor), one=found, step=step, said="")
    steps: dict[str, Callable[[], Any]] = {
        "create": lambda: post_tenant(request, actor, NewTenant(tenant=named, label=typed(form, "label"), quota=_quota(form))),
        "limit": lambda: put_quota(request, actor, named, _quota(form)),
        "suspended": lambda: post_suspend(request, actor, named, Why(reason=typed(form, "reason"))),
        "resumed": lambda: post_resume(request, actor, named, Why(reason=typed(form, "reason"))),
    }
    if step not in steps:
        return _list(request, lang, actor)
    try:
        steps[step]()
    except ValidationError as wrong:
        fields = {str(e["loc"][0]) if e["loc"] else "" for e in wrong.errors()}
        return _list(request, lang, actor, said=" ".join(k["bad"][name] for name in k["bad"] if name in fields) or k["bad"]["tenant"], status=422)
    except Problem as problem:
        return _list(request, lang, actor, said=problem.detail, status=problem.status)
    return RedirectResponse(f"/{lang}/tenants", status_code=303)


def _quota(form: FormData) -> QuotaForm:
    """The limits as they were typed; nothing is no limit.

    Raises:
        ValidationError: one is no whole number, or too large a one.
    """
    told = {name: typed(form, name) for name in LIMITS}
    numbers = {name: int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else text for name, text in told.items() if text}
    if isinstance(megabytes := numbers.pop("megabytes", None), int):
        numbers["bytes"] = megabytes * MB
    elif megabytes is not None:
        numbers["bytes"] = megabytes
    return QuotaForm.model_validate(numbers)


def _list(request: Request, lang: str, actor: Actor, *, said: str = "", status: int = 200) -> Response:
    say, found = Speaker(lang, None), list_tenants(request, actor)
    k = words(lang)["tenants"]
    more = {
        "rows": [_row(one, say, k) for one in found],
        "lead": k["lead"].format(n=say.count(len(found))),
        "whole": actor.tenant == INSTALLATION,
        "said": said,
    }
    return page(request, "tenants", lang, actor, facts_or_none(request, actor), status=status, **more)


def _row(one: TenantAnswer, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """An organisation for people."""
    quota = one.quota
    return {
        "one": one,
        "badge": BADGES[one.state],
        "state": k["states"][str(one.state)],
        "rows": say.count(one.rows),
        "megabytes": say.number(one.bytes / MB),
        "last": say.moment(one.last_at) if one.last_at is not None else k["never"],
        "shown": {
            "rows": "" if quota.rows is None else quota.rows,
            "megabytes": "" if quota.bytes is None else quota.bytes // MB,
            "requests_a_minute": "" if quota.requests_a_minute is None else quota.requests_a_minute,
        },
        "limits": [
            k["of_limit"].format(what=k["limits"][name], n=say.count(value))
            for name, value in (
                ("rows", quota.rows),
                ("megabytes", None if quota.bytes is None else quota.bytes / MB),
                ("requests_a_minute", quota.requests_a_minute),
            )
            if value is not None
        ],
    }
