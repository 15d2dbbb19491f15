"""Cells of an export as values: which notation its numbers and days have, and what each cell then says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.connectors.exports.layout import vocabulary
from seeding_platform.connectors.exports.result import ExportRefused
from seeding_platform.connectors.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_REPORTED = ("", "-", "--", "—", "–", "n/a", "na", "null", "none", "nan")
_SPACES = r"[\s\u00a0\u202f\u2009']"
_SYMBOLS = r"(?:€|\$|£|[A-Z]{3})"
_NUMBER = rf"^\s*{_SYMBOLS}?\s*-?\s*\d[\d.,\s\u00a0\u202f\u2009']*{_SPACES}*{_SYMBOLS}?\s*$"
SCIENTIFIC = r"^\d(?:[.,]\d+)?[eE]\+?\d+$"
SYMBOLS = {"€": "EUR", "£": "GBP"}  # a dollar is of no one country


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes numbers: the decimal sign; the other sign groups thousands."""

    decimal: str


def number_notation(columns: Sequence[pl.Series], headers: Sequence[str]) -> Notation:
    """The notation of all figures of a file; where none of them tells, that of the header's language.

    Raises:
        ExportRefused: some figures can only be read one way and some only the other.
    """
    comma = dot = False
    for column in columns:
        bare = column.drop_nulls().unique().str.replace_all(rf"{_SPACES}|€|\$|£|[A-Z]{{3}}|-", "")
        comma = comma or bool(bare.str.contains(r",(?:\d{1,2}|\d{4,})$|\.\d{3},|^0,\d{3}$").any())
        dot = dot or bool(bare.str.contains(r"\.(?:\d{1,2}|\d{4,})$|,\d{3}\.|^0\.\d{3}$").any())
    if comma and dot:
        raise ExportRefused(
            "Some numbers have a decimal comma and some a decimal point; it cannot be told which is which.",
            "Export it again without opening it in a spreadsheet, which rewrites some of the numbers.",
        )
    if comma or dot:
        return Notation("," if comma else ".")
    foreign = {str(h).lower().strip(" .") for h in headers} & set(vocabulary()["comma_headers"])
    return Notation("," if foreign else ".")


def figures(column: pl.Series, notation: Notation, dtype: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Values, and where a cell holds something that is no number of this kind."""
    distinct = column.unique().to_frame("cell")
    cell = pl.col("cell").str.strip_chars()
    absent = cell.is_null() | cell.str.to_lowercase().is_in(NOT_REPORTED)
    bare = cell.str.replace_all(rf"{_SPACES}|€|\$|£|[A-Z]{{3}}", "")
    groups, point = ("\\.", ",") if notation.decimal == "," else (",", ".")
    shape = rf"^-?(?:\d{{1,3}}(?:{groups}\d{{3}})+|\d+)(?:{re.escape(point)}\d+)?$"
    plain = bare.str.replace_all(groups, "").str.replace(point, ".", literal=True)
    read = pl.when(~absent & cell.str.contains(_NUMBER) & bare.str.contains(shape)).then(plain)
    typed = _whole(read) if dtype.is_integer() else read.cast(dtype, strict=False)
    table = distinct.select("cell", value=typed, bad=~absent & typed.is_null())
    joined = column.to_frame("cell").join(table, on="cell", how="left", nulls_equal=True, maintain_order="left")
    return joined["value"], joined["bad"]


def _whole(text: pl.Expr) -> pl.Expr:
    """Whole numbers; "12.0" is one, "12.5" is none."""
    return pl.when(text.str.contains(r"^-?\d+(?:\.0+)?$")).then(text.str.replace(r"\.0+$", "")).cast(pl.Int64, strict=False)


def days(column: pl.Series, *, month_first: bool, header: str) -> pl.Series:
    """Days; null where a cell holds none.

    Args:
        column: the cells.
        month_first: the platform is known to write 9/13/2026.
        header: of the file, for the message.

    Raises:
        ExportRefused: days such as 3/4/2026 that could be two, and nothing in the column decides.
    """
    distinct = column.drop_nulls().unique().to_frame("cell")
    cell = _month_numbers(pl.col("cell").str.strip_chars().str.replace(r"[T ]\d{1,2}:\d{2}(:\d{2})?(\.\d+)?(\s*[AP]M)?.*$", ""))
    read = distinct.select("cell", text=cell)
    order = _slashed_order(read["text"], month_first=month_first, header=header)
    text = pl.col("text")
    value = pl.coalesce(
        text.str.to_date("%Y-%m-%d", strict=False),
        text.str.to_date("%Y/%m/%d", strict=False),
        pl.when(text.str.contains(r"^\d{8}$")).then(text).str.to_date("%Y%m%d", strict=False),
        text.str.to_date("%d.%m.%Y", strict=False),
        text.str.replace_all("-", "/").str.to_date(order, strict=False),
    )
    table = read.select("cell", day=pl.when(text.str.contains(r"\d{4}")).then(value))
    return column.to_frame("cell").join(table, on="cell", how="left", maintain_order="left")["day"]


def _slashed_order(texts: pl.Series, *, month_first: bool, header: str) -> str:
    parts = texts.str.extract_groups(r"^(\d{1,2})[/-](\d{1,2})[/-]\d{4}$").struct.unnest().cast(pl.Int64)
    first, second = parts.to_series(0).drop_nulls(), parts.to_series(1).drop_nulls()
    if first.is_empty() or month_first:
        return "%m/%d/%Y" if month_first else "%d/%m/%Y"
    day_first_seen, month_first_seen = bool((first > 12).any()), bool((second > 12).any())
    dashed = bool(texts.str.contains(r"^\d{1,2}-\d{1,2}-\d{4}$").any())  # who writes dashes writes the day first
    if day_first_seen == month_first_seen and not (dashed and not month_first_seen):
        raise ExportRefused(
            f"Days in column {header!r} such as {shown(texts.drop_nulls()[0])} could be day/month or month/day, and none of them decides.",
            "Export dates as 2026-09-13 (account or report settings), or a range that reaches past the twelfth of a month.",
        )
    return "%m/%d/%Y" if month_first_seen else "%d/%m/%Y"


def _month_numbers(cell: pl.Expr) -> pl.Expr:
    """Days such as "Sep 1, 2026" and "1. September 2026" as 2026-9-1."""
    text = cell.str.to_lowercase()
    for number, names in vocabulary()["months"].items():
        alternatives = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
        text = text.str.replace(rf"^(?:{alternatives})\.?\s+(\d{{1,2}}),?\s+(\d{{4}})$", f"${{2}}-{number}-${{1}}")
        text = text.str.replace(rf"^(\d{{1,2}})\.?\s+(?:de\s+)?(?:{alternatives})\.?,?\s+(?:de\s+)?(\d{{4}})$", f"${{2}}-{number}-${{1}}")
    return text


def currency_of_cells(columns: Sequence[pl.Series]) -> str | None:
    """The currency that stands in every cell of the money columns ("12,50 €"), or None."""
    found: set[str] = set()
    for column in columns:
        cells = column.drop_nulls()
        marks = cells.filter(cells.str.contains(r"\d")).str.extract(rf"({_SYMBOLS})", 1)
        if marks.len() == 0:
            continue
        if marks.null_count():
            return None
        found |= {SYMBOLS.get(str(m), str(m)) for m in marks.unique()}
    return found.pop() if len(found) == 1 and "$" not in found else None
