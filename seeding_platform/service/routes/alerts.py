"""Alerts that were raised: read by those whom they concern, acknowledged, muted and resolved by analysts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from seeding_platform.monitoring.alert import AlertState, Severity
from seeding_platform.monitoring.notices import says_of, title_of
from seeding_platform.monitoring.rules import RULES
from seeding_platform.service import alerted
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.moments import Moment
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.storage.alerts import Occurrence

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]
MOST_ALERTS = 500


class AlertAnswer(BaseModel):
    """One occurrence of an alert; `tenant` is empty for the whole installation's."""

    alert_id: str
    rule: str
    tenant: str
    subject: str
    severity: Severity
    state: AlertState
    title: str
    says: str
    evidence: dict[str, Any]
    runbook: str
    occurrence: int
    count: int
    opened_at: dt.datetime
    last_at: dt.datetime
    acknowledged_by: str
    acknowledged_at: dt.datetime | None
    muted_by: str
    muted_until: dt.datetime | None
    resolved_by: str
    resolved_at: dt.datetime | None
    notices: int
    notified_at: dt.datetime | None

    @classmethod
    def of(cls, alert: Occurrence, lang: str = "en") -> AlertAnswer:
        """The answer for what is kept."""
        said = {"title": title_of(alert, lang), "says": says_of(alert, lang), "runbook": RULES[alert.rule].anchor}
        told = {name: getattr(alert, name) for name in cls.model_fields if name not in said}
        return cls.model_validate({**told, **said})


class AlertsAnswer(BaseModel):
    """Alerts, what was raised last first, and how many there are of each state among those that match otherwise."""

    items: list[AlertAnswer]
    counts: dict[str, int]


class HappeningAnswer(BaseModel):
    """Something that became of an alert."""

    at: dt.datetime
    actor: str
    what: str
    detail: dict[str, Any]


class AlertTold(BaseModel):
    """One alert with all that became of it, and its occurrences, the newest first."""

    alert: AlertAnswer
    history: list[HappeningAnswer]
    occurrences: list[AlertAnswer]


class MuteWanted(BaseModel, extra="forbid"):
    """Until when nobody is told."""

    until: Moment


@router.get("")
def list_alerts(
    request: Request,
    actor: Viewer,
    state: Annotated[AlertState | None, Query(description="Only of this state")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity")] = None,
    rule: Annotated[str, Query(max_length=100, description="Only of rules whose name begins with this")] = "",
    scope: Annotated[
        Literal["own", "installation", "all"], Query(description="Of one's own organisation, of the whole installation (operators), or both")
    ] = "all",
    lang: Literal["en", "nl"] = "en",
    limit: Annotated[int, Query(ge=1, le=MOST_ALERTS)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AlertsAnswer:
    """Alerts that one may see, what was raised last first."""
    alerts = service_of(request).desk.alerts
    wanted = alerted.readable(actor, scope=scope, rule=rule, states=[state] if state else [], severities=[severity] if severity else [])
    found = alerts.listed(wanted, limit=limit, offset=offset)
    return AlertsAnswer(items=[AlertAnswer.of(a, lang) for a in found], counts=alerts.counted(alerted.everything(wanted)))


@router.get("/{alert_id}")
def get_alert(request: Request, actor: Viewer, alert_id: str, lang: Literal["en", "nl"] = "en") -> AlertTold:
    """One alert, its history and its occurrences."""
    service = service_of(request)
    found, alerts = alerted.existing(service, actor, alert_id), service.desk.alerts
    history = [HappeningAnswer(at=h.at, actor=h.actor, what=h.what, detail=dict(h.detail)) for h in alerts.history(alert_id)]
    occurrences = [AlertAnswer.of(a, lang) for a in alerts.occurrences(found.fingerprint)]
    return AlertTold(alert=AlertAnswer.of(found, lang), history=history, occurrences=occurrences)


@router.post("/{alert_id}/acknowledge")
def post_acknowledge(request: Request, actor: Analyst, alert_id: str) -> AlertAnswer:
    """Take an alert on: nobody is reminded of it, unless it gets worse."""
    made = alerted.acknowledged(service_of(request), actor, alert_id)
    tell(request, did="alert.acknowledge", rule=made.rule)
    return AlertAnswer.of(made)


@router.post("/{alert_id}/mute")
def post_mute(request: Request, actor: Analyst, alert_id: str, wanted: MuteWanted) -> AlertAnswer:
    """Have nobody told of an alert until a moment, within ninety days."""
    made = alerted.muted(service_of(request), actor, alert_id, wanted.until)
    tell(request, did="alert.mute", rule=made.rule, until=wanted.until.isoformat())
    return AlertAnswer.of(made)


@router.post("/{alert_id}/resolve")
def post_resolve(request: Request, actor: Analyst, alert_id: str) -> AlertAnswer:
    """Say that an alert is over; where it is not, it opens anew when it is next raised."""
    made = alerted.resolved(service_of(request), actor, alert_id)
    tell(request, did="alert.resolve", rule=made.rule)
    return AlertAnswer.of(made)
