"""Keys: what they are limited to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("grants", sa.Text, nullable=False, server_default="", comment="Patterns of tables and sources; empty for all"))


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_column("grants")
