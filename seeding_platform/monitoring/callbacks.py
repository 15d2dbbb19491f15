"""Callbacks: whoever asked for work named an address that is told of its end, once, through the outbox like everything else that leaves the house."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seeding_platform.exchange.addresses import place_of
from seeding_platform.monitoring.alert import plain
from seeding_platform.storage.live import Live, Message

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.storage.state import State

CHANNEL = "callback"


def checked_callback(url: str, *, private: bool) -> str:
    """An address that may be told of something, as it was given.

    Args:
        url: of the other system.
        private: whether plain http and private addresses are allowed.

    Raises:
        AddressRefused: it must not be talked to.
    """
    place_of(url, private=private)
    return url


def host_of(url: str) -> str:
    """What may be said of an address to anybody: its host. Its path may hold a secret.

    >>> host_of("https://hooks.example.org/secret/1"), host_of("")
    ('hooks.example.org', '')
    """
    return urlsplit(url).hostname or ""


def call_back(state: State, url: str, event: str, tenant: str, facts: Mapping[str, Any], *, now: dt.datetime, mark: str) -> bool:
    """Put an event for one address in the outbox; false where this occasion was told it already.

    Args:
        state: the database whose outbox takes it; whoever sends what is due sends it.
        url: of the other system, as `checked_callback` let it pass.
        event: what happened.
        tenant: whose it is.
        facts: figures and ids.
        now: the moment.
        mark: names the occasion.

    Raises:
        NotAnId: the facts hold something that is neither a figure nor an id.
    """
    named = hashlib.blake2b("\x00".join((url, event, mark)).encode(), digest_size=12).hexdigest()
    body = json.dumps({"event": event, **plain(dict(facts), f"The facts of {event}")}, sort_keys=True, ensure_ascii=False)
    message = Message(message_id=f"msg_{named}", tenant=tenant, channel=CHANNEL, target=url, subject=event, body=body, created_at=now)
    return Live(state).send(message, mark=f"callback:{named}")
