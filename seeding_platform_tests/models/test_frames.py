"""Frames of the ten models: whatever happens later changes no feature of what was before."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.tables import TABLES
from seeding_platform.models import frame_of, shipped_spec, split_rows, train
from seeding_platform.models.frames import FRAMES
from seeding_platform.models.frames.posts import EARLY_HOURS
from seeding_platform_tests.chain import cleaned_samples, quality_tables

NEEDED = ("content_posts", "content_analytics", "social_accounts", "campaigns", "customers", "orders", "navigation_events", "ad_facts",
          "trending_intelligence", "exception_records", "exception_labels")  # fmt: skip
KEYS = {
    "churn": ["customer_ref", "as_of"],
    "content_performance": ["post_id"],
    "cross_platform": ["content", "pair", "published_at"],
    "engagement_prediction": ["post_id"],
    "exception_classification": ["exception_id"],
    "hashtag_effectiveness": ["hashtag", "platform", "week"],
    "navigation_next": ["session_id", "step"],
    "roi": ["campaign", "platform", "day"],
    "segmentation": ["customer_ref", "as_of"],
}
MOMENT = {"segmentation": "as_of", "exception_classification": "raised_at"}
NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
BASE = {"tenant": "t", "_source": "s", "_batch": "b", "_row": 0, "synthetic": False, "flags": [], "quality_score": 99.0, "confidence": 0.9}


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return {name: table.collect() for name, table in quality_tables(cleaned_samples(only=NEEDED)).items()}


def lazy(tables):
    return {name: table.lazy() for name, table in tables.items()}


def later(table: pl.DataFrame, name: str, cut: dt.datetime, how: str) -> pl.DataFrame:
    """A table in which everything from a moment on is gone, or other than it was."""
    time = TABLES[name].time
    if time is None:
        return table
    after = (pl.col(time).cast(pl.Datetime("us", "UTC")) >= cut).fill_null(False)
    if how == "gone" and name == "social_accounts":  # whose account it is, is no measurement; how many follow it is one
        return table.with_columns(followers=pl.when(~after).then("followers"))
    if how == "gone":
        return table.filter(~after)
    numbers = [c for c in TABLES[name].columns if c in table.columns and table.schema[c].is_numeric() and c != "seq"]
    words = [c for c in ("page", "role", "content_type", "plan") if c in table.columns]
    changed = [
        pl.when(after).then(pl.col(c).cast(pl.Float64) * 3 + 1).otherwise(pl.col(c).cast(pl.Float64)).cast(table.schema[c]).alias(c) for c in numbers
    ]
    return table.with_columns(*changed, *(pl.when(after).then(pl.lit("changed")).otherwise(c).alias(c) for c in words))


@pytest.mark.parametrize("how", ["gone", "changed"])
@pytest.mark.parametrize("name", sorted(KEYS))
@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.3, 0.95))
def test_what_happens_later_changes_no_feature(tables, name, how, share):
    spec = shipped_spec(name)
    moment = MOMENT.get(name, spec.time)
    whole = frame_of(spec, lazy(tables))
    at = pl.col(moment).cast(pl.Datetime("us", "UTC"))
    cut = whole.select(at.sort())[moment][int((whole.height - 1) * share)]
    changed = frame_of(spec, lazy({n: later(t, n, cut, how) for n, t in tables.items()}))
    columns = [*KEYS[name], *(f for f in spec.features if f not in KEYS[name])]
    before, again = (f.filter(at < cut).select(columns).sort(KEYS[name]) for f in (whole, changed))
    both = before.join(again.select(KEYS[name]), on=KEYS[name], how="semi").sort(KEYS[name])
    same = again.join(before.select(KEYS[name]), on=KEYS[name], how="semi").sort(KEYS[name])
    assert_frame_equal(both, same, rel_tol=1e-9, abs_tol=1e-9)
    if how == "changed" and name not in ("segmentation", "hashtag_effectiveness"):
        assert both.height == before.height, "and it changes no row either"
    if spec.early is not None:
        soon = at + pl.duration(seconds=EARLY_HOURS * 3600)
        one, other = (f.filter(soon < cut).select("post_id", *spec.early).sort("post_id") for f in (whole, changed))
        kept = other["post_id"].implode()
        assert one.filter(pl.col("post_id").is_in(kept)).equals(other)


@pytest.mark.parametrize("name", sorted(set(FRAMES) - {"sentiment_analysis", "cross_platform"}))
def test_samples_make_rows_that_a_model_is_trained_on(tables, name):
    spec = shipped_spec(name)
    frame = frame_of(spec, lazy(tables))
    assert set(spec.columns()) <= set(frame.columns)
    assert frame.height >= spec.minimum_rows
    assert frame.select(KEYS[name]).is_duplicated().sum() == 0
    before, held = split_rows(spec, frame)
    small = spec.model_copy(update={"params": {"max_iter": 5, "clusters": 2} if name == "segmentation" else {"max_iter": 5}})
    assert len(train(small, before, seed=0).scores(small, held)) == held.height


def test_no_tables_make_no_rows():
    empty = {name: contract.empty("quality").lazy() for name, contract in LANDED.items()}
    for name in FRAMES:
        spec = shipped_spec(name)
        frame = frame_of(spec, empty)
        assert frame.height == 0, name
        assert set(spec.columns()) <= set(frame.columns), name


def made(name: str, rows: list[dict]) -> pl.LazyFrame:
    schema = LANDED[name].schema("quality")
    return pl.DataFrame([dict.fromkeys(schema) | BASE | row for row in rows], schema=schema).lazy()


def post(key: str, hours: float, **told) -> dict:
    plain = {
        "post_id": key,
        "account_id": "a",
        "platform": "X",
        "content_type": "text",
        "status": "published",
        "text": "",
        "hashtags": [],
        "mentions": [],
    }
    return plain | {"published_at": NOW + dt.timedelta(hours=hours)} | told


def measured(key: str, hours: float, reactions: int, impressions: int = 1000) -> dict:
    return {"post_id": key, "measured_at": NOW + dt.timedelta(hours=hours), "likes": reactions, "impressions": impressions}


EMPTY = {name: LANDED[name].empty("quality").lazy() for name in NEEDED}


def test_feedback_on_predictions_is_what_sentiment_is_learned_from():
    posts = made("content_posts", [post(k, n, text=f"text {k}") for n, k in enumerate("abcd")])
    facts = [("1", "a", 1.0, 1), ("2", "a", -1.0, 2), ("3", "b", 0.0, 1), ("4", "c", 0.5, 1), ("5", "d", None, 1)]
    feedback = pl.DataFrame(
        [
            {"prediction_id": p, "model": "t.sentiment_analysis", "entity": e, "actual": a, "observed_at": NOW + dt.timedelta(hours=h)}
            for p, e, a, h in facts
        ]
    ).lazy()
    spec = shipped_spec("sentiment_analysis")
    told = frame_of(spec, {"content_posts": posts, "performance_feedback": feedback})
    assert dict(told.select("post_id", "sentiment").iter_rows()) == {"a": "negative", "b": "neutral", "c": "positive"}
    other = feedback.with_columns(model=pl.lit("t.churn"))
    assert frame_of(spec, {"content_posts": posts, "performance_feedback": other}).height == 0
    assert frame_of(spec, {"content_posts": posts}).height == 0


def test_who_leaves_within_thirty_days():
    day = dt.date(2026, 6, 1)
    ends = {"a": None, "b": NOW + dt.timedelta(days=3), "c": NOW + dt.timedelta(days=40), "d": NOW - dt.timedelta(days=3)}
    customers = [{"customer_ref": k, "as_of": day, "monthly_charges": 5, "churned_at": end} for k, end in ends.items()]
    customers.append({"customer_ref": "a", "as_of": dt.date(2026, 7, 1), "monthly_charges": 5})
    orders = [{"order_id": "1", "customer_ref": "a", "created_at": NOW - dt.timedelta(days=10), "amount": 7, "currency": "EUR"},
              {"order_id": "2", "customer_ref": "a", "created_at": NOW + dt.timedelta(days=1), "amount": 9, "currency": "EUR"}]  # fmt: skip
    told = frame_of(shipped_spec("churn"), EMPTY | {"customers": made("customers", customers), "orders": made("orders", orders)})
    rows = {(r["customer_ref"], r["as_of"]): r for r in told.iter_rows(named=True)}
    assert {k: r["churned"] for k, r in rows.items()} == {("a", day): False, ("b", day): True, ("c", day): False}, "July is not over, d had left"
    assert (rows["a", day]["orders_90d"], rows["a", day]["spend_90d"]) == (1.0, 7.0)


def test_the_same_words_on_two_platforms_are_one_content():
    text = "Our warehouse never sleeps, and neither do we"
    posts = [post(f"{p}{n}", n * 48 + h, platform=p, text=f"{text if n == 3 else f'something else entirely, number {n}'} #{p}")
             for p, h in (("X", 0), ("LinkedIn", 30)) for n in range(4)]  # fmt: skip
    figures = [measured(p["post_id"], (p["published_at"] - NOW).total_seconds() / 3600 + 25, 10 if p["platform"] == "X" else 30) for p in posts]
    figures[3]["likes"] = 40
    tables = EMPTY | {"content_posts": made("content_posts", posts), "content_analytics": made("content_analytics", figures)}
    told = frame_of(shipped_spec("cross_platform"), tables)
    (row,) = told.filter(pl.col("content").str.contains("warehouse")).to_dicts()
    assert (row["pair"], row["delay_hours"]) == ("X > LinkedIn", 30.0)
    assert row["log_ratio"] < -1, "on X it did four times as well as usual, on LinkedIn as usual"
    assert row["first_relative"] == pytest.approx(-row["log_ratio"], abs=1e-6)
    clusters = pl.DataFrame({"post_id": ["X1", "LinkedIn2"], "cluster_id": ["K", "K"]}).lazy()
    assert "K" in frame_of(shipped_spec("cross_platform"), tables | {"content_posts__clusters": clusters})["content"].to_list()


def test_a_hashtag_that_lifts_is_found_and_one_that_does_not_is_not():
    posts = [post(f"p{n}", n * 6, hashtags=["lift"] if n % 4 == 0 else ["plain"] if n % 4 == 1 else []) for n in range(160)]
    figures = [measured(f"p{n}", n * 6 + 25, (60 if n % 4 == 0 else 20) + n % 7) for n in range(160)]
    tables = EMPTY | {"content_posts": made("content_posts", posts), "content_analytics": made("content_analytics", figures)}
    told = frame_of(shipped_spec("hashtag_effectiveness"), tables)
    means = dict(told.group_by("hashtag").agg(pl.col("lift").mean()).iter_rows())
    assert means["lift"] > 0.6
    assert means["plain"] < 0.1
    assert (told["lift_low"] < told["lift"]).all()
    assert (told.filter(hashtag="lift")["lift_low"] > 0).all()
    assert told.filter(pl.col("week") == told["week"].min())["prior_lift"].null_count() == 2, "nothing is known before the first week"


def test_lags_of_a_campaign_are_of_days_before():
    facts = [{"row_id": f"{n}", "date": NOW.date() + dt.timedelta(days=n), "platform": "Meta", "campaign": "c", "currency": "EUR", "spend": 10 + n,
              "clicks": n, "impressions": 100, "conversions": n} for n in range(10)]  # fmt: skip
    told = frame_of(shipped_spec("roi"), EMPTY | {"ad_facts": made("ad_facts", facts)})
    row = told.row(8, named=True)
    assert (row["conversions"], row["conversions_1d"], row["conversions_7d"], row["spend_1d"]) == (8.0, 7.0, 1.0, 17.0)
    assert row["conversions_week"] == pytest.approx(sum(range(1, 8)) / 7)
    assert told.row(0, named=True)["conversions_1d"] is None


def test_a_step_knows_its_session_before_it_only():
    events = [
        {"session_id": "s", "seq": n, "page": p, "dwell_ms": n * 1000, "at": NOW + dt.timedelta(seconds=10 * n)} for n, p in enumerate("abcd", 1)
    ]
    events.append({"session_id": "s", "seq": 6, "page": "f", "at": NOW + dt.timedelta(seconds=60)})
    told = frame_of(shipped_spec("navigation_next"), {"navigation_events": made("navigation_events", events)})
    assert told.select("page", "page_before", "page_before_that", "next_page", "dwell_before", "gap_seconds").rows() == [
        ("a", None, None, "b", None, None),
        ("b", "a", None, "c", 1.0, 10.0),
        ("c", "b", "a", "d", 2.0, 10.0),
    ], "step 5 is missing: nothing is said to follow step 4"
