"""SQL over tables of the lake: DuckDB in memory, one view a table, each at one version.

For people and reports that ask in SQL; rooms read with `Lake.read`. A query reads tables of this lake and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import PermanentError
from seeding_platform.storage.lake import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from seeding_platform.storage.lake import Lake

SHORT = "enriched"
"""The layer whose tables go by their name alone too: what reports on records asks for."""
_TYPES = {pl.String: "VARCHAR", pl.Int64: "BIGINT", pl.Int32: "INTEGER", pl.UInt32: "UINTEGER", pl.Float64: "DOUBLE", pl.Boolean: "BOOLEAN"}
_TYPES |= {pl.Date: "DATE", pl.Binary: "BLOB", pl.Int8: "TINYINT", pl.Int16: "SMALLINT", pl.Float32: "FLOAT"}


def sql(lake: Lake, query: str, tables: Mapping[str, int | None] | Sequence[str], params: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Answer a query over tables of the lake.

    Args:
        lake: where the tables are.
        query: SQL in DuckDB's dialect; a table is named `"clean/content_posts"` (with quotes) or `clean.content_posts`.
        tables: `<layer>/<table>` to version (None: the latest), or only names.
        params: values of `$name` placeholders; values never belong into the text.

    Raises:
        TableMissing: the lake has no such table.
        PermanentError: the query cannot be answered; the message is DuckDB's own.
    """
    import duckdb

    wanted = dict(tables) if isinstance(tables, Mapping) else dict.fromkeys(tables)
    with duckdb.connect(":memory:") as connection:
        for table, version in wanted.items():
            _view(connection, lake, table, version)
        connection.execute(f"SET allowed_directories = [{quoted(lake.root)}]")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            statements = connection.extract_statements(query)
            if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
                raise PermanentError("Only one SELECT can be answered: nothing is written or set up by a query.")
            return connection.sql(query, params=dict(params or {})).pl()
        except duckdb.Error as error:
            raise PermanentError(
                f"The query cannot be answered: {error}", fix="`seeding tables` lists the tables, `seeding show` their columns."
            ) from error


def tables_named(lake: Lake, query: str) -> list[str]:
    """Tables of the lake that a query's text names, as `layer/table` or `layer.table`; an enriched one by its name alone too."""

    def named(table: str) -> bool:
        layer, _, name = table.partition("/")
        return table in query or f"{layer}.{name}" in query or (layer == SHORT and re.search(rf"\b{re.escape(name)}\b", query) is not None)

    return [table for table in lake.tables() if named(table)]


def _view(connection: DuckDBPyConnection, lake: Lake, table: str, version: int | None) -> None:
    """One table as view: typed by the Delta schema even where it has no file or files from before a column was added."""
    schema = lake.read(table, version=version).collect_schema()
    empty = ", ".join(f"NULL::{duckdb_type(dtype)} AS {_named(name)}" for name, dtype in schema.items())
    text = f"SELECT {empty} WHERE false"
    if files := lake.files(table, version=version):
        hive = "hive_partitioning=true, hive_types={'tenant': VARCHAR}" if "tenant" in schema else "hive_partitioning=false"
        rows = f"read_parquet([{', '.join(map(quoted, files))}], union_by_name=true, {hive})"
        text = f"SELECT * FROM ({text}) UNION ALL BY NAME SELECT * FROM {rows}"  # noqa: S608 (quoted names, no values)
    layer, _, name = table.partition("/")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_named(layer)}")
    connection.execute(f"CREATE VIEW {_named(layer)}.{_named(name)} AS {text}")
    connection.execute(f"CREATE VIEW {_named(table)} AS FROM {_named(layer)}.{_named(name)}")
    if layer == SHORT:
        connection.execute(f"CREATE VIEW {_named(name)} AS FROM {_named(layer)}.{_named(name)}")


def duckdb_type(dtype: pl.DataType) -> str:
    """DuckDB's name of a Polars type.

    >>> duckdb_type(pl.List(pl.Decimal(18, 2))), duckdb_type(pl.Datetime("us", "UTC"))
    ('DECIMAL(18, 2)[]', 'TIMESTAMPTZ')
    """
    if isinstance(dtype, pl.List):
        return f"{duckdb_type(dtype.inner)}[]"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ" if dtype.time_zone else "TIMESTAMP"
    if isinstance(dtype, pl.Struct):
        return f"STRUCT({', '.join(f'{_named(f.name)} {duckdb_type(f.dtype)}' for f in dtype.fields)})"  # type: ignore[arg-type]
    try:
        return _TYPES[type(dtype)]
    except KeyError as error:
        raise PermanentError(f"A column of type {dtype} cannot be queried in SQL.", fix="Read the table with `seeding show`.") from error


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
