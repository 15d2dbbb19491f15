"""Delivery to engines: addresses, generations, deliveries and their attempts, health, metrics, and the log that listeners read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TENANTED = (
    "engine_deliveries",
    "engine_delivery_attempts",
    "engine_endpoints",
    "engine_events",
    "engine_generations",
    "engine_health",
    "engine_metrics",
)
POLICY = "one_tenant"


def upgrade() -> None:
    op.create_table(
        "engine_deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False, comment="Of endpoint, generation and task: a repeat bears the same"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False, comment="deliver, or recall: tell that it must not be used"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="What is next: prepare, activate, abort or recall"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="Its age is counted from then; a replay begins anew"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True, comment="Null: nothing is to be sent by itself"),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False, comment="Number of the newest claim; an older one may not write"),
        sa.Column("error", sa.Text(), nullable=False, comment="Class of the last failure"),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True, comment="When it was first tried"),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("via", sa.Text(), nullable=False, comment="full or delta; told where nothing proves it"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="Sent"),
        sa.CheckConstraint("(state = 'delivering') = (lease_until IS NOT NULL)", name=op.f("ck_engine_deliveries_lease")),
        sa.CheckConstraint(
            "state IN ('waiting', 'held', 'delivering', 'prepared', 'acknowledged', 'dead', 'superseded', 'aborted')",
            name=op.f("ck_engine_deliveries_state"),
        ),
        sa.CheckConstraint("task IN ('deliver', 'recall')", name=op.f("ck_engine_deliveries_task")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_engine_deliveries")),
        sa.UniqueConstraint("endpoint_id", "generation", "task", name=op.f("uq_engine_deliveries_endpoint_id_generation_task")),
    )
    op.create_index(
        "ix_engine_deliveries_in_hand",
        "engine_deliveries",
        ["endpoint_id"],
        unique=True,
        sqlite_where=sa.text("state = 'delivering'"),
        postgresql_where=sa.text("state = 'delivering'"),
    )
    op.create_index(op.f("ix_engine_deliveries_state_due_at"), "engine_deliveries", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_engine_deliveries_tenant_engine_generation"), "engine_deliveries", ["tenant", "engine", "generation"], unique=False)
    op.create_table(
        "engine_delivery_attempts",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="The state that it led to, or lost"),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True, comment="Status of the answer"),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "fence", name=op.f("pk_engine_delivery_attempts")),
    )
    op.create_index(op.f("ix_engine_delivery_attempts_tenant_at"), "engine_delivery_attempts", ["tenant", "at"], unique=False)
    op.create_table(
        "engine_endpoints",
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, comment="Address, folder or s3://bucket/prefix; of one that pulls, the name of the machine"),
        sa.Column("schedule", sa.Text(), nullable=False, comment="Cron of five fields in UTC; empty: at once"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="Of its secret, from 1"),
        sa.Column("old_until", sa.DateTime(timezone=True), nullable=True, comment="Until when the secret before signs too"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sa.Text(), nullable=False, comment="by hand, gone"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="In a row"),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True, comment="Left alone until then"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True, comment="When it last answered"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True, comment="When its status was last asked"),
        sa.CheckConstraint("kind IN ('http', 'pull', 'folder', 's3', 'webhook')", name=op.f("ck_engine_endpoints_kind")),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_engine_endpoints")),
    )
    op.create_index(op.f("ix_engine_endpoints_tenant_engine"), "engine_endpoints", ["tenant", "engine"], unique=False)
    op.create_table(
        "engine_events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="release, recalled, activate or abort"),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("instead", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_engine_events")),
        sa.UniqueConstraint("tenant", "engine", "generation", "event", name=op.f("uq_engine_events_tenant_engine_generation_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_engine_events_at"), "engine_events", ["at"], unique=False)
    op.create_table(
        "engine_generations",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("previous", sa.Integer(), nullable=True),
        sa.Column("release", sa.Text(), nullable=False, comment="The text that is signed"),
        sa.Column("signature", sa.Text(), nullable=False, comment="As JSON"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True, comment="Of the engines that change together"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("soak_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False, comment="Why it was put back, or recalled"),
        sa.CheckConstraint("kind IN ('built', 'rolled_back', 'again')", name=op.f("ck_engine_generations_kind")),
        sa.CheckConstraint("state IN ('published', 'soaking', 'good', 'rolled_back', 'recalled')", name=op.f("ck_engine_generations_state")),
        sa.PrimaryKeyConstraint("tenant", "engine", "generation", name=op.f("pk_engine_generations")),
    )
    op.create_index(op.f("ix_engine_generations_group_id"), "engine_generations", ["group_id"], unique=False)
    op.create_index(op.f("ix_engine_generations_state"), "engine_generations", ["state"], unique=False)
    op.create_table(
        "engine_health",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False, comment="Its beginning"),
        sa.Column("up", sa.Integer(), nullable=False),
        sa.Column("slow", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "engine", "endpoint_id", "hour", name=op.f("pk_engine_health")),
    )
    op.create_index(op.f("ix_engine_health_hour"), "engine_health", ["hour"], unique=False)
    op.create_table(
        "engine_metrics",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False, comment="The last that the engine told; higher is better"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "engine", "metric", "generation", name=op.f("pk_engine_metrics")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in TENANTED:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY {POLICY} ON {table} USING (tenant = (SELECT seeding_reads()))")


def downgrade() -> None:
    for table in reversed(TENANTED):
        op.drop_table(table)
