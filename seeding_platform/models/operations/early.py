"""What answers without labels let expect of a classifier: its scores on rows held out are kept with it, and say what its newest scores are worth.

Confidence-based performance estimation (`models.drift.estimated`): an early warning, never a reason to train by itself.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.models.drift import estimated_performance
from seeding_platform.models.kinds import Kind
from seeding_platform.models.operations.rows import kept_labels, positive_label, score_frame
from seeding_platform.models.retraining.calendar import slot
from seeding_platform.storage.ml.standing import Measurement

if TYPE_CHECKING:
    from seeding_platform.models.drift import Estimate
    from seeding_platform.models.learning.scored import Scored
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.standing import Standing

DOCUMENT = "held_scores.json"
MOST_ROWS = 2000
FEWEST = 100
"""Answers, and scores held out, below which nothing is estimated; with as many labels nothing has to be."""
DAYS = 7
ESTIMATED = ("accuracy", "auc")


def held_scores(spec: ModelSpec, model: Trained, held: Scored, *, seed: int) -> str | None:
    """What a version says of rows that it was not trained on, as a document: of two labels with scores and truth; None of too few rows."""
    if held.truth.size < FEWEST:
        return None
    positive = positive_label(spec, model)
    scores = score_frame(spec, model, held.some(MOST_ROWS, seed=seed))
    if positive is None:
        said = scores["prediction"].cast(pl.Int64).cast(pl.String) if spec.kind is Kind.CLUSTERING else scores["prediction"]
        return json.dumps({"prediction": said.to_list()})
    told: dict[str, Any] = {"positive": positive}
    return json.dumps(told | {name: scores[name].to_list() for name in ("truth", "prediction", "score")})


def estimated(bench: Bench, spec: ModelSpec, standing: Standing, version: ModelVersion) -> Estimate | None:
    """What the metric of the last week's answers probably is, kept as a measurement; None where labels tell it, or too little does."""
    if spec.metric not in ESTIMATED or standing.deployed_at is None:
        return None
    now, whose = bench.now(), standing.whose
    since = max(standing.deployed_at, now - dt.timedelta(days=DAYS))
    answers, labels = bench.predictions.given(whose, version.version, since=since)
    if answers.height < FEWEST or labels >= FEWEST:
        return None
    document = bench.registry.document(version, DOCUMENT)
    kept = json.loads(document) if document else {}
    if len(kept.get("truth", ())) < FEWEST or len(set(kept["truth"])) < 2:
        return None
    before = pl.DataFrame({name: kept[name] for name in ("truth", "prediction", "score")})
    said = answers.select(prediction=(kept_labels("prediction") == kept["positive"]).cast(pl.Int8), score="score")
    found = estimated_performance(before, said, spec.metric)
    at = slot(now)
    bench.standings.measured(
        Measurement(
            measurement_id=f"estimate:{whose.registered}:{version.version}:{at.isoformat()}", whose=whose, version=version.version,
            source="estimate", metric=spec.metric, value=found.estimate, ci_low=found.lower, ci_high=found.upper, rows=found.n,
            from_at=since, to_at=now, at=now,
        )
    )  # fmt: skip
    return found
