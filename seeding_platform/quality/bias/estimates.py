"""Estimates: one figure for each group, and what follows from comparing them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.findings import NAN, Finding
from seeding_platform.quality.bias.intervals import difference_limits, normal_quantile, ratio_limits, student_quantile, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.quality.bias.intervals import Floats

    Limits = tuple[Floats, Floats, Floats]

LARGE_ENOUGH = 30
"""Rows from which on a group may be the one that others are compared with."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """A figure for each group.

    Args:
        groups: their names.
        n: rows that each figure is made of.
        value: the figures; NaN is undefined.
        limits: lower and upper limits of all figures for a normal quantile.
    """

    groups: tuple[str, ...]
    n: NDArray[np.int64]
    value: Floats
    limits: Callable[[float], tuple[Floats, Floats]]

    def findings(self, metric: str) -> Iterator[Finding]:
        """One finding a group."""
        low, high = self.limits(normal_quantile())
        yield from (Finding(metric, *row) for row in zip(self.groups, self.value, self.n, low, high, strict=True))

    def differences(self, metric: str, reference: int | None) -> Iterator[Finding]:
        """Each group minus the reference; its own row is 0. Undefined without a second group."""
        yield from self._against(metric, reference, difference_limits, of_itself=0.0)

    def ratios(self, metric: str, reference: int | None) -> Iterator[Finding]:
        """Each group divided by the reference; its own row is 1. Undefined without a second group, or where the reference is 0."""
        yield from self._against(metric, reference, ratio_limits, of_itself=1.0)

    def largest_difference(self, metric: str, *, among: int = 1) -> Finding:
        """Largest figure minus smallest, over the groups where it is defined.

        The largest of many differences of chance is not small, so a plain interval of the extreme pair, or a bootstrap of it, would lie too
        high. The true value is the largest over all pairs; its limits are therefore the largest limits over all pairs. For the lower one, which
        chance could lift, the 5 % are shared over the pairs that may be the extreme one as far as the data say. The interval covers 95 % or
        more: 97.5 % where two groups differ by about a standard error.

        Args:
            metric: its name.
            among: figures like this of which the worst is taken; they share the 5 % too.
        """
        import numpy as np

        known, shared = self._comparable(among)
        if known.size < 2:
            return Finding(metric, ALL, NAN, int(self.n.sum()))
        plain, cautious = (self._pairs(known, z, difference_limits, of_itself=0.0) for z in (normal_quantile(), shared))
        value = self.value[known].max() - self.value[known].min()
        return Finding(metric, ALL, value, int(self.n.sum()), np.max(cautious[0]), np.max(plain[1]))

    def smallest_ratio(self, metric: str, *, among: int = 1) -> Finding:
        """Smallest figure divided by the largest, as `largest_difference` is made; undefined where all are 0."""
        import numpy as np

        known, shared = self._comparable(among)
        if known.size < 2 or not self.value[known].max() > 0:
            return Finding(metric, ALL, NAN, int(self.n.sum()))
        plain, cautious = (self._pairs(known, z, ratio_limits, of_itself=1.0) for z in (normal_quantile(), shared))
        value = self.value[known].min() / self.value[known].max()
        return Finding(metric, ALL, value, int(self.n.sum()), np.nanmin(plain[0]), np.nanmin(cautious[1]))

    def _against(
        self, metric: str, reference: int | None, rule: Callable[[Limits, Limits], tuple[Floats, Floats]], *, of_itself: float
    ) -> Iterator[Finding]:
        import numpy as np

        if reference is None or np.isfinite(self.value).sum() < 2:
            yield from (Finding(metric, group, NAN, n) for group, n in zip(self.groups, self.n, strict=True))
            return
        own = (self.value, *self.limits(normal_quantile()))
        other = tuple(x[reference] for x in own)
        low, high = rule(own, other)
        with np.errstate(all="ignore"):
            value = self.value - other[0] if of_itself == 0 else self.value / other[0]
        if np.isfinite(value[reference]):
            value[reference] = low[reference] = high[reference] = of_itself
        yield from (Finding(metric, *row) for row in zip(self.groups, value, self.n, low, high, strict=True))

    def _comparable(self, among: int) -> tuple[NDArray[np.intp], float]:
        """Groups with a figure, and the quantile shared over the pairs that may be the extreme one."""
        import numpy as np

        known = np.flatnonzero(np.isfinite(self.value))
        if known.size < 2:
            return known, normal_quantile()
        low, high = (x[known] for x in self.limits(normal_quantile()))
        value = self.value[known]
        top, bottom = high >= low[value.argmax()], low <= high[value.argmin()]
        both = int((top & bottom).sum())
        pairs = int(top.sum()) * int(bottom.sum()) - both - both * (both - 1) // 2
        return known, normal_quantile(comparisons=among * max(pairs, 1))

    def _pairs(
        self, known: NDArray[np.intp], z: float, rule: Callable[[Limits, Limits], tuple[Floats, Floats]], *, of_itself: float
    ) -> tuple[Floats, Floats]:
        """Limits of all ordered pairs, [groups, groups]; a group against itself has no chance in it."""
        import numpy as np

        own = [x[known] for x in (self.value, *self.limits(z))]
        low, high = rule(tuple(x[:, None] for x in own), tuple(x[None, :] for x in own))  # type: ignore[arg-type]
        itself = np.eye(known.size, dtype=bool)
        return np.where(itself, of_itself, low), np.where(itself, of_itself, high)


def proportions(groups: tuple[str, ...], n: NDArray[np.int64], rate: Floats, size: Floats | None = None) -> Estimates:
    """Shares with Wilson's limits; `size` are the effective rows where they are weighted."""
    rows = n.astype("float64") if size is None else size
    return Estimates(groups, n, rate, lambda z: wilson(rate, rows, z))


def shares_of(groups: tuple[str, ...], part: NDArray[np.int64], whole: NDArray[np.int64]) -> Estimates:
    """Shares of counts; undefined where there is nothing to share."""
    import numpy as np

    with np.errstate(all="ignore"):
        return proportions(groups, whole, part / np.where(whole > 0, whole, np.nan))


def means(groups: tuple[str, ...], n: NDArray[np.int64], mean: Floats, deviation: Floats, *, least: float = -math.inf) -> Estimates:
    """Means with Student's limits, from the standard deviations of the values, none below `least`; one value tells no limits."""
    import numpy as np

    def limits(z: float) -> tuple[Floats, Floats]:
        reach = student_quantile(z, n.astype("float64")) * deviation / np.sqrt(np.maximum(n, 1))
        reach = np.where(n > 1, reach, np.inf)
        return np.maximum(mean - reach, least), mean + reach

    return Estimates(groups, n, mean, limits)


def reference_group(estimates: Estimates, rows: NDArray[np.int64]) -> int | None:
    """Position of the most favoured group among those of at least 30 rows; the largest group where none has so many.

    The choice is taken as given by the intervals against it: among many groups of nearly one rate the best of them is a little too good.
    """
    import numpy as np

    known = np.isfinite(estimates.value)
    if not known.any():
        return None
    large = known & (rows >= LARGE_ENOUGH)
    order = estimates.value if large.any() else rows.astype("float64")
    return int(np.argmax(np.where(large if large.any() else known, order, -np.inf)))
