"""Ad exports in the landing folder and by command: known by content, restated days in place of earlier ones, figures in force."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.analytics.language import asked
from seeding_platform.analytics.serving import facts_in_force
from seeding_platform.connectors.exports import ExportRefused
from seeding_platform.connectors.sources import load_sources, shipped_files
from seeding_platform.defs.collect.sensors import landing_jobs, landing_sensor
from seeding_platform.defs.landing import land_export
from seeding_platform.defs.platform import Platform
from seeding_platform.settings import project_root
from seeding_platform_tests.places import GOOD_ADS, Place

EXPORTS = project_root() / "data" / "samples" / "exports"
FIRST = "Campaign report\nSept 2026\nDay,Campaign,Currency code,Clicks,Impr.,Cost,Conversions\n"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def google(*days: tuple[str, str, int]) -> str:
    return FIRST + "".join(f"{day},Brand,EUR,10,100,{cost},{conversions}\n" for day, cost, conversions in days)


def figures(place: Place) -> dict[str, tuple[float, int]]:
    facts = Platform(place.settings).lake.read("quality/ad_facts", tenant="default").collect()
    days = facts.group_by("date").agg(pl.col("spend").sum(), pl.col("conversions").sum()).sort("date")
    return {str(day): (float(spend), int(conversions)) for day, spend, conversions in days.iter_rows()}


def test_an_export_is_known_by_its_content_and_other_files_are_not(place, instance):
    place.drop("whatever.csv", google(("2026-09-01", "5.00", 1)))
    place.drop("Untitled (3).xlsx", (EXPORTS / "google_book.xlsx").read_bytes())
    place.drop("people.csv", "name,email\nAnna,anna@depot.example\n")
    sources = load_sources(shipped_files()).valid
    sensor = landing_sensor(sources, landing_jobs(sources))
    result = sensor(dg.build_sensor_context(instance=instance, resources={"platform": Platform(place.settings, sources)}))
    assert sorted((r.job_name, r.partition_key.split("@")[0]) for r in result.run_requests) == [
        ("land__ad_exports", "Untitled (3).xlsx"),
        ("land__ad_exports", "whatever.csv"),
    ]


def test_a_file_that_a_source_names_is_that_sources(place, instance):
    place.source()
    place.drop("ads.csv", GOOD_ADS)
    from seeding_platform.connectors.landing import landing_files, matches
    from seeding_platform.connectors.sources import user_files

    sources = load_sources([*shipped_files(), *user_files(place.settings.sources)]).valid
    assert [m.source for m in matches(landing_files(place.settings.landing), sources)] == ["ads"]


@pytest.mark.timeout(300)
@pytest.mark.long
def test_restated_days_take_the_place_of_earlier_ones_and_answers_follow(place, instance):
    quiet = {"tenant": None, "says": lambda _: None}
    first, second = place.root / "google_1.csv", place.root / "google_2.csv"
    first.write_text(google(("2026-09-01", "5.00", 1), ("2026-09-02", "6.00", 2), ("2026-09-03", "7.00", 0)))
    assert land_export(place.settings, instance, first, **quiet).success
    assert figures(place) == {"2026-09-01": (5.0, 1), "2026-09-02": (6.0, 2), "2026-09-03": (7.0, 0)}
    second.write_text(google(("2026-09-02", "6.10", 3), ("2026-09-03", "7.00", 4), ("2026-09-04", "8.00", 1)))
    assert land_export(place.settings, instance, second, **quiet).success
    assert figures(place) == {"2026-09-01": (5.0, 1), "2026-09-02": (6.1, 3), "2026-09-03": (7.0, 4), "2026-09-04": (8.0, 1)}
    answer = asked("spend and conversions last 4 days", facts_in_force(place.settings, tenant="default"))
    assert answer.rows == [{"spend": 26.1, "conversions": 9}]
    assert answer.basis["currency"] == "EUR"


def test_what_cannot_be_trusted_starts_nothing(place, instance):
    with pytest.raises(ExportRefused, match="could be"):
        land_export(place.settings, instance, EXPORTS / "plain_slashed.csv", tenant=None, says=lambda _: None)
    assert instance.get_runs_count() == 0
