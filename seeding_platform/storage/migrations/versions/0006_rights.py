"""Keys of single people, marks that rows meet on their way (restricted, corrected, held), holds, and who confirmed a person's identity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("privacy_requests") as table:
        table.add_column(sa.Column("identity", sa.Text, nullable=True, comment="Who confirmed who they are, and how, as JSON"))
    op.create_table(
        "privacy_subject_keys",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="Keyed hash of whom the key is for"),
        sa.Column("wrapped", sa.Text, nullable=True, comment="The key, encrypted with the key-encryption key; null once it was shredded"),
        sa.Column("kek_version", sa.Integer, nullable=False, comment="Version of the key-encryption key"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shredded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "subject", name="pk_privacy_subject_keys"),
    )
    op.create_table(
        "privacy_marks",
        sa.Column("request_id", sa.Text, nullable=False, comment="The request, or the hold, that put it up"),
        sa.Column("token", sa.Text, nullable=False, comment="Keyed hash of an identifier"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=True, comment="What is to be done, encrypted; null where the kind says it all"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('restricted', 'corrected', 'held')", name=op.f("ck_privacy_marks_kind")),
        sa.PrimaryKeyConstraint("request_id", "token", name="pk_privacy_marks"),
    )
    op.create_index("ix_privacy_marks_tenant_kind", "privacy_marks", ["tenant", "kind"])
    op.create_table(
        "privacy_holds",
        sa.Column("hold_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False, comment="Whose; empty for everybody's"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False, comment="The table; pseudonym of a person; empty for everything"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('person', 'table', 'everything')", name=op.f("ck_privacy_holds_kind")),
        sa.PrimaryKeyConstraint("hold_id", name="pk_privacy_holds"),
    )


def downgrade() -> None:
    op.drop_table("privacy_holds")
    op.drop_table("privacy_marks")
    op.drop_table("privacy_subject_keys")
    with op.batch_alter_table("privacy_requests") as table:
        table.drop_column("identity")
