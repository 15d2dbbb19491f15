"""Numbers, dates, booleans and lists out of text, by the notation that a source declares. Null = not understood.

Each function takes an expression of text and gives an expression of the type; whether a null was a failure is decided
by the caller, who still has the text.
"""

from __future__ import annotations

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP
from seeding_platform.connectors.spec import Notation  # noqa: TC001 - the examples in the docstrings use it

NULL_WORDS = ["", "-", "--", "n/a", "N/A", "#N/A", "null", "NULL", "None", "nan", "NaN"]
_CURRENCIES = "eur|usd|gbp|chf|sek|nok|dkk|pln|czk|huf|ron|bgn|try|jpy|cny|inr|aud|cad|nzd|brl|mxn|zar|aed|ils|sgd|hkd"
_SIGNS = rf"[\s\u00a0\u202f€$£¥]|(?i:{_CURRENCIES}|kr|zł)"
_TRUE = ["true", "1", "1.0", "yes", "ja", "y", "j", "waar"]
_FALSE = ["false", "0", "0.0", "no", "nee", "n", "onwaar"]


def trimmed(text: pl.Expr) -> pl.Expr:
    """Text without surrounding white space; null where nothing or only a word for "nothing" is left."""
    bare = text.str.strip_chars()
    return pl.when(~bare.is_in(NULL_WORDS)).then(bare)


def number_text(text: pl.Expr, notation: Notation) -> pl.Expr:
    """A number as canonical text ("-1234.56"), without currency signs and thousands marks; null when it is none.

    A thousands mark must stand before groups of three digits, so "1.5" in a comma notation is not understood rather than 15.

    >>> df = pl.DataFrame({"x": ["€ 1.234,50", "12", "1.5", "12,5"]})
    >>> df.select(number_text(pl.col("x"), Notation(decimal=","))).to_series().to_list()
    ['1234.50', '12', None, '12.5']
    """
    mark, group = (r"\.", ",") if notation.decimal == "." else (",", r"\.")
    bare = text.str.replace_all(_SIGNS, "").str.replace(r"^\((.*)\)$", "-$1").str.replace("\u2212", "-", literal=True)
    plain = rf"^[-+]?\d*{mark}?\d+$|^[-+]?\d+{mark}$"
    grouped = rf"^[-+]?\d{{1,3}}(?:{group}\d{{3}})+(?:{mark}\d+)?$"
    exponent = r"^[-+]?\d+(?:\.\d+)?[eE][-+]?\d{1,3}$"
    other = "," if notation.decimal == "." else "."
    return (
        pl.when(bare.str.contains(plain))
        .then(bare.str.replace(notation.decimal, ".", literal=True))
        .when(bare.str.contains(grouped))
        .then(bare.str.replace_all(other, "", literal=True).str.replace(notation.decimal, ".", literal=True))
        .when(bare.str.contains(exponent))
        .then(bare)
    )


def number(text: pl.Expr, notation: Notation) -> pl.Expr:
    """A number as float; understands suffixes k, M and %.

    >>> df = pl.DataFrame({"x": ["2,3k", "12,5%", "1.200"]})
    >>> df.select(number(pl.col("x"), Notation(decimal=",")).round(6)).to_series().to_list()
    [2300.0, 0.125, 1200.0]
    """
    suffix = text.str.extract(r"([kKmM%])\s*$")
    body = number_text(text.str.strip_suffix("%").str.replace(r"[kKmM%]\s*$", ""), notation).cast(pl.Float64, strict=False)
    factor = suffix.str.to_lowercase().replace_strict({"k": 1e3, "m": 1e6, "%": 1e-2}, default=1.0, return_dtype=pl.Float64)
    return body * factor.fill_null(1.0)


def has_suffix(text: pl.Expr) -> pl.Expr:
    """True where a number is written with k, M or %."""
    return text.str.contains(r"[kKmM%]\s*$").fill_null(False)


def integer(text: pl.Expr, notation: Notation) -> pl.Expr:
    """A whole number; null where there is a fraction.

    >>> df = pl.DataFrame({"x": ["1,200", "3.0", "2.5", "2.3k", "12345678901234567"]})
    >>> df.select(integer(pl.col("x"), Notation())).to_series().to_list()
    [1200, 3, None, 2300, 12345678901234567]
    """
    exact = number_text(text, notation).str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
    scaled = number(text, notation)
    whole = pl.when((scaled - scaled.round()).abs() < 1e-6).then(scaled.round()).cast(pl.Int64, strict=False)
    return pl.when(has_suffix(text)).then(pl.when(~text.str.contains("%", literal=True)).then(whole)).otherwise(exact)


def decimal(text: pl.Expr, notation: Notation, dtype: pl.Decimal) -> pl.Expr:
    """An exact decimal of the given scale; more digits are rounded half away from zero.

    >>> df = pl.DataFrame({"x": ["381.4", "0.005", "1.2k", "x"]})
    >>> [str(v) for v in df.select(decimal(pl.col("x"), Notation(), pl.Decimal(18, 2))).to_series()]
    ['381.40', '0.01', '1200.00', 'None']
    """
    fine = pl.Decimal(38, min(12, dtype.scale + 6))
    exact = number_text(text, notation).cast(fine, strict=False)
    scaled = number(text, notation).round(dtype.scale).cast(pl.String).cast(fine, strict=False)
    return pl.when(has_suffix(text)).then(scaled).otherwise(exact).round(dtype.scale, mode="half_away_from_zero").cast(dtype, strict=False)


def date(text: pl.Expr, notation: Notation) -> pl.Expr:
    """A date: by the declared format, ISO 8601, or the date part of an ISO timestamp.

    >>> df = pl.DataFrame({"x": ["31-12-2026", "2026-01-02", "2026-01-02T10:00:00", "13/13/2026"]})
    >>> [str(v) for v in df.select(date(pl.col("x"), Notation(date="%d-%m-%Y"))).to_series()]
    ['2026-12-31', '2026-01-02', '2026-01-02', 'None']
    """
    tries = [text.str.to_date(notation.date, strict=False)] if notation.date else []
    iso = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|[T ]\d{2}:)").str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(*tries, iso)


def timestamp(text: pl.Expr, notation: Notation) -> pl.Expr:
    """A moment in UTC: ISO 8601 with or without offset, or the declared formats in the declared zone.

    A local time that does not exist (clocks going forward) is not understood; one that exists twice is the first.

    >>> df = pl.DataFrame({"x": ["01-07-2026 12:30", "2026-07-01T12:30:00Z", "2026-07-01 12:30:00+02:00", "2026-07-01"]})
    >>> n = Notation(timestamp="%d-%m-%Y %H:%M", timezone="Europe/Amsterdam")
    >>> [v.strftime("%d %H:%M") for v in df.select(timestamp(pl.col("x"), n)).to_series()]
    ['01 10:30', '01 12:30', '01 10:30', '30 22:00']
    """
    iso = text.str.replace(" ", "T", literal=True)
    zoned = r"(?:Z|[+-]\d{2}:?\d{2})$"
    exact = (
        pl.when(iso.str.contains(r"^\d{4}-\d{2}-\d{2}T.*" + zoned))
        .then(iso.str.replace(r"Z$", "+00:00").str.replace(r"T(\d{2}:\d{2})([+-])", "T$1:00$2"))
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
        .dt.convert_time_zone("UTC")
    )
    local = [text.str.to_datetime(f, strict=False, time_unit="us") for f in (notation.timestamp,) if f]
    local += [iso.str.to_datetime(f, strict=False, time_unit="us") for f in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")]
    days = [text.str.to_date(f, strict=False).cast(pl.Datetime("us")) for f in (notation.date, "%Y-%m-%d") if f]
    placed = pl.coalesce(*local, *days).dt.replace_time_zone(notation.timezone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(exact, placed.dt.convert_time_zone("UTC")).cast(TIMESTAMP)


def boolean(text: pl.Expr) -> pl.Expr:
    """True or false in English, Dutch or digits."""
    word = text.str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False)


def items(text: pl.Expr) -> pl.Expr:
    """A list: JSON or Python notation, or split at ; , and |.

    >>> df = pl.DataFrame({"x": ["['a', 'b c']", "x; y|z", "[]"]})
    >>> df.select(items(pl.col("x"))).to_series().to_list()
    [['a', 'b c'], ['x', 'y', 'z'], []]
    """
    bare = text.str.strip_chars("[] ").str.replace_all(r"[;|]", ",")
    parts = bare.str.split(",").list.eval(pl.element().str.strip_chars(" '\"\n\r\t"))
    return parts.list.eval(pl.element().filter(pl.element() != ""))
