"""Secrets of webhooks, derived from the root key by webhook and revision: they are kept nowhere, and shown when they are made."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from seeding_platform.exchange.signing import secret_text
from seeding_platform.storage.keyring import keyring

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.settings import Settings
    from seeding_platform.storage.webhooks import Webhook

PURPOSE = "webhooks"


def secret_of(webhook: Webhook, settings: Settings) -> str:
    """The secret of a webhook as its owner is shown it."""
    return secret_text(_key(webhook, settings, webhook.revision))


def keys_of(webhook: Webhook, settings: Settings, *, now: dt.datetime) -> list[bytes]:
    """What its messages are signed with: the secret, and the one before while that is still taken."""
    overlap = webhook.revision > 1 and webhook.old_until is not None and now < webhook.old_until
    return [_key(webhook, settings, revision) for revision in (webhook.revision, *((webhook.revision - 1,) if overlap else ()))]


def _key(webhook: Webhook, settings: Settings, revision: int) -> bytes:
    root = keyring(settings.state, settings.master_key.get_secret_value()).derived(PURPOSE)
    return hmac.digest(root, f"{webhook.webhook_id}#{revision}".encode(), hashlib.sha256)
