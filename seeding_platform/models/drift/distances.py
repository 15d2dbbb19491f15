"""How far two distributions lie apart: distances of shares, and tests for few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF = 0.5
"""Rows added to each bin, so that a bin that is empty on one side is far away but not infinitely."""


def psi(reference: NDArray[Any], current: NDArray[Any]) -> float:
    """Population stability index of the counts of two samples in the same bins: the sum of (q - p) ln(q / p) (Jeffreys 1946).

    >>> import numpy as np
    >>> psi(np.array([500, 500]), np.array([500, 500])), round(psi(np.array([500, 500]), np.array([700, 300])), 2)
    (0.0, 0.17)
    """
    import numpy as np

    p, q = _shares(reference), _shares(current)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: NDArray[Any], current: NDArray[Any]) -> float:
    """Jensen-Shannon distance of the counts of two samples in the same bins, 0 (the same) to 1 (nothing in common) (Endres and Schindelin 2003).

    >>> import numpy as np
    >>> jensen_shannon(np.array([5, 0]), np.array([0, 7]))
    1.0
    """
    import numpy as np
    from scipy.special import xlogy

    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    seen = middle > 0
    p, q, middle = p[seen], q[seen], middle[seen]
    divergence = (xlogy(p, p / middle) + xlogy(q, q / middle)).sum() / 2 / np.log(2)
    return float(np.sqrt(max(divergence, 0.0)))


def kolmogorov_smirnov(reference: NDArray[Any], current: NDArray[Any]) -> tuple[float, float]:
    """Largest distance of two empirical distribution functions, and its p (Smirnov 1939)."""
    from scipy.stats import ks_2samp

    found = ks_2samp(reference, current, method="asymp")
    return float(found.statistic), float(found.pvalue)


def chi_squared(reference: NDArray[Any], current: NDArray[Any]) -> tuple[float, float]:
    """Pearson's chi-squared of the counts of two samples in the same bins, and its p.

    Bins in which fewer than five rows are expected on either side are taken together: the test is wrong for them.
    """
    import numpy as np
    from scipy.stats import chi2_contingency

    table = np.stack([reference, current]).astype(float)
    table = table[:, table.sum(axis=0) > 0]
    least = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = least < 5
    if rare.sum() > 1:
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    if table.shape[1] < 2:
        return 0.0, 1.0
    found = chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def _shares(counts: NDArray[Any]) -> NDArray[Any]:
    padded = counts + _HALF
    return padded / padded.sum()
