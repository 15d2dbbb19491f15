"""Drift: whether rows are still like those that a model was judged on, and how it probably does before labels come."""

from seeding_platform.models.drift.columns import SCHEMA, drift, drifted_columns
from seeding_platform.models.drift.estimated import Estimate, estimated_performance

__all__ = ["SCHEMA", "Estimate", "drift", "drifted_columns", "estimated_performance"]
