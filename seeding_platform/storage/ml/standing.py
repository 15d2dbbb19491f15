"""How each model stands: what serves, what is tried beside it, how good it was and is, what it was trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.storage.database import writing
from seeding_platform.storage.ml.jobs import summary
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import RowMapping, Table

    from seeding_platform.storage.state import State

Source = Literal["holdout", "live", "shadow", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model as it stands.

    Attributes:
        whose: which model.
        kind: classification, regression, counts, next_item or clustering.
        metric: what it is judged by.
        direction: up or down: where better lies.
        updated_at: when this was last written.
        version: what serves; None before the first.
        shadow: what answers beside it.
        shadow_share: share of requests that the shadow serves.
        value: of the metric on held-out rows of the version that serves.
        ci_low: lower limit of its 95 % interval.
        ci_high: upper limit.
        rows: held-out rows behind it.
        trained_at: when a training last ended well.
        checked_at: when its performance was last looked at.
        deployed_at: since when `version` serves.
        cool_until: no training before, but by hand.
    """

    whose: Whose
    kind: str
    metric: str
    direction: str
    updated_at: dt.datetime
    version: str | None = None
    shadow: str | None = None
    shadow_share: float = 0.0
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    rows: int | None = None
    trained_at: dt.datetime | None = None
    checked_at: dt.datetime | None = None
    deployed_at: dt.datetime | None = None
    cool_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One figure of one version.

    Attributes:
        measurement_id: names it; the same again takes its place.
        whose: which model.
        version: of it.
        source: holdout, live, shadow, or estimate (without labels).
        metric: what was measured.
        value: the figure.
        rows: rows behind it.
        at: when it was measured.
        ci_low: lower limit of its 95 % interval.
        ci_high: upper limit.
        from_at: the rows are from here
        to_at: to here.
    """

    measurement_id: str
    whose: Whose
    version: str
    source: Source
    metric: str
    value: float
    rows: int
    at: dt.datetime
    ci_low: float | None = None
    ci_high: float | None = None
    from_at: dt.datetime | None = None
    to_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a job had to train on.

    Attributes:
        job_id: the job.
        whose: which model.
        rows: of the frame.
        labelled: with a label, and not made up.
        distinct_rows: of those, after repeats were taken out.
        good: whether it was enough, and its features filled.
        says: why it was not.
        at: when.
        classes: distinct labels; None where the target is a number.
        completeness: share of features that have a value.
    """

    job_id: str
    whose: Whose
    rows: int
    labelled: int
    distinct_rows: int
    good: bool
    says: str
    at: dt.datetime
    classes: int | None = None
    completeness: float | None = None


class Standings:
    """The models of an installation in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def know(self, whose: Whose, *, kind: str, metric: str, direction: str, now: dt.datetime) -> Standing:
        """The model, written down when it is seen for the first time; what its specification says is brought up to date."""
        import sqlalchemy as sa
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import models as table

        told = {"kind": kind, "metric": metric, "direction": direction}
        found = self.one(whose)
        if found is None:
            try:
                with writing(self.engine) as connection:
                    connection.execute(table.insert(), {**whose.values(), **told, "shadow_share": 0.0, "updated_at": now})
            except IntegrityError:
                return self.know(whose, kind=kind, metric=metric, direction=direction, now=now)
        elif (found.kind, found.metric, found.direction) != (kind, metric, direction):
            with writing(self.engine) as connection:
                connection.execute(
                    sa.update(table).where(whose.at(table)).values(**told, value=None, ci_low=None, ci_high=None, rows=None, updated_at=now)
                )
        standing = self.one(whose)
        assert standing is not None  # noqa: S101  written above
        return standing

    def one(self, whose: Whose) -> Standing | None:
        """One model."""
        from seeding_platform.storage.schema import models as table

        found = self._some(whose.at(table))
        return found[0] if found else None

    def all(self, *, tenant: str | None = None) -> list[Standing]:
        """Every model, of one tenant or of all."""
        from seeding_platform.storage.schema import models as table

        return self._some(*([] if tenant is None else [table.c.tenant == tenant]))

    def note(self, whose: Whose, *, now: dt.datetime, **values: Any) -> None:
        """Write down when it was trained or checked, how good it is, until when it rests, or what is tried beside it."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import models as table

        allowed = {"value", "ci_low", "ci_high", "rows", "trained_at", "checked_at", "cool_until", "shadow", "shadow_share"}
        if wrong := set(values) - allowed:
            raise ValueError(f"not to be written from outside the ledger: {', '.join(sorted(wrong))}")
        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(whose.at(table)).values(**values, updated_at=now))

    def measured(self, *found: Measurement) -> None:
        """Keep figures; one of the same id takes the place of what was kept."""
        from seeding_platform.storage.schema import performance as table

        self._put(table, "measurement_id", [_row(m) for m in found])

    def measurements(
        self, whose: Whose, *, source: Source | None = None, version: str | None = None, since: dt.datetime | None = None, limit: int = 500
    ) -> list[Measurement]:
        """Figures of a model, the newest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import performance as table

        query = sa.select(table).where(whose.at(table)).order_by(table.c.at.desc(), table.c.measurement_id).limit(limit)
        for column, wanted in ((table.c.source, source), (table.c.version, version)):
            query = query if wanted is None else query.where(column == wanted)
        query = query if since is None else query.where(table.c.at >= since)
        with self.engine.connect() as connection:
            return [Measurement(**_plain(row)) for row in connection.execute(query).mappings()]

    def trained_on(self, data: TrainingData) -> None:
        """Keep what a job had to train on."""
        from seeding_platform.storage.schema import training_data as table

        self._put(table, "job_id", [_row(data)])

    def training_data(self, *, tenant: str, model: str = "", job_id: str = "", limit: int = 50) -> list[TrainingData]:
        """What jobs had to train on, the newest first; or what one had."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import training_data as table

        query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.at.desc(), table.c.job_id).limit(limit)
        query = query.where(table.c.model == model) if model else query
        query = query.where(table.c.job_id == job_id) if job_id else query
        with self.engine.connect() as connection:
            return [TrainingData(**_plain(row)) for row in connection.execute(query).mappings()]

    def scheduled(self, whose: Whose, kind: Literal["performance_check", "forced"], **values: Any) -> None:
        """Keep when a model is looked at or trained by the clock: cron, enabled, last_run_at, next_run_at."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import schedules as table

        here = sa.and_(whose.at(table), table.c.kind == kind)
        with writing(self.engine) as connection:
            if not connection.execute(sa.update(table).where(here).values(**values)).rowcount:
                connection.execute(table.insert(), {**whose.values(), "kind": kind, **values})

    def schedules(self, *, tenant: str) -> list[dict[str, Any]]:
        """The clock of each of a tenant's models."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import schedules as table

        query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.environment, table.c.model, table.c.kind)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def performance(self, *, tenant: str) -> list[dict[str, Any]]:
        """What `get_model_performance_summary` gives for a tenant, a row a model."""
        return summary(self.engine, "get_model_performance_summary", tenant)

    def _put(self, table: Table, key: str, rows: list[dict[str, Any]]) -> None:
        import sqlalchemy as sa

        with writing(self.engine) as connection:
            for row in rows:
                connection.execute(sa.delete(table).where(table.c[key] == row[key]))
                connection.execute(table.insert(), row)

    def _some(self, *asked: Any) -> list[Standing]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import models as table

        query = sa.select(table).where(*asked).order_by(table.c.tenant, table.c.model, table.c.environment)
        with self.engine.connect() as connection:
            return [Standing(**_plain(row)) for row in connection.execute(query).mappings()]


def _row(kept: Measurement | TrainingData) -> dict[str, Any]:
    told = {f.name: getattr(kept, f.name) for f in dataclasses.fields(kept) if f.name != "whose"}
    return {**told, **kept.whose.values()}


def _plain(row: RowMapping) -> dict[str, Any]:
    kept = dict(row)
    return {"whose": Whose(kept.pop("tenant"), kept.pop("model"), kept.pop("environment")), **kept}
