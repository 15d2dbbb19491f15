"""Forecasts lie inside their intervals as often as they say, and a series without signal gets none."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.forecast import NoForecast, forecast, forecast_series
from seeding_platform.analytics.plan import Filter
from seeding_platform.storage.snapshots import Snapshot
from seeding_platform_tests.analytics.series import patterned, signless
from seeding_platform_tests.depth import depth

FIRST, AHEAD = dt.date(2026, 1, 1), 14


def measured(seed: int, series: int) -> dict[str, float]:
    """Shares of days inside their intervals over so many series, and of series that were refused."""
    rng, inside_80, inside_95, refused = np.random.default_rng(seed), [], [], 0
    for _ in range(series):
        values, size = patterned(rng, ahead=AHEAD)
        try:
            told = forecast_series("spend", values[:size].tolist(), first=FIRST, days=AHEAD)
        except NoForecast:
            refused += 1
            continue
        real = values[size:]
        inside_80.append(np.mean([d.low_80 <= v <= d.high_80 for d, v in zip(told.days, real, strict=True)]))
        inside_95.append(np.mean([d.low_95 <= v <= d.high_95 for d, v in zip(told.days, real, strict=True)]))
    return {"80": float(np.mean(inside_80)), "95": float(np.mean(inside_95)), "refused": refused / series}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_coverage_is_what_the_intervals_say():
    told = measured(31, depth(100, 60))
    assert abs(told["80"] - 0.80) <= 0.05, told
    assert abs(told["95"] - 0.95) <= 0.03, told
    assert told["refused"] < 0.2, told


@pytest.mark.long
def test_series_without_signal_are_refused():
    rng, taken = np.random.default_rng(5), 0
    for _ in range(depth(40, 20)):
        try:
            forecast_series("spend", signless(rng).tolist(), first=FIRST, days=AHEAD)
        except NoForecast:
            continue
        taken += 1
    assert taken <= depth(4, 2)


def test_a_plain_week_is_told_exactly():
    week = [100.0, 120, 130, 90, 80, 40, 30]
    told = forecast_series("spend", (week * 10)[:70], first=FIRST, days=10)
    assert [d.value for d in told.days] == pytest.approx((week * 2)[:10], abs=1)
    assert [d.day for d in told.days][:2] == ["2026-01-01", "2026-01-02"]
    assert all(d.low_95 <= d.low_80 <= d.value <= d.high_80 <= d.high_95 for d in told.days)
    assert told.error < told.naive_error
    assert told.total_low <= told.total <= told.total_high


def facts_of(folder, values, *, currency: tuple[str, ...] = ("EUR",)):
    first = dt.date(2026, 1, 1)
    counts = {"clicks": 10, "impressions": 100, "conversions": 1}
    rows = [
        {"date": first + dt.timedelta(days=i), "platform": "Google", "spend": round(v, 2), **counts, "currency": c}
        for i, v in enumerate(values)
        for c in currency
    ]
    pl.DataFrame(rows).write_csv(folder / "facts.csv")
    return known(Snapshot.of(read_fact_table(folder / "facts.csv")))


def test_over_facts_it_begins_after_the_last_complete_day_and_keeps_to_its_part(tmp_path):
    facts = facts_of(tmp_path, [100 + 50 * (i % 7 == 0) + i % 3 for i in range(84)])
    told = forecast(facts, "spend", days=7, filters=(Filter(dimension="platform", values=("Google",)),))
    assert told.days[0].day == "2026-03-26"
    assert told.days[0].value == pytest.approx(150, abs=5)  # day 84, the first of a week
    assert told.history == 84


@pytest.mark.parametrize(
    ("values", "metric", "currency", "code"),
    [
        ([100.0] * 55, "spend", ("EUR",), "too_few_days"),
        ([100.0 + (i * 7919) % 83 for i in range(200)], "spend", ("EUR", "USD"), "currencies"),
        ([100.0] * 80, "aov", ("EUR",), "no_signal"),
    ],
)
def test_what_cannot_be_told_says_why(tmp_path, values, metric, currency, code):
    with pytest.raises(NoForecast) as why:
        forecast(facts_of(tmp_path, values, currency=currency), metric)
    assert why.value.code == code


@pytest.mark.parametrize(("size", "days"), [(55, 14), (56, 15), (69, 28)])
def test_a_forecast_has_eight_of_earlier_days_behind_it(size, days):
    values = [100.0 + 50 * (i % 7 == 0) + i % 3 for i in range(size + 1)]
    with pytest.raises(NoForecast) as why:
        forecast_series("spend", values[:size], first=FIRST, days=days)
    assert why.value.code == "too_few_days"
    told = forecast_series("spend", values, first=FIRST, days=days)
    assert told.origins >= 8
    assert 0 <= told.coverage_80 <= told.coverage_95 <= 1
