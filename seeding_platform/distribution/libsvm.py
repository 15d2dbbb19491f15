"""Rows as libsvm text: `label index:value index:value ...`, indices from 1 and rising, zeros left out; `features.json` says what each index is.

Only engines with one label that is a number or a truth value, and is never missing, can be given this (`catalog.engine.libsvm_problem` says why
another cannot): keys, weights and what is neither learned from nor predicted are left out, so rows cannot be told apart by them.

Numbers stand as they are (a date as days, a time as seconds since 1970-01-01). A value that may be missing has a second index that is 1 where it
is, since a value that is left out is 0 in this format. Categories are one index each; where a field has more than `MOST_ONE_HOT` of them it
is one index whose value is the number of the category, from 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from seeding_platform.catalog.engine import FieldType
from seeding_platform.distribution.text_files import whole_lines
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineField

FEATURES = "features.json"
MOST_ONE_HOT = 256
SLICE_ROWS = 100_000
"""Rows whose text is made at once."""
_LABEL = "label"


@dataclass(frozen=True, slots=True)
class Feature:
    """What one index means.

    Args:
        index: from 1.
        field: field of the contract.
        kind: number: its value; missing: 1 where it has none; category: 1 where it is (or holds) `values[0]`; code: n where it is the nth
            of `values`.
        values: categories.
    """

    index: int
    field: str
    kind: Literal["number", "missing", "category", "code"]
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows become lines.

    Args:
        label: field that is predicted.
        features: all indices, rising.
    """

    label: str
    features: tuple[Feature, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON: `features.json`."""
        told = [{"index": f.index, "field": f.field, "kind": f.kind, **({"values": f.values} if f.values else {})} for f in self.features]
        return canonical_json({"label": self.label, "features": told})


def layout_of(fields: Sequence[EngineField], rows: pl.DataFrame) -> Layout:
    """The layout of an engine's rows; categories are those that occur, in the order of their code points.

    Args:
        fields: of a contract that `libsvm_problem` finds nothing against.
        rows: all rows of the bundle.
    """
    made: list[Feature] = []

    def add(field: str, kind: Literal["number", "missing", "category", "code"], *values: str) -> None:
        made.append(Feature(len(made) + 1, field, kind, values))

    for field in (f for f in fields if f.role == "feature"):
        if field.type in (FieldType.STRING, FieldType.STRINGS):
            column = rows[field.name].explode(empty_as_null=False) if field.type is FieldType.STRINGS else rows[field.name]
            values = [str(v) for v in column.drop_nulls().unique().sort()]
            if field.type is FieldType.STRING and len(values) > MOST_ONE_HOT:
                add(field.name, "code", *values)
            else:
                for value in values:
                    add(field.name, "category", value)
        else:
            add(field.name, "number")
        if field.nullable:
            add(field.name, "missing")
    return Layout(next(f.name for f in fields if f.role == "label"), tuple(made))


def write(rows: pl.DataFrame, path: Path, layout: Layout) -> None:
    """Write rows as lines; one without features has its label only."""
    by_field: dict[str, list[Feature]] = {}
    for feature in layout.features:
        by_field.setdefault(feature.field, []).append(feature)
    pairs = [_pairs(rows.schema[field], features) for field, features in by_field.items()]
    line = pl.concat_str(_number(layout.label, rows.schema[layout.label]), *pairs, separator=" ", ignore_nulls=True)
    with path.open("wb") as stream:
        for part in rows.iter_slices(SLICE_ROWS):
            stream.write(part.select(line.alias("line")).write_csv(include_header=False, quote_style="never").encode())


def read(path: Path) -> pl.DataFrame:
    """Label and features of a file, all as floats: `label`, and one column an index, named by it. For looking at, not for large files."""
    features = _features(path)
    lines = _lines(path.read_bytes()).with_row_index("row").with_columns(pl.col("line").str.split(" "))
    pairs = (
        lines.select("row", pair=pl.col("line").list.slice(1))
        .explode("pair")
        .drop_nulls()
        .select("row", pl.col("pair").str.split_exact(":", 1).struct.rename_fields(["index", "value"]))
        .unnest("pair")
        .with_columns(pl.col("value").cast(pl.Float64))
    )
    labels = lines.select("row", label=pl.col("line").list.first().cast(pl.Float64))
    wide = labels.join(pairs.pivot(on="index", index="row", values="value"), on="row", how="left") if pairs.height else labels
    missing = [pl.lit(0.0).alias(name) for name in features if name not in wide.columns]
    return wide.sort("row").with_columns(missing).select(_LABEL, *(pl.col(name).fill_null(0.0) for name in features))


def checked(path: Path) -> int:
    """Number of lines of a file.

    Raises:
        ValueError: a line is none of this format, or has an index that `features.json` does not name.
    """
    most, counted = len(_features(path)), 0
    for piece in whole_lines(path):
        lines = _lines(piece)
        told = lines.select(
            good=pl.col("line").str.contains(r"^-?[0-9][^ :]*( [1-9][0-9]*:-?[0-9][^ :]*)*$").all(),
            highest=pl.col("line").str.extract(r" ([0-9]+):[^ ]*$").cast(pl.Int64).max(),
        )
        if not told["good"][0] or (told["highest"][0] or 0) > most:
            raise ValueError("a line is not `label index:value ...` with the indices of features.json")
        counted += lines.height
    return counted


def _features(path: Path) -> list[str]:
    told: dict[str, Any] = json.loads((path.parent / FEATURES).read_bytes())
    return [str(feature["index"]) for feature in told["features"]]


def _lines(text: bytes) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"line": pl.String})
    return pl.read_csv(text, has_header=False, new_columns=["line"], separator="\x01", quote_char=None, infer_schema=False) if text else empty


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    """A value as the shortest text that reads back as the same float."""
    column = pl.col(name)
    if isinstance(dtype, pl.Boolean):
        column = column.cast(pl.Int64)
    elif isinstance(dtype, pl.Date):
        column = column.cast(pl.Int32)
    elif isinstance(dtype, pl.Datetime):
        microseconds = column.dt.epoch("us")  # by its digits: dividing would round twice
        size, sign = microseconds.abs(), pl.when(microseconds < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        return pl.concat_str(sign, size // 1_000_000, pl.lit("."), (size % 1_000_000).cast(pl.String).str.zfill(6))
    return column.cast(pl.String)


def _pairs(dtype: pl.DataType, features: Sequence[Feature]) -> pl.Expr:
    """The `index:value` texts of one field; null where there is none."""
    column, missing = pl.col(features[0].field), next((f for f in features if f.kind == "missing"), None)
    numbers = [f for f in features if f.kind == "number"]
    codes = {v: f"{f.index}:{n}" for f in features if f.kind == "code" for n, v in enumerate(f.values, 1)}
    categories = {f.values[0]: f.index for f in features if f.kind == "category"}
    text: pl.Expr
    if numbers:
        moment = isinstance(dtype, (pl.Date, pl.Datetime))
        zero = pl.lit(False) if moment else (column.cast(pl.Int8) if isinstance(dtype, pl.Boolean) else column) == 0
        text = pl.when(~zero).then(pl.concat_str(pl.lit(f"{numbers[0].index}:"), _number(features[0].field, dtype)))
    elif isinstance(dtype, pl.List):
        found = column.list.eval(pl.element().replace_strict(categories, return_dtype=pl.Int64, default=None)) if categories else None
        listed = None if found is None else found.list.drop_nulls().list.unique().list.sort().list.eval(pl.element().cast(pl.String) + ":1")
        text = pl.lit(None, dtype=pl.String) if listed is None else pl.when(listed.list.len() > 0).then(listed.list.join(" "))
    else:
        texts = codes or {value: f"{index}:1" for value, index in categories.items()}
        text = column.replace_strict(texts, return_dtype=pl.String, default=None) if texts else pl.lit(None, dtype=pl.String)
    return text if missing is None else pl.when(column.is_null()).then(pl.lit(f"{missing.index}:1")).otherwise(text)
