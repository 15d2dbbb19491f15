"""Shared builds: engines that are fed alike share files, and nothing of a bundle that was recalled stays behind."""

import os
import time

import polars as pl
import pytest

from seeding_platform.distribution.feeds import Feed
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.storage.recalls import RECALLED, recall
from seeding_platform_tests.distribution.contracts import contract
from seeding_platform_tests.distribution.test_bundle import build

PINNED = {"quality/content_posts": 4}


class Counted:
    """A feed that says how often it was asked."""

    def __init__(self, engine, count=300):
        self.asked = 0
        rows = pl.DataFrame({"k": [f"{n:06}" for n in range(count)], "s": [f"text {n * 7919 % 1009}" for n in range(count)]})
        self.rows = rows.select(*(rows[n] if n in rows.columns else pl.lit(None, dtype=t).alias(n) for n, t in engine.schema().items()))
        self.feed = Feed("every_type", ("content_posts",), self)
        self.__module__, self.__qualname__ = "tests", "counted"

    def __call__(self, tables, context):
        self.asked += 1
        return self.rows


def part_of(bundle):
    return next(bundle.path.glob("part-*"))


def shared_in(root):
    return [p for p in (root / "t1" / ".parts").glob("[!.]*")]


def test_engines_that_are_fed_alike_share_their_files(tmp_path):
    one, two = contract(name="one"), contract(name="two")
    fed = Counted(one)
    first = build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    second = build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED)
    assert fed.asked == 1
    assert part_of(first).stat().st_ino == part_of(second).stat().st_ino
    assert first.rows == second.rows == 300
    assert read_manifest(first.path).inputs == read_manifest(second.path).inputs
    alone = build(tmp_path / "alone", contract=two, feed=fed.feed)
    assert (alone.content_id, alone.path.joinpath("manifest.json").read_bytes()) == (
        second.content_id,
        second.path.joinpath("manifest.json").read_bytes(),
    )
    for made in (first, second):
        verify_bundle(made.path)


GROUPS = {"k_anonymity": {"k": 2, "fields": ["s"], "distinct": "k"}}
OTHERS = [GROUPS, {"minimum_confidence": 0.9}, {"pinned": {"quality/content_posts": 5}}, {"part_rows": 100}, {"kind": "csv"}]


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_not_fed_alike_is_built_apart(tmp_path, other):
    fed = Counted(contract())
    build(tmp_path, contract=contract(name="one"), feed=fed.feed, pinned=PINNED)
    more = dict(other)
    build_more = {name: more.pop(name) for name in ("pinned", "part_rows") if name in more}
    fed.rows = fed.rows.with_columns(s=pl.lit("all"))
    second = contract(more.pop("kind", "parquet"), name="two", **more)
    build(tmp_path, contract=second, feed=fed.feed, **{"pinned": PINNED, **build_more})
    assert fed.asked == 2


def test_a_damaged_shared_file_is_not_taken(tmp_path):
    one, two = contract(name="one"), contract(name="two")
    fed = Counted(one)
    first = build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    part_of(first).write_bytes(b"other")
    second = build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED)
    assert fed.asked == 2
    verify_bundle(second.path)
    healed = build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    assert healed.path == first.path
    verify_bundle(first.path)


def test_a_recall_takes_the_shared_names_away_at_once_and_the_rest_is_swept(tmp_path):
    one, two = contract(name="one"), contract(name="two")
    fed = Counted(one)
    first = build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    second = build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED)
    (entry,) = shared_in(tmp_path)
    assert sorted(p.name for p in entry.iterdir()) == ["part-00000.parquet", "parts.json"]
    content = part_of(first).read_bytes()
    recall(first.path, request="r", reason="erased", at="2026")
    assert shared_in(tmp_path) == []
    verify_bundle(second.path)
    recall(second.path, request="r", reason="erased", at="2026")
    left = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in (RECALLED, ".lock")]
    assert left == [], "nothing of the rows is anywhere"
    assert content


def test_what_no_bundle_links_to_is_swept_by_the_next_build(tmp_path):
    import shutil

    one = contract(name="one")
    fed = Counted(one)
    first = build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    shutil.rmtree(first.path)
    build(tmp_path, contract=contract(name="two", minimum_confidence=0.8), feed=fed.feed, pinned=PINNED)
    assert len(shared_in(tmp_path)) == 1


def test_where_there_are_no_hard_links_nothing_is_shared(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(1, "not permitted")

    monkeypatch.setattr(os, "link", refused)
    one = contract(name="one")
    fed = Counted(one)
    for name in ("one", "two"):
        verify_bundle(build(tmp_path, contract=contract(name=name), feed=fed.feed, pinned=PINNED).path)
    assert (fed.asked, shared_in(tmp_path)) == (2, [])


@pytest.mark.parametrize("step", ["put", "taken"])
def test_a_kill_while_sharing_leaves_nothing_in_the_way(tmp_path, monkeypatch, step):
    from seeding_platform.distribution import shared

    one, two = contract(name="one"), contract(name="two")
    fed = Counted(one)
    if step == "taken":
        build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shared.os, "link", killed)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED)
    made = build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED)
    verify_bundle(made.path)
    assert len(shared_in(tmp_path)) == 1
    assert not list((tmp_path / "t1" / ".parts").glob(".tmp-*"))


@pytest.mark.long
def test_twelve_alike_cost_less_than_twelve_apart(tmp_path):
    engines = [contract(name=f"e{n}", without=("tags", "xs", "at", "day", "b")) for n in range(12)]
    fed = Counted(engines[0], 100_000)
    cost = {}
    for how, pinned in (("apart", None), ("shared", PINNED)):
        began = time.process_time()
        for engine in engines:
            build(tmp_path / how, contract=engine, feed=fed.feed, pinned=pinned)
        cost[how] = time.process_time() - began
    print(cost)
    assert cost["shared"] < 0.8 * cost["apart"], cost


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": [{"path": "x"}]}', '{"rows": 1}'])
def test_what_is_known_of_shared_files_and_cannot_be_read_is_swept(tmp_path, text):
    one, two = contract(name="one"), contract(name="two")
    fed = Counted(one)
    build(tmp_path, contract=one, feed=fed.feed, pinned=PINNED)
    (entry,) = shared_in(tmp_path)
    (entry / "parts.json").write_text(text)
    assert build(tmp_path, contract=two, feed=fed.feed, pinned=PINNED).rows == 300
    assert fed.asked == 2
    assert "files" in (entry / "parts.json").read_text()
