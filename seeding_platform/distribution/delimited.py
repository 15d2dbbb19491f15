"""Rows as CSV (RFC 4180): UTF-8, a header line, lines that end in CR LF, quotes where a field needs them.

An empty field is a missing value, `""` a text of no letters. Decimals keep all their digits, times are ISO 8601 in UTC, dates ISO 8601, truth
values `true` and `false`, lists JSON text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"


def write(rows: pl.DataFrame, path: Path, *, slice_rows: int) -> None:
    """Write rows with a header; so many at once."""
    lists = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.List)]
    with path.open("wb") as stream:
        for start in range(0, max(rows.height, 1), slice_rows):
            part = rows.slice(start, slice_rows).with_columns(_as_json(name) for name in lists)
            told = part.write_csv(include_header=not start, line_terminator="\r\n", datetime_format=_TIME, quote_style="necessary")
            stream.write(told.encode())


def read(path: Path, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows with the types that the contract gives them.

    Raises:
        PolarsError: a value is not of its type.
    """
    texts = pl.read_csv(path, infer_schema=False)
    return texts.select(_typed(name, dtype) for name, dtype in schema.items())


def shape(path: Path) -> tuple[int, list[str]]:
    """Number of rows and names of the fields."""
    texts = pl.scan_csv(path, infer_schema=False)
    names = texts.collect_schema().names()
    return int(texts.select(pl.col(names[0]).len()).collect().item()), names


def _as_json(name: str) -> pl.Expr:
    """A list as JSON text: that of an object with one field, without the object."""
    text = pl.struct(x=pl.col(name)).struct.json_encode().str.strip_prefix('{"x":').str.strip_suffix("}")
    return pl.when(pl.col(name).is_not_null()).then(text).alias(name)


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        return column.str.json_decode(dtype)
    if isinstance(dtype, pl.Datetime):
        return column.str.to_datetime(_TIME, time_unit=dtype.time_unit, time_zone=dtype.time_zone)
    if isinstance(dtype, pl.Boolean):
        return column.replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
    if isinstance(dtype, pl.Date):
        return column.str.to_date("%Y-%m-%d")
    return column if isinstance(dtype, pl.String) else column.cast(dtype)
