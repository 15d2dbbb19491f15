import datetime as dt
import decimal

import polars as pl
import pytest

from seeding_platform.distribution.feeds import FeedContext
from seeding_platform_tests.distribution.frames import ad, at, fed, measured, post


def _session(session: str, pages: str, *, role: str = "ops", first: int = 1, **more):
    return [
        {"session_id": session, "seq": n, "page": page, "role": role, "device": "Mobile", "at": at(hours=n / 360), **more}
        for n, page in enumerate(pages, first)
    ]


def test_navigation_gives_the_last_ten_pages_and_the_next_one():
    out = fed("navigation_ml", navigation_events=_session("s", "abcdefghijklm")[::-1])
    assert out.height == 12
    assert out.row(0, named=True) | {"at": None} == {
        "session_id": "s", "step": 1, "at": None, "role": "ops", "device": "Mobile", "page": "a", "pages": ["a"], "gaps_seconds": [],
        "next_page": "b", "synthetic": False,
    }  # fmt: skip
    last = out.row(11, named=True)
    assert (last["pages"], last["next_page"]) == (list("cdefghijkl"), "m")
    assert last["gaps_seconds"] == [10.0] * 9


def test_navigation_does_not_look_across_a_missing_step():
    out = fed("navigation_ml", navigation_events=[*_session("s", "ab"), *_session("s", "cd", first=4)])
    assert out.select("step", "pages", "next_page").rows() == [(1, ["a"], "b"), (4, ["c"], "d")]


def test_transitions_of_fewer_than_five_sessions_are_not_told():
    events = [e for n in range(5) for e in _session(f"s{n}", "aba")]  # a>b and b>a, five sessions each
    events += [e for n in range(4) for e in _session(f"t{n}", "acacac")]  # a>c often, but in four sessions
    events += _session("u0", "ab")  # a>b a sixth time
    events += [e for n in range(5) for e in _session(f"v{n}", "ac", synthetic=True)]
    events += [e for n in range(5) for e in _session(f"w{n}", "ad", role="sales")]
    out = fed("ai_navigation_framework", navigation_events=events)
    assert out.select("role", "page", "next_page", "transitions", "sessions", "probability", "synthetic").rows() == [
        ("ops", "a", "b", 6, 6, 1.0, False),
        ("ops", "a", "c", 5, 5, 1.0, True),
        ("ops", "b", "a", 5, 5, 1.0, False),
        ("sales", "a", "d", 5, 5, 1.0, False),
    ]


def test_utterances_without_a_target_teach_nothing():
    out = fed(
        "navigation_assistant_bridge", assistant_utterances=[{"id": "2", "text": "waar is <NAAM>?", "target": "orders"}, {"id": "1", "text": "?"}]
    )
    assert out.select("utterance_id", "text_masked", "target").rows() == [("2", "waar is <NAAM>?", "orders")]


AS_OF = dt.date(2026, 9, 7)


def _customer(ref: str, left_after_days: float | None = None, **more):
    return {"customer_ref": ref, "as_of": AS_OF, "churned_at": None if left_after_days is None else at(days=left_after_days), **more}


def test_churn_is_leaving_within_the_thirty_days_after():
    out = fed(
        "churn_prediction",
        customers=[
            _customer("same day", 0),
            _customer("before", -3),
            _customer("first", 1),
            _customer("last", 30),
            _customer("after", 31),
            _customer("stays"),
        ],
    )
    assert dict(out.select("customer_ref", "churned_30d").iter_rows()) == {"first": True, "last": True, "after": False, "stays": False}
    assert out["label_complete"].all()  # the data know of the 31st day
    short = fed("churn_prediction", customers=[_customer("first", 1), _customer("stays")])
    assert dict(short.select("customer_ref", "label_complete").iter_rows()) == {"first": True, "stays": False}


def test_churn_features_know_nothing_after_the_day():
    out = fed(
        "churn_prediction",
        customers=[_customer("k", last_active_at=at(days=-4)), _customer("z", last_active_at=at(days=2))],
        orders=[{"order_id": str(n), "customer_ref": "k", "created_at": at(days=days)} for n, days in enumerate((-200, -90, -89, -5, 0, 1))],
    )
    assert out.select("customer_ref", "days_since_active", "orders_90d", "days_since_order").rows() == [("k", 4, 3, 0), ("z", None, 0, None)]
    without = fed("churn_prediction", customers=[_customer("k")])
    assert without.select("orders_90d", "days_since_order").row(0) == (None, None)


def _order(number: int, customer: str, days_ago: int, amount: str, **more):
    return {
        "order_id": str(number),
        "customer_ref": customer,
        "created_at": at(days=-days_ago),
        "amount": decimal.Decimal(amount),
        "currency": "EUR",
        "status": "delivered",
        **more,
    }


def test_customers_are_told_apart_in_groups_of_five_only():
    orders = [_order(n, f"new{n}", 0, "10.00") for n in range(6)]
    orders += [_order(100 + n, f"lost{n}", 300 + n, "500.00") for n in range(6)]
    orders += [_order(200 + n, f"few{n}", 100, "50.00") for n in range(4)]
    orders += [_order(300, "new0", 50, "999.00", status="cancelled"), _order(301, "only cancelled", 0, "1.00", status="Cancelled")]
    out = fed("customer_intelligence", orders=orders)
    assert out["customer_ref"].to_list() == [*(f"lost{n}" for n in range(6)), *(f"new{n}" for n in range(6))]
    assert set(out.filter(segment="lost")["recency_days"]) == {302.5}
    groups = out.group_by(pl.all().exclude("customer_ref")).len()
    assert groups["len"].min() >= 5
    assert not out["customer_ref"].str.starts_with("few").any()
    assert "only cancelled" not in out["customer_ref"]
    new = out.filter(customer_ref="new0").row(0, named=True)
    assert (new["recency_band"], new["frequency_band"], new["value_band"], new["segment"]) == (2, 1, 1, "regular")
    assert (new["recency_days"], new["frequency"], new["value"], new["currency"]) == (0.0, 1.0, decimal.Decimal("10.00"), "EUR")


def test_values_of_different_currencies_are_not_added():
    orders = [_order(n, f"k{n}", 1, "10.00") for n in range(5)]
    orders += [_order(10 + n, f"k{n}", 1, "10.00") for n in range(5)]
    orders += [_order(20 + n, f"k{n}", 1, "700.00", currency="USD") for n in range(5)]
    out = fed("customer_intelligence", orders=orders)
    assert set(out["value"]) == {decimal.Decimal("20.00")}
    assert set(out["currency"]) == {"EUR"}


def test_no_choice_without_its_chance():
    base = {"action": "a", "decided_at": at()}
    out = fed(
        "optimization",
        decisions=[
            {**base, "decision_id": "2", "propensity": 0.5, "reward": 1.0, "rewarded_at": at(hours=1)},
            {**base, "decision_id": "1", "propensity": 0.0},
            {**base, "decision_id": "3", "propensity": None},
            {**base, "decision_id": "4", "propensity": 1.0, "reward": 1.0, "rewarded_at": at(hours=-1)},
        ],
    )
    assert out.select("decision_id", "reward").rows() == [("2", 1.0), ("4", None)]


def test_roi_adds_up_a_day_and_looks_back_by_the_calendar():
    out = fed(
        "roi_algorithm",
        FeedContext(tenant="t1", seed=1, provisional_days=2),
        ad_facts=[
            ad(1, "10.00", conversions="1.5", campaign_id="c1"),
            ad(1, "5.00", campaign_id="c1", revenue="20.00"),
            ad(2, "4.00", campaign_id="c1", revenue="8.00"),
            ad(2, "7.00", campaign_id="c1", currency=None),
            ad(8, "2.00", campaign_id="c1"),
            ad(9, "3.00", platform="Google"),
        ],
        campaigns=[{"campaign_id": "c1", "name": "C", "objective": "leads"}],
    )
    d = decimal.Decimal
    rows = out.select(
        "campaign",
        "platform",
        "day",
        "currency",
        "spend",
        "spend_lag_1d",
        "spend_lag_7d",
        "conversions_lag_1d",
        "revenue",
        "roi",
        "provisional",
        "rows",
    ).rows()
    day = {n: dt.date(2026, 9, n) for n in range(1, 10)}
    assert rows == [
        ("C", "Google", day[9], "EUR", d("3.00"), None, None, None, None, None, True, 1),
        ("c1", "Meta", day[1], "EUR", d("15.00"), None, None, None, d("20.00"), 3.0, False, 2),
        ("c1", "Meta", day[2], None, d("7.00"), None, None, None, None, None, False, 1),
        ("c1", "Meta", day[2], "EUR", d("4.00"), d("15.00"), None, d("1.5"), d("8.00"), 1.0, False, 1),
        ("c1", "Meta", day[8], "EUR", d("2.00"), None, d("15.00"), None, None, None, True, 1),
    ]
    assert out["objective"].to_list() == [None, "leads", "leads", "leads", "leads"]


def test_the_cube_keeps_every_amount_and_the_bases_of_its_ratios():
    facts = [
        ad(1, "10.00", clicks=5, impressions=100, country="NL", revenue="30.00", confidence=0.2),
        ad(1, "5.00", impressions=50, country="NL", new_customers=1),
        ad(1, "1.00", country=None, clicks=1, impressions=10),
        ad(1, "9.00", country="NL", currency="USD"),
    ]
    out = fed("analytics", ad_facts=facts)
    assert out.height == 3
    d = decimal.Decimal
    nl = out.filter(country="NL", currency="EUR").row(0, named=True)
    assert (nl["spend"], nl["clicks"], nl["impressions"], nl["revenue"], nl["new_customers"]) == (d("15.00"), 5, 150, d("30.00"), 1)
    assert (nl["revenue_spend"], nl["new_customers_spend"], nl["conversions_spend"], nl["clicks_impressions"]) == (d("10.00"), d("5.00"), None, 100)
    assert (nl["rows"], nl["lowest_confidence"], nl["provisional"]) == (2, 0.2, True)
    assert sum(out["spend"]) == d("25.00")


def test_ideas_name_posts_that_show_the_topic():
    out = fed(
        "content_ideation",
        topics=[
            {"topic": "retour", "period": dt.date(2026, 9, 1), "terms": ["Retour", "returns"], "gap": 0.2},
            {"topic": "b", "period": dt.date(2026, 9, 1)},
        ],
        content_posts=[
            *(post(f"p{n}", at(days=n), hashtags=["retour", "returns"]) for n in range(7)),
            post("early", at(days=-30), hashtags=["retour"]),
            post("other", hashtags=["zomer"]),
        ],
    )
    assert out.select("topic", "exemplar_post_ids", "season").rows() == [("b", [], 9), ("retour", ["p6", "p5", "p4", "p3", "p2"], 9)]


def test_competitors_are_measured_by_follower_and_share_of_voice():
    accounts = [
        {"account_id": "k", "platform": "X", "account_type": "competitor", "followers": 2000},
        {"account_id": "a1", "platform": "X", "account_type": "brand", "followers": 10},
    ]
    out = fed(
        "competitor_analyzer",
        content_posts=[post("k1", account_id="k", hashtags=["retour"]), post("k2", account_id="k"), post("own"), post("own next week", at(days=7))],
        content_analytics=[
            measured("k1", 1, 50, likes=1),
            measured("k1", 48, 400, likes=10, comments=2, shares=None),
            measured("own", 24, 100, likes=36),
        ],
        social_accounts=accounts,
        topics=[{"topic": "returns", "period": dt.date(2026, 9, 1), "terms": ["retour"]}],
    )
    k1, k2 = out.rows(named=True)
    assert (k1["engagements"], k1["engagements_per_1000_followers"], k1["impressions_per_follower"]) == (12, 6.0, 0.2)
    assert (k1["share_of_posts"], k1["share_of_voice"], k1["week"]) == (pytest.approx(2 / 3), 0.25, dt.date(2026, 9, 7))
    assert (k1["topic"], k2["topic"], k2["engagements"], k2["engagements_per_1000_followers"]) == ("returns", None, None, None)


def test_stretches_of_more_than_fourteen_days_are_missing():
    account = {"platform": "X", "connected_at": at(days=-20)}
    out = fed(
        "historical_content_scraper",
        social_accounts=[{"account_id": a, **account} for a in ("a1", "a2", "a3")] + [{"account_id": "gone", **account, "status": "revoked"}],
        content_posts=[
            post("p1", at(days=-100)),
            post("p2", at(days=-35)),
            post("p3", at(days=-21)),
            post("p4", at()),
            post("q1", at(days=-40), account_id="a2"),
            post("planned", None, account_id="a2", status="scheduled"),
        ],
    )
    assert out.select("account_id", "from", "to", "reason", "priority", "checkpoint").rows() == [
        ("a1", at(days=-100), at(days=-35), "gap_between_posts", 1, "p1"),
        ("a1", at(days=-21), at(), "gap_between_posts", 3, "p3"),
        ("a2", at(days=-40), at(), "silent_since", 2, "q1"),
        ("a3", at(days=-20), at(), "no_posts", 3, None),
    ]


def test_pages_are_due_by_the_latest_visit_of_any():
    out = fed(
        "research_scraping",
        research_sources=[
            {"url": "https://b.nl", "fetched_at": at(), "next_visit": at(hours=6)},
            {"url": "https://a.nl", "fetched_at": at(hours=-5), "next_visit": at(hours=-1)},
            {"url": "https://c.nl"},
        ],
    )
    assert out.select("url", "freshness_hours", "due").rows() == [
        ("https://a.nl", 5.0, True),
        ("https://b.nl", 0.0, False),
        ("https://c.nl", None, True),
    ]
