"""One engine for people: contract, generations side by side, addresses, deliveries with every try; put back or sent again after a question.

A secret stands in the one answer that makes it: in no address, no log and no page that can be loaded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.distribution.delivery import overview, standing
from seeding_platform.exchange.addresses import LONGEST_URL
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages import engine_shown as shown
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.engines import LOOK_AGAIN_MS, letters_shown, replayed
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes import engine_endpoints as endpoints
from seeding_platform.service.routes import engines_managed as api
from seeding_platform.service.routes.engines import Engine
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.delivery.records import GenerationState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.engine_answers import EndpointAnswer, EngineDetail, GenerationAnswer

router = APIRouter(include_in_schema=False)
GENERATIONS_SHOWN, DELIVERIES_SHOWN, CHOICES = 25, 25, 50
OVERLAPS_H = (24, 0, 72, 168)
MOST_DIGITS, LONGEST_ID, LONGEST_SCHEDULE = 9, 64, 100
Number = Annotated[str, Query(max_length=12)]


@router.get("/{lang}/engines/{engine}")
def engine_page(request: Request, lang: Locale, engine: Engine, a: Number = "", b: Number = "") -> Response:
    """How one engine stands, and everything about it."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _one(request, lang, actor, engine, sides=(a, b))


@router.post("/{lang}/engines/{engine}")
def change_engine(request: Request, lang: Locale, engine: Engine, form: Form) -> Response:
    """Put content back or send it again, both after a look at what that means; send dead letters again."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    step, k, reason = typed(form, "step"), words(lang)["engines"], typed(form, "reason")[: api.LONGEST_REASON]
    if step == "replay":
        done, said, status = replayed(request, lang, actor, form)
        return _one(request, lang, actor, engine, done=done, said=said, status=status)
    kind, _, confirmed = step.partition("_")
    if kind not in ("rollback", "redistribute", "back") or confirmed not in ("", "confirmed"):
        return _one(request, lang, actor, engine, said=k["unreadable"], status=422)
    try:
        if kind != "back" and not confirmed:
            return _confirm(request, lang, actor, engine, kind, form)
        if kind != "back" and not reason:
            return _confirm(request, lang, actor, engine, kind, form, wrong=words(lang)["forms"]["no_reason"], status=422)
        if kind == "rollback":
            api.rolled_back(request, actor, engine, api.RollbackAsked(reason=reason, to=_number(form, "to"), seen=_number(form, "seen")))
        elif kind == "redistribute":
            api.sent_again(request, actor, engine, api.Reason(reason=reason))
    except Problem as problem:
        return _one(request, lang, actor, engine, said=k["refused"].get(problem.code, problem.detail), status=problem.status)
    return RedirectResponse(f"/{lang}/engines/{engine}", status_code=303)


@router.post("/{lang}/engines/{engine}/endpoints")
def change_endpoints(request: Request, lang: Locale, engine: Engine, form: Form) -> Response:
    """Keep an address, switch one off or on, give it a new secret, or take it away after a question."""
    actor = writing(request, lang, Role.ADMIN, form)
    if isinstance(actor, Response):
        return actor
    step, chosen, k = typed(form, "step"), typed(form, "endpoint")[:LONGEST_ID], words(lang)["engines"]
    if step == "add":
        return _add(request, lang, actor, engine, form)
    if step in ("remove", "renew"):
        return _one(request, lang, actor, engine, asking=(step, chosen))
    acts: dict[str, Callable[[], EndpointAnswer | None]] = {
        "enable": lambda: endpoints.enable_endpoint(request, actor, engine, chosen),
        "disable": lambda: endpoints.disable_endpoint(request, actor, engine, chosen),
        "removed": lambda: endpoints.delete_endpoint(request, actor, engine, chosen),
        "rotate": lambda: endpoints.rotate_secret(
            request, actor, engine, chosen, endpoints.SecretRotation(overlap_hours=_number(form, "overlap_hours") or 0, seen=_number(form, "seen"))
        ),
    }
    if step not in acts or (step == "rotate" and typed(form, "overlap_hours") not in {str(n) for n in OVERLAPS_H}):
        return _one(request, lang, actor, engine, said=k["unreadable"], status=422)
    try:
        made = acts[step]()
    except Problem as problem:
        if problem.status == 404:
            return told_off(request, lang, actor, k["no_such"], status=404)
        return _one(request, lang, actor, engine, said=k["refused"].get(problem.code, problem.detail), status=problem.status)
    if step == "rotate":
        return _one(request, lang, actor, engine, made=made)
    return RedirectResponse(f"/{lang}/engines/{engine}#endpoints", status_code=303)


def _add(request: Request, lang: str, actor: Actor, engine: str, form: FormData) -> Response:
    k, target = words(lang)["engines"], typed(form, "target")
    typed_in = {"kind": typed(form, "kind"), "target": target[:LONGEST_URL], "schedule": typed(form, "schedule")[:LONGEST_SCHEDULE]}
    if typed_in["kind"] not in endpoints.MADE:
        return _one(request, lang, actor, engine, said=k["unreadable"], status=422)
    if not target or len(target) > LONGEST_URL:
        return _one(request, lang, actor, engine, typed_in=typed_in, wrong={"target": k["no_target"]}, status=422)
    try:
        made = endpoints.made_endpoint(request, actor, engine, endpoints.NewEndpoint.model_validate(typed_in))
    except Problem as problem:
        if problem.status == 404:
            return told_off(request, lang, actor, k["no_such"], status=404)
        field = {"address-refused": "target", "schedule-refused": "schedule"}.get(problem.code)
        told = k["refused"].get(problem.code, problem.detail)
        wrong = {field: told} if field else {}
        return _one(request, lang, actor, engine, typed_in=typed_in, wrong=wrong, said="" if field else told, status=problem.status)
    return _one(request, lang, actor, engine, made=made)


def _number(form: FormData, name: str) -> int | None:
    """A whole number above 0 of a form; None where there is none."""
    told = typed(form, name)
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= MOST_DIGITS and int(told) else None


def _confirm(
    request: Request, lang: str, actor: Actor, engine: str, kind: str, form: FormData, *, wrong: str = "", status: int = 200
) -> Response:  # fmt: skip
    """What a deed would change, before it does."""
    say, k = Speaker(lang, None), words(lang)["engines"]
    c, told = k["confirm"], api.get_engine(request, actor, engine)
    if told.desired is None:
        raise Problem(404, "no-generation", f"{engine} has no generation yet.")
    before = api.list_generations(request, actor, engine, limit=CHOICES)
    choices = [g for g in before if g.content_id != told.content_id and g.state != GenerationState.RECALLED] if kind == "rollback" else []
    possible = kind == "redistribute" or bool(choices)
    points = [
        (c["changes"], c[f"{kind}_changes"].format(engine=told.title, desired=say.count(told.desired))),
        (c["stays"], c[f"{kind}_stays"]),
        (c["told"], c["told_said"]),
    ]
    more: dict[str, Any] = {
        "heading": c[kind].format(engine=told.title), "points": points, "action": f"/{lang}/engines/{engine}", "above": told.title,
        "fields": [("seen", typed(form, "seen") or str(told.desired))], "step": f"{kind}_confirmed" if possible else "",
        "do": c[f"do_{kind}"].format(engine=told.title), "danger": kind == "rollback", "choices": _choices(choices, say, k),
        "chosen": typed(form, "to"), "reason": typed(form, "reason")[: api.LONGEST_REASON], "wrong": wrong,
        "said": "" if possible else c["nothing"], "inner": f"/{engine}",
    }  # fmt: skip
    return page(request, "engine_confirm", lang, actor, facts_or_none(request, actor), status=status, **more)


def _choices(found: Sequence[GenerationAnswer], say: Speaker, k: dict[str, Any]) -> list[tuple[str, str]]:
    told = [("", k["confirm"]["best"])] if found else []
    return told + [
        (str(g.generation), f"{k['generation_n'].format(n=say.count(g.generation))}, {say.moment(g.issued_at)}, {k['states'][g.state].lower()}")
        for g in found
    ]


def _one(
    request: Request,
    lang: str,
    actor: Actor,
    engine: str,
    *,
    sides: tuple[str, str] = ("", ""),
    made: EndpointAnswer | None = None,
    typed_in: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    asking: tuple[str, str] = ("", ""),
    done: str = "",
    said: str = "",
    status: int = 200,
) -> Response:
    """The page of an engine, as it stands, with what was wrong about a form, or with a secret where one was just made."""
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["engines"]
    try:
        told = api.get_engine(request, actor, engine)
    except Problem:
        return told_off(request, lang, actor, k["no_such"], status=404)
    publisher, names, admin = service.delivering.publisher, names_of(request, actor), actor.role.may(Role.ADMIN)
    found = [one for one in api.standings(service, actor) if one.engine == engine]
    generations = api.list_generations(request, actor, engine, limit=GENERATIONS_SHOWN)
    places = shown.places_of(publisher.endpoints.all(tenant=actor.tenant, engine=engine))
    deliveries = standing.deliveries(publisher, actor.tenant, engine=engine, limit=DELIVERIES_SHOWN)
    head = publisher.ledger.newest(actor.tenant, engine)
    trouble, took = overview.troubles(publisher, actor.tenant, found), overview.arrivals(publisher, actor.tenant, found)
    asked = next((shown.endpoint_shown(e, say, k) for e in told.addresses if e.endpoint_id == asking[1]), None)
    more: dict[str, Any] = {
        "e": shown.engine_row(told, trouble.get(engine), head, took.get(engine), say, k),
        "description": told.description,
        "contract": told.contract,
        "fields": told.fields,
        "policy": shown.policy_shown(told, say, k),
        "generations": [shown.generation_shown(g, names, say, k) for g in generations],
        "deliveries": [shown.delivery_shown(d, publisher.queue.attempts(d.delivery_id), places, say, k) for d in deliveries],
        "letters": letters_shown(request, actor, overview.dead_letters(publisher, actor.tenant, engine=engine), say, k),
        "endpoints": [shown.endpoint_shown(e, say, k) for e in told.addresses],
        **_compared(request, actor, told, generations, sides, say, k),
        "made": made,
        "until": say.moment(made.old_until) if made is not None and made.old_until is not None else "",
        "typed_in": typed_in or {"kind": "http", "target": "", "schedule": ""},
        "kinds": [(name, k["kinds_of"][name]) for name in endpoints.MADE],
        "overlaps": [(n, k["hours"].format(n=n) if n else k["no_time"]) for n in OVERLAPS_H],
        "wrong": wrong or {},
        **{name: asked if asking[0] == step else None for name, step in (("removing", "remove"), ("renewing", "renew"))},
        "done": done,
        "said": said,
        "most": LONGEST_URL,
        "may_run": actor.role.may(Role.OPERATOR),
        "admin": admin,
        "every_ms": LOOK_AGAIN_MS,
        "action": f"/{lang}/engines/{engine}",
        "inner": f"/{engine}",
    }
    return page(request, "engine", lang, actor, facts_or_none(request, actor), status=status, **more)


def _compared(
    request: Request, actor: Actor, told: EngineDetail, generations: Sequence[GenerationAnswer], sides: tuple[str, str], say: Speaker,
    k: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Two generations side by side: those that were asked for, else the wanted one and the one before it with other content."""
    asked = [int(n) if n.isascii() and n.isdecimal() and int(n) else None for n in sides]
    before = [g for g in generations if g.generation != told.desired and g.state != GenerationState.RECALLED]
    other = next((g.generation for g in before if g.content_id != told.content_id), before[0].generation if before else None)
    a, b = asked[0] or other, asked[1] or told.desired
    shape: dict[str, Any] = {"diff": None, "diff_said": "", "side_a": a, "side_b": b}
    if a is None or b is None:
        return shape
    try:
        return {**shape, "diff": shown.diff_shown(api.get_diff(request, actor, told.engine, a, b), say, k)}
    except Problem as problem:
        return {**shape, "diff_said": k["no_generation"] if problem.status == 404 else k["gone"]}
