"""Some days of a table cleaned again: their rows in their new place, all others where they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.clean import CleaningResult

LINEAGE = ["tenant", "_source", "_batch", "_row"]
_SURVIVOR = {"survivor_source": "_source", "survivor_batch": "_batch", "survivor_row": "_row"}


def of_days(
    before: Mapping[str, pl.DataFrame], after: CleaningResult, contract: TableContract, first: dt.date, last: dt.date
) -> dict[str, pl.DataFrame]:
    """The tables of a contract with the rows of some days as a new cleaning has them.

    A row belongs to the days if it is kept with such a day before or after, or is merged into one that is. Every row of the two cleanings that
    have the same input still ends in exactly one place.

    Args:
        before: `kept`, `quarantined`, `duplicates`, `repairs` and `clusters` as they are.
        after: the cleaning of the same rows by what holds now.
        contract: whose `time` tells the day.
        first: the first day.
        last: the last day, included.

    Raises:
        ConfigError: the contract has no time.
    """
    if contract.time is None:
        raise ConfigError(f"{contract.name} does not say when its rows were true: it cannot be cleaned again by day")
    day = pl.col(contract.time).cast(pl.Date).is_between(first, last)
    rows = pl.concat([before["kept"].filter(day).select(LINEAGE), after.kept.filter(day).select(LINEAGE)]).unique()
    for merged in (before["duplicates"], after.duplicates):
        survivor = merged.drop("_source", "_batch", "_row").rename(_SURVIVOR)
        losers = merged.with_row_index("n").filter(pl.col("n").is_in(_places(survivor, rows).implode())).select(LINEAGE)
        rows = pl.concat([rows, losers]).unique()
    return {name: _changed(frame, getattr(after, name), rows) for name, frame in before.items()}


def _places(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    return frame.with_row_index("n").join(rows, on=LINEAGE, how="semi", nulls_equal=True)["n"]


def _changed(old: pl.DataFrame, new: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    stays = old.join(rows, on=LINEAGE, how="anti", nulls_equal=True, maintain_order="left")
    comes = new.join(rows, on=LINEAGE, how="semi", nulls_equal=True, maintain_order="left")
    return pl.concat([stays, comes.select(stays.columns)])
