"""Reading an ad platform's export: recognised by its content, every row a fact, a total, or a reject with its line."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.connectors.exports import layout as place
from seeding_platform.connectors.exports import values
from seeding_platform.connectors.exports.result import FACTS, METRICS, TEXTS, ExportRefused, ExportResult, RejectedRow
from seeding_platform.connectors.files import csv_text
from seeding_platform.connectors.files.content import POSITION, ROW
from seeding_platform.connectors.shown import headers_shown, shown
from seeding_platform.errors import SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeding_platform.connectors.exports.layout import Layout

LINE, _FIRST = "_line", "_first"
_ABSENT = ("--", "-", "—", "–")
_BAD, _WHAT = "_bad_column", "_bad_code"
MESSAGES = {
    "no_day": "is no day",
    "no_number": "is no number",
    "negative": "is below zero",
    "scientific_id": "is an id that a spreadsheet has rounded; export it again and do not open it in between",
}


def read_export(path: Path) -> ExportResult:
    """Read one export of Google Ads, Meta, LinkedIn, TikTok, X or GA4, or a plain table with such columns; CSV of any kind, or xlsx.

    Raises:
        ExportRefused: nothing of the file can be trusted; says how to export again.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ExportRefused(f"{path.name} cannot be opened ({error.strerror}).", "Check the path.") from error
    return read_bytes(data, path.name)


def read_bytes(data: bytes, name: str) -> ExportResult:
    """`read_export` of bytes that are at hand."""
    if not data.strip():
        raise ExportRefused(f"{name} is empty.", place.KNOWN)
    layout, rows, broken = _workbook(data, name) if place.is_workbook(data) else _text(data, name)
    return _result(layout, rows, broken, file=name, load_id=hashlib.sha256(data).hexdigest()[:16])


def is_export(path: Path) -> bool:
    """True when a file looks like an ad export; reads its beginning only."""
    with path.open("rb") as stream:
        head = stream.read(200_000)
    try:
        if place.is_workbook(head):
            return _sheet(path.read_bytes(), path.name)[0] is not None
        cut = head[: len(head) // 4 * 4] if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head[: head.rfind(b"\n") + 1] or head
        layout = place.text_layout(place.decoded(cut, path.name))
    except ExportRefused:
        return False
    return layout is not None and layout.platform is not None


# text and workbooks


def _text(data: bytes, name: str) -> tuple[Layout, pl.DataFrame, list[RejectedRow]]:
    text = place.decoded(data, name)
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    layout = place.text_layout(text)
    if layout is None:
        raise ExportRefused(f"{name}: no line holds a day and at least two of cost, clicks and impressions as headers.", place.KNOWN)
    at = 0
    for _ in range(layout.line - 1):
        at = text.index("\n", at) + 1
    table = _first_table(text[at:])
    try:
        content = csv_text.read_csv(table.encode("utf-8"), name, delimiter=layout.delimiter)
    except SourceUnreadable as error:
        raise ExportRefused(str(error), "Choose a range of days that has figures, and export it again.") from error
    before = layout.line - 1
    rows = content.rows.with_columns((pl.col(POSITION).str.strip_prefix("line ").cast(pl.Int64) + before).alias(LINE)).drop(ROW, POSITION)
    mark = re.escape(layout.delimiter)
    total = re.compile(rf'(?i)(?:^|{mark})\s*"?{_total()}"?\s*(?={mark}|$)')
    told = [(r, r.raw.decode("utf-8", "replace").strip()) for r in content.rejects]
    broken = [RejectedRow(r.line + before, "", text[:200], r.code, r.message) for r, text in told if not total.search(text)]
    return layout, rows, broken


def _total() -> str:
    """A pattern of a whole cell by which platforms name a sum: "Total: Account", "Total of 12 results"; "Total Body" is a campaign."""
    words = sorted((re.escape(w) for w in place.vocabulary()["totals"]), key=len, reverse=True)
    return rf"(?:{'|'.join(words)})(?:\s*:[^,;\t|]*|\s+(?:of\s+)?\d+[^,;\t|]*)?\s*"


def _first_table(text: str) -> str:
    """Text up to where a second table begins: a blank line, then a comment. A campaign may well be called "#sale"."""
    second = re.search(r"\n[ \t,;]*\r?\n#", text)
    return text if second is None else text[: second.start() + 1]


def _workbook(data: bytes, name: str) -> tuple[Layout, pl.DataFrame, list[RejectedRow]]:
    layout, sheet = _sheet(data, name)
    if layout is None:
        raise ExportRefused(f"{name}: no sheet has a row with a day and at least two of cost, clicks and impressions as headers.", place.KNOWN)
    body = sheet.slice(layout.line).with_columns(pl.int_range(layout.line + 1, layout.line + 1 + pl.len(), dtype=pl.Int64).alias(LINE))
    rows = body.filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))
    if rows.is_empty():
        raise ExportRefused(f"{name}: there is a header but no row below it.", "Choose a range of days that has figures, and export it again.")
    return layout, rows, []


MOST_UNPACKED = 1_000_000_000


def _refuse_bomb(data: bytes, name: str) -> None:
    """Refuse an archive that says itself that it would unpack to more than any workbook of figures holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return  # an old xls, or no workbook at all: the reader says which
    if unpacked > MOST_UNPACKED:
        raise ExportRefused(f"{name} would unpack to {unpacked / 1e9:,.0f} GB.", "Export it as CSV.")


def _sheet(data: bytes, name: str) -> tuple[Layout | None, pl.DataFrame]:
    """The first sheet in which a header is found."""
    import fastexcel

    _refuse_bomb(data, name)
    try:
        book = fastexcel.read_excel(data)
        for sheet in book.sheet_names:
            frame = book.load_sheet(sheet, header_row=None, dtypes="string", skip_whitespace_tail_rows=True).to_polars()
            head = [[c or "" for c in row] for row in frame.head(place.HEADER_WITHIN).iter_rows()]
            layout = place.layout_of(head, "")
            if layout is not None:
                return layout, frame
    except fastexcel.FastExcelError as error:
        raise ExportRefused(f"{name}: the workbook cannot be read: {error}.", "Open it in a spreadsheet and save it again.") from error
    return None, pl.DataFrame()


# rows to facts


def _result(layout: Layout, raw: pl.DataFrame, broken: list[RejectedRow], *, file: str, load_id: str) -> ExportResult:
    _refuse_coarse(layout)
    warnings: dict[str, str] = {}
    cells = _named(raw, layout)
    cells, totals = _without_totals(cells, layout)
    notation = values.number_notation([cells[c] for c in METRICS if c in cells.columns], [layout.headers[i] for i in layout.columns.values()])
    typed, bad = _typed(cells, layout, notation)
    facts = cells.select(LINE).with_columns(typed).with_columns(bad)
    facts = _with_results(facts, cells, notation, warnings)
    rejected = _rejected(facts, cells, layout)
    good = facts.filter(pl.col(_BAD).is_null())
    if not good.height and not rejected and not broken:
        raise ExportRefused(f"{file}: there is no row of a day or a period.", "Choose a range of days that has figures, and export it again.")
    good = _with_currency(good, cells, layout, warnings)
    complete = good.with_columns(pl.lit(load_id).alias("load_id"), pl.col(LINE).alias("source_row"))
    complete = complete.with_columns(pl.lit(None, dtype=t).alias(n) for n, t in FACTS.items() if n not in complete.columns)
    if unused := [h for i, h in enumerate(layout.headers) if h and i not in layout.columns.values()]:
        warnings["unused_columns"] = f"Not used: {headers_shown(unused, most=30)}."
    source = {
        "platform": layout.platform,
        "file": file,
        "delimiter": layout.delimiter,
        "header_line": layout.line,
        "totals": totals,
        "decimal": notation.decimal,
    }
    rejects = sorted([*broken, *rejected], key=lambda r: r.line)
    return ExportResult(complete.select(pl.col(n).cast(t) for n, t in FACTS.items()), tuple(rejects), warnings, source)


def _refuse_coarse(layout: Layout) -> None:
    if {"date", "period_start"} & set(layout.columns):
        return
    coarse = "week" if "week" in layout.columns else "month"
    raise ExportRefused(
        f"The rows are whole {coarse}s (column {layout.headers[layout.columns[coarse]]!r}); they are never put on one day.", place.DAILY
    )


def _named(raw: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """The recognised columns under our names; blank cells are null."""
    names = [c for c in raw.columns if c != LINE]
    picked = [pl.col(names[index]).cast(pl.String).str.strip_chars().alias(ours) for ours, index in layout.columns.items()]
    cells = raw.select(LINE, pl.col(names[0]).cast(pl.String).str.strip_chars().alias(_FIRST), *picked)
    texts = [c for c in layout.columns if c not in METRICS]
    filled = cells.with_columns(pl.when(~pl.col(c).is_in(_ABSENT)).then(pl.col(c)).alias(c) for c in texts)
    return filled.with_columns(pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) for c in layout.columns)


def _without_totals(cells: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, int]:
    """Rows without the sums that platforms write above or below them."""
    pattern = rf"(?i)^{_total()}$"
    when = [c for c in ("date", "period_start") if c in cells.columns]
    names = [c for c in ("campaign", "account", "ad_group", "ad", "platform") if c in cells.columns]

    def says_total(columns: Sequence[str]) -> pl.Expr:
        return pl.any_horizontal(pl.lit(False), *(pl.col(c).str.contains(pattern).fill_null(False) for c in columns))

    blank = pl.all_horizontal(pl.col(c).is_null() for c in when)
    total = says_total(when) | (blank & says_total([*names, _FIRST]))
    if layout.platform == "Meta" and "campaign" in names:
        total = total | pl.all_horizontal(pl.col(c).is_null() for c in names)  # Meta's account total has no name
    empty = pl.all_horizontal(pl.col(c).is_null() for c in layout.columns)
    cells = cells.filter(~empty)
    kept = cells.filter(~total).drop(_FIRST)
    return kept, cells.height - kept.height


def _typed(cells: pl.DataFrame, layout: Layout, notation: values.Notation) -> tuple[list[pl.Series], list[pl.Series]]:
    """Typed columns, and for each row the first column that holds something else, with a code."""
    typed: list[pl.Series] = []
    wrong: list[tuple[str, str, pl.Series]] = []
    month_first = layout.platform == "LinkedIn"
    for name in ("date", "period_start", "period_end"):
        if name not in cells.columns:
            continue
        read = values.days(cells[name], month_first=month_first, header=layout.headers[layout.columns[name]])
        typed.append(read.rename(name))
        wrong.append((name, "no_day", read.is_null()))
    ids = [name for name in ("campaign_id", "ad_id") if name in cells.columns]
    wrong += [(name, "scientific_id", cells[name].str.contains(values.SCIENTIFIC).fill_null(False)) for name in ids]
    for name, dtype in METRICS.items():
        if name in cells.columns:
            read, bad = values.figures(cells[name], notation, dtype)
            typed.append(read.rename(name))
            wrong += [(name, "no_number", bad), (name, "negative", (read < 0).fill_null(False))]
    typed += [_text_column(cells, name, layout) for name in TEXTS if name in cells.columns or name == "platform"]
    columns = pl.Series(_BAD, [None] * cells.height, dtype=pl.String)
    codes = pl.Series(_WHAT, [None] * cells.height, dtype=pl.String)
    for name, code, here in wrong:
        first = here & columns.is_null()
        if first.any():
            columns = columns.set(first, name)
            codes = codes.set(first, code)
    return _periods(typed), [columns, codes]


def _text_column(cells: pl.DataFrame, name: str, layout: Layout) -> pl.Series:
    if name == "platform":
        return _platforms(cells, layout.platform if layout.platform != "GA4" else None)
    if name == "device":
        return _folded(cells["device"], "devices")
    column = cells[name]
    return column.str.to_uppercase() if name in ("country", "currency") and not column.str.contains(r"[^A-Za-z]").any() else column


def _platforms(cells: pl.DataFrame, recognised: str | None) -> pl.Series:
    """What a column of platforms says, unless it says something else (Google's networks); then what the file gave itself away as."""
    if "platform" in cells.columns:
        column = _folded(cells["platform"], "networks")
        known = set(place.vocabulary()["networks"].values())
        if recognised is None or set(column.drop_nulls()) <= known:
            return column
    return pl.Series("platform", [recognised] * cells.height, dtype=pl.String)


def _folded(column: pl.Series, table: str) -> pl.Series:
    return column.str.to_lowercase().replace_strict(place.vocabulary()[table], default=column, return_dtype=pl.String).rename(column.name)


def _periods(typed: list[pl.Series]) -> list[pl.Series]:
    """A range of one day is that day; a range of several is a fact of a period and of no day."""
    by = {s.name: s for s in typed}
    if "date" in by or "period_start" not in by:
        rest = [s for s in typed if s.name not in ("period_start", "period_end")]
        return [*rest, pl.Series("grain", ["day"] * rest[0].len(), dtype=pl.String)]
    start, end = by["period_start"], by.get("period_end", by["period_start"])
    one = (start == end).fill_null(False)
    frame = pl.DataFrame({"start": start, "end": end, "one": one})
    made = frame.select(
        date=pl.when("one").then("start"),
        period_start=pl.when(~pl.col("one")).then("start"),
        period_end=pl.when(~pl.col("one")).then("end"),
        grain=pl.when("one").then(pl.lit("day")).otherwise(pl.lit("period")),
    )
    return [*(s for s in typed if s.name not in ("period_start", "period_end")), *made.get_columns()]


def _with_results(facts: pl.DataFrame, cells: pl.DataFrame, notation: values.Notation, warnings: dict[str, str]) -> pl.DataFrame:
    """Meta's `Results` count another event in each row: only purchases and the like are conversions."""
    if "conversions" in facts.columns or "results" not in cells.columns:
        return facts
    if "result_type" not in cells.columns:
        warnings["results_without_type"] = "Results are not counted as conversions: no column says of which event they are."
        return facts
    read, _ = values.figures(cells["results"], notation, METRICS["conversions"])
    bought = cells["result_type"].str.to_lowercase().str.contains("|".join(place.vocabulary()["purchases"])).fill_null(False)
    if not bought.all():
        warnings["results_mixed"] = f"{int((~bought).sum())} rows have results that are no purchases or leads; they are not counted as conversions."
    return facts.with_columns(pl.when(bought).then(read).alias("conversions"))


def _rejected(facts: pl.DataFrame, cells: pl.DataFrame, layout: Layout) -> list[RejectedRow]:
    found: list[RejectedRow] = []
    wrong = facts.with_row_index("_i").filter(pl.col(_BAD).is_not_null()).select("_i", LINE, _BAD, _WHAT)
    for index, line, column, code in wrong.iter_rows():
        value: Any = cells[column][index]
        header = layout.headers[layout.columns[column]]
        told = repr(shown(value)) if value else "an empty cell"
        found.append(RejectedRow(line, header, value or "", code, f"line {line}, column {header}: {told} {MESSAGES[code]}"))
    return found


def _with_currency(facts: pl.DataFrame, cells: pl.DataFrame, layout: Layout, warnings: dict[str, str]) -> pl.DataFrame:
    """The currency of a column, of the header, or of every cell; never an assumed one."""
    if "currency" not in facts.columns:
        stated = {layout.units[c] for c in ("spend", "revenue") if c in layout.units}
        code = stated.pop() if len(stated) == 1 else values.currency_of_cells([cells[c] for c in ("spend", "revenue") if c in cells.columns])
        facts = facts.with_columns(pl.lit(code, dtype=pl.String).alias("currency"))
    if facts["currency"].null_count():
        warnings["currency_unknown"] = "The file does not say in which currency amounts are; say so when you bring it in."
    basis = pl.when(pl.col("currency").is_not_null()).then(pl.lit("reported")).otherwise(pl.lit("unknown"))
    return facts.with_columns(currency_basis=basis)
