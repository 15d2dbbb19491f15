"""Overview and runs: what is so, what needs a person, what the graph is doing; live while somebody looks."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.keeping import Alert, Target
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.analytics.watching import alert_said, alert_state, pace
from seeding_platform.errors import SeedingError
from seeding_platform.monitoring.alert import AlertState, Severity
from seeding_platform.monitoring.notices import title_of
from seeding_platform.service import alerted
from seeding_platform.service.auth import service_of
from seeding_platform.service.pages.deadlines import clock
from seeding_platform.service.pages.figures import currency_of, findings_shown, tile
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page, signed_in, to_sign_in
from seeding_platform.service.routes.runs import seen_by
from seeding_platform.service.runs import UNFINISHED, NoSuchRun
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.privacy import PrivacyState

if TYPE_CHECKING:
    from seeding_platform.analytics.facts import Known
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.context import Service
    from seeding_platform.service.runs import LogLine, RunShown

router = APIRouter(include_in_schema=False)
SHOWN = ("revenue", "spend", "cac", "roas")
RUN_BADGES = {"queued": "waiting", "running": "running", "succeeded": "ok", "failed": "failed", "canceled": "waiting"}
LOG_ICONS = {"made": ("good", "ok"), "started": ("info", "info"), "succeeded": ("good", "ok"), "retried": ("warn", "warn"), "check": ("warn", "warn")}
RUNS_A_PAGE = 20
LOG_LINES = 80
ALERTS_TOLD = 5
TOLD_HERE = ("kpi.limit", "audit.broken", "privacy.deadline")
"""Rules whose alerts the overview tells in words of its own."""
OVER = 1.1
"""A budget that is heading for more than this share of itself is told of."""


@router.get("/{lang}/overview")
def overview(request: Request, lang: Locale) -> Response:
    """A sentence on what is so, what needs a person, figures, the last run, what is worth knowing."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    service, facts = service_of(request), facts_or_none(request, actor)
    w, say = words(lang), Speaker(lang, currency_of(facts) if facts is not None else None)
    runs = [seen_by(actor, run) for run in service.runs.recent(limit=1)]
    needs = needed(service, actor, facts, say, w)
    more: dict[str, Any] = {
        "needs": needs,
        "lead": _lead(facts, needs, say, w),
        "tiles": [],
        "run": run_shown(runs[0], say, w) if runs else None,
        "findings": findings_shown(service.findings(facts, wait=False) or [], lang, say.currency) if facts is not None else [],
        "fresh": _freshness(facts, say) if facts is not None else [],
        "badges": RUN_BADGES,
    }
    if facts is not None:
        window = periods.last(30, "day", facts.as_of)
        plan = QueryPlan(metrics=SHOWN, window=window, compare=periods.before(window, complete_through=facts.complete_through))
        total = answered(plan, facts, lang=lang)
        if total.status == "ok" and len(total.rows) == 1 and plan.compare is not None:
            daily = answered(plan.model_copy(update={"grain": "day"}), facts, lang=lang)
            more["tiles"] = [tile(name, total, daily, w) for name in SHOWN]
    return page(request, "overview", lang, actor, facts, **more)


def needed(service: Service, actor: Actor, facts: Known | None, say: Speaker, w: dict[str, Any]) -> list[dict[str, str]]:
    """What waits for a person: failed runs and uploads, what stewards answer for, limits passed, sources behind, budgets that will not be kept."""
    k = w["overview"]
    bad = [
        {"kind": "bad", "text": k["run_failed"].format(job=run.job, why=run.message or k["no_reason"]), "href": f"runs?run={run.run_id}"}
        for run in (seen_by(actor, run) for run in newest_of_each(service.runs.recent(limit=RUNS_A_PAGE)))
        if run.status == "failed"
    ]
    uploads = service.api.ingestions(tenant=actor.tenant, limit=5)
    bad += [{"kind": "bad", "text": k["upload_failed"].format(file=u.file_name), "href": "upload"} for u in uploads if u.status == "failed"]
    bad += for_stewards(service, actor, say, w)
    bad += open_alerts(service, actor, say)
    if facts is None:
        return bad
    behind = [k["behind"].format(name=name, day=say.day(through)) for name, through in facts.through.items()]
    watched = [*_passed(service, actor.tenant, facts, say), *_over_budget(service, actor.tenant, facts, say, k)]
    return [
        *bad,
        *({"kind": "warn", "text": text, "href": "upload"} for text in behind),
        *({"kind": "warn", "text": text, "href": "watch"} for text in watched),
    ]


def for_stewards(service: Service, actor: Actor, say: Speaker, w: dict[str, Any]) -> list[dict[str, str]]:
    """What waits for a steward: an audit log that is not as it was written, requests of people that are due within a week or late."""
    if not actor.role.may(Role.STEWARD):
        return []
    k, now, found = w["overview"], service.now(), []
    last = service.trail.last_verified()
    if last is not None and (last.event.outcome != "ok" or not last.sound):
        found.append({"kind": "bad", "text": k["log_broken"].format(day=say.moment(last.event.at)), "href": "audit#seals"})
    for request in PrivacyState(service.state).all(actor.tenant):
        told = clock(request, now, say, w["privacy"])
        if request.closed_at is None and told["tone"] != "ok":
            text = k["request_due"].format(kind=w["privacy"]["kinds"].get(request.kind, request.kind).lower(), left=told["text"], day=told["day"])
            found.append({"kind": told["tone"], "text": text, "href": f"privacy/{request.request_id}"})
    return found


def open_alerts(service: Service, actor: Actor, say: Speaker) -> list[dict[str, str]]:
    """Alerts that nobody has taken on, but for those of which this page tells otherwise."""
    wanted = alerted.readable(actor, states=[AlertState.OPEN])
    others = dataclasses.replace(wanted, rules=[rule for rule in wanted.rules if rule not in TOLD_HERE])
    found = service.desk.alerts.listed(others, limit=ALERTS_TOLD)
    kinds = {Severity.CRITICAL: "bad"}
    return [{"kind": kinds.get(Severity(a.severity), "warn"), "text": title_of(a, say.lang), "href": f"alerts/{a.alert_id}"} for a in found]


def newest_of_each(runs: list[RunShown]) -> list[RunShown]:
    """The newest run of each job: a file that could not be landed is not forgotten because something else ran after it."""
    found: dict[str, RunShown] = {}
    for run in runs:
        found.setdefault(run.job, run)
    return list(found.values())


def _passed(service: Service, tenant: str, facts: Known, say: Speaker) -> list[str]:
    alerts = [Alert.model_validate(i.body).model_copy(update={"lang": say.lang}) for i in service.kept.all("alert", tenant=tenant)]
    states = [(a, alert_state(a, facts)) for a in alerts]
    return [alert_said(alert, state)[1] for alert, state in states if state.holds]


def _over_budget(service: Service, tenant: str, facts: Known, say: Speaker, k: dict[str, Any]) -> list[str]:
    found = []
    for item in service.kept.all("target", tenant=tenant):
        target = Target.model_validate(item.body)
        told = pace(target, facts) if target.metric == "spend" else None
        if told is None or told.projected is None or told.days_left <= 0 or told.projected <= OVER * target.amount:
            continue
        found.append(k["over_budget"].format(title=target.title, projected=say.money(told.projected, 0), amount=say.money(target.amount, 0)))
    return found


def _lead(facts: Known | None, needs: list[dict[str, str]], say: Speaker, w: dict[str, Any]) -> str:
    k = w["overview"]
    if facts is None:
        return str(k["no_facts"])
    waits = k["nothing_waits"] if not needs else k["one_waits"] if len(needs) == 1 else k["some_wait"].format(n=len(needs))
    return f"{k['complete'].format(day=say.day(facts.complete_through))} {waits}"


def _freshness(facts: Known, say: Speaker) -> list[tuple[str, str, bool]]:
    """Each platform, the last day that it has facts for, and whether it is behind."""
    query = "SELECT platform, max(date) AS last FROM facts WHERE tenant = $tenant AND platform IS NOT NULL GROUP BY 1 ORDER BY 1"
    return [(r["platform"], say.day(r["last"]), r["platform"] in facts.through) for r in facts.snapshot.rows(query, {"tenant": facts.tenant})]


@router.get("/{lang}/runs")
def runs_page(request: Request, lang: Locale, run: str = "", before: str = "") -> Response:
    """One run with its stages and log, and those before it."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    service = service_of(request)
    w, say = words(lang), Speaker(lang, None)
    found = [seen_by(actor, r) for r in service.runs.recent(limit=RUNS_A_PAGE, before=before or None)]
    try:
        chosen = seen_by(actor, service.runs.one(run)) if run else (found[0] if found else None)
        told = chosen is not None and chosen.status != "queued" and actor.role.may(Role.OPERATOR)
        lines = service.runs.log(chosen.run_id) if chosen is not None and told else []
    except (NoSuchRun, SeedingError):
        chosen, lines = None, []
    more: dict[str, Any] = {
        "chosen": run_shown(chosen, say, w) if chosen is not None else None,
        "lines": [_said(line, w, say) for line in reversed(lines[-LOG_LINES:])],
        "history": [run_shown(r, say, w) for r in found],
        "older": found[-1].run_id if len(found) == RUNS_A_PAGE else "",
        "may_run": actor.role.may(Role.OPERATOR),
        "busy": any(r.status in UNFINISHED for r in found),
        "badges": RUN_BADGES,
    }
    return page(request, "runs", lang, actor, facts_or_none(request, actor), **more)


def run_shown(run: RunShown, say: Speaker, w: dict[str, Any]) -> dict[str, Any]:
    """A run for people: words, counts, how long it took."""
    k = w["runs"]
    planned, done = (sum(getattr(s, name) for s in run.stages) for name in ("planned", "done"))
    who, _, name = run.asked_by.partition(":")
    ended = run.ended_at or dt.datetime.now(dt.UTC)
    took = int((ended - run.started_at).total_seconds()) if run.started_at is not None else 0
    stages = [
        {
            "name": k["stages"][s.name],
            "count": say.count(s.rows),
            "done": f"{s.done} / {s.planned}",
            "failed": s.failed,
            "share": round(100 * s.done / s.planned) if s.planned else 0,
            "state": "failed" if s.failed else "ok" if s.done >= s.planned else "running" if run.status == "running" and s.done else "waiting",
        }
        for s in run.stages
    ]
    return {
        "id": run.run_id,
        "short": run.run_id[:8],
        "job": run.job,
        "status": run.status,
        "asked_by": k["asked_by"][who].format(name=name),
        "partition": run.partition,
        "started": say.moment(run.started_at) if run.started_at is not None else "–",
        "took": f"{took // 60}:{took % 60:02d}" if run.ended_at is not None or run.status == "running" else "–",
        "message": run.message,
        "stages": stages,
        "rows": say.count(sum(s.rows for s in run.stages)),
        "progress": round(100 * done / planned) if planned else 0,
        "done": k["done_of"].format(done=say.count(done), planned=say.count(planned)),
        "unfinished": run.status in UNFINISHED,
    }


def _said(line: LogLine, w: dict[str, Any], say: Speaker) -> dict[str, str]:
    """A line of the log as a sentence."""
    k = w["runs"]["log"]
    form = "made_rows" if line.kind == "made" and line.rows is not None else line.kind
    text = k[form].format(subject=line.subject, rows=say.count(line.rows or 0), detail=line.detail).strip()
    tone, icon = LOG_ICONS.get(line.kind, ("bad", "warn"))
    return {"at": f"{line.at:%H:%M:%S}", "text": text, "tone": tone, "icon": icon}
