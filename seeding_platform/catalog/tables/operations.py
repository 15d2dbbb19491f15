"""How the organisation's own tools are used: workflows, navigation, decisions, questions."""

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP, Column, TableContract, previous

WORKFLOW_EXECUTIONS = TableContract(
    name="workflow_executions",
    description="One run of an automated workflow.",
    owner="team:operations",
    columns={
        "execution_id": Column(pl.String, "Execution id", nullable=False),
        "workflow_name": Column(pl.String, "Workflow", nullable=False),
        "trigger": Column(pl.String, "What started it", values=("cron", "webhook", "manual")),
        "status": Column(pl.String, "How it ended", required=True),
        "started_at": Column(TIMESTAMP, "Start", nullable=False),
        "finished_at": Column(TIMESTAMP, "End"),
        "items_processed": Column(pl.Int64, "Items", unit="items", minimum=0, outliers=True),
        "error_message": Column(pl.String, "What went wrong"),
        "duration_seconds": Column(pl.Float64, "finished - started", unit="seconds"),
    },
    key=("execution_id",),
    time="started_at",
    rules={"finished_not_before_started": pl.col("finished_at") >= pl.col("started_at")},
    derived={"duration_seconds": (pl.col("finished_at") - pl.col("started_at")).dt.total_microseconds() / 1e6},
)

NAVIGATION_EVENTS = TableContract(
    name="navigation_events",
    description="One step of one session in the organisation's dashboards.",
    owner="team:product",
    columns={
        "session_id": Column(pl.String, "Session", nullable=False),
        "seq": Column(pl.Int64, "Step of the session, from 1, without gaps", nullable=False, minimum=1),
        "user_ref": Column(pl.String, "Pseudonym of the user"),
        "role": Column(pl.String, "Role of the user"),
        "page": Column(pl.String, "Page", nullable=False),
        "action": Column(pl.String, "What was done"),
        "dwell_ms": Column(pl.Int64, "Time on the page", unit="milliseconds", minimum=0, outliers=True),
        "device": Column(pl.String, "Device"),
        "at": Column(TIMESTAMP, "When", nullable=False),
    },
    key=("session_id", "seq"),
    time="at",
    flags={
        "sequence_has_no_gap": (pl.col("seq") == 1) | (pl.col("seq") == previous("seq", "session_id") + 1),
    },
)

DECISIONS = TableContract(
    name="decisions",
    description="One choice between options, with the chance it had and what it brought.",
    owner="team:product",
    columns={
        "decision_id": Column(pl.String, "Decision id", nullable=False),
        "context": Column(pl.String, "What was known (JSON)"),
        "action": Column(pl.String, "What was chosen", nullable=False),
        "propensity": Column(pl.Float64, "Probability with which it was chosen", nullable=False, unit="probability", maximum=1),
        "reward": Column(pl.Float64, "What it brought; null until known", required=True),
        "decided_at": Column(TIMESTAMP, "When", nullable=False),
        "rewarded_at": Column(TIMESTAMP, "When the reward was known"),
    },
    key=("decision_id",),
    time="decided_at",
    rules={"propensity_above_zero": pl.col("propensity") > 0},
)

ASSISTANT_UTTERANCES = TableContract(
    name="assistant_utterances",
    description="One question to the assistant and where it led.",
    owner="team:product",
    columns={
        "id": Column(pl.String, "Utterance id", nullable=False),
        "text": Column(pl.String, "Text, masked", nullable=False),
        "language": Column(pl.String, "ISO 639-1 code"),
        "target": Column(pl.String, "Page or plan it led to", required=True),
        "accepted": Column(pl.Boolean, "Taken by the user"),
    },
    key=("id",),
)

TABLES = (WORKFLOW_EXECUTIONS, NAVIGATION_EVENTS, DECISIONS, ASSISTANT_UTTERANCES)
