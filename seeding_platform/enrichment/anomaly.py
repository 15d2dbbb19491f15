"""What is unlike before, before any bar is broken: quality, confidence, failures and the mix of labels against the median of weeks.

A figure of a day is held against one a day of the four weeks before the last two days (a slow decay does not become usual while it lasts), a figure
of an hour against one an hour of the week before the last six hours. Far is measured in the largest of: the spread of those (1.4826 median absolute
deviations, which is one standard deviation of a normal distribution: Rousseeuw and Croux 1993), the standard error that the size of the figure itself
leaves to chance, and the least move that anybody would want to hear of. Only moves for the worse count, and those of an hour only where the hour
before had moved too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from seeding_platform.enrichment.measures import DAY, HOUR, RATES, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.enrichment.measurements import Measurement

_NORMAL = 1.4826
LOOKED_BACK = dt.timedelta(days=30)
FEWEST_DAYS, FEWEST_HOURS = 7, 24
NEAR = 0.6
"""What was far is no longer so below this share of the distance."""
LEAST_PSI = 0.2
LABEL_MIX = "label_mix"


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure that is watched.

    Args:
        metric: which.
        window: over how long it is measured: an hour or a day.
        least: least move that is told, in its unit.
        worse: in which direction it gets worse.
    """

    metric: str
    window: dt.timedelta
    least: float
    worse: int


WATCHED = (
    Watched(Metric.QUALITY, DAY, 3.0, -1),
    Watched(Metric.CONFIDENCE, DAY, 0.03, -1),
    Watched(Metric.FAILURE_DAY, DAY, 2.0, 1),
    Watched(Metric.QUALITY_HOUR, HOUR, 6.0, -1),
    Watched(Metric.CONFIDENCE_HOUR, HOUR, 0.06, -1),
    Watched(Metric.FAILURE, HOUR, 5.0, 1),
)
METRICS = tuple(str(w.metric) for w in WATCHED)
"""What is read of the history."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A figure that is unlike before, or nearly so.

    Args:
        metric: which; `label_mix` for the labels.
        value: now; for the labels the population stability index.
        usual: median of before.
        distance: for the worse, in spreads.
        n: behind the figure of now.
        far: whether it is far enough to be told.
    """

    metric: str
    value: float
    usual: float
    distance: float
    n: int
    far: bool


def deviations(
    history: Mapping[str, Sequence[Measurement]], measured: Mapping[str, Measurement], *, now: dt.datetime, far: float = 5.0, fewest: int = 50
) -> list[Deviation]:
    """What is unlike before at a moment, the farthest first; with `far` false what is not far, but too far to call it over.

    Args:
        history: measurements by metric, the oldest first, of 30 days; those of `now` itself may be among them.
        measured: the figures of now.
        now: the moment.
        far: spreads from the median that are told.
        fewest: records or attempts below which a figure says nothing, now or before.
    """
    found = []
    for watched in WATCHED:
        one = measured.get(watched.metric)
        if one is not None and one.value is not None and one.n >= fewest:
            before = [m for m in history.get(watched.metric, ()) if m.value is not None and m.n >= fewest and m.at < now]
            if (made := _judged(watched, one, before, now, far)) is not None:
                found.append(made)
    labels = measured.get(Metric.CONFIDENCE)
    if labels is not None and (mix := _mix(labels, history.get(Metric.CONFIDENCE, ()), now, far, fewest)) is not None:
        found.append(mix)
    return sorted(found, key=lambda d: (not d.far, -d.distance, d.metric))


def _judged(watched: Watched, one: Measurement, before: Sequence[Measurement], now: dt.datetime, far: float) -> Deviation | None:
    reference = _reference(before, watched.window, now)
    if len(reference) < (FEWEST_DAYS if watched.window == DAY else FEWEST_HOURS):
        return None
    values = [float(m.value or 0) for m in reference]
    usual = median(values)
    spread = _NORMAL * median(abs(v - usual) for v in values)

    def distance(m: Measurement) -> float:
        return watched.worse * (float(m.value or 0) - usual) / max(spread, _chance(m, usual), watched.least / far)

    moved = distance(one)
    held = moved > far
    if held and watched.window == HOUR:  # one odd hour is none
        earlier = [m for m in before if now - 2 * HOUR <= m.at <= now - dt.timedelta(minutes=50)]
        held = bool(earlier) and distance(earlier[-1]) > NEAR * far
    return Deviation(watched.metric, float(one.value or 0), usual, moved, one.n, held) if moved > NEAR * far else None


def _reference(before: Sequence[Measurement], window: dt.timedelta, now: dt.datetime) -> list[Measurement]:
    """One measurement a window, so that no two share rows."""
    old, new = (LOOKED_BACK, 2 * DAY) if window == DAY else (7 * DAY, 6 * HOUR)
    kept: list[Measurement] = []
    for m in before:
        apart = not kept or m.at - kept[-1].at >= 0.95 * window
        if now - old <= m.at <= now - new and apart:
            kept.append(m)
    return kept


def _chance(one: Measurement, usual: float) -> float:
    """Standard error that its own size leaves to chance."""
    if one.metric in RATES:
        share = min(1 - 1e-9, max(1e-9, usual / 100))
        return float(100 * (share * (1 - share) / one.n) ** 0.5)
    return float(one.detail.get("sd", 0.0)) / float(one.n**0.5)


def _mix(one: Measurement, history: Sequence[Measurement], now: dt.datetime, far: float, fewest: int) -> Deviation | None:
    """The population stability index of the labels of now against all of before, beside those of the days before against one another."""
    if one.n < fewest:
        return None
    before = _reference([m for m in history if m.n >= fewest and m.at < now], DAY, now)
    if len(before) < FEWEST_DAYS:
        return None
    counts = [dict(m.detail.get("labels", {})) for m in [*before, one]]
    names = sorted({name for c in counts for name in c})
    if len(names) < 2:
        return None
    import numpy as np

    from seeding_platform.models.drift.distances import psi

    table = np.array([[c.get(name, 0) for name in names] for c in counts], float)
    days, today = table[:-1], table[-1]
    pooled = days.sum(axis=0)
    alone = [psi(pooled - day, day) for day in days]
    usual = median(alone)
    spread = _NORMAL * median(abs(v - usual) for v in alone)
    # of samples of one and the same mix: mean (k - 1)(1/n + 1/m), standard deviation sqrt(2 (k - 1))(1/n + 1/m), by its chi-squared limit
    per_row = 1 / today.sum() + 1 / pooled.sum()
    by_chance, chance = (len(names) - 1) * per_row, (2 * (len(names) - 1)) ** 0.5 * per_row
    value = psi(pooled, today)
    moved = float((value - max(usual, by_chance)) / max(spread, chance, LEAST_PSI / far / 2))
    told = moved > far and value > LEAST_PSI
    return Deviation(LABEL_MIX, value, usual, moved, one.n, told) if moved > NEAR * far and value > NEAR * LEAST_PSI else None
