"""Checks of bundles: what is wrong with a file is found from the file, whatever its maker says of it."""

import dataclasses

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog.engine import load_engines
from seeding_platform.defs.distribute.assets import bundle_asset
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.feeds import FEEDS
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.verify import read_pointer
from seeding_platform.distribution.written import (
    consistency_problems,
    gate_problems,
    schema_problems,
    signature_problems,
    size_problems,
    version_problems,
)
from seeding_platform_tests.distribution.contracts import contract, fixed
from seeding_platform_tests.distribution.frames import quality
from seeding_platform_tests.distribution.test_bundle import INPUTS, build

ENGINE, TENANT = load_engines()["content_performance_ml"], "t1"
FEED = FEEDS[ENGINE.feed]
TABLES = ("content_posts", "content_analytics", "social_accounts")


class Single(Platform):
    def tenants(self):
        return [TENANT]


@pytest.fixture
def platform(place):
    found = Single(place.settings)
    for name in TABLES:
        found.lake.overwrite(f"quality/{name}", quality(name, *INPUTS[name]).collect())
    return found


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def ran(platform, instance, *, engine=ENGINE, change=None):
    feed = FEED if change is None else dataclasses.replace(FEED, build=lambda tables, context: change(FEED.build(tables, context)))
    asset = bundle_asset(engine, list(TABLES), feed=feed)
    return dg.materialize([asset], instance=instance, resources={"platform": platform, "lake": object()}, raise_on_error=False)


def checks(result):
    assert result.success
    return {e.check_name: (e.passed, e.description or "") for e in result.get_asset_check_evaluations()}


def pointer(platform):
    return read_pointer(platform.settings.bundles / TENANT / ENGINE.name)


def renamed(rows):
    return rows.with_columns(post_id=pl.lit("p2"))


def test_a_good_bundle_passes_every_check(platform, instance):
    found = checks(ran(platform, instance))
    assert {name: passed for name, (passed, _) in found.items()} == dict.fromkeys(("fed", "gate", "schema", "size", "signature", "consistency"), True)


def test_a_planted_row_of_doubtful_origin_is_found(platform, instance):
    passed, says = checks(ran(platform, instance, change=renamed))["gate"]
    assert (passed, says) == (False, f"{TENANT}: 1 values of post_id come from no row of content_posts with a confidence of 0.7")


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda rows: rows.with_columns(pl.col("post_id").cast(pl.Categorical)), "post_id"),
        (lambda rows: rows.rename({"platform": "platfrom"}), "platform"),
        (lambda rows: rows.with_columns(surprise=pl.lit(1)), "surprise"),
    ],
)
def test_a_contract_that_drifts_is_refused_by_its_column_and_what_is_in_force_stays(platform, instance, change, column):
    assert ran(platform, instance).success
    before = (platform.settings.bundles / TENANT / ENGINE.name / "CURRENT").read_bytes()
    files = {f.relative_to(platform.settings.bundles): f.read_bytes() for f in platform.settings.bundles.rglob("part-*")}
    result = ran(platform, instance, change=change)
    assert not result.success
    (failed,) = result.get_step_failure_events()
    said = failed.event_specific_data.error.message + str(failed.event_specific_data.user_failure_data)
    assert repr(column) in said
    assert "The bundle in force stays" in said
    assert (platform.settings.bundles / TENANT / ENGINE.name / "CURRENT").read_bytes() == before
    assert {f: (platform.settings.bundles / f).read_bytes() for f in files} == files
    assert [g.generation for g in platform.publisher.ledger.of(TENANT, ENGINE.name)] == [1]


def test_an_unexpected_halving_is_told(tmp_path):
    whole = read_manifest(build(tmp_path).path)
    usual = [whole.model_copy(update={"rows": rows}) for rows in (90, 100, 1000)]

    def odd(rows):
        return [text for text in size_problems(whole.model_copy(update={"rows": rows}), usual) if "rows" in text]

    assert [odd(n) for n in (51, 999)] == [[], []]
    assert odd(50) == ["50 rows, where 100 are usual"]
    assert odd(1000) == ["1,000 rows, where 100 are usual"]
    assert size_problems(whole, []) == []


def test_a_version_rises_as_its_change_asks_for(tmp_path):
    before = read_manifest(build(tmp_path).path)
    first, *rest = before.fields
    added = before.model_copy(update={"fields": (*before.fields, first.model_copy(update={"name": "new"}))})
    other = before.model_copy(update={"fields": (first, rest[0].model_copy(update={"nullable": not rest[0].nullable}), *rest[1:])})
    gone = before.model_copy(update={"fields": tuple(rest)})
    words = before.model_copy(update={"fields": (first.model_copy(update={"description": "Other words"}), *rest)})

    def said(after, version):
        return bool(version_problems(before, after.model_copy(update={"contract_version": version})))

    assert [said(added, v) for v in ("1.0", "1.1", "2.0")] == [True, False, False]
    assert [said(other, v) for v in ("1.0", "1.1", "2.0")] == [True, True, False]
    assert [said(gone, v) for v in ("1.0", "1.1", "2.0")] == [True, True, False]
    assert [said(words, v) for v in ("1.0", "1.1", "0.9")] == [False, False, True]
    assert rest[0].name in version_problems(before, other)[0]


def test_files_that_are_not_what_the_manifest_says_are_found(tmp_path):
    made = build(tmp_path)
    manifest, part = read_manifest(made.path), made.path / "part-00000.parquet"
    assert schema_problems(ENGINE, made.path, manifest, None) == []
    assert gate_problems(ENGINE, made.path, manifest, {}) == []
    rows = pl.read_parquet(part)
    rows.with_columns(pl.col(ENGINE.fields[0].name).cast(pl.Binary)).write_parquet(part)
    assert schema_problems(ENGINE, made.path, manifest, None) == [f"{part.name} has other fields than the contract"]
    assert gate_problems(ENGINE, made.path, manifest, {}) == [f"column {ENGINE.fields[0].name} breaks the contract"]
    part.write_bytes(b"torn")
    assert "cannot be read" in gate_problems(ENGINE, made.path, manifest, {})[0]
    assert signature_problems(made.path, {}, now=None) == ["it is not signed"]


def test_groups_of_people_are_counted_in_the_files(tmp_path):
    loose = contract(k_anonymity={"k": 2, "fields": ["b"], "distinct": "k"})
    strict = contract(k_anonymity={"k": 3, "fields": ["b"], "distinct": "k"})
    rows = pl.DataFrame([{"k": name, "b": True} for name in "ab"]).select(
        pl.col(name) if name in ("k", "b") else pl.lit(None, dtype).alias(name) for name, dtype in loose.schema().items()
    )
    made = build(tmp_path, contract=loose, feed=fixed(rows))
    manifest = read_manifest(made.path)
    assert made.rows == 2
    assert gate_problems(loose, made.path, manifest, {}) == []
    assert gate_problems(strict, made.path, manifest, {}) == ["column b breaks the contract"]


def test_a_name_that_means_two_things_is_found_in_what_was_written(tmp_path):
    build(tmp_path)
    assert consistency_problems(tmp_path, [TENANT]) == ([], 1)
    other = load_engines()["analytics"]
    fields = tuple(f.model_copy(update={"unit": "furlongs"}) if f.name == "platform" else f for f in other.fields)
    build(tmp_path, contract=other.model_copy(update={"fields": fields}))
    odd, engines = consistency_problems(tmp_path, [TENANT])
    assert engines == 2
    assert odd == ["platform: unit is 'None' in content_performance_ml but 'furlongs' in analytics"]
