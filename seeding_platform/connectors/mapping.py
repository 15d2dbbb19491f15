"""From a source's columns to a contract's: names and constants only. Everything stays text; casting is cleaning's work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.connectors.files.content import REJECT_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.connectors.spec import FileSourceSpec, TableMapping


def mapped(rows: pl.LazyFrame, spec: FileSourceSpec, mapping: TableMapping) -> pl.LazyFrame:
    """Rows of one source as raw rows of one contract.

    Args:
        rows: the source's raw table: its columns as read, and lineage.
        spec: the source.
        mapping: which column of the contract comes from where.

    Returns:
        The raw schema of the contract; columns that the source does not give are null.
    """
    table = LANDED[mapping.contract]
    present = rows.collect_schema()
    values: dict[str, pl.Expr] = {}
    for column in table.columns:
        if column in mapping.columns and mapping.columns[column] in present:
            values[column] = as_text(mapping.columns[column], present[mapping.columns[column]])
        elif column in mapping.constants:
            values[column] = pl.lit(_constant(mapping.constants[column]))
    if mapping.key_from:
        values[mapping.hashed_key] = row_hash([as_text(c, present[c]) for c in mapping.key_from if c in present])
    elif table.identity == "source_row" and mapping.hashed_key not in values:
        file = pl.col("_batch").str.replace(r"@[0-9a-f]+(@[a-z0-9_-]+)?$", "")
        values[mapping.hashed_key] = row_hash([pl.col("_source"), file, pl.col("_row").cast(pl.String)])
    if "currency_basis" in table.columns:
        values["currency_basis"] = _currency_basis(mapping, values)
    constants = {"_notation": pl.lit(mapping.formats.model_dump_json(exclude_none=True)), "synthetic": pl.lit(spec.synthetic)}
    whole = {**{name: pl.col(name) for name in ("tenant", "_source", "_batch", "_row", "_op", "_landed_at", "_position")}, **constants, **values}
    good = rows.filter(pl.col(REJECT_CODE).is_null()) if REJECT_CODE in present else rows
    good = restated(good) if spec.mode == "restate" else good
    good = good.filter(pl.col("_valid_to").is_null()) if "_valid_to" in present else good
    return good.select(whole.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in table.schema("raw").items())


RESTATED = ("tenant", "platform", "account", "date")


def restated(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of the file that was landed last for each platform, account and day: platforms restate conversions for weeks."""
    age = pl.concat_str(pl.col("_landed_at").dt.to_string("iso:strict"), pl.col("_batch"), separator=" ")
    return rows.filter(age == age.max().over(RESTATED))


def union(frames: Iterable[pl.LazyFrame], contract: str) -> pl.LazyFrame:
    """All sources' rows of one contract; an empty table of its raw schema when no source has landed."""
    return pl.concat([LANDED[contract].empty("raw").lazy(), *frames], how="vertical")


def row_hash(values: list[pl.Expr]) -> pl.Expr:
    """Content hash of some text values as an id: 32 hex digits, stable across processes and versions.

    Computed in Python (blake2b): Polars' own hash may change between versions, and ids must not.
    """
    return pl.concat_list([v.fill_null("\x00") for v in values]).map_batches(_hashed, return_dtype=pl.String)


def _hashed(lists: pl.Series) -> pl.Series:
    import hashlib

    joined = lists.list.join("\x1f")
    return pl.Series(joined.name, [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in joined], dtype=pl.String)


def as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A raw column as text: times as ISO 8601, lists and structs as JSON."""
    value = pl.col(column)
    if dtype == pl.String:
        return value
    if isinstance(dtype, pl.Datetime):
        return (value.dt.convert_time_zone("UTC") if dtype.time_zone else value).dt.to_string("iso:strict")
    if isinstance(dtype, pl.List):
        return value.map_elements(lambda items: json.dumps(list(items), ensure_ascii=False, default=str), return_dtype=pl.String)
    if isinstance(dtype, pl.Struct):
        return value.struct.json_encode()
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def _constant(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _currency_basis(mapping: TableMapping, values: dict[str, pl.Expr]) -> pl.Expr:
    if "currency" not in values:
        return pl.lit("unknown")
    known = pl.lit("declared" if "currency" in mapping.constants else "reported")
    return pl.when(values["currency"].is_null()).then(pl.lit("unknown")).otherwise(known)
