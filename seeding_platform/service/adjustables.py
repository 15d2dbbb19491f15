"""Every setting that people adjust while the platform runs, by name: what the API, the pages and the command line draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.catalog.recurring import SCHEDULES
from seeding_platform.cleaning.policy import LIMITS
from seeding_platform.distribution.rules import GROUPS, RULES, SCHEDULE
from seeding_platform.enrichment.settings import ACTIONS
from seeding_platform.enrichment.settings import LIMITS as WORK_LIMITS
from seeding_platform.enrichment.settings import RETRIES as ENRICHMENT_RETRIES
from seeding_platform.enrichment.thresholds import MONITOR
from seeding_platform.governance.retention import RETENTION
from seeding_platform.models.operations.settings import PROMOTION, RETRAINING
from seeding_platform.monitoring.routing import ROUTES
from seeding_platform.quality.gate import GATE
from seeding_platform.quality.monitors.judge import MONITORING

if TYPE_CHECKING:
    from seeding_platform.catalog.adjustable import Adjustable

SETTINGS: dict[str, Adjustable] = {
    setting.name: setting
    for setting in (
        GATE,
        MONITORING,
        LIMITS,
        SCHEDULES,
        RULES,
        SCHEDULE,
        GROUPS,
        RETENTION,
        ROUTES,
        RETRAINING,
        PROMOTION,
        MONITOR,
        ENRICHMENT_RETRIES,
        WORK_LIMITS,
        ACTIONS,
    )
}
