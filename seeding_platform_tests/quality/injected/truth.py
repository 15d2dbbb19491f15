"""True rows of paid advertising and of posts' measurements: the same seed gives the same rows.

Nothing here knows how the platform cleans. Campaigns belong to accounts, accounts have one currency, figures follow from impressions.
"""

from __future__ import annotations

import datetime as dt
import random

import polars as pl

PLATFORMS = ("Google", "Meta", "LinkedIn", "TikTok", "X")
COUNTRIES = ("NL", "BE", "DE", "FR", "GB")
DEVICES = ("Mobile", "Desktop", "Tablet")
THEMES = ("Spring sale", "Retargeting", "Brand awareness", "Webinar leads", "Black Friday", "New warehouse", "Hiring drivers", "Returns made easy")
GROUPS = ("Prospecting", "Lookalike", "Past visitors", "Job titles", "Interests")
FIRST = dt.date(2026, 1, 1)


def ads(rows: int, seed: int) -> pl.DataFrame:
    """True rows of `ad_facts`, one a day, campaign, group and device, in the contract's types."""
    dice = random.Random(seed)
    accounts = [(f"{p} account {n}", p, dice.choice(("EUR", "EUR", "EUR", "GBP", "USD"))) for p in PLATFORMS for n in (1, 2)]
    campaigns = [
        (f"c{10_000 + n}", f"{dice.choice(THEMES)} {dice.choice(COUNTRIES)} {2025 + n % 2}-{n:02d}", *dice.choice(accounts), dice.choice(COUNTRIES))
        for n in range(60)
    ]
    made = []
    for n in range(rows):
        campaign_id, campaign, account, platform, currency, country = dice.choice(campaigns)
        impressions = int(dice.lognormvariate(8, 0.9)) + 50
        clicks = int(impressions * dice.uniform(0.004, 0.03))
        spend = round(clicks * dice.uniform(0.3, 1.8) + 1, 2)
        conversions = int(clicks * dice.uniform(0, 0.08))
        made.append(
            {
                "row_id": f"r{n:06d}",
                "date": FIRST + dt.timedelta(days=dice.randrange(300)),
                "platform": platform,
                "account": account,
                "campaign": campaign,
                "campaign_id": campaign_id,
                "ad_group": dice.choice(GROUPS),
                "country": country,
                "device": dice.choice(DEVICES),
                "currency": currency,
                "spend": spend,
                "clicks": clicks,
                "impressions": impressions,
                "conversions": conversions,
                "revenue": round(conversions * dice.uniform(20, 90), 2),
            }
        )
    return pl.DataFrame(made)


def measurements(rows: int, seed: int) -> pl.DataFrame:
    """True rows of `content_analytics`, one measurement a post, in the contract's types."""
    dice = random.Random(seed)
    made = []
    for n in range(rows):
        seen = int(dice.lognormvariate(7.5, 1.1)) + 100
        likes = int(seen * dice.uniform(0.01, 0.09))
        made.append(
            {
                "post_id": f"p{n:06d}",
                "measured_at": dt.datetime(2026, 3, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=dice.randrange(250 * 1440)),
                "impressions": seen,
                "reach": int(seen * dice.uniform(0.6, 0.98)),
                "likes": likes,
                "comments": int(likes * dice.uniform(0.01, 0.2)),
                "shares": int(likes * dice.uniform(0.01, 0.15)),
                "saves": int(likes * dice.uniform(0, 0.1)),
                "clicks": int(seen * dice.uniform(0, 0.03)),
            }
        )
    return pl.DataFrame(made)
