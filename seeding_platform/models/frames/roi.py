"""How many conversions a day of a campaign brings: one row a campaign, platform and day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = ["campaign", "platform"]
_LAGS = (1, 7)


def roi_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a (campaign, platform, day) whose rows report conversions.

    The moment of a row is the start of its day: what is to be spent that day is planned, what it brings is not known; figures of earlier days
    are. Spend is in the account's currency, whose name is a feature.

    Returns:
        The features, `conversions`, `day`, `campaign`, `synthetic`.
    """
    facts = relied_on(tables["ad_facts"]).with_columns(campaign=pl.coalesce("campaign_id", "campaign")).filter(pl.col("campaign").is_not_null())
    daily = (
        facts.sort("row_id")
        .group_by(*_KEY, "date", maintain_order=True)
        .agg(
            spend=pl.col("spend").cast(pl.Float64).sum(),
            clicks=pl.col("clicks").cast(pl.Float64).sum(),
            conversions=pl.when(pl.col("conversions").is_not_null().all()).then(pl.col("conversions").cast(pl.Float64).sum()),
            currency=pl.col("currency").sort().first(),
            synthetic=pl.col("synthetic").all(),
            campaign_id=pl.col("campaign_id").drop_nulls().sort().first(),
        )
        .collect()
    )
    objectives = relied_on(tables["campaigns"]).select("campaign_id", "objective").collect()
    told = daily.join(objectives, on="campaign_id", how="left")
    for lag in _LAGS:
        earlier = daily.select(*_KEY, pl.col("date").dt.offset_by(f"{lag}d"), pl.col("spend", "clicks", "conversions").name.suffix(f"_{lag}d"))
        told = told.join(earlier, on=[*_KEY, "date"], how="left")
    week = (
        daily.sort("date")
        .with_columns(
            pl.col("spend", "conversions").rolling_mean_by("date", window_size="7d", closed="left", min_samples=1).over(_KEY).name.suffix("_week"),
            known_days=pl.col("conversions").is_not_null().cum_sum().over(_KEY) - pl.col("conversions").is_not_null().cast(pl.Int64),
        )
        .select(*_KEY, "date", "spend_week", "conversions_week", "known_days")
    )
    rate = pl.col("conversions_week") / pl.when(pl.col("spend_week") > 0).then(pl.col("spend_week"))
    return (
        told.join(week, on=[*_KEY, "date"], how="left")
        .filter(pl.col("conversions").is_not_null())
        .with_columns(day=pl.col("date"), weekday=pl.col("date").dt.weekday(), expected=rate * pl.col("spend"))
        .drop("date", "campaign_id", "clicks")
        .sort("day", *_KEY)
    )
