"""What any file reader gives back, and the columns that it adds to the source's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

ROW, POSITION = "_row", "_position"
REJECT_CODE, REJECT_LOCATOR, REJECT_RAW = "_reject_code", "_reject_locator", "_reject_raw"
REJECT_SCHEMA = {ROW: pl.Int64(), POSITION: pl.String(), REJECT_CODE: pl.String(), REJECT_LOCATOR: pl.String(), REJECT_RAW: pl.Binary()}
RESERVED = frozenset(
    {
        ROW,
        POSITION,
        REJECT_CODE,
        REJECT_LOCATOR,
        REJECT_RAW,
        "tenant",
        "_source",
        "_batch",
        "_op",
        "_landed_at",
        "_valid_from",
        "_valid_to",
        "synthetic",
    }
)


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that could not be split into columns."""

    line: int
    code: str
    message: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class FileContent:
    """Rows of a file as read.

    Args:
        rows: the source's columns as read, `_row` (0-based record) and `_position` ("line 17").
        rejects: records that could not be split; `_row` continues the count of the file's records.
        warnings: what a person should know although the file was read.
    """

    rows: pl.DataFrame
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def safe_headers(names: list[str]) -> list[str]:
    """Header names that a table can hold: none empty, none reserved, none equal but for upper and lower case.

    >>> safe_headers(["Date", "date", "", "tenant"])
    ['Date', 'date__2', 'column_3', 'tenant__source']
    """
    seen: set[str] = set()
    safe = []
    for number, raw in enumerate(names, 1):
        name = raw.strip() or f"column_{number}"
        name = f"{name}__source" if name.lower() in RESERVED else name
        unique, count = name, 1
        while unique.lower() in seen:
            count += 1
            unique = f"{name}__{count}"
        seen.add(unique.lower())
        safe.append(unique)
    return safe
