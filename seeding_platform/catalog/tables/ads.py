"""Paid advertising facts and the daily figures made of them."""

import polars as pl

from seeding_platform.catalog.contract import AD_PLATFORMS, MONEY, Column, TableContract

AD_FACTS = TableContract(
    name="ad_facts",
    description="One row of an ad platform's export. The same day and campaign twice is not a duplicate: only the same source row is.",
    owner="team:marketing",
    identity="source_row",
    columns={
        "row_id": Column(pl.String, "Identity of the source row", nullable=False),
        "date": Column(pl.Date, "Day in the account's time zone", nullable=False),
        "platform": Column(pl.String, "Ad platform", nullable=False, values=AD_PLATFORMS),
        "account": Column(pl.String, "Ad account"),
        "campaign": Column(pl.String, "Campaign name", required=True),
        "campaign_id": Column(pl.String, "Campaign id", references="campaigns.campaign_id"),
        "ad_group": Column(pl.String, "Ad group or ad set"),
        "ad": Column(pl.String, "Ad"),
        "country": Column(pl.String, "ISO 3166 alpha-2 code"),
        "device": Column(pl.String, "Device", values=("Mobile", "Desktop", "Tablet", "TV", "Other")),
        "currency": Column(pl.String, "ISO 4217 code; null when the export does not say"),
        "currency_basis": Column(pl.String, "How the currency is known", values=("reported", "declared", "unknown")),
        "spend": Column(MONEY, "Cost, in `currency`", required=True, minimum=0, outliers=True),
        "clicks": Column(pl.Int64, "Clicks", unit="actions", minimum=0, required=True, outliers=True),
        "impressions": Column(pl.Int64, "Times shown", unit="views", minimum=0, required=True),
        "conversions": Column(pl.Decimal(18, 4), "Conversions; fractions occur with data-driven attribution", minimum=0),
        "revenue": Column(MONEY, "Conversion value, in `currency`; null when not reported", minimum=0),
        "new_customers": Column(pl.Int64, "New customers won", unit="customers", minimum=0),
    },
    key=("row_id",),
    time="date",
    outlier_by=("platform",),
    rules={"clicks_not_above_impressions": pl.col("clicks") <= pl.col("impressions")},
    derived={},
)

ADS_DAILY = TableContract(
    name="ads_daily",
    description="Ad figures of one day, platform and currency; ratios of sums.",
    owner="team:marketing",
    origin="computed",
    columns={
        "date": Column(pl.Date, "Day in the account's time zone", nullable=False),
        "platform": Column(pl.String, "Ad platform", nullable=False),
        "currency": Column(pl.String, "ISO 4217 code; null = unknown. Sums of different currencies are never added"),
        "spend": Column(MONEY, "Cost"),
        "clicks": Column(pl.Int64, "Clicks", unit="actions"),
        "impressions": Column(pl.Int64, "Times shown", unit="views"),
        "conversions": Column(pl.Decimal(18, 4), "Conversions"),
        "revenue": Column(MONEY, "Reported conversion value; null when no row reports one"),
        "new_customers": Column(pl.Int64, "New customers; null when no row reports them", unit="customers"),
        "cac": Column(pl.Float64, "spend / new_customers, else spend / conversions; see cac_basis", unit="currency per customer"),
        "cac_basis": Column(pl.String, "What cac divides by", values=("new_customers", "conversions")),
        "roas": Column(pl.Float64, "revenue / spend; null without reported revenue", unit="ratio"),
        "rows": Column(pl.Int64, "Source rows added up", unit="rows"),
    },
    key=("date", "platform", "currency"),
    time="date",
)

TABLES = (AD_FACTS, ADS_DAILY)
