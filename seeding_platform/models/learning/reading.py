"""Columns of a frame as their kinds say: numbers, categories, texts, moments; whatever is none of its kind is named with row and value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models.kinds import FeatureKind, Kind

if TYPE_CHECKING:
    from seeding_platform.models.spec import ModelSpec

SYNTHETIC = "synthetic"
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


def feature_values(spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """The features alone, each in the type of its kind; blank text is missing.

    Returns:
        Float64 (numeric), String (category, text) and Datetime in UTC (date) columns, in the specification's order.

    Raises:
        ContractBroken: a column is missing, or a value is none of its kind.
    """
    required(spec, frame, target=False)
    return frame.select([_READ[kind](spec.name, name, frame[name]) for name, kind in spec.features.items()])


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


def labelled(spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a target; blank text is none."""
    if spec.target is None:
        return frame
    required(spec, frame, target=True)
    return frame.filter(_filled(frame[spec.target]).is_not_null())


def made_up(frame: pl.DataFrame) -> pl.Series:
    """Whether each row is synthetic; a frame without such a column has none."""
    if SYNTHETIC not in frame.columns:
        return pl.Series(SYNTHETIC, [False], dtype=pl.Boolean).new_from_index(0, frame.height)
    return frame[SYNTHETIC].cast(pl.Boolean).fill_null(False)


def labels(column: pl.Series) -> pl.Series:
    """Labels as text, whatever their type; whole numbers without a decimal point, blank text as null."""
    if column.dtype == pl.Boolean:
        return column.cast(pl.Int8).replace_strict({1: "true", 0: "false"}, return_dtype=pl.String)
    if column.dtype.is_float():
        whole = column.drop_nulls().drop_nans()
        if (whole == whole.floor()).all():
            return column.fill_nan(None).cast(pl.Int64).cast(pl.String)
    return _filled(column.cast(pl.String) if not column.dtype.is_nested() else column.cast(pl.List(pl.String)).list.join(","))


def numbers(spec: str, name: str, column: pl.Series) -> pl.Series:
    """Numbers as Float64; blank text and NaN are missing.

    Raises:
        ContractBroken: names the first value that is no finite number, and its row.
    """
    if column.dtype.is_temporal():
        raise ContractBroken(spec, column=name, what=f"holds dates ({column.dtype}), not numbers", fix="Declare it as date.")
    if column.dtype.is_nested():
        raise ContractBroken(spec, column=name, what=f"holds {column.dtype}, not numbers", fix="Give it one value a row, such as its length.")
    if column.dtype.is_integer() or column.dtype.is_decimal() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64)
    filled = _filled(column)
    values = filled.cast(pl.Float64, strict=False).fill_nan(None)
    wrong = (values.is_null() & filled.is_not_null() & ~_not_a_number(filled)) | values.is_infinite().fill_null(False)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        said = str(filled[row])
        comma = " Write decimals with a point and thousands without a mark." if "," in said else ""
        fix = f"{int(wrong.sum()):,} of {column.len():,} cells are none. Correct them, or declare the column as category or text.{comma} {_ROWS}"
        raise ContractBroken(spec, column=name, value=said[:80], row=row, what="is no number", fix=fix)
    return values.alias(name)


def moments(spec: str, name: str, column: pl.Series) -> pl.Series:
    """Moments in UTC, of dates, times or texts in one notation.

    Raises:
        ContractBroken: names the first value that is no date, and its row.
    """
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias(name)
    if isinstance(column.dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC") if column.dtype.time_zone else column.dt.replace_time_zone("UTC")
        return zoned.cast(pl.Datetime("us", "UTC")).alias(name)
    filled = _filled(column.cast(pl.String))
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


def _categories(spec: str, name: str, column: pl.Series) -> pl.Series:
    return labels(column).alias(name)


def _texts(spec: str, name: str, column: pl.Series) -> pl.Series:
    if column.dtype.is_nested():
        raise ContractBroken(spec, column=name, what=f"holds {column.dtype}, not text", fix="Join its parts to one text a row.")
    return column.cast(pl.String).alias(name)


def _filled(column: pl.Series) -> pl.Series:
    """Text without surrounding blanks, blank text as null; other types as they are."""
    if column.dtype != pl.String:
        return column.fill_nan(None) if column.dtype.is_float() else column
    bare = column.str.strip_chars()
    return bare.set(bare == "", None)


def _not_a_number(filled: pl.Series) -> pl.Series:
    """Where a text says that there is no number: nan, as other programs write what is missing."""
    if filled.dtype != pl.String:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, filled.len())
    return filled.str.to_lowercase().is_in(["nan", "null", "none", "na", "n/a"]).fill_null(False)


_READ = {FeatureKind.NUMERIC: numbers, FeatureKind.CATEGORY: _categories, FeatureKind.TEXT: _texts, FeatureKind.DATE: moments}
