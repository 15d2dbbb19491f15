"""Facts as questions need them: one schema, whatever they came from, and what is known about them as a whole."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.analytics.metrics import DIMENSIONS
from seeding_platform.errors import PermanentError
from seeding_platform.storage.snapshots import distinct_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeding_platform.storage.snapshots import Snapshot

VALUE_PER_CONVERSION = 100.0
"""What a conversion is taken to be worth where a file reports no revenue; every answer says so."""
NEARLY_EVERY_DAY = 26
"""Of the last 28 days: from here on a platform without facts on the newest days is called behind."""
MONEY, COUNT = pl.Decimal(18, 2), pl.Decimal(18, 4)
FACT_SCHEMA: dict[str, pl.DataType] = {
    "tenant": pl.String(),
    "date": pl.Date(),
    **{name: pl.String() for name in DIMENSIONS},
    "spend": MONEY,
    "impressions": pl.Int64(),
    "clicks": pl.Int64(),
    "conversions": COUNT,
    "revenue": MONEY,
    "assumed_revenue": MONEY,
    "new_customers": pl.Int64(),
}
_NEEDED = ("date", "spend", "clicks", "impressions", "conversions")


def served(facts: pl.LazyFrame, *, value_per_conversion: float = VALUE_PER_CONVERSION) -> pl.DataFrame:
    """Facts of the lake (`quality/ad_facts`) as a snapshot holds them.

    Revenue that a file does not report at all is assumed, beside what is reported and never in place of it.
    """
    reported = pl.col("revenue").is_not_null().any().over("tenant", "_source", "_batch")
    assumed = pl.when(~reported).then(pl.col("conversions").cast(pl.Float64) * value_per_conversion)
    return facts.with_columns(assumed_revenue=assumed).select(pl.col(n).cast(t) for n, t in FACT_SCHEMA.items()).collect()


def read_fact_table(path: Path, *, tenant: str = "default", value_per_conversion: float = VALUE_PER_CONVERSION) -> pl.DataFrame:
    """A plain fact table (CSV or Parquet): date, spend, clicks, impressions, conversions; other columns where there are any.

    Raises:
        PermanentError: a column is missing, or a value has not the type of its column.
    """
    try:
        raw = pl.read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PermanentError(f"{path.name} cannot be read: {error}", fix="Give a CSV or Parquet file with a header.") from error
    if missing := [c for c in _NEEDED if c not in raw.columns]:
        raise PermanentError(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(raw.columns)}.", fix="Name the columns so.")
    try:
        typed = raw.with_columns(_cast(raw, n, t) for n, t in FACT_SCHEMA.items() if n in raw.columns)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{path.name}: {error}", fix="Dates as 2026-01-31, numbers with a decimal point and no other separators.") from error
    if empty := [c for c in _NEEDED if typed[c].null_count()]:
        raise PermanentError(
            f"{path.name}: column {empty[0]} has {typed[empty[0]].null_count()} empty cells.", fix="Fill them, or leave the rows out."
        )
    lineage = {"tenant": pl.lit(tenant), "_source": pl.lit(path.name), "_batch": pl.lit("")}
    absent = {n: pl.lit(None, dtype=t) for n, t in FACT_SCHEMA.items() if n not in typed.columns}
    return served(typed.with_columns(**{**absent, **lineage}).lazy(), value_per_conversion=value_per_conversion)


def _cast(raw: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    """A column in its type; a cell that does not fit is an error, an empty one is null."""
    if raw.schema[name].is_temporal() or raw.schema[name].is_numeric():
        return pl.col(name).cast(dtype)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    filled = pl.when(text != "").then(text)
    return filled.str.to_date("%Y-%m-%d") if dtype == pl.Date else filled.cast(dtype)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about one tenant's facts before anything is asked.

    Args:
        snapshot: where they are.
        tenant: whose.
        first_day: first day with facts.
        complete_through: last day with facts; later days are not complete.
        values: values of each dimension.
        through: last day with facts of each platform that is behind the others; only of those that report nearly every day.
    """

    snapshot: Snapshot
    tenant: str
    first_day: dt.date
    complete_through: dt.date
    values: Mapping[str, tuple[str, ...]] = field(repr=False)
    through: Mapping[str, dt.date] = field(default_factory=dict)

    @property
    def as_of(self) -> dt.date:
        """The day of asking when nobody says: the day after the last complete one."""
        return self.complete_through + dt.timedelta(days=1)


def known(snapshot: Snapshot, *, tenant: str | None = None) -> Known:
    """What a snapshot holds of a tenant (default: its only one, or `default`).

    Raises:
        PermanentError: nothing of this tenant.
    """
    if tenant is None:
        tenants = [r["tenant"] for r in snapshot.rows("SELECT DISTINCT tenant FROM facts ORDER BY 1")]
        tenant = tenants[0] if len(tenants) == 1 else "default"
    row = snapshot.rows("SELECT min(date) AS first, max(date) AS last FROM facts WHERE tenant = $tenant", {"tenant": tenant})[0]
    if row["last"] is None:
        raise PermanentError(f"There are no facts of tenant {tenant!r}.", fix="Land an export, or name another tenant with --tenant.")
    values = distinct_values(snapshot, DIMENSIONS, tenant=tenant)
    return Known(snapshot, tenant, row["first"], row["last"], values, _behind(snapshot, tenant, row["last"]))


_BEHIND = """
WITH own AS (SELECT platform, max(date) AS last FROM facts WHERE tenant = $tenant AND platform IS NOT NULL GROUP BY platform)
SELECT own.platform, own.last, count(DISTINCT facts.date) AS days
FROM own JOIN facts ON facts.platform = own.platform AND facts.tenant = $tenant AND facts.date > own.last - INTERVAL 28 DAY
WHERE own.last < $last AND own.last >= $last - INTERVAL 28 DAY
GROUP BY ALL ORDER BY 1
"""


def _behind(snapshot: Snapshot, tenant: str, last: dt.date) -> dict[str, dt.date]:
    """Platforms that had facts on nearly every day, and have none for the last ones: their export is still to come, or was forgotten."""
    rows = snapshot.rows(_BEHIND, {"tenant": tenant, "last": last})
    return {row["platform"]: row["last"] for row in rows if row["days"] >= NEARLY_EVERY_DAY}
