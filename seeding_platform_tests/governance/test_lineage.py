"""Where columns and rows come from, and the same as OpenLineage events that keep the specification's form."""

import copy
import datetime as dt

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.contract import QUALITY_COLUMNS
from seeding_platform.catalog.engine import load_engines
from seeding_platform.connectors.sources import load_sources, shipped_files
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.lineage import Origin, behind, bundle_columns, clean_columns, fields_by_name, quality_columns, raw_columns
from seeding_platform.governance.openlineage import Counts, Dataset, Made, broken, run_event
from seeding_platform.governance.protection import load_pii_policy
from seeding_platform.governance.protection.policy import PiiPolicy, kept_personal
from seeding_platform.governance.rows import row_origins
from seeding_platform.storage.state import Landing, LandingStatus
from seeding_platform_tests.governance.orders import NOW, TENANT, carried, raw
from seeding_platform_tests.places import place_in

SOURCES = load_sources(shipped_files()).valid
POSTS = LANDED["content_posts"]


def test_raw_columns_are_the_fields_that_sources_map():
    specs = [s for s in SOURCES if any(m.contract == "orders" for m in s.tables)]
    found = raw_columns(LANDED["orders"], SOURCES)
    for spec in specs:
        for mapping in (m for m in spec.tables if m.contract == "orders"):
            for column, field in mapping.columns.items():
                assert Origin(f"raw/{spec.label}", field) in found[column]
    assert {o.table for origins in found.values() for o in origins} == {f"raw/{s.label}" for s in specs}


def test_keys_that_are_made_of_content_say_of_what():
    for spec in SOURCES:
        for mapping in spec.tables:
            contract = LANDED[mapping.contract]
            key = raw_columns(contract, [spec]).get(mapping.hashed_key, ())
            if mapping.key_from:
                assert {o.column for o in key} == set(mapping.key_from)
            elif contract.identity == "source_row" and mapping.hashed_key not in mapping.columns:
                assert {o.column for o in key} == {"_source", "_batch", "_row"}


@pytest.mark.parametrize("contract", LANDED.values(), ids=lambda c: c.name)
def test_every_column_has_an_origin_that_is_there(contract):
    clean = clean_columns(contract)
    assert set(contract.columns) <= set(clean)
    assert all(clean[name] for name in contract.columns), "a derived column is made of something"
    assert {o.column for origins in clean.values() for o in origins} <= set(contract.schema("raw")), "derived ones stand for what they are derived of"
    policy = load_pii_policy(contract)
    quality = quality_columns(contract, policy)
    assert set(quality) == set(contract.schema("quality")) - set(QUALITY_COLUMNS) | set(kept_personal(contract, policy))
    assert {o.column for origins in quality.values() for o in origins} <= set(contract.schema("clean"))


def test_derived_columns_and_rules_are_read_off_their_expressions():
    analytics = clean_columns(LANDED["content_analytics"])
    assert {o.column for o in analytics["engagement_rate"]} >= {"impressions", "likes", "comments", "shares"}
    orders = clean_columns(LANDED["orders"])
    assert {o.column for o in orders["flags"]} == {"created_at", "shipped_at", "delivered_at"}
    assert clean_columns(POSTS)["hashtags"] == (
        Origin("raw/content_posts", "hashtags", "transformed"),
        Origin("raw/content_posts", "text", "transformed"),
    )


def test_what_the_policy_does_is_told():
    policy = PiiPolicy(columns={"author_email": "encrypt", "url": "mask"}, subject="account_id")
    found = quality_columns(POSTS, policy)
    assert found["author_email"] == (
        Origin("clean/content_posts", "author_email", "encrypt", masking=True),
        Origin("clean/content_posts", "account_id", "key of the person"),
    )
    assert found["url"][0].masking
    assert found["text"][0].how == "searched"
    assert found["media_count"] == (Origin("clean/content_posts", "media_count"),)
    assert "author_email" not in quality_columns(POSTS, load_pii_policy(POSTS)), "what is dropped is not there"


def test_fields_of_engines_have_lineage_where_their_name_tells_and_nowhere_else():
    found = bundle_columns(load_engines()["churn_prediction"])
    assert found["plan"] == (Origin("quality/customers", "plan"),)
    assert "churned_30d" not in found
    assert fields_by_name(["customer_ref", "plan"], ["customers", "orders"]).keys() == {"plan"}, "two tables have a customer_ref"
    assert fields_by_name(["note"], ["orders"]) == {}, "what is personal does not get there"
    for engine in load_engines().values():
        tables = {f"quality/{name}" for name in engine.reads}
        assert {o.table for origins in bundle_columns(engine).values() for o in origins} <= tables


def test_a_column_is_followed_back_to_the_source_and_circles_end():
    columns = {
        "quality/orders": quality_columns(LANDED["orders"], load_pii_policy(LANDED["orders"])),
        "clean/orders": clean_columns(LANDED["orders"]),
        "raw/orders": raw_columns(LANDED["orders"], SOURCES),
    }
    found = behind(columns, "quality/orders", "amount")
    assert [o.table for o in found[:2]] == ["clean/orders", "raw/orders"]
    assert found[-1].table.startswith("raw/demo_")
    circle = {"a": {"x": (Origin("b", "x"),)}, "b": {"x": (Origin("a", "x"),)}}
    assert len(behind(circle, "a", "x")) == 2
    assert behind(columns, "quality/orders", "nothing") == []


@pytest.fixture
def platform(tmp_path):
    made = Platform(place_in(tmp_path / "place").settings)
    same = raw(["cust-0001", "cust-0002"], batch="again.csv@22").with_columns(order_id=pl.Series(["default-a.csv@11-0", "other"]))
    carried(made, pl.concat([raw(["cust-0001", "cust-0002"], batch="a.csv@11"), same]))
    made.state.record_landing(
        Landing(
            source="shop", partition_key="a.csv@11", tenant=TENANT, file_name="a.csv", sha256="1" * 64, status=LandingStatus.LANDED, landed_at=NOW
        )
    )
    yield made
    made.state.close()


def test_a_row_is_a_line_of_a_file_and_what_was_merged_into_it_is_told(platform):
    found = row_origins(platform.lake, platform.state, "quality/orders", "default-a.csv@11-0")
    assert {(o.file, o.row, o.position, o.merged) for o in found} in (
        {("a.csv", 0, "2", False), ("again.csv", 0, "2", True)},
        {("a.csv", 0, "2", True), ("again.csv", 0, "2", False)},
    )
    landed = next(o for o in found if o.file == "a.csv")
    assert (landed.sha256, landed.landed_at, landed.source) == ("1" * 64, NOW.isoformat(), "shop")
    assert next(o for o in found if o.file == "again.csv").sha256 == "22", "where no landing is kept, the batch still tells its first letters"
    assert len(row_origins(platform.lake, platform.state, "raw/orders", "order_id=default-a.csv@11-0")) == 2
    (one,) = row_origins(platform.lake, platform.state, "orders", "other")
    assert (one.file, one.row) == ("again.csv", 1)


@pytest.mark.parametrize(
    ("table", "key", "error"),
    [("quality/orders", "nothing", PermanentError), ("quality/orders", "a,b", ConfigError), ("quality/orders", "x=1", ConfigError),
     ("quality/nothing", "a", ConfigError), ("kpi/orders", "a", ConfigError)],
)  # fmt: skip
def test_a_row_that_there_is_not(platform, table, key, error):
    with pytest.raises(error):
        row_origins(platform.lake, platform.state, table, key)
    with pytest.raises(PermanentError):
        row_origins(platform.lake, platform.state, "orders", "other", tenant="nobody")


EVENT = run_event(
    Made("quality/orders", ["clean/orders"], "0" * 8 + "-0000-4000-8000-" + "0" * 12, dt.datetime(2026, 3, 1, tzinfo=dt.UTC), 7),
    {
        "quality/orders": Dataset("quality/orders", [("plan", "String", "x")], {"plan": [Origin("clean/orders", "plan", "mask", masking=True)]},
                                  ["team:ops"], "One order."),
        "clean/orders": Dataset("clean/orders", [("plan", "String", "")]),
    },
    {"clean/orders": Counts(9, {"plan": 2})},
    producer="urn:seeding-platform:1",
)  # fmt: skip


def test_an_event_has_what_the_specification_requires():
    assert broken(EVENT) == []
    (output,), (source,) = EVENT["outputs"], EVENT["inputs"]
    (field,) = output["facets"]["columnLineage"]["fields"]["plan"]["inputFields"]
    assert (field["name"], field["field"], field["transformations"][0]["subtype"], field["transformations"][0]["masking"]) == (
        "clean/orders", "plan", "TRANSFORMATION", True,
    )  # fmt: skip
    assert output["facets"]["ownership"]["owners"] == [{"name": "team:ops", "type": "MAINTAINER"}]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 7
    assert source["inputFacets"]["dataQualityMetrics"]["columnMetrics"] == {"plan": {"nullCount": 2}}
    assert source["inputFacets"]["dataQualityMetrics"]["rowCount"] == 9
    assert output["facets"]["schema"]["fields"] == [{"name": "plan", "type": "String", "description": "x"}]
    assert all(f["_schemaURL"].startswith("https://openlineage.io/spec/facets/") for f in output["facets"].values())


def _without(path):
    event = copy.deepcopy(EVENT)
    at = event
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return event


@pytest.mark.parametrize(
    "path",
    [("eventType",), ("eventTime",), ("run",), ("run", "runId"), ("job",), ("job", "name"), ("producer",), ("schemaURL",),
     ("outputs", 0, "namespace"), ("inputs", 0, "name"), ("outputs", 0, "facets", "schema", "_producer"),
     ("outputs", 0, "facets", "schema", "fields", 0, "name"),
     ("outputs", 0, "facets", "columnLineage", "fields"), ("outputs", 0, "facets", "columnLineage", "fields", "plan", "inputFields", 0, "field"),
     ("outputs", 0, "facets", "columnLineage", "fields", "plan", "inputFields", 0, "transformations", 0, "type"),
     ("outputs", 0, "facets", "ownership", "owners", 0, "name"), ("outputs", 0, "outputFacets", "outputStatistics", "rowCount"),
     ("inputs", 0, "inputFacets", "dataQualityMetrics", "columnMetrics"), ("inputs", 0, "inputFacets", "dataQualityMetrics", "_schemaURL")],
    ids=lambda p: ".".join(map(str, p)),
)  # fmt: skip
def test_an_event_that_lacks_something_is_found_out(path):
    assert broken(_without(path)) != []
