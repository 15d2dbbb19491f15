"""Enrichment put together: store, providers, policies, clock. Dagster, the API and the command line all work with this."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.actions import carried_out
from seeding_platform.enrichment.beside import asked_beside, candidate_of
from seeding_platform.enrichment.judging import judge_by
from seeding_platform.enrichment.monitor import EnrichmentMonitor, Limits
from seeding_platform.enrichment.payload import from_exceptions, from_orders
from seeding_platform.enrichment.proving import NUMBER, in_force
from seeding_platform.enrichment.refreshing import done_again, recovered, refreshed
from seeding_platform.enrichment.ruling import ruled_anew
from seeding_platform.enrichment.settings import actions_of, limits_of, retries_of
from seeding_platform.enrichment.setups import setup_of
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.enrichment.working import Crew, work
from seeding_platform.storage.enrichment.actions import ActionLedger
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform.storage.live import Live

if TYPE_CHECKING:
    import datetime as dt
    import random
    from collections.abc import Callable, Sequence

    import polars as pl

    from seeding_platform.enrichment.actions import Carried
    from seeding_platform.enrichment.outputs import Resolution
    from seeding_platform.enrichment.providers.classifier import Classifier
    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.enrichment.settings import WorkLimits
    from seeding_platform.enrichment.setups import Setup
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.enrichment.working import Tally
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.storage.enrichment.intake import Intake
    from seeding_platform.storage.enrichment.states import Claimed


@dataclass
class House:
    """Everything that work on enrichment shares.

    Args:
        bench: what work on models shares: settings, state, registry, clock.
        rng: spreads retries.
        owner: names this process in leases.
        provider: who is asked for a tenant; None = as the settings say.
        earlier: who answers as another version does, for a tenant and that version; None = by its setup, or as the registry still knows it.
        stages: labels, bars, prompts.
    """

    bench: Bench
    rng: random.Random
    owner: str
    provider: Callable[[str], Provider] | None = None
    earlier: Callable[[str, str], Provider | None] | None = None
    stages: Stages = field(default_factory=shipped_stages)
    _providers: dict[str, Provider] = field(default_factory=dict, init=False)
    _candidates: dict[tuple[str, str], tuple[Provider, float] | None] = field(default_factory=dict, init=False)

    @cached_property
    def store(self) -> EnrichmentStore:
        """The state of every record."""
        return EnrichmentStore(self.bench.state)

    @cached_property
    def ledger(self) -> ActionLedger:
        """Every action."""
        return ActionLedger(self.bench.state)

    @cached_property
    def monitor(self) -> EnrichmentMonitor:
        """Figures and alerts."""
        return EnrichmentMonitor(self.bench.state, self.bench.settings)

    def provider_of(self, tenant: str) -> Provider:
        """Who is asked for a tenant; the same object as long as this house stands, so that one pass is made by one version."""
        if tenant not in self._providers:
            found = self.provider(tenant) if self.provider is not None else provider_for(self, tenant)
            self._providers[tenant] = in_force(self, tenant, found)
        return self._providers[tenant]

    def earlier_of(self, tenant: str, version: str, stage: str = Stage.CLASSIFICATION) -> Provider | None:
        """Who answers a stage for a tenant as a version (model and prompt as one name) does that is not configured; None where it is gone."""
        return self.earlier(tenant, version) if self.earlier is not None else pinned(self, tenant, version, stage)

    def set_up(self, tenant: str, stage: str, setup: Setup) -> Provider | None:
        """Who answers a stage for a tenant as a setup says; None where it names a classifier that the registry does not know."""
        return set_up(self, tenant, stage, setup)

    def candidate(self, tenant: str, stage: str) -> tuple[Provider, float] | None:
        """Who is tried beside what is live in a stage for a tenant, and on which share of records; the same as long as this house stands."""
        if (tenant, stage) not in self._candidates:
            self._candidates[tenant, stage] = candidate_of(self, tenant, stage)
        return self._candidates[tenant, stage]

    def forget(self, tenant: str) -> None:
        """Look again who is to be asked for a tenant."""
        self._providers.pop(tenant, None)

    def taken_in(self, orders: pl.DataFrame, exceptions: pl.DataFrame) -> Intake:
        """Take the rows of `quality/orders` and `quality/exception_records` in; what has changed begins anew."""
        now = self.bench.now()
        records = [*from_orders(orders, as_of=now), *from_exceptions(exceptions, orders, as_of=now)]
        return self.store.intake(records, now=now)

    def limits(self) -> WorkLimits:
        """How much is done at once: as people have set it, raised while alerts about a backlog or completeness stand."""
        set_ = limits_of(self.bench.adjusted)
        limits = Limits(set_.batch, set_.concurrency)
        for tenant in self.monitor.source.tenants():
            raised = self.monitor.limits(tenant, Limits(set_.batch, set_.concurrency))
            limits = Limits(max(limits.batch, raised.batch), max(limits.concurrency, raised.concurrency))
        return set_.model_copy(update={"batch": min(limits.batch, MOST_BATCH), "concurrency": limits.concurrency})

    def crew(self, *, stopped: Callable[[], bool] = bool) -> Crew:
        """A worker, by what people have set by now."""
        retries = retries_of(self.bench.adjusted)
        hours = {} if retries.review_after_hours is None else {"review_hours": retries.review_after_hours}
        return Crew(
            store=self.store, provider_of=self.provider_of, judge=judge_by(self.stages.model_copy(update=hours), self.acted), limits=self.limits(),
            retries=retries, now=self.bench.now, rng=self.rng, owner=self.owner, stopped=stopped,
            beside=lambda claims: asked_beside(self, claims, now=self.bench.now()),
        )  # fmt: skip

    def worked(self, *, until: dt.datetime | None = None, tenants: Sequence[str] | None = None, stopped: Callable[[], bool] = bool) -> Tally:
        """Work until nothing is due, or the time is over; pages that are looked at hear of it, each tenant of its own."""
        tally = work(self.crew(stopped=stopped), until=until, tenants=tenants)
        for tenant, moved in tally.moved.items():
            self.tell("pass", tenant, moved=moved)
        recovered(self.bench.state, self.store, self.bench.adjusted, now=self.bench.now())
        return tally

    def tell(self, event: str, tenant: str, **facts: Any) -> None:
        """Let pages of a tenant know that something of enrichment has changed; no text of a record."""
        now = self.bench.now()
        Live(self.bench.state).tell("enrichment", f"{event}:{self.owner}:{now.isoformat()}", {"event": event, **facts}, now=now, tenant=tenant)

    def refreshed(self) -> list[str]:
        """Bring back what another version made, what an outage killed, what was judged by other rules of actions; what was done, in words."""
        bench = self.bench
        return [*refreshed(self, now=bench.now()), *ruled_anew(bench.state, bench.adjusted, bench.settings, self.store, now=bench.now())]

    def done_again(self) -> int:
        """Ask for unsure classifications once more where people have set that, each only so often; gives how many."""
        return done_again(self, now=self.bench.now())

    def acted(self, claim: Claimed, resolution: Resolution, now: dt.datetime) -> Carried:
        """Carry a recommendation out, as far as that is allowed."""
        policy = actions_of(self.bench.adjusted, self.bench.settings)
        return carried_out(claim, resolution, policy=policy, ledger=self.ledger, now=now, stages=self.stages)


MOST_BATCH = 10_000


def provider_for(house: House, tenant: str) -> Provider:
    """Who answers for a tenant: rules and models of the house, an endpoint behind cache, budget and breaker where the operator has set one."""
    from seeding_platform.enrichment.providers.classifier import serving

    return _with(house, serving(house.bench, tenant))


def pinned(house: House, tenant: str, version: str, stage: str = Stage.CLASSIFICATION) -> Provider | None:
    """Who answers a stage as a version: by its setup, else with the classifier of its number; None where that comes to another version."""
    from seeding_platform.enrichment.providers.classifier import of_number

    known = next((v for v in Versions(house.bench.state).all(tenant) if (v["stage"], v["version"]) == (stage, version)), None)
    setup = None if known is None else setup_of(known["report"])
    if setup is not None:
        found = set_up(house, tenant, stage, setup)
    else:
        number = NUMBER.search(version) if stage == Stage.CLASSIFICATION else None
        classifier = of_number(house.bench, tenant, number[1]) if number is not None else None
        found = _with(house, classifier) if number is None or classifier is not None else None
    return found if found is not None and joined(found.version_of(stage)) == version else None


def set_up(house: House, tenant: str, stage: str, setup: Setup) -> Provider | None:
    """See `House.set_up`."""
    from seeding_platform.enrichment.providers.classifier import of_number, serving

    if setup.classifier is not None:
        classifier = of_number(house.bench, tenant, setup.classifier)
        if classifier is None:
            return None
    else:
        classifier = serving(house.bench, tenant) if stage == Stage.CLASSIFICATION else None
    return _with(house, classifier, stages=setup.stages(house.stages, stage), model=setup.model)


def _with(house: House, classifier: Classifier | None, *, stages: Stages | None = None, model: str | None = None) -> Provider:
    from seeding_platform.enrichment.providers.budget import Limits as Spend
    from seeding_platform.enrichment.providers.choice import provider_for as chosen

    bench, limits = house.bench, house.limits()
    return chosen(
        bench.settings if model is None else bench.settings.model_copy(update={"ai_model": model}),
        bench.state,
        stages=stages or house.stages,
        classifier=classifier,
        limits=Spend(tokens=limits.tokens_a_day, cost=limits.eur_a_day),
        concurrency=limits.concurrency,
        may_be_cached=lambda question: not question.reasked,
    )
