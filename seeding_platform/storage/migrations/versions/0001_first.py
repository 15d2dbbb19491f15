"""The first tables: pinned versions of datasets, and landed files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "storage_snapshots",
        sa.Column("snapshot_id", sa.Text, nullable=False, comment="First 32 hex digits of the SHA-256 of purpose and versions"),
        sa.Column("purpose", sa.Text, nullable=False, comment="What the versions were pinned for"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text, nullable=False, comment="The run that pinned them first"),
        sa.PrimaryKeyConstraint("snapshot_id", name="pk_storage_snapshots"),
    )
    op.create_index("ix_storage_snapshots_purpose_created_at", "storage_snapshots", ["purpose", "created_at"])
    op.create_table(
        "storage_dataset_versions",
        sa.Column("snapshot_id", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False, comment="Lake table, `<layer>/<table>`"),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Delta version of the table"),
        sa.PrimaryKeyConstraint("snapshot_id", "table_name", name="pk_storage_dataset_versions"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["storage_snapshots.snapshot_id"], name="fk_storage_dataset_versions_snapshot_id"),
    )
    op.create_table(
        "connector_landings",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("partition_key", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="Of the file's bytes, hex"),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rejects", sa.BigInteger, nullable=False, comment="Rows that could not be read"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "partition_key", name="pk_connector_landings"),
        sa.CheckConstraint("status IN ('landed', 'superseded', 'failed')", name=op.f("ck_connector_landings_status")),
    )
    op.create_index("ix_connector_landings_source_tenant_file_name", "connector_landings", ["source", "tenant", "file_name"])
    op.create_index("ix_connector_landings_tenant_sha256", "connector_landings", ["tenant", "sha256"])


def downgrade() -> None:
    op.drop_table("connector_landings")
    op.drop_table("storage_dataset_versions")
    op.drop_table("storage_snapshots")
