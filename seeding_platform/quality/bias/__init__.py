"""Bias: who is in a table, who gets the good outcome, for whom a model errs, and what can be done about it.

Every figure comes with the rows it is made of, a 95 % interval and a verdict; `verdicts` holds the rules, `mitigation` the remedies.
"""

from seeding_platform.quality.bias.mitigation import resample, reweigh
from seeding_platform.quality.bias.outcomes import outcome
from seeding_platform.quality.bias.predictions import model_fairness
from seeding_platform.quality.bias.reversal import simpson
from seeding_platform.quality.bias.shares import representation
from seeding_platform.quality.bias.verdicts import Verdict

__all__ = ["Verdict", "model_fairness", "outcome", "representation", "resample", "reweigh", "simpson"]
