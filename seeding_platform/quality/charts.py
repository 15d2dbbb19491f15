"""Lengths and points of the report's small charts, as numbers that the template writes into SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.quality.standing import Curve, Point

WIDE, HIGH, LEAST_SPAN = 100.0, 24.0, 5.0
"""Box of a sparkline, and points of score that its height stands for at least: a calm table is a calm line."""
SIDE = 100.0
"""Side of a reliability plot; 0 is lower left."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of a table's score over its runs, and what it says in words."""

    points: str
    last: tuple[float, float]
    said: str


def spark(points: Sequence[Point]) -> Spark | None:
    """The mean score over the last runs; None for fewer than two."""
    scores = [p.score for p in points if p.score is not None]
    if len(scores) < 2:
        return None
    low, high = min(scores), max(scores)
    span = max(high - low, LEAST_SPAN)
    middle = (low + high) / 2
    step = (WIDE - 4) / (len(scores) - 1)
    places = [(round(2 + i * step, 1), round(HIGH / 2 - (s - middle) / span * (HIGH - 6), 1)) for i, s in enumerate(scores)]
    said = f"{len(scores)} runs, from {scores[0]:.1f} to {scores[-1]:.1f}"
    return Spark(" ".join(f"{x},{y}" for x, y in places), places[-1], said)


def reliability_plot(curve: Curve) -> dict[str, Any]:
    """Dots of a reliability plot, their size by records, and a row each for the table below it."""
    most = max(n for _, _, n in curve.bins)
    dots = [{"x": round(s * SIDE, 1), "y": round(SIDE - o * SIDE, 1), "r": round(1.5 + 2.5 * (n / most) ** 0.5, 1)} for s, o, n in curve.bins]
    rows = [{"stated": f"{s:.2f}", "observed": f"{o:.2f}", "n": n} for s, o, n in curve.bins]
    return {"dots": dots, "rows": rows, "error": f"{curve.error:.3f}", "n": sum(n for _, _, n in curve.bins)}


def whisker(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A bias figure with its interval on a scale of its own; None where it has no interval."""
    value, low, high = row["value"], row["ci_low"], row["ci_high"]
    if value is None or low is None or high is None:
        return None
    ratio = "impact" in row["metric"] or row["metric"].endswith("_ratio")
    start, end = (0.0, max(2.0, high)) if ratio else (min(-1.0, low), max(1.0, high))
    place = {name: round(100 * (v - start) / (end - start), 1) for name, v in (("value", value), ("low", low), ("high", high))}
    return {**place, "even": round(100 * ((1.0 if ratio else 0.0) - start) / (end - start), 1)}


def seeding_verdict(row: Mapping[str, Any]) -> tuple[str, str]:
    """What the gain by the seed package amounts to: kind of badge, and word."""
    low, high = row["ci_low"], row["ci_high"]
    if row["labels"] is None:
        return "waiting", "not run"
    if low is not None and low > 0:
        return "ok", "helps"
    if high is not None and high < 0:
        return "failed", "harms"
    return "waiting", "not shown"


def gain_bar(row: Mapping[str, Any]) -> dict[str, float] | None:
    """A gain with its interval on a scale of its own around none; None where it has no interval."""
    gain, low, high = row["gain"], row["ci_low"], row["ci_high"]
    if gain is None or low is None or high is None:
        return None
    most = max(abs(low), abs(high)) or 1.0
    return {name: round(50 + 48 * v / most, 1) for name, v in (("value", gain), ("low", low), ("high", high))} | {"even": 50.0}
