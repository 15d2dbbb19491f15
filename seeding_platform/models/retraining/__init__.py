"""Retraining: when a model is due, what keeps it from being trained, and how a deployment is watched."""

from seeding_platform.models.retraining.calendar import due_check, forced_due, next_slot, run_key, slot
from seeding_platform.models.retraining.guards import Fingerprint, Ready, Skipped, cooling, trainable, unchanged
from seeding_platform.models.retraining.performance import Comparison, Performance, check, compare
from seeding_platform.models.retraining.thresholds import RetrainingThresholds
from seeding_platform.models.retraining.triggers import Action, Due, ModelState, NotDue, Trigger, decide
from seeding_platform.models.retraining.watch import Standing, Watch, watch

__all__ = [
    "Action",
    "Comparison",
    "Due",
    "Fingerprint",
    "ModelState",
    "NotDue",
    "Performance",
    "Ready",
    "RetrainingThresholds",
    "Skipped",
    "Standing",
    "Trigger",
    "Watch",
    "check",
    "compare",
    "cooling",
    "decide",
    "due_check",
    "forced_due",
    "next_slot",
    "run_key",
    "slot",
    "trainable",
    "unchanged",
    "watch",
]
