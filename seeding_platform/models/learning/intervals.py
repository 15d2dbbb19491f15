"""How sure a figure is: the same rows, drawn again with replacement, whole groups at a time where rows go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROUNDS = 400
_CELLS = 4_000_000
CERTAINTY = 95


def weighings(rows: int, group: NDArray[Any] | None, *, seed: int, rounds: int = ROUNDS) -> Iterator[NDArray[Any]]:
    """How often each row is drawn, round by round, in blocks of rounds.

    Args:
        rows: how many there are.
        group: number of each row's group, from 0; None draws rows by themselves.
        seed: of the draws.
        rounds: how many draws.
    """
    draw = np.random.default_rng(seed)
    units = rows if group is None else int(group.max()) + 1
    block = max(1, min(rounds, _CELLS // max(rows, 1)))
    for start in range(0, rounds, block):
        drawn = np.array([np.bincount(draw.integers(0, units, units), minlength=units) for _ in range(min(block, rounds - start))], dtype=float)
        yield drawn if group is None else drawn[:, group]


def interval(values: NDArray[Any]) -> tuple[float | None, float | None]:
    """The middle 95 % of values; None where too few rounds gave one."""
    known = values[np.isfinite(values)]
    if known.size < 20:
        return None, None
    low, high = np.percentile(known, [(100 - CERTAINTY) / 2, (100 + CERTAINTY) / 2])
    return float(low), float(high)
