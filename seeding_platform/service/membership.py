"""What the groups that an issuer tells of mean here: a role of a tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.storage.api_keys import Role

if TYPE_CHECKING:
    from collections.abc import Collection

FIX = 'Write SEEDING_OIDC_GROUPS as "group=role@tenant", several by commas; roles: ' + ", ".join(Role) + "."
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """What somebody may do, and whose data they see.

    Args:
        role: what they may do.
        tenant: whose data they see.
    """

    role: Role
    tenant: str


@dataclass(frozen=True, slots=True)
class Memberships:
    """Groups with their places, in the order of the setting.

    Args:
        places: pairs of a group and a place.
    """

    places: tuple[tuple[str, Place], ...]

    @classmethod
    def parsed(cls, text: str) -> Memberships:
        """Read the setting; a group is everything before the last equals sign.

        Raises:
            ConfigError: an entry has another form, or there is none.

        >>> Memberships.parsed("desk=viewer@acme, lead=admin@acme").place(["desk", "lead"]).role.value
        'admin'
        """
        places = []
        for entry in (part.strip() for part in text.split(",")):
            if not entry:
                continue
            group, _, place = entry.rpartition("=")
            role, _, tenant = place.partition("@")
            if not group.strip() or role.strip() not in list(Role) or not _TENANT.fullmatch(tenant.strip()):
                raise ConfigError(f"{entry!r} maps no group.", fix=FIX)
            places.append((group.strip(), Place(Role(role.strip()), tenant.strip())))
        if not places:
            raise ConfigError("No group may sign in: SEEDING_OIDC_ISSUER is set, SEEDING_OIDC_GROUPS is not.", fix=FIX)
        return cls(tuple(places))

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants of all places."""
        return frozenset(place.tenant for _, place in self.places)

    def place(self, groups: Collection[str]) -> Place | None:
        """The place of the highest-ranking group, the first of equals; None where no group has one."""
        ranks = list(Role)
        own = [place for group, place in self.places if group in groups]
        return max(own, key=lambda place: ranks.index(place.role), default=None)
