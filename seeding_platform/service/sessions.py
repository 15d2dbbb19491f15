"""Keys and the sessions that they open, without a word of any web framework: whoever serves something decides what becomes of an answer.

A session of a key is the id of the key, its end and a signature over both and the mark of the secret that opened it. It lasts as long as
that secret is taken.
Somebody whom an issuer vouches for has a session without a key: it is kept by itself, and ended by signing out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.durable import made_once
from seeding_platform.storage.person_sessions import PersonSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeding_platform.storage.api_state import ApiState
    from seeding_platform.storage.person_sessions import PersonSessions

COOKIE = "sp_session"
SESSION_SECONDS = 12 * 3600
_KEPT_IN = "session-secret"
_SECRET_BYTES = 32
_MOST_DIGITS = 12
_ID_SIGNS = 32
PERSON = "person-"
"""What the name of a session without a key begins with; ids of keys are hex digits."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking.

    Args:
        key_id: id of the key, or pseudonym of a person who has none.
        role: what it may do.
        tenant: whose data it sees.
        session: the value of the page's cookie; empty for a bearer key.
        mark: names the secret that was presented; empty for a session.
        grants: tables and sources that the key is limited to; none: all.
    """

    key_id: str
    role: Role
    tenant: str
    session: str = ""
    mark: str = ""
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who a key or a cookie speaks for.

    Args:
        api: the keys.
        secret: signs sessions.
        now: the clock.
        people: sessions of people without a key; None where nobody signs in that way.
        closed: whether a tenant is suspended or removed: nobody of it is known then.
    """

    api: ApiState
    secret: bytes
    now: Callable[[], dt.datetime]
    people: PersonSessions | None = None
    closed: Callable[[str], bool] = lambda tenant: False

    def presented(self, key: str) -> Actor | None:
        """Who presents a key, or None: unknown, wrong, revoked, at its end, or of a tenant that is suspended."""
        now = self.now()
        found = self.api.key(key.strip(), now=now)
        if found is None or self.closed(found[0].tenant):
            return None
        kept, mark = found
        self.api.used(kept, now=now)
        return Actor(kept.key_id, kept.role, kept.tenant, mark=mark, grants=kept.grants)

    def bearer(self, authorization: str) -> Actor | None:
        """Who an `Authorization` header speaks for."""
        scheme, _, key = authorization.partition(" ")
        return self.presented(key) if scheme.lower() == "bearer" and key.isascii() else None

    def opened(self, cookie: str) -> Actor | None:
        """Who opened a session, as long as it lasts, its key is valid and its tenant is served."""
        found = self._opened(cookie)
        return None if found is None or self.closed(found.tenant) else found

    def turned_away(self, authorization: str) -> bool:
        """Whether a header bears a valid key of a tenant that is suspended: whoever has it may know why it is refused."""
        scheme, _, key = authorization.partition(" ")
        found = self.api.key(key.strip(), now=self.now()) if scheme.lower() == "bearer" and key.isascii() else None
        return found is not None and self.closed(found[0].tenant)

    def _opened(self, cookie: str) -> Actor | None:
        key_id, _, rest = cookie.partition(".")
        expires, _, signature = rest.partition(".")
        now = self.now()
        if not (cookie.isascii() and expires.isdigit() and len(expires) <= _MOST_DIGITS) or int(expires) < now.timestamp():
            return None
        if key_id.startswith(PERSON):
            return self._person(key_id, expires, signature, cookie)
        key = self.api.named_key(key_id)
        if key is None or not key.valid(now):
            return None
        if not any([hmac.compare_digest(signature, self._signed(f"{key_id}.{expires}.{mark}")) for mark in key.marks(now)]):
            return None
        self.api.used(key, now=now)
        return Actor(key.key_id, key.role, key.tenant, session=cookie, grants=key.grants)

    def started(self, key_id: str, *, mark: str = "") -> str:
        """The cookie of a new session.

        Args:
            key_id: the key.
            mark: of the secret that was presented; default: of the one in force.
        """
        key = None if mark else self.api.named_key(key_id)
        by = key.mark if key is not None else mark
        told = f"{key_id}.{int(self.now().timestamp()) + SESSION_SECONDS}"
        return f"{told}.{self._signed(f'{told}.{by}')}"

    def spend(self, attempt: str, *, seconds: int) -> None:
        """An attempt to sign in is used, whatever becomes of it.

        Args:
            attempt: its unguessable name.
            seconds: how long an attempt lasts.

        Raises:
            AttemptUsed: it was used before.
            ConfigError: nobody signs in without a key here.
        """
        now = self.now()
        # kept as a session of nobody that is over: the table forgets it by itself
        spent = self._signed(f"spent:{attempt}")[:_ID_SIGNS]
        ends = now + dt.timedelta(seconds=seconds)
        self._kept().begin(PersonSession(session_id=spent, person="", role=Role.VIEWER, tenant="", began_at=now, expires_at=ends, ended_at=now))

    def begun(self, attempt: str, *, person: str, role: Role, tenant: str) -> tuple[str, Actor]:
        """The cookie of a new session of a person, and who that is.

        Args:
            attempt: the unguessable name of the attempt to sign in; it opens one session.
            person: pseudonym.
            role: what they may do.
            tenant: whose data they see.

        Raises:
            AttemptUsed: it has opened one before.
            ConfigError: nobody signs in without a key here.
        """
        now = self.now()
        ends = now + dt.timedelta(seconds=SESSION_SECONDS)
        session_id = self._signed(f"attempt:{attempt}")[:_ID_SIGNS]
        self._kept().begin(PersonSession(session_id=session_id, person=person, role=role, tenant=tenant, began_at=now, expires_at=ends))
        told = f"{PERSON}{session_id}.{int(ends.timestamp())}"
        cookie = f"{told}.{self._signed(told)}"
        return cookie, Actor(person, role, tenant, session=cookie)

    def ended(self, cookie: str) -> None:
        """End the session of a person, so that its cookie is worth nothing any more; one of a key is forgotten by its browser only."""
        name = cookie.partition(".")[0]
        if self.people is not None and name.startswith(PERSON) and self.opened(cookie) is not None:
            self.people.end(name.removeprefix(PERSON), now=self.now())

    def _kept(self) -> PersonSessions:
        if self.people is None:
            raise ConfigError("Nobody signs in without a key here.", fix="Set SEEDING_OIDC_ISSUER.")
        return self.people

    def _person(self, name: str, expires: str, signature: str, cookie: str) -> Actor | None:
        if self.people is None or not hmac.compare_digest(signature, self._signed(f"{name}.{expires}")):
            return None
        found = self.people.named(name.removeprefix(PERSON))
        return Actor(found.person, found.role, found.tenant, session=cookie) if found is not None and found.open(self.now()) else None

    def attempt_mark(self, text: str) -> str:
        """Proves that an attempt to sign in is ours."""
        return self._signed(f"to-issuer:{text}")

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
