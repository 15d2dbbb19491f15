"""Contracts as suites of Great Expectations: what is promised, what is found broken, and that no value of a row is shown anywhere."""

import dataclasses
import datetime as dt
import re
import socket
import subprocess
import sys
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seeding_platform.catalog import TABLES, Column, TableContract
from seeding_platform.catalog.contract import LABELS, MONEY, TIMESTAMP
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.quality.assess import assess
from seeding_platform.quality.expectations import docs, suite_of, validate, validate_all
from seeding_platform.quality.expectations.rows import pandas_rows
from seeding_platform.quality.expectations.suite import checks_of
from seeding_platform_tests.chain import cleaned_samples

NOW = dt.datetime(2026, 11, 20, 9, 35, tzinfo=dt.UTC)
T0 = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
THINGS = TableContract(
    name="things",
    description="One thing, with a column of every type.",
    columns={
        "thing_id": Column(pl.String, "Id", nullable=False),
        "kind": Column(pl.String, "Kind", values=("a", "b")),
        "label": Column(pl.String, "Label", required=True),
        "likes": Column(pl.Int64, "Likes", minimum=0),
        "views": Column(pl.Int64, "Views"),
        "mood": Column(pl.Float64, "Mood", minimum=-1, maximum=1),
        "cost": Column(MONEY, "Cost", minimum=0),
        "seen": Column(pl.Boolean, "Seen"),
        "day": Column(pl.Date, "Day"),
        "at": Column(TIMESTAMP, "When"),
        "tags": Column(LABELS, "Tags"),
        "owner_email": Column(pl.String, "Owner", personal="EMAIL"),
    },
    key=("thing_id",),
    time="at",
    rules={"likes_not_above_views": pl.col("likes") <= pl.col("views"), "owner_is_known": pl.col("owner_email").str.contains("@")},
)
SMALL = TableContract(
    name="small",
    description="One row.",
    columns={
        "k": Column(pl.String, "Kind", nullable=False, values=("a", "b")),
        "n": Column(pl.Int64, "Number", minimum=0, maximum=9, required=True),
        "x": Column(pl.Float64, "Share", minimum=0, maximum=1),
    },
    key=("k",),
)
SCHEMA = THINGS.schema("clean")


def things(rows: int = 5, **changed: pl.Expr) -> pl.DataFrame:
    """Rows that keep the contract, but for what is changed; the second row is null wherever it may be."""
    full = {
        "tenant": "acme", "kind": "b", "label": "l", "likes": 3, "views": 10, "mood": 0.5, "cost": Decimal("1.25"), "seen": True,
        "day": T0.date(), "at": T0, "tags": ["x", "y"], "owner_email": "o@example.org", "_source": "s", "_batch": "b", "_row": 0,
        "synthetic": False, "flags": [], "quality_score": 100.0,
    }  # fmt: skip
    kept = {"tenant", "_source", "_batch", "_row", "synthetic", "flags", "quality_score"}
    made = [{**full, "thing_id": f"t{i}", **({n: None for n in full if n not in kept} if i == 1 else {})} for i in range(rows)]
    return pl.DataFrame(made, schema=SCHEMA).with_columns(**changed)


def at_row(name: str, value: object, row: int = 0) -> dict[str, pl.Expr]:
    """One changed cell."""
    return {name: pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value, SCHEMA[name])).otherwise(pl.col(name))}


def wrong(*parts: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Changes of several columns."""
    return {name: changed for part in parts for name, changed in part.items()}


# each frame breaks exactly the parts of the contract beside it
BROKEN = {
    "cells": (
        things(
            **wrong(
                at_row("thing_id", None), at_row("label", None), at_row("kind", "c"), at_row("likes", -1), at_row("mood", 1.5),
                at_row("cost", Decimal("-0.01")), at_row("quality_score", 100.5), at_row("at", NOW + dt.timedelta(days=400)),
            )
        ).with_columns(password=pl.lit("x")),
        [
            "columns", "columns.thing_id.nullable", "columns.kind.values", "columns.label.required", "columns.likes.minimum",
            "columns.mood.minimum+maximum", "columns.cost.minimum", "columns.quality_score.minimum+maximum", "time",
        ],
    ),
    "types": (
        things(
            views=pl.col("views").cast(pl.Int32), seen=pl.col("seen").cast(pl.Int64), day=pl.col("day").cast(pl.Datetime("us")),
            tags=pl.lit([1], pl.List(pl.Int64)), cost=pl.col("cost").cast(pl.Decimal(18, 4)), kind=pl.col("kind").cast(pl.Categorical),
        ),
        ["columns.kind.dtype", "columns.views.dtype", "columns.cost.dtype", "columns.seen.dtype", "columns.day.dtype", "columns.tags.dtype"],
    ),
    "rows": (
        things(**wrong(at_row("thing_id", "t2"), at_row("likes", 11), at_row("mood", -1.001, 2))),
        ["columns.mood.minimum+maximum", "key", "rules.likes_not_above_views"],
    ),
}  # fmt: skip
UNREADABLE = things(6, mood=pl.lit("good"), day=pl.lit("today"), at=pl.col("at").dt.replace_time_zone(None), cost=pl.lit("much"))
UNREADABLE = UNREADABLE.drop("likes", "thing_id")
NULLED = {name: pl.lit(None, SCHEMA[name]) for name, column in THINGS.described("clean").items() if column.nullable and not column.required}
EXTREMES = {
    "at": pl.lit(dt.datetime(1, 1, 1, tzinfo=dt.UTC)), "day": pl.lit(dt.date(9999, 12, 31)), "likes": pl.lit(2**62), "views": pl.lit(2**62 + 1),
}  # fmt: skip
SOUND = {
    "good": pl.concat([things(6), things(6, tenant=pl.lit("other"), **EXTREMES)]),
    "empty": things(0),
    "nulls": things(6, **NULLED).with_columns(pl.lit(None).alias(name) for name in ("mood", "cost", "at", "tags")),  # of no type at all
}


class Wire:
    """Counts who wants to go out; nobody gets there."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def cut(self, *args: object, **_: object) -> None:
        self.calls.append(args)
        raise OSError("the wire is cut")


@pytest.fixture(scope="module", autouse=True)
def wire():
    found = Wire()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, found.cut)
        patch.setattr(socket, "getaddrinfo", found.cut)
        yield found
    assert found.calls == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Sound, broken and unreadable frames and a sample in one site, by case."""
    cases = {**SOUND, **{case: frame for case, (frame, _) in BROKEN.items()}, "unreadable": UNREADABLE}
    pairs = [(dataclasses.replace(THINGS, name=case), frame) for case, frame in cases.items()]
    sample = (TABLES["campaigns"], cleaned_samples(only=("campaigns",))["campaigns"].kept)
    found = validate_all([*pairs, sample], folder=tmp_path_factory.mktemp("site"), now=NOW)
    return {one.table: one for one in found}


def texts(folder):
    return {path: path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", SOUND)
def test_sound_rows_keep_every_expectation(site, case):
    found = site[case]
    assert found.broken == []
    assert found.success
    assert found.evaluated == found.successful == found.rows.height == len(checks_of(THINGS, now=NOW))
    assert found.rows["evaluated"].all()


@pytest.mark.parametrize(("case", "part"), [(case, part) for case, (_, parts) in BROKEN.items() for part in parts])
def test_a_breach_is_found_and_named(site, case, part):
    found = site[case]
    assert part in found.broken
    assert found.broken == BROKEN[case][1]
    assert not found.success
    assert found.successful == found.evaluated - len(found.broken)
    assert found.rows["evaluated"].all()


def test_counts_say_how_much_is_broken(site):
    told = {row["contract"]: row for row in site["rows"].rows.drop("says").iter_rows(named=True)}
    assert tuple(told["rules.likes_not_above_views"].values()) == (
        "expect_column_values_to_be_in_set", "likes, views", "rules.likes_not_above_views", False, True, 1, 5, 25.0,
    )  # fmt: skip
    assert tuple(told["key"].values())[1:] == ("tenant, thing_id", "key", False, True, 2, 5, 40.0)


def test_missing_and_unreadable_columns_are_told_without_an_exception(site):
    found = site["unreadable"]
    missing = ["columns.thing_id.dtype", "columns.thing_id.nullable", "columns.likes.dtype", "columns.likes.minimum", "key"]
    unreadable = ["columns.mood.minimum+maximum", "columns.cost.minimum", "time"]
    types = ["columns.mood.dtype", "columns.cost.dtype", "columns.day.dtype", "columns.at.dtype"]
    assert set(found.broken) == {"columns", *missing, *unreadable, *types, "rules.likes_not_above_views"}
    assert set(found.rows.filter(~pl.col("evaluated"))["contract"]) == {*missing, *unreadable}
    assert found.rows.filter(pl.col("contract").str.starts_with("rules"))["unexpected_percent"].to_list() == [100.0, 0.0]
    page = found.page.read_text(encoding="utf-8")
    assert "Not evaluated: a column is missing" in page
    assert "Traceback" not in page


@pytest.mark.long
def test_no_value_of_a_row_is_in_any_file_result_log_or_output(tmp_path, caplog, capfd):
    word, number, money, day = "kanarie7391", 918273645546372, Decimal("-8172635445.19"), dt.date(2087, 3, 21)
    frame = things(
        **{n: pl.lit(word) for n in ("tenant", "thing_id", "kind", "label", "owner_email", "_source", "_batch")},
        **{n: pl.lit([word, word]) for n in ("tags", "flags")},
        likes=pl.lit(number), views=pl.lit(5), mood=pl.lit(number / 10), cost=pl.lit(money), day=pl.lit(day),
        at=pl.lit(dt.datetime(2087, 3, 21, tzinfo=dt.UTC)),
    )  # fmt: skip
    other = frame.with_columns(likes=pl.lit(word), mood=pl.lit(word), at=pl.lit(word), seen=pl.lit(word), extra=pl.lit(word)).drop("views")
    with caplog.at_level("DEBUG"):
        found = validate_all([(THINGS, frame), (dataclasses.replace(THINGS, name="others"), other)], folder=tmp_path, now=NOW)
    assert {"key", "time", "columns.kind.values", "rules.likes_not_above_views"} <= set(found[0].broken)
    said = capfd.readouterr()
    everything = [*texts(tmp_path).values(), *(o.rows.write_csv() for o in found), repr(found), caplog.text, said.out, said.err]
    assert len(everything) >= 10
    for canary in (word, str(number), "918273645546", "91827364554637.2", "8172635445", "2087", "pandas_data_fingerprint"):
        assert not [text[:80] for text in everything if canary in text], canary


def test_the_site_has_a_first_page_that_leads_to_every_table_and_back(site):
    index = next(iter(site.values())).index
    assert index.name == "index.html"
    html = index.read_text(encoding="utf-8")
    for found in site.values():
        assert found.index == index
        assert f'href="{found.page.relative_to(index.parent).as_posix()}"' in html
        assert f'href="expectations/{found.table}.html"' in html
        back = re.search(r'href="([./]+index\.html)"', found.page.read_text(encoding="utf-8"))
        assert back is not None
        assert (found.page.parent / back[1]).resolve() == index.resolve()
    assert html.count(">kept<") == len(SOUND) + 1
    assert html.count(">broken<") == len(BROKEN) + 1


def test_a_page_says_what_is_promised_and_where(site):
    html = site["cells"].page.read_text(encoding="utf-8")
    assert "likes: minimum 0 (contract: columns.likes.minimum)" in html
    assert "1 unexpected values found. 25% of 5 total rows." in html
    assert "label is filled in at least 80 % of the rows (contract: columns.label.required)" in html
    assert "Rule holds: likes not above views (contract: rules.likes_not_above_views)" in html


def test_pages_load_nothing_and_run_nothing(site):
    for path, html in texts(next(iter(site.values())).index.parent).items():
        assert path.suffix == ".html"
        assert not re.search(r"<(script|link|img|iframe|object|embed|form|base)\b|\son\w+=|url\(|@import|src=", html), path
        assert html.count(docs.POLICY) == 1


def test_a_second_run_replaces_the_first(tmp_path):
    folder = tmp_path / "a $folder {x}"
    rows = things(2).select([*SMALL.schema("clean").keys() & SCHEMA.keys()]).with_columns(k=pl.lit("c"), n=pl.lit(-1), x=pl.lit(0.5))
    first = validate(rows, SMALL, folder=folder, now=NOW)
    html = first.index.read_text(encoding="utf-8")
    again = validate(rows, SMALL, folder=folder, now=NOW)
    assert first.rows.equals(again.rows)
    assert (again.index, again.page) == (first.index, first.page)
    assert again.index.read_text(encoding="utf-8") == html
    assert set(texts(folder)) == {first.index, first.page, first.index.parent / "expectations" / "small.html"}
    assert validate_all([], folder=folder) == []
    assert set(texts(folder)) == {first.index}
    assert "No table was checked." in first.index.read_text(encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["data_docs"]


def test_a_failure_leaves_the_old_site(tmp_path, monkeypatch):
    validate_all([], folder=tmp_path, now=NOW)
    before = texts(tmp_path)
    monkeypatch.setattr(docs, "sealed", lambda html: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        validate_all([], folder=tmp_path, now=NOW)
    assert texts(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["data_docs"]


def test_what_cannot_be_shown_or_named_is_an_error(tmp_path):
    with pytest.raises(PermanentError, match="no page about things"):
        docs.sealed_site(tmp_path, [docs.Shown("things", "", 1, 1)])
    with pytest.raises(ConfigError, match="No contract is named things"):
        validate_all({"things": things()}, folder=tmp_path)
    with pytest.raises(ConfigError, match="given twice"):
        validate_all([(THINGS, things()), (THINGS, things())], folder=tmp_path)


@pytest.mark.long
def test_the_quality_layer_has_no_personal_columns(tmp_path):
    rows = assess(things(6), THINGS).rows
    found = validate(rows.with_columns(owner_email=pl.lit("o@example.org")), THINGS, folder=tmp_path, layer="quality", now=NOW)
    assert "owner_email" not in rows.columns
    assert found.broken == ["columns"]
    assert "columns.confidence.minimum+maximum" in found.rows["contract"].to_list()
    assert "rules.owner_is_known" not in found.rows["contract"].to_list()


def test_a_suite_carries_the_contract():
    suite = suite_of(TABLES["content_analytics"])
    assert suite.name == "content_analytics"
    assert suite.meta["version"] == TABLES["content_analytics"].version
    by_part = {e.meta["contract"]: e for e in suite.expectations}
    assert [*by_part] == [check.part for check in checks_of(TABLES["content_analytics"])]
    assert by_part["columns.likes.minimum"].min_value == 0
    assert by_part["columns.likes.required"].mostly == 0.8
    assert by_part["columns.likes.required"].severity == "warning"
    assert by_part["key"].column_list == ["tenant", "post_id", "measured_at"]
    assert by_part["rules.reach_not_above_impressions"].column == "rule__reach_not_above_impressions"
    assert "time" not in by_part


@pytest.mark.parametrize("contract", TABLES.values(), ids=lambda c: c.name)
@pytest.mark.parametrize("layer", ["clean", "quality"])
def test_every_promise_of_every_contract_is_a_check(contract, layer):
    checks = {check.part: check for check in checks_of(contract, layer, now=NOW)}
    assert len(checks) == len(checks_of(contract, layer, now=NOW))
    columns = contract.described(layer)
    wanted = {
        "columns",
        *(f"columns.{n}.dtype" for n in columns if n in contract.columns),
        *(f"columns.{n}.nullable" for n, c in columns.items() if not c.nullable),
    }
    wanted |= {f"columns.{n}.values" for n, c in columns.items() if c.values} | {
        f"columns.{n}.required" for n, c in columns.items() if c.required and c.nullable
    }
    wanted |= {f"rules.{n}" for n in contract.rules}  # no rule of ours needs a personal column
    wanted |= ({"key"} if contract.identity == "natural" else set()) | ({"time"} if contract.time else set())
    bounded = {part.split(".")[1] for part in checks if part.endswith("imum")}
    assert bounded == {n for n, c in columns.items() if c.minimum is not None or c.maximum is not None}
    assert wanted == {part for part in checks if not part.endswith("imum")}
    assert list(pandas_rows(contract.empty(layer), contract, layer)) == checks["columns"].arguments["column_set"]


def test_samples_keep_their_contract(site):
    found = site["campaigns"]
    assert found.broken == []
    assert len(set(found.rows["element_count"].drop_nulls())) == 1


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "", "A", None]),
        st.none() | st.integers(-2, 11) | st.sampled_from([2**53 + 1, -(2**62)]),
        st.none() | st.floats(-0.5, 1.5) | st.sampled_from([float("nan"), float("inf"), -0.0, 1.0]),
    ),
    max_size=25,
)


def by_hand(frame: pl.DataFrame) -> dict[str, int]:
    """Rows that break each part of SMALL; NaN counts as missing."""
    bad = {
        "columns.k.nullable": pl.col("k").is_null(),
        "columns.k.values": ~pl.col("k").is_in(["a", "b"]),
        "columns.n.required": pl.col("n").is_null(),
        "columns.n.minimum+maximum": ~pl.col("n").is_between(0, 9),
        "columns.x.minimum+maximum": ~pl.col("x").fill_nan(None).is_between(0, 1),
        "key": pl.struct("tenant", "k").is_duplicated(),
    }
    return frame.select(**{part: rows.fill_null(value=False).sum() for part, rows in bad.items()}).row(0, named=True)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(tables=st.lists(ROWS, min_size=2, max_size=2))
@pytest.mark.long
def test_verdicts_equal_a_direct_computation(tmp_path, tables):
    lineage = [name for name in SMALL.schema("clean") if name in SCHEMA]
    cells = [pl.DataFrame(rows, schema={"k": pl.String, "n": pl.Int64, "x": pl.Float64}, orient="row") for rows in tables]
    frames = [pl.concat([things(one.height).select(lineage), one], how="horizontal") for one in cells]
    pairs = [(dataclasses.replace(SMALL, name=f"small{i}"), frame) for i, frame in enumerate(frames)]
    for frame, found in zip(frames, validate_all(pairs, folder=tmp_path), strict=True):
        counts = by_hand(frame)
        told = dict(found.rows.select("contract", "unexpected_count").rows())
        assert {part: told[part] for part in counts} == counts
        tolerated = {"columns.n.required": 0.2 * frame.height}
        assert set(found.broken) == {part for part, count in counts.items() if count > tolerated.get(part, 0)}


def test_the_library_is_only_loaded_when_it_is_needed():
    code = "import sys, seeding_platform.quality.expectations as e; print({'great_expectations', 'pandas', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
