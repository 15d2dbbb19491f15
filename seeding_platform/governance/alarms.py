"""What of governance people should know: an audit log that is not as it was written, requests of people that are nearly due or late."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from seeding_platform.storage.privacy import PrivacyState

if TYPE_CHECKING:
    from seeding_platform.governance.audit import Trail
    from seeding_platform.monitoring.desk import AlertDesk
    from seeding_platform.storage.state import State

BROKEN, DEADLINE = "audit.broken", "privacy.deadline"
SOON = dt.timedelta(days=7)
"""From here on a deadline is near."""


def audit_alarm(desk: AlertDesk, trail: Trail, *, now: dt.datetime) -> None:
    """Raise or clear the alert about the audit log, by the newest verification on record; nothing before the first."""
    from seeding_platform.monitoring.alert import Alert

    last = trail.last_verified()
    if last is None:
        return
    if last.event.outcome == "ok" and last.sound:
        desk.clear(BROKEN, "", "audit/log", now=now)
        return
    problems = last.event.detail.get("problems")
    evidence = {"problems": len(problems) if isinstance(problems, list) else 1, "event": last.seq, "at": last.event.at}
    desk.raise_(Alert(rule=BROKEN, tenant="", subject="audit/log", evidence=evidence), now=now)


def deadline_alarms(desk: AlertDesk, state: State, *, now: dt.datetime) -> None:
    """Raise an alert for every request that is due within a week, a critical one when it is late; clear those that were answered."""
    from seeding_platform.monitoring.alert import Alert, Severity

    kept, due = PrivacyState(state), set()
    for request in (r for tenant in kept.tenants() for r in kept.all(tenant)):
        if request.closed_at is not None or request.due_at - now >= SOON:
            continue
        subject = f"privacy/{request.request_id}"
        due.add((request.tenant, subject))
        severity = Severity.CRITICAL if request.due_at < now else Severity.WARNING
        evidence = {"due": request.due_at.date(), "kind": request.kind, "state": request.state}
        desk.raise_(Alert(rule=DEADLINE, tenant=request.tenant, subject=subject, severity=severity, evidence=evidence), now=now)
    for standing in desk.alerts.standing(rule=DEADLINE):
        if (standing.tenant, standing.subject) not in due:
            desk.clear(DEADLINE, standing.tenant, standing.subject, now=now)
