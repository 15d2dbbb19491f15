"""CSV of any delimiter, with every record that does not fit the header told apart.

Polars fills short rows with nulls and stops at long ones, so the shape is checked first: one pass in numpy over the
bytes finds record ends and counts fields outside quotes. Only a file that breaks its shape is read record by record.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.connectors.files.content import POSITION, ROW, FileContent, Reject, safe_headers
from seeding_platform.errors import SourceUnreadable

if TYPE_CHECKING:
    import numpy as np

MAX_LINE_BYTES = 8_000_000
MAX_RECORD_LINES = 1_000


@dataclass(frozen=True, slots=True)
class _Shape:
    fields: np.ndarray
    """Fields of each record, header first."""
    lines: np.ndarray
    """1-based line at which each record starts."""
    open_at_end: bool


def read_csv(data: bytes, file: str, *, delimiter: str) -> FileContent:
    """Rows of UTF-8 CSV bytes; all values as text, empty = null.

    Raises:
        SourceUnreadable: empty, header only, a line beyond `MAX_LINE_BYTES`.
    """
    if not data.strip():
        raise SourceUnreadable(file, "the file is empty.", line=1, fix="Export it again; what landed before stays in force.")
    _refuse_long_lines(data, file)
    header = next(csv.reader(io.StringIO(_first_record(data), newline=""), delimiter=delimiter))
    names = safe_headers(header)
    shape = _shape(data, delimiter)
    if shape.fields.size <= 1:
        raise SourceUnreadable(file, "there is a header but no row below it.", line=1, fix="Export it again; what landed before stays in force.")
    if shape.open_at_end or (shape.fields != len(names)).any():
        return _record_by_record(data.decode("utf-8"), names, delimiter)
    try:
        frame = pl.read_csv(data, separator=delimiter, infer_schema=False, has_header=False, new_columns=names, null_values="").slice(1)
    except pl.exceptions.PolarsError:  # stray quotes: the careful way finds out which record is to blame
        return _record_by_record(data.decode("utf-8"), names, delimiter)
    if frame.height != shape.fields.size - 1:  # a reader that sees other records than we do must not be believed
        return _record_by_record(data.decode("utf-8"), names, delimiter)
    return FileContent(frame.with_columns(_positions(shape.lines[1:])))


def _positions(lines: np.ndarray) -> list[pl.Series]:
    import numpy as np

    number = pl.Series(POSITION, lines)
    return [pl.Series(ROW, np.arange(lines.size, dtype=np.int64)), ("line " + number.cast(pl.String)).alias(POSITION)]


def _first_record(data: bytes) -> str:
    lines, quotes = [], 0
    for line in io.BytesIO(data):
        lines.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 or len(lines) > MAX_RECORD_LINES:
            break
    return b"".join(lines).decode("utf-8")


def _refuse_long_lines(data: bytes, file: str) -> None:
    import numpy as np

    if len(data) <= MAX_LINE_BYTES:
        return
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    lengths = np.diff(np.concatenate(([-1], ends, [len(data)]))) - 1
    longest = int(lengths.argmax())
    if lengths[longest] > MAX_LINE_BYTES:
        raise SourceUnreadable(
            file,
            f"the line is {lengths[longest] / 1e6:,.0f} MB long (at most {MAX_LINE_BYTES / 1e6:,.0f} MB are read).",
            line=longest + 1,
            fix="A quote that is never closed or a file without line ends is the usual cause; export it again.",
        )


def _shape(data: bytes, delimiter: str) -> _Shape:
    import numpy as np

    codes = np.frombuffer(data, np.uint8)
    breaks = codes == 0x0A
    quotes = codes == 0x22
    if quotes.any():
        outside = ~np.logical_xor.accumulate(quotes)
        ends = np.flatnonzero(breaks & outside)
        marks = np.flatnonzero((codes == ord(delimiter)) & outside)
        open_at_end = not bool(outside[-1])
    else:
        ends = np.flatnonzero(breaks)
        marks = np.flatnonzero(codes == ord(delimiter))
        open_at_end = False
    if ends.size == 0 or ends[-1] != codes.size - 1:
        ends = np.append(ends, codes.size)
    starts = np.concatenate(([0], ends[:-1] + 1))
    counted = np.searchsorted(marks, ends) - np.searchsorted(marks, starts) + 1
    all_breaks = np.flatnonzero(breaks)
    lines = np.searchsorted(all_breaks, starts) + 1
    blank = (ends - starts <= 1) & (counted == 1) & ((ends == starts) | (codes[np.minimum(starts, codes.size - 1)] == 0x0D))
    return _Shape(counted[~blank], lines[~blank], open_at_end)


def _record_by_record(text: str, names: list[str], delimiter: str) -> FileContent:
    """Read what can be read of a broken file; a record that does not fit is a reject and costs no other record."""
    lines = io.StringIO(text, newline="\n").readlines()  # only \n ends a line, so that numbers are those of an editor
    columns: list[list[str | None]] = [[] for _ in names]
    rows: list[int] = []
    starts: list[int] = []
    rejects: list[Reject] = []
    at, record = _next_record(lines, 0, delimiter)[1], 0
    while at < len(lines):
        fields, after, problem = _next_record(lines, at, delimiter)
        if fields == [] and problem is None:
            at = after
            continue
        if problem is None and len(fields) != len(names):
            problem = (
                "too_few_columns" if len(fields) < len(names) else "too_many_columns",
                f"{len(fields)} columns where the header has {len(names)}",
            )
        if problem is None:
            for column, value in zip(columns, fields, strict=True):
                column.append(value or None)
            rows.append(record)
            starts.append(at + 1)
        else:
            rejects.append(Reject(at + 1, problem[0], problem[1], "".join(lines[at:after]).encode()))
        record += 1
        at = after
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in zip(names, columns, strict=True)})
    frame = frame.with_columns(
        pl.Series(ROW, rows, dtype=pl.Int64), ("line " + pl.Series(POSITION, starts, dtype=pl.Int64).cast(pl.String)).alias(POSITION)
    )
    return FileContent(frame, tuple(rejects))


def _next_record(lines: list[str], at: int, delimiter: str) -> tuple[list[str], int, tuple[str, str] | None]:
    """Fields of the record that starts at a line, the line after it, and what is wrong with it."""
    quotes = 0
    for after in range(at + 1, min(len(lines), at + MAX_RECORD_LINES) + 1):
        quotes += lines[after - 1].count('"')
        if quotes % 2 and after > at + 1:
            continue
        try:
            return next(csv.reader(lines[at:after], delimiter=delimiter, strict=True), []), after, None
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                return [], after, ("bad_quoting", str(error))
    # never closed: give up this line only, so that the rest of the file is still read
    return [], at + 1, ("unclosed_quote", "a quote is opened and never closed")
