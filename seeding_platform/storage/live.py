"""What is told to people as it happens: events that pages follow, and messages that leave the house. Each is told once, whoever saw it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.storage.state import State

KEPT_EVENTS = dt.timedelta(days=2)
RETRY_AFTER_S = (30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""When a message is tried again; after the last it is given up and stays as failed."""
CLAIM_S = 120


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `seq` grows."""

    seq: int
    tenant: str
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to be sent.

    Attributes:
        message_id: names it.
        tenant: whose it is.
        channel: email or slack.
        target: addresses, or nothing.
        subject: one line.
        body: plain text.
        attempts: how often it was tried.
        sent_at: when it went out.
        next_at: when it is tried again; None once it was sent or given up.
        error: why the last try failed.
        created_at: when it was written.
    """

    message_id: str
    tenant: str
    channel: str
    target: str
    subject: str
    body: str
    created_at: dt.datetime
    attempts: int = 0
    next_at: dt.datetime | None = None
    sent_at: dt.datetime | None = None
    error: str = ""


class Live:
    """Events and messages in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    # events

    def tell(self, kind: str, mark: str, body: Mapping[str, Any], *, now: dt.datetime, tenant: str = "") -> bool:
        """Write an event down; false when it was told before. Old ones are forgotten."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import events as table

        row = {"tenant": tenant, "kind": kind, "mark": mark, "body": json.dumps(dict(body)), "at": now}
        with writing(self.engine) as connection:
            told = bool(connection.execute(_once(self.engine.dialect.name, table, row, ("tenant", "kind", "mark"))).rowcount)
            if told:
                connection.execute(sa.delete(table).where(table.c.at < now - KEPT_EVENTS))
        return told

    def after(self, seq: int, *, tenant: str, limit: int = 200) -> list[Event]:
        """Events of a tenant, and everybody's, after one."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import events as table

        query = sa.select(table).where(table.c.seq > seq, table.c.tenant.in_(("", tenant))).order_by(table.c.seq).limit(limit)
        with self.engine.connect() as connection:
            return [Event(row["seq"], row["tenant"], row["kind"], json.loads(row["body"])) for row in connection.execute(query).mappings()]

    def newest(self) -> int:
        """The last event's number; 0 when there is none."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import events as table

        with self.engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.max(table.c.seq))).scalar() or 0)

    # messages

    def send(self, message: Message, *, mark: str) -> bool:
        """Put a message in the outbox; false when this occasion was told before."""
        import dataclasses

        from seeding_platform.storage.schema import outbox as table

        row = dataclasses.asdict(message) | {"mark": mark, "next_at": message.created_at}
        with writing(self.engine) as connection:
            return bool(connection.execute(_once(self.engine.dialect.name, table, row, ("tenant", "mark"))).rowcount)

    def is_sent(self, mark: str, *, tenant: str) -> bool:
        """True when this occasion is in the outbox, sent or not."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table.c.message_id).where(table.c.mark == mark, table.c.tenant == tenant)
        with self.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def claimed(self, *, now: dt.datetime) -> Message | None:
        """One message that is due, held for two minutes so that nobody else sends it meanwhile."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table).where(table.c.next_at <= now).order_by(table.c.next_at, table.c.message_id).limit(1)
        with writing(self.engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            mine = sa.update(table).where(table.c.message_id == row["message_id"], table.c.next_at == row["next_at"])
            if not connection.execute(mine.values(next_at=now + dt.timedelta(seconds=CLAIM_S))).rowcount:
                return None
        return _message(row)

    def sent(self, message: Message, *, now: dt.datetime) -> None:
        """It went out."""
        self._update(message, attempts=message.attempts + 1, sent_at=now, next_at=None, error="")

    def failed(self, message: Message, why: str, *, now: dt.datetime) -> None:
        """It did not; it is tried again later, or given up."""
        wait = RETRY_AFTER_S[message.attempts] if message.attempts < len(RETRY_AFTER_S) else None
        later = None if wait is None else now + dt.timedelta(seconds=wait)
        self._update(message, attempts=message.attempts + 1, next_at=later, error=why[:500])

    def messages(self, *, tenant: str, limit: int = 50) -> list[Message]:
        """What was sent or waits, the newest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.created_at.desc(), table.c.message_id).limit(limit)
        with self.engine.connect() as connection:
            return [_message(row) for row in connection.execute(query).mappings()]

    def _update(self, message: Message, **values: Any) -> None:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.message_id == message.message_id).values(values))


def _once(dialect: str, table: Any, row: Mapping[str, Any], unique: tuple[str, ...]) -> Any:
    """An insert that does nothing where the row stands already."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table).values(row).on_conflict_do_nothing(index_elements=unique)


def _message(row: Any) -> Message:
    return Message(**{name: row[name] for name in Message.__dataclass_fields__})
