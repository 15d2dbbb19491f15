"""Versions of the key that signs bundles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True, comment="When another took its place"),
        sa.Column("counts_until", sa.DateTime(timezone=True), nullable=True, comment="Until when its signatures count; null: no end"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True, comment="Its signatures never count"),
        sa.PrimaryKeyConstraint("version", name="pk_signing_keys"),
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
