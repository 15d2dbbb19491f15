"""Columns of a frame as their kinds say: numbers, categories, texts, moments; whatever is none of its kind is named with row and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models.kinds import FeatureKind, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.models.spec import ModelSpec

SYNTHETIC = "synthetic"
_NO_NUMBER = ["nan", "null", "none", "na", "n/a"]
"""How other programs write that there is no number."""
_EXACT = 2.0**53  # whole numbers below it are exact
_ONE = "\0one"  # no name of a column
_ROWS = "Rows count from 0, without the header."
_FORMS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%d-%m-%Y",
    "%d/%m/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
)


def required(spec: ModelSpec, frame: pl.DataFrame, *, target: bool) -> None:
    """Check that a frame has rows and the columns of a specification.

    Raises:
        ContractBroken: a column is not there.
        PermanentError: there is no row.
    """
    wanted = [*spec.features, *((spec.target,) if target and spec.target else ())]
    for name in wanted:
        if name not in frame.columns:
            has = ", ".join(frame.columns[:30])
            raise ContractBroken(spec.name, column=name, what="is not in the table", fix=f"It has {has}. Correct the name in the specification.")
    if frame.height == 0:
        raise PermanentError(f"{spec.name}: there is not one row.", fix="Give it rows with a target and the features.")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a column is read.

    Args:
        value: what it holds, in the type of its kind.
        wrong: where it holds what is none of its kind; None where it cannot.
        refused: what is raised where it does, of the column as it came and where it is wrong.
    """

    value: pl.Expr
    wrong: pl.Expr | None = None
    refused: Callable[[pl.Series, pl.Series], ContractBroken] | None = None


def feature_values(spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """The features alone, each in the type of its kind; blank text is missing.

    Returns:
        Float64 (numeric), String (category, text) and Datetime in UTC (date) columns, in the specification's order.

    Raises:
        ContractBroken: a column is missing, or a value is none of its kind.
    """
    required(spec, frame, target=False)
    types = frame.schema
    written = {n: moments(spec.name, n, frame[n]) for n, k in spec.features.items() if k is FeatureKind.DATE and not types[n].is_temporal()}
    told = {n: _READ[k](spec.name, n, types[n]) for n, k in spec.features.items() if n not in written}
    read = frame.select(written[n] if n in written else told[n].value.alias(n) for n in spec.features)  # one question: a row is often asked for alone
    for name, reading in told.items():
        if reading.wrong is not None and _doubtful(frame[name], read[name]):
            _refuse(reading, frame[name])
    return read


def _doubtful(came: pl.Series, read: pl.Series) -> bool:
    """Whether numbers may be wrong: one is missing that was not, or has no end."""
    least, most = read.min(), read.max()
    return read.null_count() > came.null_count() or least == float("-inf") or most == float("inf")


def target_values(spec: ModelSpec, frame: pl.DataFrame) -> pl.Series:
    """The target: Float64 for numbers, text for classes and items.

    Raises:
        ContractBroken: a row has no target, or one that is no number where a number is predicted.
    """
    required(spec, frame, target=True)
    column = frame[str(spec.target)]
    values = numbers(spec.name, column.name, column) if spec.kind in (Kind.REGRESSION, Kind.COUNTS) else labels(column)
    if values.null_count():
        row = int(values.is_null().arg_true()[0])
        fix = f"{values.null_count():,} of {values.len():,} rows have none: leave them out, they can only be predicted. {_ROWS}"
        raise ContractBroken(spec.name, column=column.name, row=row, what="has no value, and it is the target", fix=fix)
    if spec.kind is Kind.COUNTS and values.len() and float(values.min()) < 0:  # type: ignore[arg-type]
        row = int(values.arg_min())  # type: ignore[arg-type]
        fix = f"Counts are 0 or more; take kind: regression for what may be negative. {_ROWS}"
        raise ContractBroken(spec.name, column=column.name, value=str(values[row]), row=row, what="is negative", fix=fix)
    return values


def readable(spec: ModelSpec, frame: pl.DataFrame) -> None:
    """Read a whole table once, so that an error names the row as the table counts it, not as the part that it falls into.

    Raises:
        ContractBroken: a column is missing, or a value is none of its kind.
        PermanentError: there is no row.
    """
    required(spec, frame, target=True)
    feature_values(spec, frame)
    if spec.target and spec.kind in (Kind.REGRESSION, Kind.COUNTS):
        numbers(spec.name, spec.target, frame[spec.target])


def labelled(spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a target; blank text is none."""
    if spec.target is None:
        return frame
    required(spec, frame, target=True)
    return frame.filter(_labels(pl.col(spec.target), frame.schema[spec.target]).is_not_null())


def made_up(frame: pl.DataFrame) -> pl.Series:
    """Whether each row is synthetic; a frame without such a column has none."""
    if SYNTHETIC not in frame.columns:
        return pl.Series(SYNTHETIC, [False], dtype=pl.Boolean).new_from_index(0, frame.height)
    return frame[SYNTHETIC].cast(pl.Boolean).fill_null(False)


def labels(column: pl.Series) -> pl.Series:
    """Labels as text, whatever their type; whole numbers without a decimal point, blank text as null."""
    return column.to_frame(_ONE).select(_labels(pl.col(_ONE), column.dtype)).to_series().alias(column.name)


def numbers(spec: str, name: str, column: pl.Series) -> pl.Series:
    """Numbers as Float64; blank text and NaN are missing.

    Raises:
        ContractBroken: names the first value that is no finite number, and its row.
    """
    reading, alone = _numbers(spec, _ONE, column.dtype, shown=name), column.to_frame(_ONE)
    _refuse(reading, alone[_ONE])
    return alone.select(reading.value).to_series().alias(name)


def moments(spec: str, name: str, column: pl.Series) -> pl.Series:
    """Moments in UTC, of dates, times or texts in one notation.

    Raises:
        ContractBroken: names the first value that is no date, and its row.
    """
    if column.dtype.is_temporal():
        return column.to_frame(_ONE).select(_times(spec, _ONE, column.dtype, shown=name).value).to_series().alias(name)
    filled = column.cast(pl.String).to_frame(_ONE).select(_filled(pl.col(_ONE))).to_series()
    best = min(_readings(filled), key=lambda read: read.null_count())
    wrong = best.is_null() & filled.is_not_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        fix = f"Write 2026-03-31 or 2026-03-31T12:00:00Z, the same way in every row. {_ROWS}"
        raise ContractBroken(spec, column=name, value=str(filled[row])[:80], row=row, what="is no date", fix=fix)
    return best.alias(name)


def _readings(filled: pl.Series) -> list[pl.Series]:
    """The column read in every notation that we know."""
    plain = [filled.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone("UTC") for form in _FORMS]
    zoned = filled.str.replace(r"Z$", "+0000").str.replace(r"([+-]\d{2}):(\d{2})$", "${1}${2}")
    forms = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")
    if filled.drop_nulls().str.contains(r"\d[T ]\d.*(?:Z|[+-]\d{2}:?\d{2})$").any():
        return [zoned.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in forms]
    return plain


def _refuse(reading: _Reading, column: pl.Series) -> None:
    """Raise where a column holds what is none of its kind."""
    if reading.wrong is None or reading.refused is None:
        return
    wrong = column.to_frame().select(reading.wrong.fill_null(False)).to_series()
    if wrong.any():
        raise reading.refused(column, wrong)


def _numbers(spec: str, name: str, dtype: pl.DataType, shown: str = "") -> _Reading:
    shown, column = shown or name, pl.col(name)
    if dtype.is_temporal():
        raise ContractBroken(spec, column=shown, what=f"holds dates ({dtype}), not numbers", fix="Declare it as date.")
    if dtype.is_nested():
        raise ContractBroken(spec, column=shown, what=f"holds {dtype}, not numbers", fix="Give it one value a row, such as its length.")
    if dtype.is_integer() or dtype.is_decimal() or dtype in (pl.Boolean, pl.Null):
        return _Reading(column.cast(pl.Float64))
    if dtype.is_float():
        value = column.cast(pl.Float64).fill_nan(None)
        wrong = value.is_infinite()
    else:
        filled = _filled(column.cast(pl.String))
        value = filled.cast(pl.Float64, strict=False).fill_nan(None)
        wrong = (value.is_null() & filled.is_not_null() & ~filled.str.to_lowercase().is_in(_NO_NUMBER)) | value.is_infinite()

    def refused(held: pl.Series, wrong: pl.Series) -> ContractBroken:
        row = int(wrong.arg_true()[0])
        said = str(held[row]).strip()
        comma = " Write decimals with a point and thousands without a mark." if "," in said else ""
        fix = f"{int(wrong.sum()):,} of {held.len():,} cells are none. Correct them, or declare the column as category or text.{comma} {_ROWS}"
        return ContractBroken(spec, column=shown, value=said[:80], row=row, what="is no number", fix=fix)

    return _Reading(value, wrong, refused)


def _times(spec: str, name: str, dtype: pl.DataType, shown: str = "") -> _Reading:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return _Reading(zoned.cast(pl.Datetime("us", "UTC")))
    if dtype == pl.Date:
        return _Reading(column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    raise ContractBroken(spec, column=shown or name, what=f"holds {dtype}, not dates", fix="Give it dates, or declare it as category.")


def _categories(spec: str, name: str, dtype: pl.DataType) -> _Reading:
    return _Reading(_labels(pl.col(name), dtype))


def _labels(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return column.cast(pl.String)
    if dtype.is_float():  # a value alone is written as it is among others: what was learned of a column is asked for row by row
        known = column.cast(pl.Float64).fill_nan(None)
        whole = (known == known.floor()) & (known.abs() < _EXACT)
        return pl.when(whole).then(known.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.fill_nan(None).cast(pl.String))
    return _filled(column.cast(pl.List(pl.String)).list.join(",") if dtype.is_nested() else column.cast(pl.String))


def _texts(spec: str, name: str, dtype: pl.DataType) -> _Reading:
    if dtype.is_nested():
        raise ContractBroken(spec, column=name, what=f"holds {dtype}, not text", fix="Join its parts to one text a row.")
    return _Reading(pl.col(name).cast(pl.String))


def _filled(text: pl.Expr) -> pl.Expr:
    """Text without surrounding blanks, blank text as null."""
    bare = text.str.strip_chars()
    return pl.when(bare != "").then(bare)


_READ = {FeatureKind.NUMERIC: _numbers, FeatureKind.CATEGORY: _categories, FeatureKind.TEXT: _texts, FeatureKind.DATE: _times}
