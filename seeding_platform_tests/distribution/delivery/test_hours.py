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


@pytest.mark.parametrize(
    ("schedule", "after", "comes"),
    [
        ("0 9 * * *", "2026-11-27T06:00", "2026-11-27T08:00"),
        ("0 9 * * *", "2026-07-01T06:00", "2026-07-01T07:00"),
        ("30 2 * * *", "2026-03-28T12:00", "2026-03-29T01:30"),  # the clocks go from 2 to 3: an hour later
        ("30 2 * * *", "2026-03-29T12:00", "2026-03-30T00:30"),
        ("30 2 * * *", "2026-10-24T12:00", "2026-10-25T00:30"),  # it comes twice: the first counts
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("0 0 * * *", "2026-11-27T22:30", "2026-11-27T23:00"),
    ],
)
def test_hours_of_a_zone(schedule, after, comes):
    found = next_hour(schedule, dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC), zone="Europe/Amsterdam")
    assert f"{found:%Y-%m-%dT%H:%M}" == comes
