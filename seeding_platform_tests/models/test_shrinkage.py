"""Differences drawn to their mean: intervals hold the truth as often as they say, and what is noise becomes nothing."""

import random

import pytest

from seeding_platform.models.frames.shrinkage import shrunk


def drawn(seed: int, *, spread: float, many: int = 60):
    draw = random.Random(seed)
    truth = [0.2 + draw.gauss(0, spread) for _ in range(many)]
    errors = [draw.uniform(0.1, 0.6) for _ in truth]
    return truth, [t + draw.gauss(0, e) for t, e in zip(truth, errors, strict=True)], errors


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.8])
def test_intervals_hold_the_truth_as_often_as_they_say(spread):
    inside = total = 0
    for seed in range(60):
        truth, seen, errors = drawn(seed, spread=spread)
        found = shrunk(seen, errors)
        inside += sum(s.low <= t <= s.high for s, t in zip(found, truth, strict=True))
        total += len(truth)
    assert 0.92 <= inside / total <= 0.98, inside / total


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_shrunk_values_are_nearer_to_the_truth(spread):
    truth, seen, errors = drawn(1, spread=spread, many=400)
    found = shrunk(seen, errors)
    ours = sum((s.value - t) ** 2 for s, t in zip(found, truth, strict=True))
    theirs = sum((v - t) ** 2 for v, t in zip(seen, truth, strict=True))
    assert ours < theirs


def test_noise_alone_becomes_the_mean_and_firm_values_stay():
    found = shrunk([1.0, 1.1, 0.9], [5.0, 5.0, 5.0])
    assert all(abs(s.value - 1.0) < 0.03 for s in found)
    firm = shrunk([-10.0, 0.0, 10.0], [0.01, 0.01, 0.01])
    assert [s.value for s in firm] == pytest.approx([-10, 0, 10], abs=0.01)
    assert shrunk([], []) == []
    (alone,) = shrunk([2.0], [0.5])
    assert alone.low < alone.value == 2.0 < alone.high
