"""Rules of actions that people have changed: what was recommended is judged by the new ones. What was carried out is never done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.enrichment.settings import actions_of
from seeding_platform.storage.enrichment.measured import Measured
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.versions import Versions

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.settings import Settings
    from seeding_platform.storage.adjusted import Adjusted
    from seeding_platform.storage.enrichment.store import EnrichmentStore
    from seeding_platform.storage.state import State

RULES = "actions"
"""Under which the version of the rules stands among those of the stages."""


def outdated(state: State, adjusted: Adjusted, settings: Settings) -> list[str]:
    """Tenants whose recommendations were judged by other rules than those in force."""
    now, versions = actions_of(adjusted, settings).version, Versions(state)
    return [tenant for tenant in Measured(state).tenants() if versions.live(tenant, RULES) not in (None, now)]


def ruled_anew(state: State, adjusted: Adjusted, settings: Settings, store: EnrichmentStore, *, now: dt.datetime) -> list[str]:
    """Put recommendations back that were judged by other rules; what was done about it, in words."""
    version, versions, said = actions_of(adjusted, settings).version, Versions(state), []
    for tenant in Measured(state).tenants():
        before = versions.live(tenant, RULES)
        if before == version:
            continue
        versions.put(tenant, RULES, version, "live", report={"after": before}, now=now)
        if before is not None:
            again = store.invalidate(tenant=tenant, stage=Stage.RESOLUTION, keep=("", ""), now=now)
            said.append(f"{tenant}: the rules of actions have changed; {again} recommendations are judged by the new ones")
    return said
