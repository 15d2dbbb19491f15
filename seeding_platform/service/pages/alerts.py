"""Alerts for people: what is not as it should be, since when and on what evidence, with forms to take it on, to hear nothing of it, or to end it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.monitoring.alert import AlertState, Severity
from seeding_platform.monitoring.notices import says_of, title_of
from seeding_platform.monitoring.rules import RULES
from seeding_platform.service import alerted
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.cleaning import Offset, pager
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.service.auth import Actor
    from seeding_platform.storage.alerts import Occurrence

router = APIRouter(include_in_schema=False)
ALERTS_A_PAGE, OCCURRENCES_SHOWN = 25, 10
MUTES_H = (1, 8, 24, 72, 168, 720)
TONES = {"critical": "failed", "warning": "warn", "info": "plain"}
BADGES = {"open": "failed", "acknowledged": "running", "muted": "waiting", "resolved": "ok"}
Asked = Annotated[str, Query(max_length=20)]


@router.get("/{lang}/alerts")
def alerts_page(request: Request, lang: Locale, state: Asked = "open", severity: Asked = "", offset: Offset = 0) -> Response:
    """Alerts of a state, what was raised last first."""
    actor = looking(request, lang, Role.VIEWER)
    if isinstance(actor, Response):
        return actor
    w, say, alerts = words(lang), Speaker(lang, None), service_of(request).desk.alerts
    state = state if state in list(AlertState) else str(AlertState.OPEN)
    severity = severity if severity in list(Severity) else ""
    wanted = alerted.readable(actor, states=[state], severities=[severity] if severity else [])
    counts = alerts.counted(alerted.everything(wanted))
    kept = {"state": state} | ({"severity": severity} if severity else {})
    names = names_of(request, actor)
    more: dict[str, Any] = {
        "rows": [_row(a, names, say, w) for a in alerts.listed(wanted, limit=ALERTS_A_PAGE, offset=offset)],
        "state": state,
        "severity": severity,
        "states": [(str(s), counts.get(s, 0)) for s in AlertState],
        "severities": [str(s) for s in Severity],
        "one": pager(kept, counts.get(state, 0), offset, ALERTS_A_PAGE, say, w["cleaning"]),
        "lead": _lead(counts, w, say),
        "may_route": actor.role.may(Role.ANALYST),
        "may_hook": actor.role.may(Role.STEWARD),
    }
    return page(request, "alerts", lang, actor, facts_or_none(request, actor), **more)


@router.get("/{lang}/alerts/{alert_id}")
def alert_page(request: Request, lang: Locale, alert_id: str) -> Response:
    """One alert with its evidence, what to do, its history and its occurrences."""
    actor = looking(request, lang, Role.VIEWER)
    if isinstance(actor, Response):
        return actor
    return _one(request, lang, actor, alert_id)


@router.post("/{lang}/alerts/{alert_id}")
def change_alert(request: Request, lang: Locale, alert_id: str, form: Form) -> Response:
    """Acknowledge, mute or resolve an alert."""
    actor = writing(request, lang, Role.ANALYST, form)
    if isinstance(actor, Response):
        return actor
    service, step, hours = service_of(request), typed(form, "step"), typed(form, "hours")
    try:
        if step == "acknowledge":
            alerted.acknowledged(service, actor, alert_id)
        elif step == "mute" and hours in {str(n) for n in MUTES_H}:
            alerted.muted(service, actor, alert_id, service.now() + dt.timedelta(hours=int(hours)))
        elif step == "resolve":
            alerted.resolved(service, actor, alert_id)
        else:
            return _one(request, lang, actor, alert_id, said=words(lang)["alerts"]["unreadable"], status=422)
    except Problem as problem:
        if problem.status == 404:
            return told_off(request, lang, actor, words(lang)["alerts"]["no_such"], status=404)
        return _one(request, lang, actor, alert_id, said=words(lang)["alerts"]["over"], status=problem.status)
    tell(request, did=f"alert.{step}")
    return RedirectResponse(f"/{lang}/alerts/{alert_id}", status_code=303)


def _one(request: Request, lang: str, actor: Actor, alert_id: str, *, said: str = "", status: int = 200) -> Response:
    service, w, say = service_of(request), words(lang), Speaker(lang, None)
    try:
        found = alerted.existing(service, actor, alert_id)
    except Problem:
        return told_off(request, lang, actor, w["alerts"]["no_such"], status=404)
    alerts, names, k = service.desk.alerts, names_of(request, actor), w["alerts"]
    history = [
        {
            "at": say.moment(h.at),
            "what": k["happened"].get(h.what, h.what),
            "who": _who(h.actor, names, k),
            "more": _detail(h.what, h.detail, k, say),
        }
        for h in reversed(alerts.history(alert_id))
    ]
    before = [_row(a, names, say, w) for a in alerts.occurrences(found.fingerprint, limit=OCCURRENCES_SHOWN + 1) if a.alert_id != alert_id]
    rule = RULES[found.rule]
    more: dict[str, Any] = {
        "a": _row(found, names, say, w),
        "evidence": [(k["facts"].get(name, name.replace("_", " ")), _figure(value, say)) for name, value in found.evidence.items()],
        "todo": rule.todo[lang],
        "anchor": rule.anchor,
        "history": history,
        "before": before[:OCCURRENCES_SHOWN],
        "mutes": [(n, k["hours"].format(n=n) if n < 48 else k["days"].format(n=n // 24)) for n in MUTES_H],
        "may_act": actor.role.may(Role.ANALYST) and found.state != AlertState.RESOLVED,
        "said": said,
    }
    return page(request, "alert", lang, actor, facts_or_none(request, actor), status=status, inner=f"/{alert_id}", **more)


def _row(alert: Occurrence, names: dict[str, str], say: Speaker, w: dict[str, Any]) -> dict[str, Any]:
    """An alert for people."""
    k = w["alerts"]
    doing = {
        AlertState.ACKNOWLEDGED: (k["taken"], alert.acknowledged_by, alert.acknowledged_at),
        AlertState.MUTED: (k["muted_until"], alert.muted_by, alert.muted_until),
        AlertState.RESOLVED: (k["ended"], alert.resolved_by, alert.resolved_at),
    }.get(AlertState(alert.state))
    told = ""
    if doing is not None and doing[2] is not None:
        told = doing[0].format(who=_who(doing[1], names, k), at=say.moment(doing[2]))
    return {
        "id": alert.alert_id,
        "title": title_of(alert, say.lang),
        "says": says_of(alert, say.lang),
        "severity": alert.severity,
        "tone": TONES[alert.severity],
        "state": str(alert.state),
        "badge": BADGES[alert.state],
        "rule": alert.rule,
        "subject": alert.subject,
        "tenant": alert.tenant or k["everybody"],
        "since": say.moment(alert.opened_at),
        "last": say.moment(alert.last_at),
        "count": say.count(alert.count),
        "occurrence": alert.occurrence,
        "told": told,
        "notified": say.moment(alert.notified_at) if alert.notified_at is not None else k["nobody"],
    }


def _who(actor: str, names: dict[str, str], k: dict[str, Any]) -> str:
    return str(k["by_itself"]) if actor == "service" else names.get(actor, actor)


def _detail(what: str, detail: Any, k: dict[str, Any], say: Speaker) -> str:
    """What a line of the history has to add."""
    if what in ("escalated", "eased"):
        return f"{k['severities'][detail['from']]} → {k['severities'][detail['to']]}"
    if what == "muted":
        return str(k["until"].format(at=say.moment(dt.datetime.fromisoformat(detail["until"]))))
    return str(k["severities"].get(detail.get("severity"), ""))


def _figure(value: Any, say: Speaker) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return say.count(value) if float(value).is_integer() else say.number(value, 4)


def _lead(counts: dict[str, int], w: dict[str, Any], say: Speaker) -> str:
    k, opened = w["alerts"], counts.get(AlertState.OPEN, 0)
    return str(k["calm"] if not opened else k["one_open"] if opened == 1 else k["some_open"].format(n=say.count(opened)))
