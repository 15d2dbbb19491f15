"""Files that are dropped into the landing folder: the sensor, the partitions, bad files beside good ones."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
from seeding_platform.defs.collect.sensors import CHECK, LANDING, landing_jobs, landing_sensor
from seeding_platform.defs.landing import land_file
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.run import land
from seeding_platform.errors import ConfigError
from seeding_platform_tests.places import ADS_SOURCE, GOOD_ADS, Place, ads_csv

ADS = "raw/ads__main"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(place: Place, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    sources = load_sources([*shipped_files(), *user_files(place.settings.sources)]).valid
    sensor = landing_sensor(sources, landing_jobs(sources))
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": Platform(place.settings, sources)})
    return sensor(context)


def run_requested(place: Place, instance: dg.DagsterInstance, result: dg.SensorResult) -> list[bool]:
    return [land(place.settings, instance, "ads__main", r.partition_key, says=lambda _: None).success for r in result.run_requests]


def rows(place: Place, table: str = ADS) -> pl.DataFrame:
    return Platform(place.settings).lake.read(table, tenant="default").collect()


def test_a_new_file_becomes_a_partition_and_its_rows(place, instance):
    place.source()
    place.drop("ads_september.csv", GOOD_ADS)
    result = tick(place, instance)
    assert [r.job_name for r in result.run_requests] == ["land__ads"]
    assert result.run_requests[0].partition_key.startswith("ads_september.csv@")
    assert run_requested(place, instance, result) == [True]
    assert rows(place).height == 3
    again = tick(place, instance, result.cursor)
    assert again.run_requests == []


def test_a_changed_file_takes_the_place_of_its_older_content(place, instance):
    place.source()
    place.drop("ads.csv", GOOD_ADS)
    first = tick(place, instance)
    run_requested(place, instance, first)
    place.drop("ads.csv", ads_csv([("2026-09-01", "Brand", "11.00", "5", "100")]))
    second = tick(place, instance, first.cursor)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
    assert run_requested(place, instance, second) == [True]
    assert rows(place)["spend"].to_list() == ["11.00"]


def test_a_copy_counts_once_its_original_has_changed(place, instance):
    place.source()
    place.drop("ads_a.csv", GOOD_ADS)
    first = tick(place, instance)
    run_requested(place, instance, first)
    place.drop("ads_b.csv", GOOD_ADS)
    second = tick(place, instance, first.cursor)
    run_requested(place, instance, second)
    assert rows(place).height == 3, "the same content under two names lands once"
    assert tick(place, instance, second.cursor).run_requests == []
    place.drop("ads_a.csv", ads_csv([("2026-09-05", "Brand", "1.00", "1", "10")]))
    third = tick(place, instance, second.cursor)
    run_requested(place, instance, third)
    assert rows(place).height == 1
    fourth = tick(place, instance, third.cursor)
    assert [r.partition_key.split("@")[0] for r in fourth.run_requests] == ["ads_b.csv"]
    assert fourth.run_requests[0].run_key not in {r.run_key for r in second.run_requests}
    run_requested(place, instance, fourth)
    assert rows(place).height == 4, "the copy is the only one left that holds these rows"
    assert tick(place, instance, fourth.cursor).run_requests == []


def test_a_file_that_is_still_written_is_left_alone(place, instance):
    place.source()
    path = place.drop("ads.csv", GOOD_ADS)
    path.touch()
    assert tick(place, instance).run_requests == []


def test_files_without_a_source_or_with_two_are_reported_by_name(place, instance):
    place.source()
    place.source(ADS_SOURCE.replace("name: ads", "name: more").replace("ads*.csv", "ads_b*.csv"), name="more")
    place.drop("stray.csv", "x\n1\n")
    place.drop("ads_both.csv", GOOD_ADS)
    result = tick(place, instance)
    assert result.run_requests == []
    (event,) = result.asset_events
    assert (event.asset_key, event.check_name, event.passed) == (LANDING, CHECK, False)
    assert "stray.csv matches no source" in event.description
    assert "ads_both.csv matches 2 sources (ads, more)" in event.description
    assert (place.root / "landing" / "stray.csv").exists()


def test_a_file_named_twice_is_not_landed_and_a_third_is(place, instance):
    place.source()
    place.drop("a/ads.csv", GOOD_ADS)
    place.drop("b/ads.csv", GOOD_ADS.replace("10.50", "10.60"))
    place.drop("ads_fine.csv", GOOD_ADS)
    result = tick(place, instance)
    assert [r.partition_key.split("@")[0] for r in result.run_requests] == ["ads_fine.csv"]
    assert "2 files are named ads.csv" in result.asset_events[0].description


BAD_FILES = {
    "empty": (b"", ["ads.csv", "empty"]),
    "header only": (b"date,campaign,spend,clicks,impressions\n", ["ads.csv", "no row"]),
    "missing column": (b"date,campaign,spend,clicks\n2026-09-01,Brand,1.00,2\n", ["ads.csv", "impressions"]),
    "xlsx renamed csv": (b"PK\x03\x04\x14\x00", ["ads.csv", "Excel", "format: excel"]),
    "one huge line": (b"date,campaign,spend,clicks,impressions\n2026-09-01," + b"x" * 9_000_000 + b",1,1,1\n", ["ads.csv", "line 2", "MB long"]),
    "cut everywhere": (b"date,campaign,spend,clicks,impressions\n" + b"2026-09-01,Br\n" * 40, ["ads.csv", "line 2", "columns"]),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_fails_by_name_and_what_landed_before_stays(place, instance, kind):
    data, told = BAD_FILES[kind]
    place.source()
    place.drop("ads.csv", GOOD_ADS)
    first = tick(place, instance)
    run_requested(place, instance, first)
    before = rows(place)
    place.drop("ads.csv", data)
    second = tick(place, instance, first.cursor)
    result = land(place.settings, instance, "ads__main", second.run_requests[0].partition_key, says=lambda _: None)
    assert not result.success
    message = result.failures[0]
    for word in told:
        assert word in message, message
    assert rows(place).equals(before)


def test_wrong_encoding_is_named_with_its_line(place, instance):
    place.source(ADS_SOURCE.replace("format: csv", "format: csv\n  encoding: utf-8"))
    place.drop("ads.csv", ads_csv([("2026-09-01", "Brand", "1.00", "2", "30"), ("2026-09-02", "Überall", "1.00", "2", "30")]).encode("cp1252"))
    result = tick(place, instance)
    failed = land(place.settings, instance, "ads__main", result.run_requests[0].partition_key, says=lambda _: None)
    assert not failed.success
    assert "ads.csv, line 3: byte 0xdc is not utf-8" in failed.failures[0]


@pytest.mark.timeout(240)
@pytest.mark.long
def test_a_users_file_goes_through_the_graph_in_one_go(place, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(place.root / "home"))
    monkeypatch.setenv("SEEDING_STATE", str(place.root / "state"))
    settings = place.settings
    instance = dg.DagsterInstance.get()
    source = place.root / "my_ads.yaml"
    source.write_text(ADS_SOURCE)
    file = place.root / "ads_september.csv"
    words = GOOD_ADS + "2026-09-03,Brand,twelve,1,10\n2026-09-03,Brand,1.00,99,10\n2026-09-03\n"
    file.write_text(words)
    first = land_file(settings, instance, file, source, tenant=None, says=lambda _: None)
    assert first.success, first.failures
    lake = Platform(settings).lake
    kept = lake.read("clean/ad_facts").collect()
    assert kept.height == 3, "repeated keys are no duplicates; two rows are quarantined, one is a reject"
    assert str(kept["spend"].sum()) == "51.00"
    messages = lake.read("clean/ad_facts__quarantine").collect()["message"].to_list()
    assert any("ads_september.csv, line 5, column spend: 'twelve' is no number" in m for m in messages), messages
    assert any("line 6" in m and "clicks_not_above_impressions" in m for m in messages), messages
    rejects = lake.read(ADS).filter(pl.col("_reject_code").is_not_null()).collect()
    assert rejects["_reject_locator"].to_list() == ["ads_september.csv, line 7"]
    assert rejects["_reject_raw"].to_list() == [b"2026-09-03\n"]
    days = lake.read("kpi/ads_daily", tenant="default").collect()
    assert dict(zip(days["date"].cast(pl.String), days["spend"].cast(pl.String), strict=True)) == {"2026-09-01": "10.50", "2026-09-02": "40.50"}
    assert (settings.sources / "ads.yaml").exists()
    timed = {"quality/scorecard"}  # it tells how long the latest cleaning took
    versions = {t: lake.version(t) for t in lake.tables() if t not in timed}
    second = land_file(settings, instance, file, source, tenant=None, says=lambda _: None)
    assert second.success
    assert {t: lake.version(t) for t in lake.tables() if t not in timed} == versions
    source.write_text(ADS_SOURCE.replace("mode: append", "mode: replace"))
    with pytest.raises(ConfigError, match="format csv and mode append exists"):
        land_file(settings, instance, file, source, tenant=None, says=lambda _: None)
    instance.dispose()
