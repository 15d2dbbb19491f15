"""Model fairness: for whom a model is right, for whom it errs and in which direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.calibration import calibration_findings
from seeding_platform.quality.bias.classification import classification_findings
from seeding_platform.quality.bias.columns import chosen, is_binary
from seeding_platform.quality.bias.counts import left_out
from seeding_platform.quality.bias.findings import table
from seeding_platform.quality.bias.regression import regression_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeding_platform.quality.bias.findings import Finding


def model_fairness(
    frame: pl.DataFrame | pl.LazyFrame, *, group: str | Sequence[str], label: str, prediction: str, score: str | None = None, seed: int = 0
) -> pl.DataFrame:
    """Whether a model serves groups equally well: a classifier where the label is binary, a regression where it is another number.

    The reference of comparisons by group is the group of at least 30 rows that is predicted positive most often (the largest group where none
    has so many).

    Args:
        frame: labels and predictions of rows that the model was not trained on.
        group: column, or columns whose values together make the groups (joined by " x "); a null is group "(missing)".
        label: what was true. Rows without it, or without a prediction, are left out and counted.
        prediction: what the model said, in the same unit; 0/1 or booleans for a classifier.
        score: predicted probability of the positive class, 0-1; adds the calibration of a classifier.
        seed: of the bootstrap of calibration errors; all other intervals are in closed form (`intervals`).

    Returns:
        Rows `metric, group, value, n, ci_low, ci_high, verdict`; `n` are the rows that a figure is made of, such as the positives of a true
        positive rate. First `label_missing` and `prediction_missing`, then as `classification`, `calibration` or `regression` say.

    Raises:
        ConfigError: a column is missing or is not of the kind that the label asks for.

    >>> frame = pl.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "paid": [1, 1, 0, 0] * 2, "said": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> found = model_fairness(frame, group="sex", label="paid", prediction="said")
    >>> found.filter(pl.col("metric").str.starts_with("equalized")).select("metric", "value", "verdict").rows()
    [('equalized_odds_difference', 0.5, 'insufficient_evidence'), ('equalized_odds_ratio', 0.0, 'not_judged')]
    """
    scores = {} if score is None else {"score": score}
    rows = chosen(frame, group=group, label=label, prediction=prediction, **scores)
    for role, name in (("label", label), ("prediction", prediction), *scores.items()):
        if not rows[role].dtype.is_numeric() and rows[role].dtype not in (pl.Boolean, pl.Null):
            raise ConfigError(f"{role}: column {name} is {rows[role].dtype}.", fix="Give numbers, or 0 and 1 for classes.")
    return table(_findings(rows, seed=seed))


def _findings(rows: pl.DataFrame, *, seed: int) -> Iterator[Finding]:
    unknown = rows["label"].is_null()
    yield left_out(unknown, "label_missing")
    yield left_out(~unknown & rows["prediction"].is_null(), "prediction_missing")
    if not is_binary(rows["label"]):
        if "score" in rows.columns:
            raise ConfigError("score: it belongs to a binary label, and this one is another number.", fix="Leave it out.")
        yield from regression_findings(rows.with_columns(pl.col("label", "prediction").cast(pl.Float64)))
        return
    if not is_binary(rows["prediction"]):
        raise ConfigError("prediction: the label is binary and this is not.", fix="Give 0 and 1 here, and probabilities as `score`.")
    binary = rows.with_columns(pl.col("label", "prediction").cast(pl.Boolean))
    yield from classification_findings(binary)
    if "score" in rows.columns:
        yield from calibration_findings(binary, seed=seed)
