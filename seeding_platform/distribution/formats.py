"""Rows as files and back; the same rows always give the same bytes.

Parquet, Arrow, NDJSON and JSON are Polars' own; CSV is in `delimited`, libsvm in `libsvm`. No row becomes a Python object on its way out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.engine import BundleFormat
from seeding_platform.distribution import delimited, libsvm, text_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.distribution.manifest import Manifest

EXTENSIONS = {
    BundleFormat.PARQUET: "parquet",
    BundleFormat.ARROW: "arrow",
    BundleFormat.NDJSON: "ndjson",
    BundleFormat.JSON: "json",
    BundleFormat.CSV: "csv",
    BundleFormat.LIBSVM: "libsvm",
}
PART_ROWS = 1_000_000
"""Rows of one part at most."""
_ROW_GROUP = 100_000


def write_parts(rows: pl.DataFrame, folder: Path, engine: EngineContract, *, part_rows: int = PART_ROWS) -> dict[str, int | None]:
    """Write an engine's rows into a folder, part by part; only one part's text is in memory at a time.

    Args:
        rows: rows that keep the contract.
        folder: where the files go.
        engine: contract of the engine; says the format.
        part_rows: rows of one part at most.

    Returns:
        Rows of each file; null for a file that holds none (`features.json` of libsvm). There is a part also when there are no rows.
    """
    written: dict[str, int | None] = {}
    layout = None
    if engine.format is BundleFormat.LIBSVM:
        layout = libsvm.layout_of(engine.fields, rows)
        (folder / libsvm.FEATURES).write_bytes(layout.to_bytes())
        written[libsvm.FEATURES] = None
    for number, start in enumerate(range(0, max(rows.height, 1), part_rows)):
        name, part = f"part-{number:05d}.{EXTENSIONS[engine.format]}", rows.slice(start, part_rows)
        if layout is not None:
            libsvm.write(part, folder / name, layout)
        else:
            write_rows(part, folder / name, engine.format)
        written[name] = part.height
    return written


def write_rows(rows: pl.DataFrame, path: Path, kind: BundleFormat) -> None:
    """Write rows in one of the formats that hold whole rows (not libsvm); options are fixed, since they decide the bytes.

    Text is made slice by slice.

    Arrow files are written in the oldest layout of strings, so that every Arrow implementation reads them.
    """
    if kind is BundleFormat.PARQUET:
        rows.rechunk().write_parquet(path, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROW_GROUP)
    elif kind is BundleFormat.ARROW:
        rows.rechunk().write_ipc(path, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    elif kind is BundleFormat.NDJSON:
        _write_texts(path, (part.write_ndjson().encode() for part in rows.iter_slices(_ROW_GROUP)))
    elif kind is BundleFormat.JSON:
        arrays = (part.write_json().encode() for part in rows.iter_slices(_ROW_GROUP) if part.height)
        _write_texts(path, _one_array(arrays))
    elif kind is BundleFormat.CSV:
        delimited.write(rows, path, slice_rows=_ROW_GROUP)
    else:
        raise ValueError(f"{kind} needs the roles of the fields: use write_parts")


def _write_texts(path: Path, texts: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(texts)


def _one_array(arrays: Iterable[bytes]) -> Iterator[bytes]:
    """Several JSON arrays as one."""
    yield b"["
    for number, array in enumerate(arrays):
        yield (b"," if number else b"") + array[1:-1]
    yield b"]"


def read_rows(path: Path, kind: BundleFormat, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows of a file, with the types that the contract gives them; of libsvm the label and the features, all as floats."""
    if kind is BundleFormat.PARQUET:
        return pl.read_parquet(path)
    if kind is BundleFormat.ARROW:
        return pl.read_ipc(path)
    if kind is BundleFormat.CSV:
        return delimited.read(path, schema)
    if kind is BundleFormat.LIBSVM:
        return libsvm.read(path)
    if kind is BundleFormat.NDJSON:
        return _exact(pl.read_ndjson(path, schema=_texts(schema)), schema) if path.stat().st_size else pl.DataFrame(schema=schema)
    return pl.read_json(path, schema=dict(schema))


def scan_rows(paths: list[Path], kind: BundleFormat, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Rows of files, with the types that the contract gives them; read lazily where the format allows it. Not for libsvm."""
    if not paths:
        return pl.LazyFrame(schema=schema)
    if kind is BundleFormat.PARQUET:
        return pl.scan_parquet(paths)
    if kind is BundleFormat.ARROW:
        return pl.scan_ipc(paths)
    if kind is BundleFormat.NDJSON:
        exact = (pl.col(name).cast(dtype) for name, dtype in schema.items() if isinstance(dtype, pl.Decimal))
        return pl.scan_ndjson(paths, schema=_texts(schema)).with_columns(exact)
    return pl.concat([read_rows(path, kind, schema).lazy() for path in paths])


def _texts(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """The schema as NDJSON has it: decimals are text there, of which Polars makes none by itself."""
    return {name: pl.String() if isinstance(dtype, pl.Decimal) else dtype for name, dtype in schema.items()}


def _exact(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.with_columns(pl.col(name).cast(dtype) for name, dtype in schema.items() if isinstance(dtype, pl.Decimal))


def bundle_rows(folder: Path, manifest: Manifest) -> pl.DataFrame:
    """All rows of a bundle, the parts one after the other."""
    paths = [folder / file.path for file in manifest.files if file.rows is not None]
    return pl.concat([read_rows(path, manifest.format, manifest.dtypes()) for path in paths])


def shape_problem(path: Path, kind: BundleFormat, schema: Mapping[str, pl.DataType], *, rows: int) -> str | None:
    """What is wrong with a file's fields or number of rows, without decoding its columns; null when nothing is.

    Text formats carry no types: of them only the names are compared; of libsvm the numbers of the features.
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
    if kind is BundleFormat.CSV:
        return delimited.shape(path)
    if kind is BundleFormat.LIBSVM:
        return libsvm.checked(path), None
    if kind is BundleFormat.NDJSON:
        lines, first = text_files.lines_and_first(path)
        return lines, list(json.loads(first)) if first else None
    count, names = 0, None
    for record in text_files.records(path):
        if not isinstance(record, dict):
            raise ValueError("a record is no object")
        names = list(record) if names is None else names
        count += 1
    return count, names
