"""Outliers: what each detector flags, and what it must leave alone."""

from __future__ import annotations

import random

import polars as pl
import pytest

from seeding_platform.catalog.tables.content import CONTENT_ANALYTICS
from seeding_platform.cleaning import clean, flag_outliers
from seeding_platform.errors import ConfigError
from seeding_platform_tests.benchmarks.outliers.__main__ import QUOTIENTS, judged, suspects
from seeding_platform_tests.benchmarks.outliers.generate import IMPOSSIBLE, generate

SEED = random.SystemRandom().randrange(10**6)


def flagged(values: list, method: str, **more) -> list[int]:
    found = flag_outliers(pl.DataFrame({"x": values}), ["x"], methods=[method], **more)
    return found.filter("flagged")["row"].to_list()


@pytest.mark.parametrize("method", ["z", "mad", "iqr"])
def test_each_method_finds_what_lies_far_off(method):
    dice = random.Random(3)
    assert flagged([dice.gauss(50, 5) for _ in range(500)] + [500.0], method) == [500]


def test_a_forest_isolates_what_lies_far_off_in_all_columns_together():
    dice = random.Random(3)
    near = [dice.gauss(50, 5) for _ in range(500)]
    frame = pl.DataFrame({"x": [*near, 200.0], "y": [*(2 * v + dice.gauss(0, 1) for v in near), -80.0]})
    found = flag_outliers(frame, ["x", "y"], methods=["iforest"])
    assert found["column"].unique().to_list() == ["x,y"]
    assert 500 in found.filter("flagged")["row"]
    assert found["flagged"].sum() <= 5


@pytest.mark.parametrize("method", ["z", "mad", "iqr"])
def test_nothing_is_flagged_in_ordinary_noise(method):
    dice = random.Random(SEED)
    assert len(flagged([dice.gauss(0, 1) for _ in range(20_000)], method)) <= 2, SEED  # one in forty such samples holds a value that lies so far off


def test_counts_are_judged_on_the_log_scale():
    dice = random.Random(4)
    counts = [int(dice.lognormvariate(5, 1)) for _ in range(3000)]
    assert flagged(counts, "mad") == []
    assert flagged([*counts, max(counts) * 1000], "mad") == [3000]


def test_what_is_impossible_is_for_the_rules():
    found = flag_outliers(pl.DataFrame({"a": [*range(1, 300), -4], "b": 5000}), ["a/b"], methods=["mad"])
    assert found.row(299, named=True)["score"] is None
    assert not found["flagged"].any()


def test_where_most_values_are_equal_the_odd_one_is_found():
    assert flagged([1.0] * 100 + [50.0], "mad") == [100]
    assert flagged([1.0] * 100, "mad") == []


def test_groups_have_their_own_middle_and_small_ones_are_judged_among_all():
    frame = pl.DataFrame(
        {"x": [10.0 + i % 5 for i in range(60)] + [1000.0 + i % 5 for i in range(60)] + [12.0], "g": ["a"] * 60 + ["b"] * 60 + ["b"]}
    )
    assert flag_outliers(frame, "x", by="g", methods=["mad"]).filter("flagged")["row"].to_list() == [120]
    small = pl.DataFrame({"x": [10.0 + i % 5 for i in range(60)] + [5000.0], "g": ["a"] * 60 + ["tiny"]})
    assert flag_outliers(small, "x", by=["g"], methods=["mad"]).filter("flagged")["row"].to_list() == [60]


def test_small_counts_are_given_their_chance():
    dice = random.Random(5)
    shown = [dice.choice([40, 4000]) for _ in range(4000)]
    likes = [sum(dice.random() < 0.05 for _ in range(40)) if n == 40 else int(dice.gauss(200, 14)) for n in shown]
    found = flag_outliers(pl.DataFrame({"likes": likes, "shown": shown}), ["likes/shown"], methods=["mad"])
    assert found["flagged"].sum() <= 2


def test_missing_values_are_not_judged():
    found = flag_outliers(pl.DataFrame({"x": [1.0, None, float("nan"), float("inf"), 2.0, 3.0]}), ["x"])
    assert set(found.filter(pl.col("score").is_null())["row"]) == {1, 2, 3}
    assert not found.filter(pl.col("row").is_in([1, 2, 3]))["flagged"].any()


@pytest.mark.parametrize("frame", [pl.DataFrame({"x": []}, schema={"x": pl.Int64}), pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [None, None]})])
def test_small_and_empty_tables(frame):
    found = flag_outliers(frame, ["x"])
    assert found.height == frame.height * 4
    assert not found["flagged"].any()


@pytest.mark.parametrize(
    ("columns", "methods", "told"), [(["y"], ["z"], "no column y"), (["t"], ["z"], "sought among numbers"), (["x"], ["zz"], "zz")]
)
def test_what_cannot_be_judged_is_refused(columns, methods, told):
    with pytest.raises(ConfigError, match=told):
        flag_outliers(pl.DataFrame({"x": [1], "t": ["a"]}), columns, methods=methods)


COUNTS = ("impressions", "likes", "comments", "shares")


@pytest.mark.parametrize(("columns", "method"), [(QUOTIENTS, "mad"), (QUOTIENTS, "iqr"), (COUNTS, "mad")])
def test_planted_ones_are_found_and_viral_ones_left_alone(columns, method):
    """Some 200 viral posts: one by chance is half a percent."""
    posts = generate(60_000, SEED)
    figures = judged(posts, suspects(posts, flag_outliers(posts, columns, by="platform", methods=[method]), method))
    assert figures["f1"] >= 0.9, SEED
    assert figures["viral"] <= (0.01 if columns is QUOTIENTS else 0.025), SEED


def test_the_cleaning_flags_the_wrong_and_quarantines_the_impossible():
    posts = generate(20_000, SEED)
    raw = CONTENT_ANALYTICS.empty("raw")
    filled = posts.select(
        tenant=pl.lit("demo"),
        post_id="post",
        measured_at=pl.lit("2026-01-02T03:00:00Z"),
        **{c: pl.col(c).cast(pl.String) for c in COUNTS},
        _source="platform",
        _batch=pl.lit("made.csv@0123456789ab"),
        _row=pl.int_range(pl.len()),
        _op=pl.lit("upsert"),
    )
    result = clean(pl.concat([raw, filled.cast({k: v for k, v in raw.schema.items() if k in filled.columns})], how="diagonal"), CONTENT_ANALYTICS)
    impossible = set(posts.filter(pl.col("kind").is_in(list(IMPOSSIBLE)))["post"])
    assert set(posts["post"].gather(result.quarantined["_row"])) == impossible
    suspect = set(result.kept.filter(pl.col("flags").list.eval(pl.element().str.starts_with("outlier_")).list.any())["post_id"])
    figures = judged(posts, posts["post"].is_in(list(suspect)))
    assert figures["f1"] >= 0.9, SEED
    assert figures["viral"] <= 0.01, SEED
