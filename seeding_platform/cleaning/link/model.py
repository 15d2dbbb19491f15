"""The evidence of agreeing and differing fields (Fellegi and Sunter 1969), its parameters estimated without labels (EM, Winkler 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

ROUNDS = 60
SETTLED = 1e-5
LIKELY = 0.03  # share of the pairs, the most alike, that the estimate starts from
ALIKE_AT_LEAST = 0.5  # mean likeness over the fields that each of them must have


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the levels of one field tell.

    Args:
        same: share of each level among pairs that are the same.
        other: the same among pairs that are not.
        weights: log of the Bayes factor of each level, never falling as likeness rises; a last one, 0, for nothing said.
    """

    same: np.ndarray
    other: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, slots=True)
class Model:
    """Evidence of each field and the share of the same among the pairs."""

    evidence: dict[str, Evidence]
    share: float

    def log_odds(self, levels: dict[str, np.ndarray]) -> np.ndarray:
        """Log odds of each pair to be the same."""
        prior = np.log(self.share / (1 - self.share))
        return prior + sum(self.evidence[name].weights[found] for name, found in levels.items())  # level -1 is the last weight


def estimate(levels: dict[str, np.ndarray], tops: dict[str, int], weights: dict[str, float], sides: tuple[np.ndarray, np.ndarray] | None) -> Model:
    """Estimate the evidence of each field from pairs of which nobody said whether they are the same.

    Args:
        levels: level of each pair in each field, -1 for nothing said.
        tops: highest level of each field.
        weights: what the evidence of each field is multiplied by.
        sides: record of each pair in the first and in the second table; a record is taken to have at most one partner while estimating.
            None within one table, where it may have many.

    The estimate starts from the pairs that are most alike over all fields; with one field only, it ends there too.
    """
    likeness = np.mean([np.where(found < 0, 0.3, found / tops[name]) for name, found in levels.items()], axis=0)
    most = 0.9 if sides is None else min(len(np.unique(side)) for side in sides) / len(likeness)
    same = np.where(likeness >= max(ALIKE_AT_LEAST, np.quantile(likeness, 1 - min(LIKELY, most))), 0.9, 0.001)
    same = shared_out(same, sides)
    model = Model({}, 0.5)
    for _ in range(ROUNDS if len(levels) > 1 else 1):  # what one field alone tells cannot be learned from itself
        evidence = {name: _evidence(found, same, tops[name], weights[name]) for name, found in levels.items()}
        model = Model(evidence, float(np.clip(same.mean(), 1e-6, most)))
        before, same = same, shared_out(probability(model.log_odds(levels)), sides)
        if np.abs(same - before).max() < SETTLED:
            break
    return model


def probability(log_odds: np.ndarray) -> np.ndarray:
    """Log odds as a probability."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))


def shared_out(same: np.ndarray, sides: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """Probabilities of which those of one record sum to at most 1."""
    for side in sides or ():
        odds = same / np.maximum(1 - same, 1e-12)
        same = odds / (1 + np.bincount(side, weights=odds)[side])
    return same


def _evidence(found: np.ndarray, same: np.ndarray, top: int, weight: float) -> Evidence:
    said = found >= 0
    every = np.bincount(found[said], minlength=top + 1) + 1e-9
    among = np.bincount(found[said], weights=same[said], minlength=top + 1)
    overall = every / every.sum()
    alike, unlike = (counts + overall for counts in (among, np.maximum(every - among, 0)))
    rising = isotonic_regression(alike / (alike + unlike), weights=every).x
    alike = np.clip(rising, 1e-9, 1 - 1e-9) * (every + 2 * overall)
    unlike = every + 2 * overall - alike
    alike, unlike = alike / alike.sum(), unlike / unlike.sum()
    return Evidence(alike, unlike, np.append(weight * np.log(alike / unlike), 0.0))
