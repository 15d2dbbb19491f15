"""Alerts and what became of them, webhooks, and every attempt to send a message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, nullable=False, comment="Of one occurrence; made of the fingerprint and its number"),
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
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, comment="When it was raised last"),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text, nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text, nullable=False),
        sa.Column("muted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("muted_by", sa.Text, nullable=False),
        sa.Column("notices", sa.Integer, nullable=False, comment="How often people were told"),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notified_severity", sa.Text, nullable=False, comment="The highest that people were told of"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
        sa.UniqueConstraint("active", name="uq_alerts_active"),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'muted', 'resolved')", name=op.f("ck_alerts_state")),
        sa.CheckConstraint("severity IN ('critical', 'warning', 'info')", name=op.f("ck_alerts_severity")),
    )
    op.create_index("ix_alerts_tenant_state", "alerts", ["tenant", "state"])
    op.create_index("ix_alerts_fingerprint", "alerts", ["fingerprint"])
    op.create_table(
        "alert_history",
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False, comment="From 1: the revision that it led to"),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False, comment="Id of a key, or the name of a process"),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False, comment="As JSON"),
        sa.PrimaryKeyConstraint("alert_id", "seq", name="pk_alert_history"),
    )
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False, comment="Types of events, as JSON"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, comment="Of the secret, which is derived from the root key"),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("old_until", sa.DateTime(timezone=True), nullable=True, comment="Until when the secret before signs too"),
        sa.Column("failures", sa.Integer, nullable=False, comment="Attempts that failed since the last that did not"),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sa.Text, nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_tenant", "webhooks", ["tenant"])
    op.create_table(
        "outbox_attempts",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, comment="From 1; a replay counts on"),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Integer, nullable=True, comment="Of the answer; null where there was none"),
        sa.Column("took_ms", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "attempt", name="pk_outbox_attempts"),
    )


def downgrade() -> None:
    op.drop_table("outbox_attempts")
    op.drop_table("webhooks")
    op.drop_table("alert_history")
    op.drop_table("alerts")
