"""Quality frames by hand: a test says the columns that matter, the rest has plain defaults."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.distribution.feeds import FEEDS, FeedContext

CONTEXT = FeedContext(tenant="t1", seed=7)
NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)
"""A Monday."""


def at(*, days: float = 0, hours: float = 0) -> dt.datetime:
    return NOON + dt.timedelta(days=days, hours=hours)


def quality(table: str, *rows: Mapping[str, Any]) -> pl.LazyFrame:
    defaults = {"tenant": "t1", "_source": "s", "_batch": "b", "synthetic": False, "flags": [], "quality_score": 100.0, "confidence": 1.0}
    schema = TABLES[table].schema("quality")
    unknown = {name for row in rows for name in row} - set(schema)
    assert not unknown, unknown
    full = [{**dict.fromkeys(schema), **defaults, "_row": number, **row} for number, row in enumerate(rows)]
    return pl.DataFrame(full, schema=schema).lazy()


def fed(engine: str, context: FeedContext = CONTEXT, **tables: list[Mapping[str, Any]]) -> pl.DataFrame:
    feed = FEEDS[engine]
    assert set(tables) <= set(feed.inputs)
    return feed.build({name: quality(name, *tables.get(name, [])) for name in feed.inputs}, context)


def post(post_id: str, published: dt.datetime | None = NOON, **more: Any) -> dict[str, Any]:
    return {"post_id": post_id, "account_id": "a1", "platform": "X", "status": "published", "text": "tekst", "published_at": published, **more}


def measured(
    post_id: str, hours: float, impressions: int | None, rate: float | None = None, *, published: dt.datetime = NOON, **more: Any
) -> dict[str, Any]:
    when = published + dt.timedelta(hours=hours)
    base = {"post_id": post_id, "measured_at": when, "hours_since_publication": hours, "impressions": impressions, "engagement_rate": rate}
    return {**base, **more}


def ad(day: int, spend: str | None = None, **more: Any) -> dict[str, Any]:
    import decimal

    amounts = {n: decimal.Decimal(more.pop(n)) for n in ("revenue", "conversions") if n in more}
    base = {
        "row_id": f"{day}-{spend}-{sorted(more.items())!r}",
        "date": dt.date(2026, 9, day),
        "platform": "Meta",
        "campaign": "C",
        "currency": "EUR",
    }
    return {**base, "spend": None if spend is None else decimal.Decimal(spend), **amounts, **more}
