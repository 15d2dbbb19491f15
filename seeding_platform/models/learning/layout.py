"""From columns to numbers: what was learned of the training columns, and the matrix that trees and lines read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.errors import ContractBroken
from seeding_platform.models.kinds import FeatureKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seeding_platform.models.spec import ModelSpec

MOST_CATEGORIES = 200
_DATE_PARTS = ("age_days", "month", "weekday", "hour")


@dataclass(frozen=True)
class Layout:
    """What the training columns look like, so that later rows are read the same way.

    Args:
        kinds: kind by feature, in order.
        categories: values of each category column, the commonest first; others count as one more value.
        newest: latest moment of each date column, in seconds since 1970; ages are days before it.
        typical: median (numbers, moments) or commonest value (categories) of each feature; texts have the empty one.
    """

    kinds: dict[str, str]
    categories: dict[str, list[str]]
    newest: dict[str, float]
    typical: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """Names of the text columns."""
        return [n for n, k in self.kinds.items() if k == FeatureKind.TEXT]

    @property
    def tabular(self) -> list[str]:
        """Names of the other columns; one without a value in any training row plays no part."""
        return [n for n, k in self.kinds.items() if k != FeatureKind.TEXT and self.typical[n] is not None]

    def categorical(self) -> list[bool]:
        """Whether each column of the matrix holds numbers of categories."""
        return [
            self.kinds[n] == FeatureKind.CATEGORY for n in self.tabular for _ in range(len(_DATE_PARTS) if self.kinds[n] == FeatureKind.DATE else 1)
        ]

    def matrix(self, values: pl.DataFrame) -> NDArray[Any]:
        """Numbers (categories by their place, a date as its parts), missing as NaN.

        Args:
            values: features as `feature_values` gives them.
        """
        if not self.tabular:
            return np.empty((values.height, 0))
        return values.select(expr for name in self.tabular for expr in self._numbers(name)).to_numpy(order="c")

    def _numbers(self, name: str) -> list[pl.Expr]:
        column = pl.col(name)
        if self.kinds[name] == FeatureKind.CATEGORY:
            known = self.categories[name]
            place = column.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Float64)
            return [pl.when(column.is_not_null()).then(place.fill_null(float(len(known)))).alias(name)]
        if self.kinds[name] == FeatureKind.DATE:
            seconds = column.dt.epoch("us").cast(pl.Float64) / 1e6
            parts = [(self.newest[name] - seconds) / 86_400.0, column.dt.month(), column.dt.weekday(), column.dt.hour()]
            return [p.cast(pl.Float64).alias(f"{name} {part}") for part, p in zip(_DATE_PARTS, parts, strict=True)]
        return [column]

    def words(self, values: pl.DataFrame) -> dict[str, list[str]]:
        """Texts by column; missing as the empty one."""
        return {name: values[name].fill_null("").to_list() for name in self.texts}


def learn_layout(spec: ModelSpec, values: pl.DataFrame) -> Layout:
    """Look at the training columns.

    Raises:
        ContractBroken: a feature has no value in any row of a table of one's own; tables of the installation may lack one.
    """
    categories, newest, typical = {}, {}, {}
    for name, kind in spec.features.items():
        column = values[name]
        if column.null_count() == column.len() and not spec.inputs:
            raise ContractBroken(spec.name, column=name, what="has no value in any training row", fix="Take it out of the features, or fill it.")
        typical[name] = _typical(kind, column)
        if kind is FeatureKind.CATEGORY:
            counted = column.drop_nulls().value_counts().sort("count", column.name, descending=[True, False])
            categories[name] = counted[column.name].head(MOST_CATEGORIES).to_list()
        if kind is FeatureKind.DATE:
            last = column.max()
            newest[name] = 0.0 if last is None else float(column.dt.epoch("us").max()) / 1e6  # type: ignore[arg-type]
    return Layout({n: str(k) for n, k in spec.features.items()}, categories, newest, typical)


def _typical(kind: FeatureKind, column: pl.Series) -> Any:
    if kind is FeatureKind.TEXT:
        return ""
    if column.null_count() == column.len():
        return None
    if kind is FeatureKind.NUMERIC:
        return float(column.median())  # type: ignore[arg-type]
    if kind is FeatureKind.DATE:
        return float(column.dt.epoch("us").median()) / 1e6  # type: ignore[arg-type]
    counted = column.drop_nulls().value_counts().sort("count", column.name, descending=[True, False])
    return str(counted[column.name][0])
