"""The probability that a record is right: what speaks against it, how much that tells, and how far it can be believed.

`evidence` counts what speaks against a row, `learning` learns from errors put into a table's own rows what that means, `calibration` makes a
probability of it, `reliability` says how well it holds. Which rows are good enough is each reader's own rule.
"""

from seeding_platform.quality.confidence.calibration import Calibration, starting
from seeding_platform.quality.confidence.evidence import FACTORS, evidence
from seeding_platform.quality.confidence.learning import calibrated
from seeding_platform.quality.confidence.reliability import Reliability, reliability

__all__ = ["FACTORS", "Calibration", "Reliability", "calibrated", "evidence", "reliability", "starting"]
