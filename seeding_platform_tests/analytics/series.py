"""Series of days with a pattern and noise of known kinds, and series without any."""

from __future__ import annotations

import numpy as np

LENGTHS = (56, 70, 90, 150, 200, 300, 400)


def patterned(rng: np.random.Generator, *, ahead: int) -> tuple[np.ndarray, int]:
    """A level, a week, perhaps a trend; noise that is normal, follows itself, has heavy tails, or wanders. Days, and how many are known."""
    known = int(rng.choice(LENGTHS))
    days = known + ahead
    at, level = np.arange(days), rng.uniform(200, 5000)
    week = rng.normal(0, rng.uniform(0.05, 0.35), 7) * level
    trend = rng.choice([0, 0, rng.uniform(-0.3, 0.6)]) * level * at / days
    size = rng.uniform(0.03, 0.15) * level
    noise = rng.normal(0, size, days)
    kind = rng.integers(0, 4)
    if kind == 1:
        for i in range(1, days):
            noise[i] += 0.6 * noise[i - 1]
    elif kind == 2:
        noise = rng.standard_t(4, days) * size
    elif kind == 3:
        noise = noise + np.cumsum(rng.normal(0, size * 0.15, days))
    return level + week[at % 7] + trend + noise, known


def signless(rng: np.random.Generator) -> np.ndarray:
    """Noise around a level, or a random walk."""
    days = int(rng.choice(LENGTHS))
    return 1000 + rng.normal(0, 100, days) if rng.random() < 0.5 else 5000 + np.cumsum(rng.normal(0, 100, days))
