"""Whether new rows and answers are still as they were when the version that serves was made: its reference is kept with it.

Only rows that the version has not seen are judged: with them the old ones would hide a change. Numbers and categories are judged; dates move on by
themselves, and texts say nothing by their distribution.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.models.drift import SCHEMA, drift, drifted_columns
from seeding_platform.models.kinds import FeatureKind, Kind
from seeding_platform.models.operations.early import DAYS
from seeding_platform.models.operations.early import DOCUMENT as HELD
from seeding_platform.models.operations.rows import DOCUMENT as TRAINED_ON
from seeding_platform.models.operations.rows import fingerprints, gate_metric, kept_labels, kept_numbers, read, score_frame, written
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.storage.ml.standing import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seeding_platform.models.drift.columns import Kind as Judged
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.standing import Standing
    from seeding_platform.storage.ml.whose import Whose

REFERENCE, FOUND = "reference.json", "drift.json"
"""Documents of a version: what its rows were like, and how far newer ones are from them."""
ANSWERS = "prediction"
"""The column as which answers are judged."""
MOST_ROWS = 2_000
LEAST_ROWS = 100
"""Fewer new rows judge nothing."""


@dataclass(frozen=True, slots=True)
class Drifting:
    """How far new rows are from those that a version was made from.

    Args:
        data_version: of the tables that they are from.
        rows: new rows.
        table: of `models.drift.drift`; None where there were too few rows.
        answers: the same of what the version answers, as a column `prediction`; None where there were too few answers.
    """

    data_version: str
    rows: int
    table: pl.DataFrame | None
    answers: pl.DataFrame | None = None

    @property
    def judged(self) -> pl.DataFrame | None:
        """Features and answers together; None where neither could be judged."""
        found = [table for table in (self.table, self.answers) if table is not None]
        return pl.concat(found) if found else None

    @property
    def given(self) -> int:
        """Answers that were judged."""
        return 0 if self.answers is None else int(self.answers["n_current"][0])

    @property
    def columns(self) -> tuple[str, ...]:
        """What drifted."""
        return () if self.judged is None else drifted_columns(self.judged)

    @property
    def worst(self) -> dict[str, Any]:
        """The column that is farthest beyond its bar, as an alert tells it; nothing where none drifted."""
        if self.judged is None or not self.columns:
            return {}
        # a p-value is the farther beyond its bar the smaller it is, a distance the larger
        beyond = pl.when(pl.col("p").is_null()).then(pl.col("value") / pl.col("threshold")).otherwise(pl.col("threshold") / (pl.col("p") + 1e-300))
        row = self.judged.filter(pl.col("drifted")).sort(beyond, descending=True).row(0, named=True)
        value, method = (row["value"], row["method"]) if row["p"] is None else (row["p"], f"p_{row['method']}")
        return {"column": row["column"], "method": method, "value": value, "limit": row["threshold"]}

    def as_json(self) -> str:
        """A document of it."""
        told = {name: None if table is None else table.to_dicts() for name, table in (("columns", self.table), ("answers", self.answers))}
        return json.dumps({"data_version": self.data_version, "rows": self.rows, **told})

    @classmethod
    def parsed(cls, document: str) -> Drifting:
        """From such a document."""
        told = json.loads(document)
        tables = [None if rows is None else pl.DataFrame(rows, schema=SCHEMA) for rows in (told["columns"], told.get("answers"))]
        return cls(told["data_version"], told["rows"], *tables)


def judged_features(spec: ModelSpec) -> dict[str, Judged]:
    """The features that are judged, and how."""
    kinds: dict[FeatureKind, Judged] = {FeatureKind.NUMERIC: "numeric", FeatureKind.CATEGORY: "category"}
    return {name: kinds[kind] for name, kind in spec.features.items() if kind in kinds}


def real_rows(spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that are not made up, each content once, labelled where there is a label: what training takes as well."""
    real = frame.filter(~pl.col("synthetic")) if "synthetic" in frame.columns else frame
    if spec.target:
        label = pl.col(spec.target)
        real = real.filter(label.is_not_null() & (label.is_not_nan() if real.schema[spec.target].is_float() else True))
    content = [c for c in spec.columns() if c in real.columns]
    return real.filter(~pl.all_horizontal(pl.col(c).is_null() for c in content)).unique(content, keep="first", maintain_order=True)


def reference_of(spec: ModelSpec, rows: pl.DataFrame, trained: Iterable[bytes], *, seed: int) -> str | None:
    """The reference of a version: a sample of its features, and hashes of the rows that it was judged on; None where nothing can be judged.

    Args:
        spec: the model.
        rows: all that it was made from.
        trained: hashes of those of them that it was trained on, which are a document of their own.
        seed: of the sample.
    """
    features = judged_features(spec)
    if not features:
        return None
    real = real_rows(spec, rows)
    sample = real.select(*(_plain(name, kind) for name, kind in features.items()))
    sample = sample.sample(MOST_ROWS, seed=seed) if sample.height > MOST_ROWS else sample
    held = set(fingerprints(spec, real)).difference(trained)
    return json.dumps({"features": sample.to_dict(as_series=False), "held": written(held)})


def drifting(bench: Bench, spec: ModelSpec, version: ModelVersion, frame: Callable[[], pl.DataFrame], data_version: str) -> Drifting | None:
    """How far rows are that came since a version was made; told once a data version, and kept with the version.

    Args:
        bench: what work on models shares.
        spec: the model.
        version: what serves.
        frame: builds the training frame as it is now.
        data_version: of its tables.

    Returns:
        What was found; None where the version has no reference.
    """
    kept = bench.registry.document(version, FOUND)
    if kept is not None and (before := Drifting.parsed(kept)).data_version == data_version:
        return before
    document = bench.registry.document(version, REFERENCE)
    if document is None:
        return None
    reference = json.loads(document)
    new = new_rows(spec, frame(), read(bench.registry.document(version, TRAINED_ON)) | read(reference["held"]))
    features = {name: kind for name, kind in judged_features(spec).items() if name in reference["features"] and name in new.columns}
    table = None
    if features and new.height >= LEAST_ROWS:
        current = new.select(*(_plain(name, kind) for name, kind in features.items()))
        table = drift(pl.DataFrame({name: reference["features"][name] for name in features}, schema=current.schema), current, features)
    found = Drifting(data_version, new.height, table)
    bench.registry.attach(version, FOUND, found.as_json())
    return found


def with_answers(
    bench: Bench, spec: ModelSpec, standing: Standing, version: ModelVersion, found: Drifting | None, data_version: str, *, looks: int
) -> Drifting | None:
    """How far the answers of the last week are from what the version said of rows held out, beside what was found of its features.

    Of two labels scores are judged, else the predictions themselves.

    Args:
        bench: what work on models shares.
        spec: the model.
        standing: how it stands.
        version: what serves.
        found: of its features; None where they were not looked at.
        data_version: of its tables.
        looks: how often answers are judged while they are among the newest.

    Returns:
        Both, kept with the version; of features alone where there are too few answers.
    """
    found = None if found is None else dataclasses.replace(found, answers=None)
    if standing.deployed_at is None:
        return found
    since = max(standing.deployed_at, bench.now() - dt.timedelta(days=DAYS))
    said, _ = bench.predictions.given(standing.whose, version.version, since=since, limit=MOST_ROWS, with_score=False)
    document = bench.registry.document(version, HELD) if said.height >= LEAST_ROWS else None
    if document is None:
        return found
    held = json.loads(document)
    scores = "score" in held
    said = said.drop_nulls("score") if scores else said
    if said.height < LEAST_ROWS:
        return found
    numbers = scores or spec.kind in (Kind.REGRESSION, Kind.COUNTS)
    kind: Judged = "numeric" if numbers else "category"
    answer = pl.col("score") if scores else kept_numbers("prediction") if numbers else kept_labels("prediction")
    current = said.select(answer.alias(ANSWERS))
    reference = pl.DataFrame({ANSWERS: held["score" if scores else "prediction"]}, schema=current.schema)
    both = dataclasses.replace(found or Drifting(data_version, 0, None), answers=drift(reference, current, {ANSWERS: kind}, looks=looks))
    if both.as_json() != bench.registry.document(version, FOUND):
        bench.registry.attach(version, FOUND, both.as_json())
    return both


def new_rows(spec: ModelSpec, frame: pl.DataFrame, seen: set[bytes]) -> pl.DataFrame:
    """The rows of a frame that a version was neither trained nor judged on."""
    real = real_rows(spec, frame)
    return real if real.is_empty() else real.filter(pl.Series([mark not in seen for mark in fingerprints(spec, real)], dtype=pl.Boolean))


def evaluated(
    bench: Bench, whose: Whose, spec: ModelSpec, version: ModelVersion, frame: Callable[[], pl.DataFrame], data_version: str
) -> float | None:
    """The evaluation that drift asks for: what serves, on rows that it has not seen; kept as a measurement, once a data version.

    Returns:
        The metric; None where it is not made of rows, or rows of one class tell nothing apart.
    """
    named = hashlib.blake2b(data_version.encode(), digest_size=8).hexdigest()
    measurement_id = f"evaluation:{whose.registered}:{version.version}:{named}"
    for before in bench.standings.measurements(whose, source="holdout", version=version.version):
        if before.measurement_id == measurement_id:
            return before.value
    document, metric = bench.registry.document(version, REFERENCE), gate_metric(spec)
    if document is None or metric is None:
        return None
    new = new_rows(spec, frame(), read(bench.registry.document(version, TRAINED_ON)) | read(json.loads(document)["held"]))
    if new.height < LEAST_ROWS:
        return None
    model = bench.registry.load(whose.registered, version.version)[1]
    if metric.needs == "score" and (model.classes is None or len(model.classes) != 2):
        return None
    value = metric.value(scored(score_frame(spec, model, new), metric))
    if value != value:
        return None
    bench.standings.measured(
        Measurement(
            measurement_id=measurement_id, whose=whose, version=version.version, source="holdout", metric=spec.metric,
            value=value, rows=new.height, at=bench.now(),
        )
    )  # fmt: skip
    return value


def _plain(name: str, kind: Judged) -> pl.Expr:
    """A column as it goes through JSON and back."""
    return pl.col(name).cast(pl.Float64, strict=False).fill_nan(None) if kind == "numeric" else pl.col(name).cast(pl.String, strict=False)
