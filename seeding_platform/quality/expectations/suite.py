"""Expectation suites made from table contracts.

What is promised is worked out in plain Python (`checks_of`), so that it can be read and tested without Great Expectations; `suite_of` only says
it in that library's words. Running a suite is `run`'s work.
"""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeding_platform.catalog.contract import Column, TableContract

Layer = Literal["clean", "quality"]
RULE = "rule__"
"""Prefix of the columns that hold the outcome of a contract's rule, one boolean a row; they exist only while a suite runs."""
REQUIRED_SHARE = 0.8
"""A required column that may be null is filled in at least this share of the rows."""
AHEAD = dt.timedelta(days=366)
"""How far a table's time may lie ahead: campaigns are planned, but not further than a year."""
PANDAS_TYPES: dict[pl.DataType, str] = {
    pl.String(): "StringDtype",
    pl.Int64(): "Int64Dtype",
    pl.Float64(): "Float64Dtype",
    pl.Boolean(): "BooleanDtype",
    pl.Date(): "datetime64[s]",
    TIMESTAMP: "datetime64[us]",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a contract.

    Args:
        kind: class name of the expectation.
        part: the part of the contract that promises it, as "columns.likes.minimum"; unique within a suite.
        says: the promise in words.
        columns: columns it is about; none = the whole table.
        arguments: arguments of the expectation.
        must: false = it is a matter of degree, and its failure a warning.
    """

    kind: str
    part: str
    says: str
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    must: bool = True


def pandas_type(dtype: pl.DataType) -> str | None:
    """Name under which GX knows the pandas type of a column of this Polars type; None = it has none of its own.

    >>> pandas_type(pl.Decimal(18, 2)), pandas_type(pl.Int64()), pandas_type(pl.Int32())
    ('Decimal', 'Int64Dtype', None)
    """
    if isinstance(dtype, pl.Decimal):
        return "Decimal"
    if isinstance(dtype, pl.List):
        return "list"
    return PANDAS_TYPES.get(dtype)


def rules_of(contract: TableContract, layer: Layer = "clean") -> dict[str, pl.Expr]:
    """Rules that can be worked out in a layer: those whose columns it has, by the name of their helper column."""
    there = contract.schema(layer).keys()
    return {f"{RULE}{name}": rule for name, rule in contract.rules.items() if set(rule.meta.root_names()) <= there}


def checks_of(contract: TableContract, layer: Layer = "clean", *, now: dt.datetime | None = None) -> list[Check]:
    """Every promise of a contract that can be checked on one table of a layer.

    Args:
        contract: the table's contract.
        layer: which of its tables.
        now: the moment after which `AHEAD` begins (UTC); None leaves the check of the future out.
    """
    schema, rules = contract.schema(layer), rules_of(contract, layer)
    exactly = {"column_set": [*schema, *rules], "exact_match": True}
    found = [Check("ExpectTableColumnsToMatchSet", "columns", "The table has the columns of its contract and no others", arguments=exactly)]
    for name, column in contract.described(layer).items():
        found += _column_checks(name, column, schema[name], typed=name in contract.columns)
    if contract.identity == "natural" and set(contract.key) <= schema.keys():
        key = ("tenant", *contract.key)
        says = f"No two rows of one tenant have the same {', '.join(contract.key)}"
        found.append(Check("ExpectCompoundColumnsToBeUnique", "key", says, key, {"column_list": list(key)}))
    if now is not None and contract.time is not None and contract.time in schema:
        latest = (now + AHEAD).astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
        says = f"{contract.time} is not after {latest:%Y-%m-%d %H:%M} UTC"
        found.append(Check("ExpectColumnValuesToBeBetween", "time", says, (contract.time,), {"column": contract.time, "max_value": latest}))
    for helper, rule in rules.items():
        name = helper.removeprefix(RULE)
        roots = tuple(dict.fromkeys(rule.meta.root_names()))
        found.append(_in_set(helper, f"rules.{name}", f"Rule holds: {name.replace('_', ' ')}", (True,), roots))
    return found


def _column_checks(name: str, column: Column, dtype: pl.DataType, *, typed: bool) -> Iterator[Check]:
    one = {"column": name}
    if typed and (kind := pandas_type(dtype)):  # types of lineage columns are the platform's own, and each check costs 20 ms
        says = f"{name} is of type {dtype}"
        yield Check("ExpectColumnValuesToBeInTypeList", f"columns.{name}.dtype", says, (name,), {**one, "type_list": [kind]})
    if not column.nullable:
        yield Check("ExpectColumnValuesToNotBeNull", f"columns.{name}.nullable", f"{name} is never empty", (name,), one)
    elif column.required:
        says = f"{name} is filled in at least {REQUIRED_SHARE:.0%} of the rows".replace("%", " %")
        yield Check("ExpectColumnValuesToNotBeNull", f"columns.{name}.required", says, (name,), {**one, "mostly": REQUIRED_SHARE}, must=False)
    if column.values is not None and dtype == pl.String:
        yield _in_set(name, f"columns.{name}.values", f"{name} is one of: {', '.join(column.values)}", column.values, (name,))
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    limits = {word: limit for word, limit in bounds.items() if limit is not None}
    if limits and dtype.is_numeric():
        says = f"{name}: " + ", ".join(f"{word} {limit:g}" for word, limit in limits.items())
        arguments = {**one, **{f"{word[:3]}_value": limit for word, limit in limits.items()}}
        yield Check("ExpectColumnValuesToBeBetween", f"columns.{name}.{'+'.join(limits)}", says, (name,), arguments)


def _in_set(column: str, part: str, says: str, values: tuple[Any, ...], about: tuple[str, ...]) -> Check:
    return Check("ExpectColumnValuesToBeInSet", part, says, about, {"column": column, "value_set": list(values)})


def suite_of(contract: TableContract, layer: Layer = "clean", *, now: dt.datetime | None = None) -> Any:
    """The `ExpectationSuite` of a contract, named like its table.

    Each expectation says in `meta["contract"]` which part of the contract it comes from, and in its description what is promised. Rules of the
    contract are expectations on the columns `rule__<name>`, which `run.validate` adds to the rows.

    Args:
        contract: the table's contract.
        layer: which of its tables.
        now: see `checks_of`.
    """
    gx = great_expectations()
    expectations = [_expectation(gx, check) for check in checks_of(contract, layer, now=now)]
    meta = {"table": contract.name, "layer": layer, "version": contract.version, "owner": contract.owner, "notes": contract.description}
    return gx.ExpectationSuite(name=contract.name, expectations=expectations, meta=meta)


def _expectation(gx: Any, check: Check) -> Any:
    meta = {"contract": check.part, "columns": list(check.columns)}
    severity = "critical" if check.must else "warning"
    make = getattr(gx.expectations, check.kind)
    return make(**check.arguments, meta=meta, severity=severity, description=f"{check.says} (contract: {check.part})")


def great_expectations() -> Any:
    """The library, imported on first use; what it and its own libraries say about their age while they load is not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
    return gx
