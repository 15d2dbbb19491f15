"""Files that somebody took: whether they are whole and readable, their proof, their rows, and the rows that a delta gives.

Physical types are those of the protocol page: `int` 64 bits, `float` double, `timestamp` microseconds in UTC, `decimal` 18 digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.files import file_sha256, pieces
from seeding_platform.distribution.receipt import Refused
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from seeding_platform.distribution.receipt import Announced, ToldField, ToldFile

MERGED = ".rows.parquet"
"""Rows that came of a base and a delta; no file of a bundle begins with a point."""
_SIMPLE = {
    "string": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "list[string]": pl.List(pl.String()),
    "list[float]": pl.List(pl.Float64()),
}


def dtype_of(field: ToldField) -> pl.DataType:
    """The Polars type of a column."""
    return pl.Decimal(18, field.scale) if field.type == "decimal" else _SIMPLE[field.type]


def as_told(folder: Path, file: ToldFile) -> bool:
    """Whether a file has the size and digest that the manifest says."""
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.bytes and file_sha256(path) == file.sha256


def check_rows(folder: Path, announced: Announced) -> int:
    """Open every file with rows, and count. Returns the rows of all.

    Raises:
        Refused: `validation-failed`: unreadable, other columns, or another number of rows than told.
    """
    told = 0
    for file in announced.files:
        if file.rows is not None:
            counted = count(folder / file.path, announced.format, announced.fields)
            if counted != file.rows:
                raise Refused("validation-failed", f"{file.path} has {counted} rows, the manifest says {file.rows}.")
            told += counted
    if told != announced.rows:
        raise Refused("validation-failed", f"The files have {told} rows, the manifest says {announced.rows}.")
    return told


def count(path: Path, kind: str, fields: Sequence[ToldField]) -> int:
    """Rows of a file, by really opening it.

    Raises:
        Refused: `validation-failed`.
    """
    if kind == "libsvm":
        return sum(piece.count(b"\n") for piece in pieces(path))
    try:
        if kind == "csv":
            return _count_delimited(path, fields)
        frame = scanned(path, kind, fields)
        if kind in ("parquet", "arrow"):
            _check_columns(path, frame.collect_schema(), fields)
        return int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise Refused("validation-failed", f"{path.name} cannot be read as {kind}.") from error  # the cause may quote a row: it is not told


def _count_delimited(path: Path, fields: Sequence[ToldField]) -> int:
    """Rows of a CSV file, every value of which is of its type: the text of one that is not would else show only when it is used."""
    if pl.read_csv(path, n_rows=0, infer_schema=False, glob=False).columns != [field.name for field in fields]:
        raise Refused("validation-failed", f"{path.name} has other columns than the manifest says.")
    return scanned(path, "csv", fields).collect().height


def _check_columns(path: Path, found: pl.Schema, fields: Sequence[ToldField]) -> None:
    """Names and types as told; how fine a time or how long a decimal is may differ."""
    if list(found) != [field.name for field in fields]:
        raise Refused("validation-failed", f"{path.name} has other columns than the manifest says.")
    for field in fields:
        if type(found[field.name]) is not type(dtype_of(field)):
            raise Refused("validation-failed", f"column {field.name}: {path.name} has another type than the manifest says.")


def scanned(path: Path, kind: str, fields: Sequence[ToldField]) -> pl.LazyFrame:
    """The rows of a file, with the types of the protocol.

    Raises:
        Refused: `validation-failed` for libsvm, which has no columns.
    """
    schema = {field.name: dtype_of(field) for field in fields}
    if kind == "parquet":
        return pl.scan_parquet(path, glob=False)
    if kind == "arrow":
        return pl.scan_ipc(path, glob=False)
    if kind == "ndjson":
        return _lines(path, schema).lazy() if path.stat().st_size else pl.LazyFrame(schema=schema)
    if kind == "json":
        return pl.read_json(path, schema=schema).lazy()
    if kind == "csv":
        texts = pl.scan_csv(path, schema=dict.fromkeys(schema, pl.String()), glob=False)
        return texts.select(_from_text(name, dtype) for name, dtype in schema.items())
    raise Refused("validation-failed", "libsvm has no columns: read it with sklearn.datasets.load_svmlight_file.")


def _lines(path: Path, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Rows of NDJSON; decimals are text there, of which Polars makes none by itself."""
    exact = {name: dtype for name, dtype in schema.items() if isinstance(dtype, pl.Decimal)}
    return pl.read_ndjson(path, schema={**schema, **dict.fromkeys(exact, pl.String())}).with_columns(
        pl.col(name).cast(dtype) for name, dtype in exact.items()
    )


def _from_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Boolean):
        return column.replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
    if isinstance(dtype, pl.Date):
        return column.str.to_date("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return column.str.to_datetime(time_unit="us", time_zone="UTC")
    if isinstance(dtype, pl.List):
        return column.str.json_decode(dtype)
    return column.cast(dtype)


def rows_of(folder: Path, announced: Announced) -> pl.LazyFrame:
    """The rows of a bundle that lies in a folder, whole or made of a delta.

    Raises:
        Refused: `validation-failed` for libsvm.
    """
    if (folder / MERGED).is_file() and not has_all(folder, announced.files):
        return pl.scan_parquet(folder / MERGED, glob=False)
    parts = [scanned(folder / file.path, announced.format, announced.fields) for file in announced.files if file.rows is not None]
    return pl.concat(parts) if parts else pl.LazyFrame(schema={field.name: dtype_of(field) for field in announced.fields})


def has_all(folder: Path, files: Iterable[ToldFile]) -> bool:
    """Whether all files lie in a folder, with their size."""
    return all((folder / file.path).is_file() and (folder / file.path).stat().st_size == file.bytes for file in files)


def is_whole(folder: Path, announced: Announced) -> bool:
    """Whether the rows of a bundle are there, in files or made of a delta."""
    return has_all(folder, [f for f in announced.files if f.rows is not None]) or (folder / MERGED).is_file()


def merge(folder: Path, announced: Announced, base: pl.LazyFrame) -> int:
    """Write the rows that a base and the delta in a folder give. Returns their number.

    Raises:
        Refused: `validation-failed`: the delta cannot be read, or gives another number of rows than told.
    """
    key, columns = announced.key, [field.name for field in announced.fields]
    parts = {f.path.split(".")[0]: folder / f.path for f in (announced.delta.files if announced.delta else ())}
    try:
        rows = base
        if "delta-deletes" in parts:
            keys = [field for field in announced.fields if field.role == "key"]
            rows = rows.join(scanned(parts["delta-deletes"], _kind(parts["delta-deletes"]), keys).select(key), on=key, how="anti", nulls_equal=True)
        if "delta-upserts" in parts:
            fresh = scanned(parts["delta-upserts"], _kind(parts["delta-upserts"]), announced.fields)
            rows = pl.concat([rows.join(fresh, on=key, how="anti", nulls_equal=True).select(columns), fresh.select(columns)])
        made = rows.collect()
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise Refused("validation-failed", "The delta cannot be read.") from error
    if made.height != announced.rows:
        raise Refused("validation-failed", f"The delta gives {made.height} rows, the manifest says {announced.rows}.")
    partial = folder / f"{MERGED}.part"
    made.write_parquet(partial)
    synced(partial)
    partial.replace(folder / MERGED)
    return made.height


def merged_rows(folder: Path, announced: Announced) -> int:
    """Rows that were made of a delta earlier.

    Raises:
        Refused: `validation-failed`.
    """
    counted = count(folder / MERGED, "parquet", announced.fields)
    if counted != announced.rows:
        raise Refused("validation-failed", f"The delta gave {counted} rows, the manifest says {announced.rows}.")
    return counted


def _kind(path: Path) -> str:
    """A delta is in the format of its name."""
    return path.suffix.removeprefix(".")
