"""Keys: whom they are for, who made them, when they end and were last used, the secret before; sessions of people whom an issuer vouches for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("holder", "made_by", "expires_at", "last_used_at", "revision", "rotated_at", "old_sha256", "old_until")


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("holder", sa.Text, nullable=False, server_default="", comment="The person or system that it is for"))
        table.add_column(sa.Column("made_by", sa.Text, nullable=False, server_default="", comment="Id of a key, or the name of a process"))
        table.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True, comment="To the minute"))
        table.add_column(sa.Column("revision", sa.Integer, nullable=False, server_default="1", comment="Of the secret"))
        table.add_column(sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("old_sha256", sa.Text, nullable=True, comment="Of the key before it was rotated, hex"))
        table.add_column(sa.Column("old_until", sa.DateTime(timezone=True), nullable=True, comment="Until when that one is taken"))
    op.create_table(
        "person_sessions",
        sa.Column("session_id", sa.Text, nullable=False, comment="Made of the attempt to sign in: one attempt opens one session"),
        sa.Column("person", sa.Text, nullable=False, comment="Pseudonym"),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name="pk_person_sessions"),
    )


def downgrade() -> None:
    op.drop_table("person_sessions")
    with op.batch_alter_table("api_keys") as table:
        for name in COLUMNS:
            table.drop_column(name)
