"""Rows as the gate compares them: which of them a version has not seen, and score frames in the gate's own form."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.kinds import Direction, Kind
from seeding_platform.storage.content import PROCESSING_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seeding_platform.models.learning.scored import Scored
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.promotion.metrics import Floats, Metric
    from seeding_platform.models.promotion.metrics import Scored as ScoredRows
    from seeding_platform.models.spec import ModelSpec

DOCUMENT = "trained_on.txt"
"""Hashes of the rows that a version was trained on: what it is compared by must be none of them."""
POSITIVE = "positive"
"""Tag of a version of two labels: the one whose probability its score is."""
_BYTES = 8
_NAMES = {"f1": "f1_macro"}
_NO_JSON = ("NaN", "Infinity", "-Infinity")
"""What Python writes for numbers that JSON does not have."""


def gate_metric(spec: ModelSpec, classes: int | None = 2) -> Metric | None:
    """The deciding metric of a specification as the gate computes it; None for a figure of a whole model, which is not made of rows.

    Args:
        spec: the model.
        classes: how many labels there are.
    """
    from seeding_platform.models.promotion.metrics import BUILT_IN

    found = BUILT_IN.get(_NAMES.get(spec.metric, spec.metric))
    if found is None or spec.kind is Kind.CLUSTERING or (found.needs == "score" and classes != 2):
        return None
    return found


def live_metric(spec: ModelSpec) -> Metric | None:
    """The deciding metric as labelled answers tell it: that of the gate, or a figure of truth, prediction and score alone; else None.

    Ranks and probabilities of several labels are not kept with an answer, so `hit@3`, `mrr` and expressions over `p_<class>` cannot be told.
    """
    found = gate_metric(spec)
    if found is not None or spec.kind is Kind.CLUSTERING:
        return found
    from seeding_platform.models.learning.judging import own_figure
    from seeding_platform.models.promotion.metrics import Metric

    if spec.metric == "mape":
        return Metric("mape", "down", needs="numbers", by_weight=_mape)
    expression = (spec.metrics or {}).get(spec.metric)
    if expression is not None and not set(pl.sql_expr(expression).meta.root_names()) <= {"truth", "prediction", "score"}:
        return None
    measure = own_figure(spec)
    return None if measure is None else Metric(spec.metric, "up" if spec.direction is Direction.UP else "down", measure=measure)


def _mape(scored: ScoredRows) -> Callable[[Floats], Floats]:
    from seeding_platform.models.learning.figures import of_numbers

    return of_numbers("mape", scored.truth, scored.prediction).of


def fingerprints(spec: ModelSpec, frame: pl.DataFrame) -> list[bytes]:
    """One hash a row, over features and target; the same content is the same row wherever it stands.

    >>> import polars as pl
    >>> from seeding_platform.models.spec import ModelSpec
    >>> toy = ModelSpec(name="toy", target="y", features={"x": "numeric"})
    >>> a, b = fingerprints(toy, pl.DataFrame({"x": [1, 1], "y": [2, 2], "id": [1, 2]}))
    >>> a == b
    True
    """
    return _hashes(frame.select(sorted(c for c in spec.columns() if c in frame.columns)))


def data_sha256(frame: pl.DataFrame) -> str:
    """Sha256 over the sorted hashes of all rows of a training frame: neither their order nor how they came in counts.

    >>> import polars as pl
    >>> data_sha256(pl.DataFrame({"a": [1, 2], "_batch": ["x", "y"]})) == data_sha256(pl.DataFrame({"a": [2, 1]}))
    True
    """
    content = frame.select(sorted(set(frame.columns) - PROCESSING_COLUMNS))
    return hashlib.sha256(b"".join(sorted(_hashes(content)))).hexdigest()


def _hashes(content: pl.DataFrame) -> list[bytes]:
    return [hashlib.blake2b(line.encode(), digest_size=_BYTES).digest() for line in content.write_ndjson().splitlines()]


def written(hashes: Iterable[bytes]) -> str:
    """Hashes as a text, each once."""
    return base64.b64encode(b"".join(sorted(set(hashes)))).decode()


def read(document: str | None) -> set[bytes]:
    """Hashes of such a text; none of none."""
    content = base64.b64decode(document) if document else b""
    return {content[i : i + _BYTES] for i in range(0, len(content), _BYTES)}


def unseen(spec: ModelSpec, rows: Scored, seen: set[bytes]) -> Scored:
    """The rows that a version was not trained on."""
    if not seen or rows.frame.is_empty():
        return rows
    return rows.only([mark not in seen for mark in fingerprints(spec, rows.frame)])


def score_frame(spec: ModelSpec, model: Trained, rows: pl.DataFrame | Scored) -> pl.DataFrame:
    """What a model says of rows, or said of them already, as the gate wants it."""
    from seeding_platform.models.learning.scored import Scored, as_rows, scored

    return gate_frame(spec, model, as_rows(spec, rows if isinstance(rows, Scored) else scored(model, spec, rows)))


def dummy_frame(spec: ModelSpec, model: Trained, rows: Scored) -> pl.DataFrame:
    """What its dummy says of the same rows."""
    if rows.dummy is None:
        raise ValueError(f"{spec.kind} has no dummy")
    return score_frame(spec, model, dataclasses.replace(rows, scores=rows.dummy))


def positive_label(spec: ModelSpec, model: Trained) -> str | None:
    """The label whose probability the score is, as text; None where there are not two."""
    if spec.kind is not Kind.CLASSIFICATION or not model.classes or len(model.classes) != 2:
        return None
    from seeding_platform.models.learning.trained import positive_class

    return str(model.classes[positive_class(spec, model.classes)])


def gate_frame(spec: ModelSpec, model: Trained, scores: pl.DataFrame) -> pl.DataFrame:
    """A score frame as the gate reads it: of two labels the positive one is 1."""
    positive = positive_label(spec, model)
    if positive is None:
        return scores
    return scores.with_columns((pl.col(name) == positive).cast(pl.Int8) for name in ("truth", "prediction"))


def kept_numbers(name: str) -> pl.Expr:
    """Numbers as answers and labels keep them (JSON); what is no finite number is none."""
    number = pl.col(name).str.strip_chars('"').cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number).alias(name)


def kept_labels(name: str) -> pl.Expr:
    """Classes as answers and labels keep them (JSON), as text; whole numbers without a decimal point, as a model reads its labels."""
    kept = pl.col(name)
    return pl.when(~kept.is_in(_NO_JSON)).then(kept).str.json_decode(pl.String).alias(name)


def live_frame(spec: ModelSpec, rows: pl.DataFrame, metric: Metric, *, positive: str | None) -> pl.DataFrame:
    """Labelled answers as they are kept (JSON texts), as the gate and the checks want them, with `at`.

    Args:
        spec: the model.
        rows: `truth, prediction, score, observed_at` of `Predictions.scores`.
        metric: what they are judged by.
        positive: label whose probability the score is; None where there are not two.
    """
    read = kept_numbers if spec.kind in (Kind.REGRESSION, Kind.COUNTS) else kept_labels
    said = rows.select(*(read(name) for name in ("truth", "prediction")), "score", at=pl.col("observed_at"))
    if metric.needs == "score":
        said = said.with_columns(truth=(pl.col("truth") == positive).cast(pl.Int8)).filter(pl.col("score").is_not_null())
    elif metric.measure is None or positive is None:
        said = said.drop("score")
    return said.drop_nulls(["truth", "prediction"])
