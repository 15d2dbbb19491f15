"""Accounts, campaigns, posts and what was measured on them."""

import polars as pl

from seeding_platform.catalog.contract import LABELS, MONEY, POST_PLATFORMS, TIMESTAMP, Column, TableContract, previous

SOCIAL_ACCOUNTS = TableContract(
    name="social_accounts",
    description="One account on one platform, as last seen.",
    owner="team:marketing",
    columns={
        "account_id": Column(pl.String, "Account id", nullable=False),
        "platform": Column(pl.String, "Platform", nullable=False, values=POST_PLATFORMS),
        "handle": Column(pl.String, "Handle without @", required=True),
        "display_name": Column(pl.String, "Name as shown"),
        "account_type": Column(pl.String, "Whose account it is", values=("brand", "personal", "competitor")),
        "country": Column(pl.String, "ISO 3166 alpha-2 code"),
        "language": Column(pl.String, "ISO 639-1 code"),
        "timezone": Column(pl.String, "IANA zone of the account's days"),
        "currency": Column(pl.String, "ISO 4217 code"),
        "followers": Column(pl.Int64, "Followers", unit="accounts", minimum=0, required=True),
        "following": Column(pl.Int64, "Accounts followed", unit="accounts", minimum=0),
        "posts_total": Column(pl.Int64, "Posts ever", unit="posts", minimum=0),
        "verified": Column(pl.Boolean, "Verified by the platform"),
        "status": Column(pl.String, "State of the connection", values=("active", "paused", "revoked")),
        "connected_at": Column(TIMESTAMP, "When the account was connected"),
        "last_synced_at": Column(TIMESTAMP, "When it was last read"),
    },
    key=("account_id",),
    time="last_synced_at",
    flags={"handle_unique_per_platform": pl.col("handle").is_null() | ~pl.struct("tenant", "platform", "handle").is_duplicated()},
)

CAMPAIGNS = TableContract(
    name="campaigns",
    description="One marketing campaign.",
    owner="team:marketing",
    columns={
        "campaign_id": Column(pl.String, "Campaign id", nullable=False),
        "name": Column(pl.String, "Name", nullable=False),
        "objective": Column(pl.String, "What it is for", values=("awareness", "traffic", "leads", "sales")),
        "status": Column(pl.String, "State of the campaign"),
        "platforms": Column(LABELS, "Platforms it runs on"),
        "budget": Column(MONEY, "Total budget, in `currency`", minimum=0, required=True),
        "currency": Column(pl.String, "ISO 4217 code", required=True),
        "start_date": Column(pl.Date, "First day", required=True),
        "end_date": Column(pl.Date, "Last day"),
        "audience": Column(pl.String, "Who it is for"),
        "owner_email": Column(pl.String, "Who runs it", personal="EMAIL"),
    },
    key=("campaign_id",),
    time="start_date",
    rules={"start_not_after_end": pl.col("start_date") <= pl.col("end_date")},
)

CONTENT_POSTS = TableContract(
    name="content_posts",
    description="One post on one account.",
    owner="team:marketing",
    columns={
        "post_id": Column(pl.String, "Platform id of the post", nullable=False),
        "account_id": Column(pl.String, "Account that posted", nullable=False, references="social_accounts.account_id"),
        "campaign_id": Column(pl.String, "Campaign it belongs to", references="campaigns.campaign_id"),
        "platform": Column(pl.String, "Platform", nullable=False, values=POST_PLATFORMS),
        "content_type": Column(pl.String, "Form of the post", values=("image", "video", "carousel", "text", "link", "story", "reel")),
        "text": Column(pl.String, "Text as published", required=True),
        "language": Column(pl.String, "ISO 639-1 code"),
        "hashtags": Column(LABELS, "Hashtags without #, lower case: those of the text, then those that the source lists apart"),
        "mentions": Column(LABELS, "Mentions without @, derived from the text"),
        "url": Column(pl.String, "Link without tracking parameters"),
        "media_count": Column(pl.Int64, "Images and videos", unit="items", minimum=0),
        "status": Column(pl.String, "State of the post", nullable=False, values=("draft", "scheduled", "published", "failed")),
        "scheduled_at": Column(TIMESTAMP, "When it was to go out"),
        "published_at": Column(TIMESTAMP, "When it went out", required=True),
        "created_at": Column(TIMESTAMP, "When it was written"),
        "author_email": Column(pl.String, "Who wrote it", personal="EMAIL"),
        "ai_generated": Column(pl.Boolean, "Written by a model"),
        "prompt_version": Column(pl.String, "Prompt that wrote it"),
    },
    key=("post_id",),
    time="published_at",
    text="text",
    rules={"published_has_a_date": (pl.col("status") != "published") | pl.col("published_at").is_not_null()},
    flags={"created_before_published": pl.col("created_at") <= pl.col("published_at")},
)

_ENGAGEMENTS = pl.sum_horizontal("likes", "comments", "shares", "saves", ignore_nulls=True)

CONTENT_ANALYTICS = TableContract(
    name="content_analytics",
    description="One measurement of one post; counters are running totals.",
    owner="team:marketing",
    columns={
        "post_id": Column(pl.String, "Post measured", nullable=False, references="content_posts.post_id"),
        "measured_at": Column(TIMESTAMP, "When it was measured", nullable=False),
        "hours_since_publication": Column(pl.Float64, "Age of the post when measured", unit="hours", minimum=0),
        "impressions": Column(pl.Int64, "Times shown; not every platform tells", unit="views", minimum=0),
        "reach": Column(pl.Int64, "Accounts reached", unit="accounts", minimum=0),
        "likes": Column(pl.Int64, "Likes", unit="actions", minimum=0, required=True),
        "comments": Column(pl.Int64, "Comments", unit="actions", minimum=0),
        "shares": Column(pl.Int64, "Shares and reposts", unit="actions", minimum=0),
        "saves": Column(pl.Int64, "Saves", unit="actions", minimum=0),
        "clicks": Column(pl.Int64, "Clicks", unit="actions", minimum=0),
        "video_views": Column(pl.Int64, "Video views", unit="views", minimum=0),
        "watch_seconds": Column(pl.Float64, "Time watched", unit="seconds", minimum=0),
        "followers_gained": Column(pl.Int64, "Followers won", unit="accounts"),
        "engagement_rate": Column(pl.Float64, "(likes + comments + shares + saves) / impressions, recomputed", unit="ratio"),
        "reported_engagement_rate": Column(pl.Float64, "The export's own rate, kept as evidence only", unit="ratio"),
    },
    key=("post_id", "measured_at"),
    time="measured_at",
    rules={
        "likes_not_above_impressions": pl.col("likes") <= pl.col("impressions"),
        "reach_not_above_impressions": pl.col("reach") <= pl.col("impressions"),
    },
    outlier_quotients=(("likes", "impressions"), ("comments", "likes"), ("shares", "likes")),
    outlier_by=("_source",),  # a source tells of one platform
    version=2,
    flags={f"{name}_never_fall": pl.col(name) >= previous(name, "post_id") for name in ("impressions", "likes", "comments", "shares")},
    derived={"engagement_rate": _ENGAGEMENTS.cast(pl.Float64) / pl.when(pl.col("impressions") > 0).then(pl.col("impressions"))},
)

CONTENT_INTERACTIONS = TableContract(
    name="content_interactions",
    description="One reaction of one user to one post that was shown to them.",
    owner="team:marketing",
    columns={
        "user_ref": Column(pl.String, "Pseudonym of the user", nullable=False),
        "post_id": Column(pl.String, "Post shown", nullable=False, references="content_posts.post_id"),
        "at": Column(TIMESTAMP, "When", nullable=False),
        "segment": Column(pl.String, "Segment of the user"),
        "kind": Column(pl.String, "What the user did", required=True),
        "shown_rank": Column(pl.Int64, "Position at which it was shown, from 1", minimum=1),
    },
    key=("user_ref", "post_id", "at"),
    time="at",
)

TABLES = (SOCIAL_ACCOUNTS, CAMPAIGNS, CONTENT_POSTS, CONTENT_ANALYTICS, CONTENT_INTERACTIONS)
