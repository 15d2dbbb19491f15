"""Made histories of models whose truth is known: labels check by check, and champions beside challengers."""

from __future__ import annotations

import numpy as np
import polars as pl

from seeding_platform.models.operations.shadowing import MOST_LOOKS
from seeding_platform.models.promotion import PromotionThresholds, decide, metric
from seeding_platform.models.promotion.pairs import mcnemar
from seeding_platform.models.retraining import RetrainingThresholds
from seeding_platform.models.retraining.performance import SPELL_DAYS, WINDOWS, alpha, fewer_right

A_DAY = 6
SPELL = SPELL_DAYS * A_DAY
BARS = RetrainingThresholds()


def labels(seeds: int, checks: int, share: float, rng: np.random.Generator, *, n: int = 100) -> np.ndarray:
    """Rows right of `n` at each check, [seeds, checks]."""
    return rng.binomial(n, share, (seeds, checks))


def ours(right: np.ndarray, *, n: int = 100) -> np.ndarray:
    """Where the performance trigger fires, [seeds, checks], for counts since deployment; the same bars and p as `performance.check`."""
    seeds, checks = right.shape
    summed = np.concatenate([np.zeros((seeds, 1), int), right.cumsum(axis=1)], axis=1)
    fired = np.zeros(right.shape, bool)
    for days, part in WINDOWS:
        w = days * A_DAY
        level = min(BARS.performance_p, alpha(w, SPELL, part * BARS.false_retrains))
        for k in range(w + 1, checks + 1):
            b = min(k - w, BARS.baseline_days * A_DAY)
            before, now = summed[:, b], summed[:, k] - summed[:, k - w]
            low = np.flatnonzero(before / (n * b) - now / (n * w) >= BARS.retraining_threshold)
            if low.size:
                fired[low, k - 1] |= fewer_right(before[low], n * b, now[low], n * w) < level
    return fired


def naive(right: np.ndarray, *, n: int = 100) -> np.ndarray:
    """Where the rule of thumb fires: the last 100 labels are three points below the mean of the first fourteen days so far."""
    summed = np.cumsum(right, axis=1)
    b = np.minimum(np.arange(1, right.shape[1]), BARS.baseline_days * A_DAY)
    fired = np.zeros(right.shape, bool)
    fired[:, 1:] = summed[:, b - 1] / (n * b) - right[:, 1:] / n >= BARS.retraining_threshold
    return fired


def false_spells(rule, seeds: int, share: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Share of 28-day spells with a false retraining: the first after deployment and the one after the baseline; and such checks a day."""
    begin = BARS.baseline_days * A_DAY
    fired = rule(labels(seeds, begin + SPELL, share, rng))
    return float(fired[:, :SPELL].any(axis=1).mean()), float(fired[:, begin:].any(axis=1).mean()), float(fired[:, begin:].mean() * A_DAY)


def found(rule, seeds: int, share: float, drop: float, day: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share of drops at the end of a day that are found within 48 hours, and the median of hours until then (nan: most are not)."""
    at = day * A_DAY
    right = np.concatenate([labels(seeds, at, share, rng), labels(seeds, 2 * A_DAY, share - drop, rng)], axis=1)
    fired = rule(right)[:, at:]
    hit = fired.any(axis=1)
    hours = np.where(hit, (fired.argmax(axis=1) + 1) * 24 / A_DAY, np.inf)
    middle = float(np.median(hours))
    return float(hit.mean()), middle if np.isfinite(middle) else float("nan")


def pair(n: int, gain: float, discordant: float, rng: np.random.Generator, *, champion: float = 0.85) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score frames of two models on the same rows: the truth is 1, predictions are right at the champion's share and at that plus the gain."""
    won, lost = (discordant + gain) / 2, (discordant - gain) / 2
    cell = rng.choice(4, n, p=[won, lost, champion - lost, 1 - champion - won])
    truth = np.ones(n, int)
    old, new = np.isin(cell, (1, 2)).astype(int), np.isin(cell, (0, 2)).astype(int)
    return tuple(pl.DataFrame({"truth": truth, "prediction": said}) for said in (old, new))


def deployed(seeds: int, n: int, gain: float, discordant: float, rng: np.random.Generator) -> tuple[float, float]:
    """How often the gate, and how often a gain of two points alone, deploys."""
    bars = PromotionThresholds(floor=0.5)
    gate, thumb = 0, 0
    for _ in range(seeds):
        decision = decide(*pair(n, gain, discordant, rng), metric=metric("accuracy"), thresholds=bars)
        gate += decision.verdict == "deploy"
        thumb += decision.gain >= 0.02
    return gate / seeds, thumb / seeds


def looked_at_again(seeds: int, gain: float, discordant: float, rng: np.random.Generator, *, upto: int = 2000, every: int = 100) -> float:
    """How often a challenger is deployed that is judged again after each hundred further rows."""
    won = rng.binomial(every, (discordant + gain) / 2, (seeds, upto // every))
    lost = rng.binomial(every - won, (discordant - gain) / 2 / (1 - (discordant + gain) / 2))
    won, lost = won.cumsum(axis=1), lost.cumsum(axis=1)
    rows = every * np.arange(1, upto // every + 1)
    return float(((mcnemar(won, lost) <= 0.025) & ((won - lost) / rows >= 0.02)).any(axis=1).mean())


def deployed_from_the_shadow(seeds: int, n: int, gain: float, discordant: float, rng: np.random.Generator) -> float:
    """How often a held version is deployed that is looked at on n live rows, and once more on as many as that look asks for."""
    bars = PromotionThresholds(floor=0.5)
    bars = bars.model_copy(update={"confidence": 1 - (1 - bars.confidence) / MOST_LOOKS})
    done = 0
    for _ in range(seeds):
        frames = pair(n, gain, discordant, rng)
        decision = decide(*frames, metric=metric("accuracy"), thresholds=bars)
        if decision.verdict == "hold":
            more = pair(max(decision.more_rows or 0, bars.minimum_rows), gain, discordant, rng)
            decision = decide(*(pl.concat(side) for side in zip(frames, more, strict=True)), metric=metric("accuracy"), thresholds=bars)
        done += decision.verdict == "deploy"
    return done / seeds


def rolled_back(seeds: int, share: float, drop: float, rng: np.random.Generator, *, n: int = 100) -> float:
    """How often the watch rolls a deployment back: 600 labels before, looked at after 100, 200, ... 500 labels."""
    before = rng.binomial(6 * n, share, seeds)
    after = labels(seeds, BARS.watch_labels // n, share - drop, rng).cumsum(axis=1)
    fired = np.zeros(seeds, bool)
    for k in range(after.shape[1]):
        low = np.flatnonzero(before / (6 * n) - after[:, k] / (n * (k + 1)) >= BARS.watch_drop)
        fired[low] |= fewer_right(before[low], 6 * n, after[low, k], n * (k + 1)) < BARS.watch_p
    return float(fired.mean())
