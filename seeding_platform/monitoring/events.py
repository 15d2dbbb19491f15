"""Events that webhooks are told of, and `emit`, by which any room tells one. What is sent are figures and ids, never data of people."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.monitoring.alert import plain
from seeding_platform.storage.live import Live, Message
from seeding_platform.storage.webhooks import Webhooks

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.storage.state import State
    from seeding_platform.storage.webhooks import Webhook

CHANNEL = "webhook"
EVENTS: Mapping[str, str] = {
    "alert.opened": "An alert opened; `data` is the alert.",
    "alert.escalated": "An open alert got worse.",
    "alert.acknowledged": "Somebody has taken an alert on.",
    "alert.resolved": "An alert is over.",
    "run.finished": "A run ended: `run_id`, `job`, `status`.",
    "ingestion.finished": "A file that was brought in was landed, or could not be: `ingestion_id`, `status`, `bytes`.",
    "bundle.ready": "A bundle is in force: `engine`, `generation`, `content_id`, `rows`.",
    "model.deployed": "A version of a model serves: `model`, `version`, `previous`.",
    "model.rolled_back": "A version gave way to the one before: `model`, `version`, `previous`.",
    "retraining.finished": "A retraining ended: `model`, `job_id`, `outcome`.",
    "webhook.test": "Sent by hand, to try a webhook.",
}
"""Types of events. Everybody's events (a run's) go to the webhooks of all tenants."""


def emit(state: State, event_type: str, tenant: str, payload: Mapping[str, Any], *, now: dt.datetime, mark: str = "") -> int:
    """Tell the webhooks of a tenant that something happened; returns how many are told.

    Args:
        state: the database whose outbox takes it; whoever sends what is due sends it.
        event_type: one of `EVENTS`.
        tenant: whose event it is; empty for everybody's.
        payload: figures and ids.
        now: the moment.
        mark: names the occasion, which is told once however often this is called; what the payload says without it.

    Raises:
        PermanentError: there is no such type.
        NotAnId: the payload holds something that is neither a figure nor an id.
    """
    if event_type not in EVENTS:
        raise PermanentError(f"There is no event {event_type!r}.", fix=f"There are {', '.join(EVENTS)}.")
    data = plain(dict(payload), f"The payload of {event_type}")
    return queued(state, event_type, tenant, data, now=now, mark=mark or json.dumps(data, sort_keys=True))


def queued(state: State, event_type: str, tenant: str, data: Mapping[str, Any], *, now: dt.datetime, mark: str) -> int:
    """`emit` for facts that were looked at already."""
    told = 0
    for webhook in Webhooks(state).all(tenant=tenant or None):
        if webhook.enabled and event_type in webhook.events:
            told += queued_for(state, webhook, event_type, data, tenant=tenant, now=now, mark=mark) is not None
    return told


def queued_for(
    state: State, webhook: Webhook, event_type: str, data: Mapping[str, Any], *, tenant: str, now: dt.datetime, mark: str
) -> Message | None:
    """Put an event for one webhook in the outbox; None where this occasion was told it already."""
    named = hashlib.blake2b("\x00".join((webhook.webhook_id, event_type, mark)).encode(), digest_size=12).hexdigest()
    body = json.dumps({"type": event_type, "timestamp": now.isoformat(), "tenant": tenant, "data": dict(data)}, sort_keys=True, ensure_ascii=False)
    message = Message(
        message_id=f"msg_{named}", tenant=webhook.tenant, channel=CHANNEL, target=webhook.webhook_id, subject=event_type, body=body, created_at=now
    )
    return message if Live(state).send(message, mark=f"hook:{named}") else None
