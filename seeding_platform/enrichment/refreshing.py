"""What a new version brings back: outputs that another one made, and dead letters that it may be able to work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.enrichment.settings import retries_of
from seeding_platform.storage.enrichment.states import STAGES, ErrorClass, Stage
from seeding_platform.storage.enrichment.versions import Versions, joined

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.enrichment.house import House

PASSING = (ErrorClass.TRANSIENT, ErrorClass.RATE_LIMITED, ErrorClass.PROVIDER_DOWN)


def refreshed(house: House, *, now: dt.datetime) -> list[str]:
    """Compare the version that answers with the one that did, stage by stage; what was done about it, in words.

    By `on_new_version`: `eager` does everything anew, `low_confidence_only` what was unsure, `lazy` nothing but what comes back for another reason.
    """
    policy, versions, said = retries_of(house.bench.adjusted), Versions(house.bench.state), []
    for tenant in house.monitor.source.tenants():
        provider = house.provider_of(tenant)
        for stage in STAGES:
            version = provider.version_of(stage)
            before = versions.live(tenant, stage)
            if before == joined(version):
                continue
            versions.put(tenant, stage, joined(version), "live", report={"after": before}, now=now)
            if before is None:
                continue
            below = house.stages.bar if policy.on_new_version == "low_confidence_only" else None
            again = 0 if policy.on_new_version == "lazy" else house.store.invalidate(tenant=tenant, stage=stage, keep=version, below=below, now=now)
            back = house.store.redrive(tenant, stage=stage, dry_run=False, now=now) if policy.redrive_after_recovery else []
            said.append(
                f"{tenant}, {stage}: {joined(version)} in place of {before}; {again} are done again, {len(back)} dead letters are tried again"
            )
    return said


def done_again(house: House, *, now: dt.datetime) -> int:
    """Unsure classifications that are due once more by `low_confidence_retry: always`; those that were asked for often enough wait for a person."""
    policy = retries_of(house.bench.adjusted)
    if policy.low_confidence_retry != "always":
        return 0
    return house.store.invalidate(stage=Stage.CLASSIFICATION, keep=("", ""), below=house.stages.bar, now=now)
