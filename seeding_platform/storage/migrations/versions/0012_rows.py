"""Whose rows somebody who connects to Postgres by themselves may read: those of the one tenant that their role is a reader of, and none without."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = (
    "alert_history", "alerts", "api_ingestions", "api_keys", "api_requests", "audit_events", "connector_landings", "kept_items", "live_events",
    "ml_model_deployments", "ml_models", "ml_performance_metrics", "ml_predictions", "ml_retraining_schedules", "ml_training_data_quality",
    "ml_training_jobs", "outbox_attempts", "outbox_messages", "person_sessions", "privacy_holds", "privacy_marks", "privacy_requests",
    "privacy_subject_keys", "privacy_tombstones", "tenant_readers", "tenants", "webhooks",
)  # fmt: skip
POLICY = "one_tenant"
READS = """
CREATE FUNCTION seeding_reads() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT tenant FROM {schema}.tenant_readers WHERE role = session_user'
"""
"""The role that logged in decides, not a setting of the session: anybody can change those. Nothing is looked up where the asker may put a table."""


def upgrade() -> None:
    op.create_table(
        "tenant_readers",
        sa.Column("role", sa.Text, nullable=False, comment="A role of Postgres that logs in"),
        sa.Column("tenant", sa.Text, nullable=False, comment="The one tenant whose rows it reads"),
        sa.PrimaryKeyConstraint("role", name="pk_tenant_readers"),
    )
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    schema = bind.execute(sa.select(sa.func.quote_ident(sa.func.current_schema()))).scalar_one()
    op.execute(READS.format(schema=schema))
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {POLICY} ON {table} USING (tenant = (SELECT seeding_reads()))")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"DROP POLICY {POLICY} ON {table}")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute("DROP FUNCTION seeding_reads()")
    op.drop_table("tenant_readers")
