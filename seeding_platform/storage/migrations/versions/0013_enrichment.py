"""Enrichment: records, their state in each stage, attempts, actions, labels of people; breakers, spending, answers, measurements, versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COMPLETE = (
    "CASE WHEN status = 'completed' THEN output IS NOT NULL AND (stage <> 'exception_classification' OR (label IS NOT NULL "
    "AND confidence IS NOT NULL)) WHEN status = 'skipped' THEN TRUE ELSE output IS NULL AND label IS NULL AND confidence IS "
    "NULL END"
)
TENANTED = (
    "enrichment_actions",
    "enrichment_answers",
    "enrichment_attempts",
    "enrichment_labels",
    "enrichment_measurements",
    "enrichment_pauses",
    "enrichment_records",
    "enrichment_spending",
    "enrichment_stages",
    "enrichment_versions",
)
POLICY = "one_tenant"


def upgrade() -> None:
    op.create_table(
        "enrichment_actions",
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of tenant, record, action, parameters, policy; also the idempotency key",
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False, comment="As JSON"),
        sa.Column("amount", sa.Float(), nullable=True, comment="Money that it moves, in EUR"),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="planned, sent, done, failed, refused; sent without an end is repeated under the same key"
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="Of the claim under which it was last sent"),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mode IN ('dry_run', 'executed')", name=op.f("ck_enrichment_actions_mode")),
        sa.CheckConstraint("state IN ('planned', 'sent', 'done', 'failed', 'refused')", name=op.f("ck_enrichment_actions_state")),
        sa.PrimaryKeyConstraint("key", name="pk_enrichment_actions"),
    )
    op.create_index("ix_enrichment_actions_tenant_planned_at", "enrichment_actions", ["tenant", "planned_at"], unique=False)
    op.create_index("ix_enrichment_actions_tenant_record_type_record_id", "enrichment_actions", ["tenant", "record_type", "record_id"], unique=False)
    op.create_table(
        "enrichment_answers",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="SHA-256 of provider, model, version of the prompt and input"),
        sa.Column("output", sa.Text(), nullable=False, comment="An answer that was valid, as JSON"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_enrichment_answers"),
    )
    op.create_index("ix_enrichment_answers_at", "enrichment_answers", ["at"], unique=False)
    op.create_table(
        "enrichment_attempts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="completed, skipped, failed, lost, outdated, reset"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "record_type", "record_id", "stage", "fence", name="pk_enrichment_attempts"),
    )
    op.create_index("ix_enrichment_attempts_tenant_at", "enrichment_attempts", ["tenant", "at"], unique=False)
    op.create_table(
        "enrichment_breakers",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="closed, open, half_open"),
        sa.Column("recent", sa.Text(), nullable=False, comment="Newest outcomes, oldest first: letters o (well) and x (not)"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False, comment="Asked while half open"),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open')", name=op.f("ck_enrichment_breakers_state")),
        sa.PrimaryKeyConstraint("provider", name="pk_enrichment_breakers"),
    )
    op.create_table(
        "enrichment_labels",
        sa.Column("label_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False, comment="Of the record as it was judged"),
        sa.Column("label", sa.Text(), nullable=False, comment="What the person said"),
        sa.Column("machine_label", sa.Text(), nullable=True, comment="What the machine had said; null = nothing"),
        sa.Column("machine_confidence", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was asked: low_confidence, sample, dead"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("label_id", name="pk_enrichment_labels"),
    )
    op.create_index("ix_enrichment_labels_tenant_at", "enrichment_labels", ["tenant", "at"], unique=False)
    op.create_index("ix_enrichment_labels_tenant_record_type_record_id", "enrichment_labels", ["tenant", "record_type", "record_id"], unique=False)
    op.create_table(
        "enrichment_measurements",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float(), nullable=True, comment="Null where there is nothing to measure"),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="Records, rows or attempts behind it"),
        sa.Column("detail", sa.Text(), nullable=False, comment="Parts of it, as JSON"),
        sa.PrimaryKeyConstraint("tenant", "metric", "at", name="pk_enrichment_measurements"),
    )
    op.create_table(
        "enrichment_pauses",
        sa.Column("tenant", sa.Text(), nullable=False, comment="Whose; empty for everybody's"),
        sa.Column("stage", sa.Text(), nullable=False, comment="Which; empty for all"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "stage", name="pk_enrichment_pauses"),
    )
    op.create_table(
        "enrichment_records",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="Facts of the record, personal data treated, as JSON"),
        sa.Column("input_hash", sa.Text(), nullable=False, comment="SHA-256 of what the stages read, hex"),
        sa.Column("priority", sa.Integer(), nullable=False, comment="0-100; higher goes first among those due"),
        sa.Column("value", sa.Float(), nullable=True, comment="Money at stake in EUR"),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False, comment="When it was first taken in"),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False, comment="When it came into being in its source"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, comment="When its input last changed"),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True, comment="When it was cancelled by a person; null = not"),
        sa.CheckConstraint("record_type IN ('order', 'exception')", name=op.f("ck_enrichment_records_record_type")),
        sa.CheckConstraint("priority BETWEEN 0 AND 100", name=op.f("ck_enrichment_records_priority")),
        sa.PrimaryKeyConstraint("tenant", "record_type", "record_id", name="pk_enrichment_records"),
    )
    op.create_index("ix_enrichment_records_tenant_ingested_at", "enrichment_records", ["tenant", "ingested_at"], unique=False)
    op.create_table(
        "enrichment_spending",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="In UTC"),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False, comment="In EUR"),
        sa.PrimaryKeyConstraint("tenant", "day", "provider", name="pk_enrichment_spending"),
    )
    op.create_table(
        "enrichment_versions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False, comment="Of model and prompt together, as the provider says it"),
        sa.Column("state", sa.Text(), nullable=False, comment="candidate, live, refused, retired"),
        sa.Column("share", sa.Float(), nullable=False, comment="Share of records that a candidate is tried on beside the live one (A/B)"),
        sa.Column("report", sa.Text(), nullable=False, comment="How it did on the golden set, as JSON"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('candidate', 'live', 'refused', 'retired')", name=op.f("ck_enrichment_versions_state")),
        sa.PrimaryKeyConstraint("tenant", "stage", "version", name="pk_enrichment_versions"),
    )
    op.create_table(
        "enrichment_stages",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False, comment="Whether the stage before allows it to be worked on"),
        sa.Column("priority", sa.Integer(), nullable=False, comment="Of the record"),
        sa.Column(
            "rank", sa.Integer(), sa.Computed("100 - priority", persisted=True), nullable=True, comment="Lower goes first: an index runs one way only"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="Tries of this input that count, 0-6"),
        sa.Column("asked", sa.Integer(), nullable=False, comment="Tries of this input at all"),
        sa.Column("losses", sa.Integer(), nullable=False, comment="Workers that were lost over this input"),
        sa.Column("reasked", sa.Integer(), nullable=False, comment="How often it was done again for low confidence"),
        sa.Column("redrives", sa.Integer(), nullable=False, comment="How often it was brought back from the dead"),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it may be worked on; null while it is not pending or waiting to be retried",
        ),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="Number of the newest claim; an older one may not write"),
        sa.Column("input_hash", sa.Text(), nullable=False, comment="Of the record and the outputs before, for which this state holds"),
        sa.Column("output", sa.Text(), nullable=True, comment="What came out, as JSON"),
        sa.Column("output_hash", sa.Text(), nullable=True, comment="SHA-256 of the output, hex"),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True, comment="Who made the output; human for a person"),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("prompt_version", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="Class of the last failure, while it is failed"),
        sa.Column("message", sa.Text(), nullable=True, comment="The last failure for people, or why it is skipped"),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True, comment="Since when it is dead; null = not"),
        sa.Column("owner", sa.Text(), nullable=True, comment="Who has taken a dead letter or a review on"),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True, comment="From when a person should look at it"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last claimed"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it was completed or skipped"),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False, comment="When its status last changed"),
        sa.CheckConstraint("(status = 'failed' AND due_at IS NULL) = (escalated_at IS NOT NULL)", name=op.f("ck_enrichment_stages_dead")),
        sa.CheckConstraint("(status = 'in_progress') = (lease_until IS NOT NULL)", name=op.f("ck_enrichment_stages_lease")),
        sa.CheckConstraint(COMPLETE, name=op.f("ck_enrichment_stages_complete")),
        sa.CheckConstraint(
            "error IS NULL OR error IN ('transient', "
            "'rate_limited', 'provider_down', 'invalid_output', 'content_permanent', 'budget_exhausted', 'worker_lost')",
            name=op.f("ck_enrichment_stages_error"),
        ),
        sa.CheckConstraint("status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped')", name=op.f("ck_enrichment_stages_status")),
        sa.CheckConstraint("attempts BETWEEN 0 AND 6", name=op.f("ck_enrichment_stages_attempts")),
        sa.CheckConstraint("confidence IS NULL OR (confidence >= 0 AND confidence <= 1)", name=op.f("ck_enrichment_stages_confidence")),
        sa.ForeignKeyConstraint(
            ["tenant", "record_type", "record_id"],
            ["enrichment_records.tenant", "enrichment_records.record_type", "enrichment_records.record_id"],
            name="fk_enrichment_stages_record",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "record_type", "record_id", "stage", name="pk_enrichment_stages"),
    )
    op.create_index(
        "ix_enrichment_stages_due",
        "enrichment_stages",
        ["stage", "status", "tenant", "rank", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_enrichment_stages_leased",
        "enrichment_stages",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index("ix_enrichment_stages_tenant_stage_status", "enrichment_stages", ["tenant", "stage", "status"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in TENANTED:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY {POLICY} ON {table} USING (tenant = (SELECT seeding_reads()))")


def downgrade() -> None:
    for table in (
        "enrichment_stages",
        "enrichment_versions",
        "enrichment_spending",
        "enrichment_records",
        "enrichment_pauses",
        "enrichment_measurements",
        "enrichment_labels",
        "enrichment_breakers",
        "enrichment_attempts",
        "enrichment_answers",
        "enrichment_actions",
    ):
        op.drop_table(table)
