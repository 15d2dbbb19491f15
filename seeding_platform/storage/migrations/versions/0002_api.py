"""Keys of the API, answers that a repeated request gets again, and files that were uploaded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, nullable=False, comment="The readable part of the key"),
        sa.Column("sha256", sa.Text, nullable=False, comment="Of the whole key, hex; the key itself is kept nowhere"),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False, comment="What it is for, for people"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.CheckConstraint("role IN ('viewer', 'analyst', 'operator', 'admin')", name=op.f("ck_api_keys_role")),
    )
    op.create_table(
        "api_requests",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("body_sha256", sa.Text, nullable=False, comment="Of method, path and body: the same key with another body is refused"),
        sa.Column("status", sa.Integer, nullable=True, comment="Of the answer; null while it is worked on"),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "idempotency_key", name="pk_api_requests"),
    )
    op.create_table(
        "api_ingestions",
        sa.Column("ingestion_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="Of the file's bytes, hex"),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False, comment="Id of the key that brought it"),
        sa.Column("summary", sa.Text, nullable=False, comment="What was read, as JSON"),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("ingestion_id", name="pk_api_ingestions"),
        sa.CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'refused')", name=op.f("ck_api_ingestions_status")),
    )
    op.create_index("ix_api_ingestions_tenant_created_at", "api_ingestions", ["tenant", "created_at"])


def downgrade() -> None:
    op.drop_table("api_ingestions")
    op.drop_table("api_requests")
    op.drop_table("api_keys")
