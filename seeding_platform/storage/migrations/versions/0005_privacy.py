"""Requests of people about their data: what was done in which store, and what must never come in again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "privacy_requests",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="Pseudonym of the first identifier"),
        sa.Column("sealed", sa.Text, nullable=True, comment="The identifiers, encrypted; null once the request is closed"),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_privacy_requests"),
    )
    op.create_index("ix_privacy_requests_tenant_state", "privacy_requests", ["tenant", "state"])
    op.create_table(
        "privacy_receipts",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text, nullable=False, comment="What was done there, as JSON"),
        sa.PrimaryKeyConstraint("request_id", "store", name="pk_privacy_receipts"),
    )
    op.create_table(
        "privacy_tombstones",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False, comment="Keyed hash of an identifier that must not come in again"),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "token", name="pk_privacy_tombstones"),
    )


def downgrade() -> None:
    op.drop_table("privacy_tombstones")
    op.drop_table("privacy_receipts")
    op.drop_table("privacy_requests")
