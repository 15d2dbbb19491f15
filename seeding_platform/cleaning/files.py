"""Tables of one's own as files: read as they stand, written whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_table(
    path: Path, *, text_columns: tuple[str, ...] | None = None, optional: tuple[str, ...] = (), separator: str | None = None
) -> pl.DataFrame:
    """Columns (default: all) of a CSV, Parquet or JSON lines file (also gzipped); those of a CSV as text, so that ids keep their zeros.

    Args:
        path: the file; its name says what it is.
        text_columns: only these, which must be there.
        optional: beside them these, where they are there.
        separator: what stands between columns of a text file; by default a comma, a tab in .tsv.

    Raises:
        ConfigError: the file cannot be read as what its name says, or a column is not there.
    """
    name = path.name.lower().removesuffix(".gz")
    try:
        content: Path | io.BytesIO = io.BytesIO(gzip.decompress(path.read_bytes())) if path.name.lower().endswith(".gz") else path
        if name.endswith((".parquet", ".pq")):
            frame = pl.read_parquet(content)
        elif name.endswith((".jsonl", ".ndjson")):
            lines = (content.getvalue() if isinstance(content, io.BytesIO) else content.read_bytes()).splitlines()
            records = [_without_halves(json.loads(line)) if b"\\ud" in line.lower() else json.loads(line) for line in lines if line.strip()]
            wanted = records if text_columns is None else [{c: r[c] for c in (*text_columns, *optional) if c in r} for r in records]
            frame = pl.DataFrame(wanted, infer_schema_length=None)
        elif name.endswith((".csv", ".tsv")):
            frame = pl.read_csv(content, separator=separator or ("\t" if name.endswith(".tsv") else ","), infer_schema=False)
        else:
            raise ConfigError(f"{path.name}: only .csv, .tsv, .parquet and .jsonl (also .gz) are read")
    except (pl.exceptions.PolarsError, ValueError, OSError, TypeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    if text_columns is None:
        return frame
    missing = [c for c in text_columns if c not in frame.columns]
    if missing:
        raise ConfigError(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    return frame.select(list(dict.fromkeys((*text_columns, *(c for c in optional if c in frame.columns)))))


def _without_halves(value: Any) -> Any:
    """Half a surrogate pair, which JSON can write and no text can hold, as the replacement character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_halves(name): _without_halves(part) for name, part in value.items()}
    return [_without_halves(part) for part in value] if isinstance(value, list) else value


def read_yaml(path: Path) -> Any:
    """What a YAML file says.

    Raises:
        ConfigError: it cannot be read as YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error


def write_text(text: str, path: Path) -> None:
    """Write a text beside its place, then move it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write CSV, TSV, JSON lines or (any other name) Parquet beside its place, then move it there: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    name = path.name.lower()
    try:
        if name.endswith((".csv", ".tsv")):
            frame.write_csv(part, separator="\t" if name.endswith(".tsv") else ",")
        elif name.endswith((".jsonl", ".ndjson")):
            frame.write_ndjson(part)
        else:
            frame.write_parquet(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
