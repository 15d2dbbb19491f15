"""Keys and the sessions that they open, without a word of any web framework: whoever serves something decides what becomes of an answer.

A session is the id of its key, its end and a signature. It lasts as long as its key is not revoked.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.durable import made_once

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from seeding_platform.storage.api_state import ApiState, Role

COOKIE = "sp_session"
SESSION_SECONDS = 12 * 3600
_KEPT_IN = "session-secret"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking.

    Args:
        key_id: id of the key.
        role: what it may do.
        tenant: whose data it sees.
        session: the value of the page's cookie; empty for a bearer key.
    """

    key_id: str
    role: Role
    tenant: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who a key or a cookie speaks for.

    Args:
        api: the keys.
        secret: signs sessions.
        now: the clock.
    """

    api: ApiState
    secret: bytes
    now: Callable[[], dt.datetime]

    def presented(self, key: str) -> Actor | None:
        """Who presents a key, or None: unknown, wrong or revoked."""
        found = self.api.key(key.strip())
        return None if found is None else Actor(found.key_id, found.role, found.tenant)

    def bearer(self, authorization: str) -> Actor | None:
        """Who an `Authorization` header speaks for."""
        scheme, _, key = authorization.partition(" ")
        return self.presented(key) if scheme.lower() == "bearer" and key.isascii() else None

    def opened(self, cookie: str) -> Actor | None:
        """Who opened a session, as long as it lasts and its key is valid."""
        key_id, _, rest = cookie.partition(".")
        expires, _, signature = rest.partition(".")
        if not (cookie.isascii() and expires.isdigit()) or not hmac.compare_digest(signature, self._signed(f"{key_id}.{expires}")):
            return None
        if int(expires) < self.now().timestamp():
            return None
        key = self.api.named_key(key_id)
        return None if key is None or key.revoked_at is not None else Actor(key.key_id, key.role, key.tenant, session=cookie)

    def started(self, key_id: str) -> str:
        """The cookie of a new session."""
        told = f"{key_id}.{int(self.now().timestamp()) + SESSION_SECONDS}"
        return f"{told}.{self._signed(told)}"

    def csrf_token(self, session: str) -> str:
        """What a page sends back to prove that it is ours."""
        return self._signed(f"csrf:{session}")

    def _signed(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


def session_secret(state: Path, new_id: Callable[[int], str]) -> bytes:
    """Signs the sessions of an installation; made once and kept with mode 0600, the same for every process that asks for keys."""
    path = state / _KEPT_IN
    if path.is_file() and not path.stat().st_size:  # without a word in it everybody could sign
        path.unlink(missing_ok=True)
    if not path.is_file():
        made_once(path, new_id(_SECRET_BYTES))
    return path.read_text(encoding="ascii").encode()
