"""Two models on the same rows, each row right or wrong: the exact test, an interval of the difference, and how many rows it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeding_platform.models.promotion.metrics import Floats


def mcnemar(won: Any, lost: Any) -> Any:
    """One-sided exact p of McNemar's test (1947): how likely so many of the discordant rows are won by a model that is no better.

    Args:
        won: rows that the challenger alone has right; one number or an array.
        lost: rows that the champion alone has right.

    >>> round(mcnemar(8, 1), 5)
    0.01953
    """
    import numpy as np
    from scipy.special import bdtr

    won, lost = np.asarray(won), np.asarray(lost)
    found = np.where(won + lost > 0, bdtr(lost.astype(float), np.maximum(won + lost, 1), 0.5), 1.0)
    return found if found.ndim else float(found)


def difference(won: int, lost: int, rows: int, *, confidence: float) -> tuple[float, float]:
    """Limits of the difference of two paired shares: Wald's with one row added to each discordant cell (Bonett and Price 2012).

    >>> tuple(round(x, 3) for x in difference(30, 10, 100, confidence=0.95))
    (0.078, 0.315)
    """
    from math import sqrt

    from scipy.stats import norm

    up, down = (won + 1) / (rows + 2), (lost + 1) / (rows + 2)
    half = float(norm.ppf((1 + confidence) / 2)) * sqrt((up + down - (up - down) ** 2) / (rows + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def discordant(champion_right: Floats, challenger_right: Floats) -> tuple[int, int]:
    """Rows that only the challenger, and that only the champion, has right."""
    return int((challenger_right > champion_right).sum()), int((champion_right > challenger_right).sum())


def needed_rows(effect: float, spread: float, *, confidence: float = 0.95, power: float = 0.8) -> int:
    """Rows on which a true gain would be found significant with this power; two-sided limits at the confidence.

    Args:
        effect: the gain to be found, above 0.
        spread: standard deviation of a row's gain; for right and wrong rows the root of their discordant share.
        confidence: of the interval that must lie above 0.
        power: how often it shall be found.

    Raises:
        ConfigError: no number of rows would do.

    >>> needed_rows(0.04, 0.3)
    442
    """
    from math import ceil

    from scipy.stats import norm

    from seeding_platform.errors import ConfigError

    if effect <= 0:
        raise ConfigError(f"A gain of {effect} cannot be found by any number of rows.", fix="Ask for an effect above 0.")
    return ceil(((float(norm.ppf((1 + confidence) / 2)) + float(norm.ppf(power))) * spread / effect) ** 2)
