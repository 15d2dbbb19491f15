"""Files that somebody took: bundles as they are really made are read as they were written; what is not as told is refused."""

import datetime as dt
import decimal

import polars as pl
import pytest

from seeding_platform.catalog.engine import load_engines
from seeding_platform.distribution.formats import read_rows
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.receipt import Announced, Refused, ToldField
from seeding_platform.distribution.taken import as_told, check_rows, count, dtype_of, rows_of, scanned
from seeding_platform_tests.distribution.test_bundle import BY_FORMAT, build

TYPED = pl.DataFrame(
    {
        "ref": ["a", 'b,"c"', None],
        "n": [1, None, -3],
        "x": [0.5, None, 1e300],
        "money": [decimal.Decimal("1.50"), None, decimal.Decimal("-12345678901234.99")],
        "yes": [True, None, False],
        "day": [dt.date(2026, 11, 27), None, dt.date(1999, 1, 1)],
        "at": [dt.datetime(2026, 11, 27, 6, 1, 2, 345678, tzinfo=dt.UTC), None, dt.datetime(1999, 1, 1, tzinfo=dt.UTC)],
    },
    schema_overrides={"money": pl.Decimal(18, 2), "at": pl.Datetime("us", "UTC")},
)
TYPES = {"ref": "string", "n": "int", "x": "float", "money": "decimal", "yes": "bool", "day": "date", "at": "timestamp"}
FIELDS = [ToldField(name=name, type=kind, nullable=True) for name, kind in TYPES.items()]


@pytest.mark.parametrize("engine", [*BY_FORMAT.values()])
def test_bundles_that_are_made_here_are_read(tmp_path, engine):
    for inputs in (None, {}):
        made = build(tmp_path / str(inputs), engine, inputs=inputs)
        manifest, announced = read_manifest(made.path), Announced.model_validate_json((made.path / "manifest.json").read_bytes())
        assert all(as_told(made.path, file) for file in announced.files)
        assert check_rows(made.path, announced) == made.rows
        part = next(f.path for f in manifest.files if f.rows is not None)
        assert rows_of(made.path, announced).collect().equals(read_rows(made.path / part, manifest.format, manifest.dtypes()))


def test_every_type_of_a_contract_has_one_here():
    for engine in load_engines().values():
        for field in engine.fields:
            assert dtype_of(ToldField.model_validate(field.model_dump(mode="json"))) == field.dtype()


@pytest.mark.parametrize("kind", ["parquet", "arrow", "ndjson", "json", "csv"])
def test_every_type_in_every_format(tmp_path, kind):
    path = tmp_path / f"part-00000.{kind}"
    frame = TYPED.with_columns(pl.col("at").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")) if kind == "csv" else TYPED
    {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "ndjson": frame.write_ndjson, "json": frame.write_json, "csv": frame.write_csv}[kind](
        path
    )
    assert count(path, kind, FIELDS) == 3
    assert scanned(path, kind, FIELDS).collect().equals(TYPED)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "ndjson", "json", "csv"])
def test_what_cannot_be_read_is_refused_without_a_word_of_it(tmp_path, kind):
    path = tmp_path / f"part-00000.{kind}"
    path.write_bytes(b'{"ref": anna@example.com\n\xff\xfe"')
    with pytest.raises(Refused) as refused:
        count(path, kind, FIELDS)
    assert refused.value.code == "validation-failed"
    assert "anna" not in str(refused.value)
