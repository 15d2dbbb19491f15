"""Tenants: what they are called, how much they may keep and ask, and whether they are served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.Text, nullable=False, comment="One without a row is active and has no quota"),
        sa.Column("label", sa.Text, nullable=False, comment="What it is called, for people"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text, nullable=False, comment="Id of a key, or the name of a process"),
        sa.Column("quota_rows", sa.BigInteger, nullable=True, comment="In all tables together; null for no limit"),
        sa.Column("quota_bytes", sa.BigInteger, nullable=True, comment="Of all tables together; null for no limit"),
        sa.Column("quota_requests_a_minute", sa.Integer, nullable=True, comment="Of all its keys together; null for no limit"),
        sa.Column("state", sa.Text, nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended', 'removed')", name=op.f("ck_tenants_state")),
        sa.PrimaryKeyConstraint("tenant", name="pk_tenants"),
    )


def downgrade() -> None:
    op.drop_table("tenants")
