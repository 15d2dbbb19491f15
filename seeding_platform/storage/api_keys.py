"""Keys of the API: kept as hashes, with a role, a tenant, whom they are for, when they end and when they were last used.

A key that is rotated has a new secret; the one before it is taken for a while longer, so that whoever uses it can change over.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.database import writing
from seeding_platform.storage.grants import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from seeding_platform.storage.state import State

log = logging.getLogger("seeding.keys")
PREFIX = "sp"
USED_EVERY = dt.timedelta(minutes=1)
"""How often at most it is written down that a key was used."""
MOST_GRACE = dt.timedelta(hours=24)
"""How long at most a secret is taken after it was replaced."""
_MARK_SIGNS = 16
_KEY_ID = re.compile(r"[0-9a-z_]+")


class Role(StrEnum):
    """What a key may do; each may what the ones before it may."""

    VIEWER = "viewer"
    """Read figures and ask questions."""
    ANALYST = "analyst"
    """Bring files in."""
    OPERATOR = "operator"
    """Start and stop runs."""
    STEWARD = "steward"
    """See what was set aside as it was, answer people about their data, change rules and limits."""
    ADMIN = "admin"
    """Make keys."""

    def may(self, needed: Role) -> bool:
        """True when this role includes another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class LastAdmin(PermanentError):
    """A key was to be revoked without which nobody could make keys of its tenant."""


class KeyTaken(PermanentError):
    """There is a key of this id already."""


class KeyRefused(PermanentError):
    """A key cannot be rotated as asked; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret.

    Attributes:
        key_id: the readable part of the key.
        role: what it may do.
        tenant: whose data it sees.
        label: what it is for.
        holder: the person or system that it is for.
        made_by: id of the key that made it, or the name of a process such as `cli`.
        created_at: when it was made.
        expires_at: when it ends by itself; None: never.
        last_used_at: when it was last used, to the minute; None: never.
        revision: of its secret, from 1.
        rotated_at: when the secret was last replaced.
        old_until: until when the secret before is taken.
        revoked_at: when it was ended.
        mark: names the secret in force; tells nothing of it.
        old_mark: names the secret before; empty without one.
        grants: tables and sources that it is limited to, as patterns; none: all.
    """

    key_id: str
    role: Role
    tenant: str
    label: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None = None
    holder: str = ""
    made_by: str = ""
    expires_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None
    revision: int = 1
    rotated_at: dt.datetime | None = None
    old_until: dt.datetime | None = None
    mark: str = ""
    old_mark: str = ""
    grants: tuple[str, ...] = ()

    def valid(self, now: dt.datetime) -> bool:
        """Neither revoked nor at its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def marks(self, now: dt.datetime) -> tuple[str, ...]:
        """Names of the secrets that are taken."""
        return (self.mark, self.old_mark) if self.old_mark and self.old_until is not None and now < self.old_until else (self.mark,)


class ApiKeys:
    """Keys in the state database.

    Args:
        state: the state database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def create_key(
        self,
        *,
        role: Role,
        tenant: str,
        label: str,
        secret: str,
        key_id: str,
        now: dt.datetime,
        holder: str = "",
        made_by: str = "",
        expires_at: dt.datetime | None = None,
        grants: Sequence[str] = (),
    ) -> str:
        """Keep a new key by its hash; returns the key, which nobody can read here again.

        Raises:
            KeyTaken: there is one of this id.
            KeyRefused: an admin was to be limited, who could make a key that is not.
            ConfigError: a grant is none.
        """
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import api_keys

        if grants and role == Role.ADMIN:
            raise KeyRefused("An admin key cannot be limited: it could make one that is not.", fix="Take another role, or no grants.")
        key = f"{PREFIX}_{key_id}_{secret}"
        kept = {"key_id": key_id, "sha256": _hash(key), "role": str(role), "tenant": tenant, "label": label, "created_at": now}
        kept |= {"holder": holder, "made_by": made_by, "expires_at": expires_at, "revision": 1, "grants": " ".join(parsed(grants))}
        try:
            with writing(self.engine) as connection:
                connection.execute(api_keys.insert(), kept)
        except IntegrityError as error:
            raise KeyTaken(f"Key {key_id} was made already.", fix="Its secret was shown then; rotate it if nobody has it.") from error
        return key

    def key(self, presented: str, *, now: dt.datetime) -> tuple[ApiKey, str] | None:
        """The key that somebody presents with the mark of its secret, or None: unknown, wrong, revoked or at its end."""
        parts = presented.split("_", 2)
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        row = self._row(parts[1])
        if row is None:
            return None
        key, given = _key(row), _hash(presented)
        kept = [row["sha256"], *([row["old_sha256"]] if len(key.marks(now)) > 1 else [])]
        right = [hmac.compare_digest(one, given) for one in kept]
        return (key, given[:_MARK_SIGNS]) if any(right) and key.valid(now) else None

    def used(self, key: ApiKey, *, now: dt.datetime) -> None:
        """Write down that a key was used, at most once a minute; whoever uses it is not turned away when that cannot be written."""
        import sqlalchemy as sa
        from sqlalchemy.exc import OperationalError

        from seeding_platform.storage.schema import api_keys

        if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
            return
        long_ago = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= now - USED_EVERY)
        try:
            with writing(self.engine) as connection:
                connection.execute(sa.update(api_keys).where(api_keys.c.key_id == key.key_id, long_ago).values(last_used_at=now))
        except OperationalError:
            log.exception("not written down: key %s was used", key.key_id)

    def named_key(self, key_id: str) -> ApiKey | None:
        """A key by its id, revoked or not."""
        row = self._row(key_id)
        return None if row is None else _key(row)

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys

        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)).mappings().all()
        return [_key(row) for row in rows]

    def tenants_known(self) -> frozenset[str]:
        """Every tenant that ever had a key, or a file that landed: what they left is still there when their last key ends."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys, landings

        known = sa.union(sa.select(api_keys.c.tenant), sa.select(landings.c.tenant))
        with self.engine.connect() as connection:
            return frozenset(connection.execute(known).scalars())

    def rotate(self, key_id: str, *, secret: str, grace: dt.timedelta, now: dt.datetime, seen: int | None = None) -> str:
        """Give a key a new secret; returns the key, which nobody can read here again.

        Args:
            key_id: the key.
            secret: the new one.
            grace: how long the secret before is taken; one before that ends at once.
            now: the time.
            seen: the revision that whoever asks has seen; None: whatever it is.

        Raises:
            KeyRefused: there is no such valid key, it was rotated meanwhile, or the grace is too long.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys as table

        if not dt.timedelta(0) <= grace <= MOST_GRACE:
            raise KeyRefused("The old secret can be taken for 24 hours at most.", fix="Give 0 to 24 hours.")
        made = f"{PREFIX}_{key_id}_{secret}"
        with writing(self.engine) as connection:
            row = connection.execute(sa.select(table).where(table.c.key_id == key_id).with_for_update()).mappings().one_or_none()
            if row is None or not _key(row).valid(now):
                raise KeyRefused(f"There is no valid key {key_id}.", fix="It was revoked or has ended: make another one.")
            if seen not in (None, row["revision"]):
                raise KeyRefused(f"Key {key_id} was rotated meanwhile.", fix="Its secret was shown then; look again before you rotate once more.")
            old = {"old_sha256": row["sha256"], "old_until": now + grace} if grace else {"old_sha256": None, "old_until": None}
            values = {"sha256": _hash(made), "revision": row["revision"] + 1, "rotated_at": now, **old}
            connection.execute(sa.update(table).where(table.c.key_id == key_id).values(values))
        return made

    def revoke(self, key_id: str, *, now: dt.datetime, spare_last_admin: bool = False) -> bool:
        """End a key; false when there is none that is not revoked.

        Args:
            key_id: the key.
            now: the time.
            spare_last_admin: refuse where no valid admin key of the tenant would be left.

        Raises:
            LastAdmin: it is the last one.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys

        ending = sa.update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
        with writing(self.engine) as connection:
            if spare_last_admin and _last_admin(connection, key_id, now):
                raise LastAdmin(f"{key_id} is the last valid admin key of its tenant.", fix="Make another admin key first, then revoke this one.")
            return bool(connection.execute(ending).rowcount)

    def _row(self, key_id: str) -> RowMapping | None:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys

        if not _KEY_ID.fullmatch(key_id):  # a database may not even take it, a NUL for one
            return None
        with self.engine.connect() as connection:
            return connection.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).mappings().one_or_none()


def last_admins(keys: list[ApiKey], now: dt.datetime) -> set[str]:
    """Ids of the keys that may not be revoked: each the only valid admin key of its tenant."""
    admins = [k for k in keys if k.role is Role.ADMIN and k.valid(now)]
    return {k.key_id for k in admins if sum(other.tenant == k.tenant for other in admins) == 1}


def _last_admin(connection: Connection, key_id: str, now: dt.datetime) -> bool:
    """Whether a key is the only valid admin key of its tenant; nobody revokes another one meanwhile."""
    import sqlalchemy as sa

    from seeding_platform.storage.schema import api_keys as table

    admins = sa.select(table).where(table.c.role == str(Role.ADMIN), table.c.revoked_at.is_(None)).order_by(table.c.key_id).with_for_update()
    return key_id in last_admins([_key(row) for row in connection.execute(admins).mappings()], now)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _key(row: RowMapping) -> ApiKey:
    told: dict[str, Any] = {name: value for name, value in row.items() if name not in ("sha256", "old_sha256")}
    marks = {"mark": row["sha256"][:_MARK_SIGNS], "old_mark": (row["old_sha256"] or "")[:_MARK_SIGNS]}
    return ApiKey(**{**told, "role": Role(row["role"]), "grants": tuple(row["grants"].split()), **marks})
