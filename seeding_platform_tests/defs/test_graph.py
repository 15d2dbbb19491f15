"""What assets do when they run: gates that keep old tables, sources that keep their last good rows, KPI days, no needless versions."""

import datetime as dt
import json

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED, TABLES
from seeding_platform.catalog.engine import load_engines
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.connectors.sources import load_sources, shipped_files
from seeding_platform.connectors.spec import FileSourceSpec
from seeding_platform.defs.clean.assets import clean_asset
from seeding_platform.defs.collect.assets import raw_asset
from seeding_platform.defs.collect.sources import source_asset
from seeding_platform.defs.distribute.assets import bundle_asset
from seeding_platform.defs.io_managers import LakeIOManager, check_schema, expected_schema
from seeding_platform.defs.kpis.assets import ADS_DAILY, ads_daily_asset
from seeding_platform.defs.kpis.sensors import RANGE_END, RANGE_START, kpi_days_sensor
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.assets import quality_asset
from seeding_platform.defs.quality.calibration import calibration_asset
from seeding_platform.defs.train.assets import model_assets
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.errors import ContractBroken
from seeding_platform.models import shipped_spec
from seeding_platform.quality.gate import GatePolicy
from seeding_platform.storage.delivery.ledger import Ledger
from seeding_platform.storage.live import Live
from seeding_platform.storage.webhooks import Webhook, Webhooks
from seeding_platform_tests.places import GOOD_ADS, Place, ads_csv

FIRST_DAY = dt.date(2026, 1, 1)


def ads_spec(place: Place) -> FileSourceSpec:
    mapping = {"contract": "ad_facts", "columns": {c: c for c in ("date", "campaign", "spend", "clicks", "impressions")}}
    mapping["constants"] = {"platform": "Google", "currency": "EUR"}
    return FileSourceSpec(name="ads", path=str(place.root / "ads.csv"), format="csv", mode="replace", tables=[mapping])


def chain(place: Place) -> list:
    """Source to bundle and KPI of one contract."""
    spec, contract = ads_spec(place), LANDED["ad_facts"]
    engine = load_engines()["analytics"]
    made = [source_asset(spec), raw_asset(contract, [spec]), clean_asset(contract), calibration_asset(contract), quality_asset(contract)]
    return [*made, bundle_asset(engine, ["ad_facts"]), ads_daily_asset(FIRST_DAY)]


def materialised(place: Place, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
    platform = Platform(place.settings, [ads_spec(place)])
    resources = {"platform": platform, "lake": LakeIOManager(platform.lake)}
    days = {RANGE_START: "2026-09-01", RANGE_END: "2026-09-30", **tags}
    return dg.materialize(chain(place), instance=instance, resources=resources, tags=days, raise_on_error=False)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_a_chain_ends_in_a_verified_bundle_and_exact_figures(place, instance):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    result = materialised(place, instance)
    assert result.success
    lake = Platform(place.settings).lake
    figures = lake.read("kpi/ads_daily").collect()
    assert figures["spend"].cast(pl.String).to_list() == ["10.50", "40.50"]
    assert figures["rows"].to_list() == [1, 2]
    verified = verify_bundle(place.settings.bundles / "default" / "analytics")
    assert verified.rows == 2


def test_a_fresh_bundle_is_told_to_webhooks_and_one_that_holds_the_same_is_not(place, instance):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    platform = Platform(place.settings)
    hook = Webhook(webhook_id="wh_1", tenant="default", url="https://example.org/", events=("bundle.ready",), created_at=platform.now(), made_by="k")
    Webhooks(platform.state).add(hook)
    for _ in range(2):
        assert materialised(place, instance).success
    (told,) = Live(platform.state).messages(tenant="default", to="wh_1")
    assert json.loads(told.body)["data"].items() >= {"engine": "analytics", "rows": 2}.items()
    assert [(g.engine, g.generation, g.kind) for g in Ledger(platform.state).heads("default")] == [("analytics", 1, "built")]


def test_a_gate_that_closes_is_an_alert_until_it_opens(place, instance):
    broken = [("2026-09-01", "Brand", "words", "5", "100")] * 8 + [("2026-09-02", "Brand", "1.00", "1", "10")]
    (place.root / "ads.csv").write_text(ads_csv(broken))
    materialised(place, instance)
    desk = Platform(place.settings).desk
    (alert,) = desk.alerts.standing()
    assert (alert.rule, alert.subject, "validity" in alert.evidence["why"]) == ("quality.gate_closed", "quality/ad_facts", True)
    (place.root / "ads.csv").write_text(GOOD_ADS)
    assert materialised(place, instance).success
    assert desk.alerts.standing() == []


def test_a_second_run_makes_no_version_and_no_generation(place, instance):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    materialised(place, instance)
    lake = Platform(place.settings).lake
    before = {t: lake.version(t) for t in lake.tables()}
    pointer = (place.settings.bundles / "default" / "analytics" / "CURRENT").read_bytes()
    assert materialised(place, instance).success
    assert {t: lake.version(t) for t in lake.tables()} == before
    assert (place.settings.bundles / "default" / "analytics" / "CURRENT").read_bytes() == pointer


def test_a_closed_gate_leaves_the_old_table_in_force(place, instance):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    materialised(place, instance)
    lake = Platform(place.settings).lake
    before, figures = lake.read("quality/ad_facts").collect(), lake.read("kpi/ads_daily").collect()
    bundles = {f: f.read_bytes() for f in place.settings.bundles.rglob("*") if f.is_file()}
    broken = [("2026-09-01", "Brand", "words", "5", "100")] * 8 + [("2026-09-02", "Brand", "1.00", "1", "10")]
    (place.root / "ads.csv").write_text(ads_csv(broken))
    result = materialised(place, instance)
    assert not result.success
    gate = next(e for e in result.get_asset_check_evaluations() if e.check_name == "gate")
    assert not gate.passed
    assert "8 of 9 rows are quarantined" in gate.description
    assert "change the limit for this table (setting quality.gate)" in gate.description
    assert {f: f.read_bytes() for f in place.settings.bundles.rglob("*") if f.is_file()} == bundles
    assert lake.read("quality/ad_facts").collect().equals(before)
    assert lake.read("kpi/ads_daily").collect().equals(figures)
    assert lake.read("clean/ad_facts__quarantine").collect().height == 8


def test_a_closed_gate_trains_no_model(place, instance):
    """What is below a closed gate is not even asked: no registry is made, and the model of before stays in force."""
    posts, analytics = LANDED["content_posts"], LANDED["content_analytics"]
    platform = Platform(place.settings, gate=GatePolicy(score=100.0))
    raw = as_raw(
        pl.DataFrame([{"post_id": "p", "account_id": "a", "platform": "X", "status": "published", "published_at": "2026-03-01"}]), posts, source="x"
    )
    result = clean(raw.rows, posts)
    sides = {"__quarantine": result.quarantined, "__repairs": result.repairs, "__duplicates": result.duplicates}
    for table, frame in {"raw/content_posts": raw.rows, **{f"clean/content_posts{s}": f for s, f in {"": result.kept, **sides}.items()}}.items():
        platform.lake.overwrite(table, frame)
    for name in ("content_analytics", "social_accounts", "campaigns"):
        platform.lake.overwrite(f"quality/{name}", LANDED[name].empty("quality"))
    given = [dg.AssetSpec(["raw", "content_posts"]), *(dg.AssetSpec(["clean", f"content_posts{s}"]) for s in ("", *sides))]
    made = [*given, calibration_asset(posts), quality_asset(posts), model_assets([shipped_spec("content_performance")])]
    done = dg.materialize(made, instance=instance, resources={"platform": platform, "lake": LakeIOManager(platform.lake)}, raise_on_error=False)
    assert not done.success
    assert instance.get_latest_materialization_event(dg.AssetKey(["model", "content_performance"])) is None
    assert not (place.settings.state / "mlflow").exists()
    assert analytics.name in {key.path[-1] for key in made[-1].dependency_keys}


def test_no_cell_value_reaches_the_event_log(place, instance):
    lines = [("2026-09-01", "canary-campaign", "canary-cost", "5", "100"), *[("2026-09-02", "canary-campaign", "1.00", "1", "10")] * 3]
    (place.root / "ads.csv").write_text(ads_csv(lines) + "canary-cut\n")
    result = materialised(place, instance)
    assert result.success
    told = " ".join(str(e) for e in instance.all_logs(result.run_id))
    assert "ads.csv, line 2: spend not_a_number" in told
    assert "canary" not in told
    assert "canary-cost" in Platform(place.settings).lake.read("clean/ad_facts__quarantine").collect()["message"][0]


def test_a_fixed_file_that_breaks_keeps_its_last_good_rows_and_says_so(place, instance):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    materialised(place, instance)
    lake = Platform(place.settings).lake
    before = lake.read("raw/ads__main").collect()
    (place.root / "ads.csv").write_text("")
    result = materialised(place, instance)
    assert result.success, "the other sources go on"
    check = next(e for e in result.get_asset_check_evaluations() if e.check_name == "readable")
    assert not check.passed
    assert "ads.csv" in check.description
    assert "empty" in check.description
    assert lake.read("raw/ads__main").collect().equals(before)


def test_a_bundle_that_breaks_its_contract_is_not_published(place, instance, monkeypatch):
    (place.root / "ads.csv").write_text(GOOD_ADS)
    materialised(place, instance)
    folder = place.settings.bundles / "default" / "analytics"
    pointer = (folder / "CURRENT").read_bytes()
    from seeding_platform.defs.distribute import assets
    from seeding_platform.distribution.feeds import Feed

    feed = assets.FEEDS["analytics"]
    monkeypatch.setitem(assets.FEEDS, "analytics", Feed(feed.engine, feed.inputs, lambda tables, context: feed.build(tables, context).drop("clicks")))
    (place.root / "ads.csv").write_text(GOOD_ADS.replace("10.50", "99.00"))
    result = materialised(place, instance)
    failed = [e for e in result.all_events if e.is_step_failure]
    assert [e.step_key for e in failed] == ["bundle__analytics"]
    assert "clicks" in failed[0].step_failure_data.user_failure_data.description
    assert (folder / "CURRENT").read_bytes() == pointer


def test_thirty_days_are_one_run_and_only_their_rows_change(place, instance):
    lines = [(f"2026-09-{d:02d}", "Brand", "1.00", "1", "10") for d in range(1, 31)] + [("2026-10-01", "Brand", "7.00", "1", "10")]
    (place.root / "ads.csv").write_text(ads_csv(lines))
    result = materialised(place, instance, **{RANGE_END: "2026-10-01"})
    assert result.success
    (place.root / "ads.csv").write_text(ads_csv([(d, c, "2.00", k, i) for d, c, _, k, i in lines]))
    assert materialised(place, instance).success
    figures = Platform(place.settings).lake.read("kpi/ads_daily").sort("date").collect()
    assert figures.height == 31
    assert set(figures.head(30)["spend"].cast(pl.String)) == {"2.00"}
    assert figures["spend"].cast(pl.String).to_list()[-1] == "7.00", "a day outside the range keeps its figures"
    marked = instance.get_materialized_partitions(ADS_DAILY)
    assert len(marked) == 31


def test_the_sensor_asks_for_exactly_the_days_that_differ(place, instance):
    platform = Platform(place.settings)
    schema = TABLES["ad_facts"].schema("quality")
    base = {c: None for c in schema} | {
        "tenant": "t", "platform": "Google", "spend": 1, "clicks": 1, "impressions": 1, "_source": "s", "_batch": "b", "synthetic": False,
        "flags": [], "quality_score": 99.0, "confidence": 0.9,
    }  # fmt: skip
    days = [dt.date(2026, 9, d) for d in range(1, 11)]
    frame = pl.DataFrame([{**base, "row_id": str(i), "_row": i, "date": d} for i, d in enumerate(days)], schema=schema)
    platform.lake.overwrite("quality/ad_facts", frame)
    first = kpi_days_sensor(dg.build_sensor_context(instance=instance, resources={"platform": platform}))
    assert first.run_requests[0].tags == {RANGE_START: "2026-09-01", RANGE_END: "2026-09-10"}
    same = kpi_days_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor, resources={"platform": platform}))
    assert isinstance(same, dg.SkipReason)
    restated = frame.with_columns(clicks=pl.when(pl.col("date").is_between(days[3], days[5])).then(2).otherwise("clicks").cast(pl.Int64))
    platform.lake.overwrite("quality/ad_facts", restated)
    second = kpi_days_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor, resources={"platform": platform}))
    assert second.run_requests[0].tags == {RANGE_START: "2026-09-04", RANGE_END: "2026-09-06"}
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_the_io_manager_names_the_column_that_breaks_the_contract():
    wanted = expected_schema("clean/ad_facts")
    frame = pl.DataFrame(schema=wanted)
    check_schema("clean/ad_facts", frame)
    with pytest.raises(ContractBroken, match="'clicks' has type String"):
        check_schema("clean/ad_facts", frame.with_columns(pl.col("clicks").cast(pl.String)))
    with pytest.raises(ContractBroken, match="'clicks' is missing"):
        check_schema("clean/ad_facts", frame.drop("clicks"))
    with pytest.raises(ContractBroken, match="'surprise'"):
        check_schema("clean/ad_facts", frame.with_columns(surprise=pl.lit(1)))


def test_the_shipped_sources_are_valid_and_theirs_is_one_tenant():
    found = load_sources(shipped_files())
    assert not found.refused
    assert {s.tenant for s in found.valid if s.path} == {"demo-3pl"}
    assert [s.name for s in found.valid if not s.path] == ["ad_exports"]
    assert {m.contract for s in found.valid for m in s.tables} == {
        "social_accounts", "campaigns", "content_posts", "content_analytics", "ad_facts", "customers", "orders", "exception_records",
        "exception_labels",
        "workflow_executions", "navigation_events", "trending_intelligence", "industry_benchmarks",
    }  # fmt: skip
