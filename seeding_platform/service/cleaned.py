"""What cleaning did to the tables of one tenant, read from the lake: where each row went, and examples of every rule.

Values of personal columns are masked for every role: no role stands for seeing them. Others are told as far as `withheld` lets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import BaseModel

from seeding_platform.catalog import LANDED, TableContract
from seeding_platform.cleaning.alike import CLUSTER_SCHEMA
from seeding_platform.cleaning.clean import QUARANTINE_SCHEMA, REPAIR_SCHEMA
from seeding_platform.cleaning.dedup.strict import DUPLICATE_SCHEMA
from seeding_platform.service.errors import Problem
from seeding_platform.service.withheld import cells_told, texts_told
from seeding_platform.storage.lake import TableMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeding_platform.storage.lake import Lake

Side = Literal["quarantine", "duplicates", "repairs", "clusters"]
SIDES: dict[Side, Mapping[str, Any]] = {
    "quarantine": QUARANTINE_SCHEMA,
    "duplicates": DUPLICATE_SCHEMA,
    "repairs": REPAIR_SCHEMA,
    "clusters": CLUSTER_SCHEMA,
}
LINEAGE = ("_source", "_batch", "_row")
EXAMPLES = 3
MASK = "•••"
_CHANGED = pl.col("before").ne_missing(pl.col("after"))
FILE = pl.col("_batch").str.replace(r"@[0-9a-f]{12}(@[a-z0-9_-]+)?$", "")


class Share(BaseModel, frozen=True):
    """A ratio with what it was made of; null where there is nothing to judge."""

    numerator: int
    denominator: int
    value: float | None

    @classmethod
    def of(cls, numerator: int, denominator: int) -> Share:
        """The ratio of two counts."""
        return cls(numerator=numerator, denominator=denominator, value=numerator / denominator if denominator else None)


class TableSummary(BaseModel, frozen=True):
    """Where the rows of a table went: `rows_in = kept + merged + quarantined`.

    Args:
        contract: name of the table.
        rows_in: rows that its last cleaning was given.
        kept: rows that keep the contract.
        merged: rows merged into a kept one.
        quarantined: rows refused.
        raw_rows: rows that stand in the raw table now; other than `rows_in` where it changed since.
        filled_before: filled required cells of the raw rows.
        filled_after: filled required cells of the kept rows.
        validity: rows not quarantined, of all rows.
        score: mean quality of the kept rows, 0-100.
        repaired: cells that were rewritten.
        suspects: cells that a rule would have rewritten, had it been sure.
        clusters: clusters of rows with the same text; null where none are sought.
    """

    contract: str
    rows_in: int
    kept: int
    merged: int
    quarantined: int
    raw_rows: int
    filled_before: Share
    filled_after: Share
    validity: Share
    score: float | None
    repaired: int
    suspects: int
    clusters: int | None


class Reject(BaseModel, frozen=True):
    """A cell for which a row was refused; `masked` says that its value is personal and not shown."""

    source: str
    file: str
    position: str | None
    column: str
    value: str | None
    masked: bool
    rule: str
    message: str


class RejectRule(BaseModel, frozen=True):
    """Rows that broke one rule."""

    rule: str
    rows: int
    examples: list[Reject]


class Repair(BaseModel, frozen=True):
    """A cell that was rewritten, or that is suspect (`after` equals `before`)."""

    source: str
    file: str
    row: int
    column: str
    before: str | None
    after: str | None
    masked: bool
    rule: str
    confidence: float | None


class RepairedBy(BaseModel, frozen=True):
    """Cells that one rule rewrote, and those that it found suspect."""

    rule: str
    cells: int
    suspects: int
    examples: list[Repair]


class FlagRule(BaseModel, frozen=True):
    """Kept rows that carry one flag."""

    rule: str
    rows: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one contract as one tenant sees them.

    Args:
        lake: where they are.
        contract: which table.
        tenant: whose rows.
    """

    lake: Lake
    contract: TableContract
    tenant: str

    def rows(self, layer: Literal["raw", "clean"], side: Side | None = None) -> pl.LazyFrame:
        """The tenant's rows; none where the table was not made yet, and null in columns that an older one lacks."""
        schema = dict(SIDES[side]) if side is not None else self.contract.schema(layer)
        try:
            found = self.lake.read(f"{layer}/{self.contract.name}" + (f"__{side}" if side else ""), tenant=self.tenant)
        except TableMissing:
            return pl.LazyFrame(schema=schema)
        there = found.collect_schema()
        return found.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in there)

    def record(self) -> pl.Expr:
        """The key of a clean row as the clusters and the decisions of people name it."""
        return pl.concat_str([pl.col(k).cast(pl.String).fill_null("") for k in self.contract.key], separator="|")

    def personal(self) -> list[str]:
        """Columns whose values are masked."""
        return [name for name, column in self.contract.columns.items() if column.personal is not None]


def contract_named(name: str) -> TableContract:
    """A landed contract.

    Raises:
        Problem: 404.
    """
    if name not in LANDED:
        raise Problem(404, "no-such-contract", f"There is no table {name!r}; there are {', '.join(LANDED)}.")
    return LANDED[name]


def summaries(lake: Lake, tenant: str) -> list[TableSummary]:
    """Every landed table that holds rows of a tenant."""
    found = (summary(Tables(lake, contract, tenant)) for contract in LANDED.values())
    return [told for told in found if told.raw_rows or told.rows_in]


def summary(tables: Tables) -> TableSummary:
    """One table, from counts alone."""
    contract = tables.contract
    required = [c for c in contract.required_columns() if c not in contract.derived]
    raw, clean, quarantined, merged, repairs, clusters = pl.collect_all(
        [
            tables.rows("raw").select(pl.len(), filled=_sum(pl.col(c).str.strip_chars().fill_null("") != "" for c in required)),
            tables.rows("clean").select(pl.len(), filled=_sum(pl.col(c).is_not_null() for c in required), score=pl.col("quality_score").mean()),
            tables.rows("clean", "quarantine").select(pl.len()),
            tables.rows("clean", "duplicates").select(pl.len()),
            tables.rows("clean", "repairs").select(pl.len(), changed=_CHANGED.sum()),
            tables.rows("clean", "clusters").select(pl.col("cluster_id").n_unique()),
        ]
    )
    kept, out = clean["len"].item(), quarantined.item()
    rows_in = kept + merged.item() + out
    score = clean["score"].item()
    return TableSummary(
        contract=contract.name,
        rows_in=rows_in,
        kept=kept,
        merged=merged.item(),
        quarantined=out,
        raw_rows=raw["len"].item(),
        filled_before=Share.of(raw["filled"].item(), raw["len"].item() * len(required)),
        filled_after=Share.of(clean["filled"].item(), kept * len(required)),
        validity=Share.of(rows_in - out, rows_in),
        score=None if score is None else round(score, 2),
        repaired=repairs["changed"].item(),
        suspects=repairs["len"].item() - repairs["changed"].item(),
        clusters=clusters.item() if contract.text else None,
    )


def _sum(true: Iterable[pl.Expr]) -> pl.Expr:
    counts = [part.sum().cast(pl.Int64) for part in true]
    return pl.sum_horizontal(counts) if counts else pl.lit(0, dtype=pl.Int64)


def rejects(tables: Tables) -> list[RejectRule]:
    """Rules by which rows were refused, the most frequent first, with a few examples each."""
    cells = _rejected(tables).with_columns(by="rule")
    found = cells.group_by("by").agg(rows=pl.struct(LINEAGE).n_unique(), examples=pl.struct(pl.all()).sort_by(*LINEAGE, "column").head(EXAMPLES))
    return [
        RejectRule(rule=row["by"], rows=row["rows"], examples=_rejects(tables, row["examples"]))
        for row in found.sort(["rows", "by"], descending=[True, False]).collect().iter_rows(named=True)
    ]


def rejected_cells(tables: Tables, *, rule: str | None, limit: int, offset: int) -> tuple[int, list[Reject]]:
    """Cells for which rows were refused, in the order of their files; how many there are, and a page of them."""
    cells = _rejected(tables)
    cells = cells if rule is None else cells.filter(pl.col("rule") == rule)
    total, page = pl.collect_all([cells.select(pl.len()), cells.sort(*LINEAGE, "column", "rule").slice(offset, limit)])
    return total.item(), _rejects(tables, page.to_dicts())


def _rejected(tables: Tables) -> pl.LazyFrame:
    """A row a broken rule and cell."""
    rows = tables.rows("clean", "quarantine").select(
        *LINEAGE, "_position", "message", "columns", "values", rule="rules", file=FILE, every="columns", given="values"
    )
    return rows.explode("rule", "columns", "values").rename({"columns": "column", "values": "value"})


def _rejects(tables: Tables, cells: list[dict[str, Any]]) -> list[Reject]:
    personal = set(tables.personal())
    given = {(c, v) for cell in cells for c, v in [(cell["column"], cell["value"]), *zip(cell["every"], cell["given"], strict=True)]}
    asked = [pair for pair in given if pair[0] not in personal]
    told = dict(zip(asked, cells_told(tables.contract, asked), strict=True))
    messages = texts_told([_masked(cell["message"], zip(cell["every"], cell["given"], strict=True), told) for cell in cells])
    return [
        Reject(
            source=cell["_source"],
            file=cell["file"],
            position=cell["_position"],
            column=cell["column"],
            value=told.get((cell["column"], cell["value"])),
            masked=cell["column"] in personal,
            rule=cell["rule"],
            message=message,
        )
        for cell, message in zip(cells, messages, strict=True)
    ]


def _masked(message: str, cells: Iterable[tuple[str, str]], told: Mapping[tuple[str, str], str | None]) -> str:
    """What is told of a row, each of its values as far as it is told; one that is not is masked."""
    for column, value in cells:
        if value:
            message = message.replace(f"'{value}'", f"'{told.get((column, value), MASK)}'")
    return message


def repairs(tables: Tables, rules: Iterable[Mapping[str, Any]] = ()) -> list[RepairedBy]:
    """Rules that rewrote cells, the most frequent first, with a few examples each.

    Args:
        tables: whose.
        rules: repair rules as declared: what they read decides what is masked.
    """
    cells = _repaired(tables).with_columns(changed=_CHANGED)
    examples = pl.struct(pl.all()).sort_by(~pl.col("changed"), *LINEAGE, "column").head(EXAMPLES)
    found = cells.group_by("by").agg(cells=pl.col("changed").sum(), suspects=(~pl.col("changed")).sum(), examples=examples)
    return [
        RepairedBy(rule=row["by"], cells=row["cells"], suspects=row["suspects"], examples=_repairs(tables, rules, row["examples"]))
        for row in found.sort(["cells", "suspects", "by"], descending=[True, True, False]).collect().iter_rows(named=True)
    ]


def repaired_by(tables: Tables) -> dict[str, int]:
    """How many cells each rule rewrote."""
    found = _repaired(tables).filter(_CHANGED).group_by("by").agg(cells=pl.len()).collect()
    return dict(found.iter_rows())


def repaired_cells(tables: Tables, rules: Iterable[Mapping[str, Any]], *, rule: str | None, limit: int, offset: int) -> tuple[int, list[Repair]]:
    """Cells that were rewritten or are suspect, in the order of their files; how many there are, and a page of them."""
    cells = _repaired(tables)
    cells = cells.unique([*LINEAGE, "column", "rule"]) if rule is None else cells.filter(pl.col("by") == rule)
    total, page = pl.collect_all([cells.select(pl.len()), cells.sort(*LINEAGE, "column", "rule").slice(offset, limit)])
    return total.item(), _repairs(tables, rules, page.to_dicts())


def _repaired(tables: Tables) -> pl.LazyFrame:
    """A row a cell and a rule that worked on it (`by`); `rule` names all of them."""
    rows = tables.rows("clean", "repairs").select(*LINEAGE, "column", "before", "after", "rule", "confidence", file=FILE)
    return rows.with_columns(by=pl.col("rule").str.split(", ")).explode("by")


def _repairs(tables: Tables, rules: Iterable[Mapping[str, Any]], cells: list[dict[str, Any]]) -> list[Repair]:
    personal = set(tables.personal())
    personal |= {str(rule["column"]) for rule in rules if personal & read_by(rule)}
    before, after = (cells_told(tables.contract, [(cell["column"], cell[name]) for cell in cells]) for name in ("before", "after"))
    return [
        Repair(
            source=cell["_source"],
            file=cell["file"],
            row=cell["_row"] + 1,
            column=cell["column"],
            before=None if cell["column"] in personal else was,
            after=None if cell["column"] in personal else now,
            masked=cell["column"] in personal,
            rule=cell["rule"],
            confidence=cell["confidence"],
        )
        for cell, was, now in zip(cells, before, after, strict=True)
    ]


def read_by(rule: Mapping[str, Any]) -> set[str]:
    """Columns that a repair rule takes values from."""
    decides = rule.get("determinant") or []
    return {str(c) for c in [rule.get("source"), *([decides] if isinstance(decides, str) else decides)] if c}


def flags(tables: Tables) -> list[FlagRule]:
    """Flags of the kept rows, the most frequent first."""
    names = tables.rows("clean").select(rule="flags").explode("rule").drop_nulls()
    found = names.group_by("rule").agg(rows=pl.len()).sort(["rows", "rule"], descending=[True, False]).collect()
    return [FlagRule(**row) for row in found.iter_rows(named=True)]
