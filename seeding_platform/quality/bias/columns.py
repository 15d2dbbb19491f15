"""Columns: which ones a question names, whether they are there and can be used, and what the groups are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "(all)"
MISSING = "(missing)"
MOST = {"group": 1_000, "stratum": 10_000}
"""Most groups that are compared pair by pair, and most strata that are told one by one."""


def listed(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def group_name(columns: str | Sequence[str]) -> pl.Expr:
    """Name of each row's group: the values joined by " x ", a null as "(missing)".

    >>> frame = pl.DataFrame({"sex": ["f", None], "age": [30, 40]})
    >>> frame.select(group_name(["sex", "age"])).to_series().to_list()
    ['f x 30', '(missing) x 40']
    """
    return pl.concat_str([pl.col(c).cast(pl.String).fill_null(MISSING) for c in listed(columns)], separator=" x ")


def chosen(frame: pl.DataFrame | pl.LazyFrame, **columns: str | Sequence[str]) -> pl.DataFrame:
    """The columns that a question names, in row order: `group` and `stratum` as names of groups, others as they are under their keyword.

    A NaN becomes null. Empty `columns` are left out.

    Raises:
        ConfigError: a column is missing, `group` is empty or a list, or there are too many groups or strata.
    """
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    wanted = {keyword: listed(names) for keyword, names in columns.items()}
    for keyword, names in wanted.items():
        absent = [name for name in names if name not in schema]
        if absent:
            raise ConfigError(f"{keyword}: there is no column {', '.join(absent)}.", fix=f"The table has {', '.join(schema)}.")
        nested = [name for name in names if schema[name].is_nested()]
        if nested:
            raise ConfigError(f"{keyword}: column {nested[0]} holds {schema[nested[0]]}, which cannot be counted.", fix="Name one of plain values.")
    if not wanted["group"]:
        raise ConfigError("group: no column is named.", fix="Name the column that holds the groups.")
    named = {keyword: group_name(names) if keyword in MOST else _plain(names[0], schema[names[0]]) for keyword, names in wanted.items() if names}
    rows = lazy.select(**named).collect()
    for keyword in MOST:
        if keyword in rows.columns:
            _require_few(rows[keyword], keyword)
    return rows


def is_binary(column: pl.Series) -> bool:
    """True where a column holds nothing but booleans, or 0, 1 and nulls."""
    if column.dtype == pl.Boolean or column.dtype == pl.Null:
        return True
    return column.dtype.is_numeric() and bool(((column == 0) | (column == 1)).all())


def hits(column: pl.Series, positive: Any, *, name: str) -> pl.Series:
    """True where a label is the positive one, null where it is null.

    Raises:
        ConfigError: the column cannot hold such a value.
    """
    value = positive
    if column.dtype == pl.Boolean:
        value = bool(positive) if not isinstance(positive, str) and positive in (0, 1) else None
    elif column.dtype.is_numeric() and isinstance(positive, bool):
        value = int(positive)
    if column.dtype == pl.Null:
        return column.cast(pl.Boolean)
    fits = value is not None and isinstance(value, str) == (column.dtype in (pl.String, pl.Categorical, pl.Enum))
    try:
        found = column.to_frame("label").select(pl.col("label") == pl.lit(value)).to_series() if fits else None
    except (pl.exceptions.PolarsError, TypeError):
        found = None
    if found is None:
        raise ConfigError(f"positive: {positive!r} is no value that column {name} ({column.dtype}) can hold.", fix="Give a value of the column.")
    return found


def _plain(column: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(column).fill_nan(None) if dtype.is_float() else pl.col(column)


def _require_few(column: pl.Series, keyword: str) -> None:
    names = column.unique()
    if names.len() > MOST[keyword]:
        raise ConfigError(f"{keyword}: there are {names.len():,} values, more than the {MOST[keyword]:,} that can be told.", fix="Bin them first.")
    if ALL in names:
        raise ConfigError(f'{keyword}: a value reads "{ALL}", which is the name of all rows together.', fix="Rename it.")
