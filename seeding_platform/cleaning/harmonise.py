"""One strict cast from raw text to the contract's types, by each source's notation; what fails is kept with its raw text.

Which failures quarantine a row is decided in `cleaning.clean`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning import notation as read
from seeding_platform.cleaning import text as words
from seeding_platform.cleaning.codes import CODES, VALUES
from seeding_platform.connectors.spec import Notation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeding_platform.catalog import Column, TableContract

INDEX = "_index"
FAILURE_SCHEMA = {INDEX: pl.UInt32(), "column": pl.String(), "value": pl.String(), "code": pl.String(), "what": pl.String()}
CHANGE_SCHEMA = {INDEX: pl.UInt32(), "column": pl.String(), "before": pl.String(), "after": pl.String(), "rule": pl.String()}


@dataclass(frozen=True, slots=True)
class Harmonised:
    """Typed rows, casts that failed, cells whose meaning was rewritten.

    Args:
        rows: contract columns in their types, lineage, and `_index`.
        failures: `_index, column, value, code, what`; the cell is null in `rows`.
        changes: `_index, column, before, after, rule`.
    """

    rows: pl.DataFrame
    failures: pl.DataFrame
    changes: pl.DataFrame


def harmonise(raw: pl.DataFrame, contract: TableContract) -> Harmonised:
    """Raw rows of one contract, typed. `raw` has the contract's raw schema."""
    indexed = raw.with_row_index(INDEX)
    rows, failures, changes = [], [], []
    for (mark,), part in indexed.partition_by("_notation", as_dict=True, include_key=True, maintain_order=True).items():
        how = Notation.model_validate_json(mark) if mark else Notation()
        typed = _typed(part, contract, how)
        rows.append(typed.select(_kept_columns(contract)))
        failures += list(_failures(part, typed, contract))
        changes += list(_changes(part, typed, contract))
    if not rows:
        rows = [_typed(indexed, contract, Notation()).select(_kept_columns(contract))]
    return Harmonised(
        pl.concat(rows).sort(INDEX),
        pl.concat([pl.DataFrame(schema=FAILURE_SCHEMA), *failures]).sort(INDEX, "column"),
        pl.concat([pl.DataFrame(schema=CHANGE_SCHEMA), *changes]).sort(INDEX, "column"),
    )


_LINEAGE = ("tenant", "_source", "_batch", "_row", "_op", "_landed_at", "_position", "synthetic")


def _kept_columns(contract: TableContract) -> list[str]:
    return [INDEX, *_LINEAGE, *(c for c in contract.columns if c not in contract.derived)]


def _typed(part: pl.DataFrame, contract: TableContract, how: Notation) -> pl.DataFrame:
    columns = {name: column for name, column in contract.columns.items() if name not in contract.derived}
    if part.height < _SAMPLE:
        cast = [_column(part, name, column, contract, how) for name, column in columns.items()]
    else:  # one column runs on one core: cast as many side by side as Polars has threads
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            cast = list(pool.map(lambda item: _column(part, item[0], item[1], contract, how), columns.items()))
    return pl.DataFrame([*part.select(INDEX, *_LINEAGE).get_columns(), *cast])


def _column(part: pl.DataFrame, name: str, column: Column, contract: TableContract, how: Notation) -> pl.Series:
    raw = part[name]
    if contract.name == "content_posts" and name in ("hashtags", "mentions"):
        return words.tags_of_posts(raw, part["text"], mark="#" if name == "hashtags" else "@").rename(name)
    if raw.null_count() == raw.len():
        return pl.Series(name, [], dtype=contract.schema("clean")[name]).extend_constant(None, raw.len())
    if column.dtype != pl.String:
        return _by_distinct(raw, _value(name, column, how))
    text = words.harmonised_series(raw)
    return text if column.values is None and name not in CODES and name not in _OWN_FORMS else _by_distinct(text, _string(name, column))


_OWN_FORMS = ("url", "handle", "hashtag")
_SAMPLE = 2_000


def _by_distinct(raw: pl.Series, value: pl.Expr) -> pl.Series:
    """A column's values, worked out once for each distinct text where the texts repeat: a platform has a handful of spellings."""
    name = raw.name
    frame = raw.to_frame()
    if raw.len() < _SAMPLE or raw.n_unique() * 4 > raw.len():
        return frame.lazy().select(value.alias(name)).collect().to_series()  # lazy: common parts are worked out once
    distinct = raw.unique().to_frame().lazy().with_columns(value.alias("_value")).collect()
    return frame.join(distinct, on=name, how="left", nulls_equal=True, maintain_order="left")["_value"].rename(name)


def _value(name: str, column: Column, how: Notation) -> pl.Expr:
    """A column's typed value as an expression of its own raw text."""
    dtype, how = column.dtype, how.of(name)
    text = read.trimmed(pl.col(name))
    if isinstance(dtype, pl.List):
        folded = read.items(text)
        return folded if name != "platforms" else folded.list.eval(_folded(pl.element(), "platform", None))
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        plain = text.str.replace("\u00a0", " ", literal=True)
        return read.date(plain, how) if dtype == pl.Date else read.timestamp(plain, how)
    if dtype == pl.Boolean:
        return read.boolean(text)
    if isinstance(dtype, pl.Decimal):
        return read.decimal(text, how, dtype)
    return read.integer(text, how) if dtype == pl.Int64 else read.number(text, how)


def _string(name: str, column: Column) -> pl.Expr:
    """The proper form of a text column's harmonised text."""
    text = pl.col(name)
    if name == "url":
        return words.without_tracking(text)
    if name == "handle":
        return text.str.strip_chars_start("@")
    if name == "hashtag":
        return text.str.strip_chars_start("#").str.to_lowercase()
    if name in CODES:
        synonyms, case = CODES[name]
        cased = text.str.to_uppercase() if case == "upper" else text.str.to_lowercase()
        short = pl.when(text.str.contains(r"^\p{L}{2,3}$")).then(cased).otherwise(text)
        return text.str.to_lowercase().replace_strict(synonyms, default=short, return_dtype=pl.String)
    if column.values is not None:
        return _folded(text, name, column.values)
    return text


def _folded(text: pl.Expr, name: str, allowed: tuple[str, ...] | None) -> pl.Expr:
    """A value of a closed list in its proper spelling; what is not in the list stays as it is."""
    table = {word: meaning for word, meaning in VALUES.get(name, {}).items() if allowed is None or meaning in allowed}
    table |= {value.lower(): value for value in allowed or (*VALUES.get(name, {}).values(), "Facebook", "YouTube")}
    if name == "platform" and allowed is not None and "Meta" in allowed:
        table |= {"facebook": "Meta", "instagram": "Meta", "fb": "Meta"}
    return text.str.to_lowercase().replace_strict(table, default=text, return_dtype=pl.String)


_WHAT = {"Int64": "is no whole number", "Float64": "is no number", "Date": "is no date", "Boolean": "is neither yes nor no"}


def _failures(part: pl.DataFrame, typed: pl.DataFrame, contract: TableContract) -> Iterator[pl.DataFrame]:
    """Cells that had text and have no value, or a value outside the closed list."""
    for name, column in _plain_columns(contract).items():
        given = part[name]
        if given.null_count() == given.len():
            continue
        if column.dtype == pl.String:
            if column.values is None:
                continue
            wrong, code, what = ~typed[name].is_in(list(column.values)), "not_allowed", f"is none of {', '.join(column.values)}"
        else:
            present = part.select(read.trimmed(pl.col(name)).is_not_null()).to_series()
            wrong, code = typed[name].is_null() & present, f"not_{_word(column)}"
            what = _WHAT.get(str(column.dtype), "is no number" if isinstance(column.dtype, pl.Decimal) else "is no time")
        wrong = wrong.fill_null(False)
        if wrong.any():
            rows = part.filter(wrong).select(INDEX, column=pl.lit(name), value=pl.col(name), code=pl.lit(code), what=pl.lit(what))
            yield rows.cast(FAILURE_SCHEMA)  # type: ignore[arg-type]


def _word(column: Column) -> str:
    if isinstance(column.dtype, pl.Datetime):
        return "a_time"
    return {"Date": "a_date", "Boolean": "yes_or_no"}.get(str(column.dtype), "a_number")


def _changes(part: pl.DataFrame, typed: pl.DataFrame, contract: TableContract) -> Iterator[pl.DataFrame]:
    """Text cells that say something else than before, and numbers that were written with a suffix or rounded."""
    for name, column in _plain_columns(contract).items():
        given = part[name]
        if given.null_count() == given.len():
            continue
        if column.dtype == pl.String:
            before = given.str.strip_chars()
            changed, rule = (before != typed[name]).fill_null(False), _rule(name, column)
        elif isinstance(column.dtype, pl.Decimal) or column.dtype.is_integer():
            changed = part.select(read.has_suffix(pl.col(name))).to_series() & typed[name].is_not_null()
            rule = "number_suffix"
        else:
            continue
        if changed.any():
            cells = {"before": given.filter(changed), "after": typed[name].filter(changed).cast(pl.String)}
            rows = pl.DataFrame({INDEX: typed[INDEX].filter(changed), **cells}).with_columns(column=pl.lit(name), rule=pl.lit(rule))
            yield rows.select(*CHANGE_SCHEMA).cast(CHANGE_SCHEMA)  # type: ignore[arg-type]


def _rule(name: str, column: Column) -> str:
    if name == "url":
        return "tracking_removed"
    return "code" if name in CODES else "closed_list" if column.values is not None else "text_form"


def _plain_columns(contract: TableContract) -> Mapping[str, Column]:
    """Columns that are cast as they stand: not derived, not lists (a list is understood or empty)."""
    return {n: c for n, c in contract.columns.items() if n not in contract.derived and not isinstance(c.dtype, pl.List)}
