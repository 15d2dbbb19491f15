"""Feeds that are declared and not written: the rows of one quality table, in SQL expressions. Nothing here runs code of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import EngineContract
from seeding_platform.distribution.feeds.feed import Feed

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables


class DeclaredFeed(BaseModel):
    """Which rows of one table an engine is fed, and how its fields follow from them.

    Args:
        table: quality table that is read.
        select: fields to give: a column, or an SQL expression with a name (`spend / clicks AS cost`); sums of rows are not for here.
        rename: new name of a column that is selected by its own name.
        where: SQL condition; rows for which it is not true are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: str
    select: tuple[str, ...] = Field(min_length=1)
    rename: dict[str, str] = Field(default_factory=dict)
    where: str | None = None

    @model_validator(mode="after")
    def _can_be_run(self) -> DeclaredFeed:
        if self.table not in LANDED:
            raise ValueError(f"there is no table {self.table!r}")
        try:
            self.rows_of(LANDED[self.table].empty("quality").lazy()).collect_schema()
        except pl.exceptions.PolarsError as error:
            raise ValueError(" ".join(str(error).split())[:300]) from error
        return self

    def rows_of(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that are selected, with the fields that are."""
        wanted = table if self.where is None else table.filter(pl.sql_expr(self.where))
        return wanted.select(pl.sql_expr(text) for text in self.select).rename(self.rename)


class DeclaredEngine(BaseModel):
    """An engine of the user's own: its contract, and its feed.

    Args:
        contract: what it is fed; `inputs` is the feed's table where it is not given.
        feed: how its rows are made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    contract: EngineContract
    feed: DeclaredFeed

    @model_validator(mode="before")
    @classmethod
    def _inputs_follow_from_the_feed(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("contract"), dict) and isinstance(data.get("feed"), dict):
            return data | {"contract": {"inputs": [data["feed"].get("table", "")], **data["contract"]}}
        return data

    @model_validator(mode="after")
    def _fits(self) -> DeclaredEngine:
        if self.contract.reads != (self.feed.table,):
            raise ValueError(f"contract.inputs: must be [{self.feed.table}], the table of the feed")
        given = self.feed.rows_of(LANDED[self.feed.table].empty("quality").lazy()).collect_schema()
        lacking = [name for name in self.contract.schema() if name not in given]
        extra = [name for name in given if name not in self.contract.schema()]
        if lacking or extra:
            told = [*(f"{n!r} is not selected" for n in lacking), *(f"{n!r} is selected but is no field" for n in extra)]
            raise ValueError(f"feed: {'; '.join(told)}")
        return self

    def as_feed(self) -> Feed:
        """The feed: fields in the contract's order, rows by its key; a value that is not of its field's type ends the build."""
        contract, declared = self.contract, self.feed

        def build(tables: Tables, context: FeedContext) -> pl.DataFrame:
            rows = declared.rows_of(tables[declared.table])
            return rows.select(pl.col(name).cast(dtype) for name, dtype in contract.schema().items()).sort(contract.key).collect()

        return Feed(contract.name, (declared.table,), build, told=declared.model_dump_json())
