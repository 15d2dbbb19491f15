import math
import random
import time

import polars as pl
import pytest

from seeding_platform.catalog import TABLES
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform_tests.distribution.frames import CONTEXT, at, fed, measured, post, quality


def _one(frame: pl.DataFrame, **key):
    rows = frame.filter(**key).rows(named=True)
    assert len(rows) == 1
    return rows[0]


def test_performance_takes_the_first_measurement_at_each_age():
    out = fed(
        "content_performance_ml",
        content_posts=[post("p", text="Hé #a @b", hashtags=["a", "c"], mentions=["b"], url="https://x.nl", campaign_id="c", confidence=0.8)],
        content_analytics=[
            measured("p", 1, 10, 0.5),
            measured("p", 23.9, 90, 0.5),
            measured("p", 24, 100, 0.1, confidence=0.9),
            measured("p", 48, 150, 0.2),
            measured("p", 170, 300, 0.05),
            measured("p", 400, 500, 0.01),
        ],
        social_accounts=[{"account_id": "a1", "platform": "X", "followers": 50, "last_synced_at": at(days=-1), "timezone": "Europe/Amsterdam"}],
        campaigns=[{"campaign_id": "c", "name": "C", "objective": "sales"}],
    )
    row = _one(out, post_id="p")
    assert (row["impressions_24h"], row["engagement_rate_24h"], row["hours_measured_24h"]) == (100, 0.1, 24)
    assert (row["impressions_168h"], row["engagement_rate_168h"]) == (300, 0.05)
    assert (row["hour_local"], row["weekday_local"]) == (14, 1)
    assert (row["text_length"], row["hashtag_count"], row["mention_count"], row["has_url"]) == (8, 2, 1, True)
    assert (row["objective"], row["followers_at_publication"], row["sample_weight"]) == ("sales", 50, 0.8)


def test_performance_leaves_out_what_has_no_label_and_what_competitors_and_drafts_do():
    out = fed(
        "content_performance_ml",
        content_posts=[post("late"), post("draft", None, status="draft"), post("theirs", account_id="k"), post("kept")],
        content_analytics=[measured("late", 169, 5), measured("theirs", 24, 5), measured("kept", 24, 0), measured("draft", 24, 5)],
        social_accounts=[{"account_id": "k", "platform": "X", "account_type": "competitor"}],
    )
    assert out["post_id"].to_list() == ["kept"]


def test_trailing_figures_know_only_what_was_measured_before_publication():
    out = fed(
        "content_performance_ml",
        content_posts=[
            post("old", at(days=-30)),
            post("a", at(days=-10)),
            post("b", at(days=-5)),
            post("yesterday", at(hours=-23)),
            post("now", at()),
            post("other", at(days=-3), account_id="a2"),
        ],
        content_analytics=[
            measured("old", 24, 1000, 0.9, published=at(days=-30)),  # measured 29 days before: outside
            measured("a", 24, 100, 0.1, published=at(days=-10)),
            measured("b", 30, 200, 0.3, published=at(days=-5)),
            measured("yesterday", 24, 9999, 0.8, published=at(hours=-23)),  # measured an hour after "now" went out
            measured("now", 24, 300, 0.2),
            measured("other", 24, 7777, 0.7, published=at(days=-3)),
        ],
    )
    row = _one(out, post_id="now")
    assert row["account_posts_28d"] == 2
    assert row["account_impressions_24h_median_28d"] == 150
    assert row["account_engagement_rate_24h_median_28d"] == pytest.approx(0.2)
    assert row["hours_since_previous_post"] == 23
    first = _one(out, post_id="old")
    assert (first["account_posts_28d"], first["account_impressions_24h_median_28d"], first["hours_since_previous_post"]) == (0, None, None)


def test_followers_read_after_publication_are_not_told_and_unknown_zones_are_utc():
    out = fed(
        "content_performance_ml",
        content_posts=[post("p")],
        content_analytics=[measured("p", 24, 5)],
        social_accounts=[{"account_id": "a1", "platform": "X", "followers": 50, "last_synced_at": at(hours=1), "timezone": "Mars/Olympus"}],
    )
    assert out.select("followers_at_publication", "hour_local").row(0) == (None, 12)


def test_a_hundred_thousand_posts_take_no_time():
    rng, n = random.Random(3), 100_000
    ids = pl.DataFrame(
        {
            "post_id": [f"p{i}" for i in range(n)],
            "published_at": [at(hours=-rng.randrange(20_000)) for _ in range(n)],
            "account_id": [f"a{i % 20}" for i in range(n)],
            "impressions": [rng.randrange(9999) for _ in range(n)],
        },
        schema_overrides={"published_at": pl.Datetime("us", "UTC")},
    )
    posts = ids.drop("impressions").join(quality("content_posts", post("p")).collect().drop("post_id", "published_at", "account_id"), how="cross")
    seen = quality("content_analytics", measured("p", 24, 5, 0.1)).collect().drop("post_id", "measured_at", "impressions")
    analytics = ids.select("post_id", "impressions", measured_at=pl.col("published_at") + pl.duration(hours=24)).join(seen, how="cross")
    empty = {name: TABLES[name].empty("quality").lazy() for name in ("social_accounts", "campaigns")}
    feed = FEEDS["content_performance_ml"]
    started = time.process_time()
    out = feed.build({"content_posts": posts.lazy(), "content_analytics": analytics.lazy(), **empty}, CONTEXT)
    took = time.process_time() - started
    assert out.height == n
    assert took < 10  # CPU-seconds; half a second as it is, minutes when each post is compared with each


def test_an_outcome_counts_only_when_observed_after_the_prediction():
    base = {"model": "m", "version": "1", "predicted": 2.0, "actual": 5.0, "predicted_at": at()}
    out = fed(
        "self_learning_analytics",
        performance_feedback=[
            {**base, "prediction_id": "p1", "observed_at": at(hours=1)},
            {**base, "prediction_id": "p2", "observed_at": at(hours=-1)},
        ],
        learning_insights=[{"insight_id": "i", "statement": "s", "effect": 0.5, "ci_low": 0.1, "ci_high": 0.9, "n": 40, "segment": "nl"}],
    )
    assert out.select("record_type", "record_id", "actual", "error", "observations", "entity").rows() == [
        ("insight", "i", None, None, 40, "nl"),
        ("prediction", "p1", 5.0, 3.0, None, None),
        ("prediction", "p2", None, None, None, None),
    ]


def _interactions():
    return [
        {"user_ref": "u1", "post_id": "p01", "at": at(), "segment": "s", "kind": "view", "shown_rank": 1},
        {"user_ref": "u1", "post_id": "p01", "at": at(hours=1), "segment": "s", "kind": "click", "shown_rank": 3},
        {"user_ref": "u2", "post_id": "p02", "at": at(), "segment": "s", "kind": "Like"},
        {"user_ref": "u2", "post_id": "p03", "at": at(), "segment": "s", "kind": "view"},
        {"user_ref": "u3", "post_id": "p04", "at": at(), "segment": None, "kind": "share"},
        {"user_ref": "u3", "post_id": "gone", "at": at(), "segment": "s", "kind": "click"},
    ]


def test_recommendations_have_four_negatives_for_a_positive():
    posts = [post(f"p{i:02}") for i in range(30)]
    out = fed("content_recommendations", content_interactions=_interactions(), content_posts=posts)
    for segment, positives in (("s", 2), ("all", 1)):
        of = out.filter(segment=segment)
        assert (of.filter(sampled=False).height, of.filter(sampled=True).height) == (positives, 4 * positives)
    negatives = out.filter(segment="s", sampled=True)
    assert not set(negatives["post_id"]) & {"p01", "p02"}
    assert set(negatives["sample_weight"]) == {28 / 8}
    first = _one(out, segment="s", post_id="p01")
    assert (first["clicked"], first["engaged"], first["interactions"], first["users"], first["mean_shown_rank"]) == (True, False, 2, 1, 2.0)
    assert _one(out, segment="s", post_id="p02")["engaged"]
    again = fed("content_recommendations", content_interactions=_interactions()[::-1], content_posts=posts[::-1])
    assert again.equals(out)
    other = fed("content_recommendations", FeedContext(tenant="t1", seed=8), content_interactions=_interactions(), content_posts=posts)
    assert set(other["seed"]) == {8}
    assert other.drop("seed").equals(out.drop("seed")) is False


def test_negatives_end_where_the_posts_do():
    out = fed("content_recommendations", content_interactions=_interactions()[:2], content_posts=[post("p01"), post("p05")])
    assert out.select("post_id", "sampled").rows() == [("p01", False), ("p05", True)]


def test_hashtags_know_nothing_after_their_hour():
    tag = {"hashtag": "Sale".lower(), "platform": "X", "region": "NL"}
    out = fed(
        "trending_hashtag_analyzer",
        trending_intelligence=[
            {**tag, "observed_at": at(), "volume": 100, "velocity": None, "sentiment": 0.5},
            {**tag, "observed_at": at(hours=0.5), "volume": 110, "velocity": 20.0, "sentiment": 0.0},
            {**tag, "region": "BE", "observed_at": at(hours=0.2), "volume": 40, "velocity": 5.0, "sentiment": 1.0},
            {**tag, "observed_at": at(hours=24), "volume": 200, "velocity": 30.0},
            {**tag, "observed_at": at(hours=48), "volume": 201, "velocity": 1.0},
        ],
        content_posts=[
            post("mine", at(days=-1), hashtags=["sale", "x"]),
            post("theirs", at(days=-2), account_id="k", hashtags=["sale"]),
            post("later", at(hours=2), hashtags=["sale"]),
            post("ancient", at(days=-40), hashtags=["sale"]),
            post("elsewhere", at(days=-1), platform="Facebook", hashtags=["sale"]),
        ],
        content_analytics=[
            measured("mine", 1, 10, published=at(days=-1)),
            measured("mine", 24, 70, published=at(days=-1)),
            measured("mine", 25, 999, published=at(days=-1)),  # at the very end of the first hour
            measured("mine", 48, 500, published=at(days=-1)),
            measured("later", 1, 3, published=at(hours=2)),
        ],
        social_accounts=[{"account_id": "k", "platform": "X", "account_type": "competitor"}],
    )
    rows = out.rows(named=True)
    assert [r["hour"] for r in rows] == [at(), at(hours=24), at(hours=48)]
    assert [(r["uses"], r["uses_new"], r["velocity"], r["regions"], r["trend"]) for r in rows] == [
        (150, None, 25.0, 2, "new"),
        (200, 50, 30.0, 1, "rising"),
        (201, 1, 1.0, 1, "falling"),
    ]
    assert [r["novelty"] for r in rows] == [1.0, 0.5, pytest.approx(1 / 3)]
    assert [(r["posts_28d"], r["accounts_28d"], r["impressions_28d"], r["competitor_share"]) for r in rows] == [
        (2, 2, 70, 0.5),
        (3, 2, 503, pytest.approx(1 / 3)),
        (3, 2, 503, pytest.approx(1 / 3)),
    ]
    assert rows[0]["sentiment"] == 0.5


def test_worldwide_figures_stand_for_the_regions():
    tag = {"hashtag": "a", "platform": "X", "observed_at": at()}
    out = fed("trending_hashtag_analyzer", trending_intelligence=[{**tag, "region": "WORLD", "volume": 9}, {**tag, "region": "NL", "volume": 5}])
    assert out.select("uses", "regions", "posts_28d", "competitor_share").row(0) == (9, 1, 0, None)


def test_the_same_text_on_two_platforms_is_compared_with_each_platforms_median():
    out = fed(
        "cross_platform_learning",
        content_posts=[
            post("x1", at(), text="Nieuw:  Onze STAL #zomer https://a.nl/1"),
            post("x2", at(hours=9), text="nieuw: onze stal"),  # a repeat on the same platform
            post("x3", at(), text="iets anders"),
            post("f1", at(hours=3), platform="Facebook", text="nieuw: onze stal #winter"),
            post("f2", at(), platform="Facebook", text="nog iets", account_id="a2"),
            post("f3", at(), platform="Facebook", text="#alleen #tags"),
            post("x4", at(), text="#alleen"),
            post("k", at(), platform="LinkedIn", account_id="k", text="nieuw: onze stal"),
        ],
        content_analytics=[
            measured("x1", 24, 100, 0.2),
            measured("x2", 24, 100, 0.1, published=at(hours=9)),
            measured("x3", 24, 100, 0.1),
            measured("x4", 24, 100, 0.1),
            measured("f1", 24, 100, 0.06, published=at(hours=3)),
            measured("f2", 24, 100, 0.02),
            measured("f3", 24, 100, 0.02),
            measured("k", 24, 100, 0.5),
        ],
        social_accounts=[{"account_id": "k", "platform": "LinkedIn", "account_type": "competitor"}],
    )
    (row,) = out.rows(named=True)
    assert (row["platform_a"], row["platform_b"], row["post_id_a"], row["post_id_b"]) == ("Facebook", "X", "f1", "x1")
    assert (row["first_platform"], row["delay_hours"]) == ("X", 3.0)
    assert row["normalised_engagement_a"] == pytest.approx(3.0)
    assert row["normalised_engagement_b"] == pytest.approx(2.0)
    assert row["log_ratio"] == pytest.approx(math.log(2 / 3))
