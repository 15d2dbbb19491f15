"""What enrichment makes of orders and exceptions, by the name of its table in the layer `enriched`; a snapshot of the state of every record."""

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP, Column, TableContract
from seeding_platform.catalog.tables.shop import EXCEPTION_LABELS, EXCEPTION_RECORDS, ORDER_ANALYSIS, RESOLUTION_ACTIONS, RESOLUTIONS

STATUSES = ("pending", "in_progress", "completed", "failed", "skipped")

EXCEPTIONS = TableContract(
    name="enriched_exceptions",
    description="Every exception with the label that it was given, if any, and how far its enrichment is.",
    origin="computed",
    columns={
        **{name: column for name, column in EXCEPTION_RECORDS.columns.items() if column.personal is None},
        "ai_label": Column(pl.String, "What kind of exception it is; null until that is known", values=EXCEPTION_LABELS),
        "ai_confidence": Column(pl.Float64, "0-1; null until there is a label", minimum=0, maximum=1),
        "analysis_notes": Column(pl.String, "Why, in words"),
        "labelled_by": Column(pl.String, "Who gave the label; human for a person"),
        "created_at": Column(TIMESTAMP, "When the exception was raised", nullable=False),
        "updated_at": Column(TIMESTAMP, "When its state last changed", nullable=False),
        "enrichment_state": Column(pl.String, "Status by stage (JSON)", nullable=False),
        "last_enrichment_attempt": Column(TIMESTAMP, "When it was last worked on"),
        "enrichment_retry_count": Column(pl.Int64, "Most retries over its stages", unit="retries", minimum=0, maximum=5, nullable=False),
    },
    key=("exception_id",),
)

DEAD_LETTERS = TableContract(
    name="dead_letters",
    description="Records that no retry will heal: somebody has to look.",
    origin="computed",
    columns={
        "record_type": Column(pl.String, "order or exception", nullable=False),
        "record_id": Column(pl.String, "Record", nullable=False),
        "stage": Column(pl.String, "Stage that it is dead in", nullable=False),
        "error": Column(pl.String, "Class of the last failure", nullable=False),
        "message": Column(pl.String, "The last failure, for people"),
        "attempts": Column(pl.Int64, "Tries that count", unit="tries", minimum=0, maximum=6, nullable=False),
        "escalated_at": Column(TIMESTAMP, "Since when", nullable=False),
        "owner": Column(pl.String, "Who has taken it on"),
        "redrives": Column(pl.Int64, "How often it was brought back before", unit="times", minimum=0, nullable=False),
    },
    key=("record_type", "record_id", "stage"),
)

ACTION_LEDGER = TableContract(
    name="action_ledger",
    description="Every action that was planned, tried in a dry run, carried out or refused; one row an action.",
    origin="computed",
    columns={
        "key": Column(pl.String, "Names the action; also its idempotency key", nullable=False),
        "record_type": Column(pl.String, "order or exception", nullable=False),
        "record_id": Column(pl.String, "Record", nullable=False),
        "action": Column(pl.String, "Action", values=RESOLUTION_ACTIONS, nullable=False),
        "parameters": Column(pl.String, "Parameters (JSON)", nullable=False),
        "amount": Column(pl.Float64, "Money that it moves, in EUR", minimum=0),
        "policy_version": Column(pl.String, "Version of the policy that allowed or refused it", nullable=False),
        "mode": Column(pl.String, "Whether it was done", values=("dry_run", "executed"), nullable=False),
        "state": Column(pl.String, "How far it is", values=("planned", "sent", "done", "failed", "refused"), nullable=False),
        "outcome": Column(pl.String, "What came of it"),
        "planned_at": Column(TIMESTAMP, "When it was decided on", nullable=False),
        "done_at": Column(TIMESTAMP, "When it ended"),
    },
    key=("key",),
)

ENRICHED = {
    "order_analysis": ORDER_ANALYSIS,
    "exception_records": EXCEPTIONS,
    "resolutions": RESOLUTIONS,
    "dead_letters": DEAD_LETTERS,
    "action_ledger": ACTION_LEDGER,
}
"""Contract by the name of its table in the layer `enriched`; each has a column `tenant` first."""


def enriched_schema(table: str) -> dict[str, pl.DataType]:
    """Columns and types of a table of the layer, `tenant` first.

    >>> list(enriched_schema("action_ledger"))[:3]
    ['tenant', 'key', 'record_type']
    """
    columns = ENRICHED[table].columns
    return {"tenant": pl.String(), **{n: c.dtype if isinstance(c.dtype, pl.DataType) else c.dtype() for n, c in columns.items()}}
