"""The pages' addresses: each asks the same functions as the API and writes what comes back."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import PROVISIONAL_DAYS, answered
from seeding_platform.analytics.language import asked
from seeding_platform.analytics.language.explain import suggestions
from seeding_platform.analytics.metrics import catalogue, metric
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.errors import SeedingError
from seeding_platform.service import auth
from seeding_platform.service.auth import Actor, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages import charts
from seeding_platform.service.pages.render import Speaker, environment, judged, words
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.plan import Answer

router = APIRouter(include_in_schema=False)
Locale = Literal["en", "nl"]
BADGES = {"queued": "waiting", "running": "running", "succeeded": "ok", "failed": "failed", "refused": "failed"}
DAYS_SHOWN = (7, 30, 90)


@router.get("/")
def home(request: Request) -> Response:
    """To the KPIs, in the language that the browser asks for."""
    dutch = request.headers.get("accept-language", "").lower().startswith("nl")
    return RedirectResponse(f"/{'nl' if dutch else 'en'}/kpis", status_code=307)


@router.get("/{lang}/sign-in")
def sign_in_page(request: Request, lang: Locale, next: str = "") -> Response:
    """Where a key is asked for."""
    return page(request, "sign_in", lang, None, None, wrong=False, next=next)


@router.post("/{lang}/sign-in")
def sign_in(request: Request, lang: Locale, key: Annotated[str, Form()], next: Annotated[str, Form()] = "") -> Response:
    """Open a session with a key."""
    service = service_of(request)
    found = service.api.key(key.strip())
    if found is None:
        return page(request, "sign_in", lang, None, None, status=401, wrong=True, next=next)
    target = next if next.startswith(f"/{lang}/") and "//" not in next and "\\" not in next else f"/{lang}/kpis"
    response = RedirectResponse(target, status_code=303)
    cookie = auth.session_for(service, found.key_id)
    response.set_cookie(auth.COOKIE, cookie, max_age=auth.SESSION_SECONDS, httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return response


@router.get("/{lang}/sign-out")
def sign_out(lang: Locale) -> Response:
    """End the session."""
    response = RedirectResponse(f"/{lang}/sign-in", status_code=303)
    response.delete_cookie(auth.COOKIE)
    return response


@router.get("/{lang}/kpis")
def kpis_page(
    request: Request, lang: Locale, days: int = 30, by: Literal["platform", "campaign", "country", "device"] = "platform", draw: str = "revenue"
) -> Response:
    """Tiles, trend and a table, against the period before."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        return kpis_shown(facts, lang, days=days if days in DAYS_SHOWN else 30, by=by, drawn=draw if draw in catalogue().performance else "revenue")

    return with_facts(request, "kpis", lang, body)


@router.get("/{lang}/ask")
def ask_page(request: Request, lang: Locale, question: str = "") -> Response:
    """A question and its answer."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        return ask_shown(facts, lang, question)

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
    csrf = auth.csrf_token(service, actor.session) if actor.session else ""
    more: dict[str, Any] = {
        "files": files,
        "latest": files[0] if files else None,
        "badges": BADGES,
        "csrf": csrf,
        "most_mb": service.settings.max_upload_mb,
    }
    return page(request, "upload", lang, actor, facts_or_none(request, actor), may_upload=actor.role.may(Role.ANALYST), **more)


# frame


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
    except SeedingError as error:
        return page(request, "problem", lang, actor, None, status=503, detail=str(error), page=name)
    return page(request, name, lang, actor, facts, **body(actor, facts))


def page(request: Request, template: str, lang: str, actor: Actor | None, facts: Known | None, *, status: int = 200, **more: Any) -> Response:
    """A template with what every page needs."""
    w = words(lang)
    say = Speaker(lang, currency_of(facts) if facts is not None else None)
    name = more.pop("page", template)
    title = w[name]["title"] if name in w and isinstance(w[name], dict) else w["app"]
    shared = {"w": w, "lang": lang, "page": name.replace("_", "-"), "title": title, "actor": actor, "facts": facts, "say": say, "judged": judged}
    query = f"?{request.url.query}" if request.url.query and template != "sign_in" else ""
    text = environment().get_template(f"{template}.html.j2").render(**{**shared, "query": query, **more})
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "private, no-store"})


def currency_of(facts: Known) -> str | None:
    """The one currency of the facts, or None."""
    found = facts.values["currency"]
    return found[0] if len(found) == 1 else None


# KPIs


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that names the row."""

    name: str
    title: str
    shown: Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of an answer as a template draws them."""

    keys: Sequence[Column]
    metrics: Sequence[str]
    compared: bool
    rows: Sequence[dict[str, Any]]


def table_of(answer: Answer, say: Speaker) -> Table:
    """The rows of an answer."""
    if answer.plan is None:
        raise Problem(500, "no-plan", "An answer without a plan has no rows.")
    plan = answer.plan
    keys = [Column(d, say.dimension(d).capitalize(), lambda row, d=d: row[d] if row[d] is not None else "–") for d in plan.dimensions]  # type: ignore[misc]
    if plan.grain is not None:
        keys.append(Column("period", words(say.lang)["kpis"]["period"], lambda row: say.day(dt.date.fromisoformat(row["period"]))))
    return Table(keys, plan.metrics, plan.compare is not None, answer.rows)


def tops_of(table: Table) -> dict[str, float]:
    """The largest value of each sum, by which bars are drawn; no bars for ratios, whose lengths would say nothing."""
    found: dict[str, float] = {}
    for name in table.metrics:
        values = [row[name]["current"] if table.compared else row[name] for row in table.rows]
        largest = max((v for v in values if v is not None), default=0)
        found[name] = largest if metric(name).kind == "sum" and largest > 0 and table.keys else 0
    return found


def kpis_shown(facts: Known, lang: str, *, days: int, by: str, drawn: str) -> dict[str, Any]:
    """What the KPI page shows."""
    w, say = words(lang), Speaker(lang, currency_of(facts))
    window = periods.last(days, "day", facts.as_of)
    before = periods.before(window, complete_through=facts.complete_through)
    names = catalogue().performance
    plan = QueryPlan(metrics=names, window=window, compare=before)
    total = answered(plan, facts, lang=lang)
    shared: dict[str, Any] = {"days": days, "by": by, "drawn": drawn}
    told = {"start": say.day(window.start), "end": say.day(window.end)}
    if before is not None:
        told |= {"before_start": say.day(before.start), "before_end": say.day(before.end)}
    shared["lead"] = w["kpis"]["lead"].format(**told)
    if total.status != "ok":
        return {**shared, "tiles": [], "nothing": nothing(w, say, facts)}
    daily = answered(plan.model_copy(update={"grain": "day"}), facts, lang=lang)
    split = answered(plan.model_copy(update={"dimensions": (by,)}), facts, lang=lang)
    table = table_of(split, say)
    provisional = [
        d for d in (window.end - i * periods.DAY for i in range(PROVISIONAL_DAYS)) if d > facts.complete_through - PROVISIONAL_DAYS * periods.DAY
    ]
    query = {"metrics": ",".join(names), "by": by, "start": window.start, "end": window.end, "compare": "previous"}
    return {
        **shared,
        "tiles": [tile(name, total, daily, w) for name in names],
        "notices": notices(total, w, say, provisional),
        "trend_wide": drawing(daily, drawn, say, w, provisional=len(provisional), width=1104),
        "trend_narrow": drawing(daily, drawn, say, w, provisional=len(provisional), width=340),
        "table": table,
        "tops": tops_of(table),
        "download": f"/api/v1/exports?{urlencode(query)}",
        "sql": split.sql,
    }


def nothing(w: dict[str, Any], say: Speaker, facts: Known) -> str:
    """Why there is nothing to see."""
    return str(w["kpis"]["nothing"].format(first=say.day(facts.first_day), last=say.day(facts.complete_through)))


def tile(name: str, total: Answer, daily: Answer, w: dict[str, Any]) -> dict[str, Any]:
    """One figure large, with its direction."""
    flag, kind = "", "muted"
    basis = total.basis.get("revenue_basis")
    if metric(name).better == "down":
        flag = w["kpis"]["lower_is_better"]
    elif "revenue" in metric(name).columns() and basis in ("assumed", "mixed"):
        flag, kind = w["kpis"]["assumed" if basis == "assumed" else "part_assumed"], "warn"
    series, before = ([row[name][part] for row in daily.rows] for part in ("current", "previous"))
    return {"name": name, "value": total.rows[0][name], "flag": flag, "flag_kind": kind, "series": series, "before": before}


def notices(answer: Answer, w: dict[str, Any], say: Speaker, provisional: Sequence[dt.date] = ()) -> list[tuple[str, str, str]]:
    """What a reader of the figures must know: kind, icon, sentence."""
    codes = {warning.partition(":")[0] for warning in answer.warnings}
    told = []
    if provisional:
        days = ", ".join(say.day(d, short=True) for d in sorted(provisional))
        told.append(("warn", "clock", w["notices"]["provisional"].format(days=days)))
    known = {"revenue_basis": "assumed", "cac_basis": "cac", "currency_unknown": "currency"}
    told += [("", "info", w["notices"][words_name]) for code, words_name in known.items() if code in codes]
    shown = {*known, "no_data"}
    return told + [("", "info", text.partition(": ")[2]) for text in answer.warnings if text.partition(":")[0] not in shown]


def drawing(daily: Answer, name: str, say: Speaker, w: dict[str, Any], *, provisional: int, width: int) -> Any:
    """The trend of a figure."""
    values, before = ([row[name][part] for row in daily.rows] for part in ("current", "previous"))
    days = [say.day(dt.date.fromisoformat(row["period"]), short=True) for row in daily.rows]
    return charts.trend(
        values,
        before,
        days,
        shown=lambda value: say.figure(value, name, short=True),
        names=(w["kpis"]["this"], w["kpis"]["before"]),
        provisional=provisional,
        provisional_name=w["kpis"]["provisional"],
        label=w["kpis"]["spark"].format(metric=say.metric(name)),
        width=width,
    )


# questions


def ask_shown(facts: Known, lang: str, question: str) -> dict[str, Any]:
    """What the page of questions shows."""
    w, say = words(lang), Speaker(lang, currency_of(facts))
    shared: dict[str, Any] = {"question": question, "suggestions": suggestions(facts, lang), "answer": None}
    if not question.strip():
        return shared
    answer = asked(question, facts, prefer=lang)
    shared["answer"] = answer
    if answer.plan is None:
        return shared
    table = table_of(answer, say) if answer.rows else None
    more: dict[str, Any] = {"chips": chips(answer, say, w), "notices": notices(answer, w, say), "nothing": nothing(w, say, facts), "download": ""}
    if table is not None:
        more |= {"table": table, "tops": tops_of(table), "download": download_of(answer.plan)}
    return {**shared, **more}


def chips(answer: Answer, say: Speaker, w: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """The plan in pieces: key, value, and whether it was assumed."""
    plan, k = answer.plan, w["ask"]["chips"]
    if plan is None:
        return []

    def days(window: periods.Window) -> str:
        return say.day(window.start) if window.days == 1 else f"{say.day(window.start)} – {say.day(window.end)}"

    ranked = any(text.startswith("ranked_by") for text in answer.warnings)
    found = [(k["show"], ", ".join(say.metric(m) for m in plan.metrics), ranked)]
    found += [(k["by"], say.dimension(d), False) for d in plan.dimensions]
    if plan.grain is not None:
        found.append(
            (
                k["per"],
                {"en": {}, "nl": {"day": "dag", "month": "maand", "quarter": "kwartaal", "year": "jaar"}}[say.lang].get(plan.grain, plan.grain),
                False,
            )
        )
    found += [(k["except" if f.exclude else "only"], ", ".join(f.values), False) for f in plan.filters]
    found.append((k["in"], days(plan.window), plan.window.source == "default"))
    if plan.compare is not None:
        found.append((k["compared"], days(plan.compare), False))
    found += [(k["where"], f"{say.metric(h.metric)} {h.operator} {h.value:g}", False) for h in plan.having]
    if plan.order is not None:
        found.append((k["order"], f"{say.metric(plan.order.metric)}, {k['highest' if plan.order.descending else 'lowest']}", False))
    if plan.limit < 1000:
        found.append((k["limit"], k["rows"].format(n=plan.limit), False))
    return found


def download_of(plan: QueryPlan) -> str:
    """The address of the same rows as a file."""
    query: list[tuple[str, Any]] = [
        ("metrics", ",".join(plan.metrics)),
        ("start", plan.window.start),
        ("end", plan.window.end),
        ("limit", plan.limit),
    ]
    if plan.dimensions:
        query.append(("by", ",".join(plan.dimensions)))
    if plan.grain is not None:
        query.append(("grain", plan.grain))
    query += [("filter", f"{f.dimension}:{'!' if f.exclude else ''}{'|'.join(f.values)}") for f in plan.filters]
    if plan.order is not None:
        query.append(("order", f"{'-' if plan.order.descending else ''}{plan.order.metric}"))
    return f"/api/v1/exports?{urlencode(query)}"


# uploads


def shown_file(ingestion: Any, say: Speaker) -> dict[str, Any]:
    """An upload for people."""
    summary = json.loads(ingestion.summary)
    days = "–"
    if summary.get("first_date"):
        days = " – ".join(say.day(dt.date.fromisoformat(summary[end])) for end in ("first_date", "last_date"))
    told = {name: getattr(ingestion, name) for name in ("file_name", "status", "message", "created_at")}
    return {**told, "summary": summary, "days": days}
