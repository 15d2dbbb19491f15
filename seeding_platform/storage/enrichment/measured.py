"""What the tables of enrichment say of one tenant over a window, counted in the database; what the counts mean is in `enrichment.measures`.

A window is the moments `after < at <= until`. What attempts say is about the past and stays as it is; what states say is about now. A record that was
withdrawn is not among those that should be complete; its stages are skipped, and count as that.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any

from seeding_platform.storage.enrichment.states import STAGES, Counts, Stage, Status
from seeding_platform.storage.enrichment.versus import Paired as Paired
from seeding_platform.storage.enrichment.versus import Versus

BINS = 10
HUMAN = "human"
ENDED = (Status.COMPLETED, Status.SKIPPED)
MOST_TIMES = 20_000
"""So many durations are read for percentiles, the newest."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Attempts of one kind, added up.

    Args:
        stage: which stage.
        outcome: completed, skipped, failed, lost, outdated or reset.
        error: class of the failure; empty for none.
        n: attempts.
        took_ms: of all of them.
        calls: calls of a provider.
        tokens: in and out.
        cost: in EUR.
        cached: how many came out of the cache.
    """

    stage: str
    outcome: str
    error: str
    n: int
    took_ms: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Records that can be worked on, each counted once.

    Args:
        records: with a stage that is ready, and pending or to be tried again.
        due: of them, those whose moment has come.
        oldest_due_at: since when the oldest of those waits; None where none does.
    """

    records: int
    due: int
    oldest_due_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Classifications that a machine gave.

    Args:
        histogram: how many by confidence, in 10 bins of a tenth; 1 is in the last.
        total: of the confidences.
        squares: sum of their squares.
        high: how many reach the bar.
        labels: how many by label.
    """

    histogram: tuple[int, ...]
    total: float
    squares: float
    high: int
    labels: tuple[tuple[str, int], ...]

    @property
    def n(self) -> int:
        """How many."""
        return sum(self.histogram)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a person said to a machine's answer: its confidence, whether it was right, and why the person was asked."""

    confidence: float
    right: bool
    reason: str


class Measured(Versus):
    """Counts over the tables of enrichment.

    Args:
        state: the database.
    """

    def tenants(self) -> list[str]:
        """Whose records there are."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records

        return [row[0] for row in self._rows(sa.select(records.c.tenant).distinct().order_by(records.c.tenant))]

    def completeness(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> tuple[int, int, int, int]:
        """Records that have every stage behind them, and all records: of those whose input last changed in the window, then up to its end."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records as r
        from seeding_platform.storage.enrichment.schema import stages as s

        ended = sa.func.sum(sa.case((s.c.status.in_(ENDED), 1), else_=0)).label("ended")
        where = [r.c.tenant == tenant, r.c.withdrawn_at.is_(None), r.c.updated_at <= until]
        each = sa.select(r.c.updated_at, ended).select_from(r.outerjoin(s)).where(*where).group_by(r.c.record_type, r.c.record_id, r.c.updated_at)
        rows = each.subquery()
        whole, late = rows.c.ended == len(STAGES), rows.c.updated_at > after
        sums = [sa.func.sum(sa.case((what, 1), else_=0)) for what in (sa.and_(whole, late), late, whole)]
        ((in_window, n_window, all_whole, n),) = self._rows(sa.select(*sums, sa.func.count()).select_from(rows))
        return int(in_window or 0), int(n_window or 0), int(all_whole or 0), int(n)

    def in_time(self, tenant: str, *, after: dt.datetime, until: dt.datetime, within: dt.timedelta) -> tuple[int, int]:
        """Records that came to the end of the last stage within a time of their input's last change, and all, of those that changed in the window."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records as r
        from seeding_platform.storage.enrichment.schema import stages as s

        last = sa.and_(*(s.c[k] == r.c[k] for k in ("tenant", "record_type", "record_id")), s.c.stage == STAGES[-1], s.c.status.in_(ENDED))
        if self.engine.dialect.name == "postgresql":
            soon = s.c.finished_at - r.c.updated_at <= within
        else:
            soon = sa.func.julianday(s.c.finished_at) - sa.func.julianday(r.c.updated_at) <= within / dt.timedelta(days=1) + 1e-9
        query = sa.select(sa.func.sum(sa.case((soon, 1), else_=0)), sa.func.count()).select_from(r.outerjoin(s, last))
        ((whole, n),) = self._rows(query.where(r.c.tenant == tenant, r.c.withdrawn_at.is_(None), r.c.updated_at > after, r.c.updated_at <= until))
        return int(whole or 0), int(n)

    def by_stage(self, tenant: str, *, now: dt.datetime) -> list[Counts]:
        """Where the rows of each stage are, in the order of the stages."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import stages as s

        dead = s.c.escalated_at.is_not(None)
        due = sa.or_(s.c.status == Status.PENDING, sa.and_(s.c.status == Status.FAILED, ~dead))

        def many(what: Any) -> Any:
            return sa.func.sum(sa.case((what, 1), else_=0))

        oldest = sa.func.min(sa.case((sa.and_(due, s.c.ready, s.c.due_at <= now), s.c.due_at)))
        query = (
            sa.select(
                s.c.stage, many(s.c.status == Status.COMPLETED), many(s.c.status == Status.SKIPPED), many(sa.and_(s.c.status == Status.FAILED, dead)),
                many(due), many(s.c.status == Status.IN_PROGRESS), sa.func.count(), many(sa.and_(due, ~s.c.ready)), oldest,
            )
            .where(s.c.tenant == tenant)
            .group_by(s.c.stage)
        )  # fmt: skip
        found = {row[0]: row for row in self._rows(query)}
        none = (0, 0, 0, 0, 0, 0, 0, None)
        return [_counts(tenant, stage, tuple(found[stage][1:]) if stage in found else none) for stage in STAGES]

    def waiting(self, tenant: str, *, now: dt.datetime) -> Waiting:
        """Records that can be worked on, now or when their moment comes; what waits for a person is not among them."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import stages as s

        open_ = [s.c.tenant == tenant, s.c.stage.in_(STAGES), s.c.status.in_((Status.PENDING, Status.FAILED)), s.c.escalated_at.is_(None), s.c.ready]
        each = sa.select(sa.func.min(s.c.due_at).label("due_at")).where(*open_).group_by(*_unordered(s)).subquery()
        now_due = each.c.due_at <= now
        query = sa.select(sa.func.count(), sa.func.sum(sa.case((now_due, 1), else_=0)), sa.func.min(sa.case((now_due, each.c.due_at))))
        ((records, many, oldest),) = self._rows(query)
        return Waiting(int(records), int(many or 0), oldest)

    def tried(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> list[Tried]:
        """Attempts of a window by stage, outcome and class of failure."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import attempts as a

        error = sa.func.coalesce(a.c.error, "")
        sums = [sa.func.sum(x) for x in (a.c.took_ms, a.c.calls, a.c.tokens, a.c.cost, sa.case((a.c.cached, 1), else_=0))]
        query = sa.select(a.c.stage, a.c.outcome, error, sa.func.count(), *sums).where(a.c.tenant == tenant, a.c.at > after, a.c.at <= until)
        found = self._rows(query.group_by(a.c.stage, a.c.outcome, error).order_by(a.c.stage, a.c.outcome, error))
        return [
            Tried(stage, outcome, why, int(n), int(ms), int(calls), int(tokens), float(cost), int(cached))
            for stage, outcome, why, n, ms, calls, tokens, cost, cached in found
        ]

    def answered(self, tenant: str, *, after: dt.datetime, until: dt.datetime, bar: float) -> Answered:
        """Classifications that machines gave in a window; `bar` is the confidence that counts as high."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import attempts as a

        where = [
            a.c.tenant == tenant, a.c.at > after, a.c.at <= until, a.c.stage == Stage.CLASSIFICATION, a.c.outcome == "completed",
            a.c.provider != HUMAN, a.c.confidence.is_not(None),
        ]  # fmt: skip
        c = a.c.confidence
        edges = [(b / BINS, (b + 1) / BINS) for b in range(BINS)]
        bins = [sa.func.sum(sa.case((sa.and_(c >= low, sa.true() if high == 1 else c < high), 1), else_=0)) for low, high in edges]
        query = sa.select(sa.func.sum(c), sa.func.sum(c * c), sa.func.sum(sa.case((c >= bar, 1), else_=0)), *bins).where(*where)
        ((total, squares, high, *histogram),) = self._rows(query)
        labels = self._rows(sa.select(a.c.label, sa.func.count()).where(*where, a.c.label.is_not(None)).group_by(a.c.label).order_by(a.c.label))
        many = tuple(int(x or 0) for x in histogram)
        return Answered(many, float(total or 0), float(squares or 0), int(high or 0), tuple((str(x), int(n)) for x, n in labels))

    def ended(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> tuple[int, int]:
        """Records that came to the end of the last stage in a window, without withdrawn ones, and records of which a stage died in it."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records as r
        from seeding_platform.storage.enrichment.schema import stages as s

        mine = s.c.tenant == tenant
        last = [mine, s.c.stage == STAGES[-1], s.c.status.in_(ENDED), s.c.finished_at > after, s.c.finished_at <= until]
        same = [r.c[k] == s.c[k] for k in ("tenant", "record_type", "record_id")]
        kept = ~sa.exists().where(*same, r.c.withdrawn_at.is_not(None))
        ((whole,),) = self._rows(sa.select(sa.func.count()).select_from(s).where(*last, kept))
        of_index = [mine, s.c.stage.in_(STAGES), s.c.status == Status.FAILED]
        died = sa.select(*_unordered(s)).where(*of_index, s.c.escalated_at > after, s.c.escalated_at <= until)
        of_records = died.distinct().subquery()
        ((dead,),) = self._rows(sa.select(sa.func.count()).select_from(of_records))
        return int(whole), int(dead)

    def unowned_dead(self, tenant: str) -> int:
        """Records with a dead stage that nobody has taken on."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import stages as s

        of_index = [s.c.tenant == tenant, s.c.stage.in_(STAGES), s.c.status == Status.FAILED]
        dead = sa.select(*_unordered(s)).where(*of_index, s.c.escalated_at.is_not(None), s.c.owner.is_(None))
        ((n,),) = self._rows(sa.select(sa.func.count()).select_from(dead.distinct().subquery()))
        return int(n)

    def held(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> list[float]:
        """Seconds from claim to end of the stages that ended in a window: how long the batch that each was in took. The newest only."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import stages as s

        of_index = [s.c.tenant == tenant, s.c.stage.in_(STAGES), s.c.status == Status.COMPLETED]
        where = [*of_index, s.c.finished_at > after, s.c.finished_at <= until, s.c.started_at.is_not(None)]
        query = sa.select(s.c.started_at, s.c.finished_at).where(*where).order_by(s.c.finished_at.desc()).limit(MOST_TIMES)
        return [(end - start).total_seconds() for start, end in self._rows(query) if end >= start]

    def through(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> list[float]:
        """Seconds from the last change of a record's input to the end of its last stage, for those that ended in a window. The newest only."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records as r
        from seeding_platform.storage.enrichment.schema import stages as s

        where = [s.c.tenant == tenant, s.c.stage == STAGES[-1], s.c.status.in_(ENDED), s.c.finished_at > after, s.c.finished_at <= until]
        query = sa.select(r.c.updated_at, s.c.finished_at).select_from(s.join(r)).where(*where).order_by(s.c.finished_at.desc()).limit(MOST_TIMES)
        return [(end - start).total_seconds() for start, end in self._rows(query) if end >= start]

    def judged(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> list[Judged]:
        """What people said to classifications by machines in a window."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import labels as t

        where = [t.c.tenant == tenant, t.c.stage == Stage.CLASSIFICATION, t.c.at > after, t.c.at <= until]
        where += [t.c.machine_label.is_not(None), t.c.machine_confidence.is_not(None)]
        query = sa.select(t.c.machine_confidence, t.c.label == t.c.machine_label, t.c.reason).where(*where).order_by(t.c.at, t.c.label_id)
        return [Judged(float(c), bool(right), reason) for c, right, reason in self._rows(query)]

    def agreement(self, tenant: str, *, after: dt.datetime, until: dt.datetime) -> tuple[int, int]:
        """Pairs of labels by different people on the same input of a record, how many of them agree and how many there are; labels of a window."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import labels as t

        o = t.alias()
        same = [t.c.tenant == o.c.tenant, t.c.record_type == o.c.record_type, t.c.record_id == o.c.record_id, t.c.input_hash == o.c.input_hash]
        pairs = sa.and_(*same, t.c.actor < o.c.actor)
        where = [x for one in (t, o) for x in (one.c.tenant == tenant, one.c.stage == Stage.CLASSIFICATION, one.c.at > after, one.c.at <= until)]
        agree = sa.func.sum(sa.case((t.c.label == o.c.label, 1), else_=0))
        ((same_label, n),) = self._rows(sa.select(agree, sa.func.count()).select_from(t.join(o, pairs)).where(*where))
        return int(same_label or 0), int(n)

    def by_hour(self, tenant: str, *, until: dt.datetime, hours: int) -> list[tuple[int, int]]:
        """Records that came (or changed) and records that ended in each of the last hours, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import records as r
        from seeding_platform.storage.enrichment.schema import stages as s

        edges = [until - dt.timedelta(hours=h) for h in range(hours, -1, -1)]

        def counted(at: Any) -> list[Any]:
            windows = itertools.pairwise(edges)
            return [sa.func.sum(sa.case((sa.and_(at > low, at <= high), 1), else_=0)) for low, high in windows]

        came = sa.select(*counted(r.c.updated_at)).where(r.c.tenant == tenant, r.c.withdrawn_at.is_(None), r.c.updated_at > edges[0])
        last = [s.c.tenant == tenant, s.c.stage == STAGES[-1], s.c.status.in_(ENDED), s.c.finished_at > edges[0]]
        (arrived,), (done,) = self._rows(came), self._rows(sa.select(*counted(s.c.finished_at)).where(*last))
        return [(int(a or 0), int(d or 0)) for a, d in zip(arrived, done, strict=True)]

    def spent(self, tenant: str, *, first: dt.date, last: dt.date) -> list[tuple[str, int, int, float]]:
        """Calls, tokens and EUR by provider over days of UTC, both ends included."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import spending as t

        sums = [sa.func.sum(x) for x in (t.c.calls, t.c.tokens, t.c.cost)]
        query = sa.select(t.c.provider, *sums).where(t.c.tenant == tenant, t.c.day >= first, t.c.day <= last)
        found = self._rows(query.group_by(t.c.provider).order_by(t.c.provider))
        return [(provider, int(calls), int(tokens), float(cost)) for provider, calls, tokens, cost in found]


def _unordered(stages: Any) -> list[Any]:
    """What names a record, as expressions: of bare columns SQLite would read all rows of the tenant in order of the key, not those of a status."""
    return [stages.c.record_type.concat("").label("kind"), stages.c.record_id.concat("").label("name")]


def _counts(tenant: str, stage: str, row: tuple[Any, ...]) -> Counts:
    completed, skipped, dead, due, leased, ingested, gated, oldest = row
    return Counts(
        tenant=tenant, stage=stage, completed=completed, skipped=skipped, dead=dead, due=due, leased=leased, ingested=ingested, gated=gated,
        oldest_due_at=oldest,
    )  # fmt: skip
