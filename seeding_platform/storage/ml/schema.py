"""Tables of models: a job, a deployment, a prediction, a measurement each has its row. What is asked of them is in the modules beside this one."""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only

from seeding_platform.storage.columns import UtcTime, metadata

JOB_STATES = ("queued", "running", "succeeded", "failed", "skipped", "no_change")
ACTIVE = "state IN ('queued', 'running')"
UNSETTLED = "state IN ('planned', 'alias_set')"


def _whose() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in ("tenant", "environment", "model")]


def _key() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "environment", "model")]


models = sa.Table(
    "ml_models",
    metadata,
    *_key(),
    sa.Column("kind", sa.Text, nullable=False, comment="classification, regression, counts, next_item or clustering"),
    sa.Column("version", sa.Text, nullable=True, comment="The version that serves; null before the first"),
    sa.Column("shadow", sa.Text, nullable=True, comment="A version that answers beside it without being served"),
    sa.Column("shadow_share", sa.Float, nullable=False, server_default="0", comment="Share of requests that the shadow serves (A/B); 0 = none"),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("value", sa.Float, nullable=True, comment="Of the metric, on rows held out of the version that serves"),
    sa.Column("ci_low", sa.Float, nullable=True),
    sa.Column("ci_high", sa.Float, nullable=True),
    sa.Column("rows", sa.BigInteger, nullable=True, comment="Held-out rows behind the value"),
    sa.Column("trained_at", UtcTime, nullable=True, comment="When a training last ended well"),
    sa.Column("checked_at", UtcTime, nullable=True, comment="When its performance was last looked at"),
    sa.Column("deployed_at", UtcTime, nullable=True),
    sa.Column("cool_until", UtcTime, nullable=True, comment="No training before, but by hand"),
    sa.Column("updated_at", UtcTime, nullable=False),
)

jobs = sa.Table(
    "ml_training_jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("trigger", sa.Text, nullable=False, comment="manual, weekly, performance, new_data, drift, first"),
    sa.Column("evidence", sa.Text, nullable=False, comment="What the trigger rests on, as JSON"),
    sa.Column("forced", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column(
        "stage", sa.Text, nullable=False, comment="What it is at: frame, guards, fit, evaluate, register, gate, deploy; empty when it is not running"
    ),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime, nullable=True),
    sa.Column("moved_at", UtcTime, nullable=True, comment="When it last said where it is; a long silence is a dead process"),
    sa.Column("finished_at", UtcTime, nullable=True),
    sa.Column("run_id", sa.Text, nullable=False, comment="Run of Dagster; empty before it starts"),
    sa.Column("data_sha256", sa.Text, nullable=False, comment="Of the training frame, hex"),
    sa.Column("version", sa.Text, nullable=True, comment="The version that came of it"),
    sa.Column("verdict", sa.Text, nullable=False, comment="deploy, hold, refuse; empty where the gate was not reached"),
    sa.Column("says", sa.Text, nullable=False, comment="How it ended, for people"),
    sa.Column("error", sa.Text, nullable=False, comment="Class of what went wrong: transient, permanent; empty for nothing"),
    sa.Column("improvement", sa.Float, nullable=True, comment="Gain over what served, in the metric, positive is better"),
    sa.Column("report", sa.Text, nullable=False, comment="Metrics and the gate's reasons, as JSON"),
    sa.Column("callback", sa.Text, nullable=False, comment="Address that is told of its end; empty for none"),
    sa.CheckConstraint(f"state IN {JOB_STATES}", name="state"),
    sa.Index(
        "ix_ml_training_jobs_active", "tenant", "environment", "model", unique=True, sqlite_where=sa.text(ACTIVE), postgresql_where=sa.text(ACTIVE)
    ),
    sa.Index(None, "tenant", "requested_at"),
)

deployments = sa.Table(
    "ml_model_deployments",
    metadata,
    sa.Column("deployment_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("kind", sa.Text, nullable=False, comment="deploy or rollback"),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("previous_version", sa.Text, nullable=True, comment="What served before; null for the first"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("report", sa.Text, nullable=False, comment="The gate's reasons, as JSON"),
    sa.Column("planned_at", UtcTime, nullable=False),
    sa.Column("moved_at", UtcTime, nullable=False),
    sa.Column("verified_at", UtcTime, nullable=True),
    sa.Column("watched_until", UtcTime, nullable=True, comment="Until when it is watched; null = not, or over"),
    sa.Column("says", sa.Text, nullable=False, comment="Why it was undone"),
    sa.CheckConstraint("state IN ('planned', 'alias_set', 'verified', 'rolled_back')", name="state"),
    sa.CheckConstraint("kind IN ('deploy', 'rollback')", name="kind"),
    sa.Index(
        "ix_ml_model_deployments_unsettled", "tenant", "environment", "model", unique=True, sqlite_where=sa.text(UNSETTLED),
        postgresql_where=sa.text(UNSETTLED),
    ),
    sa.Index(None, "tenant", "planned_at"),
)  # fmt: skip

schedules = sa.Table(
    "ml_retraining_schedules",
    metadata,
    *_key(),
    sa.Column("kind", sa.Text, primary_key=True, comment="performance_check or forced"),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("last_run_at", UtcTime, nullable=True),
    sa.Column("next_run_at", UtcTime, nullable=True),
    sa.CheckConstraint("kind IN ('performance_check', 'forced')", name="kind"),
)

performance = sa.Table(
    "ml_performance_metrics",
    metadata,
    sa.Column("measurement_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="holdout, live (labels of real use), shadow, estimate (without labels)"),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("ci_low", sa.Float, nullable=True),
    sa.Column("ci_high", sa.Float, nullable=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("from_at", UtcTime, nullable=True),
    sa.Column("to_at", UtcTime, nullable=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.CheckConstraint("source IN ('holdout', 'live', 'shadow', 'estimate')", name="source"),
    sa.Index(None, "tenant", "model", "at"),
)

training_data = sa.Table(
    "ml_training_data_quality",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="Of the frame"),
    sa.Column("labelled", sa.BigInteger, nullable=False, comment="Of those, with a label and not made up"),
    sa.Column("distinct_rows", sa.BigInteger, nullable=False, comment="Of those, after repeats were taken out"),
    sa.Column("classes", sa.BigInteger, nullable=True, comment="Distinct labels; null where the target is a number"),
    sa.Column("completeness", sa.Float, nullable=True, comment="Share of features that have a value"),
    sa.Column("good", sa.Boolean, nullable=False, comment="Whether it was enough to train on"),
    sa.Column("says", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

predictions = sa.Table(
    "ml_predictions",
    metadata,
    sa.Column("prediction_id", sa.Text, primary_key=True),
    *_whose(),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("arm", sa.Text, nullable=False, comment="champion or shadow: whose answer was served"),
    sa.Column("features_sha256", sa.Text, nullable=False, comment="Of the row that was asked about; the row itself is kept nowhere"),
    sa.Column("value", sa.Text, nullable=False, comment="As JSON"),
    sa.Column("score", sa.Float, nullable=True, comment="Probability of the positive label"),
    sa.Column("other_version", sa.Text, nullable=True, comment="The version that was not served, where both answered"),
    sa.Column("other_value", sa.Text, nullable=True),
    sa.Column("other_score", sa.Float, nullable=True),
    sa.Column("failed", sa.Boolean, nullable=False, server_default=sa.false(), comment="There was no answer, or none that is a number"),
    sa.Column("predicted_at", UtcTime, nullable=False),
    sa.Column("actual", sa.Text, nullable=True, comment="What became of it, as JSON"),
    sa.Column("observed_at", UtcTime, nullable=True),
    sa.Column("labelled_at", UtcTime, nullable=True),
    sa.CheckConstraint("arm IN ('champion', 'shadow')", name="arm"),
    sa.Index(None, "tenant", "environment", "model", "observed_at"),
    sa.Index(None, "predicted_at"),
)
