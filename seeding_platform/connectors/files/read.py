"""One way in for every file format: bytes and a declaration in, rows as read out."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.connectors.files import csv_text, sniff
from seeding_platform.connectors.files.content import POSITION, ROW, FileContent, Reject, safe_headers
from seeding_platform.errors import SourceUnreadable

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.connectors.spec import FileSourceSpec

REJECTS_ALLOWED, REJECT_SHARE_ALLOWED = 10, 0.10


def read_file(path: Path, spec: FileSourceSpec, *, name: str | None = None) -> FileContent:
    """Rows of one file as its source declares it.

    Args:
        path: the file.
        spec: the source's declaration.
        name: file name for messages; default the path's own.

    Raises:
        SourceUnreadable: the file as a whole cannot be read, or more records than the budget allows
            (10 and 10 percent) cannot be split into columns. Nothing of it lands then.
    """
    file = name or path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(file, f"the file cannot be opened ({error.strerror}).", fix="Check the path and its permissions.") from error
    if not data:
        raise SourceUnreadable(file, "the file is empty.", line=1, fix="Export it again; what landed before stays in force.")
    content = _READERS[spec.format](data, file, spec)
    if content.rows.height == 0 and not content.rejects:
        raise SourceUnreadable(file, "the file holds no rows.", line=1, fix="Export it again; what landed before stays in force.")
    _keep_budget(content, file)
    return content


def _keep_budget(content: FileContent, file: str) -> None:
    bad, total = len(content.rejects), content.rows.height + len(content.rejects)
    if bad > REJECTS_ALLOWED and bad > REJECT_SHARE_ALLOWED * total:
        first = content.rejects[0]
        raise SourceUnreadable(
            file,
            f"{bad} of {total} records cannot be read; the first: {first.message}.",
            line=first.line,
            fix="Check delimiter: and encoding: in the source, or export the file again. Nothing of it was landed.",
        )
    if total == bad:
        first = content.rejects[0]
        raise SourceUnreadable(
            file, f"no record can be read; the first: {first.message}.", line=first.line, fix="Check the source's format and delimiter."
        )


def _csv(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    sniff.refuse_other_kinds(data, file, declared="CSV")
    text, warnings = sniff.decoded(data, file, spec.encoding)
    if text[:1] == "\ufeff":
        text = text[1:]
    delimiter = spec.delimiter or sniff.sniffed_delimiter(text.split("\n", 1)[0], file)
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    content = csv_text.read_csv(text.encode("utf-8"), file, delimiter=delimiter)
    return FileContent(content.rows, content.rejects, tuple(warnings))


def _jsonl(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    sniff.refuse_other_kinds(data, file, declared="JSON lines")
    text, warnings = sniff.decoded(data, file, spec.encoding)
    objects: list[dict[str, object]] = []
    positions: list[str] = []
    rows: list[int] = []
    rejects: list[Reject] = []
    record = 0
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        problem: str | None
        try:
            value = json.loads(line)
        except ValueError as error:
            value, problem = None, f"no JSON: {error}"
        else:
            problem = None if isinstance(value, dict) else "no JSON object"
        if problem is None:
            objects.append(value)
            positions.append(f"line {number}")
            rows.append(record)
        else:
            rejects.append(Reject(number, "not_json", problem, line.encode()))
        record += 1
    return FileContent(_objects(objects, rows, positions), tuple(rejects), tuple(warnings))


def _json(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    sniff.refuse_other_kinds(data, file, declared="JSON")
    text, warnings = sniff.decoded(data, file, spec.encoding)
    try:
        value = json.loads(text.lstrip("\ufeff"))
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise SourceUnreadable(
            file, f"this is no JSON: {error}.", line=line, fix="Declare format: jsonl if each line is an object of its own."
        ) from error
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SourceUnreadable(file, "the JSON is no array of objects.", line=1, fix="Export an array of flat objects, or JSON lines.")
    return FileContent(_objects(value, list(range(len(value))), [f"record {i + 1}" for i in range(len(value))]), (), tuple(warnings))


def _objects(objects: list[dict[str, object]], rows: list[int], positions: list[str]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for item in objects for name in item))
    columns = {
        safe: pl.Series([_text(item.get(name)) for item in objects], dtype=pl.String) for name, safe in zip(names, safe_headers(names), strict=True)
    }
    return pl.DataFrame({**columns, ROW: pl.Series(rows, dtype=pl.Int64), POSITION: pl.Series(positions, dtype=pl.String)})


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parquet(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    if not data.startswith(b"PAR1"):
        raise SourceUnreadable(file, "this is no Parquet file.", line=1, fix="Check format: in the source, or write the file again.")
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceUnreadable(file, f"the Parquet file is broken: {error}.", fix="Write the file again.") from error
    return _numbered(frame, "record")


def _excel(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    import fastexcel

    if not data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceUnreadable(file, "this is no Excel workbook.", line=1, fix="Check format: in the source; a renamed CSV is format: csv.")
    try:
        book = fastexcel.read_excel(data)
        sheet = spec.sheet or book.sheet_names[0]
        if sheet not in book.sheet_names:
            raise SourceUnreadable(file, f"there is no sheet {sheet!r}, only {', '.join(book.sheet_names)}.", fix="Correct sheet: in the source.")
        frame = book.load_sheet(sheet, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise SourceUnreadable(file, f"the workbook cannot be read: {error}.", fix="Open it in Excel and save it again.") from error
    return _numbered(frame.filter(~pl.all_horizontal(pl.all().is_null())), "row", first=2)


def _ad_export(data: bytes, file: str, spec: FileSourceSpec) -> FileContent:
    """An ad platform's export as text columns of one name and notation each, whatever the platform and language."""
    from seeding_platform.connectors.exports import ExportRefused
    from seeding_platform.connectors.exports.read import read_bytes

    try:
        read = read_bytes(data, file)
    except ExportRefused as refused:
        raise SourceUnreadable(file, refused.reason, line=refused.line, fix=refused.how_to_export_again) from refused
    if (read.facts["grain"] == "period").any():
        raise SourceUnreadable(file, "its rows are figures of several days, which belong to no day.", fix="Export it again with one row a day.")
    text = read.facts.drop("period_start", "period_end", "grain", "load_id").with_columns(pl.all().cast(pl.String))
    rows = text.drop("source_row").with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW), ("line " + text["source_row"]).alias(POSITION))
    rejects = tuple(Reject(r.line, r.code, r.message, r.value.encode()) for r in read.rejects)
    return FileContent(rows, rejects, tuple(read.warnings.values()))


def _numbered(frame: pl.DataFrame, word: str, *, first: int = 1) -> FileContent:
    renamed = frame.rename(dict(zip(frame.columns, safe_headers(frame.columns), strict=True)))
    numbers = pl.int_range(pl.len(), dtype=pl.Int64)
    return FileContent(renamed.with_columns(numbers.alias(ROW), pl.format(f"{word} {{}}", numbers + first).alias(POSITION)))


_READERS = {"csv": _csv, "json": _json, "jsonl": _jsonl, "parquet": _parquet, "excel": _excel, "ad_export": _ad_export}
