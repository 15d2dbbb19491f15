"""The audit log: who did what, when. Events are only ever added, numbered without a gap, each with a keyed hash over all that it says.

A hash of its own lets every event be checked by itself; that none is missing is what sealing is for (`governance.audit`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State

PURPOSE = "audit"
_ONE_AT_A_TIME = 0x5EED_A0D1
_COLUMNS = ("tenant", "actor", "action", "subject", "outcome")
_PORTION = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that somebody did, or tried to.

    Attributes:
        at: when, aware.
        tenant: whose data it concerned; empty for everybody's.
        actor: id of a key, or the name of a process such as `cli`.
        action: what was done, `<room>.<verb>` or `<METHOD> <route>`.
        subject: what it was done to; a person is named by a pseudonym only.
        outcome: `ok`, `refused` or `failed`.
        detail: whatever else tells the story, as JSON; no personal data.
    """

    at: dt.datetime
    tenant: str
    actor: str
    action: str
    subject: str = ""
    outcome: str = "ok"
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is kept.

    Args:
        seq: its number, from 1.
        event: what it says.
        body: the text that the hash is over: canonical JSON of number and event.
        mac: HMAC-SHA-256 of `body`, hex.
        sound: whether hash, text and columns belong together.
    """

    seq: int
    event: Event
    body: str
    mac: str
    sound: bool


class AuditLog:
    """Events in the state database.

    Args:
        state: the database.
        keys: whose key the hashes are made with.
    """

    def __init__(self, state: State, keys: Keyring) -> None:
        self.engine = state.engine
        self.key = keys.derived(PURPOSE)

    def record(self, *events: Event) -> int:
        """Write events down in one transaction; returns the number of the last."""
        with writing(self.engine) as connection:
            return self.record_in(connection, *events)

    def record_in(self, connection: Connection, *events: Event) -> int:
        """Write events down in the transaction that does what they tell, so that there is neither without the other."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_events as table

        if connection.dialect.name == "postgresql":  # until the transaction ends: numbers without a gap are what makes a deletion visible
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        seq = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.seq), 0))).scalar_one())
        rows = []
        for event in events:
            seq += 1
            body = canonical(seq, event)
            rows.append({"seq": seq, "at": event.at, **{c: getattr(event, c) for c in _COLUMNS}, "body": body, "mac": self.mac(body)})
        if rows:
            connection.execute(table.insert(), rows)
        return seq

    def mac(self, body: str) -> str:
        """The keyed hash of an event's text, hex."""
        return hmac.new(self.key, body.encode(), hashlib.sha256).hexdigest()

    def last(self) -> int:
        """Number of the newest event; 0 when there is none."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_events as table

        with self.engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.seq), 0))).scalar_one())

    def between(self, first: int, last: int) -> Iterator[Recorded]:
        """The events numbered from `first` to `last` that are there, in order; read in portions."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_events as table

        for begin in range(first, last + 1, _PORTION):
            query = sa.select(table).where(table.c.seq.between(begin, min(begin + _PORTION - 1, last))).order_by(table.c.seq)
            with self.engine.connect() as connection:
                rows = connection.execute(query).mappings().all()
            yield from (self._recorded(row) for row in rows)

    def newest(
        self,
        *,
        tenant: str | Sequence[str] | None = None,
        action: str = "",
        actor: str = "",
        outcome: str = "",
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Recorded]:
        """The newest events first.

        Args:
            tenant: only of this tenant or of one of these; None = of everybody.
            action: only what begins with this.
            actor: only of this actor.
            outcome: only with this outcome.
            since: only from this moment on.
            until: only before this moment.
            limit: at most so many.
            before: only with smaller numbers.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_events as table

        query = sa.select(table).order_by(table.c.seq.desc()).limit(limit)
        if tenant is not None:
            query = query.where(table.c.tenant.in_([tenant] if isinstance(tenant, str) else list(tenant)))
        for met in (
            None if before is None else table.c.seq < before,
            None if since is None else table.c.at >= since,
            None if until is None else table.c.at < until,
        ):
            query = query if met is None else query.where(met)
        for column, wanted in ((table.c.actor, actor), (table.c.outcome, outcome)):
            if wanted:
                query = query.where(column == wanted)
        if action:
            query = query.where(table.c.action.startswith(action, autoescape=True))
        with self.engine.connect() as connection:
            return [self._recorded(row) for row in connection.execute(query).mappings()]

    def checkpoints(self) -> list[str]:
        """The copies of the sealed checkpoints that the database keeps, in order."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_checkpoints as table

        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(table.c.line).order_by(table.c.number)).scalars())

    def keep_checkpoints(self, lines: Mapping[int, str]) -> None:
        """Keep copies of checkpoints by their numbers."""
        from seeding_platform.storage.schema import audit_checkpoints as table

        if lines:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), [{"number": number, "line": line} for number, line in lines.items()])

    def _recorded(self, row: RowMapping) -> Recorded:
        told = {c: row[c] for c in _COLUMNS}
        event = Event(at=row["at"], detail=_detail(row["body"]), **told)
        sound = hmac.compare_digest(self.mac(row["body"]), row["mac"]) and canonical(row["seq"], event) == row["body"]
        return Recorded(row["seq"], event, row["body"], row["mac"], sound)


def canonical(seq: int, event: Event) -> str:
    """What an event's hash is over: JSON with sorted names and no spaces."""
    told = {"seq": seq, "at": event.at.astimezone(dt.UTC).isoformat(), **{c: getattr(event, c) for c in _COLUMNS}, "detail": dict(event.detail)}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _detail(body: str) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:  # somebody wrote into it; the hash says so
        return {}
    detail = told.get("detail") if isinstance(told, dict) else None
    return detail if isinstance(detail, dict) else {}


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs.

    >>> ranges([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
