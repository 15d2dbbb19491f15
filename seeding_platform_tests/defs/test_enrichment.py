"""Enriched tables in the graph: everything that came in has a row, a repeat makes no version, and the sensor asks for a run when something is due."""

import datetime as dt
import json
import random
from decimal import Decimal

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import TABLES
from seeding_platform.catalog.tables.enriched import ENRICHED, enriched_schema
from seeding_platform.defs.enrich.assets import enrichment_assets
from seeding_platform.defs.enrich.checks import CHECKS
from seeding_platform.defs.enrich.sensors import enrichment_due
from seeding_platform.defs.platform import Platform
from seeding_platform.enrichment import tables
from seeding_platform.enrichment.house import House
from seeding_platform.enrichment.payload import from_lines
from seeding_platform.enrichment.settings import ACTIONS, RETRIES
from seeding_platform.storage.database import writing
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import ErrorClass, Failed, Stage
from seeding_platform_tests.places import place_in

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
PLACED = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
TEXTS = {
    "EX-1": "Parcel arrived two weeks after the promised day, customer is angry.",
    "EX-2": "Customs asks for an invoice before it lets the parcel through.",
    "EX-3": "zzz",
}


def quality(name: str, rows: list[dict]) -> pl.DataFrame:
    schema = TABLES[name].schema("quality")
    return pl.DataFrame([{c: row.get(c) for c in schema} for row in rows], schema=schema)


@pytest.fixture
def platform(tmp_path) -> Platform:
    made = Platform(place_in(tmp_path / "place").settings)
    days = dt.timedelta(days=1)
    order = {
        "tenant": "acme", "order_id": "O-1", "customer_ref": "K1", "status": "delivered", "created_at": PLACED, "currency": "EUR", "carrier": "Fiets",
        "amount": Decimal("20.00"), "paid_amount": Decimal("20.00"), "promised_at": PLACED + 2 * days, "delivered_at": PLACED + 16 * days,
        "ship_country": "NL", "items": 1, "shipped_at": PLACED + days,
    }  # fmt: skip
    made.lake.overwrite("quality/orders", quality("orders", [order]))
    shared = {"tenant": "acme", "order_id": "O-1", "raised_at": PLACED + dt.timedelta(days=17), "source": "shop"}
    made.lake.overwrite(
        "quality/exception_records", quality("exception_records", [{**shared, "exception_id": i, "description": t} for i, t in TEXTS.items()])
    )
    return made


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def enriched(platform: Platform, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize([enrichment_assets()], resources={"platform": platform}, instance=instance, raise_on_error=False)


def test_everything_that_came_in_has_a_row_and_a_repeat_changes_nothing(platform, instance):
    result = enriched(platform, instance)
    assert result.success
    failed = {c.check_name for c in result.get_asset_check_evaluations() if not c.passed}
    assert failed <= {"high_confidence"}, "nothing is learned here: labels wait for a person"
    assert len(result.get_asset_check_evaluations()) == sum(map(len, CHECKS.values()))
    written = {name: platform.lake.read(f"enriched/{name}").collect() for name in ENRICHED}
    for name, frame in written.items():
        assert dict(frame.schema) == enriched_schema(name), name
    rows = written["exception_records"]
    assert rows["exception_id"].to_list() == list(TEXTS)
    assert rows["ai_label"].null_count() == 0
    assert written["order_analysis"].filter(pl.col("record_id") == "O-1")["problems"].to_list() == [["delivered_late"]]
    before = {t: platform.lake.version(t) for t in platform.lake.tables()}
    assert enriched(platform, instance).success
    assert {t: platform.lake.version(t) for t in platform.lake.tables()} == before


def test_an_order_that_changes_is_done_anew_with_its_exceptions(platform, instance):
    enriched(platform, instance)
    orders = platform.lake.read("quality/orders").collect().with_columns(delivered_at=pl.lit(PLACED + dt.timedelta(days=1)))
    platform.lake.overwrite("quality/orders", orders)
    assert enriched(platform, instance).success
    analysed = platform.lake.read("enriched/order_analysis").collect().filter(pl.col("record_id") == "O-1")
    assert "delivered_late" not in analysed["problems"].to_list()[0]
    story = platform.enrichment("test", random.Random(1)).store.story("acme", "exception", "EX-1")
    assert len([a for a in story.attempts if a.stage == Stage.ORDER_ANALYSIS and a.outcome == "completed"]) == 2


@pytest.fixture
def taken(monkeypatch):
    """How many rows each run takes in, and which builds the tables from the whole state."""
    seen: list = []
    taken_in, frames = House.taken_in, tables.enriched_frames
    monkeypatch.setattr(House, "taken_in", lambda house, *rows: seen.append(sum(r.height for r in rows)) or taken_in(house, *rows))
    monkeypatch.setattr(tables, "enriched_frames", lambda state: seen.append("whole") or frames(state))
    return seen


def sent_in(platform, name, **facts):
    line = json.dumps({"record_type": "exception", "record_id": name, "description": TEXTS["EX-1"], **facts}).encode()
    platform.enrichment("test", random.Random(1)).store.intake(from_lines(line, tenant="acme").records, now=platform.now())


def same_as_whole(platform):
    for name, frame in tables.enriched_frames(platform.state).items():
        assert platform.lake.read(f"enriched/{name}").collect().equals(frame), name


@pytest.fixture
def again(platform, instance, taken):
    def run(**more) -> list:
        taken.clear()
        assert dg.materialize([enrichment_assets()], resources={"platform": platform}, instance=instance, **more).success
        return list(taken)

    return run


def test_a_run_takes_in_and_builds_only_what_has_changed(platform, again):
    assert again() == [4, "whole"]
    sent_in(platform, "new")
    sent_in(platform, "other")
    assert again() == []
    same_as_whole(platform)
    assert platform.lake.read("enriched/exception_records").collect()["exception_id"].to_list() == ["EX-1", "EX-2", "EX-3", "new", "other"]
    orders = platform.lake.read("quality/orders").collect().with_columns(items=pl.lit(2, dtype=pl.Int64))
    platform.lake.overwrite("quality/orders", orders)
    assert again() == [4]
    same_as_whole(platform)


@pytest.mark.long
def test_a_sweep_and_another_day_take_everything_in(platform, again, monkeypatch):
    assert again() == [4, "whole"]
    store = platform.enrichment("test", random.Random(1)).store
    store.judge("acme", "exception", "EX-1", label="damaged", actor="key1", reason="sample", now=platform.now())
    assert again() == []
    same_as_whole(platform)
    assert again(tags={"dagster/schedule_name": "enrichment_sweep"}) == [4, "whole"]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    monkeypatch.setattr(Platform, "now", lambda _: later)
    assert again() == [4], "what is overdue changes with the day"
    assert again() == []


def test_what_cannot_be_brought_up_to_date_is_built_anew(platform, instance, taken):
    enriched(platform, instance)
    platform.lake.overwrite("enriched/resolutions", platform.lake.read("enriched/exception_records").collect())  # as a restored table would be
    taken.clear()
    enriched(platform, instance)
    assert taken == ["whole"]
    with writing(platform.state.engine) as connection:  # as an erasure would
        connection.execute(schema.records.delete().where(schema.records.c.record_id == "EX-2"))
    taken.clear()
    enriched(platform, instance)
    assert taken == [4, "whole"], "fewer records than were taken in: it is not the same state"
    same_as_whole(platform)


def test_rows_that_go_away_go_away(platform, instance, taken):
    enriched(platform, instance)
    house = platform.enrichment("test", random.Random(1))
    sent_in(platform, "dies")
    [claim] = house.store.claim(Stage.ORDER_ANALYSIS, owner="w", limit=9, lease=dt.timedelta(minutes=1), now=platform.now())
    house.store.fail([Failed(ref=claim.ref, fence=claim.fence, error=ErrorClass.CONTENT_PERMANENT, message="", due_at=None)], now=platform.now())
    enriched(platform, instance)
    assert platform.lake.read("enriched/dead_letters").collect()["record_id"].to_list() == ["dies"]
    house.store.redrive("acme", dry_run=False, now=platform.now())
    house.store.again("acme", ("exception", "EX-1"), stage=Stage.ORDER_ANALYSIS, now=platform.now())
    house.store.pause(Pause(tenant="acme", stage="", reason="test", actor="key1", at=platform.now()))
    taken.clear()
    enriched(platform, instance)
    assert taken == []
    assert platform.lake.read("enriched/dead_letters").collect().is_empty()
    assert "EX-1" not in platform.lake.read("enriched/order_analysis").collect()["record_id"].to_list()
    same_as_whole(platform)


def test_a_record_that_is_lost_is_found_out(platform, instance):
    enriched(platform, instance)
    with writing(platform.state.engine) as connection:  # as nothing of ours would
        connection.execute(schema.stages.delete().where(schema.stages.c.stage == "exception_classification", schema.stages.c.record_id == "EX-1"))
    result = enriched(platform, instance)
    assert "no_lost_records" in {c.check_name for c in result.get_asset_check_evaluations() if not c.passed}


def test_the_sensor_asks_while_something_is_due_and_no_run_is_under_way(platform, instance):
    def looked() -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=instance, resources={"platform": platform}) as context:
            return enrichment_due(context)

    assert isinstance(looked(), dg.SkipReason)
    house = platform.enrichment("test", random.Random(1))
    house.store.intake(from_lines(b'{"record_type": "order", "record_id": "9", "status": "new"}', tenant="acme").records, now=platform.now())
    [request] = looked().run_requests
    assert request.tags["seeding/because"] == "1 due"
    assert request.tags["dagster/max_retries"] == "0"
    house.worked()
    assert isinstance(looked(), dg.SkipReason)


def test_recommendations_are_judged_again_when_the_rules_of_actions_change(platform, instance):
    house = platform.enrichment("test", random.Random(1))
    enriched(platform, instance)
    house.store.judge("acme", "exception", "EX-1", label="damaged", actor="key1", reason="low_confidence", now=platform.now())
    enriched(platform, instance)
    [before] = platform.lake.read("enriched/resolutions").collect()["outcome"].to_list()
    assert before == "reship is not on the list of what may be done"
    with dg.build_sensor_context(instance=instance, resources={"platform": platform}) as context:
        assert isinstance(enrichment_due(context), dg.SkipReason)
    allowed = {"allowed": ["reship"], "most_eur_day": 1000}
    platform.adjusted.change(ACTIONS, allowed, scope="", actor="key1", reason="test", now=platform.now())
    with dg.build_sensor_context(instance=instance, resources={"platform": platform}) as context:
        assert enrichment_due(context).run_requests[0].tags["seeding/because"] == "rules of actions"
    enriched(platform, instance)
    [after] = platform.lake.read("enriched/resolutions").collect()["outcome"].to_list()
    assert after != before
    with dg.build_sensor_context(instance=instance, resources={"platform": platform}) as context:
        assert isinstance(enrichment_due(context), dg.SkipReason)


def test_an_unsure_label_is_put_up_for_review_when_people_have_set_it_to(platform, instance):
    platform.adjusted.change(RETRIES, {"review_after_hours": 2}, scope="", actor="key1", reason="test", now=platform.now())
    enriched(platform, instance)
    store = platform.enrichment("test", random.Random(1)).store
    stages = {s.stage: s for s in store.story("acme", "exception", "EX-3").record.stages}
    assert stages[Stage.RESOLUTION].message == "low_confidence"
    assert abs(stages[Stage.RESOLUTION].review_at - stages[Stage.RESOLUTION].finished_at - dt.timedelta(hours=2)) < dt.timedelta(minutes=1)


def test_settings_of_people_reach_the_work(platform):
    from seeding_platform.enrichment.settings import actions_of, retries_of

    platform.adjusted.change(RETRIES, {"max_retries": 2}, scope="", actor="key1", reason="test", now=platform.now())
    platform.adjusted.change(
        ACTIONS, {"allowed": ["notify_customer"], "most_eur_refund": 5}, scope="", actor="key1", reason="test", now=platform.now()
    )
    assert retries_of(platform.adjusted).max_retries == 2
    policy = actions_of(platform.adjusted, platform.settings)
    assert (policy.allowed, policy.most_eur, policy.mode) == (frozenset({"notify_customer"}), {"partial_refund": 5.0}, "dry_run")
    before = policy.version
    platform.adjusted.change(ACTIONS, {"allowed": ["notify_customer"]}, scope="", actor="key1", reason="test", now=platform.now())
    assert actions_of(platform.adjusted, platform.settings).version != before
