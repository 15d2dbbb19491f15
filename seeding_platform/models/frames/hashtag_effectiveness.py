"""What a hashtag does for a post: one row a hashtag, platform and week, against posts of the same account and form without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.engagement_prediction import logit
from seeding_platform.models.frames.known import relied_on
from seeding_platform.models.frames.posts import first_measurements
from seeding_platform.models.frames.shrinkage import shrunk

if TYPE_CHECKING:
    from collections.abc import Mapping

MATCHED_DAYS = 28
FEWEST_MATCHES = 3
TRAILING_DAYS = 28
_KEY = ("hashtag", "platform", "week")
_SERIES = ["hashtag", "platform"]


def hashtag_effectiveness_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a (hashtag, platform, week) with posts that carry the hashtag and have matches without it.

    The lift of a post is its log odds of a reaction less the mean of its matches: posts of the same account (else the same platform) and form
    in the four weeks before it, measured no later than it. The lift of a week is the mean of its posts, shrunk to the mean of all.

    Returns:
        `lift` with `lift_low` and `lift_high` (95 %), `observed_lift` with `lift_error`, posts; features are of the weeks before: `frequency` and
        `own_before` (posts of four weeks), `weeks_known`, `prior_lift`, `competition` (share of that were others'), `log_volume` and `velocity`
        (trends then), `month`.
    """
    posts = _posts(tables)
    lifts = _lifts(posts)
    lifted = _weekly(lifts)
    told = shrunk(lifted["observed_lift"].to_list(), lifted["lift_error"].to_list())
    judged = lifted.with_columns(
        pl.Series("lift", [s.value for s in told], dtype=pl.Float64),
        pl.Series("lift_low", [s.low for s in told], dtype=pl.Float64),
        pl.Series("lift_high", [s.high for s in told], dtype=pl.Float64),
    )
    featured = judged.join(_used_before(judged, posts), on=_KEY, how="left").join(_lifted_before(judged, lifts), on=_KEY, how="left")
    return _with_trends(featured, tables).with_columns(month=pl.col("week").dt.month()).sort("week", "hashtag", "platform")


def _posts(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Judged posts with their hashtags, the week that they went out in (from Monday, UTC), and whether they are others'."""
    outcome = (
        first_measurements(tables, needs=("impressions", "likes"))
        .filter(pl.col("impressions") > 0)
        .select("post_id", "measured_at", score=logit(pl.col("engagements"), pl.col("impressions").cast(pl.Float64)))
    )
    accounts = relied_on(tables["social_accounts"]).select("account_id", others=pl.col("account_type") == "competitor")
    posts = relied_on(tables["content_posts"]).filter((pl.col("status") == "published") & pl.col("published_at").is_not_null())
    chosen = posts.select("post_id", "account_id", "platform", "content_type", "published_at", "synthetic", hashtag=pl.col("hashtags").list.unique())
    joined = chosen.join(accounts, on="account_id", how="left").join(outcome, on="post_id", how="left")
    return joined.with_columns(pl.col("others").fill_null(False), week=pl.col("published_at").dt.truncate("1w")).collect()


def _lifts(posts: pl.DataFrame) -> pl.DataFrame:
    """One row a post and hashtag: its score less the mean of its matches."""
    judged = posts.filter(pl.col("score").is_not_null())
    uses = judged.explode("hashtag").filter(pl.col("hashtag").is_not_null())
    others = judged.select(
        "platform", "content_type", other_account="account_id", at="published_at", seen="measured_at", tags="hashtag", base="score"
    ).sort("at", "base")
    pairs = uses.join(others, on=["platform", "content_type"], how="inner").filter(
        (pl.col("at") < pl.col("published_at"))
        & (pl.col("at") >= pl.col("published_at").dt.offset_by(f"-{MATCHED_DAYS}d"))
        & (pl.col("seen") <= pl.col("measured_at"))
        & ~pl.col("tags").list.contains(pl.col("hashtag")).fill_null(False)
    )
    own = pl.col("account_id") == pl.col("other_account")
    enough = own.sum().over("post_id", "hashtag") >= FEWEST_MATCHES
    matched = (
        pairs.filter(own | ~enough).group_by("post_id", "hashtag", maintain_order=True).agg(pl.len().alias("matches"), base=pl.col("base").mean())
    )
    found = uses.join(matched.filter(pl.col("matches") >= FEWEST_MATCHES), on=["post_id", "hashtag"], how="inner")
    told = found.sort("measured_at", "post_id", "hashtag")  # sums of floats depend on their order, and the same tables make the same frame
    return told.select(*_KEY, "synthetic", "matches", known_at="measured_at", lift=pl.col("score") - pl.col("base"))


def _weekly(lifts: pl.DataFrame) -> pl.DataFrame:
    """The mean lift of each week's posts and its standard error, from the spread of all lifts about their week."""
    told = lifts.group_by(*_KEY, maintain_order=True).agg(
        posts=pl.len(), observed_lift=pl.col("lift").mean(), synthetic=pl.col("synthetic").all(),
        noise=(1.0 + 1.0 / pl.col("matches")).mean(),
    )  # fmt: skip
    within = lifts.with_columns(gap=pl.col("lift") - pl.col("lift").mean().over(_KEY), size=pl.len().over(_KEY)).filter(pl.col("size") > 1)
    freedom = within.height - within.select(_KEY).unique().height
    spread = float((within["gap"] ** 2).sum()) / freedom if freedom > 0 else (float(lifts["lift"].var()) if lifts.height > 1 else 1.0)  # type: ignore[arg-type]
    error = (pl.lit(max(spread, 1e-6)) * pl.col("noise") / pl.col("posts")).sqrt()
    return told.with_columns(lift_error=error).drop("noise").sort(*_KEY)


def _used_before(asked: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """How often the hashtag was used before the week, by us and by others, and for how long it is known."""
    uses = posts.explode("hashtag").filter(pl.col("hashtag").is_not_null()).select(*_SERIES, "published_at", "others")
    pairs = asked.select(_KEY).join(uses, on=_SERIES, how="left").filter(pl.col("published_at") < pl.col("week"))
    recent = pl.col("published_at") >= pl.col("week").dt.offset_by(f"-{TRAILING_DAYS}d")
    return pairs.group_by(*_KEY, maintain_order=True).agg(
        frequency=recent.sum().cast(pl.Float64),
        own_before=(recent & ~pl.col("others")).sum().cast(pl.Float64),
        competition=pl.col("others").filter(recent).mean(),
        weeks_known=(pl.col("week").first() - pl.col("published_at").min()).dt.total_days() / 7.0,
    )


def _lifted_before(asked: pl.DataFrame, lifts: pl.DataFrame) -> pl.DataFrame:
    """The mean lift of the posts that had been measured before this week began."""
    pairs = (
        asked.select(_KEY)
        .join(lifts.select(*_SERIES, "known_at", "lift"), on=_SERIES, how="inner")
        .filter(pl.col("known_at") < pl.col("week"))
        .sort("known_at", "lift")
    )
    return pairs.group_by(*_KEY, maintain_order=True).agg(prior_lift=pl.col("lift").mean(), prior_posts=pl.len().cast(pl.Float64))


def _with_trends(rows: pl.DataFrame, tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Volume and velocity of the hashtag as last seen before the week, over all regions."""
    seen = relied_on(tables["trending_intelligence"]).select(*_SERIES, "observed_at", "volume", "velocity").sort("observed_at").collect()
    pairs = rows.select(_KEY).join(seen, on=_SERIES, how="inner").filter(pl.col("observed_at") < pl.col("week")).sort("observed_at")
    last = pairs.group_by(*_KEY, maintain_order=True).agg(
        log_volume=pl.col("volume").cast(pl.Float64).log1p().last(), velocity=pl.col("velocity").last()
    )
    return rows.join(last, on=_KEY, how="left")
