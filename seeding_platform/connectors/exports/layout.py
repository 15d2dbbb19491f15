"""Where the table of an export is: encoding, delimiter, the header below its preamble, the lines that belong to it, the platform."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from seeding_platform.connectors.exports.result import ExportRefused
from seeding_platform.connectors.files import sniff
from seeding_platform.errors import SourceUnreadable

HEADER_WITHIN = 60
_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UNIT = re.compile(r"\s*[\(\[]([^)\]]*)[\)\]]\s*$")
CURRENCY = re.compile(r"^[A-Z]{3}$")
DAILY = "Export it again with one row a day: add the segment or breakdown Day."
KNOWN = "Export campaigns by day with cost, clicks and impressions, as CSV or xlsx, from Google, Meta, LinkedIn, TikTok, X or GA4."


@cache
def vocabulary() -> dict[str, Any]:
    """`headers.yaml`."""
    return yaml.safe_load((Path(__file__).parent / "headers.yaml").read_text(encoding="utf-8"))


@cache
def _columns() -> dict[str, tuple[str, int]]:
    """Folded header to our column and its place in the list of preference."""
    return {folded(word)[0]: (name, place) for name, words in vocabulary()["columns"].items() for place, word in enumerate(words)}


def folded(header: str) -> tuple[str, str | None]:
    """A header without case, marks and unit, and the unit in brackets.

    >>> folded("Amount spent (EUR)"), folded(" Impr. "), folded("Clicks (destination)")
    (('amount spent', 'EUR'), ('impr', None), ('clicks (destination)', None))
    """
    text = " ".join(header.replace("\u00a0", " ").replace("\ufeff", "").replace("_", " ").split())
    unit = _UNIT.search(text)
    if unit and (CURRENCY.match(unit[1]) or unit[1].lower() in ("in utc", "utc")):
        return folded(text[: unit.start()])[0], unit[1] if CURRENCY.match(unit[1]) else None
    return text.lower().strip(" .:*"), None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the table is.

    Args:
        headers: the file's own, in order.
        columns: our column to the index of the file's.
        units: our column to the currency in its header.
        line: 1-based line of the header.
        platform: recognised by content; None for a plain table.
        delimiter: of the text; empty for a workbook.
        preamble: lines above the header.
    """

    headers: tuple[str, ...]
    columns: dict[str, int]
    units: dict[str, str]
    line: int
    platform: str | None
    delimiter: str
    preamble: tuple[str, ...]


def recognised(headers: list[str]) -> dict[str, int]:
    """Our columns among a file's headers; of several candidates the preferred one."""
    found: dict[str, tuple[int, int]] = {}
    for index, header in enumerate(headers):
        known = _columns().get(folded(header)[0])
        if known is not None and (known[0] not in found or known[1] < found[known[0]][0]):
            found[known[0]] = (known[1], index)
    return {name: index for name, (_, index) in found.items()}


def is_header(columns: dict[str, int]) -> bool:
    """A time and a figure are what makes a table of an ad export."""
    return bool({"date", "week", "month", "period_start"} & set(columns)) and len({"spend", "impressions", "clicks"} & set(columns)) >= 2


def layout_of(lines: list[list[str]], delimiter: str) -> Layout | None:
    """The layout of parsed lines, or None where no header is among them."""
    for number, cells in enumerate(lines[:HEADER_WITHIN], 1):
        columns = recognised(cells)
        if is_header(columns):
            units = {name: unit for name, index in columns.items() if (unit := folded(cells[index])[1])}
            preamble = tuple(" ".join(c for c in line if c) for line in lines[: number - 1])
            return Layout(tuple(cells), columns, units, number, _platform(cells, preamble), delimiter, preamble)
    return None


def _platform(headers: list[str], preamble: tuple[str, ...]) -> str | None:
    names = {folded(h)[0] for h in headers}
    above = " ".join(preamble).lower()
    raw = " ".join(headers).lower()
    best: tuple[int, str] | None = None
    for platform, signs in vocabulary()["platforms"].items():
        score = len(names & {folded(h)[0] for h in signs["headers"]}) + sum(word in above or word in raw for word in signs["preamble"])
        if score and (best is None or score > best[0]):
            best = (score, platform)
    return best[1] if best else None


def text_layout(text: str) -> Layout | None:
    """The layout of delimited text: the delimiter under which a header appears."""
    head = text[:200_000].splitlines()[:HEADER_WITHIN]
    found: list[Layout] = []
    for delimiter in sniff.DELIMITERS:
        try:
            lines = [next(csv.reader(io.StringIO(line), delimiter=delimiter), []) for line in head]
        except csv.Error:
            continue
        if (layout := layout_of(lines, delimiter)) is not None:
            found.append(layout)
    return max(found, key=lambda one: len(one.columns), default=None)


def decoded(data: bytes, name: str) -> str:
    """Text of an export; UTF-8, UTF-16 or cp1252.

    Raises:
        ExportRefused: it is no text.
    """
    try:
        sniff.refuse_other_kinds(data, name, declared="an export")
        text, _ = sniff.decoded(data, name, None)
    except SourceUnreadable as error:
        raise ExportRefused(str(error), KNOWN) from error
    if "\x00" in text[:2000]:
        raise ExportRefused(f"{name} is no text file.", KNOWN)
    return text.removeprefix("\ufeff")


def is_workbook(data: bytes) -> bool:
    """True for xlsx and xls, whatever the file is called."""
    return data.startswith(_EXCEL)
