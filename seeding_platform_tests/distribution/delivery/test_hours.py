"""Schedules of addresses, and pauses between tries."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.distribution.delivery.hours import checked_schedule, next_hour
from seeding_platform.distribution.delivery.rules import DeliveryRules
from seeding_platform.errors import ConfigError

FRIDAY = dt.datetime(2026, 11, 27, 7, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("schedule", "comes"),
    [
        ("* * * * *", "2026-11-27T07:01"),
        ("*/15 * * * *", "2026-11-27T07:15"),
        ("0 7 * * *", "2026-11-28T07:00"),
        ("30 6 * * 1-5", "2026-11-30T06:30"),
        ("0 0 1 * *", "2026-12-01T00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 12 * * 7", "2026-11-29T12:00"),
        ("0 12 * * 0", "2026-11-29T12:00"),
        ("0 12 1 * 6", "2026-11-28T12:00"),
        ("5,35 8-9 * * *", "2026-11-27T08:05"),
    ],
)
def test_the_next_moment(schedule, comes):
    assert next_hour(schedule, FRIDAY) == dt.datetime.fromisoformat(f"{comes}:00+00:00")


@pytest.mark.parametrize(
    "schedule", ["", "0 6 * *", "60 * * * *", "a * * * *", "0 6 31 2 *", "*/0 * * * *", "5-1 * * * *", "0 6 * * 8", "0 6 * * * *"]
)
def test_what_never_comes_is_refused(schedule):
    with pytest.raises(ConfigError, match="no hour that comes"):
        next_hour(schedule, FRIDAY)


def test_none_is_at_once():
    assert checked_schedule("  ", now=FRIDAY) == ""
    assert checked_schedule(" 0  6 * * * ", now=FRIDAY) == "0 6 * * *"


@given(st.integers(1, 200), st.integers(0, 2**32), st.floats(0, 10**6))
def test_a_pause_lies_between_what_is_wished_and_the_longest(attempts, seed, wished):
    pause = DeliveryRules().pause(attempts, random.Random(seed), at_least=wished).total_seconds()
    assert min(wished, 86400) - 1e-3 <= pause <= max(900.0, min(wished, 86400)) + 1e-3
    assert DeliveryRules().pause(attempts, random.Random(seed)).total_seconds() <= min(2.0 ** (attempts - 1), 900)
