"""Predictions that were given to somebody, and what became of them: how good a model is in real use is measured on these.

The row that was asked about is not kept, only its hash: rows are whatever a caller sends.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import polars as pl

    from seeding_platform.storage.ml.whose import Whose
    from seeding_platform.storage.state import State

_AT_ONCE = 500
_NO_LABEL = "null"
"""What stands where somebody once said that there is no label: the true one may still come."""
MOST_LABELS = 200_000
"""Labelled answers that are looked at together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer of a model.

    Attributes:
        prediction_id: names it, for whoever brings the label.
        whose: which model.
        version: whose answer was served.
        features_sha256: of the row that was asked about.
        value: the answer.
        predicted_at: when.
        arm: whether the champion's or the shadow's answer was served.
        score: probability of the positive label.
        other_version: the version that was asked too and was not served.
        other_value: its answer; None where it had none.
        other_score: its score.
        failed: there was no answer, or none that is a number.
    """

    prediction_id: str
    whose: Whose
    version: str
    features_sha256: str
    value: Any
    predicted_at: dt.datetime
    arm: Literal["champion", "shadow"] = "champion"
    score: float | None = None
    other_version: str | None = None
    other_value: Any = None
    other_score: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """What became of what was predicted.

    Args:
        prediction_id: of which prediction.
        actual: what it was.
        observed_at: when that was seen, aware.
    """

    prediction_id: str
    actual: Any
    observed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of labels that were brought.

    Args:
        taken: ids of predictions that have their label now.
        repeated: ids that had this very label already.
        unknown: ids of no prediction of this tenant.
        conflicting: ids that have another label.
        early: ids whose label was seen before the prediction was made: no proof of anything.
    """

    taken: tuple[str, ...]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]
    conflicting: tuple[str, ...]
    early: tuple[str, ...]


class Predictions:
    """Predictions in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def keep(self, predictions: Sequence[Prediction]) -> None:
        """Keep answers before they are given, so that every label finds its prediction."""
        from seeding_platform.storage.schema import predictions as table

        if predictions:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), [_row(p) for p in predictions])

    def asked(self, ids: Sequence[str], *, tenant: str) -> dict[str, tuple[Whose, str]]:
        """Which model was asked by each prediction of a tenant, and which version answered."""
        import sqlalchemy as sa

        from seeding_platform.storage.ml.whose import Whose
        from seeding_platform.storage.schema import predictions as table

        wanted = sa.select(table.c.prediction_id, table.c.model, table.c.environment, table.c.version).where(table.c.tenant == tenant)
        found: dict[str, tuple[Whose, str]] = {}
        with self.engine.connect() as connection:
            for begin in range(0, len(ids), _AT_ONCE):
                rows = connection.execute(wanted.where(table.c.prediction_id.in_(ids[begin : begin + _AT_ONCE])))
                found |= {row.prediction_id: (Whose(tenant, row.model, row.environment), row.version) for row in rows}
        return found

    def label(self, labels: Sequence[Label], *, tenant: str, now: dt.datetime) -> Labelled:
        """Put labels to their predictions; one that has a label keeps it."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        told: dict[str, list[str]] = {name: [] for name in ("taken", "repeated", "unknown", "conflicting", "early")}
        with writing(self.engine) as connection:
            for begin in range(0, len(labels), _AT_ONCE):
                portion = labels[begin : begin + _AT_ONCE]
                wanted = sa.select(table.c.prediction_id, table.c.actual, table.c.predicted_at)
                wanted = wanted.where(table.c.tenant == tenant, table.c.prediction_id.in_([x.prediction_id for x in portion]))
                known = {row.prediction_id: (row.actual, row.predicted_at) for row in connection.execute(wanted)}
                for one in portion:
                    state, actual = _judged(one, known.get(one.prediction_id))
                    told[state].append(one.prediction_id)
                    if state == "taken":
                        known[one.prediction_id] = (actual, known[one.prediction_id][1])
                        here = sa.update(table).where(table.c.prediction_id == one.prediction_id)
                        connection.execute(here.values(actual=actual, observed_at=one.observed_at, labelled_at=now))
        return Labelled(**{name: tuple(ids) for name, ids in told.items()})

    def scores(
        self, whose: Whose, version: str, *, since: dt.datetime, until: dt.datetime, limit: int = MOST_LABELS, first: bool = False
    ) -> pl.DataFrame:
        """Labelled answers of a version, served or in the shadow, by when their label was seen.

        Args:
            whose: the model.
            version: of it.
            since: labels seen from here.
            until: to before here.
            limit: the most that are read.
            first: of more than that, the oldest; else the newest.

        Returns:
            `prediction_id, truth, prediction` (as JSON text), `score`, `observed_at`, the oldest first.
        """
        import polars as pl
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        served = table.c.version == version
        value = sa.case((served, table.c.value), else_=table.c.other_value)
        score = sa.case((served, table.c.score), else_=table.c.other_score)
        query = (
            sa.select(table.c.prediction_id, table.c.actual, value, score, table.c.observed_at)
            .where(whose.at(table), sa.or_(served, table.c.other_version == version))
            .where(table.c.actual.is_not(None), table.c.observed_at >= since, table.c.observed_at < until)
            .order_by(*((c if first else c.desc()) for c in (table.c.observed_at, table.c.prediction_id)))
            .limit(limit)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        rows = rows if first else rows[::-1]
        texts: dict[str, Any] = dict.fromkeys(("prediction_id", "truth", "prediction"), pl.String)
        schema = texts | {"score": pl.Float64, "observed_at": pl.Datetime("us", "UTC")}
        return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")

    def both(self, whose: Whose, one: str, other: str, *, scores: bool, limit: int = 200_000) -> pl.DataFrame:
        """Labelled rows that two versions both answered, whichever of them was served, by when their label was seen.

        Args:
            whose: the model.
            one: a version.
            other: another one.
            scores: whether only rows count of which both gave a score.
            limit: how many rows at most.

        Returns:
            `truth`, `one_prediction`, `other_prediction` (as JSON text), `one_score`, `other_score`, `observed_at`, the oldest first.
        """
        import polars as pl
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        first = table.c.version == one
        value, score = (table.c.value, table.c.other_value), (table.c.score, table.c.other_score)
        sides = [sa.case((first, x), else_=y) for pair in (value, score) for x, y in (pair, pair[::-1])]
        of_both = sa.or_(sa.and_(first, table.c.other_version == other), sa.and_(table.c.version == other, table.c.other_version == one))
        query = sa.select(table.c.actual, *sides, table.c.observed_at).where(whose.at(table), of_both, table.c.failed.is_(False))
        query = query.where(table.c.actual.is_not(None), table.c.other_value.is_not(None))
        query = query.where(table.c.score.is_not(None), table.c.other_score.is_not(None)) if scores else query
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.observed_at, table.c.prediction_id).limit(limit)).all()
        texts: dict[str, Any] = dict.fromkeys(("truth", "one_prediction", "other_prediction"), pl.String)
        schema = texts | dict.fromkeys(("one_score", "other_score"), pl.Float64) | {"observed_at": pl.Datetime("us", "UTC")}
        return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")

    def given(self, whose: Whose, version: str, *, since: dt.datetime, limit: int = 20_000, with_score: bool = True) -> tuple[pl.DataFrame, int]:
        """Answers that a version gave since, with a label or without, and how many have one.

        Returns:
            `prediction` (as JSON text) and `score` of the newest answers, by default of those that have a score; labels among them.
        """
        import polars as pl
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        query = sa.select(table.c.value, table.c.score, table.c.actual).where(whose.at(table), table.c.version == version)
        query = query.where(table.c.predicted_at >= since, table.c.failed.is_(False))
        query = query.where(table.c.score.is_not(None)) if with_score else query
        query = query.order_by(table.c.predicted_at.desc(), table.c.prediction_id).limit(limit)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        told = pl.DataFrame([(value, score) for value, score, _ in rows], schema={"prediction": pl.String, "score": pl.Float64}, orient="row")
        return told, sum(actual is not None for _, _, actual in rows)

    def counted(self, whose: Whose, *, since: dt.datetime) -> dict[str, int]:
        """How many answers were given since, and how many of them have their label."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        query = sa.select(sa.func.count(), sa.func.count(table.c.actual)).where(whose.at(table), table.c.predicted_at >= since)
        with self.engine.connect() as connection:
            given, labelled = connection.execute(query).one()
        return {"given": int(given), "labelled": int(labelled)}

    def answered(self, whose: Whose, version: str, *, since: dt.datetime) -> tuple[int, int]:
        """How many answers a version was to give since, and how many of them failed."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        failed = sa.func.sum(sa.case((table.c.failed.is_(True), 1), else_=0))
        query = sa.select(sa.func.count(), failed).where(whose.at(table), table.c.version == version, table.c.predicted_at >= since)
        with self.engine.connect() as connection:
            given, wrong = connection.execute(query).one()
        return int(given), int(wrong or 0)

    def forget(self, *, before: dt.datetime) -> int:
        """Delete answers that were given before; how many those were."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import predictions as table

        with writing(self.engine) as connection:
            return int(connection.execute(sa.delete(table).where(table.c.predicted_at < before)).rowcount)


def _judged(label: Label, known: tuple[str | None, dt.datetime] | None) -> tuple[str, str]:
    actual = json.dumps(label.actual)
    if known is None:
        return "unknown", actual
    if known[0] not in (None, _NO_LABEL):
        return ("repeated" if known[0] == actual else "conflicting"), actual
    return ("early" if label.observed_at < known[1] else "taken"), actual


def _row(prediction: Prediction) -> dict[str, object]:
    told = {f.name: getattr(prediction, f.name) for f in dataclasses.fields(prediction) if f.name != "whose"}
    other = None if prediction.other_value is None else json.dumps(prediction.other_value)
    return {**told, **prediction.whose.values(), "value": json.dumps(prediction.value), "other_value": other}
