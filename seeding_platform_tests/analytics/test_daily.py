"""KPIs: sums by hand, ratios of sums, nothing added that must not be."""

import datetime as dt
from decimal import Decimal

import polars as pl

from seeding_platform.analytics.daily import ads_daily, changed_days
from seeding_platform.catalog import LANDED

DAY = dt.date(2026, 9, 1)


def facts(*rows: dict) -> pl.LazyFrame:
    schema = LANDED["ad_facts"].schema("quality")
    base = dict.fromkeys(schema) | {"tenant": "t", "date": DAY, "platform": "Google", "currency": "EUR", "_source": "s", "_batch": "b", "flags": []}
    base |= {"synthetic": False, "quality_score": 90.0, "confidence": 0.9, "clicks": 1, "impressions": 10}
    made = [base | {"row_id": str(i), "_row": i} | row for i, row in enumerate(rows)]
    return pl.DataFrame(made, schema=schema).lazy()


def test_ratios_are_ratios_of_sums():
    made = ads_daily(
        facts(
            {"spend": Decimal("10.00"), "conversions": Decimal(1), "revenue": Decimal("40.00")},
            {"spend": Decimal("30.00"), "conversions": Decimal(4), "revenue": Decimal("0.00")},
        )
    )
    (row,) = made.to_dicts()
    assert (row["spend"], row["conversions"], row["rows"]) == (Decimal("40.00"), Decimal("5.0000"), 2)
    assert (row["cac"], row["cac_basis"], row["roas"]) == (8.0, "conversions", 1.0)


def test_new_customers_come_before_conversions():
    (row,) = ads_daily(facts({"spend": Decimal("10.00"), "conversions": Decimal(5), "new_customers": 2})).to_dicts()
    assert (row["cac"], row["cac_basis"]) == (5.0, "new_customers")


def test_nothing_to_divide_by_is_null():
    (row,) = ads_daily(facts({"spend": Decimal("10.00"), "conversions": Decimal(0)})).to_dicts()
    assert (row["cac"], row["cac_basis"], row["revenue"], row["roas"], row["new_customers"]) == (None, None, None, None, None)
    (row,) = ads_daily(facts({"spend": Decimal("0.00"), "revenue": Decimal("5.00")})).to_dicts()
    assert row["roas"] is None


def test_currencies_are_never_added():
    made = ads_daily(facts({"spend": Decimal("1.00")}, {"spend": Decimal("2.00"), "currency": "USD"}, {"spend": Decimal("4.00"), "currency": None}))
    assert made.select("currency", "spend").rows() == [("EUR", Decimal("1.00")), ("USD", Decimal("2.00")), (None, Decimal("4.00"))]


def test_ten_thousand_cents_are_a_hundred():
    made = ads_daily(facts(*[{"spend": Decimal("0.01")}] * 10_000))
    assert made["spend"].to_list() == [Decimal("100.00")]


def test_days_outside_the_range_are_left_out():
    rows = [{"date": DAY + dt.timedelta(days=n), "spend": Decimal("1.00")} for n in range(5)]
    made = ads_daily(facts(*rows), first=DAY + dt.timedelta(days=1), last=DAY + dt.timedelta(days=2))
    assert made["date"].to_list() == [DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=2)]


def test_changed_days_are_those_that_were_restated_came_or_went():
    rows = [{"date": DAY + dt.timedelta(days=n), "spend": Decimal("1.00")} for n in range(10)]
    before = facts(*rows)
    assert changed_days(before, facts(*rows)) is None
    assert changed_days(before, facts(*rows).with_columns(_batch=pl.lit("other"))) is None
    assert changed_days(before, before.reverse()) is None
    restated = before.with_columns(clicks=pl.when(pl.col("date") == DAY + dt.timedelta(days=4)).then(9).otherwise("clicks").cast(pl.Int64))
    assert changed_days(before, restated) == (DAY + dt.timedelta(days=4), DAY + dt.timedelta(days=4))
    assert changed_days(before, facts(*rows[:8])) == (DAY + dt.timedelta(days=8), DAY + dt.timedelta(days=9))
    assert changed_days(None, before) == (DAY, DAY + dt.timedelta(days=9))
