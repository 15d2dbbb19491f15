"""What a daily figure will be: seasonal naive against exponential smoothing by rolling backtest, with intervals whose coverage is measured.

A series that neither of them tells better than its own mean or last value has no signal, and is refused.
"""

from __future__ import annotations

import math
import statistics
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.metrics import metric
from seeding_platform.analytics.periods import DAY, Window
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    import numpy as np

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.plan import Filter

    Series = np.ndarray
    Model = Callable[[Series, int], Series]

WEEK = 7
FEWEST_DAYS, MOST_DAYS, LONGEST = 56, 400, 28
FIRST_TRAIN = 35
FEWEST_ORIGINS, MOST_ORIGINS = 8, 24
"""Forecasts of earlier days that an interval is learned from."""
LEVELS = (0.80, 0.95)
SURE = 1.645
"""How many standard errors a method must be better than naive (one-sided 5 %, Diebold and Mariano 1995)."""


class NoForecast(PermanentError):
    """Nothing trustworthy can be said about the days to come.

    Args:
        code: too_few_days, no_value or no_signal.
        what: why, for people.
    """

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what, fix="Choose a figure or a part with more days, or one that follows a pattern.")
        self.code = code


@dataclass(frozen=True, slots=True)
class Day:
    """A day to come.

    Args:
        day: ISO date.
        value: what is expected.
        low_80: four out of five times it lies between here
        high_80: and here.
        low_95: nineteen out of twenty times it lies between here
        high_95: and here.
    """

    day: str
    value: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days to come, and how far the method can be trusted.

    Args:
        metric: the figure.
        method: seasonal_naive or ets.
        days: the days to come.
        error: mean absolute error in the backtest, in the figure's unit.
        naive_error: the same of the better of mean and last value.
        coverage_80: share of backtested days inside their 80 % interval, each judged by intervals of earlier days only.
        coverage_95: the same for 95 %.
        origins: forecasts made in the backtest.
        history: days that it learned from.
        total_low: nineteen out of twenty times all days together lie between here
        total_high: and here.
    """

    metric: str
    method: str
    days: tuple[Day, ...]
    error: float
    naive_error: float
    coverage_80: float
    coverage_95: float
    origins: int
    history: int
    total_low: float
    total_high: float

    @property
    def total(self) -> float:
        """The days to come added up."""
        return sum(d.value for d in self.days)


def forecast(facts: Known, name: str, *, days: int = 14, filters: tuple[Filter, ...] = ()) -> Forecast:
    """The next days of a figure, from its complete days.

    Args:
        facts: whose facts.
        name: a figure.
        days: how many to come, at most 28.
        filters: a part of the facts.

    Raises:
        NoForecast: under 56 complete days, days without a value, or a series without signal.
    """
    start = max(facts.first_day, facts.complete_through - (MOST_DAYS - 1) * DAY)
    window = Window(start=start, end=facts.complete_through)
    found = answered(QueryPlan(metrics=(name,), grain="day", window=window, filters=filters), facts)
    if "currency" in (found.plan.dimensions if found.plan else ()):
        raise NoForecast("currencies", f"{name} is in more than one currency, and amounts of different currencies are never added.")
    values = [row[name] for row in found.rows]
    if None in values:
        raise NoForecast("no_value", f"{sum(v is None for v in values)} of {len(values)} days have no {name}.")
    return forecast_series(name, [float(v) for v in values], first=facts.complete_through + DAY, days=min(days, LONGEST))


def forecast_series(name: str, values: Sequence[float], *, first: dt.date, days: int) -> Forecast:
    """`forecast` of a plain series of days.

    Args:
        name: the figure; one that cannot be negative has no negative interval.
        values: a value a day, the oldest first.
        first: the first day to come.
        days: how many to come.

    Raises:
        NoForecast: as `forecast`.
    """
    import numpy as np

    series = np.asarray(values, dtype=float)
    needed = max(FEWEST_DAYS, FIRST_TRAIN + days + FEWEST_ORIGINS - 1)
    if series.size < needed:
        raise NoForecast("too_few_days", f"{series.size} complete days are too few for a forecast of {days}; {needed} are needed.")
    origins = _origins(series.size, days)
    errors = {label: _errors(series, model, origins, days) for label, model in _MODELS.items()}
    naive = min((_errors(series, model, origins, days) for model in (_mean, _last)), key=_loss)
    method = min(errors, key=lambda label: _loss(errors[label]))
    if not _better(errors[method], naive):
        raise NoForecast("no_signal", f"No method tells {name} better than its own average ({len(origins)} forecasts of earlier days were tried).")
    ahead = _MODELS[method](series, days)
    widths = {level: _widths(errors[method], level) for level in LEVELS}
    covered = {level: _coverage(errors[method], level) for level in LEVELS}
    floor = -math.inf if metric(name).offset else 0.0
    made = tuple(
        Day((first + i * DAY).isoformat(), *(float(max(v, floor)) for v in _ends(ahead[i], widths[0.80][i], widths[0.95][i]))) for i in range(days)
    )
    total, around = float(ahead.sum()), float(_widths(errors[method].sum(axis=1, keepdims=True), 0.95)[0])
    return Forecast(
        name, method, made, _loss(errors[method]), _loss(naive), covered[0.80], covered[0.95], len(origins), int(series.size),
        max(total - around, floor), total + around,
    )  # fmt: skip


def _ends(value: float, inner: float, outer: float) -> tuple[float, float, float, float, float]:
    return value, value - inner, value + inner, value - outer, value + outer


# methods


def _seasonal_naive(series: Series, days: int) -> Series:
    import numpy as np

    return np.tile(series[-WEEK:], -(-days // WEEK))[:days]


def _ets(series: Series, days: int) -> Series:
    """Additive Holt-Winters with a damped trend and weekly seasons (Holt 1957, Winters 1960; Gardner and McKenzie 1985)."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimum at the edge of its range is an answer too: the backtest judges it
        model = ExponentialSmoothing(series, trend="add", damped_trend=True, seasonal="add", seasonal_periods=WEEK, initialization_method="heuristic")
        return model.fit().forecast(days)


def _mean(series: Series, days: int) -> Series:
    import numpy as np

    return np.full(days, series.mean())


def _last(series: Series, days: int) -> Series:
    import numpy as np

    return np.full(days, series[-1])


_MODELS: dict[str, Model] = {"seasonal_naive": _seasonal_naive, "ets": _ets}


# backtest


def _origins(size: int, days: int) -> list[int]:
    """Where forecasts of earlier days begin: spread evenly, the last as many days before the end as are forecast."""
    last = size - days
    every = max(1, math.ceil((last - FIRST_TRAIN) / (MOST_ORIGINS - 1)))
    return sorted(range(last, FIRST_TRAIN - 1, -every))


def _errors(series: Series, model: Model, origins: Sequence[int], days: int) -> Series:
    """Real minus forecast, origin by day ahead."""
    import numpy as np

    return np.array([series[o : o + days] - model(series[:o], days) for o in origins])


def _loss(errors: Series) -> float:
    import numpy as np

    return float(np.abs(errors).mean())


def _better(errors: Series, naive: Series) -> bool:
    """Whether forecasts are better than naive ones by more than chance; neighbouring origins count once a horizon."""
    import numpy as np

    gain = (np.abs(naive) - np.abs(errors)).mean(axis=1)
    mean, count = float(gain.mean()), len(gain)
    lags = min(count - 1, max(1, round(count**0.5)))
    centred = gain - mean
    variance = float((centred**2).mean()) + 2 * sum(
        (1 - k / (lags + 1)) * float((centred[k:] * centred[:-k]).sum()) / count for k in range(1, lags + 1)
    )
    return mean > 0 and (variance <= 0 or mean > SURE * math.sqrt(variance / count))


def _widths(errors: Series, level: float) -> Series:
    """Half the width of an interval for each day ahead: the scale of the errors there, times their quantile over all days ahead.

    Conformal prediction (Vovk et al. 2005) on standardised backtest errors; the scale grows with the days ahead and never shrinks.
    """
    import numpy as np

    scale = _scale(errors)
    ratio = np.sort((np.abs(errors) / scale).ravel())
    rank = min(math.ceil((ratio.size + 1) * level), ratio.size) - 1
    return ratio[rank] * scale * _small_sample(len(errors), level)


def _small_sample(origins: int, level: float) -> float:
    """How much wider an interval is for being learned from few forecasts (Student's t against the normal)."""
    from scipy.stats import norm, t

    return float(t.ppf(0.5 + level / 2, max(origins - 4, 4)) / norm.ppf(0.5 + level / 2))


def _scale(errors: Series) -> Series:
    import numpy as np

    mean_square = (errors**2).mean(axis=0)
    steps = np.arange(1, errors.shape[1] + 1)
    slope = max(float(np.polyfit(steps, mean_square, 1)[0]), 0.0) if errors.shape[1] > 1 else 0.0
    level = max(float(mean_square.mean()) - slope * float(steps.mean()), float(mean_square.mean()) * 0.25)
    return np.sqrt(np.maximum(level + slope * steps, 1e-18))


def _coverage(errors: Series, level: float) -> float:
    """Share of later forecasts inside intervals learned from the earlier ones."""
    import numpy as np

    half = len(errors) // 2
    inside = [float((np.abs(errors[i]) <= _widths(errors[:i], level)).mean()) for i in range(half, len(errors))]
    return statistics.fmean(inside)
