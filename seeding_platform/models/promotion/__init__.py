"""Promotion: whether a challenger takes the champion's place, and which version answers while that is not known."""

from seeding_platform.models.promotion.arms import arm
from seeding_platform.models.promotion.gate import Decision, Footprint, Reason, Verdict, decide
from seeding_platform.models.promotion.metrics import BUILT_IN, Metric, metric
from seeding_platform.models.promotion.pairs import needed_rows
from seeding_platform.models.promotion.thresholds import PromotionThresholds

__all__ = ["BUILT_IN", "Decision", "Footprint", "Metric", "PromotionThresholds", "Reason", "Verdict", "arm", "decide", "metric", "needed_rows"]
