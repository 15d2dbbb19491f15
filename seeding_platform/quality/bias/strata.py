"""Conditional disparity: groups compared within strata of rows that are alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.findings import NAN, Finding
from seeding_platform.quality.bias.intervals import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.quality.bias.counts import Counts
    from seeding_platform.quality.bias.intervals import Floats


def conditional_findings(counts: Counts, reference: int | None) -> Iterator[Finding]:
    """Rates and comparisons in each stratum, and over all of them; the reference is the one of the table as a whole."""
    if reference is None or len(counts.groups) < 2:
        yield from (Finding(metric, ALL, NAN, int(counts.n.sum())) for metric in ("conditional_parity_difference", "conditional_disparate_impact"))
        return
    for s, stratum in enumerate(counts.strata):
        rates = counts.rates(s)
        found = [
            *rates.findings("stratum_base_rate"),
            *(f for f in rates.differences("stratum_parity_difference", reference) if f.group != counts.groups[reference]),
            *(f for f in rates.ratios("stratum_disparate_impact", reference) if f.group != counts.groups[reference]),
        ]
        yield from (f._replace(group=f"{f.group} | {stratum}") for f in found)
    for g, group in enumerate(counts.groups):
        if g != reference:
            n = int(counts.n[g].sum())
            for metric, pooled in (("conditional_parity_difference", pooled_difference), ("conditional_disparate_impact", pooled_ratio)):
                value, low, high = pooled(counts, g, reference)
                yield Finding(metric, group, value, n, low, high)


def pooled_difference(counts: Counts, group: int, reference: int) -> tuple[float, float, float]:
    """Rate difference over strata and its limits.

    Differences are weighted by n1 n0 / (n1 + n0), the sizes of the two groups in the stratum (Cochran 1954; Mantel and Haenszel 1959), with the
    variance of Sato (1989), which holds for few large strata and for many small ones. Weighted rows count as their effective number.
    """
    import numpy as np

    a, n1, b, n0 = _cells(counts, group, reference)
    if not n1.size:
        return NAN, NAN, NAN
    n = n1 + n0
    weight = n1 * n0 / n
    value = float((weight * (a / n1 - b / n0)).sum() / weight.sum())
    p = (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2
    q = (a * (n0 - b) + b * (n1 - a)) / (2 * n)
    reach = normal_quantile() * math.sqrt(max(float(value * p.sum() + q.sum()), 0.0)) / float(weight.sum())
    return value, float(np.clip(value - reach, -1, 1)), float(np.clip(value + reach, -1, 1))


def pooled_ratio(counts: Counts, group: int, reference: int) -> tuple[float, float, float]:
    """Rate ratio over strata (Mantel and Haenszel 1959, as Rothman and Boice 1979) and its limits on the log scale (Greenland and Robins 1985)."""
    a, n1, b, n0 = _cells(counts, group, reference)
    n = n1 + n0
    over, under = float((a * n0 / n).sum()), float((b * n1 / n).sum())
    if not under:
        return NAN, NAN, NAN
    if not over:
        return 0.0, 0.0, math.inf
    spread = math.sqrt(max(float(((n1 * n0 * (a + b) - a * b * n) / n**2).sum()), 0.0) / (over * under))
    factor = math.exp(normal_quantile() * spread)
    return over / under, over / under / factor, over / under * factor


def _cells(counts: Counts, group: int, reference: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Good outcomes and rows of the group and of the reference in the strata where both are."""
    n1, n0 = counts.size[group].astype("float64"), counts.size[reference].astype("float64")
    both = (n1 > 0) & (n0 > 0)
    return (counts.rate[group] * n1)[both], n1[both], (counts.rate[reference] * n0)[both], n0[both]
