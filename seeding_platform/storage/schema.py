"""Tables of the state database: their names, columns and types. What is asked of them is in `state`; how they came about in `migrations/`.

A change here needs a new file in `migrations/versions/` and its number in `HEAD_REVISION`; a test compares the three.
"""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  this module is itself imported inside functions only

from seeding_platform.storage.alert_tables import alert_history, alerts, outbox_attempts, webhooks
from seeding_platform.storage.columns import NaiveTime, UtcTime, metadata
from seeding_platform.storage.delivery.schema import deliveries as engine_deliveries
from seeding_platform.storage.enrichment.schema import stages as enrichment_stages
from seeding_platform.storage.ml.schema import deployments, jobs, models, performance, predictions, schedules, training_data

__all__ = [
    "NaiveTime",
    "UtcTime",
    "alert_history",
    "alerts",
    "deployments",
    "engine_deliveries",
    "enrichment_stages",
    "jobs",
    "metadata",
    "models",
    "outbox_attempts",
    "performance",
    "predictions",
    "schedules",
    "training_data",
    "webhooks",
]

HEAD_REVISION = "0016"
"""The newest revision in `migrations/versions/`: an up-to-date database is known without importing Alembic."""

VERSION_TABLE = "storage_schema_version"
"""Not Alembic's usual name: Dagster and MLflow keep theirs under it, perhaps in the same Postgres database."""

version = sa.table(VERSION_TABLE, sa.column("version_num", sa.Text))

snapshots = sa.Table(
    "storage_snapshots",
    metadata,
    sa.Column("snapshot_id", sa.Text, primary_key=True, comment="First 32 hex digits of the SHA-256 of purpose and versions"),
    sa.Column("purpose", sa.Text, nullable=False, comment="What the versions were pinned for"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False, comment="The run that pinned them first"),
    sa.Index(None, "purpose", "created_at"),
)

dataset_versions = sa.Table(
    "storage_dataset_versions",
    metadata,
    sa.Column("snapshot_id", sa.Text, sa.ForeignKey("storage_snapshots.snapshot_id"), primary_key=True),
    sa.Column("table_name", sa.Text, primary_key=True, comment="Lake table, `<layer>/<table>`"),
    sa.Column("version", sa.BigInteger, nullable=False, comment="Delta version of the table"),
)

landings = sa.Table(
    "connector_landings",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("partition_key", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False, comment="Of the file's bytes, hex"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rejects", sa.BigInteger, nullable=False, comment="Rows that could not be read"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("landed_at", UtcTime, nullable=False),
    sa.CheckConstraint("status IN ('landed', 'superseded', 'failed')", name="status"),
    sa.Index(None, "source", "tenant", "file_name"),
    sa.Index(None, "tenant", "sha256"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True, comment="The readable part of the key"),
    sa.Column("sha256", sa.Text, nullable=False, comment="Of the whole key, hex; the key itself is kept nowhere"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False, comment="What it is for, for people"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("revoked_at", UtcTime, nullable=True),
    sa.Column("holder", sa.Text, nullable=False, server_default="", comment="The person or system that it is for"),
    sa.Column("made_by", sa.Text, nullable=False, server_default="", comment="Id of a key, or the name of a process"),
    sa.Column("expires_at", UtcTime, nullable=True),
    sa.Column("last_used_at", UtcTime, nullable=True, comment="To the minute"),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1", comment="Of the secret"),
    sa.Column("rotated_at", UtcTime, nullable=True),
    sa.Column("old_sha256", sa.Text, nullable=True, comment="Of the key before it was rotated, hex"),
    sa.Column("old_until", UtcTime, nullable=True, comment="Until when that one is taken"),
    sa.Column("grants", sa.Text, nullable=False, server_default="", comment="Patterns of tables and sources; empty for all"),
    sa.CheckConstraint("role IN ('viewer', 'analyst', 'operator', 'steward', 'admin')", name="role"),
)

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True, comment="One without a row is active and has no quota"),
    sa.Column("label", sa.Text, nullable=False, comment="What it is called, for people"),
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False, comment="Id of a key, or the name of a process"),
    sa.Column("quota_rows", sa.BigInteger, nullable=True, comment="In all tables together; null for no limit"),
    sa.Column("quota_bytes", sa.BigInteger, nullable=True, comment="Of all tables together; null for no limit"),
    sa.Column("quota_requests_a_minute", sa.Integer, nullable=True, comment="Of all its keys together; null for no limit"),
    sa.Column("state", sa.Text, nullable=False),
    sa.CheckConstraint("state IN ('active', 'suspended', 'removed')", name="state"),
)

tenant_readers = sa.Table(
    "tenant_readers",
    metadata,
    sa.Column("role", sa.Text, primary_key=True, comment="A role of Postgres that logs in"),
    sa.Column("tenant", sa.Text, nullable=False, comment="The one tenant whose rows it reads"),
)

person_sessions = sa.Table(
    "person_sessions",
    metadata,
    sa.Column("session_id", sa.Text, primary_key=True, comment="Made of the attempt to sign in: one attempt opens one session"),
    sa.Column("person", sa.Text, nullable=False, comment="Pseudonym"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("began_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime, nullable=True),
)

api_requests = sa.Table(
    "api_requests",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text, primary_key=True),
    sa.Column("body_sha256", sa.Text, nullable=False, comment="Of method, path and body: the same key with another body is refused"),
    sa.Column("status", sa.Integer, nullable=True, comment="Of the answer; null while it is worked on"),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

api_ingestions = sa.Table(
    "api_ingestions",
    metadata,
    sa.Column("ingestion_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False, comment="Of the file's bytes, hex"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False, comment="Id of the key that brought it"),
    sa.Column("summary", sa.Text, nullable=False, comment="What was read, as JSON"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime, nullable=True),
    sa.Column("finished_at", UtcTime, nullable=True),
    sa.CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'refused')", name="status"),
    sa.Index(None, "tenant", "created_at"),
)

kept_items = sa.Table(
    "kept_items",
    metadata,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, comment="From 1; the highest is in force"),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="What it is: question, dashboard, alert, target, annotation, report, ratio"),
    sa.Column("body", sa.Text, nullable=True, comment="As JSON; null once it was removed"),
    sa.Column("actor", sa.Text, nullable=False, comment="Id of the key that wrote this version"),
    sa.Column("written_at", UtcTime, nullable=False),
    sa.Index(None, "tenant", "kind"),
)

events = sa.Table(
    "live_events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("tenant", sa.Text, nullable=False, comment="Whose; empty for everybody's"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("mark", sa.Text, nullable=False, comment="Names what happened, so that two who see it tell it once"),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.UniqueConstraint("tenant", "kind", "mark"),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox_messages",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("mark", sa.Text, nullable=False, comment="Names the occasion: it is told once"),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime, nullable=True, comment="When it is tried again; null once it was sent or given up"),
    sa.Column("sent_at", UtcTime, nullable=True),
    sa.Column("error", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant", "mark"),
    sa.Index(None, "next_at"),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False, comment="From 1, without a gap"),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False, comment="Whose data it concerned; empty for everybody's"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="What the hash is over: canonical JSON"),
    sa.Column("mac", sa.Text, nullable=False, comment="HMAC-SHA-256 of the body, hex"),
    sa.Index(None, "tenant", "at"),
)

audit_checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False, comment="From 1"),
    sa.Column("line", sa.Text, nullable=False, comment="As it stands in the file of checkpoints"),
)

privacy_requests = sa.Table(
    "privacy_requests",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, comment="Pseudonym of the first identifier"),
    sa.Column("sealed", sa.Text, nullable=True, comment="The identifiers, encrypted; null once the request is closed"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("closed_at", UtcTime, nullable=True),
    sa.Column("identity", sa.Text, nullable=True, comment="Who confirmed who they are, and how, as JSON"),
    sa.Index(None, "tenant", "state"),
)

privacy_receipts = sa.Table(
    "privacy_receipts",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("result", sa.Text, nullable=False, comment="What was done there, as JSON"),
)

privacy_tombstones = sa.Table(
    "privacy_tombstones",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, primary_key=True, comment="Keyed hash of an identifier that must not come in again"),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

privacy_subject_keys = sa.Table(
    "privacy_subject_keys",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True, comment="Keyed hash of whom the key is for"),
    sa.Column("wrapped", sa.Text, nullable=True, comment="The key, encrypted with the key-encryption key; null once it was shredded"),
    sa.Column("kek_version", sa.Integer, nullable=False, comment="Version of the key-encryption key"),
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("shredded_at", UtcTime, nullable=True),
)

privacy_marks = sa.Table(
    "privacy_marks",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True, comment="The request, or the hold, that put it up"),
    sa.Column("token", sa.Text, primary_key=True, comment="Keyed hash of an identifier"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=True, comment="What is to be done, encrypted; null where the kind says it all"),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("lifted_at", UtcTime, nullable=True),
    sa.CheckConstraint("kind IN ('restricted', 'corrected', 'held')", name="kind"),
    sa.Index(None, "tenant", "kind"),
)

privacy_holds = sa.Table(
    "privacy_holds",
    metadata,
    sa.Column("hold_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False, comment="Whose; empty for everybody's"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False, comment="The table; pseudonym of a person; empty for everything"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("lifted_at", UtcTime, nullable=True),
    sa.CheckConstraint("kind IN ('person', 'table', 'everything')", name="kind"),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("retired_at", UtcTime, nullable=True, comment="When another took its place"),
    sa.Column("counts_until", UtcTime, nullable=True, comment="Until when its signatures count; null: no end"),
    sa.Column("revoked_at", UtcTime, nullable=True, comment="Its signatures never count"),
)
