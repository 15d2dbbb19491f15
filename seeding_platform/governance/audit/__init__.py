"""Sealing the audit log, and finding out whether anybody has changed it since."""

from seeding_platform.governance.audit.seal import Checkpoints, Sealer
from seeding_platform.governance.audit.trail import Trail
from seeding_platform.governance.audit.verify import Verdict, verify

__all__ = ["Checkpoints", "Sealer", "Trail", "Verdict", "verify"]
