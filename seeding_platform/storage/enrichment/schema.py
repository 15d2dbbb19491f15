"""Tables of enrichment: a record, its state in each stage, every attempt, every action, every label that a person gave."""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only

from seeding_platform.storage.columns import UtcTime, metadata

STATUSES = ("pending", "in_progress", "completed", "failed", "skipped")
CLASSES = ("transient", "rate_limited", "provider_down", "invalid_output", "content_permanent", "budget_exhausted", "worker_lost")
COMPLETE = """
CASE WHEN status = 'completed' THEN output IS NOT NULL AND (stage <> 'exception_classification' OR
(label IS NOT NULL AND confidence IS NOT NULL)) WHEN status = 'skipped' THEN TRUE
ELSE output IS NULL AND label IS NULL AND confidence IS NULL END
"""
"""Completed is what has an output, a classification also a label and a confidence; what is pending, under way or failed has none of them: no default
stands in for an answer. What is skipped may show on what the skipping rests."""


def _whose() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "record_type", "record_id")]


records = sa.Table(
    "enrichment_records",
    metadata,
    *_whose(),
    sa.Column("payload", sa.Text, nullable=False, comment="Facts of the record, personal data treated, as JSON"),
    sa.Column("input_hash", sa.Text, nullable=False, comment="SHA-256 of what the stages read, hex"),
    sa.Column("priority", sa.Integer, nullable=False, comment="0-100; higher goes first among those due"),
    sa.Column("value", sa.Float, nullable=True, comment="Money at stake in EUR"),
    sa.Column("ingested_at", UtcTime, nullable=False, comment="When it was first taken in"),
    sa.Column("arrived_at", UtcTime, nullable=False, comment="When it came into being in its source"),
    sa.Column("updated_at", UtcTime, nullable=False, comment="When its input last changed"),
    sa.Column("withdrawn_at", UtcTime, nullable=True, comment="When it was cancelled by a person; null = not"),
    sa.CheckConstraint("record_type IN ('order', 'exception')", name="record_type"),
    sa.CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
    sa.Index(None, "tenant", "ingested_at"),
)

stages = sa.Table(
    "enrichment_stages",
    metadata,
    *_whose(),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("ready", sa.Boolean, nullable=False, comment="Whether the stage before allows it to be worked on"),
    sa.Column("priority", sa.Integer, nullable=False, comment="Of the record"),
    sa.Column("rank", sa.Integer, sa.Computed("100 - priority", persisted=True), comment="Lower goes first: an index runs one way only"),
    sa.Column("attempts", sa.Integer, nullable=False, comment="Tries of this input that count, 0-6"),
    sa.Column("asked", sa.Integer, nullable=False, comment="Tries of this input at all"),
    sa.Column("losses", sa.Integer, nullable=False, comment="Workers that were lost over this input"),
    sa.Column("reasked", sa.Integer, nullable=False, comment="How often it was done again for low confidence"),
    sa.Column("redrives", sa.Integer, nullable=False, comment="How often it was brought back from the dead"),
    sa.Column("due_at", UtcTime, nullable=True, comment="When it may be worked on; null while it is not pending or waiting to be retried"),
    sa.Column("lease_owner", sa.Text, nullable=True),
    sa.Column("lease_until", UtcTime, nullable=True),
    sa.Column("fence", sa.BigInteger, nullable=False, comment="Number of the newest claim; an older one may not write"),
    sa.Column("input_hash", sa.Text, nullable=False, comment="Of the record and the outputs before, for which this state holds"),
    sa.Column("output", sa.Text, nullable=True, comment="What came out, as JSON"),
    sa.Column("output_hash", sa.Text, nullable=True, comment="SHA-256 of the output, hex"),
    sa.Column("confidence", sa.Float, nullable=True),
    sa.Column("label", sa.Text, nullable=True),
    sa.Column("provider", sa.Text, nullable=True, comment="Who made the output; human for a person"),
    sa.Column("model_version", sa.Text, nullable=True),
    sa.Column("prompt_version", sa.Text, nullable=True),
    sa.Column("error", sa.Text, nullable=True, comment="Class of the last failure, while it is failed"),
    sa.Column("message", sa.Text, nullable=True, comment="The last failure for people, or why it is skipped"),
    sa.Column("escalated_at", UtcTime, nullable=True, comment="Since when it is dead; null = not"),
    sa.Column("owner", sa.Text, nullable=True, comment="Who has taken a dead letter or a review on"),
    sa.Column("review_at", UtcTime, nullable=True, comment="From when a person should look at it"),
    sa.Column("started_at", UtcTime, nullable=True, comment="When it was last claimed"),
    sa.Column("finished_at", UtcTime, nullable=True, comment="When it was completed or skipped"),
    sa.Column("moved_at", UtcTime, nullable=False, comment="When its status last changed"),
    sa.ForeignKeyConstraint(
        ["tenant", "record_type", "record_id"],
        ["enrichment_records.tenant", "enrichment_records.record_type", "enrichment_records.record_id"],
        name="fk_enrichment_stages_record",
        ondelete="CASCADE",
    ),
    sa.CheckConstraint(f"status IN {STATUSES}", name="status"),
    sa.CheckConstraint(f"error IS NULL OR error IN {CLASSES}", name="error"),
    sa.CheckConstraint("confidence IS NULL OR (confidence >= 0 AND confidence <= 1)", name="confidence"),
    sa.CheckConstraint("attempts BETWEEN 0 AND 6", name="attempts"),
    sa.CheckConstraint(COMPLETE.strip().replace("\n", " "), name="complete"),
    sa.CheckConstraint("(status = 'in_progress') = (lease_until IS NOT NULL)", name="lease"),
    sa.CheckConstraint("(status = 'failed' AND due_at IS NULL) = (escalated_at IS NOT NULL)", name="dead"),
    sa.Index(
        "ix_enrichment_stages_due", "stage", "status", "tenant", "rank", "due_at", sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_enrichment_stages_leased", "lease_until", sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    ),
    sa.Index(None, "tenant", "stage", "status"),
)  # fmt: skip

attempts = sa.Table(
    "enrichment_attempts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("record_type", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("fence", sa.BigInteger, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False, comment="completed, skipped, failed, lost, outdated, reset"),
    sa.Column("error", sa.Text, nullable=True),
    sa.Column("message", sa.Text, nullable=True),
    sa.Column("worker", sa.Text, nullable=True),
    sa.Column("confidence", sa.Float, nullable=True),
    sa.Column("label", sa.Text, nullable=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.Text, nullable=False),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),
    sa.Column("cached", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index(None, "tenant", "at"),
)

actions = sa.Table(
    "enrichment_actions",
    metadata,
    sa.Column("key", sa.Text, primary_key=True, comment="SHA-256 of tenant, record, action, parameters, policy; also the idempotency key"),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("record_type", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False, comment="As JSON"),
    sa.Column("amount", sa.Float, nullable=True, comment="Money that it moves, in EUR"),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="planned, sent, done, failed, refused; sent without an end is repeated under the same key"),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False, comment="Of the claim under which it was last sent"),
    sa.Column("planned_at", UtcTime, nullable=False),
    sa.Column("done_at", UtcTime, nullable=True),
    sa.CheckConstraint("mode IN ('dry_run', 'executed')", name="mode"),
    sa.CheckConstraint("state IN ('planned', 'sent', 'done', 'failed', 'refused')", name="state"),
    sa.Index(None, "tenant", "planned_at"),
    sa.Index(None, "tenant", "record_type", "record_id"),
)

labels = sa.Table(
    "enrichment_labels",
    metadata,
    sa.Column("label_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("record_type", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("input_hash", sa.Text, nullable=False, comment="Of the record as it was judged"),
    sa.Column("label", sa.Text, nullable=False, comment="What the person said"),
    sa.Column("stage", sa.Text, nullable=False, server_default="exception_classification", comment="Of which answer it was said"),
    sa.Column("machine_label", sa.Text, nullable=True, comment="What the machine had said; null = nothing"),
    sa.Column("machine_confidence", sa.Float, nullable=True),
    sa.Column("reason", sa.Text, nullable=False, comment="Why it was asked: low_confidence, sample, dead"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index(None, "tenant", "at"),
    sa.Index(None, "tenant", "record_type", "record_id"),
)

pauses = sa.Table(
    "enrichment_pauses",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True, comment="Whose; empty for everybody's"),
    sa.Column("stage", sa.Text, primary_key=True, comment="Which; empty for all"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

breakers = sa.Table(
    "enrichment_breakers",
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, comment="closed, open, half_open"),
    sa.Column("recent", sa.Text, nullable=False, comment="Newest outcomes, oldest first: letters o (well) and x (not)"),
    sa.Column("opened_at", UtcTime, nullable=True),
    sa.Column("probes", sa.Integer, nullable=False, comment="Asked while half open"),
    sa.Column("moved_at", UtcTime, nullable=False),
    sa.CheckConstraint("state IN ('closed', 'open', 'half_open')", name="state"),
)

spending = sa.Table(
    "enrichment_spending",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="In UTC"),
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.Float, nullable=False, comment="In EUR"),
)

answers = sa.Table(
    "enrichment_answers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True, comment="SHA-256 of provider, model, version of the prompt and input"),
    sa.Column("output", sa.Text, nullable=False, comment="An answer that was valid, as JSON"),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index(None, "at"),
)

measurements = sa.Table(
    "enrichment_measurements",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, primary_key=True),
    sa.Column("value", sa.Float, nullable=True, comment="Null where there is nothing to measure"),
    sa.Column("n", sa.BigInteger, nullable=False, comment="Records, rows or attempts behind it"),
    sa.Column("detail", sa.Text, nullable=False, comment="Parts of it, as JSON"),
)

versions = sa.Table(
    "enrichment_versions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True, comment="Of model and prompt together, as the provider says it"),
    sa.Column("state", sa.Text, nullable=False, comment="candidate, live, refused, retired"),
    sa.Column("share", sa.Float, nullable=False, comment="Share of records that a candidate is tried on beside the live one (A/B)"),
    sa.Column("report", sa.Text, nullable=False, comment="How it did on the golden set, as JSON"),
    sa.Column("at", UtcTime, nullable=False),
    sa.CheckConstraint("state IN ('candidate', 'live', 'refused', 'retired')", name="state"),
)
