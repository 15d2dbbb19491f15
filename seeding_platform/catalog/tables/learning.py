"""What the platform learns from its own use: settings, predictions against outcomes, insights."""

import polars as pl

from seeding_platform.catalog.contract import TIMESTAMP, Column, TableContract

LEARNING_CONFIGURATION = TableContract(
    name="learning_configuration",
    description="One version of one setting; a view of the settings store.",
    origin="computed",
    columns={
        "key": Column(pl.String, "Setting", nullable=False),
        "version": Column(pl.Int64, "Version, from 1", nullable=False, minimum=1),
        "value": Column(pl.String, "Value (JSON)"),
        "changed_by": Column(pl.String, "Actor", personal="EMAIL"),
        "valid_from": Column(TIMESTAMP, "In force since"),
    },
    key=("key", "version"),
)

PERFORMANCE_FEEDBACK = TableContract(
    name="performance_feedback",
    description="One prediction and what really happened, observed after it.",
    origin="computed",
    columns={
        "prediction_id": Column(pl.String, "Prediction", nullable=False),
        "model": Column(pl.String, "Model", nullable=False),
        "version": Column(pl.String, "Version", nullable=False),
        "entity": Column(pl.String, "What was predicted for"),
        "predicted": Column(pl.Float64, "Predicted value, in the model's unit", nullable=False),
        "actual": Column(pl.Float64, "Observed value; null until observed"),
        "predicted_at": Column(TIMESTAMP, "When it was predicted", nullable=False),
        "observed_at": Column(TIMESTAMP, "When the outcome was observed"),
    },
    key=("prediction_id",),
    time="predicted_at",
    rules={"observed_after_predicted": pl.col("observed_at") >= pl.col("predicted_at")},
)

LEARNING_INSIGHTS = TableContract(
    name="learning_insights",
    description="One finding with its size and its uncertainty.",
    origin="computed",
    columns={
        "insight_id": Column(pl.String, "Insight", nullable=False),
        "statement": Column(pl.String, "In words", nullable=False),
        "kind": Column(pl.String, "Kind of finding"),
        "segment": Column(pl.String, "For whom it holds"),
        "effect": Column(pl.Float64, "Size of the effect", nullable=False),
        "ci_low": Column(pl.Float64, "Lower end of the 95 % interval", nullable=False),
        "ci_high": Column(pl.Float64, "Upper end of the 95 % interval", nullable=False),
        "n": Column(pl.Int64, "Observations", nullable=False, minimum=1),
        "valid_from": Column(TIMESTAMP, "Holds from"),
        "valid_to": Column(TIMESTAMP, "Holds until"),
        "confidence": Column(pl.Float64, "0-1", minimum=0, maximum=1),
    },
    key=("insight_id",),
)

TABLES = (LEARNING_CONFIGURATION, PERFORMANCE_FEEDBACK, LEARNING_INSIGHTS)
