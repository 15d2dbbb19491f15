"""What features are worth to a model, and what they did to one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.errors import ContractBroken
from seeding_platform.models.kinds import Direction, FeatureKind, Kind
from seeding_platform.models.learning.judging import deciding_value
from seeding_platform.models.learning.reading import feature_values
from seeding_platform.models.learning.scored import Scored, scored
from seeding_platform.models.learning.trained import positive_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seeding_platform.models.learning.layout import Layout
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.spec import ModelSpec

_ROUNDS = 3
_MOST_ROWS, _MOST_AT_ONCE = 2000, 50_000


@dataclass(frozen=True, slots=True)
class Reason:
    """What one feature did to one prediction.

    Args:
        feature: its name.
        value: of this row.
        instead: what it was replaced with, the training median or commonest value (the empty text of a text).
        effect: prediction of the row minus the prediction with the replacement: in the target's unit, or in probability of `of`.
        of: the label whose probability it is; None of numbers.
    """

    feature: str
    value: Any
    instead: Any
    effect: float
    of: str | None


def importance(model: Trained, spec: ModelSpec, frame: pl.DataFrame | Scored, *, seed: int = 0) -> dict[str, float]:
    """What the deciding figure loses when a feature's values are shuffled among held-out rows, mean of three shuffles; the largest loss first.

    Args:
        model: fitted.
        spec: its specification; clustering has no truth and so no such figure.
        frame: rows that it did not see, or what the model said of them already (`scored`).
        seed: of the shuffles, and of the 2,000 rows that are taken of more.
    """
    if spec.kind is Kind.CLUSTERING:
        return {}
    draw = np.random.default_rng(seed)
    rows = (frame if isinstance(frame, Scored) else scored(model, spec, frame)).some(_MOST_ROWS, seed=seed)
    values = feature_values(spec, rows.frame)
    whole = deciding_value(spec, rows, rows.scores)
    sign = 1.0 if spec.direction is Direction.UP else -1.0
    names = [name for name in spec.features for _ in range(_ROUNDS)]
    at_once = max(1, _MOST_AT_ONCE // max(1, values.height))
    told: list[NDArray[Any]] = []
    for start in range(0, len(names), at_once):  # many shuffles cost one reading of the rows, not one each
        shuffled = [values.with_columns(values[name][draw.permutation(values.height)].alias(name)) for name in names[start : start + at_once]]
        told += np.split(model.scores_of(pl.concat(shuffled)), len(shuffled))
    losses = [sign * (whole - deciding_value(spec, rows, scores)) for scores in told]
    lost = {name: float(np.mean(losses[n * _ROUNDS : (n + 1) * _ROUNDS])) for n, name in enumerate(spec.features)}
    return dict(sorted(lost.items(), key=lambda item: (-item[1], item[0])))


def reasons(model: Trained, spec: ModelSpec, row: Mapping[str, Any]) -> list[Reason]:
    """What each feature did to one prediction: the prediction, less what it would be were this feature alone as usual.

    The effects of features that work together do not add up to the whole; they say what would change, not why it is so.

    Args:
        model: fitted.
        spec: its specification.
        row: value by feature; others are ignored.

    Returns:
        One reason a feature, the largest effect first. For groups the effect is 1 where the row would fall into another group.

    Raises:
        ContractBroken: a feature is missing, or its value is none of its kind.
    """
    for name in spec.features:
        if name not in row:
            raise ContractBroken(spec.name, column=name, what="is not in the row", fix="Give every feature; null where it is not known.")
    own = feature_values(spec, pl.DataFrame({name: [row[name]] for name in spec.features}, strict=False))
    usual = [own.with_columns(_usual(model.layout, name, own.schema[name])) for name in spec.features]
    told = model.scores_of(pl.concat([own, *usual]))
    of = None
    if model.classes is not None:
        place = positive_class(spec, model.classes) if len(model.classes) == 2 else int(told[0].argmax())
        of, told = model.classes[place], told[:, place]
    found = [
        Reason(name, row[name], model.layout.typical[name], _effect(spec, float(told[0]), float(told[n])), of)
        for n, name in enumerate(spec.features, 1)
    ]
    return sorted(found, key=lambda r: (-abs(r.effect), r.feature))


def _effect(spec: ModelSpec, own: float, other: float) -> float:
    return float(own != other) if spec.kind is Kind.CLUSTERING else own - other


def _usual(layout: Layout, name: str, dtype: pl.DataType) -> pl.Series:
    value = layout.typical[name]
    if layout.kinds[name] == FeatureKind.DATE and value is not None:
        return pl.Series(name, [round(value * 1e6)], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    return pl.Series(name, [value], dtype=dtype)
