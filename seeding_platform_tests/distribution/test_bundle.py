import datetime as dt
import fcntl
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.catalog.engine import load_engines
from seeding_platform.distribution import bundle as bundles
from seeding_platform.distribution.bundle import build_bundle
from seeding_platform.distribution.conformity import check_rows
from seeding_platform.distribution.fed import explain_missing
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.formats import read_rows
from seeding_platform.distribution.manifest import BundleInvalid, Lineage, read_manifest
from seeding_platform.distribution.verify import current_bundles, read_pointer, verify_bundle
from seeding_platform.errors import BusyError, ContractBroken, PermanentError
from seeding_platform_tests.distribution.frames import CONTEXT, NOON, ad, at, measured, post, quality

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds import Feed

ENGINES = load_engines()
INPUTS = {
    "content_posts": [post("p1"), post("p2", at(hours=1), confidence=0.5)],
    "content_analytics": [measured("p1", 24, 100, 0.1), measured("p2", 24, 10, 0.1)],
    "ad_facts": [ad(1, "10.00", confidence=0.1), ad(2, "20.00")],
    "social_accounts": [{"account_id": a, "platform": "X", "connected_at": at(days=-90)} for a in ("a1", "a2")],
    "decisions": [{"decision_id": "d", "action": "a", "propensity": 0.5, "decided_at": at()}],
}
BY_FORMAT = {"parquet": "content_performance_ml", "arrow": "analytics", "ndjson": "optimization", "json": "historical_content_scraper"}


def build(root, engine="content_performance_ml", *, inputs=None, contract=None, feed=None, now=NOON, run="r1", **more):
    contract = contract or ENGINES[engine]
    tables = {name: quality(name, *rows) for name, rows in (INPUTS if inputs is None else inputs).items()}
    return build_bundle(
        contract,
        feed or FEEDS[contract.feed],
        tables,
        tenant="t1",
        root=root,
        lineage=Lineage(run_id=run, code_version="0.1", inputs={"content_posts": 3}),
        quality={"score": 97.5, "closed": []},
        now=now,
        context=CONTEXT,
        **more,
    )


def more_posts(number=3):
    return {
        **INPUTS,
        "content_posts": [*INPUTS["content_posts"], post("p3")],
        "content_analytics": [*INPUTS["content_analytics"], measured("p3", 24, number)],
    }


@pytest.mark.parametrize("engine", list(ENGINES))
def test_without_inputs_a_bundle_is_empty_with_schema_and_reason(tmp_path, engine):
    contract = ENGINES[engine]
    for inputs in ({}, {name: [] for name in contract.reads}):
        made = build(tmp_path, engine, inputs=inputs)
        assert made.rows == 0
        assert made.reason
        assert made.reason.startswith(f"needs {contract.inputs[0]}")
        assert verify_bundle(made.path).reason == made.reason
        part = next(made.path.glob("part-*"))
        assert dict(read_rows(part, contract.format, contract.schema()).schema) == contract.schema()
        assert made.reason in (made.path / "README.md").read_text()


def test_the_reason_says_which_table_is_lacking():
    engine = ENGINES["content_recommendations"]
    assert explain_missing(engine, {"content_interactions": 0, "content_posts": 9}) == "needs content_interactions, which has no rows yet"
    assert explain_missing(engine, {"content_posts": 9}) == "needs content_interactions, which no step fills yet"
    assert explain_missing(engine, {}) == "needs content_interactions and content_posts, of which there is no table yet"
    assert (
        explain_missing(engine, {"content_posts": 0})
        == "needs content_interactions, of which there is no table yet, and content_posts, without rows so far"
    )
    assert explain_missing(engine, {"content_posts": 1, "content_interactions": 1}) == ""


def test_only_confident_records_are_used_except_where_money_is_counted(tmp_path):
    made = build(tmp_path)
    assert pl.read_parquet(made.path / "part-00000.parquet")["post_id"].to_list() == ["p1"]
    assert read_manifest(made.path).inputs["content_posts"] == {"rows": 2, "used": 1}
    cube = build(tmp_path, "analytics")
    assert str(sum(pl.read_ipc(cube.path / "part-00000.arrow")["spend"])) == "30.00"
    doubtful = build(tmp_path, inputs={**INPUTS, "content_posts": [post("p1", confidence=0.6)]})
    assert doubtful.reason == "needs content_posts, which has no rows yet with a confidence of at least 0.70 (content_posts)"
    nothing = build(tmp_path, inputs={**INPUTS, "content_analytics": [measured("p1", 3, 5)]})
    assert nothing.reason == "no row of content_posts and content_analytics qualifies"


@pytest.mark.parametrize(("kind", "engine"), BY_FORMAT.items())
def test_every_format_gives_the_same_bytes_and_reads_back(tmp_path, kind, engine):
    first, second = build(tmp_path / "a", engine), build(tmp_path / "b", engine, now=at(days=1), run="r2")
    assert first.rows > 0
    assert first.content_id == second.content_id
    for name in ("README.md", next(first.path.glob("part-*")).name):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    contract = ENGINES[engine]
    back = read_rows(next(first.path.glob("part-*")), contract.format, contract.schema())
    check_rows(contract, back)
    assert back.height == first.rows
    assert contract.format == kind


def test_the_same_content_makes_no_new_generation(tmp_path):
    first = build(tmp_path)
    again = build(tmp_path, now=at(days=1), run="r2")
    assert (first.generation, first.fresh, again.generation, again.fresh) == (1, True, 1, False)
    assert again.path == first.path
    assert read_manifest(again.path).lineage.run_id == "r1"
    second = build(tmp_path, inputs=more_posts())
    assert (second.generation, second.supersedes) == (2, first.content_id)
    manifest = read_manifest(second.path)
    assert (manifest.supersedes, manifest.rows, manifest.contract_hash) == (first.content_id, 2, ENGINES["content_performance_ml"].schema_hash())
    back = build(tmp_path)
    assert (back.generation, back.content_id, back.supersedes) == (3, first.content_id, second.content_id)
    assert verify_bundle(tmp_path / "t1" / "content_performance_ml").generation == 3
    assert first.path.is_dir()
    assert second.path.is_dir()


def test_a_bundle_and_its_engine_verify(tmp_path):
    made = build(tmp_path)
    for path in (made.path, made.path.parent):
        seen = verify_bundle(path)
        assert (seen.engine, seen.tenant, seen.generation, seen.content_id, seen.rows) == ("content_performance_ml", "t1", 1, made.content_id, 1)
    assert made.path.name == made.content_id[:32]
    assert sorted(p.name for p in made.path.iterdir()) == [
        "README.md",
        "croissant.json",
        "datapackage.json",
        "manifest.json",
        "part-00000.parquet",
    ]


@pytest.mark.parametrize("kind", list(BY_FORMAT))
def test_a_flipped_byte_in_any_file_is_refused_and_named(tmp_path, kind):
    made = build(tmp_path, BY_FORMAT[kind])
    for file in sorted(made.path.iterdir()):
        good = file.read_bytes()
        for position in {0, len(good) // 3, len(good) // 2, len(good) - 1}:
            file.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
            with pytest.raises(BundleInvalid) as raised:
                verify_bundle(made.path)
            assert raised.value.file == file.name
        file.write_bytes(good)
    verify_bundle(made.path)


@pytest.mark.parametrize("name", ["part-00000.parquet", "README.md", "manifest.json"])
def test_a_missing_or_longer_file_is_named(tmp_path, name):
    made = build(tmp_path)
    file = made.path / name
    good = file.read_bytes()
    file.write_bytes(good + b" ")
    with pytest.raises(BundleInvalid, match=name):
        verify_bundle(made.path)
    file.unlink()
    with pytest.raises(BundleInvalid, match=f"{name} is missing"):
        verify_bundle(made.path)


def test_an_unexpected_file_is_named(tmp_path):
    made = build(tmp_path)
    (made.path / ".hidden").touch()
    with pytest.raises(BundleInvalid, match=r"\.hidden is not in the manifest"):
        verify_bundle(made.path)


@pytest.mark.parametrize("kind", list(BY_FORMAT))
def test_a_manifest_that_counts_or_types_otherwise_is_refused(tmp_path, kind):
    made = build(tmp_path, BY_FORMAT[kind])
    manifest = read_manifest(made.path)
    part = next(made.path.glob("part-*")).name
    files = tuple(f.model_copy(update={"rows": 77}) if f.path == part else f for f in manifest.files)
    for update, what in (
        ({"files": files, "rows": 77}, "has . rows, the manifest says 77"),
        ({"fields": manifest.fields[::-1]}, "fields"),
        ({"rows": 5}, "number of rows"),
    ):
        (made.path / "manifest.json").write_bytes(manifest.model_copy(update=update).to_bytes())
        with pytest.raises(BundleInvalid, match=what):
            verify_bundle(made.path)


def test_a_pointer_that_leads_nowhere_is_named(tmp_path):
    made = build(tmp_path)
    pointer = made.path.parent / "CURRENT"
    good = pointer.read_text()
    assert json.loads(good) == {"generation": 1, "content_id": made.content_id}
    for broken in ("", "{}", good.replace(made.content_id, "0" * 64)):
        pointer.write_text(broken)
        with pytest.raises(BundleInvalid, match="CURRENT"):
            verify_bundle(made.path.parent)
    (listed,) = current_bundles(tmp_path)
    assert listed.bundle is None
    assert "CURRENT" in (listed.problem or "")
    pointer.unlink()
    with pytest.raises(BundleInvalid, match=r"manifest\.json is missing"):
        verify_bundle(made.path.parent)


def test_what_is_in_force_is_listed(tmp_path):
    assert current_bundles(tmp_path / "nowhere") == []
    build(tmp_path, "optimization")
    build(tmp_path)
    assert [(b.tenant, b.engine, b.bundle.rows) for b in current_bundles(tmp_path, deep=True)] == [
        ("t1", "content_performance_ml", 1),
        ("t1", "optimization", 1),
    ]


GOOD = FEEDS["content_performance_ml"]


@pytest.mark.parametrize(
    ("drift", "column"),
    [
        (lambda f: f.drop("language"), "language"),
        (lambda f: f.with_columns(extra=1), "extra"),
        (lambda f: f.with_columns(pl.col("impressions_24h").cast(pl.Int32)), "impressions_24h"),
        (lambda f: f.with_columns(pl.lit(None, dtype=pl.String).alias("platform")), "platform"),
        (lambda f: f.with_columns(hour_local=pl.lit(24, dtype=pl.Int64)), "hour_local"),
        (lambda f: f.with_columns(impressions_24h=pl.lit(-1, dtype=pl.Int64)), "impressions_24h"),
        (lambda f: f.with_columns(engagement_rate_24h=pl.lit(float("nan"))), "engagement_rate_24h"),
        (lambda f: pl.concat([f, f]), "post_id"),
        (lambda f: f.select("account_id", "post_id", pl.all().exclude("account_id", "post_id")), "account_id"),
    ],
)
def test_rows_that_break_the_contract_leave_the_old_bundle_in_force(tmp_path, drift, column):
    made = build(tmp_path)
    before = sorted(p.name for p in made.path.parent.iterdir())
    with pytest.raises(ContractBroken) as raised:
        build(tmp_path, inputs=more_posts(), feed=replace(GOOD, build=lambda tables, context: drift(GOOD.build(tables, context))))
    assert raised.value.column == column
    assert sorted(p.name for p in made.path.parent.iterdir()) == before
    assert verify_bundle(made.path.parent).content_id == made.content_id


def test_values_outside_a_closed_list_and_small_groups_are_refused():
    scraper = ENGINES["historical_content_scraper"]
    row = {
        "account_id": "a",
        "platform": "X",
        "from": NOON,
        "to": NOON,
        "days": 15.0,
        "reason": "bored",
        "priority": 1,
        "checkpoint": None,
        "synthetic": False,
    }
    with pytest.raises(ContractBroken, match="'bored' in row 0 is not one of gap_between_posts"):
        check_rows(scraper, pl.DataFrame([row], schema=scraper.schema()))
    prior = ENGINES["ai_navigation_framework"]
    cell = {"role": "r", "page": "a", "next_page": "b", "transitions": 9, "sessions": 4, "probability": 1.0, "synthetic": False}
    with pytest.raises(ContractBroken, match="fewer than 5"):
        check_rows(prior, pl.DataFrame([cell], schema=prior.schema()))
    people = ENGINES["customer_intelligence"]
    person = {
        "recency_band": 1,
        "frequency_band": 1,
        "value_band": 1,
        "segment": "lost",
        "recency_days": 1.0,
        "frequency": 1.0,
        "value": None,
        "currency": None,
        "synthetic": False,
    }
    group = [{**person, "customer_ref": f"k{n}"} for n in range(5)]
    check_rows(people, pl.DataFrame(group, schema=people.schema()))
    with pytest.raises(ContractBroken, match="fewer than 5"):
        check_rows(people, pl.DataFrame(group[:4], schema=people.schema()))


class Killed(BaseException):
    """Stands for a process that ends at once."""


def _kill(*_args, **_more):
    raise Killed


STEPS = ["write_parts", "files_in", "read_pointer", "_put_in_place", "synced", "_flip"]


@pytest.mark.parametrize("first", [True, False], ids=["first bundle", "later bundle"])
@pytest.mark.parametrize("step", [*STEPS, "rename", "after rename", "replace"])
def test_a_kill_at_any_step_leaves_the_old_bundle_in_force_and_a_repeat_heals(tmp_path, monkeypatch, step, first):
    old = None if first else build(tmp_path)
    folder = tmp_path / "t1" / "content_performance_ml"
    with monkeypatch.context() as patched:
        if step in ("rename", "replace"):
            patched.setattr(Path, step, _kill)
        elif step == "after rename":
            patched.setattr(bundles, "verify_bundle", _kill)
            patched.setattr(bundles, "_whole", lambda target: False)
        else:
            patched.setattr(bundles, step, _kill)
        with pytest.raises(Killed):
            build(tmp_path, inputs=more_posts())
    if old:
        assert verify_bundle(folder).content_id == old.content_id
    else:
        assert read_pointer(folder) is None
    healed = build(tmp_path, inputs=more_posts())
    assert healed.generation == (1 if first else 2)
    assert verify_bundle(folder).content_id == healed.content_id
    assert not list(folder.glob(".tmp-*"))


def test_what_killed_runs_left_is_cleared_away(tmp_path):
    made = build(tmp_path)
    (made.path.parent / ".tmp-other").mkdir()
    (made.path.parent / ".tmp-other" / "part-00000.parquet").touch()
    (made.path.parent / ".tmp-CURRENT").touch()
    build(tmp_path)
    assert sorted(p.name for p in made.path.parent.iterdir()) == sorted([".lock", "CURRENT", made.path.name])


def test_a_broken_folder_of_the_same_content_is_replaced(tmp_path):
    made = build(tmp_path)
    (made.path / "part-00000.parquet").write_bytes(b"")
    again = build(tmp_path)
    assert (again.generation, again.fresh, again.content_id) == (1, False, made.content_id)
    verify_bundle(made.path.parent)
    (made.path / "manifest.json").unlink()
    build(tmp_path, inputs=more_posts())
    assert build(tmp_path).generation == 3
    verify_bundle(made.path)


def test_two_builds_at_once_are_refused(tmp_path):
    made = build(tmp_path)
    handle = os.open(made.path.parent / ".lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(BusyError):
        build(tmp_path)
    os.close(handle)
    build(tmp_path)


def test_a_moved_bundle_still_verifies(tmp_path):
    made = build(tmp_path)
    copied = shutil.copytree(made.path, tmp_path / "elsewhere")
    assert verify_bundle(copied).content_id == made.content_id


def test_what_the_caller_may_not_say(tmp_path):
    with pytest.raises(PermanentError, match="time zone"):
        build(tmp_path, now=dt.datetime(2026, 1, 1))
    with pytest.raises(PermanentError, match="must agree"):
        build_bundle(
            ENGINES["analytics"],
            FEEDS["analytics"],
            {},
            tenant="t2",
            root=tmp_path,
            lineage=Lineage(run_id="r", code_version="1"),
            quality={},
            now=NOON,
            context=CONTEXT,
        )
    with pytest.raises(PermanentError, match="cannot name a folder"):
        bundles.engine_folder(tmp_path, "../x", "analytics")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 10_000))), max_size=30),
    st.randoms(use_true_random=False),
)
def test_rows_do_not_depend_on_the_order_of_the_inputs_and_keep_the_contract(posts, rng):
    rows = [
        (post(f"p{n}", at(days=day), account_id=f"a{account}"), measured(f"p{n}", 24, seen, 0.1, published=at(days=day)))
        for n, (account, day, seen) in enumerate(posts)
    ]
    shuffled = rng.sample(rows, len(rows))
    for name in ("content_performance_ml", "historical_content_scraper"):
        feed: Feed = FEEDS[name]
        given_tables = {
            order: {t: quality(t) for t in feed.inputs} | {"content_posts": quality("content_posts", *(p for p, _ in listed))}
            | ({"content_analytics": quality("content_analytics", *(m for _, m in listed))} if "content_analytics" in feed.inputs else {})
            for order, listed in (("as is", rows), ("shuffled", shuffled))
        }  # fmt: skip
        one, two = (feed.build(tables, FeedContext(tenant="t1", seed=1)) for tables in given_tables.values())
        check_rows(ENGINES[name], one)
        assert one.equals(two)
