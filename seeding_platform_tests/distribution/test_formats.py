"""Formats: what is written reads back, by us and by others' readers."""

import csv
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings

from seeding_platform.catalog.engine import BundleFormat, libsvm_problem, load_engines
from seeding_platform.distribution.formats import EXTENSIONS, read_rows, shape_problem, write_parts, write_rows
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform_tests.distribution.contracts import contract, fixed, frames
from seeding_platform_tests.distribution.test_bundle import build

EVERY = contract("csv")
SVM = contract("libsvm", label=True, without=("xs",))


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "ndjson", "json"])
def test_every_type_reads_back_as_it_was(kind):
    @settings(max_examples=20, deadline=None)
    @given(frames(EVERY))
    def reads_back(rows):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"x.{kind}"
            write_rows(rows, path, BundleFormat(kind))
            assert read_rows(path, BundleFormat(kind), EVERY.schema()).equals(rows)
            assert shape_problem(path, BundleFormat(kind), EVERY.schema(), rows=rows.height) is None

    reads_back()


@settings(max_examples=20, deadline=None)
@given(frames(EVERY))
def test_csv_is_that_of_rfc_4180(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        write_rows(rows, path, BundleFormat.CSV)
        with path.open(newline="", encoding="utf-8") as stream:
            header, *lines = csv.reader(stream, strict=True)
        assert header == rows.columns
        assert [line[0] for line in lines] == rows["k"].to_list()
        for line, row in zip(lines, rows.iter_rows(named=True), strict=True):
            said = dict(zip(header, line, strict=True))
            assert said["d"] == ("" if row["d"] is None else f"{row['d']:f}")
            assert said["f"] == "" if row["f"] is None else float(said["f"]) == row["f"]
            assert said["tags"] == "" if row["tags"] is None else json.loads(said["tags"]) == row["tags"]
            assert said["b"] == {None: "", True: "true", False: "false"}[row["b"]]


@settings(max_examples=20, deadline=None)
@given(frames(SVM))
def test_libsvm_is_what_scikit_learn_reads(rows):
    import numpy as np
    from sklearn.datasets import load_svmlight_file

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write_parts(rows, folder, SVM)
        assert written == {"features.json": None, "part-00000.libsvm": rows.height}
        path = folder / "part-00000.libsvm"
        features = json.loads((folder / "features.json").read_bytes())["features"]
        assert shape_problem(path, BundleFormat.LIBSVM, {}, rows=rows.height) is None
        if not rows.height:
            return
        matrix, labels = load_svmlight_file(str(path), n_features=len(features), zero_based=False)
        assert labels.tolist() == [float(y) for y in rows["y"]]
        wanted = [[_told(row, feature) for feature in features] for row in rows.iter_rows(named=True)]
        np.testing.assert_allclose(matrix.toarray(), np.array(wanted), rtol=1e-14)  # its reader of numbers is off by one bit now and then
        assert read_rows(path, BundleFormat.LIBSVM, {}).drop("label").rows() == [tuple(line) for line in wanted]


def _told(row, feature):
    import datetime as dt

    value = row[feature["field"]]
    if feature["kind"] == "missing":
        return float(value is None)
    if feature["kind"] == "category":
        return float(feature["values"][0] in (value if isinstance(value, list) else [value]))
    if isinstance(value, dt.datetime):
        return round((value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1)) / 1e6
    if isinstance(value, dt.date):
        return float((value - dt.date(1970, 1, 1)).days)
    return 0.0 if value is None else float(value)


def test_many_categories_are_one_index_with_their_number(tmp_path):
    engine = contract("libsvm", label=True, without=("i", "f", "d", "b", "day", "at", "tags", "xs"))
    rows = pl.DataFrame({"k": [str(n) for n in range(300)], "s": [f"c{n:03}" for n in range(300)], "y": [True] * 300})
    write_parts(rows, tmp_path, engine)
    first, second = json.loads((tmp_path / "features.json").read_bytes())["features"]
    assert (first["kind"], len(first["values"]), second["kind"]) == ("code", 300, "missing")
    assert (tmp_path / "part-00000.libsvm").read_text().splitlines()[299] == "1 1:300"


def test_which_engines_can_be_libsvm():
    assert [name for name, engine in load_engines().items() if libsvm_problem(engine.fields) is None] == ["churn_prediction"]
    for more, why in (
        ({"label": False, "without": ("xs",)}, "0 labels"),
        ({"label": True}, "list of numbers"),
        ({"label": True, "without": ("i", "f", "d", "b", "day", "at", "s", "tags", "xs")}, "no feature"),
    ):
        with pytest.raises(ValueError, match=why):
            contract("libsvm", **more)


@pytest.mark.parametrize("kind", list(EXTENSIONS))
def test_large_bundles_come_in_parts(tmp_path, kind):
    engine = contract(str(kind), label=True, without=("xs", "tags", "d"))
    rows = pl.DataFrame({"k": [f"{n:03}" for n in range(25)], "i": range(25), "y": [n % 2 == 0 for n in range(25)]})
    rows = rows.select(*(rows[n] if n in rows.columns else pl.lit(None, dtype=t).alias(n) for n, t in engine.schema().items())).cast(engine.schema())
    made = build(tmp_path, contract=engine, feed=fixed(rows), part_rows=10)
    names = [f"part-0000{n}.{EXTENSIONS[kind]}" for n in range(3)]
    manifest = read_manifest(made.path)
    assert {f.path: f.rows for f in manifest.files if f.rows is not None} == dict(zip(names, (10, 10, 5), strict=True))
    assert names[-1] in (made.path / "README.md").read_text()
    verify_bundle(made.path)
    together = pl.concat([read_rows(made.path / name, kind, engine.schema()) for name in names])
    assert together["i" if kind != "libsvm" else "1"].cast(pl.Int64).to_list() == list(range(25))
    one = build(tmp_path / "one", contract=engine, feed=fixed(rows))
    assert one.content_id != made.content_id


def test_pyarrow_reads_what_is_for_it(tmp_path):
    import pyarrow.ipc
    import pyarrow.parquet

    for kind in ("parquet", "arrow"):
        engine = contract(kind)
        rows = pl.DataFrame({"k": ["a", "b"]}).select("k", *(pl.lit(None, dtype=t).alias(n) for n, t in engine.schema().items() if n != "k"))
        write_parts(rows, tmp_path, engine)
        path = tmp_path / f"part-00000.{kind}"
        table = pyarrow.parquet.read_table(path) if kind == "parquet" else pyarrow.ipc.open_file(path).read_all()
        assert table.num_rows == 2
        assert table.column_names == rows.columns


@pytest.mark.parametrize(("kind", "text", "what"), [
    ("csv", "a,b\r\n1,2\r\n", "other fields"),
    ("csv", "", "cannot be read"),
    ("libsvm", "1 99:1\n", "cannot be read"),
    ("libsvm", "one 1:1\n", "cannot be read"),
    ("libsvm", "1 1:1\n1 1:1\n", "has 2 rows"),
])  # fmt: skip
def test_files_of_another_shape_are_refused(tmp_path, kind, text, what):
    path = tmp_path / f"part-00000.{kind}"
    path.write_text(text)
    (tmp_path / "features.json").write_text('{"label":"y","features":[{"index":1,"field":"x","kind":"number"}]}')
    assert what in (shape_problem(path, BundleFormat(kind), EVERY.schema(), rows=1) or "")
