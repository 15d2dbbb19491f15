"""Parameters of a trainer by trial: the same ones in the same order, each judged on rows that its fit did not see, until the budget is spent."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from seeding_platform.errors import PermanentError
from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.judging import deciding_value
from seeding_platform.models.learning.scored import scored
from seeding_platform.models.learning.splits import split_rows
from seeding_platform.models.learning.trained import train
from seeding_platform.models.spec import Split

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from seeding_platform.models.spec import ModelSpec

_TREES: dict[str, tuple[Any, ...]] = {
    "max_leaf_nodes": (8, 4, 16, 31),
    "learning_rate": (0.05, 0.03, 0.1),
    "max_iter": (150, 300, 80),
    "min_samples_leaf": (20, 5, 50),
    "l2_regularization": (1.0, 10.0),
}
_SOME, _KEPT = 0.35, 4


def search(
    spec: ModelSpec, frame: pl.DataFrame, *, seed: int, cpu_seconds: float, clock: Callable[[], float] = time.process_time
) -> dict[str, float | int | str]:
    """Look for parameters that do better than the trainer's own.

    Candidates are first tried on a third of the rows; the best four, and the trainer's own parameters, are tried on all of them. What is left
    when the budget is spent is not tried: with a small budget the trainer's own stay.

    Args:
        spec: the model; parameters that it names already are the first candidate.
        frame: training rows only; some are held out here. The rows by which the model is judged later must not be among them.
        seed: of fits, of the sample and of the order of candidates.
        cpu_seconds: budget; the candidate that is under way when it ends is finished.
        clock: CPU seconds of this process.

    Returns:
        What to write into `params`; empty where nothing did better.

    Raises:
        PermanentError: the kind has no truth to be tried on, or the trainer is somebody's own.
    """
    if spec.kind is Kind.CLUSTERING or spec.trainer is not None:
        why = "clustering has no truth to try parameters on" if spec.trainer is None else "its trainer is not ours"
        raise PermanentError(f"{spec.name}: parameters cannot be searched: {why}.", fix="Write params by hand.")
    start = clock()
    before, held = split_rows(spec, frame, split=_inner(spec))
    few = before.sample(fraction=_SOME, shuffle=True, seed=seed) if before.height > 500 else before
    own = dict(spec.params or {})
    first: list[tuple[float, int, dict[str, Any]]] = []
    for place, params in enumerate([own, *_candidates(spec, seed)]):
        if place and clock() - start >= cpu_seconds / 2:
            break
        first.append((_cost(spec, params, few, held, seed), place, params))
    best, chosen = np.inf, own
    for _, _, params in sorted(first, key=lambda t: (t[1] != 0, t[0], t[1]))[: _KEPT + 1]:
        if best < np.inf and clock() - start >= cpu_seconds:
            break
        cost = _cost(spec, params, before, held, seed)
        if cost < best:
            best, chosen = cost, params
    return chosen


def _inner(spec: ModelSpec) -> Split:
    """A split of the training rows like that by which the model is judged."""
    if spec.split.kind == "time":
        return spec.split.model_copy(update={"test_fraction": 0.25})
    return Split(kind="holdout", test_fraction=0.25, seed=spec.split.seed + 1)


def _cost(spec: ModelSpec, params: dict[str, Any], before: pl.DataFrame, held: pl.DataFrame, seed: int) -> float:
    """The deciding figure so that lower is better; infinite where it cannot be told."""
    tried = spec.model_copy(update={"params": params or None})
    rows = scored(train(tried, before, seed=seed), tried, held)
    value = deciding_value(tried, rows, rows.scores)
    if np.isnan(value):
        return float("inf")
    return value if tried.better(0.0, 1.0) else -value


def _candidates(spec: ModelSpec, seed: int) -> list[dict[str, Any]]:
    """All that is tried, in an order that the seed decides."""
    if spec.kind is Kind.NEXT_ITEM:
        return [{"weight": w} for w in (1.0, 2.0, 10.0, 20.0)] + [{"method": "trees"}]
    grid: dict[str, tuple[Any, ...]] = {}
    if any(k == "text" for k in spec.features.values()):
        grid |= {"strength": (1.0, 0.3, 3.0)} if spec.kind is Kind.CLASSIFICATION else {"penalty": (1.0, 0.3, 3.0, 10.0)}
    if any(k != "text" for k in spec.features.values()):
        grid |= _TREES
    every = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [every[i] for i in np.random.default_rng(seed).permutation(len(every))]
