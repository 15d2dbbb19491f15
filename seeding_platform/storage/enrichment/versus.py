"""Answers of two versions of a stage to the same records, as they are kept of what is live and of candidates; who does better is decided above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment.states import Stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class Paired:
    """One record that two versions answered and a person judged."""

    record_id: str
    one: tuple[str, float]
    other: tuple[str, float]
    truth: str


@dataclass(frozen=True, slots=True)
class _Said:
    label: str
    confidence: float
    took_ms: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two versions on the records that both answered, whether a person judged them or not.

    Attributes:
        answered: records.
        alike: share of them of which both say the same; None without records.
        took_ms: of an answer of each, on average.
        cost: of an answer of each in EUR, on average.
    """

    answered: int
    alike: float | None
    took_ms: tuple[float, float] | None
    cost: tuple[float, float] | None


class Versus:
    """Pairs of answers in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def paired(
        self, tenant: str, one: tuple[str, str], other: tuple[str, str], *, after: dt.datetime, stage: str = Stage.CLASSIFICATION
    ) -> list[Paired]:
        """Records that two versions (model, prompt) of a stage answered since a moment and a person judged as they are now, by record.

        Answers that a candidate gave beside what was live count too. The newest answer of each version and the newest
        label count; answers to an input that has changed since do not.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import labels as t
        from seeding_platform.storage.enrichment.schema import records as r

        key = ("tenant", "record_type", "record_id")
        said = sa.and_(*(t.c[k] == r.c[k] for k in key), t.c.input_hash == r.c.input_hash, t.c.stage == stage)
        truths = sa.select(r.c.record_type, r.c.record_id, t.c.label).select_from(r.join(t, said)).where(r.c.tenant == tenant).order_by(t.c.at)
        truth = {(kind, record): label for kind, record, label in self._rows(truths)}
        one_said, other_said = (
            {record: (a.label, a.confidence) for record, a in self._said(tenant, version, after=after, stage=stage).items()}
            for version in (one, other)
        )
        both = sorted(truth.keys() & one_said.keys() & other_said.keys())
        return [Paired(record, one_said[kind, record], other_said[kind, record], truth[kind, record]) for kind, record in both]

    def alike(self, tenant: str, one: tuple[str, str], other: tuple[str, str], *, after: dt.datetime, stage: str) -> Alike:
        """How often two versions say the same of the records that both answered since a moment, and what an answer of each takes and costs."""
        said = [self._said(tenant, version, after=after, stage=stage) for version in (one, other)]
        both = said[0].keys() & said[1].keys()
        if not both:
            return Alike(answered=0, alike=None, took_ms=None, cost=None)
        n = len(both)
        took, cost = ([sum(getattr(x[key], name) for key in both) / n for x in said] for name in ("took_ms", "cost"))
        same = sum(said[0][key].label == said[1][key].label for key in both)
        return Alike(answered=n, alike=same / n, took_ms=(took[0], took[1]), cost=(cost[0], cost[1]))

    def _said(self, tenant: str, version: tuple[str, str], *, after: dt.datetime, stage: str) -> dict[tuple[str, str], _Said]:
        """The newest answer of a version to the input of each record as it is now."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import attempts as a
        from seeding_platform.storage.enrichment.schema import records as r

        joined = a.join(r, sa.and_(*(a.c[k] == r.c[k] for k in ("tenant", "record_type", "record_id"))))
        query = (
            sa.select(a.c.record_type, a.c.record_id, a.c.label, a.c.confidence, a.c.took_ms, a.c.cost)
            .select_from(joined)
            .where(a.c.tenant == tenant, a.c.stage == stage, a.c.outcome.in_(("completed", "shadow")), a.c.at > after)
            .where(a.c.at >= r.c.updated_at)
            .where(a.c.model_version == version[0], a.c.prompt_version == version[1], a.c.label.is_not(None), a.c.confidence.is_not(None))
            .order_by(a.c.at)
        )
        return {(kind, record): _Said(label, float(c), int(ms), float(cost)) for kind, record, label, c, ms, cost in self._rows(query)}

    def _rows(self, query: Any) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).all()
