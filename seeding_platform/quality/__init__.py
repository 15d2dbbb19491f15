"""What may be relied on: confidence of rows, the gate of tables, the report that a person reads."""

from seeding_platform.quality.assess import Assessment, Sides, assess
from seeding_platform.quality.gate import Gate, GatePolicy

__all__ = ["Assessment", "Gate", "GatePolicy", "Sides", "assess"]
