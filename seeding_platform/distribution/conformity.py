"""Whether rows keep an engine's contract. Nothing is repaired here: a feed that gives other rows is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.key_shares import first_repeat
from seeding_platform.errors import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seeding_platform.catalog.engine import EngineContract, EngineField, KAnonymity


def check_rows(engine: EngineContract, rows: pl.DataFrame) -> None:
    """Do nothing when the rows keep the contract.

    Raises:
        ContractBroken: names the column, and the first row and value at fault where there is one.
    """
    _check_schema(engine, rows)
    for declared in engine.fields:
        for broken, what in _value_rules(declared, rows):
            _refuse_first(engine, rows, declared.name, broken, what)
    _refuse(engine, rows, engine.key[0], first_repeat(rows, engine.key), f"repeats the key ({', '.join(engine.key)})")
    if engine.k_anonymity:
        _check_groups(engine, engine.k_anonymity, rows)


def _check_schema(engine: EngineContract, rows: pl.DataFrame) -> None:
    wanted = engine.schema()
    fix = f"Change the feed {engine.feed!r}, or give the contract a new version."
    for name, dtype in wanted.items():
        if name not in rows.schema:
            raise ContractBroken(engine.name, column=name, what="is missing", fix=fix)
        if rows.schema[name] != dtype:
            raise ContractBroken(engine.name, column=name, what=f"is {rows.schema[name]} where the contract says {dtype}", fix=fix)
    for name in rows.columns:
        if name not in wanted:
            raise ContractBroken(engine.name, column=name, what="is not in the contract", fix=fix)
    for name, ours in zip(wanted, rows.columns, strict=True):
        if name != ours:
            raise ContractBroken(engine.name, column=ours, what=f"stands where the contract has {name!r}", fix=fix)


def _value_rules(declared: EngineField, rows: pl.DataFrame) -> Iterator[tuple[pl.Series, str]]:
    values = rows[declared.name]
    if not declared.nullable:
        yield values.is_null(), "is missing"
    if values.dtype == pl.Float64:
        yield values.is_finite().not_(), "is not a finite number"
    if declared.minimum is not None:
        yield values < declared.minimum, f"is below {declared.minimum:g}"
    if declared.maximum is not None:
        yield values > declared.maximum, f"is above {declared.maximum:g}"
    if declared.values is not None:
        yield values.is_in(declared.values).not_(), f"is not one of {', '.join(declared.values)}"


def _check_groups(engine: EngineContract, rule: KAnonymity, rows: pl.DataFrame) -> None:
    people = pl.col(rule.count) if rule.count else pl.col(rule.distinct or "").n_unique().over(rule.fields)
    small = rows.select(people < rule.k).to_series()
    _refuse_first(engine, rows, rule.fields[0], small, f"is of a group ({', '.join(rule.fields)}) of fewer than {rule.k}", shown=False)


def _refuse_first(engine: EngineContract, rows: pl.DataFrame, column: str, broken: pl.Series, what: str, *, shown: bool = True) -> None:
    _refuse(engine, rows, column, _first(broken), what, shown=shown)


def _refuse(engine: EngineContract, rows: pl.DataFrame, column: str, row: int | None, what: str, *, shown: bool = True) -> None:
    if row is not None:
        value = str(rows[column][row]) if shown else None
        raise ContractBroken(engine.name, column=column, value=value, row=row, what=what, fix=f"Correct the feed {engine.feed!r} or its inputs.")


def _first(flags: Iterable[bool | None]) -> int | None:
    index = pl.Series(flags, dtype=pl.Boolean).fill_null(False).arg_true()
    return int(index[0]) if len(index) else None
