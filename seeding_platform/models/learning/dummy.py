"""What needs no model: the median, the mean or the shares of the training rows, of all of them or of a row's group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seeding_platform.errors import ContractBroken
from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.reading import labels

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from seeding_platform.models.spec import ModelSpec

_PRIOR_ROWS = 5.0


@dataclass(frozen=True)
class Dummy:
    """Answers that look at no feature but the group.

    Args:
        column: the group's column; None where all rows get the same.
        overall: shares of the classes, or one number.
        groups: the same by value of the column.
    """

    column: str | None
    overall: list[float]
    groups: dict[str, list[float]]

    def scores(self, frame: pl.DataFrame) -> NDArray[Any]:
        """As a model's scores; a group that was not seen, or a table without the column, gets what all rows get."""
        if self.column is None or self.column not in frame.columns:
            told = np.tile(self.overall, (frame.height, 1))
        else:
            values = labels(frame[self.column]).fill_null("").to_list()
            told = np.array([self.groups.get(v, self.overall) for v in values]).reshape(frame.height, len(self.overall))
        return told if len(self.overall) > 1 else told[:, 0]


def learn_dummy(spec: ModelSpec, frame: pl.DataFrame, y: NDArray[Any], classes: list[str] | None) -> Dummy:
    """The dummy of training rows.

    Raises:
        ContractBroken: the column of its groups is not there.
    """
    count = len(classes) if classes else None
    overall = _shares(y, count) if count else np.array([_middle(spec.kind, y)])
    if spec.baseline is None:
        return Dummy(None, overall.tolist(), {})
    if spec.baseline not in frame.columns:
        raise ContractBroken(spec.name, column=spec.baseline, what="is not in the table, and the baseline is told by it", fix="Correct baseline.")
    values = labels(frame[spec.baseline]).fill_null("").to_numpy()
    groups = {}
    for value in sorted(set(values.tolist())):
        mine = y[values == value]
        shares = (
            (_shares(mine, count) * mine.size + _PRIOR_ROWS * overall) / (mine.size + _PRIOR_ROWS) if count else np.array([_middle(spec.kind, mine)])
        )
        groups[value] = shares.tolist()
    return Dummy(spec.baseline, overall.tolist(), groups)


def _shares(y: NDArray[Any], count: int) -> NDArray[Any]:
    return np.bincount(y, minlength=count) / max(y.size, 1)


def _middle(kind: Kind, y: NDArray[Any]) -> float:
    return float(np.mean(y)) if kind is Kind.COUNTS else float(np.median(y))
