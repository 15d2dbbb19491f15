"""What becomes of personal data on its way from `clean` to everything behind it."""

from seeding_platform.governance.protection.policy import Action, PiiPolicy, load_pii_policy
from seeding_platform.governance.protection.protect import Protected, protect

__all__ = ["Action", "PiiPolicy", "Protected", "load_pii_policy", "protect"]
