"""What becomes of an alert, as pure functions: each gives the occurrence as it is to be, and what happened; None where nothing changes.

Whether people are told is asked last (`due_notice`): what opens again and again, or stands for long, is not told each time.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError
from seeding_platform.monitoring.alert import AlertState, Severity
from seeding_platform.storage.alerts import Happening, Occurrence

if TYPE_CHECKING:
    from seeding_platform.monitoring.alert import Alert
    from seeding_platform.monitoring.routing import AlertRoutes

SERVICE = "service"
LONGEST_MUTE = dt.timedelta(days=90)
Change = tuple[Occurrence, Happening | None]


class NotPossible(PermanentError):
    """An alert is not in a state in which that can be done."""


def opened(alert: Alert, before: Occurrence | None, *, now: dt.datetime) -> Change:
    """A first or next occurrence; one whose last was muted until later stays muted until then."""
    number = 1 if before is None else before.occurrence + 1
    still = before is not None and before.muted_until is not None and before.muted_until > now
    made = Occurrence(
        alert_id=hashlib.blake2b(f"{alert.fingerprint}#{number}".encode(), digest_size=8).hexdigest(),
        fingerprint=alert.fingerprint,
        occurrence=number,
        revision=1,
        rule=alert.rule,
        tenant=alert.tenant,
        subject=alert.subject,
        severity=str(alert.weight),
        title=alert.title,
        says=alert.says,
        evidence=alert.evidence,
        channels=alert.channels,
        state=AlertState.MUTED if still else AlertState.OPEN,
        muted_until=before.muted_until if still and before is not None else None,
        muted_by=before.muted_by if still and before is not None else "",
        opened_at=now,
        last_at=now,
    )
    return made, Happening(now, SERVICE, "opened", {"severity": made.severity, "occurrence": number, **alert.evidence})


def repeated(seen: Occurrence, alert: Alert, *, now: dt.datetime) -> Change:
    """Raised again while it stands: one more, with the newest evidence. Worse than people know, it is open again for whoever acknowledged it."""
    worse = Severity(alert.weight).above(seen.severity)
    state = AlertState.OPEN if worse and seen.state == AlertState.ACKNOWLEDGED and alert.weight.above(seen.notified_severity) else seen.state
    made = _next(
        seen, count=seen.count + 1, last_at=now, severity=str(alert.weight), evidence=alert.evidence, title=alert.title, says=alert.says,
        channels=alert.channels, state=state,
    )  # fmt: skip
    if alert.weight == seen.severity:
        return made, None
    return made, Happening(now, SERVICE, "escalated" if worse else "eased", {"from": seen.severity, "to": made.severity, **alert.evidence})


def acknowledged(seen: Occurrence, *, actor: str, now: dt.datetime) -> Change:
    """Somebody has taken it on: people are not reminded of it.

    Raises:
        NotPossible: it is over.
    """
    _standing(seen, "acknowledged")
    return _next(
        seen, state=AlertState.ACKNOWLEDGED, acknowledged_by=actor, acknowledged_at=now, muted_until=None, muted_by=""
    ), Happening(now, actor, "acknowledged")  # fmt: skip


def muted(seen: Occurrence, until: dt.datetime, *, actor: str, now: dt.datetime) -> Change:
    """Nobody is told of it until a moment, whatever becomes of it.

    Raises:
        NotPossible: it is over, or the moment is past or farther off than ninety days.
    """
    _standing(seen, "muted")
    if not now < until <= now + LONGEST_MUTE:
        raise NotPossible("An alert is muted until a moment that is still to come.", fix=f"Give one within {LONGEST_MUTE.days} days.")
    return _next(seen, state=AlertState.MUTED, muted_until=until, muted_by=actor), Happening(now, actor, "muted", {"until": until.isoformat()})


def unmuted(seen: Occurrence, *, now: dt.datetime) -> Change | None:
    """Heard again once its time is over, as acknowledged as it was before; people are told as if they had not been."""
    if seen.state != AlertState.MUTED or seen.muted_until is None or seen.muted_until > now:
        return None
    state = AlertState.ACKNOWLEDGED if seen.acknowledged_at is not None else AlertState.OPEN
    made = _next(seen, state=state, muted_until=None, muted_by="", notified_at=None, notified_severity="")
    return made, Happening(now, SERVICE, "unmuted")


def resolved(seen: Occurrence, *, actor: str, now: dt.datetime) -> Change:
    """It is over, by itself (`service`) or because somebody says so.

    Raises:
        NotPossible: it is over already.
    """
    _standing(seen, "resolved")
    return _next(seen, state=AlertState.RESOLVED, resolved_at=now, resolved_by=actor), Happening(now, actor, "resolved", {"count": seen.count})


def notified(seen: Occurrence, *, now: dt.datetime) -> Change:
    """People were told of it as it is."""
    worst = seen.severity if Severity(seen.severity).above(seen.notified_severity) else seen.notified_severity
    made = _next(seen, notices=seen.notices + 1, notified_at=now, notified_severity=worst)
    return made, Happening(now, SERVICE, "notified", {"severity": seen.severity, "notice": made.notices})


def due_notice(seen: Occurrence, last: Occurrence | None, told: AlertRoutes, *, now: dt.datetime) -> bool:
    """Whether people are to be told now.

    Args:
        seen: the occurrence as it is.
        last: the newest occurrence before it of which people were told; None where there is none.
        told: how often they want to be told.
        now: the moment.
    """
    if seen.state != AlertState.OPEN:
        return False
    if Severity(seen.severity).above(_highest(seen, last, told, now)):
        return True
    moments = [o.notified_at for o in (seen, last) if o is not None and o.notified_at is not None]
    if moments and now - max(moments) < told.repeat:
        return False
    return seen.notified_at is None or told.remind


def _highest(seen: Occurrence, last: Occurrence | None, told: AlertRoutes, now: dt.datetime) -> str:
    """The severity that people know of: of this occurrence, or of the last one while that is not long ago."""
    recent = last is not None and last.notified_at is not None and now - last.notified_at < told.repeat
    known = [o.notified_severity for o in (seen, last if recent else None) if o is not None and o.notified_severity]
    return next((str(severity) for severity in Severity if severity in known), "")


def _standing(seen: Occurrence, wanted: str) -> None:
    if seen.state == AlertState.RESOLVED:
        raise NotPossible(f"Alert {seen.alert_id} is over and cannot be {wanted}.", fix="When it is so again, a new one opens.")


def _next(seen: Occurrence, **values: object) -> Occurrence:
    return dataclasses.replace(seen, revision=seen.revision + 1, **values)  # type: ignore[arg-type]  # names of its own fields
