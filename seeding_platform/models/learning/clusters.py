"""Groups of rows that are alike, how many there are, and how well they hold when other rows had been seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from seeding_platform.errors import PermanentError
from seeding_platform.models.learning.linear import learn_encoding

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from seeding_platform.models.learning.layout import Layout
    from seeding_platform.models.learning.linear import Encoded

_MOST = 8
_SEEN = 1000  # rows that the number of groups is chosen on, and silhouettes are told of
_TRIED, _AS_GOOD = 6, 0.05  # bootstraps for each number, and the likeness that more groups may cost
_SKEWED = 1.0


@dataclass(frozen=True)
class Groups:
    """Fitted groups.

    Args:
        encoded: how rows become points.
        skewed: numbers whose logarithm is taken, by their place.
        estimator: scikit-learn's KMeans or GaussianMixture.
        count: how many groups.
    """

    encoded: Encoded
    skewed: list[bool]
    estimator: Any
    count: int

    def points(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """Rows as points: numbers in standard deviations, a category as one coordinate a value."""
        points = np.asarray(self.encoded.matrix(values).todense(), dtype=float)
        return _levelled(points, self.skewed)

    def scores(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """The number of each row's group, from 0."""
        return np.asarray(self.estimator.predict(self.points(layout, values)))


def fit_groups(layout: Layout, values: pl.DataFrame, *, params: dict[str, Any], seed: int) -> Groups:
    """Group rows; how many groups there are is what `clusters` says, else the most, of 2 to 8, that are found again in other rows as well as any.

    Raises:
        PermanentError: fewer than three rows that differ.
    """
    encoded = learn_encoding(layout, values)
    points = np.asarray(encoded.matrix(values).todense(), dtype=float)
    skewed = _skewed(points)
    points = _levelled(points, skewed)
    different = np.unique(points, axis=0).shape[0]
    if different < 3:
        raise PermanentError(f"Only {different} rows differ: there is nothing to group.", fix="Take more features, or more rows.")
    method = str(params.get("method", "kmeans"))
    if int(params.get("clusters", 2)) > different:
        raise PermanentError(f"{params['clusters']} groups of {different} rows that differ.", fix="Ask for fewer groups, or leave clusters out.")
    count = int(params["clusters"]) if "clusters" in params else _best_count(points, min(_MOST, different - 1), method, seed)
    return Groups(encoded, skewed, grouped(points, count, method, seed), count)


def grouped(points: NDArray[Any], count: int, method: str, seed: int, *, starts: int = 4) -> Any:
    """An estimator fitted to points."""
    if method == "mixture":
        return GaussianMixture(count, covariance_type="diag", reg_covar=1e-3, n_init=max(1, starts // 2), random_state=seed).fit(points)
    return KMeans(count, n_init=starts, random_state=seed).fit(points)


def stabilities(model: Groups, points: NDArray[Any], *, rounds: int, seed: int) -> NDArray[Any]:
    """How well the groups of a model are found again in bootstrapped rows, one figure a round; see `refound`."""
    method = "mixture" if isinstance(model.estimator, GaussianMixture) else "kmeans"
    return refound(points, model.estimator, model.count, method, rounds=rounds, seed=seed)


def refound(points: NDArray[Any], estimator: Any, count: int, method: str, *, rounds: int, seed: int) -> NDArray[Any]:
    """How well groups are found again in bootstrapped rows (Hennig 2007).

    Returns:
        One figure a round: over the groups, the mean Jaccard likeness to the group of that round that is likest.
    """
    draw = np.random.default_rng(seed)
    ours, found = estimator.predict(points), []
    for turn in range(rounds):
        rows = np.unique(draw.integers(0, len(points), len(points)))
        if np.unique(points[rows], axis=0).shape[0] <= count:
            continue
        theirs = grouped(points[rows], count, method, seed + turn + 1, starts=2).predict(points[rows])
        found.append(np.mean([_likest(ours[rows] == g, theirs) for g in np.unique(ours[rows])]))
    return np.array(found)


def silhouette(points: NDArray[Any], groups: NDArray[Any]) -> float:
    """Mean silhouette of at most 1,000 rows; NaN for a single group."""
    if np.unique(groups).size < 2:
        return float("nan")
    return float(silhouette_score(points[:_SEEN], groups[:_SEEN])) if np.unique(groups[:_SEEN]).size > 1 else float("nan")


def _likest(mine: NDArray[Any], theirs: NDArray[Any]) -> float:
    return max(float((mine & (theirs == g)).sum() / (mine | (theirs == g)).sum()) for g in np.unique(theirs))


def _best_count(points: NDArray[Any], most: int, method: str, seed: int) -> int:
    """The most groups that are found again in other rows nearly as well as any number of groups is."""
    draw = np.random.default_rng(seed)
    some = points if len(points) <= _SEEN else points[draw.permutation(len(points))[:_SEEN]]
    told = {}
    for count in range(2, most + 1):
        found = refound(some, grouped(some, count, method, seed), count, method, rounds=_TRIED, seed=seed)
        told[count] = round(float(found.mean()), 6) if found.size else 0.0
    return max(count for count, likeness in told.items() if likeness >= max(told.values()) - _AS_GOOD)


def _skewed(points: NDArray[Any]) -> list[bool]:
    """Numbers with a long tail to the right: in standard deviations, their third moment is above 1."""
    return [bool((column**3).mean() > _SKEWED and np.unique(column).size > 2) for column in points.T]


def _levelled(points: NDArray[Any], skewed: list[bool]) -> NDArray[Any]:
    """Long tails drawn in by a logarithm that keeps sign and zero."""
    told = points.copy()
    for place, is_skewed in enumerate(skewed):
        if is_skewed:
            told[:, place] = np.sign(told[:, place]) * np.log1p(np.abs(told[:, place])) * 1.5
    return told
