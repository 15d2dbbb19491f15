"""Cleaning again: a changed policy marks its table and asks for it, once; some days by hand leave all other rows where they were."""

import dataclasses
import datetime as dt

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import CleaningPolicy, clean
from seeding_platform.cleaning.days import LINEAGE, of_days
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.defs.clean.again import TABLE_OF, clean_keys, policy_sensor, reclean_job, recleaned
from seeding_platform.defs.clean.assets import clean_asset
from seeding_platform.defs.io_managers import LakeIOManager
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError
from seeding_platform_tests.places import Place

POSTS = LANDED["content_posts"]
RULES = "repairs: [{name: no_draughts, kind: format, column: status, pattern: '^draught$', replace: draft}]\n"
TABLE = pl.DataFrame(
    {
        "post_id": ["p1", "p2", "p3", "p3", "p4"],
        "account_id": "a",
        "platform": "X",
        "status": ["published", "draught", "published", "published", "published"],
        "text": ["one post about the first thing there is", "two", "three", "three again", "four"],
        "published_at": ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z", "2026-03-01T11:00:00Z", "2026-03-03T11:00:00Z"],
    }
)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def platform(place: Place, tmp_path) -> Platform:
    found = Platform(place.settings.model_copy(update={"policies": tmp_path / "policies"}))
    found.settings.policies.mkdir()
    found.lake.overwrite("raw/content_posts", as_raw(TABLE, POSTS, source="posts.csv").rows)
    return found


def cleaned(platform: Platform, instance: dg.DagsterInstance) -> None:
    resources = {"platform": platform, "lake": LakeIOManager(platform.lake)}
    source = dg.AssetSpec(["raw", "content_posts"])
    assert dg.materialize([source, clean_asset(POSTS)], instance=instance, resources=resources).success


def tick(platform: Platform, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": platform})
    return policy_sensor([POSTS])(context)


def test_a_changed_policy_marks_its_table_and_asks_for_it_once(platform, instance):
    assert tick(platform, instance).run_requests == []  # never made: that is not the sensor's business
    cleaned(platform, instance)
    assert tick(platform, instance).run_requests == []
    (platform.settings.policies / "content_posts.yaml").write_text(RULES)
    first = tick(platform, instance)
    learned = dg.AssetKey(["quality", "content_posts__calibration"])  # by the policy that holds, too
    assert first.run_requests[0].asset_selection == [*clean_keys(POSTS), learned]
    assert "cleaned again" in first.asset_events[0].description
    second = tick(platform, instance, first.cursor)
    assert second.run_requests[0].run_key == first.run_requests[0].run_key  # the same question is not asked twice
    assert second.asset_events == []
    assert platform.lake.read("clean/content_posts__quarantine").collect().height == 1
    cleaned(platform, instance)
    assert platform.lake.read("clean/content_posts__quarantine").collect().height == 0
    assert tick(platform, instance, second.cursor).run_requests == []


def test_what_was_known_of_the_texts_is_kept_and_read_again(platform, instance):
    cleaned(platform, instance)
    first = platform.lake.read("clean/content_posts__index").collect()
    assert first.height >= 3
    cleaned(platform, instance)
    assert platform.lake.version("clean/content_posts__index") == 0  # the same is no new version


def test_a_policy_taken_back_and_set_again_is_a_new_question(platform, instance):
    file = platform.settings.policies / "content_posts.yaml"
    keys = []
    for rules in (RULES, "", RULES):
        cleaned(platform, instance)
        file.write_text(rules)
        keys += [request.run_key for request in tick(platform, instance).run_requests]
    assert len(set(keys)) == 3


def test_a_broken_policy_holds_nothing_but_its_own_table(platform, instance):
    cleaned(platform, instance)
    (platform.settings.policies / "content_posts.yaml").write_text("iqr_factor: [")
    told = tick(platform, instance)
    assert told.run_requests == []
    assert "content_posts.yaml" in told.skip_reason.skip_message


def test_a_day_cleaned_again_leaves_the_others_where_they_were(platform, instance):
    cleaned(platform, instance)
    before = {t: platform.lake.version(t) for t in platform.lake.tables()}
    recleaned(platform, POSTS, dt.date(2026, 3, 2), dt.date(2026, 3, 2))
    assert {t: platform.lake.version(t) for t in platform.lake.tables()} == before
    (platform.settings.policies / "content_posts.yaml").write_text(RULES)
    recleaned(platform, POSTS, dt.date(2026, 3, 1), dt.date(2026, 3, 1))
    assert platform.lake.read("clean/content_posts__quarantine").collect().height == 1
    events = recleaned(platform, POSTS, dt.date(2026, 3, 2), dt.date(2026, 3, 2))
    assert {tuple(e.asset_key.path) for e in events} == {("clean", f"content_posts{side}") for side in TABLE_OF.values()}
    assert platform.lake.read("clean/content_posts__quarantine").collect().height == 0
    assert platform.lake.read("clean/content_posts").collect()["post_id"].to_list() == ["p1", "p2", "p3", "p4"]


def test_the_job_takes_days_and_a_table(platform, instance):
    cleaned(platform, instance)
    job = reclean_job(dt.date(2026, 1, 1))
    config = {"ops": {"reclean_days": {"config": {"table": "content_posts"}}}}
    done = job.execute_in_process(run_config=config, partition_key="2026-03-02", instance=instance, resources={"platform": platform})
    assert done.success
    nothing = {"ops": {"reclean_days": {"config": {"table": "nothing"}}}}
    asked = {"partition_key": "2026-03-02", "instance": instance, "resources": {"platform": platform}, "raise_on_error": False}
    assert not job.execute_in_process(run_config=nothing, **asked).success


@pytest.mark.parametrize("day", [dt.date(2026, 3, 1), dt.date(2026, 3, 2), dt.date(2026, 3, 3), dt.date(2030, 1, 1)])
def test_every_row_still_ends_in_one_place(day):
    raw = as_raw(TABLE, POSTS, source="posts.csv").rows
    merging = {"duplicates": {"text": "text", "action": "merge", "merge": [["p1", "p4"]]}}
    one, other = clean(raw, POSTS, CleaningPolicy()), clean(raw, POSTS, CleaningPolicy.model_validate(merging))
    for old, new in ((one, other), (other, one)):
        tables = of_days({part: getattr(old, part) for part in TABLE_OF}, new, POSTS, day, day)
        rows = pl.concat([tables[part].select(LINEAGE) for part in ("kept", "quarantined", "duplicates")])
        assert sorted(rows["_row"]) == list(range(TABLE.height))


def test_a_table_without_a_time_is_refused():
    with pytest.raises(ConfigError, match="by day"):
        of_days({}, None, dataclasses.replace(POSTS, time=None), dt.date(2026, 1, 1), dt.date(2026, 1, 1))
