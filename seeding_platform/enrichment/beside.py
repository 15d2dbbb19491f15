"""A candidate asked beside what is live (A/B): on a fixed share of records, in the same pass, its answers kept and nothing done by them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seeding_platform.enrichment.ab import in_candidate
from seeding_platform.enrichment.outputs import Invalid, checked, confidence_of, word_of
from seeding_platform.enrichment.working import question_of, replies_to
from seeding_platform.errors import SeedingError
from seeding_platform.storage.enrichment.states import Made
from seeding_platform.storage.enrichment.traces import Beside
from seeding_platform.storage.enrichment.versions import Versions, joined

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.providers.protocol import Provider, Reply
    from seeding_platform.storage.enrichment.states import Claimed

log = logging.getLogger("seeding.enrichment")


def candidate_of(house: House, tenant: str, stage: str) -> tuple[Provider, float] | None:
    """The newest candidate of a stage, and on which share of a tenant's records it is tried; None where none is, or it cannot be asked."""
    found = [v for v in Versions(house.bench.state).all(tenant) if (v["stage"], v["state"]) == (stage, "candidate") and v["share"] > 0]
    if not found:
        return None
    provider = house.earlier_of(tenant, found[0]["version"], stage)
    return None if provider is None else (provider, float(found[0]["share"]))


def asked_beside(house: House, claims: Sequence[Claimed], *, now: dt.datetime) -> int:
    """Ask the candidate about its share of claims of one tenant that live has just ended; how many of its answers were kept.

    A candidate that fails changes nothing for the records: what went wrong with it is in the log, and it simply has fewer answers to be compared by.
    """
    if not claims:
        return 0
    tenant, stage = claims[0].ref.tenant, claims[0].ref.stage
    try:
        candidate = house.candidate(tenant, stage)
        if candidate is None:
            return 0
        provider, share = candidate
        version = provider.version_of(stage)
        chosen = [c for c in claims if in_candidate(tenant, str(stage), joined(version), c.ref.record_id, share=share)]
        replies = replies_to(provider, [question_of(c) for c in chosen], now=now) if chosen else {}
    except SeedingError as error:
        log.warning("the candidate of %s could not be asked: %s", tenant, type(error).__name__)
        return 0
    kept = [one for c in chosen if (one := _kept(provider, c, replies[c.ref.record_id])) is not None]
    house.store.keep_beside(kept, now=now)
    return len(kept)


def _kept(provider: Provider, claim: Claimed, reply: Reply) -> Beside | None:
    output = checked(claim.ref.stage, reply.output, record_id=claim.ref.record_id) if reply.error is None else None
    if output is None or isinstance(output, Invalid):
        return None
    model, prompt = provider.version_of(claim.ref.stage)
    alone = Made(
        provider=provider.name, model_version=model, prompt_version=prompt, took_ms=reply.took_ms, calls=1, tokens=reply.tokens, cost=reply.cost
    )  # fmt: skip
    return Beside(ref=claim.ref, fence=claim.fence, label=word_of(output), confidence=confidence_of(output), made=reply.made or alone)
