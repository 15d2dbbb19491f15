"""The days of ad facts: what a run over everything has to make KPIs of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning import notation
from seeding_platform.connectors.days import raw_dates, span

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.connectors import FileSourceSpec
    from seeding_platform.settings import Settings
    from seeding_platform.storage.lake import Lake


def days_in_data(sources: Sequence[FileSourceSpec], *, settings: Settings, lake: Lake) -> tuple[dt.date, dt.date] | None:
    """First and last day of ad facts: in the fixed files, in what has landed, and in the KPIs that stand; None without any.

    Days of the standing KPIs count because facts that went away must take their figures with them.
    """
    days: list[dt.date | None] = []
    for spec, texts in raw_dates(sources, "ad_facts", "date", settings=settings, lake=lake):
        for mapping in spec.tables:
            if mapping.contract == "ad_facts":
                read = texts.to_frame().select(notation.date(notation.trimmed(pl.col("date")), mapping.formats)).to_series()
                days += [read.min(), read.max()]  # type: ignore[list-item]
    if lake.exists("kpi/ads_daily"):
        days += list(lake.read("kpi/ads_daily").select(pl.col("date").min().alias("a"), pl.col("date").max().alias("b")).collect().row(0))
    return span(day for day in days if day is None or settings.first_day <= day)
