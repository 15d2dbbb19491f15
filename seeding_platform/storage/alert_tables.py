"""Tables of alerts, of what became of them, and of webhooks; part of `schema`."""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only

from seeding_platform.storage.columns import UtcTime, metadata

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("alert_id", sa.Text, primary_key=True, comment="Of one occurrence; made of the fingerprint and its number"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="Hash of rule, tenant and subject"),
    sa.Column("active", sa.Text, nullable=True, comment="The fingerprint until it is resolved: one occurrence at a time"),
    sa.Column("occurrence", sa.Integer, nullable=False, comment="From 1"),
    sa.Column("revision", sa.Integer, nullable=False, comment="Of this row: two who change it do not overwrite each other"),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False, comment="Whose; empty for the whole installation's"),
    sa.Column("subject", sa.Text, nullable=False, comment="What it is about, as an id"),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False, comment="Empty where the rule's own words say it"),
    sa.Column("says", sa.Text, nullable=False, comment="As above"),
    sa.Column("evidence", sa.Text, nullable=False, comment="Figures and ids, as JSON"),
    sa.Column("channels", sa.Text, nullable=True, comment="Channels of its own, as JSON; null where the routes say"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False, comment="How often it was raised"),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("last_at", UtcTime, nullable=False, comment="When it was raised last"),
    sa.Column("resolved_at", UtcTime, nullable=True),
    sa.Column("resolved_by", sa.Text, nullable=False),
    sa.Column("acknowledged_at", UtcTime, nullable=True),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("muted_until", UtcTime, nullable=True),
    sa.Column("muted_by", sa.Text, nullable=False),
    sa.Column("notices", sa.Integer, nullable=False, comment="How often people were told"),
    sa.Column("notified_at", UtcTime, nullable=True),
    sa.Column("notified_severity", sa.Text, nullable=False, comment="The highest that people were told of"),
    sa.UniqueConstraint("active"),
    sa.CheckConstraint("state IN ('open', 'acknowledged', 'muted', 'resolved')", name="state"),
    sa.CheckConstraint("severity IN ('critical', 'warning', 'info')", name="severity"),
    sa.Index(None, "tenant", "state"),
    sa.Index(None, "fingerprint"),
)

alert_history = sa.Table(
    "alert_history",
    metadata,
    sa.Column("alert_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, comment="From 1: the revision that it led to"),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False, comment="Id of a key, or the name of a process"),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, comment="As JSON"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("webhook_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", sa.Text, nullable=False, comment="Types of events, as JSON"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, comment="Of the secret, which is derived from the root key"),
    sa.Column("rotated_at", UtcTime, nullable=True),
    sa.Column("old_until", UtcTime, nullable=True, comment="Until when the secret before signs too"),
    sa.Column("failures", sa.Integer, nullable=False, comment="Attempts that failed since the last that did not"),
    sa.Column("disabled_at", UtcTime, nullable=True),
    sa.Column("disabled_why", sa.Text, nullable=False),
    sa.Column("removed_at", UtcTime, nullable=True),
    sa.Index(None, "tenant"),
)

outbox_attempts = sa.Table(
    "outbox_attempts",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="From 1; a replay counts on"),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("code", sa.Integer, nullable=True, comment="Of the answer; null where there was none"),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)
