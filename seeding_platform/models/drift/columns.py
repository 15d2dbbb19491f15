"""Which columns are no longer distributed as they were: features, predictions, probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.models.drift.distances import chi_squared, jensen_shannon, kolmogorov_smirnov, psi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Found = tuple[str, float | None, float, float | None, bool]

Kind = Literal["numeric", "category"]
FEW = 1000
"""Below so many rows on either side p-values judge; above them everything is significant, and distances do."""
P_BAR = 0.01
"""Bar of the p-values, divided by the columns that are judged and by how often (Bonferroni)."""
PSI_BAR = 0.2
"""Usual reading of the index: below .1 nothing, .1 to .2 a little, above .2 a shift (Siddiqi 2006)."""
JENSEN_SHANNON_BAR = 0.1
QUANTILES = 10
CATEGORIES = 50
"""Categories of the reference that have a bin of their own; rarer ones share one."""
SCHEMA = {
    "column": pl.String,
    "kind": pl.String,
    "method": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "p": pl.Float64,
    "drifted": pl.Boolean,
    "n_reference": pl.Int64,
    "n_current": pl.Int64,
}


def drift(reference: pl.DataFrame, current: pl.DataFrame, features: Mapping[str, Kind], *, looks: int = 1) -> pl.DataFrame:
    """Columns of current rows against those of reference rows.

    Below 1,000 rows on either side a column has one row: `ks` (numbers) or `chi2` (categories), drifted where p lies below its threshold.
    From there on it has two: `psi` and `jensen_shannon`, drifted where the value reaches the threshold. Nulls are a bin of their own, and so
    are categories that the reference does not know. Where a side holds no rows the method is `none` and nothing drifted.

    Args:
        reference: rows that were well.
        current: rows to judge.
        features: what is judged, `numeric` (numbers, days, moments, booleans) or `category`.
        looks: how often rows that overlap are judged; p-values must lie as much lower.

    Returns:
        column, kind, method, value, threshold, p (null for distances), drifted, n_reference, n_current.

    Raises:
        ConfigError: a column is missing, or is of a kind that cannot be judged.
    """
    rows: list[tuple[Any, ...]] = []
    for name, kind in features.items():
        absent = [who for who, frame in (("reference", reference), ("current rows", current)) if name not in frame.columns]
        if absent:
            raise ConfigError(f"drift: the {absent[0]} has no column {name}.", fix="Judge columns that both have.")
        if kind not in get_args(Kind):
            raise ConfigError(f"drift: column {name} is {kind}.", fix="Judge columns of numbers and of categories only.")
        before, now = _judgeable(reference[name], kind), _judgeable(current[name], kind)
        for found in _judged(before, now, kind, P_BAR / len(features) / looks):
            rows.append((name, kind, *found, before.len(), now.len()))  # noqa: PERF401 - one list a column reads worse
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def drifted_columns(found: pl.DataFrame) -> tuple[str, ...]:
    """Names of the columns that drifted by any method, in the order in which they were judged."""
    return tuple(found.filter(pl.col("drifted"))["column"].unique(maintain_order=True))


def _judgeable(column: pl.Series, kind: Kind) -> pl.Series:
    if kind == "category":
        return column.cast(pl.String)
    if column.dtype.is_temporal():
        column = column.to_physical()
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise ConfigError(f"drift: column {column.name} holds {column.dtype}, no numbers.", fix="Judge it as a category.")
    return column.cast(pl.Float64).fill_nan(None)


def _judged(before: pl.Series, now: pl.Series, kind: Kind, bar: float) -> Iterator[Found]:
    if before.is_empty() or now.is_empty():
        yield "none", None, 0.0, None, False
        return
    bins = _number_bins if kind == "numeric" else _category_bins
    if min(before.len(), now.len()) >= FEW:
        counts = bins(before, now)
        for method, distance, threshold in (("psi", psi, PSI_BAR), ("jensen_shannon", jensen_shannon, JENSEN_SHANNON_BAR)):
            value = distance(*counts)
            yield method, value, threshold, None, value >= threshold
    elif kind == "category":
        value, p = chi_squared(*bins(before, now))
        yield "chi2", value, bar, p, p < bar
    else:
        value, p = _numbers_test(before, now)
        yield "ks", value, bar, p, p < bar


def _numbers_test(before: pl.Series, now: pl.Series) -> tuple[float, float]:
    """Kolmogorov-Smirnov of the values; with nulls on a side, the smaller of its p and that of the share of nulls, doubled."""
    import numpy as np

    known = before.drop_nulls().to_numpy(), now.drop_nulls().to_numpy()
    value, p = kolmogorov_smirnov(*known) if min(map(len, known)) else (0.0, 1.0)
    if not before.null_count() + now.null_count():
        return value, p
    nulls = [np.array([column.null_count(), column.len() - column.null_count()]) for column in (before, now)]
    gap = abs(before.null_count() / before.len() - now.null_count() / now.len())
    return max(value, gap), min(1.0, 2 * min(p, chi_squared(*nulls)[1]))


def _number_bins(before: pl.Series, now: pl.Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """Counts between and on the deciles of the reference, nulls last: a value that many rows share is a bin of its own."""
    import numpy as np

    known = before.drop_nulls().to_numpy()
    edges = np.unique(np.quantile(known, np.arange(1, QUANTILES) / QUANTILES, method="lower")) if len(known) else np.array([])
    counts = []
    for column in (before, now):
        values = column.drop_nulls().to_numpy()
        at = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
        counts.append(np.append(np.bincount(at, minlength=2 * len(edges) + 1), column.null_count()))
    return counts[0], counts[1]


def _category_bins(before: pl.Series, now: pl.Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """Counts of the reference's commonest categories, of its others, of categories that it does not know, and of nulls."""
    import numpy as np

    common = before.drop_nulls().value_counts(sort=True)
    known, own = common[before.name].to_list(), common[before.name].head(CATEGORIES).to_list()
    counts = []
    for column in (before, now):
        values = column.drop_nulls()
        by = dict(values.value_counts().iter_rows())
        shown = [by.get(c, 0) for c in own]
        others = int(values.is_in(known[len(own) :]).sum())
        counts.append(np.array([*shown, others, values.len() - sum(shown) - others, column.null_count()]))
    return counts[0], counts[1]
