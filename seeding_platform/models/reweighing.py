"""Weights of training rows against bias, and what they did: the same held-out rows by a model without and by one with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.spec import ModelSpec


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


def training_weights(spec: ModelSpec, frame: pl.DataFrame) -> pl.Series | None:
    """Weights of training rows by which every group lies above the frame's median equally often; None where the specification asks for none."""
    if spec.reweigh is None:
        return None
    from seeding_platform.quality.bias import reweigh

    rows = frame.select(pl.col(spec.reweigh.group).alias("group"), above=pl.col(str(spec.target)) > pl.col(str(spec.target)).median())
    return reweigh(rows, group="group", label="above")


def reweighing(spec: ModelSpec, weighted: Trained, *, train_rows: pl.DataFrame, test_rows: pl.DataFrame, seed: int) -> Reweighing | None:
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
    from seeding_platform.models.learning.trained import predict, train
    from seeding_platform.quality.bias.columns import group_name

    plain = train(spec.model_copy(update={"reweigh": None}), train_rows, seed=seed)
    rows = test_rows.select(group=group_name(spec.reweigh.group), truth=pl.col(str(spec.target)).cast(pl.Float64))
    median = float(train_rows[str(spec.target)].median())  # type: ignore[arg-type]
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
