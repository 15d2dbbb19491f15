"""What people say of enrichment names its stage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "enrichment_labels",
        sa.Column("stage", sa.Text(), nullable=False, server_default="exception_classification", comment="Of which answer it was said"),
    )


def downgrade() -> None:
    with op.batch_alter_table("enrichment_labels") as table:
        table.drop_column("stage")
