"""A split by hash: the same key is answered alike, and shares come out as asked."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion import arm


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20), st.text(max_size=8), st.floats(0, 1))
def test_a_key_has_one_arm_whatever_the_order_of_the_shares(key, salt, share):
    shares = {"champion": 1 - share, "challenger": share}
    first = arm(key, salt=salt, shares=shares)
    assert first == arm(key, salt=salt, shares=dict(reversed(shares.items())))
    assert shares[first] > 0


def test_shares_come_out_and_another_salt_splits_anew():
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    one, two = ([arm(f"account-{i}", salt=salt, shares=shares) for i in range(20_000)] for salt in ("x", "y"))
    for name, share in shares.items():
        assert Counter(one)[name] / 20_000 == pytest.approx(share, abs=0.015)
    both = sum(1 for p, q in zip(one, two, strict=True) if p == q == "a") / 20_000
    assert both == pytest.approx(0.25, abs=0.015), "independent"


def test_arms_are_pinned():
    # sha256 of "1:sk0" begins with 54, of "1:sk1" with f0: below and above one half
    assert [arm(f"k{i}", salt="s", shares={"a": 0.5, "b": 0.5}) for i in range(8)] == list("abaabbaa")


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_what_is_no_split_is_refused(shares):
    with pytest.raises(ConfigError, match="no split"):
        arm("k", salt="s", shares=shares)
