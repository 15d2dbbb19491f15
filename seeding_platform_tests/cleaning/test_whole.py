"""The whole engine: every row in one place, twice is once, order does not matter, nothing is invented; and the corners of dirt."""

from __future__ import annotations

import datetime as dt
import html
import json

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seeding_platform.catalog.contract import MONEY, TIMESTAMP, Column, TableContract
from seeding_platform.catalog.tables.content import CONTENT_POSTS
from seeding_platform.catalog.tables.shop import ORDERS
from seeding_platform.cleaning import CleaningPolicy, clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.policies import fingerprint, load_policy
from seeding_platform.cleaning.whole import clean_file
from seeding_platform.errors import ConfigError

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
TRIED = TableContract(
    name="tried_things",
    description="Anything.",
    columns={
        "key": Column(pl.String, "Key", nullable=False),
        "kind": Column(pl.String, "Kind", values=("small", "large")),
        "text": Column(pl.String, "Text", required=True),
        "count": Column(pl.Int64, "Count", minimum=0, outliers=True),
        "price": Column(MONEY, "Price", maximum=1e6),
        "at": Column(TIMESTAMP, "When"),
    },
    key=("key",),
    time="at",
    text="text",
    rules={"large_has_a_price": (pl.col("kind") != "large") | pl.col("price").is_not_null()},
    flags={"count_known": pl.col("count").is_not_null()},
    repairs=(
        {"name": "no_dashes", "kind": "format", "column": "count", "pattern": "^-+$", "replace": ""},
        {"name": "kind_spelt", "kind": "snap", "column": "kind", "dictionary": ["small", "large"]},
        {"name": "text_decides_price", "kind": "fd", "column": "price", "determinant": ["text"]},
    ),
)
POLICIES = [
    CleaningPolicy(),
    CleaningPolicy.model_validate({"duplicates": {"text": "text", "mode": "fuzzy", "action": "merge"}}),
    CleaningPolicy.model_validate({"duplicates": {"text": "text", "mode": "strict", "by": ["kind"]}}),
]
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_CELLS = {
    "key": st.one_of(st.none(), st.sampled_from(["a", "b", "c", " a "]), _TEXT),
    "kind": st.one_of(st.none(), st.sampled_from(["small", "Large", "smal", "huge"]), _TEXT),
    "text": st.one_of(
        st.none(),
        st.sampled_from(["win a trip to rome this weekend", "Win a trip to Rome this weekend!!", "win two trips to rome", "ok", "🎉🎉"]),
        _TEXT,
    ),
    "count": st.one_of(st.none(), st.integers(-5, 10**6).map(str), st.sampled_from(["1,200", "--", "2.3k", "x"]), _TEXT),
    "price": st.one_of(st.none(), st.sampled_from(["€ 12,50", "12.50", "1e9", "-3"]), _TEXT),
    "at": st.one_of(st.none(), st.sampled_from(["2026-01-02", "2026-01-02T03:04:05Z", "31-12-2025", "never"]), _TEXT),
}
TABLES = st.lists(st.fixed_dictionaries(_CELLS), max_size=12).map(lambda rows: pl.DataFrame(rows, schema=dict.fromkeys(_CELLS, pl.String)))
LINEAGE = ("_source", "_batch", "_row")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLES, policy=st.sampled_from(POLICIES))
def test_every_row_ends_in_one_place_and_nothing_is_invented(table, policy):
    result = clean(as_raw(table, TRIED, source="t", dates="day-first").rows, TRIED, policy)
    places = [*result.kept["_row"], *result.quarantined["_row"], *result.duplicates["_row"]]
    assert sorted(places) == list(range(table.height))
    assert {_bare(k) for k in result.kept["key"]} <= {_bare(k) for k in table["key"].drop_nulls()}
    for row in result.quarantined.iter_rows(named=True):
        assert json.loads(row["record"])["key"] == table["key"][row["_row"]]
        assert row["rules"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLES, policy=st.sampled_from(POLICIES))
@pytest.mark.long
def test_every_value_that_is_kept_was_given_or_stands_in_the_log(table, policy):
    result = clean(as_raw(table, TRIED, source="t", dates="day-first").rows, TRIED, policy)
    behind = {row: [row] for row in result.kept["_row"]}  # the rows that a kept row may have its values from
    for row, survivor in result.duplicates.select("_row", "survivor_row").iter_rows():
        behind[survivor].append(row)
    mended = {(row, column): after for row, column, after in result.repairs.select("_row", "column", "after").iter_rows()}
    for row in result.kept.iter_rows(named=True):
        for column in _CELLS:
            if row[column] is None:
                continue
            sources = behind[row["_row"]]
            given_there = [table[column][n] for n in sources if table[column][n] is not None]
            logged = [mended[n, column] for n in sources if (n, column) in mended]
            assert given_there or logged, (column, row)
            if column in ("key", "text"):
                assert _bare(row[column]) in {_bare(cell) for cell in (*given_there, *logged)}, (column, row)


def _bare(text: str) -> str:
    """What of a text can be seen."""
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFC", html.unescape(text)) if not c.isspace() and unicodedata.category(c)[0] != "C")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLES, policy=st.sampled_from(POLICIES))
def test_cleaning_what_is_clean_changes_nothing(table, policy):
    once = clean(as_raw(table, TRIED, source="t", dates="day-first").rows, TRIED, policy).kept
    twice = clean(once.drop(*LINEAGE, "flags", "quality_score"), TRIED, policy)
    assert twice.quarantined.is_empty()
    assert twice.kept.drop(*LINEAGE).equals(once.drop(*LINEAGE))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLES, policy=st.sampled_from(POLICIES), dice=st.randoms(use_true_random=False))
@pytest.mark.long
def test_the_order_of_the_rows_does_not_matter(table, policy, dice):
    raw = as_raw(table, TRIED, source="t", dates="day-first").rows
    order = list(range(raw.height))
    dice.shuffle(order)
    one, other = clean(raw, TRIED, policy), clean(raw[order] if order else raw, TRIED, policy)
    assert one.kept.equals(other.kept)
    assert one.score == other.score
    for part in ("duplicates", "clusters", "repairs"):
        a, b = (getattr(result, part).select(pl.struct(pl.all()).hash(1).alias("h")).to_series().sort() for result in (one, other))
        assert a.equals(b), part


@pytest.mark.parametrize("rows", [0, 1, 10_000])
def test_no_row_one_row_and_ten_thousand_equal_ones(rows):
    table = pl.DataFrame(
        {"post_id": ["p"] * rows, "account_id": "a", "platform": "X", "status": "draft", "text": "the same post about the same thing"}
    )
    result = clean(table.cast({"post_id": pl.String}), CONTENT_POSTS, load_policy(CONTENT_POSTS))
    assert result.kept.height == min(1, rows)
    assert result.duplicates.height == max(0, rows - 1)


def test_ten_thousand_equal_texts_are_one_cluster():
    table = pl.DataFrame({"post_id": [f"p{i}" for i in range(10_000)]}).with_columns(
        account_id=pl.lit("a"), platform=pl.lit("X"), status=pl.lit("draft"), text=pl.lit("the same post about the same thing")
    )
    result = clean(table, CONTENT_POSTS, load_policy(CONTENT_POSTS))
    assert result.kept.height == 10_000
    assert result.clusters["cluster_id"].n_unique() == 1
    assert result.clusters.height == 10_000


def test_columns_without_a_value_and_columns_of_other_types():
    table = pl.DataFrame({"order_id": [1, 2], "created_at": [dt.date(2026, 1, 1), dt.date(2026, 1, 2)], "amount": [None, None], "items": [1.0, 2.0]})
    result = clean(table, ORDERS)
    assert result.kept["order_id"].to_list() == ["1", "2"]
    assert result.kept["amount"].null_count() == 2
    assert result.kept["items"].to_list() == [1, 2]


def test_a_megabyte_in_a_cell_right_to_left_text_and_five_hundred_columns():
    long = "word " * 200_000
    table = pl.DataFrame({"post_id": ["1", "2", "3"], "text": [long, "مرحبا بالعالم من جديد", "שלום עולם יפה"]}).with_columns(
        account_id=pl.lit("a"), platform=pl.lit("X"), status=pl.lit("draft"), **{f"extra_{i}": pl.lit(i) for i in range(500)}
    )
    taken = as_raw(table, CONTENT_POSTS, source="wide")
    assert len(taken.unused) == 500
    result = clean(taken.rows, CONTENT_POSTS, load_policy(CONTENT_POSTS))
    assert result.kept["text"].to_list()[1:] == ["مرحبا بالعالم من جديد", "שלום עולם יפה"]
    assert result.kept["text"][0].startswith("word word")


def test_lone_surrogates_in_a_file_become_replacement_characters(tmp_path):
    file = tmp_path / "posts.jsonl"
    file.write_text('{"post_id": "1", "account_id": "a", "platform": "X", "status": "draft", "text": "half \\ud83d of a pair"}\n')
    report = clean_file(file, "content_posts", tmp_path / "out", now=NOW)
    assert report["rows"]["kept"] == 1
    assert pl.read_parquet(tmp_path / "out" / "kept.parquet")["text"].to_list() == ["half \ufffd of a pair"]


def test_a_file_is_cleaned_into_five_tables_and_a_report(tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text(
        "Post ID,Account,Platform,Caption,Publish time,Status,Foo\n"
        "1,a1,instagram,Win a city trip to Rome this weekend,31/12/2025 10:00,published,x\n"
        "2,a1,Insta,win a city trip to rome this weekend!!,01/02/2026 11:30,Published,\n"
        "3,a2,Twitter,ok,05/02/2026 11:30,published,\n"
        "3,a2,Twitter,,05/02/2026 11:30,published,\n"
        ",a2,Twitter,hello there,05/02/2026 11:30,published,\n"
    )
    report = clean_file(file, "content_posts", tmp_path / "out", now=NOW)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["rows"] == {"in": 5, "kept": 3, "merged": 1, "quarantined": 1}
    assert report["unused_columns"] == ["Foo"]
    assert report["columns"] == [{"column": "published_at", "header": "Publish time", "reading": "%d/%m/%Y %H:%M", "read": 5, "cells": 5}]
    assert report["rejected_by_rule"] == {"missing": 1}
    assert report["clusters"] == {"clusters": 1, "rows": 2}
    tables = {name: pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "quarantined", "duplicates", "repairs", "clusters")}
    assert tables["kept"]["published_at"].to_list()[1] == dt.datetime(2026, 2, 1, 11, 30, tzinfo=dt.UTC)
    assert set(tables["clusters"]["record"]) == {"1", "2"}


def test_dates_that_can_be_read_both_ways_are_refused_until_somebody_decides():
    table = pl.DataFrame({"order_id": ["1", "2"], "created_at": ["03/04/2026", "05/06/2026"]})
    with pytest.raises(ConfigError, match=r"day first .* or month first"):
        as_raw(table, ORDERS, source="t")
    assert clean(as_raw(table, ORDERS, source="t", dates="day-first").rows, ORDERS).kept["created_at"].dt.month().to_list() == [4, 6]
    assert clean(as_raw(table, ORDERS, source="t", dates="month-first").rows, ORDERS).kept["created_at"].dt.month().to_list() == [3, 5]
    told = pl.DataFrame({"order_id": ["1", "2"], "created_at": ["03/04/2026", "25/06/2026"]})
    assert clean(told, ORDERS).kept["created_at"].dt.month().to_list() == [4, 6]


def test_decimal_marks_are_decided_column_by_column():
    table = pl.DataFrame({"order_id": ["1", "2"], "created_at": "2026-01-02", "amount": ["1.234,50", "3,75"], "paid_amount": ["1,234.50", "3.75"]})
    kept = clean(table, ORDERS).kept
    assert [str(v) for v in kept["amount"]] == [str(v) for v in kept["paid_amount"]] == ["1234.50", "3.75"]
    whole = pl.DataFrame({"order_id": ["1", "2"], "created_at": "2026-01-02", "items": ["1.200", "3"]})
    assert clean(whole, ORDERS).kept["items"].to_list() == [1200, 3]


def test_a_table_without_the_key_is_refused_with_the_nearest_header():
    with pytest.raises(ConfigError, match="order_id may be 'orderid_nr'"):
        as_raw(pl.DataFrame({"orderid_nr": ["1"], "created_at": ["2026-01-01"]}), ORDERS, source="t")


def test_repairs_of_a_contract_are_made_and_can_be_undone():
    table = pl.DataFrame(
        {"key": [str(i) for i in range(5)], "text": "same words here now", "price": ["5", "5", "5", None, "7"], "kind": ["smal"] + ["small"] * 4}
    )
    result = clean(table, TRIED)
    assert [float(v) for v in result.kept["price"]] == [5.0] * 5
    assert result.repairs.filter(pl.col("rule").is_in(["kind_spelt", "text_decides_price"])).select("_row", "before", "after").rows() == [
        (0, "smal", "small"), (3, None, "5.00"), (4, "7.00", "5.00")
    ]  # fmt: skip
    undone = clean(table, TRIED, CleaningPolicy(without=("text_decides_price",)))
    assert undone.kept["price"].null_count() == 1
    assert fingerprint(TRIED, CleaningPolicy()) != fingerprint(TRIED, CleaningPolicy(without=("text_decides_price",)))


def test_people_join_and_part_clusters_for_good():
    texts = ["win a city trip to rome this weekend", "win a city trip to rome this weekend!", "something else entirely about bicycles"]
    table = pl.DataFrame({"key": ["a", "b", "c"], "text": texts})

    def clusters(**pins) -> list[set[str]]:
        found = clean(table, TRIED, CleaningPolicy.model_validate({"duplicates": {"text": "text", **pins}})).clusters
        return sorted((set(part["record"]) for part in found.partition_by("cluster_id")), key=sorted)

    assert clusters() == [{"a", "b"}]
    assert clusters(never_merge=[["a", "b"]]) == []
    assert clusters(merge=[["b", "c"]]) == [{"a", "b", "c"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("iqr_factor: -1", "iqr_factor"),
        ("- a", "expected entries"),
        ("duplicates: {text: nowhere}", "nowhere"),
        ("repairs: [{kind: fd, column: text}]", "determinant"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path, text, told):
    (tmp_path / "content_posts.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_policy(CONTENT_POSTS, tmp_path)


def test_a_users_policy_takes_the_place_of_single_entries(tmp_path):
    (tmp_path / "content_posts.yaml").write_text("mad_limit: 7\n")
    policy = load_policy(CONTENT_POSTS, tmp_path)
    assert policy.mad_limit == 7
    assert policy.duplicates is not None


def test_what_a_person_joined_stays_within_a_tenant():
    policy = CleaningPolicy.model_validate({"duplicates": {"text": "text", "merge": [["p1", "p2"]]}})
    table = pl.DataFrame(
        {
            "tenant": ["one", "one", "two"],
            "post_id": ["p1", "p2", "p1"],
            "account_id": "a",
            "platform": "X",
            "status": "draft",
            "text": ["a tale of one", "quite another story", "a third one told"],
        }
    )
    found = clean(table, CONTENT_POSTS, policy).clusters
    assert found["tenant"].to_list() == ["one", "one"]
    assert found["decided_by"].to_list() == ["a person"] * 2
