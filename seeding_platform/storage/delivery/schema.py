"""Tables of the delivery to engines. What is asked of them is in the modules beside this one."""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only

from seeding_platform.storage.columns import UtcTime, metadata

IN_HAND = "state = 'delivering'"


def _whose(*, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=key, nullable=False) for name in ("tenant", "engine")]


endpoints = sa.Table(
    "engine_endpoints",
    metadata,
    sa.Column("endpoint_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False, comment="Address, folder or s3://bucket/prefix; of one that pulls, the name of the machine"),
    sa.Column("schedule", sa.Text, nullable=False, comment="Cron of five fields in UTC; empty: at once"),
    sa.Column("revision", sa.Integer, nullable=False, comment="Of its secret, from 1"),
    sa.Column("old_until", UtcTime, nullable=True, comment="Until when the secret before signs too"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("removed_at", UtcTime, nullable=True),
    sa.Column("disabled_at", UtcTime, nullable=True),
    sa.Column("disabled_why", sa.Text, nullable=False, comment="by hand, gone"),
    sa.Column("failures", sa.Integer, nullable=False, comment="In a row"),
    sa.Column("open_until", UtcTime, nullable=True, comment="Left alone until then"),
    sa.Column("seen_at", UtcTime, nullable=True, comment="When it last answered"),
    sa.Column("asked_at", UtcTime, nullable=True, comment="When its status was last asked"),
    sa.CheckConstraint("kind IN ('http', 'pull', 'folder', 's3', 'webhook')", name="kind"),
    sa.Index(None, "tenant", "engine"),
)

generations = sa.Table(
    "engine_generations",
    metadata,
    *_whose(key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("content_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("previous", sa.Integer, nullable=True),
    sa.Column("release", sa.Text, nullable=False, comment="The text that is signed"),
    sa.Column("signature", sa.Text, nullable=False, comment="As JSON"),
    sa.Column("issued_at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("group_id", sa.Text, nullable=True, comment="Of the engines that change together"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("soak_until", UtcTime, nullable=True),
    sa.Column("note", sa.Text, nullable=False, comment="Why it was put back, or recalled"),
    sa.CheckConstraint("kind IN ('built', 'rolled_back', 'again')", name="kind"),
    sa.CheckConstraint("state IN ('published', 'soaking', 'good', 'rolled_back', 'recalled')", name="state"),
    sa.Index(None, "group_id"),
    sa.Index(None, "state"),
)

deliveries = sa.Table(
    "engine_deliveries",
    metadata,
    sa.Column("delivery_id", sa.Text, primary_key=True, comment="Of endpoint, generation and task: a repeat bears the same"),
    *_whose(),
    sa.Column("endpoint_id", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("content_id", sa.Text, nullable=False),
    sa.Column("task", sa.Text, nullable=False, comment="deliver, or recall: tell that it must not be used"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False, comment="What is next: prepare, activate, abort or recall"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False, comment="Its age is counted from then; a replay begins anew"),
    sa.Column("due_at", UtcTime, nullable=True, comment="Null: nothing is to be sent by itself"),
    sa.Column("lease_owner", sa.Text, nullable=True),
    sa.Column("lease_until", UtcTime, nullable=True),
    sa.Column("fence", sa.Integer, nullable=False, comment="Number of the newest claim; an older one may not write"),
    sa.Column("error", sa.Text, nullable=False, comment="Class of the last failure"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("first_at", UtcTime, nullable=True, comment="When it was first tried"),
    sa.Column("prepared_at", UtcTime, nullable=True),
    sa.Column("acknowledged_at", UtcTime, nullable=True),
    sa.Column("via", sa.Text, nullable=False, comment="full or delta; told where nothing proves it"),
    sa.Column("bytes", sa.BigInteger, nullable=False, comment="Sent"),
    sa.CheckConstraint("task IN ('deliver', 'recall')", name="task"),
    sa.CheckConstraint(
        "state IN ('waiting', 'held', 'delivering', 'prepared', 'acknowledged', 'dead', 'superseded', 'aborted')",
        name="state",
    ),
    sa.CheckConstraint("(state = 'delivering') = (lease_until IS NOT NULL)", name="lease"),
    sa.UniqueConstraint("endpoint_id", "generation", "task"),
    sa.Index("ix_engine_deliveries_in_hand", "endpoint_id", unique=True, sqlite_where=sa.text(IN_HAND), postgresql_where=sa.text(IN_HAND)),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "tenant", "engine", "generation"),
)

attempts = sa.Table(
    "engine_delivery_attempts",
    metadata,
    sa.Column("delivery_id", sa.Text, primary_key=True),
    sa.Column("fence", sa.Integer, primary_key=True),
    *_whose(),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="The state that it led to, or lost"),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("code", sa.Integer, nullable=True, comment="Status of the answer"),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Index(None, "tenant", "at"),
)

health = sa.Table(
    "engine_health",
    metadata,
    *_whose(key=True),
    sa.Column("endpoint_id", sa.Text, primary_key=True),
    sa.Column("hour", UtcTime, primary_key=True, comment="Its beginning"),
    sa.Column("up", sa.Integer, nullable=False),
    sa.Column("slow", sa.Integer, nullable=False),
    sa.Column("down", sa.Integer, nullable=False),
    sa.Index(None, "hour"),
)

metrics = sa.Table(
    "engine_metrics",
    metadata,
    *_whose(key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("value", sa.Float, nullable=False, comment="The last that the engine told; higher is better"),
    sa.Column("at", UtcTime, nullable=False),
)

events = sa.Table(
    "engine_events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    *_whose(),
    sa.Column("event", sa.Text, nullable=False, comment="release, recalled, activate or abort"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("content_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("instead", sa.Integer, nullable=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.UniqueConstraint("tenant", "engine", "generation", "event"),
    sa.Index(None, "at"),
    sqlite_autoincrement=True,
)
