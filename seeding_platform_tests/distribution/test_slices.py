"""Rows that are written, checked and compared slice by slice: the slices change nothing of what comes out, and no file is held whole."""

import json
import tempfile
import tracemalloc
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.catalog.engine import BundleFormat
from seeding_platform.distribution import formats, key_shares, libsvm, text_files
from seeding_platform.distribution.deltas import changes
from seeding_platform.distribution.formats import scan_rows, shape_problem, write_parts, write_rows
from seeding_platform.distribution.key_shares import first_repeat
from seeding_platform_tests.distribution.contracts import contract, frames

EVERY = contract("csv")
SVM = contract("libsvm", label=True, without=("xs",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5
)


@pytest.mark.parametrize("kind", ["ndjson", "json", "csv"])
def test_slices_give_the_bytes_of_the_whole(kind):
    @settings(max_examples=20, deadline=None)
    @given(frames(EVERY))
    def same(rows):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as sliced:
            whole, parts = Path(folder) / "whole", Path(folder) / "parts"
            write_rows(rows, whole, BundleFormat(kind))
            sliced.setattr(formats, "_ROW_GROUP", 2)
            write_rows(rows, parts, BundleFormat(kind))
            assert whole.read_bytes() == parts.read_bytes()
            assert scan_rows([parts], BundleFormat(kind), EVERY.schema()).collect().equals(rows)

    same()


@settings(max_examples=20, deadline=None)
@given(frames(SVM))
def test_slices_of_libsvm_give_the_bytes_of_the_whole(rows):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as sliced:
        one, two = Path(folder) / "one", Path(folder) / "two"
        for place in (one, two):
            place.mkdir()
            write_parts(rows, place, SVM)
            sliced.setattr(libsvm, "SLICE_ROWS", 2)
            sliced.setattr(text_files.whole_lines, "__kwdefaults__", {"most_bytes": 9})
        assert (one / "part-00000.libsvm").read_bytes() == (two / "part-00000.libsvm").read_bytes()
        assert shape_problem(two / "part-00000.libsvm", BundleFormat.LIBSVM, {}, rows=rows.height) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(JSON, max_size=5), st.sampled_from([None, 1]), st.integers(1, 9))
def test_records_are_those_of_the_array(told, indent, piece):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as small:
        small.setattr(text_files, "PIECE", piece)
        path = Path(folder) / "x.json"
        path.write_text(json.dumps(told, indent=indent, ensure_ascii=False), encoding="utf-8")
        assert list(text_files.records(path)) == told


@pytest.mark.parametrize("text", ["", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1] 2", "[1]]", "[{]", '["a]', "[nul]", "[1]\x00"])
def test_what_is_no_array_is_told(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        list(text_files.records(path))
    assert shape_problem(path, BundleFormat.JSON, EVERY.schema(), rows=1).startswith("cannot be read as json")


def test_a_record_that_never_ends_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MOST_RECORD", 1000)
    monkeypatch.setattr(text_files, "PIECE", 100)
    path = tmp_path / "x.json"
    path.write_text('["' + "a" * 5000)
    with pytest.raises(ValueError, match="too long"):
        list(text_files.records(path))


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_a_shape_is_found_without_the_whole_in_memory(tmp_path, kind, monkeypatch):
    path, number = tmp_path / f"x.{kind}", 20_000
    rows = pl.select(k=pl.int_range(number).cast(pl.String), s=pl.lit("a text of some letters"))
    write_rows(rows, path, BundleFormat(kind))
    monkeypatch.setattr(text_files, "PIECE", 1 << 14)
    monkeypatch.setattr("seeding_platform.distribution.files.PIECE", 1 << 14)
    tracemalloc.start()
    try:
        assert shape_problem(path, BundleFormat(kind), {"k": pl.String(), "s": pl.String()}, rows=number) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 4


@settings(max_examples=30, deadline=None)
@given(frames(EVERY, max_size=8), frames(EVERY, max_size=8), st.booleans())
def test_shares_find_what_the_whole_finds(base, rows, doubled):
    with pytest.MonkeyPatch.context() as shared:
        whole = changes(base, rows, ["k"])
        shared.setattr(key_shares, "ROWS", 2)
        parts = changes(base, rows, ["k"])
        assert parts.upserts.equals(whole.upserts)
        assert parts.deletes.equals(whole.deletes)
        twice = pl.concat([rows, rows.tail(1)]) if doubled else rows
        assert first_repeat(twice, ["k"]) == (rows.height - 1 if doubled and rows.height else None)


def test_the_first_of_several_repeats_is_found_over_several_fields(monkeypatch):
    monkeypatch.setattr(key_shares, "ROWS", 2)
    rows = pl.DataFrame({"a": [1, 1, None, 2, None, 1], "b": ["x", "y", "z", "x", "z", "y"]})
    assert first_repeat(rows, ["a", "b"]) == 1
    assert first_repeat(rows.slice(2), ["a", "b"]) == 0
    assert first_repeat(rows.head(4), ["a", "b"]) is None
