"""Tenants: what each holds, taking it along, removing it for good."""

from seeding_platform.governance.tenants.export import exported
from seeding_platform.governance.tenants.quotas import QuotaExceeded, room_for
from seeding_platform.governance.tenants.removal import Removal, Removed
from seeding_platform.governance.tenants.standing import Standing, held_in, standings

__all__ = ["QuotaExceeded", "Removal", "Removed", "Standing", "exported", "held_in", "room_for", "standings"]
