"""The pages' addresses: each asks the same functions as the API and writes what comes back."""

from __future__ import annotations

import datetime as dt
import hmac
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from seeding_platform.analytics.keeping import Annotation, SavedQuestion
from seeding_platform.analytics.metrics import catalogue
from seeding_platform.errors import SeedingError
from seeding_platform.service import auth
from seeding_platform.service.auth import Actor, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.origin import same_origin
from seeding_platform.service.pages.figures import currency_of, findings_shown, kpis_shown
from seeding_platform.service.pages.questions import ask_shown
from seeding_platform.service.pages.render import Speaker, environment, judged, words
from seeding_platform.service.sessions import COOKIE, SESSION_SECONDS
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.analytics.facts import Known

router = APIRouter(include_in_schema=False)
Locale = Literal["en", "nl"]
BADGES = {"queued": "waiting", "running": "running", "succeeded": "ok", "failed": "failed", "refused": "failed"}
DAYS_SHOWN = (7, 30, 90)
BELONGS_TO = {
    "dashboard": "dashboards",
    "cleaning_table": "cleaning",
    "cleaning_clusters": "cleaning",
    "privacy_confirm": "privacy",
    "privacy_request": "privacy",
    "audit_event": "audit",
    "alert": "alerts",
    "keys_people": "people",
    "keys_confirm": "people",
    "tenants_confirm": "tenants",
    "setting": "settings",
    "table_history": "tables",
    "model": "models",
    "models_confirm": "models",
    "engine": "engines",
    "engine_confirm": "engines",
    "dead_letters": "engines",
    "enrichment_confirm": "enrichment",
    "enrichment_record": "enrichment",
    "enrichment_review": "enrichment",
}
"""Pages that are part of another one in the menu."""
ADDRESSES = {"cleaning": "quality/cleaning", "bias": "quality/bias"}
MENU: dict[str, tuple[tuple[str, str, Role], ...]] = {
    "main": (
        ("overview", "home", Role.VIEWER),
        ("kpis", "kpi", Role.VIEWER),
        ("ask", "ask", Role.VIEWER),
        ("dashboards", "board", Role.VIEWER),
        ("alerts", "warn", Role.VIEWER),
        ("watch", "watch", Role.VIEWER),
        ("upload", "upload", Role.VIEWER),
    ),
    "pipeline": (
        ("runs", "runs", Role.VIEWER),
        ("quality", "kpi", Role.VIEWER),
        ("cleaning", "clean", Role.VIEWER),
        ("bias", "scale", Role.VIEWER),
        ("enrichment", "enrich", Role.VIEWER),
        ("models", "models", Role.VIEWER),
        ("engines", "engines", Role.VIEWER),
        ("tables", "tables", Role.OPERATOR),
        ("privacy", "lock", Role.STEWARD),
    ),
    "configuration": (
        ("settings", "rules", Role.ANALYST),
        ("webhooks", "hook", Role.STEWARD),
        ("people", "people", Role.ADMIN),
        ("tenants", "board", Role.ADMIN),
        ("audit", "list", Role.STEWARD),
    ),
}
"""Sections of the menu: pages with their icons, and the role that a page is for."""


@router.get("/")
def home(request: Request) -> Response:
    """To the overview, in the language that the browser asks for."""
    dutch = request.headers.get("accept-language", "").lower().startswith("nl")
    return RedirectResponse(f"/{'nl' if dutch else 'en'}/overview", status_code=307)


@router.get("/{lang}/sign-in")
def sign_in_page(request: Request, lang: Locale, next: str = "") -> Response:
    """Where a key is asked for."""
    return sign_in_shown(request, lang, next=next)


@router.post("/{lang}/sign-in")
def sign_in(request: Request, lang: Locale, key: Annotated[str, Form()], next: Annotated[str, Form()] = "") -> Response:
    """Open a session with a key."""
    service = service_of(request)
    if same_origin(request.headers) is False:
        return sign_in_shown(request, lang, status=403, wrong="wrong", next=next)
    found = service.sessions.presented(key)
    if found is None:
        return sign_in_shown(request, lang, status=401, wrong="wrong", next=next)
    request.state.actor = found
    response = RedirectResponse(own_target(next, lang), status_code=303)
    cookie = service.sessions.started(found.key_id, mark=found.mark)
    response.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return response


@router.get("/{lang}/sign-out")
def forget_here(request: Request, lang: Locale) -> Response:
    """End the session in this browser only: any site may link to here."""
    return _signed_out(lang)


@router.post("/{lang}/sign-out")
def sign_out(request: Request, lang: Locale, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session, for a page of ours."""
    sessions, cookie = service_of(request).sessions, request.cookies.get(COOKIE, "")
    if same_origin(request.headers) is not False and hmac.compare_digest(csrf.encode(), sessions.csrf_token(cookie).encode()):
        sessions.ended(cookie)
    return _signed_out(lang)


def _signed_out(lang: str) -> Response:
    response = RedirectResponse(f"/{lang}/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/{lang}/kpis")
def kpis_page(
    request: Request,
    lang: Locale,
    days: int = 30,
    by: Literal["platform", "campaign", "ad_group", "ad", "country", "device"] = "platform",
    draw: str = "revenue",
    only: Annotated[list[str] | None, Query(max_length=8)] = None,
) -> Response:
    """Tiles, trend and a table, against the period before; of a part of the facts where one was drilled into."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        service = service_of(request)
        notes = [Annotation.model_validate(i.body) for i in service.kept.all("annotation", tenant=actor.tenant)]
        drawn = draw if draw in catalogue().performance else "revenue"
        shown = kpis_shown(facts, lang, days=days if days in DAYS_SHOWN else 30, by=by, drawn=drawn, only=only or [], notes=notes)
        found = service.findings(facts, wait=False) if not only else None
        return {**shown, "findings": findings_shown(found or [], lang, currency_of(facts))}

    return with_facts(request, "kpis", lang, body)


@router.get("/{lang}/ask")
def ask_page(request: Request, lang: Locale, question: str = "") -> Response:
    """A question and its answer."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        service = service_of(request)
        saved = [SavedQuestion.model_validate(i.body) for i in service.kept.all("question", tenant=actor.tenant)]
        return {**ask_shown(facts, lang, question, model=service.model), "saved": saved, "may_keep": actor.role.may(Role.ANALYST)}

    return with_facts(request, "ask", lang, body)


@router.get("/{lang}/upload")
def upload_page(request: Request, lang: Locale) -> Response:
    """Bring files in and see what became of them."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    service = service_of(request)
    say = Speaker(lang, None)
    files = [shown_file(i, say) for i in service.api.ingestions(tenant=actor.tenant, limit=20)]
    more: dict[str, Any] = {
        "files": files,
        "latest": files[0] if files else None,
        "badges": BADGES,
        "most_mb": service.settings.max_upload_mb,
    }
    return page(request, "upload", lang, actor, facts_or_none(request, actor), may_upload=actor.role.may(Role.ANALYST), **more)


# frame


def sign_in_shown(request: Request, lang: str, *, status: int = 200, wrong: str = "", next: str = "") -> Response:
    """Where a key is asked for, and the way to the issuer where there is one.

    Args:
        request: who asks.
        lang: of the page.
        status: of the answer.
        wrong: which word says what went wrong.
        next: where to go once signed in.
    """
    told = words(lang)["sign_in"]
    issuer = f"/{lang}/sign-in/issuer" if service_of(request).settings.oidc_issuer else ""
    more = {"wrong": told[wrong] if wrong else "", "lead": told["lead"], "next": next, "issuer": issuer}
    return page(request, "sign_in", lang, None, None, status=status, **more)


def own_target(wanted: str, lang: str) -> str:
    """Where to go once signed in: a page of ours in this language, or the overview."""
    ours = wanted.startswith(f"/{lang}/") and "//" not in wanted and "\\" not in wanted and wanted.isprintable()
    return wanted if ours else f"/{lang}/overview"


def signed_in(request: Request) -> Actor | None:
    """Who looks, or None."""
    try:
        return auth.actor_of(request)
    except Problem as problem:
        if problem.status == 401:
            return None
        raise


def to_sign_in(request: Request, lang: str) -> Response:
    """Ask for a key first, then come back."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/{lang}/sign-in?next={quote(wanted)}", status_code=303)


def facts_or_none(request: Request, actor: Actor) -> Known | None:
    """The facts in force, or None while there are none."""
    try:
        return service_of(request).facts(actor.tenant)
    except SeedingError:
        return None


def with_facts(request: Request, name: str, lang: str, body: Callable[[Actor, Known], dict[str, Any]]) -> Response:
    """A page over the facts of who looks; while there are none, why."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    try:
        facts = service_of(request).facts(actor.tenant)
        shown = body(actor, facts)
    except SeedingError as error:
        return page(request, "problem", lang, actor, None, status=503, detail=str(error), page=name)
    return page(request, name, lang, actor, facts, **shown)


def problem_shown(request: Request, status: int, detail: str) -> Response:
    """A page that says what did not work, for whoever asked for a page; who that is was found out before, or is not known."""
    _, lang, name, *inner = request.url.path.split("/")
    w = words(lang)
    named = isinstance(w.get(name), dict) and "title" in w[name]
    more = {
        "why": w["problem"]["statuses"].get(str(status), ""),
        "trace": getattr(request.state, "trace_id", "") if status >= 500 else "",
        "back": quote(request.url.path) if request.method == "POST" else "",
        "page": name if named else "problem",
        "inner": "".join(f"/{quote(part)}" for part in inner) if named else "",
    }
    return page(request, "problem", lang, getattr(request.state, "actor", None), None, status=status, detail=detail, **more)


def page(request: Request, template: str, lang: str, actor: Actor | None, facts: Known | None, *, status: int = 200, **more: Any) -> Response:
    """A template with what every page needs."""
    w = words(lang)
    say = Speaker(lang, currency_of(facts) if facts is not None else None)
    name = more.pop("page", BELONGS_TO.get(template, template))
    title = w[name]["title"] if name in w and isinstance(w[name], dict) else w["app"]
    csrf = service_of(request).sessions.csrf_token(actor.session) if actor is not None and actor.session else ""
    shared = {
        "csrf": csrf,
        "w": w,
        "lang": lang,
        "page": ADDRESSES.get(name, name.replace("_", "-")),
        "title": title,
        "actor": actor,
        "facts": facts,
        "say": say,
        "judged": judged,
        "shared": False,
        "menu": menu_of(actor),
    }
    query = more.pop("inner", "") + (f"?{request.url.query}" if request.url.query and template != "sign_in" else "")
    text = environment().get_template(f"{template}.html.j2").render(**{**shared, "query": query, **more})
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "private, no-store"})


def menu_of(actor: Actor | None) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Sections of the menu with name, address and icon of what somebody may look at; a section without any is left out."""
    role = Role.VIEWER if actor is None else actor.role
    shown = [(section, [(n, ADDRESSES.get(n, n), icon) for n, icon, needed in items if role.may(needed)]) for section, items in MENU.items()]
    return [(section, items) for section, items in shown if items]


# uploads


def shown_file(ingestion: Any, say: Speaker) -> dict[str, Any]:
    """An upload for people."""
    summary = json.loads(ingestion.summary)
    days = "–"
    if summary.get("first_date"):
        days = " – ".join(say.day(dt.date.fromisoformat(summary[end])) for end in ("first_date", "last_date"))
    told = {name: getattr(ingestion, name) for name in ("file_name", "status", "message", "created_at")}
    return {**told, "summary": summary, "days": days}
