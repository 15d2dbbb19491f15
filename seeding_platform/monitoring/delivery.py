"""The outbox emptied: what is due is tried, what fails waits or is given up, and an alert says when somebody cannot be reached."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.channels import GONE, tried
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.storage.webhooks import Webhooks

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.monitoring.channels import Outcome
    from seeding_platform.settings import Settings
    from seeding_platform.storage.live import Message
    from seeding_platform.storage.state import State
    from seeding_platform.storage.webhooks import Webhook

log = logging.getLogger("seeding.alerts")
RULE = "delivery.failed"
MOST_AT_ONCE, SECONDS = 50, 30.0


class Delivery:
    """Sends what waits in the outbox; several processes may do so at once.

    Args:
        state: the database.
        settings: which channels are set up.
    """

    def __init__(self, state: State, settings: Settings) -> None:
        self.settings = settings
        self.desk, self.webhooks = AlertDesk(state, settings), Webhooks(state)
        self.live = self.desk.live

    def send_due(self, *, now: dt.datetime, seconds: float = SECONDS) -> int:
        """Send what is due, for so long at most; returns how many went out."""
        sent, until = 0, time.monotonic() + seconds
        for _ in range(MOST_AT_ONCE):
            if time.monotonic() >= until:
                break
            message = self.live.claimed(now=now)
            if message is None:
                break
            sent += not self._tried(message, now).error
        return sent

    def send_now(self, message_id: str, *, now: dt.datetime) -> Outcome | None:
        """Send one message that waits; None where it does not, or somebody else is at it."""
        message = self.live.claimed(now=now, message_id=message_id)
        return None if message is None else self._tried(message, now)

    def _tried(self, message: Message, now: dt.datetime) -> Outcome:
        webhook = self.webhooks.one(message.target) if message.channel == "webhook" and message.target else None
        came = tried(message, self.settings, webhook, now=now)
        if not came.error:
            self.live.sent(message, now=now, code=came.code, took_ms=came.took_ms)
            self._reached(message, webhook, now)
            return came
        log.warning("message %s was not sent by %s: %s", message.message_id, message.channel, came.error.partition(":")[0])
        later = self.live.failed(message, came.error, now=now, code=came.code, took_ms=came.took_ms, wait_s=came.wait_s, for_good=came.for_good)
        if webhook is not None and webhook.enabled:
            self._missed(webhook, came, now)
        elif not later and not (message.channel == "webhook" and message.target):
            self._unreachable(message, came, now)
        return came

    def _reached(self, message: Message, webhook: Webhook | None, now: dt.datetime) -> None:
        if webhook is None:
            self.desk.clear(RULE, message.tenant, f"channel/{message.channel}", now=now)
        elif webhook.failures:
            self.webhooks.adjust(webhook.webhook_id, failures=0)

    def _missed(self, webhook: Webhook, came: Outcome, now: dt.datetime) -> None:
        """Count a failure; after too many in a row, or when the other side says that it is gone for good, the webhook is switched off."""
        failures, most = self.webhooks.failed(webhook.webhook_id), self.desk.routes().webhook_failures
        if failures < most and came.code != GONE:
            return
        why = "gone" if came.code == GONE else "failures"
        self.webhooks.adjust(webhook.webhook_id, disabled_at=now, disabled_why=why)
        evidence = {"webhook": webhook.webhook_id, "failures": failures, "code": came.code, "why": why}
        self.desk.raise_(Alert(rule=RULE, tenant=webhook.tenant, subject=f"webhook/{webhook.webhook_id}", evidence=evidence), now=now)

    def _unreachable(self, message: Message, came: Outcome, now: dt.datetime) -> None:
        """A message of a channel was given up."""
        evidence = {"channel": message.channel, "message": message.message_id, "failures": message.attempts + 1, "code": came.code}
        self.desk.raise_(Alert(rule=RULE, tenant=message.tenant, subject=f"channel/{message.channel}", evidence=evidence), now=now)
