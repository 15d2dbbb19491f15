"""Any table as raw rows of a contract: its columns named, its notation decided column by column on what it holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from seeding_platform.cleaning.names import mapped_headers, nearest
from seeding_platform.cleaning.notation import trimmed
from seeding_platform.connectors.mapping import as_text, row_hash
from seeding_platform.connectors.spec import Notation
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.catalog import TableContract

Order = Literal["day-first", "month-first"]
_DAYS = (
    ("%d-%m-%Y", "day-first"), ("%d/%m/%Y", "day-first"), ("%d.%m.%Y", "day-first"), ("%d-%m-%y", "day-first"), ("%d/%m/%y", "day-first"),
    ("%m-%d-%Y", "month-first"), ("%m/%d/%Y", "month-first"), ("%m.%d.%Y", "month-first"), ("%m-%d-%y", "month-first"), ("%m/%d/%y", "month-first"),
    ("%Y/%m/%d", ""), ("%Y%m%d", ""), ("%d %b %Y", ""), ("%d %B %Y", ""), ("%b %d, %Y", ""), ("%B %d, %Y", ""),
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
_ISO = r"^\d{4}-\d{2}-\d{2}"
_MOST = 0.5  # share of the cells that a form must read to be taken for the column's
_DECIMAL = {".": r"^-?[^\d]*\d+(?:,\d{3})*\.\d+\D*$", ",": r"^-?[^\d]*\d+(?:\.\d{3})*,\d+\D*$"}
_GROUPED = r"^\D*\d{1,3}(?:([.,])\d{3})+\D*$"


@dataclass(frozen=True, slots=True)
class Decision:
    """How a column is read, and on what evidence.

    Args:
        column: of the contract.
        header: of the table.
        reading: the form that was chosen, such as "%d-%m-%Y" or "decimal ,".
        read: cells that it reads.
        cells: cells that say something.
    """

    column: str
    header: str
    reading: str
    read: int
    cells: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Raw rows of a contract and how they came to be.

    Args:
        rows: in the contract's raw schema.
        decisions: one a column whose notation had to be decided.
        unused: headers that no column of the contract is called.
    """

    rows: pl.DataFrame
    decisions: tuple[Decision, ...]
    unused: tuple[str, ...]


def as_raw(
    frame: pl.DataFrame, contract: TableContract, *, source: str, tenant: str = "default", dates: Order | None = None, timezone: str = "UTC"
) -> Intake:
    """Bring any table into the raw schema of a contract.

    Headers are matched by name and by synonyms (English and Dutch). Per column: dates day first or month first, decimal comma or point, by
    what reads most of its cells.

    Args:
        frame: the table; its own `tenant` and `synthetic` columns are respected.
        contract: whose rows they are.
        source: what the lineage calls the table.
        tenant: whose data it is, where the table does not say.
        dates: decides columns whose dates can be read both ways.
        timezone: IANA zone of times without an offset.

    Raises:
        ConfigError: a column that every row needs is not there, or the dates of a column can be read day first and month first and differ.
    """
    header = mapped_headers([h for h in frame.columns if h not in ("tenant", "synthetic")], contract)
    _require_key(frame, contract, header)
    text = frame.select(as_text(h, frame.schema[h]).alias(c) for c, h in header.items())
    decisions = [d for c in header if (d := _decided(text[c], contract, header[c], dates)) is not None]
    notation = Notation(
        timezone=timezone,
        dates={d.column: d.reading for d in decisions if d.reading.startswith("%")},
        decimals={d.column: "," if d.reading.endswith(",") else "." for d in decisions if d.reading.startswith("decimal")},
    )
    own = set(frame.columns)
    lineage = {
        "tenant": frame["tenant"].cast(pl.String).fill_null(tenant) if "tenant" in own else pl.lit(tenant),
        "_source": pl.lit(source),
        "_batch": pl.lit(source),
        "_row": pl.int_range(pl.len(), dtype=pl.Int64),
        "_op": pl.lit("I"),
        "_landed_at": pl.lit(dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        "_position": pl.format("row {}", pl.int_range(1, pl.len() + 1)),
        "_notation": pl.lit(notation.model_dump_json(exclude_defaults=True)),
        "synthetic": frame["synthetic"].cast(pl.Boolean, strict=False).fill_null(False) if "synthetic" in own else pl.lit(value=False),
    }
    whole = text.with_columns(**lineage) if text.width else pl.DataFrame({"_n": pl.int_range(frame.height, eager=True)}).with_columns(**lineage)
    if contract.identity == "source_row" and contract.key[0] not in header:
        whole = whole.with_columns(row_hash([pl.col("_source"), pl.col("_row").cast(pl.String)]).alias(contract.key[0]))
    rows = whole.select(
        (pl.col(name) if name in whole.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in contract.schema("raw").items()
    )
    return Intake(rows, tuple(decisions), tuple(h for h in frame.columns if h not in {*header.values(), "tenant", "synthetic"}))


def _require_key(frame: pl.DataFrame, contract: TableContract, header: dict[str, str]) -> None:
    made = contract.key[:1] if contract.identity == "source_row" else ()
    missing = [c for c, column in contract.columns.items() if not column.nullable and c not in header and c not in contract.derived and c not in made]
    if missing:
        near = "; ".join(f"{c} may be {h!r}" for c in missing if (h := nearest(c, [h for h in frame.columns if h not in header.values()])))
        told = f"{contract.name} needs {', '.join(missing)}; the table has {', '.join(frame.columns)}."
        raise ConfigError(told, fix=f"Rename the columns ({near})." if near else "Rename the columns to those of the contract.")


def _decided(values: pl.Series, contract: TableContract, header: str, dates: Order | None) -> Decision | None:
    column = contract.columns[values.name]
    said = values.to_frame().select(trimmed(pl.col(values.name))).to_series().drop_nulls()
    if not said.len():
        return None
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return _date_form(values.name, said.alias("value"), header, dates)
    if column.dtype == pl.Int64 or column.dtype == pl.Float64 or isinstance(column.dtype, pl.Decimal):
        return _decimal_mark(values.name, said.alias("value"), header, whole=column.dtype == pl.Int64)
    return None


def _date_form(column: str, said: pl.Series, header: str, dates: Order | None) -> Decision | None:
    """The form that reads most cells; among forms that read as many, the one asked for, else none may differ."""
    other = said.filter(~said.str.contains(_ISO))
    if not other.len():
        return None
    distinct = other.unique()
    count = other.value_counts(name="n")
    read: dict[str, tuple[int, str, pl.Series]] = {}
    for form, order in _forms(distinct):
        found = distinct.str.to_datetime(form, strict=False) if "%H" in form or "%I" in form else distinct.str.to_date(form, strict=False)
        known = pl.DataFrame({"value": distinct, "ok": found.is_not_null()}).join(count, on="value")
        cells = int(known.filter("ok")["n"].sum())
        if cells >= _MOST * other.len():
            read[form] = (cells, order, found)
    if not read:
        return None
    best = max(cells for cells, _, _ in read.values())
    tied = {form: (order, found) for form, (cells, order, found) in read.items() if cells == best}
    chosen = next((form for form, (order, _) in tied.items() if order == dates), next(iter(tied)))
    rivals = [form for form, (order, found) in tied.items() if order and not found.equals(tied[chosen][1])]
    if tied[chosen][0] and rivals and tied[chosen][0] != dates:
        raise ConfigError(
            f"column {header!r}: {distinct.sort()[0]!r} may be day first ({chosen}) or month first ({rivals[0]}), and no other cell tells.",
            fix="Say which with --dates day-first or --dates month-first (in code: dates=...).",
        )
    return Decision(column, header, chosen, best + said.len() - other.len(), said.len())


def _forms(distinct: pl.Series) -> Iterable[tuple[str, str]]:
    """Forms that have the look of most of the values; two-digit years only where no cell has four digits in a row."""
    clocked = (distinct.str.contains(":").mean() or 0.0) >= _MOST  # type: ignore[operator]
    long_year = (distinct.str.contains(r"\d{4}").mean() or 0.0) >= _MOST  # type: ignore[operator]
    for form, order in _DAYS:
        if ("%y" in form) == long_year:
            continue
        yield from ((form + clock, order) for clock in (_CLOCKS[1:] if clocked else _CLOCKS[:1]))


def _decimal_mark(column: str, said: pl.Series, header: str, *, whole: bool) -> Decision | None:
    """The decimal mark that more cells have; a mark before groups of three digits only is a thousands mark where numbers are whole."""
    counts = {mark: int(said.str.contains(pattern).sum()) for mark, pattern in _DECIMAL.items()}
    grouped = said.str.extract(_GROUPED).drop_nulls()
    if whole:
        marks = grouped.value_counts(sort=True) if grouped.len() else None
        if marks is None:
            return None
        mark = "." if marks["value"][0] == "," else ","
        return Decision(column, header, f"decimal {mark}", int(marks["count"][0]), said.len())
    sure = {mark: counts[mark] - int((grouped == mark).sum()) for mark in counts}
    if not counts[","] or sure["."] > sure[","]:
        return None
    if not sure[","] and not sure["."]:
        return None
    return Decision(column, header, "decimal ,", counts[","], said.len())
