"""The outbox emptied: what is due is tried, what fails waits or is given up, and an alert says when somebody cannot be reached.

Several messages go at the same time, those to one address one after another, and a tenant whose other side is slow leaves room for the others.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import BusyError
from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.channels import GONE, tried
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from seeding_platform.monitoring.channels import Outcome
    from seeding_platform.settings import Settings
    from seeding_platform.storage.live import Message
    from seeding_platform.storage.state import State
    from seeding_platform.storage.webhooks import Webhook

log = logging.getLogger("seeding.alerts")
RULE = "delivery.failed"
SECONDS = 30.0
AT_ONCE, AT_ONCE_OF_TENANT = 8, 3
LOOKS_EVERY_S = 0.5
"""How often a pass looks for what came due while it waits for the other side."""
LOCK = "outbox.lock"


class Delivery:
    """Sends what waits in the outbox; of several processes of a machine one does so at a time.

    Args:
        state: the database.
        settings: which channels are set up.
        clock: seconds that only go up.
    """

    def __init__(self, state: State, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings, self.clock = settings, clock
        self.desk, self.webhooks = AlertDesk(state, settings), Webhooks(state)
        self.live = self.desk.live

    def send_due(self, *, now: dt.datetime, seconds: float = SECONDS) -> int:
        """Send what is due, beginning nothing more after so long; returns how many went out, 0 also where another process is at it."""
        try:
            with exclusive(self.settings.state / LOCK, holder="sending messages"):
                return self._pass(self._moments(now), seconds)
        except BusyError:
            return 0

    def send_now(self, message_id: str, *, now: dt.datetime) -> Outcome | None:
        """Send one message that waits; None where it does not, or somebody else is at it."""
        message = self.live.claimed(now=now, message_id=message_id)
        return None if message is None else self._tried(message, self._moments(now))

    def _moments(self, now: dt.datetime) -> Callable[[], dt.datetime]:
        """The moment as it goes on from now."""
        began = self.clock()
        return lambda: now + dt.timedelta(seconds=self.clock() - began)

    def _pass(self, moment: Callable[[], dt.datetime], seconds: float) -> int:
        """Take one message at a time, only when somebody is free to send it: what a killed process held is at most as many as go at once."""
        until, sent = self.clock() + seconds, 0
        under_way: dict[Future[Outcome], Message] = {}
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery") as pool:
            while True:
                message = self._next(list(under_way.values()), moment()) if self.clock() < until else None
                if message is not None:
                    under_way[pool.submit(self._tried, message, moment)] = message
                elif not under_way:
                    return sent
                if message is None or len(under_way) == AT_ONCE:
                    for future in wait(under_way, LOOKS_EVERY_S, FIRST_COMPLETED).done:
                        sent += not future.result().error
                        del under_way[future]

    def _next(self, under_way: list[Message], now: dt.datetime) -> Message | None:
        """What is due next, to an address to which nothing is under way, of a tenant that does not have its share under way."""
        busy = Counter(m.tenant for m in under_way)
        full = [tenant for tenant, many in busy.items() if many >= AT_ONCE_OF_TENANT]
        return self.live.claimed(now=now, but_to=[(m.channel, m.target) for m in under_way], but_of=full)

    def _tried(self, message: Message, moment: Callable[[], dt.datetime]) -> Outcome:
        webhook = self.webhooks.one(message.target) if message.channel == "webhook" and message.target else None
        at = moment()
        came = tried(message, self.settings, webhook, now=at)
        now = moment()
        if not came.error:
            self.live.sent(message, at=at, now=now, code=came.code, took_ms=came.took_ms)
            self._reached(message, webhook, now)
            return came
        log.warning("message %s was not sent by %s: %s", message.message_id, message.channel, came.error.partition(":")[0])
        told: dict[str, Any] = {"code": came.code, "took_ms": came.took_ms, "wait_s": came.wait_s, "for_good": came.for_good}
        later = self.live.failed(message, came.error, at=at, now=now, **told)
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
