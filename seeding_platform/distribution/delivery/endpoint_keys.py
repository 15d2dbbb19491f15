"""Secrets that calls to an engine's address are signed with, derived from the root key by address and revision: they are kept nowhere."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from seeding_platform.exchange.signing import secret_text

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.storage.delivery.records import Endpoint
    from seeding_platform.storage.keyring import Keyring

PURPOSE = "engine-endpoints"


def secret_of(endpoint: Endpoint, keys: Keyring) -> str:
    """The secret as the engine's people are shown it, once."""
    return secret_text(_key(endpoint, keys, endpoint.revision))


def keys_of(endpoint: Endpoint, keys: Keyring, *, now: dt.datetime) -> list[bytes]:
    """What calls are signed with: the secret, and the one before while that is still taken."""
    overlap = endpoint.revision > 1 and endpoint.old_until is not None and now < endpoint.old_until
    return [_key(endpoint, keys, revision) for revision in (endpoint.revision, *((endpoint.revision - 1,) if overlap else ()))]


def _key(endpoint: Endpoint, keys: Keyring, revision: int) -> bytes:
    return hmac.digest(keys.derived(PURPOSE), f"{endpoint.endpoint_id}#{revision}".encode(), hashlib.sha256)
