"""A web shop's customers, orders and order exceptions, and what enrichment adds to them."""

import polars as pl

from seeding_platform.catalog.contract import LABELS, MONEY, TIMESTAMP, Column, TableContract

EXCEPTION_LABELS = (
    "late_delivery",
    "address_problem",
    "payment_mismatch",
    "stock_out",
    "damaged",
    "duplicate_order",
    "missing_data",
    "carrier_exception",
    "customs_hold",
    "other",
)
RESOLUTION_ACTIONS = ("notify_customer", "correct_address", "open_carrier_claim", "reship", "partial_refund", "release_hold", "escalate")

CUSTOMERS = TableContract(
    name="customers",
    description="What was known of one customer at one moment; nothing after as_of.",
    owner="team:operations",
    columns={
        "customer_ref": Column(pl.String, "Customer pseudonym", nullable=False),
        "as_of": Column(pl.Date, "Day of knowledge", nullable=False),
        "tenure_months": Column(pl.Float64, "Months since the first order", unit="months", minimum=0, required=True),
        "plan": Column(pl.String, "Subscription plan"),
        "monthly_charges": Column(MONEY, "Charge a month, in EUR", minimum=0, required=True),
        "contract": Column(pl.String, "Contract form"),
        "tickets_90d": Column(pl.Int64, "Support tickets in the 90 days before", unit="tickets", minimum=0, outliers=True),
        "last_active_at": Column(TIMESTAMP, "Last activity before as_of"),
        "churned_at": Column(TIMESTAMP, "When the customer left; may lie after as_of, it is the label"),
    },
    key=("customer_ref", "as_of"),
    time="as_of",
    flags={"activity_not_after_as_of": pl.col("last_active_at").dt.date() <= pl.col("as_of")},
)

ORDERS = TableContract(
    name="orders",
    description="One order.",
    owner="team:operations",
    columns={
        "order_id": Column(pl.String, "Order id", nullable=False),
        "customer_ref": Column(pl.String, "Customer pseudonym", required=True),
        "utm_source": Column(pl.String, "Where the visit came from"),
        "utm_campaign": Column(pl.String, "Campaign of the visit"),
        "status": Column(pl.String, "State of the order", required=True),
        "created_at": Column(TIMESTAMP, "When it was placed", nullable=False),
        "promised_at": Column(TIMESTAMP, "Delivery promised"),
        "shipped_at": Column(TIMESTAMP, "When it was shipped"),
        "delivered_at": Column(TIMESTAMP, "When it arrived"),
        "carrier": Column(pl.String, "Carrier"),
        "amount": Column(MONEY, "Value, in `currency`", minimum=0, required=True, outliers=True),
        "currency": Column(pl.String, "ISO 4217 code", required=True),
        "paid_amount": Column(MONEY, "Amount paid, in `currency`", minimum=0),
        "items": Column(pl.Int64, "Items ordered", unit="items", minimum=1),
        "ship_country": Column(pl.String, "ISO 3166 alpha-2 code"),
        "note": Column(pl.String, "Free text of the customer", personal="FREE_TEXT"),
    },
    key=("order_id",),
    time="created_at",
    flags={
        "created_before_shipped": pl.col("created_at") <= pl.col("shipped_at"),
        "shipped_before_delivered": pl.col("shipped_at") <= pl.col("delivered_at"),
    },
)

EXCEPTION_RECORDS = TableContract(
    name="exception_records",
    description="One thing that went wrong with an order.",
    owner="team:operations",
    columns={
        "exception_id": Column(pl.String, "Exception id", nullable=False),
        "order_id": Column(pl.String, "Order concerned", required=True, references="orders.order_id"),
        "raised_at": Column(TIMESTAMP, "When it was raised", nullable=False),
        "source": Column(pl.String, "Who raised it"),
        "description": Column(pl.String, "What happened, in words", required=True, personal="FREE_TEXT"),
    },
    key=("exception_id",),
    time="raised_at",
)

LABELLED = TableContract(
    name="exception_labels",
    description="What people called an exception: the history that a classifier learns from.",
    owner="team:operations",
    columns={
        "exception_id": Column(pl.String, "Exception", nullable=False, references="exception_records.exception_id"),
        "label": Column(pl.String, "What it was called", nullable=False, values=EXCEPTION_LABELS),
        "labelled_at": Column(TIMESTAMP, "When", nullable=False),
        "labelled_by": Column(pl.String, "Role or desk that said so, no person's name"),
    },
    key=("exception_id",),
    time="labelled_at",
)

ORDER_ANALYSIS = TableContract(
    name="order_analysis",
    description="What enrichment found wrong with one record.",
    origin="computed",
    columns={
        "record_type": Column(pl.String, "order or exception", nullable=False),
        "record_id": Column(pl.String, "Record analysed", nullable=False),
        "problems": Column(LABELS, "Problems found"),
        "severity": Column(pl.String, "How bad"),
        "evidence": Column(pl.String, "What it was read from (JSON)"),
        "confidence": Column(pl.Float64, "0-1; null when the stage failed", minimum=0, maximum=1),
    },
    key=("record_type", "record_id"),
)

RESOLUTIONS = TableContract(
    name="resolutions",
    description="What enrichment recommends or did about one exception.",
    origin="computed",
    columns={
        "exception_id": Column(pl.String, "Exception", nullable=False, references="exception_records.exception_id"),
        "resolvable": Column(pl.Boolean, "Can be resolved without a person"),
        "action": Column(pl.String, "Action", values=RESOLUTION_ACTIONS),
        "parameters": Column(pl.String, "Parameters of the action (JSON)"),
        "confidence": Column(pl.Float64, "0-1", minimum=0, maximum=1),
        "mode": Column(pl.String, "Whether it was done", values=("dry_run", "executed")),
        "outcome": Column(pl.String, "What came of it"),
    },
    key=("exception_id",),
)

TABLES = (CUSTOMERS, ORDERS, EXCEPTION_RECORDS, LABELLED, ORDER_ANALYSIS, RESOLUTIONS)
