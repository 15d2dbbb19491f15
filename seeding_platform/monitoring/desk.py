"""Where alerts are raised, cleared and acted on: said once however often they are raised, kept with their history, told as the routes say.

Whoever raises an alert only puts messages into the outbox; they are sent by `delivery`. Everything that happens is on record in the audit log.
"""

from __future__ import annotations

import hashlib
import json
import logging
from functools import cached_property
from typing import TYPE_CHECKING

from seeding_platform.errors import TransientError
from seeding_platform.monitoring import lifecycle
from seeding_platform.monitoring.alert import AlertState, fingerprint_of
from seeding_platform.monitoring.events import queued
from seeding_platform.monitoring.notices import facts_of, message_of, pager_event, title_of
from seeding_platform.monitoring.routing import ROUTES, AlertRoutes, channels_of
from seeding_platform.monitoring.rules import RULES
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.alerts import Alerts
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.audit import AuditLog, Event
from seeding_platform.storage.keyring import keyring
from seeding_platform.storage.live import Live, Message

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.monitoring.alert import Alert
    from seeding_platform.monitoring.lifecycle import Change
    from seeding_platform.monitoring.routing import Channel
    from seeding_platform.settings import Settings
    from seeding_platform.storage.alerts import Happening, Occurrence
    from seeding_platform.storage.state import State

log = logging.getLogger("seeding.alerts")
TRIES = 20
LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}
TOLD_OUT = {"opened": "alert.opened", "escalated": "alert.escalated", "acknowledged": "alert.acknowledged", "resolved": "alert.resolved"}


class AlertDesk:
    """The alerts of an installation.

    Args:
        state: the database.
        settings: which channels are set up, and where the keys of the audit log lie.
    """

    def __init__(self, state: State, settings: Settings) -> None:
        self.state, self.settings = state, settings
        self.alerts, self.live = Alerts(state), Live(state)

    @cached_property
    def audit(self) -> AuditLog:
        """Where everything is on record."""
        return AuditLog(self.state, keyring(self.settings.state, self.settings.master_key.get_secret_value()))

    def routes(self) -> AlertRoutes:
        """Who is told of what, as people have set it by now."""
        return AlertRoutes.model_validate(Adjusted(self.state).told(ROUTES))

    # what rooms do

    def raise_(self, alert: Alert, *, now: dt.datetime) -> Occurrence:
        """Something is so, or still is; returns the alert as it stands now."""
        for _ in range(TRIES):
            seen = self.alerts.active(alert.fingerprint)
            if seen is not None and (heard := lifecycle.unmuted(seen, now=now)) is not None:
                self._kept(seen, *heard)
                continue
            if seen is None:
                made, happened = lifecycle.opened(alert, self.alerts.newest(alert.fingerprint), now=now)
            else:
                made, happened = lifecycle.repeated(seen, alert, now=now)
            if self._kept(seen, made, happened):
                return self._told(made, self.routes(), now=now)
        raise self._crowded(alert.rule)

    def clear(self, rule: str, tenant: str, subject: str, *, now: dt.datetime) -> Occurrence | None:
        """Something is no longer so: its alert ends by itself. None where there was none."""
        seen = self.alerts.active(fingerprint_of(rule, tenant, subject))
        return None if seen is None else self._ended(seen, actor=lifecycle.SERVICE, now=now)

    def due(self, *, now: dt.datetime) -> int:
        """Take up what time brings: mutes that end, reminders, what was not told because it had only just been. Returns how many are told."""
        told, routes = 0, self.routes()
        for seen in self.alerts.standing():
            change = lifecycle.unmuted(seen, now=now)
            if change is not None and not self._kept(seen, *change):
                continue  # somebody else has it in hand
            before = change[0] if change is not None else seen
            told += self._told(before, routes, now=now) is not before
        return told

    # what people do

    def acknowledge(self, alert_id: str, *, actor: str, now: dt.datetime) -> Occurrence:
        """Take an alert on."""
        made = self._done(alert_id, lambda seen: lifecycle.acknowledged(seen, actor=actor, now=now))
        for channel in channels_of(made, self.routes(), self.settings) if made.notices else ():
            if channel.name == "pager":
                self._send(made, channel, mark=f"alert:{alert_id}:acknowledged:{made.revision}", action="acknowledge", now=now)
        return made

    def mute(self, alert_id: str, until: dt.datetime, *, actor: str, now: dt.datetime) -> Occurrence:
        """Have nobody told of an alert until a moment."""
        return self._done(alert_id, lambda seen: lifecycle.muted(seen, until, actor=actor, now=now))

    def resolve(self, alert_id: str, *, actor: str, now: dt.datetime) -> Occurrence:
        """Say that it is over; where it is not, it opens anew when it is next raised."""
        seen = self.alerts.one(alert_id)
        if seen is None:
            raise lifecycle.NotPossible(f"There is no alert {alert_id}.", fix="The list shows those that there are.")
        return self._ended(seen, actor=actor, now=now)

    # how

    def _done(self, alert_id: str, change: Callable[[Occurrence], Change]) -> Occurrence:
        for _ in range(TRIES):
            seen = self.alerts.one(alert_id)
            if seen is None:
                raise lifecycle.NotPossible(f"There is no alert {alert_id}.", fix="The list shows those that there are.")
            made, happened = change(seen)
            if self._kept(seen, made, happened):
                return made
        raise self._crowded(alert_id)

    def _ended(self, seen: Occurrence, *, actor: str, now: dt.datetime) -> Occurrence:
        made = self._done(seen.alert_id, lambda newest: lifecycle.resolved(newest, actor=actor, now=now))
        self._told_over(made, now=now)
        return made

    def _kept(self, seen: Occurrence | None, made: Occurrence, happened: Happening | None) -> bool:
        """Keep a change, put it on record and tell other systems; false where somebody else was faster."""
        if seen is None:
            assert happened is not None  # noqa: S101  what opens always happened
            kept = self.alerts.add(made, happened)
        else:
            kept = self.alerts.change(seen, made, happened)
        if kept and happened is not None and happened.what != "notified":
            detail = {"alert": made.alert_id, "rule": made.rule, "severity": made.severity, **happened.detail}
            action = f"alert.{happened.what}"
            self.audit.record(Event(at=happened.at, tenant=made.tenant, actor=happened.actor, action=action, subject=made.subject, detail=detail))
            if happened.what in TOLD_OUT:
                mark = f"{made.alert_id}:{made.revision}:{happened.what}"
                everybodys = bool(made.tenant) and RULES[made.rule].role == Role.VIEWER  # whoever listens hears it
                told = {"alert": made.alert_id, "state": str(made.state)} | ({"subject": title_of(made, "en")} if everybodys else {})
                self.live.tell("alert", mark, told, now=happened.at, tenant=made.tenant)
                queued(self.state, TOLD_OUT[happened.what], made.tenant, facts_of(made), now=happened.at, mark=mark)
        return kept

    def _told(self, alert: Occurrence, routes: AlertRoutes, *, now: dt.datetime) -> Occurrence:
        """Tell people of an alert where that is due; returns it as it is then. Messages bear the number of the notice: they are put down once."""
        if alert.state != AlertState.OPEN:
            return alert
        before = self.alerts.told_before(alert) if alert.notified_at is None else None
        if not lifecycle.due_notice(alert, before, routes, now=now):
            return alert
        for channel in channels_of(alert, routes, self.settings):
            if alert.subject != f"channel/{channel.name}":  # that it cannot be reached is not said by itself
                self._send(alert, channel, mark=f"alert:{alert.alert_id}:{alert.notices + 1}:{channel}", action="trigger", now=now)
        made, happened = lifecycle.notified(alert, now=now)
        return made if self._kept(alert, made, happened) else alert

    def _told_over(self, alert: Occurrence, *, now: dt.datetime) -> None:
        """Take back what nobody was sent yet, and tell those who were that it is over."""
        routes, gone = self.routes(), self.live.withdrawn(f"alert:{alert.alert_id}:", tenant=alert.tenant)
        never = [rest.partition(":")[2] for rest in gone]
        if not alert.notices:
            return
        for channel in channels_of(alert, routes, self.settings):
            heard = never.count(str(channel)) < alert.notices
            if heard and (routes.resolved or channel.name == "pager"):
                self._send(alert, channel, mark=f"alert:{alert.alert_id}:over:{channel}", action="resolve", now=now)

    def _send(self, alert: Occurrence, channel: Channel, *, mark: str, action: str, now: dt.datetime) -> None:
        routes, url = self.routes(), self.settings.public_url
        if channel.name == "console":
            log.log(
                LEVELS[alert.severity], "%s: %s (alert %s, %s)", action, title_of(alert, routes.lang), alert.alert_id, alert.tenant or "everybody"
            )
            return
        if channel.name == "pager":
            subject, body = action, pager_event(alert, action, routes.lang, url)
        elif channel.name == "webhook":
            told = {"type": f"alert.{'resolved' if action == 'resolve' else 'opened'}", "timestamp": now.isoformat(), "tenant": alert.tenant}
            subject, body = str(told["type"]), json.dumps({**told, "data": facts_of(alert)}, sort_keys=True, ensure_ascii=False)
        else:
            subject, body = message_of(alert, routes.lang, url)
        named = hashlib.blake2b(f"{mark}\x00{alert.tenant}".encode(), digest_size=12).hexdigest()
        message = Message(
            message_id=f"msg_{named}", tenant=alert.tenant, channel=channel.name, target=channel.target, subject=subject, body=body, created_at=now
        )
        self.live.send(message, mark=mark, not_before=routes.waits_until(alert.severity, now))

    def _crowded(self, what: str) -> TransientError:
        return TransientError(f"The alert {what} was changed by others all the time.", fix="Try it again.")
