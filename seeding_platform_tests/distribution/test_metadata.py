"""What a bundle says of itself to tools of others: Croissant and Data Package, and what the manifest says beside its files."""

import datetime as dt
import json
import logging

import polars as pl
import pytest

from seeding_platform.distribution.manifest import Manifest, Seal, read_manifest
from seeding_platform.storage.content import canonical_json
from seeding_platform_tests.distribution.contracts import contract, fixed
from seeding_platform_tests.distribution.frames import at
from seeding_platform_tests.distribution.test_bundle import INPUTS, build, more_posts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""The readers of others use what others have deprecated."""
ROWS = {
    "k": ["a", "b", "c"],
    "i": [1, None, -3],
    "f": [0.5, None, 1e300],
    "d": ["1.10", None, "-0.01"],
    "b": [True, None, False],
    "day": [dt.date(2026, 1, 2), None, dt.date(1999, 12, 31)],
    "at": [at(), None, at(hours=1)],
    "s": ['with "quotes", and\na line', None, "é"],
    "tags": [["x", "y"], None, []],
    "xs": [[0.5], None, []],
}


def made_of(tmp_path, kind, **more):
    engine = contract(kind, **more)
    rows = pl.DataFrame({n: v for n, v in ROWS.items() if n in engine.schema()}, strict=False)
    rows = rows.with_columns(pl.col("d").cast(pl.Decimal(18, 2))).cast(engine.schema()).select(list(engine.schema()))
    return build(tmp_path, contract=engine, feed=fixed(rows))


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson", "json"])
def test_mlcroissant_validates_and_loads_the_records(tmp_path, kind):
    import mlcroissant

    logging.getLogger("absl").setLevel(logging.ERROR)
    made = made_of(tmp_path, kind, without=("i", "b", "xs", "day", "at", "tags"))
    dataset = mlcroissant.Dataset(str(made.path / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("rows"))
    told = [record["rows/k"] for record in records]
    assert [t.decode() if isinstance(t, bytes) else t for t in told] == ["a", "b", "c"]
    assert float(records[0]["rows/f"]) == 0.5


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv", "ndjson", "json"])
def test_mlcroissant_finds_no_error_in_any_format(tmp_path, kind):
    import mlcroissant

    made = made_of(tmp_path, kind)
    assert not mlcroissant.Dataset(str(made.path / "croissant.json")).metadata.ctx.issues.errors
    told = json.loads((made.path / "croissant.json").read_bytes())
    files = {f.path: f.sha256 for f in read_manifest(made.path).files}
    assert {f["contentUrl"]: f["sha256"] for f in told["distribution"]}.items() <= files.items()


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet", "arrow", "json"])
def test_frictionless_finds_the_package_valid(tmp_path, kind):
    import frictionless

    made = made_of(tmp_path, kind)
    path = made.path / "datapackage.json"
    if kind == "csv":
        report = frictionless.validate(str(path))
        assert report.valid, report.flatten(["type", "message"])
        part = made.path / "part-00000.csv"
        part.write_bytes(part.read_bytes().replace(b"1.10", b"1.1x"))
        assert not frictionless.validate(str(path)).valid
    else:
        package = frictionless.Package.from_descriptor(json.loads(path.read_bytes()), basepath=str(made.path))
        assert [r.hash for r in package.resources] == [f"sha256:{f.sha256}" for f in read_manifest(made.path).files if f.rows is not None]


def test_frictionless_finds_rows_of_parquet_valid_by_their_schema(tmp_path):
    """Its reader of Parquet counts no bytes and goes over pandas, which has no whole numbers, days and moments that are missing, and no lists."""
    import frictionless

    made = made_of(tmp_path, "parquet", without=("i", "tags", "xs", "day", "at"))
    told = json.loads((made.path / "datapackage.json").read_bytes())
    (part,) = (r for r in told["resources"] if "schema" in r)
    part = {name: value for name, value in part.items() if name not in ("bytes", "hash")}

    def looked():
        return frictionless.Resource.from_descriptor(part, basepath=str(made.path)).validate()

    assert (looked().valid, looked().tasks[0].stats["rows"]) == (True, 3), looked().flatten(["type", "message"])
    path = made.path / part["path"]
    pl.read_parquet(path).with_columns(k=pl.lit(None, dtype=pl.String)).write_parquet(path)
    assert {told for (told,) in looked().flatten(["type"])} == {"constraint-error", "primary-key"}


def test_the_manifest_tells_how_sure_its_rows_are_and_until_when_it_may_be_used(tmp_path):
    seal = Seal(number=3, sha256="ab" * 32)
    made = build(tmp_path, seal=seal, expires=at(days=30))
    manifest = read_manifest(made.path)
    assert manifest.quality["confidence"]["content_posts"] == {"mean": 1.0, "lowest": 1.0}
    assert (manifest.seal, manifest.expires, manifest.delta, manifest.pii_policy) == (seal, at(days=30), None, "drop-1")
    again = build(tmp_path / "again", now=at(days=1), run="r9")
    assert again.content_id == made.content_id
    assert read_manifest(again.path).seal is None
    cube = build(tmp_path, "analytics")
    assert read_manifest(cube.path).quality["confidence"]["ad_facts"] == {"mean": 0.55, "lowest": 0.1}
    assert build(tmp_path, inputs={**more_posts(), "campaigns": []}).rows == 2
    assert INPUTS


def test_manifests_from_before_these_fields_still_read(tmp_path):
    made = build(tmp_path)
    told = json.loads((made.path / "manifest.json").read_bytes())
    for later in ("delta", "seal", "expires"):
        told.pop(later)
    told.pop("self_sha256")
    import hashlib

    text = canonical_json({**told, "self_sha256": hashlib.sha256(canonical_json(told)).hexdigest()})
    (made.path / "manifest.json").write_bytes(text)
    assert isinstance(read_manifest(made.path), Manifest)
