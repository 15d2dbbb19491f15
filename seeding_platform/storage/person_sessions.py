"""Sessions of people whom an issuer vouches for: who, as a pseudonym, what they may do, until when. One attempt to sign in opens one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from seeding_platform.storage.state import State

KEPT = dt.timedelta(days=1)
"""How long a session that is over is still known, so that no attempt opens a second one."""


class AttemptUsed(PermanentError):
    """An attempt to sign in has opened a session before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSession:
    """A session of a person.

    Attributes:
        session_id: names it.
        person: pseudonym.
        role: what they may do.
        tenant: whose data they see.
        began_at: when they signed in.
        expires_at: when it is over.
        ended_at: when they signed out.
    """

    session_id: str
    person: str
    role: Role
    tenant: str
    began_at: dt.datetime
    expires_at: dt.datetime
    ended_at: dt.datetime | None = None

    def open(self, now: dt.datetime) -> bool:
        """Neither over nor ended."""
        return self.ended_at is None and now < self.expires_at


class PersonSessions:
    """Sessions of people in the state database.

    Args:
        state: the state database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def begin(self, session: PersonSession) -> None:
        """Keep a new session; those that were over long ago are forgotten.

        Raises:
            AttemptUsed: there was one of this id.
        """
        import dataclasses

        import sqlalchemy as sa
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import person_sessions as table

        row = {**dataclasses.asdict(session), "role": str(session.role)}
        try:
            with writing(self.engine) as connection:
                connection.execute(sa.delete(table).where(table.c.expires_at < session.began_at - KEPT))
                connection.execute(table.insert(), row)
        except IntegrityError as error:
            raise AttemptUsed("This attempt to sign in was used before.", fix="Sign in again.") from error

    def named(self, session_id: str) -> PersonSession | None:
        """A session by its id, over or not."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import person_sessions as table

        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.session_id == session_id)).mappings().one_or_none()
        return None if row is None else PersonSession(**{**row, "role": Role(row["role"])})

    def end(self, session_id: str, *, now: dt.datetime) -> bool:
        """End a session; false when there is none that is not ended."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import person_sessions as table

        ending = sa.update(table).where(table.c.session_id == session_id, table.c.ended_at.is_(None)).values(ended_at=now)
        with writing(self.engine) as connection:
            return bool(connection.execute(ending).rowcount)
