"""The next item by what followed before, from the fullest context that was seen down to how common an item is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from seeding_platform.models.learning.layout import Layout

_WEIGHT = 20.0
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class Chain:
    """Counts of what followed, by context.

    A context is the values of the first features in the specification's order: all of them, all but the last, and so on down to none. Each
    context's counts are added to what the next shorter one expects, which counts like `weight` rows.

    Args:
        features: category columns, the most telling first.
        counts: by length of the context and its values: times that each item followed, by the item's number.
        items: how many items there are.
        weight: of the shorter context.
    """

    features: list[str]
    counts: list[dict[str, dict[str, int]]]
    items: int
    weight: float

    def scores(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """Probability of every item for every row."""
        told: dict[str, NDArray[Any]] = {}
        contexts = _contexts(values, self.features)
        return np.array([self._given(context, told) for context in contexts]).reshape(len(contexts), self.items)

    def _given(self, context: tuple[str, ...], told: dict[str, NDArray[Any]]) -> NDArray[Any]:
        key = f"{len(context)}{_BETWEEN}{_BETWEEN.join(context)}"
        if key not in told:
            shorter = self._given(context[:-1], told) if context else np.full(self.items, 1.0 / self.items)
            seen = self.counts[len(context)].get(_BETWEEN.join(context), {})
            here = np.zeros(self.items)
            for item, times in seen.items():
                here[int(item)] = times
            told[key] = (here + self.weight * shorter) / (here.sum() + self.weight)
        return told[key]


def fit_chain(layout: Layout, values: pl.DataFrame, y: NDArray[Any], *, items: int, params: dict[str, Any]) -> Chain:
    """Count what followed; numbers and moments among the features take no part."""
    features = list(layout.categories)
    counts: list[dict[str, Counter[str]]] = [{} for _ in range(len(features) + 1)]
    for context, item in zip(_contexts(values, features), y.tolist(), strict=True):
        for length in range(len(features) + 1):
            counts[length].setdefault(_BETWEEN.join(context[:length]), Counter())[str(item)] += 1
    plain = [{key: dict(sorted(seen.items())) for key, seen in sorted(level.items())} for level in counts]
    return Chain(features, plain, items, float(params.get("weight", _WEIGHT)))


def _contexts(values: pl.DataFrame, features: list[str]) -> list[tuple[str, ...]]:
    if not features:
        return [()] * values.height
    return [tuple("" if v is None else v for v in row) for row in values.select(features).iter_rows()]
