"""Which versions of the key that signs bundles there are, and until when each counts. The keys themselves are derived from the root key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from seeding_platform.storage.state import State

OLD_COUNTS = dt.timedelta(days=90)
"""How long an old key still counts after another took its place."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A version of the key.

    Args:
        version: from 1.
        created_at: since when it signs.
        retired_at: when another took its place; None while it signs.
        counts_until: until when its signatures count; None: no end.
        revoked_at: when it was taken out of use, because somebody else may have it.
    """

    version: int
    created_at: dt.datetime
    retired_at: dt.datetime | None = None
    counts_until: dt.datetime | None = None
    revoked_at: dt.datetime | None = None


class SigningKeys:
    """Versions of the key in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def all(self) -> list[SigningKey]:
        """Every version, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import signing_keys as table

        with self.engine.connect() as connection:
            return [SigningKey(**row) for row in connection.execute(sa.select(table).order_by(table.c.version)).mappings()]

    def active(self, *, now: dt.datetime) -> SigningKey:
        """The version that signs; the first is made on first use."""
        found = next((k for k in self.all() if k.retired_at is None), None)
        if found is None:
            self._added(now, after=max((k.version for k in self.all()), default=0))
            found = next(k for k in self.all() if k.retired_at is None)
        return found

    def rotate(self, *, now: dt.datetime, counts_for: dt.timedelta = OLD_COUNTS) -> SigningKey:
        """Let the next version sign; the old one counts for a while. Returns the new one."""
        old = self.active(now=now)
        self._adjust(old.version, retired_at=now, counts_until=now + counts_for)
        return self._added(now, after=old.version)

    def revoke(self, version: int, *, now: dt.datetime) -> SigningKey:
        """Let a version count no more; where it signs, the next one takes its place. Returns the one that signs.

        Raises:
            PermanentError: there is no such version.
        """
        found = next((k for k in self.all() if k.version == version), None)
        if found is None:
            raise PermanentError(f"There is no version {version} of the key that signs.", fix="List them with `seeding bundle keys`.")
        self._adjust(version, revoked_at=found.revoked_at or now, retired_at=found.retired_at or now)
        return self.active(now=now)

    def _added(self, now: dt.datetime, *, after: int) -> SigningKey:
        """The version after one; whoever else adds it at the same moment adds the same."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import signing_keys as table

        row: dict[str, Any] = {"version": after + 1, "created_at": now}
        try:
            with writing(self.engine) as connection:
                connection.execute(table.insert().values(row))
        except sa.exc.IntegrityError:
            return next(k for k in self.all() if k.version == after + 1)
        return SigningKey(**row)

    def _adjust(self, version: int, **values: Any) -> None:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import signing_keys as table

        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.version == version).values(values))
