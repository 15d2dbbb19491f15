"""What is told to people as it happens: events that pages follow, and messages that leave the house. Each is told once, whoever saw it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        channel: email, slack, webhook, pager or callback.
        target: addresses, the id of a webhook, the address of a callback, or nothing.
        subject: one line; of a webhook or callback the type of event.
        body: plain text; of a webhook, pager or callback JSON.
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a message.

    Args:
        attempt: from 1.
        at: when.
        code: status of the answer; None where there was none, or the channel has none.
        took_ms: how long it took.
        error: why it failed; empty where it did not.
    """

    attempt: int
    at: dt.datetime
    code: int | None
    took_ms: int
    error: str


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

    def send(self, message: Message, *, mark: str, not_before: dt.datetime | None = None) -> bool:
        """Put a message in the outbox; false when this occasion was told before.

        Args:
            message: what is sent.
            mark: names the occasion.
            not_before: when it may go out at the earliest; at once without it.
        """
        import dataclasses

        from seeding_platform.storage.schema import outbox as table

        row = dataclasses.asdict(message) | {"mark": mark, "next_at": not_before or message.created_at}
        with writing(self.engine) as connection:
            return bool(connection.execute(_once(self.engine.dialect.name, table, row, ("tenant", "mark"))).rowcount)

    def is_sent(self, mark: str, *, tenant: str) -> bool:
        """True when this occasion is in the outbox, sent or not."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table.c.message_id).where(table.c.mark == mark, table.c.tenant == tenant)
        with self.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def claimed(
        self,
        *,
        now: dt.datetime,
        message_id: str | None = None,
        but_to: Sequence[tuple[str, str]] = (),
        but_of: Sequence[str] = (),
    ) -> Message | None:
        """One message that is due, held for two minutes so that nobody else sends it meanwhile.

        What a suspended tenant would send waits until it is served again.

        Args:
            now: the moment.
            message_id: this one only.
            but_to: channels and targets that are left out.
            but_of: tenants that are left out.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table
        from seeding_platform.storage.schema import tenants

        closed = sa.select(tenants.c.tenant).where(tenants.c.state != "active")
        query = sa.select(table).where(table.c.next_at <= now, table.c.tenant.not_in(closed)).order_by(table.c.next_at, table.c.message_id).limit(1)
        if message_id is not None:
            query = query.where(table.c.message_id == message_id)
        if but_to:
            query = query.where(sa.not_(sa.or_(*(sa.and_(table.c.channel == channel, table.c.target == target) for channel, target in but_to))))
        if but_of:
            query = query.where(table.c.tenant.not_in(but_of))
        with writing(self.engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            mine = sa.update(table).where(table.c.message_id == row["message_id"], table.c.next_at == row["next_at"])
            if not connection.execute(mine.values(next_at=now + dt.timedelta(seconds=CLAIM_S))).rowcount:
                return None
        return _message(row)

    def sent(self, message: Message, *, now: dt.datetime, at: dt.datetime | None = None, code: int | None = None, took_ms: int = 0) -> None:
        """It went out.

        Args:
            message: what was sent.
            now: when that was known.
            at: when it was begun; now without it.
            code: status of the answer.
            took_ms: how long it took.
        """
        self._tried(message, at or now, code, took_ms, "", sent_at=now, next_at=None)

    def failed(
        self,
        message: Message,
        why: str,
        *,
        now: dt.datetime,
        at: dt.datetime | None = None,
        code: int | None = None,
        took_ms: int = 0,
        wait_s: float = 0,
        for_good: bool = False,
    ) -> bool:
        """It did not; it is tried again later, or given up. Returns whether it is tried again.

        Args:
            message: what was to be sent.
            why: what went wrong.
            now: the moment.
            at: when it was begun; now without it.
            code: status of the answer.
            took_ms: how long it took.
            wait_s: how long the other side wants to be left alone.
            for_good: trying again would give the same.
        """
        planned = RETRY_AFTER_S[message.attempts] if message.attempts < len(RETRY_AFTER_S) and not for_good else None
        later = None if planned is None else now + dt.timedelta(seconds=max(planned, min(wait_s, RETRY_AFTER_S[-1])))
        self._tried(message, at or now, code, took_ms, why[:500], next_at=later)
        return later is not None

    def again(self, message_id: str, *, tenant: str, now: dt.datetime) -> bool:
        """Send a message once more, under its own id; false where there is none, or it is under way."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        over = sa.or_(table.c.next_at.is_(None), table.c.next_at > now + dt.timedelta(seconds=CLAIM_S), table.c.next_at <= now)
        mine = sa.update(table).where(table.c.message_id == message_id, table.c.tenant == tenant, over)
        with writing(self.engine) as connection:
            return bool(connection.execute(mine.values(next_at=now, sent_at=None, attempts=0, error="")).rowcount)

    def withdrawn(self, marked: str, *, tenant: str) -> list[str]:
        """Take back what was never tried, by the beginning of its mark; the rest of each mark that went."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        waits = sa.and_(table.c.tenant == tenant, table.c.mark.startswith(marked, autoescape=True), table.c.attempts == 0, table.c.sent_at.is_(None))
        with writing(self.engine) as connection:
            gone = [mark for (mark,) in connection.execute(sa.select(table.c.mark).where(waits))]
            connection.execute(sa.delete(table).where(waits, table.c.mark.in_(gone)))
        return [mark.removeprefix(marked) for mark in gone]

    def messages(self, *, tenant: str, limit: int = 50, to: str | None = None) -> list[Message]:
        """What was sent or waits, the newest first.

        Args:
            tenant: whose.
            limit: at most so many.
            to: deliveries to this webhook; without it what is no delivery to a webhook.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.created_at.desc(), table.c.message_id).limit(limit)
        hooked = sa.and_(table.c.channel == "webhook", table.c.target != "")
        query = query.where(sa.not_(hooked)) if to is None else query.where(hooked, table.c.target == to)
        with self.engine.connect() as connection:
            return [_message(row) for row in connection.execute(query).mappings()]

    def message(self, message_id: str, *, tenant: str) -> Message | None:
        """One message of a tenant."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table

        query = sa.select(table).where(table.c.message_id == message_id, table.c.tenant == tenant)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _message(row)

    def forget(self, *, before: dt.datetime) -> int:
        """Delete messages that were made before a moment and no longer wait, with their attempts; returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table
        from seeding_platform.storage.schema import outbox_attempts as tries

        over = sa.and_(table.c.created_at < before, table.c.next_at.is_(None))
        with writing(self.engine) as connection:
            connection.execute(sa.delete(tries).where(tries.c.message_id.in_(sa.select(table.c.message_id).where(over))))
            return int(connection.execute(sa.delete(table).where(over)).rowcount)

    def attempts(self, message_id: str) -> list[Attempt]:
        """Every try to send a message, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox_attempts as table

        query = sa.select(table).where(table.c.message_id == message_id).order_by(table.c.attempt)
        with self.engine.connect() as connection:
            return [Attempt(**{name: row[name] for name in Attempt.__dataclass_fields__}) for row in connection.execute(query).mappings()]

    def _tried(self, message: Message, at: dt.datetime, code: int | None, took_ms: int, error: str, **values: Any) -> None:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import outbox as table
        from seeding_platform.storage.schema import outbox_attempts as tries

        with writing(self.engine) as connection:
            before = connection.execute(sa.select(sa.func.max(tries.c.attempt)).where(tries.c.message_id == message.message_id)).scalar() or 0
            told = {"tenant": message.tenant, "at": at, "code": code, "took_ms": took_ms, "error": error}
            connection.execute(tries.insert(), {"message_id": message.message_id, "attempt": before + 1, **told})
            mine = sa.update(table).where(table.c.message_id == message.message_id)
            connection.execute(mine.values(attempts=message.attempts + 1, error=error, **values))


def _once(dialect: str, table: Any, row: Mapping[str, Any], unique: tuple[str, ...]) -> Any:
    """An insert that does nothing where the row stands already."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table).values(row).on_conflict_do_nothing(index_elements=unique)


def _message(row: Any) -> Message:
    return Message(**{name: row[name] for name in Message.__dataclass_fields__})
