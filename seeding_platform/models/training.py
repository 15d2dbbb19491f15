"""Generic, pure training and evaluation on any frame that meets a specification.

Nothing here stores a model or decides whether it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from sklearn.pipeline import Pipeline

    from seeding_platform.models.spec import ModelSpec

_MISSING = -1e6
"""Stands for a missing number: far below any value, so that trees part with it; a column without any value is allowed."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on held-out rows, next to the dummy that needs no model.

    Args:
        rmse: root mean squared error of the model, in the target's unit.
        baseline_rmse: the same of the dummy.
        gain_se: mean gain in squared error over the dummy, in standard errors of that mean.
        train_rows: rows trained on.
        test_rows: rows held out, never synthetic.
    """

    rmse: float
    baseline_rmse: float
    gain_se: float
    train_rows: int
    test_rows: int

    def beats_baseline(self, spec: ModelSpec) -> bool:
        """True when the gain is at least the specification's number of standard errors."""
        return self.rmse < self.baseline_rmse and self.gain_se >= spec.standard_errors


def split_rows(spec: ModelSpec, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and held-out rows; held-out rows are the newest (or a seeded sample) and never synthetic."""
    real, made = frame.filter(~pl.col("synthetic")), frame.filter(pl.col("synthetic"))
    held = max(1, round(real.height * spec.split.test_fraction))
    ordered = (
        real.sort(spec.split.column)
        if spec.split.kind == "time" and spec.split.column
        else real.sample(fraction=1, shuffle=True, seed=spec.split.seed)
    )
    return pl.concat([ordered.head(real.height - held), made]), ordered.tail(held)


def train(spec: ModelSpec, frame: pl.DataFrame, *, seed: int) -> Pipeline:
    """Fit the specification's model; the same frame and seed give the same model."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    categories = [i for i, kind in enumerate(spec.features.values()) if kind == "category"]
    numbers = [i for i, kind in enumerate(spec.features.values()) if kind == "numeric"]
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    columns = ColumnTransformer(
        [("category", encode, categories), ("numeric", SimpleImputer(strategy="constant", fill_value=_MISSING, keep_empty_features=True), numbers)]
    )
    boosted = HistGradientBoostingRegressor(
        max_iter=120, learning_rate=0.06, min_samples_leaf=max(3, min(20, frame.height // 10)), early_stopping=False, random_state=seed
    )
    return Pipeline([("columns", columns), ("model", boosted)]).fit(feature_matrix(spec, frame), frame[spec.target].to_numpy())


def feature_matrix(spec: ModelSpec, frame: pl.DataFrame) -> np.ndarray[Any, Any]:
    """Features in the specification's order as an object array: categories as text (null = ""), numbers as float (null = nan)."""
    import numpy as np

    columns = [
        frame[name].cast(pl.String).fill_null("") if kind == "category" else frame[name].cast(pl.Float64).fill_null(float("nan"))
        for name, kind in spec.features.items()
    ]
    return np.column_stack([np.asarray(c.to_list(), dtype=object) for c in columns])


def predict(model: Pipeline, spec: ModelSpec, frame: pl.DataFrame) -> np.ndarray[Any, Any]:
    """Predictions in the target's unit, one a row."""
    import numpy as np

    return np.asarray(model.predict(feature_matrix(spec, frame)), dtype=float)


def baseline_predictions(spec: ModelSpec, train_rows: pl.DataFrame, test_rows: pl.DataFrame) -> np.ndarray[Any, Any]:
    """The dummy: the training median of the row's group, the overall median for an unknown group."""
    import numpy as np

    overall = float(train_rows[spec.target].median())  # type: ignore[arg-type]
    if spec.baseline is None:
        return np.full(test_rows.height, overall)
    medians = train_rows.group_by(spec.baseline).agg(dummy=pl.col(spec.target).median())
    return test_rows.join(medians, on=spec.baseline, how="left", maintain_order="left")["dummy"].fill_null(overall).to_numpy()


def evaluate(model: Pipeline, spec: ModelSpec, *, train_rows: pl.DataFrame, test_rows: pl.DataFrame) -> Evaluation:
    """Score a model on held-out rows beside the dummy."""
    import numpy as np

    truth = test_rows[spec.target].to_numpy()
    errors = (truth - predict(model, spec, test_rows)) ** 2
    dummy = (truth - baseline_predictions(spec, train_rows, test_rows)) ** 2
    gain = dummy - errors
    spread = float(gain.std(ddof=1)) / float(np.sqrt(gain.size)) if gain.size > 1 else 0.0
    return Evaluation(
        rmse=float(np.sqrt(errors.mean())),
        baseline_rmse=float(np.sqrt(dummy.mean())),
        gain_se=float(gain.mean() / spread) if spread else 0.0,
        train_rows=train_rows.height,
        test_rows=test_rows.height,
    )
