"""What people keep (questions, dashboards, alerts, targets, notes, reports), live events, and messages on their way out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_items",
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, comment="From 1; the highest is in force"),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="What it is: question, dashboard, alert, target, annotation, report, ratio"),
        sa.Column("body", sa.Text, nullable=True, comment="As JSON; null once it was removed"),
        sa.Column("actor", sa.Text, nullable=False, comment="Id of the key that wrote this version"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "version", name="pk_kept_items"),
    )
    op.create_index("ix_kept_items_tenant_kind", "kept_items", ["tenant", "kind"])
    op.create_table(
        "live_events",
        sa.Column("seq", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False, comment="Whose; empty for everybody's"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("mark", sa.Text, nullable=False, comment="Names what happened, so that two who see it tell it once"),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_live_events"),
        sa.UniqueConstraint("tenant", "kind", "mark", name="uq_live_events_tenant_kind_mark"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox_messages",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("mark", sa.Text, nullable=False, comment="Names the occasion: it is told once"),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="When it is tried again; null once it was sent or given up"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_outbox_messages"),
        sa.UniqueConstraint("tenant", "mark", name="uq_outbox_messages_tenant_mark"),
    )
    op.create_index("ix_outbox_messages_next_at", "outbox_messages", ["next_at"])


def downgrade() -> None:
    op.drop_table("outbox_messages")
    op.drop_table("live_events")
    op.drop_table("kept_items")
