"""The market around the brand: hashtags, paid advertising and published benchmarks."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from generator.records import Sample, dutch_decimal, iso, poisson, rng_for

if TYPE_CHECKING:
    import random

    from generator.records import Findings, Row

HASHTAGS = (
    ("fulfilment", "LinkedIn", "NL"),
    ("fulfilment", "Instagram", "NL"),
    ("fulfilment", "Twitter", "BE"),
    ("webshop", "Instagram", "NL"),
    ("webshop", "Facebook", "NL"),
    ("webshop", "Instagram", "BE"),
    ("ecommerce", "LinkedIn", "NL"),
    ("ecommerce", "LinkedIn", "BE"),
    ("ecommerce", "X", "WORLD"),
    ("retouren", "Facebook", "NL"),
    ("duurzaam", "Instagram", "NL"),
    ("duurzaam", "LinkedIn", "BE"),
    ("verpakking", "Instagram", "NL"),
    ("logistiek", "LinkedIn", "NL"),
    ("logistiek", "twitter", "NL"),
    ("bezorging", "Facebook", "BE"),
    ("herfstdeals", "Instagram", "NL"),
    ("herfstdeals", "Facebook", "NL"),
    ("autumndeals", "X", "WORLD"),
    ("peak", "LinkedIn", "NL"),
    ("sustainability", "LinkedIn", "WORLD"),
    ("logistics", "X", "WORLD"),
    ("returns", "Instagram", "WORLD"),
    ("webinar", "LinkedIn", "NL"),
    ("magazijn", "Instagram", "BE"),
)
TRENDING = {"herfstdeals": 0.055, "autumndeals": 0.04, "peak": 0.025}
"""Growth of the hourly uses per hour; the other hashtags do not grow."""
AD_DAYS = [datetime(2026, 7, 4) + timedelta(days=d) for d in range(120)]
CAMPAIGN_LIFT = {"CMP-01": 1.2, "CMP-02": 0.8, "CMP-03": 0.6, "CMP-04": 1.1, "CMP-05": 1.5, "CMP-06": 0.5}
SPEND = {"Google": 46.0, "Meta": 38.0, "LinkedIn": 55.0}
CPM = {"Google": 14.0, "Meta": 7.5, "LinkedIn": 31.0}
CTR = {"Google": 0.034, "Meta": 0.013, "LinkedIn": 0.007}
CONVERSION = {"Google": 0.045, "Meta": 0.03, "LinkedIn": 0.06}
ORDER_VALUE = 62.0
AD_WEEKDAY = (1.0, 1.05, 1.05, 1.0, 0.95, 0.8, 1.15)
FLIGHTS: dict[str, list[tuple[str, str, int, int]]] = {
    "Google": [
        ("CMP-01", "Zomerdeals 2026 | CMP-01", 0, 59),
        ("CMP-02", "Altijd vindbaar | CMP-02", 0, 120),
        ("CMP-05", "Herfstdeals 2026 | CMP-05", 89, 120),
    ],
    "Meta": [("CMP-01", "Zomerdeals 2026", 0, 59), ("CMP-04", "BACK TO STOCK - sept", 59, 89), ("CMP-05", "Herfstdeals_2026", 89, 120)],
    "LinkedIn": [("CMP-03", "Fulfilment Webinar", 0, 59), ("CMP-06", "Groene verzending", 59, 120)],
}
"""Campaign, its name in the ad platform, first day and day after the last, counted from 4 July."""
PLACES = (("NL", "Mobile"), ("NL", "Desktop"), ("BE", "Mobile"), ("BE", "Desktop"), ("NL", "Tablet"))


def hashtags() -> Sample:
    """25 series of 20 observations, six hours apart; volumes are running totals."""
    rng = rng_for("hashtags")
    sample = Sample(
        "hashtags.csv",
        "trending_intelligence",
        ("hashtag", "platform", "region", "observed_at"),
        "delimiter comma, utf-8; ISO 8601 UTC; 12,345 or 12345",
    )
    state = [(tag, platform, region, rng.uniform(4000, 90000), rng.uniform(3, 40)) for tag, platform, region in HASHTAGS]
    totals = [volume for *_, volume, _ in state]
    for step in range(20):
        for place, (tag, platform, region, _, hourly) in enumerate(state):
            totals[place] += 6 * hourly * math.exp(TRENDING.get(tag, 0.0) * 6 * step) * rng.lognormvariate(0, 0.15)
            volume = int(totals[place])
            moment = datetime(2026, 10, 26, 6) + timedelta(hours=6 * step, minutes=place)
            sample.add(
                {
                    "hashtag": f"#{tag.capitalize()}" if place == 24 else tag,
                    "platform": platform,
                    "region": region,
                    "observed_at": iso(moment),
                    "volume": f"{volume:,}" if rng.random() < 0.3 else str(volume),
                    "sentiment": f"{max(-1.0, min(1.0, rng.gauss(0.2, 0.2))):.2f}",
                }
            )
    sample.repeat([60, 311])
    sample.restate([150, 402], lambda row: {"sentiment": ""})
    for number, (reason, values) in enumerate(
        (
            ("minimum:volume", {"volume": "-120"}),
            ("cast:volume", {"volume": "veel"}),
            ("not_null:platform", {"platform": ""}),
            ("not_null:region", {"region": ""}),
            ("maximum:sentiment", {"sentiment": "1.7"}),
            ("cast:observed_at", {"observed_at": "26/10 06:00"}),
        )
    ):
        sample.break_with(reason, {"observed_at": f"2026-11-01T0{number}:00:00Z", **values}, 40 + 7 * number)
    return sample


def benchmarks() -> Sample:
    """40 reference figures; sources are invented, ratios are plain fractions."""
    rng = rng_for("benchmarks")
    sample = Sample(
        "benchmarks.csv",
        "industry_benchmarks",
        ("platform", "industry", "size_band", "metric"),
        "delimiter comma, utf-8; ISO dates; fractions such as 0.024",
    )
    cells = [
        (p, "e-commerce", s, m)
        for p in ("Instagram", "LinkedIn", "Facebook", "X")
        for s in ("1k-5k", "5k-10k", "10k-50k")
        for m in ("engagement_rate", "posts_per_week", "reach_per_follower")
    ]
    cells += [(p, "logistics", "5k-10k", "engagement_rate") for p in ("Instagram", "LinkedIn", "Facebook", "X")]
    middle = {"engagement_rate": 0.028, "posts_per_week": 3.2, "reach_per_follower": 0.21}
    for platform, industry, band, metric in cells:
        source, day = rng.choice(
            (("Example Insights 2026", "2026-03-15"), ("Voorbeeldmonitor 2026", "2026-05-02"), ("Sample Benchmark Desk", "2026-01-20"))
        )
        sample.add(
            {
                "platform": platform,
                "industry": industry,
                "size_band": band,
                "metric": metric,
                "value": f"{middle[metric] * rng.lognormvariate(0, 0.3):.4g}",
                "accounts": rng.randrange(40, 900),
                "source": source,
                "published_on": day,
            }
        )
    sample.restate([12], lambda row: {"value": "0.031", "accounts": "", "published_on": "2025-12-01"})
    sample.break_with("not_null:source", {"industry": "retail", "source": ""}, 3)
    sample.break_with("not_null:published_on", {"industry": "retail", "published_on": ""}, 8)
    sample.break_with("minimum:n", {"industry": "retail", "accounts": "0"}, 21)
    return sample


def _ad_row(rng: random.Random, platform: str, campaign: str, day: datetime, place: tuple[str, str]) -> Row:
    spend = SPEND[platform] * AD_WEEKDAY[day.weekday()] * rng.gammavariate(6, 1 / 6)
    impressions = max(20, int(spend / CPM[platform] * 1000 * rng.lognormvariate(0, 0.2)))
    clicks = min(impressions, poisson(rng, impressions * CTR[platform]))
    conversions = poisson(rng, clicks * CONVERSION[platform] * CAMPAIGN_LIFT[campaign] * AD_WEEKDAY[day.weekday()])
    revenue = sum(ORDER_VALUE * rng.lognormvariate(0, 0.4) for _ in range(conversions))
    return {
        "country": place[0],
        "device": place[1],
        "cost": spend,
        "clicks": clicks,
        "impressions": impressions,
        "conversions": conversions,
        "revenue": revenue,
        "new_customers": sum(rng.random() < 0.6 for _ in range(conversions)),
    }


def ads(platform: str, findings: Findings) -> Sample:
    """One platform's daily export: one or two rows a campaign and day, the same dimensions now and then twice."""
    rng, dutch = rng_for(f"ads:{platform}"), platform == "Meta"
    notation = {
        "Google": "delimiter comma, utf-8; 1234.56; ISO dates",
        "Meta": "delimiter ;, utf-8; 1.234,56; dd-mm-yyyy; its own currency column",
        "LinkedIn": "delimiter tab, utf-8; 1234.56; dd/mm/yyyy; campaign ids, no revenue",
    }[platform]
    sample = Sample(f"ads_{platform.lower()}.csv", "ad_facts", (), notation)
    money = dutch_decimal if dutch else (lambda value: f"{value:.2f}")
    day_format = {"Google": "%Y-%m-%d", "Meta": "%d-%m-%Y", "LinkedIn": "%d/%m/%Y"}[platform]
    for number, day in enumerate(AD_DAYS):
        for campaign, name, first, after in FLIGHTS[platform]:
            if not first <= number < after:
                continue
            places = rng.sample(PLACES, 2 if rng.random() < 0.45 else 1)
            places += places[:1] if rng.random() < 0.06 else []
            for place in places:
                row = _ad_row(rng, platform, campaign, day, place)
                counts = {k: dutch_decimal(row[k], 0) if dutch else row[k] for k in ("clicks", "impressions", "conversions")}
                values = {
                    "day": day.strftime(day_format),
                    "platform": platform,
                    "account": f"ZD-{platform[0]}1",
                    "campaign": name,
                    "country": row["country"],
                    "device": row["device"],
                    "cost": money(row["cost"]),
                    **counts,
                }
                if platform == "LinkedIn":
                    values["campaign_id"] = campaign
                else:
                    values["revenue"] = money(row["revenue"]) if row["conversions"] or rng.random() < 0.5 else ""
                if dutch:
                    values |= {"new_customers": row["new_customers"], "currency": "EUR"}
                sample.add(values)
    _ad_dirt(sample, platform, findings)
    return sample


def _ad_dirt(sample: Sample, platform: str, findings: Findings) -> None:
    if platform == "Google":
        slip = sample.records[101]
        slip.values["cost"] = f"{float(slip.values['cost']) * 1000:.2f}"
        slip.label = "slip"
        sample.repeat([33, 140], kind="repeated_row_kept")
        sample.break_with("clicks_not_above_impressions", {"clicks": 930, "impressions": 93}, 12)
        sample.break_with("values:device", {"device": "Koelkast"}, 45)
        sample.break_with("cast:clicks", {"clicks": "n.v.t."}, 76)
        sample.break_with("minimum:spend", {"cost": "-14.20"}, 120)
    elif platform == "Meta":
        sample.repeat([58], kind="repeated_row_kept")
        sample.break_with("clicks_not_above_impressions", {"clicks": "1.200", "impressions": "840"}, 20)
        sample.break_with("cast:spend", {"cost": "gratis"}, 81)
        sample.break_with("not_null:date", {"day": ""}, 99)
    else:
        sample.break_with("cast:date", {"day": "Oct 12th"}, 30)
        sample.break_with("values:platform", {"platform": "Netwerkplein"}, 64)
        sample.break_with("minimum:conversions", {"conversions": -1}, 110)
