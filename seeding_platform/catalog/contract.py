"""What a table is: one declaration from which schema, docs, checks, quarantine and score are derived.

Only declarations and pure functions over them belong here. Reading, cleaning and storing are other rooms' work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMESTAMP = pl.Datetime("us", "UTC")
MONEY = pl.Decimal(18, 2)
LABELS = pl.List(pl.String)


class Platform(StrEnum):
    """Where posts and ads run; synonyms ("Twitter") are folded by harmonise."""

    INSTAGRAM = "Instagram"
    FACEBOOK = "Facebook"
    LINKEDIN = "LinkedIn"
    X = "X"
    TIKTOK = "TikTok"
    YOUTUBE = "YouTube"
    GOOGLE = "Google"
    META = "Meta"


POST_PLATFORMS = tuple(str(p) for p in Platform if p not in (Platform.GOOGLE, Platform.META))
AD_PLATFORMS = tuple(str(p) for p in (Platform.GOOGLE, Platform.META, Platform.LINKEDIN, Platform.TIKTOK, Platform.X))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """Keyword facts of a column; see `Column`."""

    nullable: bool = True
    unit: str | None = None
    personal: str | None = None
    values: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    references: str | None = None
    processing_time: bool = False
    outliers: bool = False


@dataclass(frozen=True, slots=True)
class Column(_Facts):
    """One column of a table.

    Args:
        dtype: Polars type in clean tables (raw text is cast to it once, at the end of harmonise).
        description: what the value means, for people.
        nullable: false = a row without it is quarantined.
        unit: unit of a number ("EUR", "seconds"); part of what engines must agree on.
        personal: label of personal data ("EMAIL"); such columns do not leave `clean`.
        values: closed list of allowed values.
        minimum: smallest allowed value; smaller is impossible and quarantined.
        maximum: largest allowed value.
        required: counts for the completeness of a record although it may be null.
        references: "table.column" that the value points to; a dangling one is flagged, not quarantined.
        processing_time: set by the platform, not by the source: left out of content hashes.
        outliers: screened by the statistical outlier rules (counts, on the log scale).
    """

    dtype: Any
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContract:
    """A table's name, grain, columns, key and rules.

    Args:
        name: table name, the second part of every asset key.
        description: what one row is.
        columns: contract columns by name, without lineage columns.
        key: natural key within a tenant.
        rules: expressions that must not be false; a row for which one is false is quarantined.
        flags: expressions that should not be false; a row for which one is false is kept and flagged.
        derived: columns computed from the cleaned ones, never trusted from the source.
        identity: "natural" = equal keys are duplicates; "source_row" = only the same row of the same file is.
        time: column that says when the fact was true; survivorship and timeliness use it.
        origin: "landed" = sources may feed it; "computed" = another room writes it.
        owner: who answers for the meaning.
        repairs: repair rules in their plain form (`cleaning.repair.rules`), applied in their order.
        text: the column whose text says what a row is about; near duplicates are sought in it.
        outlier_quotients: pairs of counts whose quotient is screened, numerator first; what tells a viral row from a wrong one.
        outlier_by: columns that form the groups of the outlier rules.
        version: raised when the meaning of a column changes.
    """

    name: str
    description: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    rules: Mapping[str, pl.Expr] = field(default_factory=dict)
    flags: Mapping[str, pl.Expr] = field(default_factory=dict)
    derived: Mapping[str, pl.Expr] = field(default_factory=dict)
    identity: Literal["natural", "source_row"] = "natural"
    time: str | None = None
    origin: Literal["landed", "computed"] = "landed"
    owner: str = "team:data-platform"
    repairs: tuple[Mapping[str, Any], ...] = ()
    text: str | None = None
    outlier_quotients: tuple[tuple[str, str], ...] = ()
    outlier_by: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"table name {self.name!r} must be [a-z0-9_]")
        for name in (
            *self.key,
            *self.derived,
            *self.outlier_by,
            *(c for pair in self.outlier_quotients for c in pair),
            *(c for c in (self.time, self.text) if c),
        ):
            if name not in self.columns and name not in ("tenant", "_source"):
                raise ValueError(f"{self.name}: {name!r} is named but is no column")
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def schema(self, layer: Literal["raw", "clean", "quality"]) -> dict[str, pl.DataType]:
        """Column types of this table in one layer, lineage included, in storage order."""
        if layer == "raw":
            names = {name: pl.String() for name in self.columns if name not in self.derived}
            return {"tenant": pl.String(), **names, **{name: _instance(c.dtype) for name, c in RAW_LINEAGE.items()}}
        kept = {n: _instance(c.dtype) for n, c in self.columns.items() if layer == "clean" or c.personal is None}
        extra = CLEAN_LINEAGE if layer == "clean" else {**CLEAN_LINEAGE, **QUALITY_COLUMNS}
        return {"tenant": pl.String(), **kept, **{name: _instance(c.dtype) for name, c in extra.items()}}

    def described(self, layer: Literal["raw", "clean", "quality"]) -> dict[str, Column]:
        """Like `schema`, with the whole column declarations."""
        extra = {**LINEAGE, **CLEAN_LINEAGE, **QUALITY_COLUMNS, **RAW_LINEAGE}
        return {name: self.columns.get(name) or extra[name] for name in self.schema(layer)}

    def required_columns(self) -> list[str]:
        """Columns that a complete record has."""
        return [n for n, c in self.columns.items() if c.required or not c.nullable]

    def empty(self, layer: Literal["raw", "clean", "quality"]) -> pl.DataFrame:
        """A frame of the right schema without rows."""
        return pl.DataFrame(schema=self.schema(layer))


def _instance(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


def previous(column: str, *within: str) -> pl.Expr:
    """The column's value in the row before, where that row has the same values in `within` (tenant included); else null.

    For flags and derived columns only: they are worked out on rows in the order of their key.

    >>> pl.DataFrame({"tenant": ["t", "t", "t"], "g": ["a", "a", "b"], "x": [1, 2, 3]}).select(previous("x", "g")).to_series().to_list()
    [None, 1, None]
    """
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in ("tenant", *within))
    return pl.when(same).then(pl.col(column).shift(1))


LINEAGE: dict[str, Column] = {
    "tenant": Column(pl.String, "Whose data it is", nullable=False),
    "_source": Column(pl.String, "Source and stream that it came from", nullable=False),
    "_batch": Column(pl.String, "Batch that brought it: file name @ content hash", nullable=False, processing_time=True),
    "_row": Column(pl.Int64, "0-based record of the batch", nullable=False),
}
RAW_LINEAGE: dict[str, Column] = {
    **{name: LINEAGE[name] for name in ("_source", "_batch", "_row")},
    "_op": Column(pl.String, "I insert, U update, D delete", nullable=False, values=("I", "U", "D")),
    "_landed_at": Column(TIMESTAMP, "When the batch was landed", processing_time=True),
    "_position": Column(pl.String, "Place in the source's own order: line of the file, log position"),
    "_notation": Column(pl.String, "How the source writes dates and numbers, as its declaration says (JSON)"),
    "synthetic": Column(pl.Boolean, "Made by the platform, never used to evaluate", nullable=False),
}
CLEAN_LINEAGE: dict[str, Column] = {
    **{name: LINEAGE[name] for name in ("_source", "_batch", "_row")},
    "synthetic": RAW_LINEAGE["synthetic"],
    "flags": Column(LABELS, "Names of the soft rules and outlier rules that the row breaks"),
    "quality_score": Column(pl.Float64, "Quality of the row, 0-100", nullable=False, minimum=0, maximum=100),
}
QUALITY_COLUMNS: dict[str, Column] = {
    "confidence": Column(pl.Float64, "Estimated probability that the record is right, 0-1", nullable=False, minimum=0, maximum=1),
}
