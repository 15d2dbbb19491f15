"""The pages of promises: made of the clean tables that hold rows, in a job of their own."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.expectations import expectations_asset, expectations_job, expectations_schedule
from seeding_platform_tests.places import Place

CONTRACTS = [LANDED[name] for name in ("content_posts", "content_analytics", "campaigns")]
POSTS = pl.DataFrame(
    {
        "post_id": [f"p{n}" for n in range(6)],
        "account_id": "a",
        "platform": "X",
        "status": "published",
        "text": [f"a post about thing number {n}" for n in range(6)],
        "published_at": "2026-03-01T10:00:00Z",
        "media_count": "1",
        "author_email": "writer@example.nl",
    }
)


@pytest.fixture
def platform(place: Place) -> Platform:
    return Platform(place.settings)


def hold_posts(platform: Platform, **changed: pl.Expr) -> None:
    """Clean posts of two tenants, and a table without rows; a third was never made."""
    kept = clean(as_raw(POSTS, CONTRACTS[0], source="posts.csv").rows, CONTRACTS[0]).kept
    both = pl.concat([kept, kept.with_columns(tenant=pl.lit("other"))])
    platform.lake.overwrite("clean/content_posts", both.with_columns(**changed))
    platform.lake.overwrite("clean/content_analytics", CONTRACTS[1].empty("clean"))


def checked(platform: Platform) -> tuple[dg.AssetCheckEvaluation, dict]:
    sources = [dg.AssetSpec(["clean", c.name]) for c in CONTRACTS]
    result = dg.materialize([*sources, expectations_asset(CONTRACTS)], resources={"platform": platform})
    (check,) = result.get_asset_check_evaluations()
    (event,) = result.asset_materializations_for_node("quality__expectations")
    return check, event.metadata


def test_promises_that_hold_are_shown_on_pages(platform):
    hold_posts(platform)
    check, metadata = checked(platform)
    assert check.passed, check.description
    counts = metadata["tables"].value
    assert list(counts) == ["content_posts"], "a table without rows and one that was never made promise nothing yet"
    assert counts["content_posts"]["rows"] == 12
    assert counts["content_posts"]["evaluated"] == counts["content_posts"]["successful"] > 10
    index = Path(metadata["site"].path)
    assert index.is_relative_to(platform.settings.state / "reports" / "expectations")
    assert "content_posts" in index.read_text(encoding="utf-8")
    assert not any("writer@example.nl" in page.read_text(encoding="utf-8") for page in index.parent.rglob("*.html"))


def test_a_broken_promise_is_named_with_its_part(platform):
    hold_posts(platform, media_count=pl.when(pl.col("post_id") == "p1").then(-3).otherwise(pl.col("media_count")))
    check, metadata = checked(platform)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == "content_posts: columns.media_count.minimum"
    assert metadata["successful"].value == metadata["evaluated"].value - 1


def test_nothing_yet_is_no_failure(platform):
    check, metadata = checked(platform)
    assert (check.passed, check.description) == (True, "nothing yet")
    assert "site" not in metadata


def test_it_runs_by_its_own_clock_and_follows_nothing():
    asset = expectations_asset(CONTRACTS)
    assert asset.automation_conditions_by_key == {}
    assert asset.asset_deps[dg.AssetKey(["quality", "expectations"])] == {dg.AssetKey(["clean", c.name]) for c in CONTRACTS}
    definitions = dg.Definitions(
        assets=[asset], jobs=[expectations_job()], schedules=[expectations_schedule()], resources={"platform": dg.ResourceDefinition.none_resource()}
    )
    dg.Definitions.validate_loadable(definitions)
    schedule = definitions.resolve_schedule_def("expectations")
    assert (schedule.cron_schedule, schedule.execution_timezone, schedule.default_status) == ("10 3 * * *", "UTC", dg.DefaultScheduleStatus.RUNNING)
    assert definitions.resolve_job_def("expectations").asset_layer.executable_asset_keys == {dg.AssetKey(["quality", "expectations"])}
