"""Rows as files and back; the same rows always give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.engine import BundleFormat

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = {BundleFormat.PARQUET: "parquet", BundleFormat.ARROW: "arrow", BundleFormat.NDJSON: "ndjson", BundleFormat.JSON: "json"}
_ROW_GROUP = 100_000


def write_rows(rows: pl.DataFrame, path: Path, kind: BundleFormat) -> None:
    """Write rows in one of the formats; options are fixed, since they decide the bytes.

    Arrow files are written in the oldest layout of strings, so that every Arrow implementation reads them.
    """
    whole = rows.rechunk()
    if kind is BundleFormat.PARQUET:
        whole.write_parquet(path, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROW_GROUP)
    elif kind is BundleFormat.ARROW:
        whole.write_ipc(path, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    elif kind is BundleFormat.NDJSON:
        whole.write_ndjson(path)
    else:
        whole.write_json(path)


def read_rows(path: Path, kind: BundleFormat, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows of a file, with the types that the contract gives them."""
    if kind is BundleFormat.PARQUET:
        return pl.read_parquet(path)
    if kind is BundleFormat.ARROW:
        return pl.read_ipc(path)
    if kind is BundleFormat.NDJSON:
        return pl.read_ndjson(path, schema=dict(schema)) if path.stat().st_size else pl.DataFrame(schema=schema)
    return pl.read_json(path, schema=dict(schema))


def shape_problem(path: Path, kind: BundleFormat, schema: Mapping[str, pl.DataType], *, rows: int) -> str | None:
    """What is wrong with a file's fields or number of rows, without decoding its columns; null when nothing is.

    Text formats carry no types: of them only the names are compared.
    """
    try:
        found, fields = _shape(path, kind)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        return f"cannot be read as {kind}: {' '.join(str(error).split())}"
    if isinstance(fields, Mapping) and dict(fields) != dict(schema):
        return "has other fields or types than the manifest says"
    if fields is not None and list(fields) != list(schema):
        return "has other fields than the manifest says"
    return None if found == rows else f"has {found} rows, the manifest says {rows}"


def _shape(path: Path, kind: BundleFormat) -> tuple[int, Mapping[str, pl.DataType] | list[str] | None]:
    """Number of rows and fields: with types where the format has them, null where there is no row to tell."""
    if kind in (BundleFormat.PARQUET, BundleFormat.ARROW):
        scan = pl.scan_parquet(path) if kind is BundleFormat.PARQUET else pl.scan_ipc(path)
        return int(scan.select(pl.len()).collect().item()), dict(scan.collect_schema())
    content = path.read_bytes()
    if kind is BundleFormat.NDJSON:
        first = content.split(b"\n", 1)[0]
        return content.count(b"\n"), list(json.loads(first)) if first else None
    records = json.loads(content)
    return len(records), list(records[0]) if records else None
