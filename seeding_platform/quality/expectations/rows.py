"""Polars rows as the pandas frame that Great Expectations is given, with types by which it can tell a kept contract from a broken one.

A column of a type that a contract may name gets a pandas type of its own (`suite.PANDAS_TYPES`); a column of any other type gets one that no
contract has, so that the check of the type fails and the others still run where that makes sense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.quality.expectations.suite import pandas_type, rules_of

if TYPE_CHECKING:
    from seeding_platform.catalog.contract import TableContract
    from seeding_platform.quality.expectations.suite import Layer


def pandas_rows(frame: pl.DataFrame, contract: TableContract, layer: Layer = "clean") -> Any:
    """The rows with their types made comparable and the outcome of each rule beside them.

    Missing columns stay missing, and a rule that cannot be worked out holds in no row. A column that is not of the contract is only there by its
    name. NaN counts as missing, as pandas has it.
    """
    import pandas as pd

    schema = contract.schema(layer)
    frame = frame.with_columns(frame[name].cast(schema[name]) for name in frame.columns if frame[name].dtype == pl.Null and name in schema)
    columns = {
        name: _series(frame[name], schema[name]) if name in schema else pd.Series([None] * frame.height, dtype=object) for name in frame.columns
    }
    for helper, rule in rules_of(contract, layer).items():
        columns[helper] = _series(_outcome(frame, rule), pl.Boolean())
    return pd.DataFrame(columns, index=pd.RangeIndex(frame.height))


def _outcome(frame: pl.DataFrame, rule: pl.Expr) -> pl.Series:
    try:
        return frame.with_columns(rule.alias("outcome"))["outcome"].cast(pl.Boolean)
    except pl.exceptions.PolarsError:
        return pl.Series([False] * frame.height, dtype=pl.Boolean)


def _series(column: pl.Series, wanted: pl.DataType) -> Any:
    import pandas as pd

    parameters_differ = isinstance(column.dtype, pl.Decimal | pl.List) and column.dtype != wanted
    kind = None if parameters_differ else pandas_type(column.dtype)
    match kind:
        case "Decimal" | "list":
            return pd.Series(column.to_list(), dtype=object)
        case "datetime64[s]" | "datetime64[us]":
            stamps = column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column.dt.replace_time_zone(None)
            return pd.Series(stamps.to_numpy()).astype(kind)
        case str():
            return pd.Series(getattr(pd, kind)().__from_arrow__(column.to_arrow()))
    if column.dtype.is_numeric():
        return pd.Series(column.cast(pl.Float64).to_numpy())
    return pd.Series([None if value is None else str(value) for value in column.to_list()], dtype=object)
