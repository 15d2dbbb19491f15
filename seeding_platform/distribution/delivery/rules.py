"""What delivery keeps to: how long is waited, how often is tried, when a generation counts as good."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """Rules of the delivery.

    Args:
        first_pause_s: upper end of the first pause between two tries.
        most_pause_s: upper end of the longest.
        most_age: after how long a delivery is given up.
        lease: how long a claim lasts without being renewed.
        call_s: seconds that one call may take; a file may take a second a megabyte longer.
        slow_ms: an answer that took longer counts as slow.
        status_every: how often an address is asked how it is.
        soak: how long a new generation is watched.
        quorum: share of the addresses that must have acknowledged it at the end of that.
        by_family: whether soak and quorum are those of the engine's family (`policies`) where it has one.
        most_drop: how far a metric that the engine tells may fall, as a share of what it was.
        group_wait: how long the engines of a group are waited for.
        kept: how long tries, and deliveries that came to nothing, are kept.
        tidied_every: how often what is older goes.
        expires: after how long a release is not to be taken any more; None: it always is.
        batch: cron of the hours at which new builds are delivered; empty: at once.
        zone: IANA time zone of these hours.
    """

    first_pause_s: float = 1.0
    most_pause_s: float = 900.0
    most_age: dt.timedelta = dt.timedelta(days=1)
    lease: dt.timedelta = dt.timedelta(seconds=120)
    call_s: float = 30.0
    slow_ms: int = 1000
    status_every: dt.timedelta = dt.timedelta(seconds=60)
    soak: dt.timedelta = dt.timedelta(minutes=10)
    quorum: float = 0.5
    by_family: bool = False
    most_drop: float = 0.1
    group_wait: dt.timedelta = dt.timedelta(minutes=5)
    kept: dt.timedelta = dt.timedelta(days=90)
    tidied_every: dt.timedelta = dt.timedelta(days=1)
    expires: dt.timedelta | None = None
    batch: str = ""
    zone: str = "UTC"

    def pause(self, attempts: int, rng: random.Random, *, at_least: float = 0.0) -> dt.timedelta:
        """How long to wait after so many tries: anything up to a limit that doubles ("full jitter", Brooker 2015).

        Args:
            attempts: tries so far, from 1.
            rng: source of chance.
            at_least: seconds that the other side asked for.
        """
        limit = min(self.first_pause_s * 2 ** min(attempts - 1, 30), self.most_pause_s)
        return dt.timedelta(seconds=max(rng.uniform(0, limit), min(at_least, self.most_age.total_seconds())))


def rules_of(settings: Settings) -> DeliveryRules:
    """The rules of an installation."""
    minutes = settings.engine_soak_minutes
    return DeliveryRules(by_family=True) if minutes is None else DeliveryRules(soak=dt.timedelta(minutes=minutes))


def rules_for(base: DeliveryRules, state: State, engine: str) -> DeliveryRules:
    """The rules of one engine: those of its family or of the installation, with what people have adjusted."""
    from seeding_platform.catalog.engine import shipped_engines
    from seeding_platform.distribution.policies import policy_of
    from seeding_platform.distribution.rules import RULES, SCHEDULE, BatchHours, DistributionRules
    from seeding_platform.storage.adjusted import Adjusted

    adjusted = Adjusted(state)
    told = DistributionRules.model_validate(adjusted.told(RULES, engine))
    given = told.model_fields_set
    contract = shipped_engines().get(engine) if base.by_family else None
    policy = None if contract is None else policy_of(contract)
    rules = base if policy is None else replace(base, soak=dt.timedelta(minutes=policy.soak_minutes), quorum=policy.quorum)
    rules = rules if told.soak_minutes is None else replace(rules, soak=dt.timedelta(minutes=told.soak_minutes))
    rules = replace(rules, quorum=told.quorum) if "quorum" in given else rules
    if told.expires_days is not None:
        rules = replace(rules, expires=dt.timedelta(days=told.expires_days))
    if told.mode == "batch":
        hours = BatchHours.model_validate(adjusted.told(SCHEDULE))
        rules = replace(rules, batch=hours.cron, zone=hours.zone)
    return rules
