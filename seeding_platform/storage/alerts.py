"""Alerts as they are kept: one row an occurrence, changed by compare and set, and a history that is only ever added to.

What a repeat, an escalation or an acknowledgement means is decided in `monitoring`, not here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """An alert from when it opened until it is resolved.

    Attributes:
        alert_id: names it.
        fingerprint: hash of rule, tenant and subject: the same for every occurrence.
        occurrence: from 1.
        revision: of the row, from 1.
        rule: which rule raised it.
        tenant: whose; empty for the whole installation's.
        subject: what it is about, as an id.
        severity: as it was raised last.
        title: one line; empty where the rule's own words say it.
        says: what is so; empty where the rule's own words say it.
        evidence: figures and ids.
        channels: channels of its own, each `channel target`; None where the routes say.
        state: open, acknowledged, muted or resolved.
        count: how often it was raised.
        opened_at: when it was raised first.
        last_at: when it was raised last.
        resolved_at: when it was over.
        resolved_by: who said so; `service` where it ended by itself.
        acknowledged_at: when somebody took it on.
        acknowledged_by: who.
        muted_until: until when nobody is told.
        muted_by: who wanted that.
        notices: how often people were told.
        notified_at: when they were told last.
        notified_severity: the highest severity that they were told of.
    """

    alert_id: str
    fingerprint: str
    occurrence: int
    revision: int
    rule: str
    tenant: str
    subject: str
    severity: str
    opened_at: dt.datetime
    last_at: dt.datetime
    title: str = ""
    says: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    state: str = "open"
    count: int = 1
    resolved_at: dt.datetime | None = None
    resolved_by: str = ""
    acknowledged_at: dt.datetime | None = None
    acknowledged_by: str = ""
    muted_until: dt.datetime | None = None
    muted_by: str = ""
    notices: int = 0
    notified_at: dt.datetime | None = None
    notified_severity: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an alert's history.

    Args:
        at: when.
        actor: id of a key, or the name of a process.
        what: opened, escalated, eased, acknowledged, muted, unmuted, notified or resolved.
        detail: whatever else tells the story; figures and ids only.
    """

    at: dt.datetime
    actor: str
    what: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts are asked for.

    Attributes:
        tenants: whose; empty for the whole installation's.
        rules: names of rules.
        states: states; none = all.
        severities: severities; none = all.
    """

    tenants: Collection[str]
    rules: Collection[str]
    states: Collection[str] = ()
    severities: Collection[str] = ()


class Alerts:
    """Alerts in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def add(self, made: Occurrence, happened: Happening) -> bool:
        """Keep a new occurrence; false where another one of its fingerprint is not over yet, or it stands already."""
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import alerts as table

        try:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), _row(made))
                connection.execute(*_history_row(made, happened))
        except IntegrityError:
            return False
        return True

    def change(self, seen: Occurrence, made: Occurrence, happened: Happening | None) -> bool:
        """Put `made` in the place of `seen`; false where somebody else changed it meanwhile. `made` has the next revision."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alerts as table

        mine = sa.update(table).where(table.c.alert_id == seen.alert_id, table.c.revision == seen.revision)
        with writing(self.engine) as connection:
            if not connection.execute(mine.values(_row(made))).rowcount:
                return False
            if happened is not None:
                connection.execute(*_history_row(made, happened))
        return True

    def active(self, fingerprint: str) -> Occurrence | None:
        """The occurrence that is not over; None where there is none."""
        from seeding_platform.storage.schema import alerts as table

        return self._first(table.c.active == fingerprint)

    def newest(self, fingerprint: str) -> Occurrence | None:
        """The newest occurrence, over or not."""
        from seeding_platform.storage.schema import alerts as table

        return self._first(table.c.fingerprint == fingerprint)

    def one(self, alert_id: str) -> Occurrence | None:
        """An occurrence by its id."""
        from seeding_platform.storage.schema import alerts as table

        return self._first(table.c.alert_id == alert_id)

    def occurrences(self, fingerprint: str, *, limit: int = 20) -> list[Occurrence]:
        """The occurrences of a fingerprint, the newest first."""
        from seeding_platform.storage.schema import alerts as table

        return self._all(table.c.fingerprint == fingerprint, limit=limit)

    def told_before(self, seen: Occurrence) -> Occurrence | None:
        """The newest occurrence before one of which people were told."""
        from seeding_platform.storage.schema import alerts as table

        return self._first(table.c.fingerprint == seen.fingerprint, table.c.occurrence < seen.occurrence, table.c.notified_at.is_not(None))

    def standing(self, *, rule: str = "") -> list[Occurrence]:
        """What is not over, of everybody, or of one rule."""
        from seeding_platform.storage.schema import alerts as table

        where = [table.c.active.is_not(None)] + ([table.c.rule == rule] if rule else [])
        return self._all(*where)

    def tenants(self) -> list[str]:
        """Whose alerts there are; empty for the whole installation's."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alerts as table

        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(table.c.tenant).distinct().order_by(table.c.tenant)).scalars())

    def listed(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Occurrence]:
        """What is asked for, what was raised last first."""
        return self._all(*_where(wanted), limit=limit, offset=offset, last_first=True)

    def counted(self, wanted: Wanted) -> dict[str, int]:
        """How many there are of each state."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alerts as table

        query = sa.select(table.c.state, sa.func.count()).where(*_where(wanted)).group_by(table.c.state)
        with self.engine.connect() as connection:
            return {state: int(n) for state, n in connection.execute(query)}

    def history(self, alert_id: str) -> list[Happening]:
        """What became of an occurrence, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alert_history as table

        query = sa.select(table).where(table.c.alert_id == alert_id).order_by(table.c.seq)
        with self.engine.connect() as connection:
            return [Happening(r["at"], r["actor"], r["what"], json.loads(r["detail"])) for r in connection.execute(query).mappings()]

    def forget(self, *, before: dt.datetime) -> int:
        """Delete alerts that were over before a moment, with their history; returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alert_history as lines
        from seeding_platform.storage.schema import alerts as table

        over = sa.and_(table.c.state == "resolved", table.c.resolved_at < before)
        with writing(self.engine) as connection:
            connection.execute(sa.delete(lines).where(lines.c.alert_id.in_(sa.select(table.c.alert_id).where(over))))
            return int(connection.execute(sa.delete(table).where(over)).rowcount)

    def _first(self, *where: Any) -> Occurrence | None:
        return next(iter(self._all(*where, limit=1)), None)

    def _all(self, *where: Any, limit: int | None = None, offset: int = 0, last_first: bool = False) -> list[Occurrence]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import alerts as table

        order = (table.c.last_at.desc(), table.c.alert_id) if last_first else (table.c.occurrence.desc(), table.c.opened_at, table.c.alert_id)
        query = sa.select(table).where(*where).order_by(*order).limit(limit).offset(offset)
        with self.engine.connect() as connection:
            return [_occurrence(row) for row in connection.execute(query).mappings()]


def _where(wanted: Wanted) -> list[Any]:
    from seeding_platform.storage.schema import alerts as table

    where = [table.c.tenant.in_(list(wanted.tenants)), table.c.rule.in_(list(wanted.rules))]
    where += [table.c.state.in_(list(wanted.states))] if wanted.states else []
    return where + ([table.c.severity.in_(list(wanted.severities))] if wanted.severities else [])


_PLAIN: Sequence[str] = tuple(f.name for f in fields(Occurrence) if f.name not in ("evidence", "channels"))


def _row(made: Occurrence) -> dict[str, Any]:
    row = {name: getattr(made, name) for name in _PLAIN}
    over = made.state == "resolved"
    told = {"evidence": json.dumps(dict(made.evidence), sort_keys=True), "channels": None if made.channels is None else json.dumps(made.channels)}
    return {**row, **told, "active": None if over else made.fingerprint}


def _history_row(made: Occurrence, happened: Happening) -> tuple[Any, dict[str, Any]]:
    from seeding_platform.storage.schema import alert_history as table

    row = {"alert_id": made.alert_id, "seq": made.revision, "tenant": made.tenant, "at": happened.at, "actor": happened.actor}
    return table.insert(), {**row, "what": happened.what, "detail": json.dumps(dict(happened.detail), sort_keys=True)}


def _occurrence(row: Any) -> Occurrence:
    channels = None if row["channels"] is None else tuple(json.loads(row["channels"]))
    return Occurrence(**{name: row[name] for name in _PLAIN}, evidence=json.loads(row["evidence"]), channels=channels)
