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


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """How a model did for one group of held-out rows, or for all of them.

    Args:
        weighted: whether the model was trained with weights.
        group: the group, or "(all)".
        n: held-out rows.
        mae: mean absolute error, in the target's unit.
        mean_error: mean of prediction minus truth.
        rmse: root mean squared error.
        disparate_impact: how often predictions lie above the training median, against the reference of `quality.bias.outcome` (the most favoured
            group of at least 30 rows, else the largest); of all rows, smallest / largest.
        ci_low: lower limit of its 95 % interval; None is not known.
        ci_high: upper limit.
        verdict: what may be said of it (`quality.bias.Verdict`).
    """

    weighted: bool
    group: str
    n: int
    mae: float
    mean_error: float
    rmse: float
    disparate_impact: float | None
    ci_low: float | None
    ci_high: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Reweighing:
    """What the weights did: the same held-out rows, predicted by a model without and by one with them.

    Args:
        feature: the column whose values are the groups.
        figures: every group and then all rows, first without weights, then with.
    """

    feature: str
    figures: tuple[GroupFigures, ...]

    def markdown(self) -> str:
        """The figures as a table for people."""
        head = ("weights", self.feature, "rows", "MAE", "mean error", "RMSE", "disparate impact", "95 % interval", "verdict")
        lines = [head, ("---",) * len(head), *(_cells(f) for f in self.figures)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(f: GroupFigures) -> tuple[str, ...]:
    impact, low, high = ("?" if x is None else f"{x:.2f}" for x in (f.disparate_impact, f.ci_low, f.ci_high))
    group = f.group.replace("|", "\\|")
    weights = "with" if f.weighted else "without"
    return weights, group, str(f.n), f"{f.mae:.3f}", f"{f.mean_error:+.3f}", f"{f.rmse:.3f}", impact, f"{low} to {high}", f.verdict


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
    """Fit the specification's model, with its weights if it asks for them; the same frame and seed give the same model."""
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
    weights = training_weights(spec, frame)
    weighing = {} if weights is None else {"model__sample_weight": weights.to_numpy()}
    return Pipeline([("columns", columns), ("model", boosted)]).fit(feature_matrix(spec, frame), frame[spec.target].to_numpy(), **weighing)


def training_weights(spec: ModelSpec, frame: pl.DataFrame) -> pl.Series | None:
    """Weights of training rows by which every group lies above the frame's median equally often; None where the specification asks for none."""
    if spec.reweigh is None:
        return None
    from seeding_platform.quality.bias import reweigh

    rows = frame.select(pl.col(spec.reweigh.group).alias("group"), above=pl.col(spec.target) > pl.col(spec.target).median())
    return reweigh(rows, group="group", label="above")


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


def reweighing(spec: ModelSpec, weighted: Pipeline, *, train_rows: pl.DataFrame, test_rows: pl.DataFrame, seed: int) -> Reweighing | None:
    """Figures of a weighted model and of the same one without weights, group by group; None where the specification asks for no weights.

    Args:
        spec: the model.
        weighted: trained on `train_rows` as `train` does.
        train_rows: what to train the other one on; their median is what predictions are held against.
        test_rows: held-out rows.
        seed: of the fit.
    """
    if spec.reweigh is None:
        return None
    from seeding_platform.quality.bias.columns import group_name

    plain = train(spec.model_copy(update={"reweigh": None}), train_rows, seed=seed)
    rows = test_rows.select(group=group_name(spec.reweigh.group), truth=pl.col(spec.target).cast(pl.Float64))
    median = float(train_rows[spec.target].median())  # type: ignore[arg-type]
    figures: list[GroupFigures] = []
    for model, has_weights in ((plain, False), (weighted, True)):
        said = rows.with_columns(pl.Series("said", predict(model, spec, test_rows)))
        figures += _group_figures(said.with_columns(above=pl.col("said") > median), weighted=has_weights)
    return Reweighing(spec.reweigh.group, tuple(figures))


def _group_figures(rows: pl.DataFrame, *, weighted: bool) -> list[GroupFigures]:
    from seeding_platform.quality.bias import outcome
    from seeding_platform.quality.bias.columns import ALL

    error = pl.col("said") - pl.col("truth")
    both = pl.concat([rows.sort("group"), rows.with_columns(group=pl.lit(ALL))])
    errors = both.group_by("group", maintain_order=True).agg(
        pl.len(), mae=error.abs().mean(), mean_error=error.mean(), rmse=error.pow(2).mean().sqrt()
    )
    found = outcome(rows, group="group", label="above", positive=True)
    judged = found.filter(pl.col("metric").is_in(["disparate_impact", "demographic_parity_ratio"]))
    impact = {group: tuple(rest) for group, *rest in judged.select("group", "value", "ci_low", "ci_high", "verdict").iter_rows()}
    return [GroupFigures(weighted, *row, *impact[row[0]]) for row in errors.iter_rows()]
