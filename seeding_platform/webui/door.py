"""Who may come in: keys and sessions of the service, and which tenants' keys see the installation as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import cookie_parser

from seeding_platform.service.sessions import COOKIE, Actor
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.service.sessions import Sessions

Mode = Literal["auto", "on", "off"]
EVERYBODY = Actor("local", Role.ADMIN, "")
"""Who acts where no keys are asked for: anybody on this machine."""
NOBODY = Actor("", Role.VIEWER, "")
"""Who asks where nobody is known: may look, and no more."""


class WrongTenant(Exception):
    """A valid key of a tenant that does not see the installation as a whole."""


@dataclass
class Door:
    """Who comes in.

    The web UI knows no tenants: names of every tenant's files and tables stand in it. So keys come in only when they are of a tenant that is named
    for it, or, where none is named, while all that the installation has ever known are of one tenant.

    Args:
        sessions: keys and sessions.
        mode: `auto` asks for keys once there is one, `on` always, `off` never.
        tenants: whose keys come in; none named: whoever there is, while it is one.
        grouped: tenants whose people an issuer may vouch for.
    """

    sessions: Sessions
    mode: Mode = "auto"
    tenants: frozenset[str] = frozenset()
    grouped: frozenset[str] = frozenset()
    _keys_seen: bool = field(default=False, init=False)

    @property
    def asks(self) -> bool:
        """Whether a key is asked for. The first key that is made closes an open door; revoking the last one does not open it again."""
        if self.mode == "auto" and not self._keys_seen:
            self._keys_seen = bool(self.sessions.api.all_keys())
        return self.mode == "on" or (self.mode == "auto" and self._keys_seen)

    def who(self, headers: Mapping[str, str]) -> Actor | None:
        """Who asks, or None.

        Args:
            headers: of the request, names in lower case.

        Raises:
            WrongTenant: the key is valid, and of a tenant that may not come in.
        """
        if not self.asks:
            return EVERYBODY
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        actor = self.sessions.bearer(headers.get("authorization", "")) or self.sessions.opened(cookie)
        return None if actor is None else self.admitted(actor)

    def admitted(self, actor: Actor) -> Actor:
        """An actor who sees the installation as a whole: by the tenant, and without a limit to some tables.

        Raises:
            WrongTenant: it does not.
        """
        of = self.tenants or self.grouped | self.sessions.api.tenants_known()
        if actor.grants or actor.tenant not in of or (not self.tenants and len(of) > 1):
            raise WrongTenant
        return actor


def actor_in(context: Any) -> Actor:
    """Who a request context of Dagster's was made for: whoever made the connection."""
    return actor_from(context.source)


def actor_from(connection: object | None) -> Actor:
    """Who the gate has left in a connection."""
    actor = getattr(getattr(connection, "state", None), "actor", None)
    return actor if isinstance(actor, Actor) else NOBODY
