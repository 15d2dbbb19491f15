"""When failures are tried again: five times with growing delays, never because of somebody else's trouble, and at some point never again."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.enrichment.retry import DELAYS, LATER, RetryPolicy, after
from seeding_platform.storage.enrichment.states import ErrorClass

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
COUNTED = (ErrorClass.TRANSIENT, ErrorClass.INVALID_OUTPUT)


@pytest.mark.parametrize("error", COUNTED)
def test_six_tries_are_spread_over_the_delays_and_then_it_is_dead(error):
    for attempt, delay in enumerate(DELAYS, start=1):
        told = after(error, attempt=attempt, now=NOON, rng=random.Random(attempt))
        assert not told.refund
        assert 0.8 * delay <= told.due_at - NOON <= 1.2 * delay
    assert after(error, attempt=6, now=NOON, rng=random.Random(0)).due_at is None


@given(seed=st.integers(0, 10_000), attempt=st.integers(1, 6), error=st.sampled_from(sorted(LATER)))
def test_what_is_nobodys_fault_never_counts_and_always_comes_back(seed, attempt, error):
    told = after(error, attempt=attempt, now=NOON, rng=random.Random(seed))
    assert told.refund
    assert told.due_at is not None
    assert told.due_at > NOON


@given(seed=st.integers(0, 10_000), minutes=st.integers(1, 600), error=st.sampled_from([*COUNTED, *sorted(LATER)]))
def test_nothing_is_tried_before_the_provider_says_so(seed, minutes, error):
    until = NOON + dt.timedelta(minutes=minutes)
    assert after(error, attempt=1, now=NOON, rng=random.Random(seed), retry_at=until).due_at >= until


@pytest.mark.parametrize("error", [ErrorClass.CONTENT_PERMANENT, ErrorClass.WORKER_LOST])
def test_what_will_not_get_better_is_dead_at_once(error):
    assert after(error, attempt=1, now=NOON, rng=random.Random(0)).due_at is None


def test_people_may_allow_fewer_retries_and_never_more():
    assert after(ErrorClass.TRANSIENT, attempt=3, now=NOON, rng=random.Random(0), policy=RetryPolicy(max_retries=2)).due_at is None
    with pytest.raises(ValueError, match="less than or equal to 5"):
        RetryPolicy(max_retries=6)


def test_what_failed_together_does_not_come_back_together():
    rng = random.Random(7)
    moments = {after(ErrorClass.TRANSIENT, attempt=1, now=NOON, rng=rng).due_at for _ in range(100)}
    assert len(moments) > 90
    assert max(moments) - min(moments) > dt.timedelta(seconds=15)
