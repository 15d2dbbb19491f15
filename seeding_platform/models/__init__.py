"""Models that say how good they are: specifications, frames known at prediction time, training, evaluation, registry.

`train`, `evaluate` and `fit_and_evaluate` work on any frame that meets a specification; what they need is loaded when they are called.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from seeding_platform.models.evaluation import Evaluation, Figure
from seeding_platform.models.frames import frame_of
from seeding_platform.models.spec import ModelSpec, Split, load_spec, shipped_spec, shipped_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl
    from numpy.typing import NDArray

    from seeding_platform.models.learning.reasons import Reason
    from seeding_platform.models.learning.scored import Scored
    from seeding_platform.models.learning.trained import Trained

__all__ = [
    "Evaluation",
    "Figure",
    "ModelSpec",
    "Split",
    "evaluate",
    "fit_and_evaluate",
    "frame_of",
    "importance",
    "load_spec",
    "predict",
    "reasons",
    "row_scores",
    "search",
    "shipped_spec",
    "shipped_specs",
    "split_rows",
    "train",
]


def train(spec: ModelSpec, frame: pl.DataFrame, *, seed: int) -> Trained:
    """Fit a specification's model; the same frame and seed give the same predictions. See `models.learning.trained.train`.

    Raises:
        ContractBroken: a column is missing, has no value, or holds what is none of its kind; a label is missing or stands alone.
        PermanentError: there are no rows, or nothing to tell apart.
    """
    from seeding_platform.models.learning.trained import train as fit

    return fit(spec, frame, seed=seed)


def predict(model: Trained, spec: ModelSpec, frame: pl.DataFrame) -> NDArray[Any]:
    """One prediction a row: a number in the target's unit, a label as text, or the number of a group."""
    from seeding_platform.models.learning.trained import predict as said

    return said(model, spec, frame)


def evaluate(
    model: Trained, spec: ModelSpec, frame: pl.DataFrame | Scored, *, seed: int = 0, clock: Callable[[], float] = time.perf_counter
) -> Evaluation:
    """Judge a model by rows that it did not see; see `models.learning.judging.evaluate`."""
    from seeding_platform.models.learning.judging import evaluate as judged

    return judged(model, spec, frame, seed=seed, clock=clock)


def fit_and_evaluate(
    spec: ModelSpec,
    frame: pl.DataFrame,
    *,
    split: Split | Mapping[str, Any] | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Evaluation:
    """Train on what a split leaves, judge by what it holds out; see `models.learning.judging.fit_and_evaluate`."""
    from seeding_platform.models.learning.judging import fit_and_evaluate as both

    return both(spec, frame, split=split, seed=seed, clock=clock)


def split_rows(spec: ModelSpec, frame: pl.DataFrame, *, split: Split | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and held-out rows of a split that has one part; see `models.learning.splits`."""
    from seeding_platform.models.learning.splits import split_rows as parted

    return parted(spec, frame, split=split)


def row_scores(model: Trained, spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Every row that is not made up, with what happened and what the model says; see `models.learning.scored.row_scores`."""
    from seeding_platform.models.learning.scored import row_scores as table

    return table(model, spec, frame)


def importance(model: Trained, spec: ModelSpec, frame: pl.DataFrame | Scored, *, seed: int = 0) -> dict[str, float]:
    """What each feature is worth on held-out rows; see `models.learning.reasons.importance`."""
    from seeding_platform.models.learning.reasons import importance as worth

    return worth(model, spec, frame, seed=seed)


def reasons(model: Trained, spec: ModelSpec, row: Mapping[str, Any]) -> list[Reason]:
    """What each feature did to one prediction; see `models.learning.reasons.reasons`."""
    from seeding_platform.models.learning.reasons import reasons as why

    return why(model, spec, row)


def search(
    spec: ModelSpec, frame: pl.DataFrame, *, seed: int, cpu_seconds: float, clock: Callable[[], float] = time.process_time
) -> dict[str, float | int | str]:
    """Parameters that do better than the trainer's own, as far as a CPU budget reaches; see `models.learning.search.search`."""
    from seeding_platform.models.learning.search import search as tried

    return tried(spec, frame, seed=seed, cpu_seconds=cpu_seconds, clock=clock)
