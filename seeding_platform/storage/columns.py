"""What all tables of the state database share: moments in UTC, and one way of naming constraints."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only
from sqlalchemy.exc import DontWrapMixin  # noqa: TID253  as above
from sqlalchemy.types import TypeDecorator  # noqa: TID253  as above

from seeding_platform.errors import PermanentError


class NaiveTime(PermanentError, DontWrapMixin):
    """A time without a zone was about to be stored."""


class UtcTime(TypeDecorator[dt.datetime]):
    """A moment, kept to the microsecond in UTC and given back aware, on every database.

    Raises:
        NaiveTime: on storing or comparing with a datetime that has no zone.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """The moment as UTC; without its zone where the database keeps none."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise NaiveTime(f"The time {value.isoformat()} has no time zone.", fix="Give an aware datetime, such as datetime.now(UTC).")
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """The moment as aware UTC, whatever zone the session of the database is in."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if dialect.name == "sqlite" else value.astimezone(dt.UTC)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
