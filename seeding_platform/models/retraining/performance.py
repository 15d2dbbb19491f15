"""Whether a model became worse: its newest window against its own first days, by a test that is made six times a day for weeks.

For one window of w checks, K checks in 28 days, and a bar z, the chance of a false alarm in 28 days is about

    (K / w) * z * phi(z) * exp(-0.583 * z * sqrt(2 / w))

(Aldous 1989, section C; Siegmund 1985, chapter IV, for the correction of discrete looks): overlapping windows are far from independent, and
far from one test. The bar is solved from the share of 28-day spells that may end in a false retraining.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.promotion.resampling import standard_error

if TYPE_CHECKING:
    from seeding_platform.models.promotion.metrics import Metric, Scored
    from seeding_platform.models.retraining.thresholds import RetrainingThresholds

SPELL_DAYS = 28
WINDOWS = ((1, 0.1), (2, 0.9))
"""Days of the windows, and their part of the false alarms: a day finds large drops soon, two days find small ones."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One window against the baseline.

    Args:
        dropped: the drop is as large as asked and as unlikely by chance as asked.
        metric: its name.
        baseline: the metric on the baseline.
        current: the metric on the window.
        drop: points, or the share by which an error grew; below 0 is an improvement.
        threshold: least drop that counts.
        p: one-sided p of so large a drop by chance, both sides' uncertainty counted.
        alpha: what p must lie below.
        n_baseline: rows of the baseline.
        n_current: rows of the window.
    """

    dropped: bool
    metric: str
    baseline: float
    current: float
    drop: float
    threshold: float
    p: float
    alpha: float
    n_baseline: int
    n_current: int


@dataclass(frozen=True, slots=True)
class Performance:
    """One performance check.

    Args:
        dropped: the model became worse.
        windows: days of the windows that were judged, with their figures.
        says: one sentence for people.
    """

    dropped: bool
    windows: tuple[tuple[int, Comparison], ...]
    says: str


def alpha(window_checks: int, spell_checks: int, false_alarms: float) -> float:
    """What p of one check must lie below, so that checks of overlapping windows raise so many false alarms in a spell.

    Args:
        window_checks: checks that one window spans.
        spell_checks: checks in the spell.
        false_alarms: share of spells with a false alarm.

    >>> round(alpha(6, 168, 0.05), 5)
    0.00046
    """
    from math import exp, sqrt

    from scipy.optimize import brentq
    from scipy.stats import norm

    def surplus(z: float) -> float:
        return float(spell_checks / window_checks * z * norm.pdf(z) * exp(-0.583 * z * sqrt(2 / window_checks)) - false_alarms)

    least = 1.0
    return float(norm.sf(brentq(surplus, least, 12.0))) if surplus(least) > 0 else float(norm.sf(least))


def fewer_right(right_before: Any, rows_before: Any, right_now: Any, rows_now: Any) -> Any:
    """One-sided mid-p of Fisher's exact test that a window has fewer rows right by chance; numbers or arrays.

    Half of the probability of what was seen is left out (Lancaster 1961): the full one is too large for a test made on counts.

    >>> round(fewer_right(90, 100, 75, 100), 4)
    0.0028
    """
    import numpy as np
    from scipy.stats import hypergeom

    wrong = np.asarray(rows_now) - right_now
    all_rows, all_wrong = np.asarray(rows_before) + rows_now, np.asarray(rows_before) - right_before + wrong
    drawn = hypergeom(all_rows, all_wrong, rows_now)
    found = np.asarray(drawn.sf(wrong) + drawn.pmf(wrong) / 2)
    return found if found.ndim else float(found)


def compare(baseline: pl.DataFrame, current: pl.DataFrame, metric: Metric, *, threshold: float, alpha: float, seed: int = 0) -> Comparison:
    """Hold a window against a baseline of other rows.

    Rows that are right or wrong: `fewer_right`. Other metrics: the difference (for errors: of logarithms) over its standard error, normal.

    Raises:
        ConfigError: a score frame lacks what the metric needs.
    """
    before, now = scored(baseline, metric), scored(current, metric)
    old, new = metric.value(before), metric.value(now)
    drop = -float(metric.gain(old, new))
    if metric.paired and metric.by_row is not None:
        right = [round(float(metric.by_row(s).sum())) for s in (before, now)]
        p = float(fewer_right(right[0], before.rows, right[1], now.rows))
    else:
        p = _normal_p(metric, before, now, old, new, seed=seed)
    return Comparison(drop >= threshold and p < alpha, metric.name, old, new, drop, threshold, p, alpha, before.rows, now.rows)


def _normal_p(metric: Metric, before: Scored, now: Scored, old: float, new: float, *, seed: int) -> float:
    from math import isfinite, log, sqrt

    from scipy.stats import norm

    errors = [standard_error(metric, s, seed=seed + i) for i, s in enumerate((before, now))]
    worse = old - new if metric.direction == "up" else new - old
    if metric.direction == "down" and old > 0 and new > 0:
        worse, errors = log(new / old), [errors[0] / old, errors[1] / new]
    spread = sqrt(errors[0] ** 2 + errors[1] ** 2)
    if not isfinite(worse) or not isfinite(spread):
        return 1.0
    if spread == 0:
        return 0.0 if worse > 0 else 1.0
    return float(norm.sf(worse / spread))


def check(
    rows: pl.DataFrame,
    metric: Metric,
    *,
    deployed_at: dt.datetime,
    now: dt.datetime,
    thresholds: RetrainingThresholds,
    threshold: float | None = None,
    time_window: int | None = None,
    seed: int = 0,
) -> Performance:
    """One performance check of a champion: pooled windows of a day and of two days against its first days after deployment.

    The baseline ends where a window begins, and after `baseline_days` at the latest.

    Args:
        rows: score frame of the champion with `at`, when each label was seen.
        metric: what it is judged by.
        deployed_at: since when it serves.
        now: the moment of the check.
        thresholds: the bars.
        threshold: another drop for this check only.
        time_window: one window of so many days (1-90) for this check only.
        seed: of the bootstrap of metrics that need one.

    Raises:
        ConfigError: `at` is missing, or the window or the threshold is out of range.
    """
    if "at" not in rows.columns:
        raise ConfigError("The score frame has no column at.", fix="Add when each label was seen.")
    if time_window is not None and not 1 <= time_window <= 90:
        raise ConfigError(f"time_window: {time_window} days.", fix="Give 1 to 90 days.")
    bar = thresholds.retraining_threshold if threshold is None else threshold
    if not 0 < bar <= 1:
        raise ConfigError(f"threshold: {bar}.", fix="Give a drop above 0 and at most 1.")
    a_day = 24 // thresholds.check_hours
    windows = WINDOWS if time_window is None else ((time_window, 1.0),)
    found: list[tuple[int, Comparison]] = []
    for days, part in windows:
        begins = now - dt.timedelta(days=days)
        ends = min(begins, deployed_at + dt.timedelta(days=thresholds.baseline_days))
        before = rows.filter((pl.col("at") >= deployed_at) & (pl.col("at") <= ends))
        current = rows.filter((pl.col("at") > begins) & (pl.col("at") >= deployed_at) & (pl.col("at") <= now))
        if min(before.height, current.height) < thresholds.window_rows:
            continue
        level = min(thresholds.performance_p, alpha(days * a_day, SPELL_DAYS * a_day, part * thresholds.false_retrains))
        found.append((days, compare(before, current, metric, threshold=bar, alpha=level, seed=seed)))
    return Performance(any(c.dropped for _, c in found), tuple(found), _says(found, thresholds))


def _says(found: list[tuple[int, Comparison]], thresholds: RetrainingThresholds) -> str:
    if not found:
        return f"too few labels: {thresholds.window_rows} are needed in the first days and in the window"
    days, shown = next(((d, c) for d, c in found if c.dropped), min(found, key=lambda f: f[1].p / f[1].alpha))
    verb = "dropped" if shown.dropped else "did not drop"
    figures = f"{shown.current:.4f} on {shown.n_current} rows of {days} d against {shown.baseline:.4f} on {shown.n_baseline}"
    return f"{shown.metric} {verb}: {figures}; drop {shown.drop:+.4f} (bar {shown.threshold:.4f}), p = {shown.p:.2g} (bar {shown.alpha:.2g})"
