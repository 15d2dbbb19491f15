"""The contract's own promises, checked a second time by Great Expectations and shown as Data Docs.

Gates that stop a run stay in Polars (`quality.gate`); this is for people who want to read what is promised and whether it holds. The library
costs seconds to import, so only what is called imports it.
"""

from seeding_platform.quality.expectations.run import Expectations, validate, validate_all
from seeding_platform.quality.expectations.suite import suite_of

__all__ = ["Expectations", "suite_of", "validate", "validate_all"]
