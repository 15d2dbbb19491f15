"""When a backlog is worked off, when it reaches its limit, and when neither can be said."""

import numpy as np
import pytest

from seeding_platform.enrichment.forecast import Span, forecast


def test_a_backlog_that_shrinks():
    told = forecast(600, [(100, 200), (105, 195), (95, 205), (100, 200), (98, 202), (102, 198)], limit=1000, within_hours=3)
    assert (told.arriving, told.done, told.net) == (100, 200, -100)
    assert told.to_zero.hours == 6
    assert told.to_zero.low < 6 < told.to_zero.high
    assert told.to_limit is None
    assert told.needed == 300


def test_a_backlog_that_grows():
    told = forecast(600, [(200, 100)] * 9, limit=1000)
    assert told.to_zero is None
    assert told.to_limit.hours == 4
    assert forecast(1200, [(200, 100)] * 9, limit=1000).to_limit is None  # it is there already


@pytest.mark.parametrize("hours", [[], [(5, 1)], [(5, 1), (5, 1)]])
def test_too_few_hours_say_nothing(hours):
    told = forecast(10, hours, limit=1000)
    assert (told.net, told.to_zero, told.to_limit, told.needed) == (None, None, None, None)


def test_what_could_be_either_is_not_said():
    told = forecast(100, [(10, 14), (12, 9), (9, 13), (13, 10), (11, 12), (10, 11)], limit=1000)
    assert told.net_low < 0 < told.net_high
    assert told.to_zero is None
    assert told.to_limit is None
    assert forecast(100, [(4, 5)] * 6, limit=1000).to_zero is None  # even by chance


def test_none_wait():
    assert forecast(0, [(4, 4)] * 6, limit=1000).to_zero == Span(0, 0, 0)


def test_the_range_holds_what_comes():
    rng, held, said = np.random.default_rng(1), 0, 0
    for _ in range(400):
        flow = rng.poisson([300, 420], (60, 2))
        told = forecast(900, [tuple(h) for h in flow[:6].tolist()], limit=10_000).to_zero
        if told is not None:
            said += 1
            hours = int(np.argmax(900 + np.cumsum(flow[6:, 0] - flow[6:, 1]) <= 0)) + 1
            held += told.low <= hours <= told.high + 1
    assert said > 390
    assert held / said > 0.85
