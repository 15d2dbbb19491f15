"""The audit log with copies of its checkpoints; the role steward."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False, comment="From 1, without a gap"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False, comment="Whose data it concerned; empty for everybody's"),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False, comment="What the hash is over: canonical JSON"),
        sa.Column("mac", sa.Text, nullable=False, comment="HMAC-SHA-256 of the body, hex"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_tenant_at", "audit_events", ["tenant", "at"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False, comment="From 1"),
        sa.Column("line", sa.Text, nullable=False, comment="As it stands in the file of checkpoints"),
        sa.PrimaryKeyConstraint("number", name="pk_audit_checkpoints"),
    )
    _roles("'viewer', 'analyst', 'operator', 'steward', 'admin'")


def downgrade() -> None:
    op.execute("UPDATE api_keys SET role = 'operator' WHERE role = 'steward'")
    _roles("'viewer', 'analyst', 'operator', 'admin'")
    op.drop_table("audit_checkpoints")
    op.drop_table("audit_events")


def _roles(allowed: str) -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_constraint(op.f("ck_api_keys_role"), type_="check")
        table.create_check_constraint(op.f("ck_api_keys_role"), f"role IN ({allowed})")
