"""What a new version, or the recovery of a provider, brings back: outputs that another one made, and dead letters that can be worked on now."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from seeding_platform.enrichment.proving import admitted, candidates_proven, let_go_on
from seeding_platform.enrichment.settings import retries_of
from seeding_platform.storage.enrichment.breakers import Breakers
from seeding_platform.storage.enrichment.states import STAGES, ErrorClass, Stage
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform.storage.kept import Kept, VersionConflict

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.enrichment.house import House
    from seeding_platform.storage.adjusted import Adjusted
    from seeding_platform.storage.enrichment.store import EnrichmentStore
    from seeding_platform.storage.state import State

OUTAGE = "enrichment_outage"
"""What is kept about a provider that is left alone: while an item stands its breaker has not been seen closed again."""
KEEPER = "enrichment"
PASSING = (ErrorClass.TRANSIENT, ErrorClass.RATE_LIMITED, ErrorClass.PROVIDER_DOWN)


def refreshed(house: House, *, now: dt.datetime) -> list[str]:
    """Compare the version that answers with the one that did, stage by stage; what was done about it, in words.

    By `on_new_version`: `eager` does everything anew, `low_confidence_only` what was unsure, `lazy` nothing but what comes back for another reason.
    """
    policy, versions = retries_of(house.bench.adjusted), Versions(house.bench.state)
    said = recovered(house.bench.state, house.store, house.bench.adjusted, now=now)
    for tenant in house.monitor.source.tenants():
        provider = house.provider_of(tenant)
        for stage in STAGES:
            version = provider.version_of(stage)
            before = versions.live(tenant, stage)
            if before == joined(version):
                continue
            well, report = True, {"after": before}
            if before is not None:
                well, report = admitted(house, tenant, provider, before, stage=stage, now=now)
            if not well:
                house.forget(tenant)  # whoever is asked in this stage from now on is the version that is live
                said.append(f"{tenant}, {stage}: {joined(version)} is refused; {before} stays live")
                continue
            versions.put(tenant, stage, joined(version), "live", report=report, now=now)
            let_go_on(house, tenant, str(stage), now=now)
            if before is None:
                continue
            again = brought_back(house, tenant, stage, version, now=now)
            back = house.store.redrive(tenant, stage=stage, dry_run=False, now=now) if policy.redrive_after_recovery else []
            said.append(
                f"{tenant}, {stage}: {joined(version)} in place of {before}; {again} are done again, {len(back)} dead letters are tried again"
                + (", unproven: too few labels" if report.get("verdict") == "unproven" else "")
            )
        said += candidates_proven(house, tenant, now=now)
    return said


def brought_back(house: House, tenant: str, stage: str, version: tuple[str, str], *, now: dt.datetime) -> int:
    """Put back what others than the version that is live now made, by `on_new_version`; gives how many."""
    policy = retries_of(house.bench.adjusted)
    below = house.stages.bar if policy.on_new_version == "low_confidence_only" else None
    return 0 if policy.on_new_version == "lazy" else house.store.invalidate(tenant=tenant, stage=stage, keep=version, below=below, now=now)


def recovered(state: State, store: EnrichmentStore, adjusted: Adjusted, *, now: dt.datetime) -> list[str]:
    """Try dead letters again that died of an outage which is over: once for each outage, by `redrive_after_recovery`; what was done, in words.

    An outage is remembered from when a breaker is first seen not to be closed. Looked at before and after each pass and every minute by the monitor;
    a breaker is open for five minutes at least, so that none is missed while one of them lives.
    """
    kept, said = Kept(state), []
    outages = {str(item.body["provider"]): item for item in kept.all(OUTAGE) if item.body is not None}
    for provider, breaker in Breakers(state).all().items():
        if breaker.state != "closed":
            if provider not in outages:
                since = breaker.opened_at or now
                _keep(kept, provider, {"provider": provider, "since": since.isoformat()}, now=now)
            continue
        if provider not in outages:
            continue
        tenants = sorted({c.tenant for c in store.counts(now=now) if c.dead}) if retries_of(adjusted).redrive_after_recovery else []
        back = sum(len(store.redrive(tenant, error=str(error), dry_run=False, now=now)) for tenant in tenants for error in PASSING)
        _keep(kept, provider, None, now=now)  # after it: whoever is killed between the two does it once more, to nothing
        said.append(f"{provider} answers again: {back} dead letters are tried again")
    return said


def _keep(kept: Kept, provider: str, body: dict[str, str] | None, *, now: dt.datetime) -> None:
    """Keep what is known of an outage, None once it is over."""
    item_id = f"enrichment-outage:{provider}"
    versions = kept.history(item_id, tenant="")
    with suppress(VersionConflict):  # somebody else saw the same at this moment
        if versions:
            kept.change(versions[-1], body, actor=KEEPER, now=now)
        elif body is not None:
            kept.add(OUTAGE, body, tenant="", actor=KEEPER, item_id=item_id, now=now)


def done_again(house: House, *, now: dt.datetime) -> int:
    """Unsure classifications that are due once more by `low_confidence_retry: always`; those that were asked for often enough wait for a person."""
    policy = retries_of(house.bench.adjusted)
    if policy.low_confidence_retry != "always":
        return 0
    most = policy.most_reasks
    return house.store.invalidate(stage=Stage.CLASSIFICATION, keep=("", ""), below=house.stages.bar, most_reasks=most, now=now)
