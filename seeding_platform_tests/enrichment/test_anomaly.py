"""What is unlike before is told before a bar is broken, and chance is not told."""

import datetime as dt

import numpy as np
import pytest

from seeding_platform.enrichment.anomaly import LABEL_MIX, deviations
from seeding_platform.enrichment.measures import Metric, rate
from seeding_platform.storage.enrichment.measurements import Measurement
from seeding_platform_tests.enrichment.rows import NOW

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
MIX = {"late": 0.5, "lost": 0.3, "damaged": 0.2}


def quality(at, value, n=800, metric=Metric.QUALITY):
    return Measurement(tenant="t", metric=metric, at=at, value=value, n=n, detail={"sd": 15.0})


def weeks(rng, n=800, level=88.0, slope=0.0):
    """One a day of four weeks; `slope` points a day lost at the end."""
    return [quality(NOW - d * DAY, level - max(0, 8 - d) * slope + rng.normal(0, 15 / n**0.5), n) for d in range(28, 0, -1)]


def found(history, now, **more):
    by_metric = {}
    for m in history:
        by_metric.setdefault(m.metric, []).append(m)
    return [d for d in deviations(by_metric, {m.metric: m for m in now}, now=NOW, **more) if d.far]


def test_a_slow_decay_is_told_before_the_bar():
    rng = np.random.default_rng(1)
    (one,) = found(weeks(rng, slope=0.7), [quality(NOW, 82.4)])
    assert (one.metric, one.value) == (Metric.QUALITY, 82.4)
    assert one.usual == pytest.approx(88, abs=0.5)


def test_what_gets_better_and_what_moves_little_is_not_told():
    rng = np.random.default_rng(1)
    assert found(weeks(rng), [quality(NOW, 99.0)]) == []
    assert found(weeks(rng), [quality(NOW, 86.5)]) == []
    assert found(weeks(rng)[-6:], [quality(NOW, 50.0)]) == []  # fewer than seven days, the last two left out


def test_few_records_may_say_anything():
    rng = np.random.default_rng(1)
    assert found(weeks(rng), [quality(NOW, 79.0, n=60)]) == []  # 9 points are not 5 standard errors of so few
    assert found(weeks(rng), [quality(NOW, 30.0, n=49)]) == []
    assert found(weeks(rng), [quality(NOW, 74.0, n=600)]) != []


def test_an_odd_hour_is_none_two_are():
    def hours(last):
        before = [rate(Metric.FAILURE, "t", NOW - h * HOUR, 40, 1000) for h in range(60, 1, -1)]
        return [*before, rate(Metric.FAILURE, "t", NOW - HOUR, last, 1000)]

    now = rate(Metric.FAILURE, "t", NOW, 120, 1000)
    assert found(hours(40), [now]) == []
    (one,) = found(hours(120), [now])
    assert (one.metric, one.value, one.usual) == (Metric.FAILURE, 12.0, 4.0)


def mixed(at, shares, n, rng):
    counts = dict(zip(shares, rng.multinomial(n, list(shares.values())).tolist(), strict=True))
    return Measurement(tenant="t", metric=Metric.CONFIDENCE, at=at, value=0.9, n=n, detail={"sd": 0.1, "labels": counts})


def test_another_mix_of_labels():
    rng = np.random.default_rng(1)
    before = [mixed(NOW - d * DAY, MIX, 400, rng) for d in range(28, 0, -1)]
    assert found(before, [mixed(NOW, MIX, 60, rng)]) == []
    (one,) = found(before, [mixed(NOW, {"late": 0.15, "lost": 0.3, "damaged": 0.5, "new": 0.05}, 400, rng)])
    assert one.metric == LABEL_MIX
    assert one.value > 0.2


@pytest.mark.parametrize("n", [60, 400, 20_000])
def test_chance_is_told_in_less_than_one_of_a_hundred_looks(n):
    rng = np.random.default_rng(n)
    wrong = 0
    for _ in range(300):
        days = [*weeks(rng, n), *(mixed(NOW - d * DAY, MIX, n, rng) for d in range(28, 0, -1))]
        days += [rate(Metric.FAILURE, "t", NOW - h * HOUR, rng.binomial(n, 0.04), n) for h in range(72, 0, -1)]
        now = [quality(NOW, 88 + rng.normal(0, 15 / n**0.5), n), mixed(NOW, MIX, n, rng), rate(Metric.FAILURE, "t", NOW, rng.binomial(n, 0.04), n)]
        wrong += bool(found(days, now))
    assert wrong <= 1
