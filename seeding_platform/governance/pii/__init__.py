"""Personal data: where it stands, and what is to become of it."""

from seeding_platform.governance.pii.detect import detect_pii
from seeding_platform.governance.pii.redaction import masked, redacted

__all__ = ["detect_pii", "masked", "redacted"]
