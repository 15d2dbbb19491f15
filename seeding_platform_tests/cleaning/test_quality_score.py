"""Quality of any table against a contract."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from seeding_platform.catalog.contract import TIMESTAMP, Column, TableContract
from seeding_platform.cleaning import CleaningPolicy, quality_score
from seeding_platform.errors import ConfigError

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
ORDERS = TableContract(
    name="tried_orders",
    description="Orders.",
    columns={
        "order_id": Column(pl.String, "Id", nullable=False),
        "amount": Column(pl.Float64, "Value", minimum=0, required=True),
        "state": Column(pl.String, "State", values=("open", "paid")),
        "at": Column(TIMESTAMP, "When", required=True),
        "paid_at": Column(TIMESTAMP, "When paid"),
    },
    key=("order_id",),
    time="at",
    rules={"paid_after_order": pl.col("paid_at") >= pl.col("at")},
    flags={"paid_has_a_time": (pl.col("state") != "paid") | pl.col("paid_at").is_not_null()},
)


def rows(*given: dict) -> pl.DataFrame:
    return pl.DataFrame(given, schema={"order_id": pl.String, "amount": pl.Float64, "state": pl.String, "at": TIMESTAMP, "paid_at": TIMESTAMP})


GOOD = {"order_id": "1", "amount": 5.0, "state": "paid", "at": dt.datetime(2026, 5, 1), "paid_at": dt.datetime(2026, 5, 2)}


def test_a_whole_fresh_row_has_a_hundred_points():
    told, table = quality_score(rows(GOOD), ORDERS, now=NOW)
    assert told.row(0, named=True) == {
        "row": 0, "completeness": 1.0, "validity": 1.0, "uniqueness": 1.0, "consistency": 1.0, "timeliness": 1.0, "score": 100.0
    }  # fmt: skip
    assert table.score == 100.0
    assert (table.completeness.numerator, table.completeness.denominator) == (3, 3)


@pytest.mark.parametrize(
    ("change", "dimension", "value"),
    [
        ({"amount": None}, "completeness", 2 / 3),
        ({"paid_at": None}, "consistency", 0.75),
        ({"at": dt.datetime(2020, 1, 1)}, "timeliness", 0.0),
        ({"at": dt.datetime(2027, 1, 1), "paid_at": dt.datetime(2027, 1, 2)}, "timeliness", 0.0),
    ],
)
def test_each_dimension_costs_points(change, dimension, value):
    told, _ = quality_score(rows(GOOD | change), ORDERS, now=NOW)
    assert told[dimension][0] == pytest.approx(value)
    assert 40 < told["score"][0] < 100


@pytest.mark.parametrize("change", [{"amount": -1.0}, {"state": "lost"}, {"paid_at": dt.datetime(2026, 4, 1)}, {"order_id": None}])
def test_a_broken_hard_rule_caps_the_score(change):
    told, table = quality_score(rows(GOOD, GOOD | {"order_id": "2"} | change), ORDERS, now=NOW)
    assert told["score"].to_list()[1] == 40.0
    assert told["validity"][1] < 1
    assert (table.validity.numerator, table.validity.denominator) == (1, 2)


def test_rows_with_the_same_key_share_it():
    told, table = quality_score(rows(GOOD, GOOD, GOOD | {"order_id": "2"}), ORDERS, now=NOW)
    assert told["uniqueness"].to_list() == [0.5, 0.5, 1.0]
    assert (table.uniqueness.numerator, table.uniqueness.denominator) == (2, 3)


def test_text_is_cast_and_what_cannot_be_read_is_invalid():
    told, _ = quality_score(pl.DataFrame({"order_id": ["1", "2"], "amount": ["5", "five"]}), ORDERS, now=NOW)
    assert told["validity"][0] == 1.0
    assert told["validity"][1] < 1.0


def test_accuracy_is_told_only_against_a_reference():
    _, table = quality_score(rows(GOOD), ORDERS, now=NOW)
    assert table.accuracy.value is None
    _, table = quality_score(
        rows(GOOD), ORDERS, now=NOW, reference=pl.DataFrame({"order_id": ["1", "9"], "amount": [5.0, 1.0], "state": ["open", "open"]})
    )
    assert (table.accuracy.numerator, table.accuracy.denominator) == (1, 4)


def test_weights_are_the_policys():
    told, _ = quality_score(
        rows(GOOD | {"at": None, "paid_at": None, "state": "open"}), ORDERS, now=NOW, policy=CleaningPolicy(weight_timeliness=0.0)
    )
    slower, _ = quality_score(
        rows(GOOD | {"at": None, "paid_at": None, "state": "open"}), ORDERS, now=NOW, policy=CleaningPolicy(weight_timeliness=5.0)
    )
    assert slower["score"][0] < told["score"][0]


def test_nothing_in_nothing_out_and_a_moment_needs_a_zone():
    told, table = quality_score(rows(), ORDERS, now=NOW)
    assert told.is_empty()
    assert table.score is None
    with pytest.raises(ConfigError, match="time zone"):
        quality_score(rows(), ORDERS, now=NOW.replace(tzinfo=None))
