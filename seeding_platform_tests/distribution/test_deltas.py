"""Deltas: what changed is enough to make the new rows of the old ones."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.distribution.deltas import apply_delta, changes
from seeding_platform.distribution.formats import bundle_rows, read_rows
from seeding_platform.distribution.manifest import BundleInvalid, read_manifest
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.errors import PermanentError
from seeding_platform.storage.recalls import RECALLED, recall
from seeding_platform_tests.distribution.contracts import contract, fixed, frames
from seeding_platform_tests.distribution.test_bundle import build

EVERY = contract()
KEYS = st.sampled_from(list("abcdefgh"))


@settings(max_examples=25, deadline=None)
@given(frames(EVERY, keys=KEYS), frames(EVERY, keys=KEYS))
def test_base_and_delta_make_the_new_rows(base, rows):
    found = changes(base, rows, ["k"])
    made = apply_delta(base, found.upserts, found.deletes, ["k"])
    assert made.sort("k").equals(rows.sort("k"))
    assert found.deletes.columns == ["k"]
    assert set(found.deletes["k"]) == set(base["k"]) - set(rows["k"])
    unchanged = {row[0]: row for row in base.rows()}
    assert all(unchanged.get(row[0]) != row for row in found.upserts.rows()), "what did not change is not told"


def test_a_null_is_a_key_like_any_other_and_a_repeated_key_is_refused():
    schema = {"a": pl.String, "b": pl.Int64, "v": pl.List(pl.String)}
    base = pl.DataFrame([("x", None, ["1"]), (None, None, None), (None, 1, [])], schema=schema, orient="row")
    rows = pl.DataFrame([("x", None, ["1"]), (None, None, ["2"])], schema=schema, orient="row")
    found = changes(base, rows, ["a", "b"])
    assert (found.upserts.rows(), found.deletes.rows()) == ([(None, None, ["2"])], [(None, 1)])
    assert apply_delta(base, found.upserts, found.deletes, ["a", "b"]).rows() == rows.rows()
    twice = pl.concat([base, base])
    for before, after in ((twice, rows), (base, twice)):
        with pytest.raises(PermanentError, match="have one key"):
            changes(before, after, ["a", "b"])
    with pytest.raises(PermanentError, match="other fields"):
        changes(base.drop("v"), rows, ["a", "b"])


def numbered(engine, count, *, changed=()):
    schema = engine.schema()
    numbers = range(count)
    texts = [f"text {n * 7919 % 1009}" for n in numbers]
    rows = pl.DataFrame({"k": [f"{n:05}" for n in numbers], "i": [-n if n in changed else n for n in numbers], "s": texts})
    return rows.select(*(rows[n] if n in rows.columns else pl.lit(None, dtype=t).alias(n) for n, t in schema.items())).cast(schema)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "ndjson", "json", "csv"])
def test_a_bundle_holds_the_delta_from_the_one_before(tmp_path, kind):
    engine = contract(kind)
    old, new = numbered(engine, 2000), numbered(engine, 1990, changed={3, 5})
    first = build(tmp_path, contract=engine, feed=fixed(old))
    second = build(tmp_path, contract=engine, feed=fixed(new))
    assert read_manifest(first.path).delta is None
    manifest = read_manifest(second.path)
    delta = manifest.delta
    assert delta is not None
    assert (delta.base_content_id, delta.base_generation, delta.upserts, delta.deletes) == (first.content_id, 1, 2, 10)
    assert [f.path for f in delta.files] == [f"delta-deletes.{kind}", f"delta-upserts.{kind}"]
    assert not {f.path for f in delta.files} & {f.path for f in manifest.files}
    deletes = read_rows(second.path / delta.files[0].path, engine.format, {"k": pl.String()})
    upserts = read_rows(second.path / delta.files[1].path, engine.format, engine.schema())
    made = apply_delta(bundle_rows(first.path, read_manifest(first.path)), upserts, deletes, ["k"])
    assert made.sort("k").equals(new)
    verify_bundle(second.path)
    fresh = build(tmp_path / "fresh", contract=engine, feed=fixed(new))
    assert fresh.content_id == second.content_id, "how one gets there is not part of what it is"
    (second.path / delta.files[1].path).write_bytes(b"")
    with pytest.raises(BundleInvalid, match="delta-upserts"):
        verify_bundle(second.path)


def test_no_delta_where_it_is_not_worth_it_or_has_no_ground(tmp_path):
    engine = contract()
    old, new = numbered(engine, 500), numbered(engine, 500, changed={1})
    build(tmp_path / "much", contract=engine, feed=fixed(old))
    much = build(tmp_path / "much", contract=engine, feed=fixed(numbered(engine, 500, changed=set(range(400)))))
    assert read_manifest(much.path).delta is None
    assert not list(much.path.glob("delta-*"))
    damaged = build(tmp_path / "damaged", contract=engine, feed=fixed(old))
    next(damaged.path.glob("part-*")).write_bytes(b"")
    assert read_manifest(build(tmp_path / "damaged", contract=engine, feed=fixed(new)).path).delta is None
    build(tmp_path / "other", contract=engine, feed=fixed(old))
    newer = contract(version="1.1")
    assert read_manifest(build(tmp_path / "other", contract=newer, feed=fixed(new)).path).delta is None


def test_a_delta_is_recalled_with_its_bundle_and_none_leads_away_from_a_recalled_one(tmp_path):
    engine = contract()
    first = build(tmp_path, contract=engine, feed=fixed(numbered(engine, 2000)))
    second = build(tmp_path, contract=engine, feed=fixed(numbered(engine, 2000, changed={7})))
    assert list(second.path.glob("delta-*"))
    recall(second.path, request="r", reason="erased", at="2026")
    assert [p.name for p in second.path.iterdir()] == [RECALLED]
    third = build(tmp_path, contract=engine, feed=fixed(numbered(engine, 1999)))
    assert third.generation == 3
    assert read_manifest(third.path).delta is None
    recall(first.path, request="r", reason="erased", at="2026")
    verify_bundle(third.path)
