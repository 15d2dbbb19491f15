"""SQL over the lake: typed whatever files there are, at a version, and closed towards everything else."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from seeding_platform.errors import PermanentError
from seeding_platform.storage.lake import Lake, TableMissing
from seeding_platform.storage.query import sql, tables_named

SCHEMA = {"tenant": pl.String, "at": pl.Datetime("us", "UTC"), "money": pl.Decimal(18, 2), "tags": pl.List(pl.String), "n": pl.Int64}
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(tmp_path / "it's a lake")
    lake.overwrite("clean/things", pl.DataFrame([("2024", NOON, Decimal("1.50"), ["x"], 1)], schema=SCHEMA, orient="row"))
    lake.replace("clean/things", pl.DataFrame({"tenant": ["u & 50%"], "n": [2], "late": [0.5]}), {"tenant": "u & 50%"})
    lake.overwrite("raw/none", pl.DataFrame(schema=SCHEMA))
    return lake


def test_types_survive_older_files_and_number_like_tenants(lake):
    rows = sql(lake, "SELECT * FROM clean.things ORDER BY n", ["clean/things"])
    assert dict(rows.schema) == dict(lake.read("clean/things").collect_schema())
    assert rows.select("tenant", "at", "money", "tags", "late").rows() == [
        ("2024", NOON, Decimal("1.50"), ["x"], None),
        ("u & 50%", None, None, None, 0.5),
    ]


def test_a_table_without_files_has_its_columns(lake):
    assert sql(lake, 'SELECT sum(money) AS s, count(*) AS n FROM "raw/none"', ["raw/none"]).rows() == [(None, 0)]


def test_a_version_and_placeholders(lake):
    query = "SELECT count(*) FROM clean.things WHERE tenant = $tenant"
    assert sql(lake, query, {"clean/things": 0}, {"tenant": "u & 50%"}).item() == 0
    assert sql(lake, query, {"clean/things": None}, {"tenant": "u & 50%"}).item() == 1


def test_nothing_else_can_be_read_or_written(lake, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for query in (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'x.csv'}'",
        f"COPY (SELECT 1) TO '{tmp_path}/it''s a lake/x.csv'",
        "SELECT 1; SELECT 2",
        "SET enable_external_access = true",
        "SELECT * FROM nowhere",
        "SELEC",
    ):
        with pytest.raises(PermanentError):
            sql(lake, query, ["clean/things"])
    assert not list(tmp_path.rglob("x.csv"))
    with pytest.raises(TableMissing):
        sql(lake, "SELECT 1", ["clean/nowhere"])


def test_tables_are_found_by_either_spelling(lake):
    assert tables_named(lake, 'SELECT 1 FROM clean.things, "raw/none"') == ["clean/things", "raw/none"]
    assert tables_named(lake, "SELECT 1") == []


INTEGRITY = {
    "null": """
    -- No records should be stuck in incomplete states
    SELECT COUNT(*) FROM exception_records
    WHERE ai_confidence IS NULL
      AND created_at < NOW() - INTERVAL '1 day';
    -- Should be 0 or very low
    """,
    "share": """
    SELECT
      COUNT(*) FILTER (WHERE ai_confidence >= 0.7) * 100.0 / COUNT(*) as high_confidence_rate
    FROM exception_records
    WHERE ai_confidence IS NOT NULL;
    """,
    "retries": "SELECT COUNT(*) FROM exception_records WHERE enrichment_retry_count > 5;",
}


def test_an_enriched_table_goes_by_its_name_alone(lake):
    rows = {"created_at": [NOON, NOON, NOON], "ai_confidence": [None, 0.9, 0.5], "enrichment_retry_count": [5, 0, 0]}
    lake.overwrite("enriched/exception_records", pl.DataFrame(rows))
    found = {name: sql(lake, query, tables_named(lake, query)).rows()[0][0] for name, query in INTEGRITY.items()}
    assert found == {"null": 1, "share": 50.0, "retries": 0}
    assert tables_named(lake, "SELECT 1 FROM more_exception_records") == []
