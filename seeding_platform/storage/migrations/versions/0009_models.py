"""Models: jobs, deployments, predictions with their labels, measurements; summaries by the names that other systems ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PERFORMANCE = """
SELECT m.tenant, m.environment, m.model, m.kind, m.version, m.metric, m.direction, m.value, m.ci_low, m.ci_high, m.rows,
    live.value AS live_value, live.ci_low AS live_ci_low, live.ci_high AS live_ci_high, live.rows AS live_rows, live.at AS live_at,
    m.trained_at, m.checked_at, m.deployed_at
FROM ml_models m
LEFT JOIN ml_performance_metrics live ON live.measurement_id = (
    SELECT p.measurement_id FROM ml_performance_metrics p
    WHERE p.tenant = m.tenant AND p.environment = m.environment AND p.model = m.model AND p.version = m.version
        AND p.metric = m.metric AND p.source = 'live'
    ORDER BY p.at DESC, p.measurement_id LIMIT 1
)
"""
JOBS = """
SELECT tenant, environment, model, count(*) AS jobs,
    sum(CASE WHEN state IN ('queued', 'running') THEN 1 ELSE 0 END) AS active,
    sum(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END) AS succeeded,
    sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN state = 'skipped' THEN 1 ELSE 0 END) AS skipped,
    sum(CASE WHEN state = 'no_change' THEN 1 ELSE 0 END) AS no_change,
    CAST(sum(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END) AS FLOAT)
        / nullif(sum(CASE WHEN state IN ('succeeded', 'failed') THEN 1 ELSE 0 END), 0) AS success_rate,
    avg(CASE WHEN state = 'succeeded' THEN {seconds} END) AS average_seconds,
    avg(CASE WHEN verdict = 'deploy' THEN improvement END) AS average_improvement,
    max(finished_at) AS last_finished_at
FROM ml_training_jobs GROUP BY tenant, environment, model
"""
AUDIT = """
SELECT seq, at, tenant, actor, action, subject, outcome, body FROM audit_events
WHERE action LIKE 'ml.%' OR action LIKE '%/api/v1/ml/%' OR action LIKE '%/api/workflows/ml/%'
"""
SUMMARIES = {"get_model_performance_summary": "ml_model_performance_summary", "get_training_job_stats": "ml_training_job_stats"}


def upgrade() -> None:
    op.create_table(
        "ml_model_deployments",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="deploy or rollback"),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("previous_version", sa.Text(), nullable=True, comment="What served before; null for the first"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False, comment="The gate's reasons, as JSON"),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched_until", sa.DateTime(timezone=True), nullable=True, comment="Until when it is watched; null = not, or over"),
        sa.Column("says", sa.Text(), nullable=False, comment="Why it was undone"),
        sa.CheckConstraint("kind IN ('deploy', 'rollback')", name=op.f("ck_ml_model_deployments_kind")),
        sa.CheckConstraint("state IN ('planned', 'alias_set', 'verified', 'rolled_back')", name=op.f("ck_ml_model_deployments_state")),
        sa.PrimaryKeyConstraint("deployment_id", name="pk_ml_model_deployments"),
    )
    op.create_index("ix_ml_model_deployments_tenant_planned_at", "ml_model_deployments", ["tenant", "planned_at"], unique=False)
    op.create_index(
        "ix_ml_model_deployments_unsettled",
        "ml_model_deployments",
        ["tenant", "environment", "model"],
        unique=True,
        sqlite_where=sa.text("state IN ('planned', 'alias_set')"),
        postgresql_where=sa.text("state IN ('planned', 'alias_set')"),
    )
    op.create_table(
        "ml_models",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="classification, regression, counts, next_item or clustering"),
        sa.Column("version", sa.Text(), nullable=True, comment="The version that serves; null before the first"),
        sa.Column("shadow", sa.Text(), nullable=True, comment="A version that answers beside it without being served"),
        sa.Column("shadow_share", sa.Float(), server_default="0", nullable=False, comment="Share of requests that the shadow serves (A/B); 0 = none"),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True, comment="Of the metric, on rows held out of the version that serves"),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True, comment="Held-out rows behind the value"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=True, comment="When a training last ended well"),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True, comment="When its performance was last looked at"),
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cool_until", sa.DateTime(timezone=True), nullable=True, comment="No training before, but by hand"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "environment", "model", name="pk_ml_models"),
    )
    op.create_table(
        "ml_performance_metrics",
        sa.Column("measurement_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="holdout, live (labels of real use), shadow, estimate (without labels)"),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source IN ('holdout', 'live', 'shadow', 'estimate')", name=op.f("ck_ml_performance_metrics_source")),
        sa.PrimaryKeyConstraint("measurement_id", name="pk_ml_performance_metrics"),
    )
    op.create_index("ix_ml_performance_metrics_tenant_model_at", "ml_performance_metrics", ["tenant", "model", "at"], unique=False)
    op.create_table(
        "ml_predictions",
        sa.Column("prediction_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False, comment="champion or shadow: whose answer was served"),
        sa.Column("features_sha256", sa.Text(), nullable=False, comment="Of the row that was asked about; the row itself is kept nowhere"),
        sa.Column("value", sa.Text(), nullable=False, comment="As JSON"),
        sa.Column("score", sa.Float(), nullable=True, comment="Probability of the positive label"),
        sa.Column("other_version", sa.Text(), nullable=True, comment="The version that was not served, where both answered"),
        sa.Column("other_value", sa.Text(), nullable=True),
        sa.Column("other_score", sa.Float(), nullable=True),
        sa.Column("failed", sa.Boolean(), server_default=sa.false(), nullable=False, comment="There was no answer, or none that is a number"),
        sa.Column("predicted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actual", sa.Text(), nullable=True, comment="What became of it, as JSON"),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("arm IN ('champion', 'shadow')", name=op.f("ck_ml_predictions_arm")),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_ml_predictions"),
    )
    op.create_index("ix_ml_predictions_predicted_at", "ml_predictions", ["predicted_at"], unique=False)
    op.create_index(
        ("ix_ml_predictions_tenant_environment_model_observed_at"), "ml_predictions", ["tenant", "environment", "model", "observed_at"], unique=False
    )
    op.create_table(
        "ml_retraining_schedules",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="performance_check or forced"),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('performance_check', 'forced')", name=op.f("ck_ml_retraining_schedules_kind")),
        sa.PrimaryKeyConstraint("tenant", "environment", "model", "kind", name="pk_ml_retraining_schedules"),
    )
    op.create_table(
        "ml_training_data_quality",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="Of the frame"),
        sa.Column("labelled", sa.BigInteger(), nullable=False, comment="Of those, with a label and not made up"),
        sa.Column("distinct_rows", sa.BigInteger(), nullable=False, comment="Of those, after repeats were taken out"),
        sa.Column("classes", sa.BigInteger(), nullable=True, comment="Distinct labels; null where the target is a number"),
        sa.Column("completeness", sa.Float(), nullable=True, comment="Share of features that have a value"),
        sa.Column("good", sa.Boolean(), nullable=False, comment="Whether it was enough to train on"),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_ml_training_data_quality"),
    )
    op.create_table(
        "ml_training_jobs",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False, comment="manual, weekly, performance, new_data, drift, first"),
        sa.Column("evidence", sa.Text(), nullable=False, comment="What the trigger rests on, as JSON"),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=False,
            comment="What it is at: frame, guards, fit, evaluate, register, gate, deploy; empty when it is not running",
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True, comment="When it last said where it is; a long silence is a dead process"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Run of Dagster; empty before it starts"),
        sa.Column("data_sha256", sa.Text(), nullable=False, comment="Of the training frame, hex"),
        sa.Column("version", sa.Text(), nullable=True, comment="The version that came of it"),
        sa.Column("verdict", sa.Text(), nullable=False, comment="deploy, hold, refuse; empty where the gate was not reached"),
        sa.Column("says", sa.Text(), nullable=False, comment="How it ended, for people"),
        sa.Column("error", sa.Text(), nullable=False, comment="Class of what went wrong: transient, permanent; empty for nothing"),
        sa.Column("improvement", sa.Float(), nullable=True, comment="Gain over what served, in the metric, positive is better"),
        sa.Column("report", sa.Text(), nullable=False, comment="Metrics and the gate's reasons, as JSON"),
        sa.Column("callback", sa.Text(), nullable=False, comment="Address that is told of its end; empty for none"),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'skipped', 'no_change')", name=op.f("ck_ml_training_jobs_state")),
        sa.PrimaryKeyConstraint("job_id", name="pk_ml_training_jobs"),
    )
    op.create_index(
        "ix_ml_training_jobs_active",
        "ml_training_jobs",
        ["tenant", "environment", "model"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index("ix_ml_training_jobs_tenant_requested_at", "ml_training_jobs", ["tenant", "requested_at"], unique=False)

    _summaries()


def _summaries() -> None:
    """A view each on SQLite; on Postgres a function of the same name over a view."""
    postgres = op.get_bind().dialect.name == "postgresql"
    seconds = "extract(epoch FROM finished_at - started_at)" if postgres else "(julianday(finished_at) - julianday(started_at)) * 86400.0"
    queries = {"get_model_performance_summary": PERFORMANCE, "get_training_job_stats": JOBS.format(seconds=seconds)}
    op.execute(f"CREATE VIEW workflow_audit_logs AS {AUDIT}")
    for name, query in queries.items():
        if postgres:
            op.execute(f"CREATE VIEW {SUMMARIES[name]} AS {query}")
            op.execute(f"CREATE FUNCTION {name}() RETURNS SETOF {SUMMARIES[name]} LANGUAGE sql STABLE AS 'SELECT * FROM {SUMMARIES[name]}'")  # noqa: S608  names of this file
        else:
            op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP VIEW workflow_audit_logs")
    for name, view in SUMMARIES.items():
        if postgres:
            op.execute(f"DROP FUNCTION {name}()")
        op.execute(f"DROP VIEW {view if postgres else name}")
    op.drop_index("ix_ml_training_jobs_tenant_requested_at", table_name="ml_training_jobs")
    op.drop_index(
        "ix_ml_training_jobs_active",
        table_name="ml_training_jobs",
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_table("ml_training_jobs")
    op.drop_table("ml_training_data_quality")
    op.drop_table("ml_retraining_schedules")
    op.drop_index("ix_ml_predictions_tenant_environment_model_observed_at", table_name="ml_predictions")
    op.drop_index("ix_ml_predictions_predicted_at", table_name="ml_predictions")
    op.drop_table("ml_predictions")
    op.drop_index("ix_ml_performance_metrics_tenant_model_at", table_name="ml_performance_metrics")
    op.drop_table("ml_performance_metrics")
    op.drop_table("ml_models")
    op.drop_index(
        "ix_ml_model_deployments_unsettled",
        table_name="ml_model_deployments",
        sqlite_where=sa.text("state IN ('planned', 'alias_set')"),
        postgresql_where=sa.text("state IN ('planned', 'alias_set')"),
    )
    op.drop_index("ix_ml_model_deployments_tenant_planned_at", table_name="ml_model_deployments")
    op.drop_table("ml_model_deployments")
