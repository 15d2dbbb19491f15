"""The world outside: trends, topics, benchmarks and where they are read."""

import polars as pl

from seeding_platform.catalog.contract import LABELS, POST_PLATFORMS, TIMESTAMP, Column, TableContract, previous

_SERIES = ("hashtag", "platform", "region")

TRENDING_INTELLIGENCE = TableContract(
    name="trending_intelligence",
    description="How much one hashtag was used, observed at one moment.",
    owner="team:marketing",
    columns={
        "hashtag": Column(pl.String, "Hashtag without #, lower case", nullable=False),
        "platform": Column(pl.String, "Platform", nullable=False, values=POST_PLATFORMS),
        "region": Column(pl.String, "ISO 3166 alpha-2 code or WORLD", nullable=False),
        "observed_at": Column(TIMESTAMP, "When", nullable=False),
        "volume": Column(pl.Int64, "Uses up to then, running total", unit="uses", minimum=0, required=True),
        "velocity": Column(pl.Float64, "Change of volume since the observation before", unit="uses per hour"),
        "sentiment": Column(pl.Float64, "-1 to 1", minimum=-1, maximum=1),
        "related": Column(LABELS, "Hashtags seen with it"),
        "source": Column(pl.String, "Where it was read"),
    },
    key=("hashtag", "platform", "region", "observed_at"),
    time="observed_at",
    derived={
        "velocity": (pl.col("volume") - previous("volume", *_SERIES)).cast(pl.Float64)
        / ((pl.col("observed_at") - previous("observed_at", *_SERIES)).dt.total_seconds().cast(pl.Float64) / 3600.0)
    },
)

INDUSTRY_BENCHMARKS = TableContract(
    name="industry_benchmarks",
    description="One published reference figure; without source and date it does not exist.",
    owner="team:marketing",
    columns={
        "platform": Column(pl.String, "Platform", nullable=False, values=POST_PLATFORMS),
        "industry": Column(pl.String, "Industry", nullable=False),
        "size_band": Column(pl.String, "Size of the accounts", nullable=False),
        "metric": Column(pl.String, "Metric", nullable=False),
        "value": Column(pl.Float64, "Value, in the metric's unit", nullable=False),
        "n": Column(pl.Int64, "Accounts measured", unit="accounts", minimum=1),
        "source": Column(pl.String, "Who published it", nullable=False),
        "published_on": Column(pl.Date, "When", nullable=False),
    },
    key=("platform", "industry", "size_band", "metric"),
    time="published_on",
)

TOPICS = TableContract(
    name="topics",
    description="One topic of one period, ours against competitors; computed by collection.",
    origin="computed",
    columns={
        "topic": Column(pl.String, "Topic", nullable=False),
        "period": Column(pl.Date, "First day of the period", nullable=False),
        "terms": Column(LABELS, "Its words"),
        "own_posts": Column(pl.Int64, "Our posts", unit="posts", minimum=0),
        "competitor_posts": Column(pl.Int64, "Competitors' posts", unit="posts", minimum=0),
        "gap": Column(pl.Float64, "Competitors' share minus ours", unit="ratio"),
    },
    key=("topic", "period"),
)

RESEARCH_SOURCES = TableContract(
    name="research_sources",
    description="One page that research visits; written by collection.",
    origin="computed",
    columns={
        "url": Column(pl.String, "Address", nullable=False),
        "robots_state": Column(pl.String, "What robots.txt says"),
        "fetched_at": Column(TIMESTAMP, "Last visit"),
        "new_items": Column(pl.Int64, "New items at the last visit", unit="items", minimum=0),
        "next_visit": Column(TIMESTAMP, "Next visit"),
    },
    key=("url",),
)

TABLES = (TRENDING_INTELLIGENCE, INDUSTRY_BENCHMARKS, TOPICS, RESEARCH_SOURCES)
