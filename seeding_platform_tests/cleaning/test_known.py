"""What is known of texts from before changes what a deduplication costs, never what it finds."""

import dataclasses
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.dedup import known as module
from seeding_platform.cleaning.dedup import likeness
from seeding_platform.cleaning.dedup.known import Known
from seeding_platform.cleaning.dedup.likeness import MODES, grouped
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.policies import load_policy
from seeding_platform_tests.benchmarks.dedup.generate import generate

POSTS = LANDED["content_posts"]


@pytest.fixture(scope="module")
def posts() -> pl.DataFrame:
    return generate(4_000, random.SystemRandom().randrange(10**6)).select("id", "text")


def afresh(posts: pl.DataFrame, mode: str) -> tuple[pl.DataFrame, Known]:
    return grouped(posts["id"], posts["text"], mode, Known.nothing())


def kept(known: Known) -> Known:
    """As it comes back from a table."""
    return Known.read(known.table())


@pytest.mark.parametrize("mode", [pytest.param(m, marks=[] if m == "strict" else [pytest.mark.long]) for m in MODES])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.floats(0, 1), min_size=1, max_size=4), gone=st.floats(0, 0.2), dice=st.randoms(use_true_random=False))
def test_rows_that_come_and_go_in_any_portions_end_as_in_one_run(posts, mode, cuts, gone, dice):
    whole, index = afresh(posts, mode)
    order = list(range(posts.height))
    dice.shuffle(order)
    known = Known.nothing()
    for share in sorted(cuts):
        part = posts[order[: int(share * posts.height)]]
        _, known = grouped(part["id"], part["text"], mode, kept(known))
    dropped = posts[order[int(gone * posts.height) :]]  # some rows that were there are gone for a while
    _, known = grouped(dropped["id"], dropped["text"], mode, kept(known))
    found, now = grouped(posts["id"], posts["text"], mode, kept(known))
    assert found.equals(whole)
    assert now.table().equals(index.table())


def test_the_same_texts_are_not_worked_on_again(posts, monkeypatch):
    whole, index = afresh(posts, "fuzzy")

    def never(*_):
        raise AssertionError("looked for again")

    monkeypatch.setattr(likeness, "alike", never)
    again, _ = grouped(posts["id"], posts["text"], "fuzzy", kept(index))
    assert again.equals(whole)
    other_mode = dataclasses.replace(index, mode="semantic")
    with pytest.raises(AssertionError, match="looked for again"):
        grouped(posts["id"], posts["text"], "fuzzy", other_mode)


def test_only_new_texts_are_read_and_only_new_or_other_pairs_judged(monkeypatch):
    posts = generate(6_000, random.SystemRandom().randrange(10**6))  # far from a power of two, where all weights change
    part = posts.head(5_950)
    _, index = afresh(part, "fuzzy")
    read, judged = [], []
    normalised, judge = likeness.normalised, likeness.alike.__globals__["Differences"].judge
    monkeypatch.setattr(likeness, "normalised", lambda texts: read.append(texts.len()) or normalised(texts))
    monkeypatch.setattr(likeness.alike.__globals__["Differences"], "judge", lambda self, pairs: judged.append(len(pairs)) or judge(self, pairs))
    _, now = grouped(posts["id"], posts["text"], "fuzzy", kept(index))
    assert read[0] <= 50
    assert judged[0] < 0.8 * now.pairs.height


def test_an_index_of_another_version_is_no_index(posts, monkeypatch):
    _, index = afresh(posts.head(50), "fuzzy")
    table = index.table()
    assert Known.read(table).texts.height > 0
    monkeypatch.setattr(module, "made_by", lambda: "another version")
    assert Known.read(table).texts.height == 0
    assert Known.read(table.clear()).texts.height == 0


def test_a_cleaning_ends_the_same_with_and_without_its_index(posts):
    table = posts.select(post_id="id", text="text").with_columns(account_id=pl.lit("a"), platform=pl.lit("X"), status=pl.lit("draft"))
    two = pl.concat([table.with_columns(tenant=pl.lit("one")), table.head(500).with_columns(tenant=pl.lit("two"))])
    raw = as_raw(two, POSTS, source="posts.csv").rows
    policy = load_policy(POSTS)
    first = clean(raw.head(4_200), POSTS, policy)
    assert set(first.index["tenant"]) == {"one", "two"}
    afresh_, again = clean(raw, POSTS, policy), clean(raw, POSTS, policy, index=first.index)
    for part in ("kept", "clusters", "duplicates", "index"):
        assert getattr(again, part).equals(getattr(afresh_, part)), part
