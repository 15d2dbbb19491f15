"""The one provider that a worker asks for a tenant: the house first, an endpoint behind cache, budget and breaker where the operator has set one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.enrichment.providers.breaker import Breaking
from seeding_platform.enrichment.providers.budget import Budgeted, Limits
from seeding_platform.enrichment.providers.cache import Cached, always
from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.enrichment.providers.openai import CONCURRENCY, OpenAI
from seeding_platform.enrichment.providers.waterfall import Waterfall
from seeding_platform.storage.enrichment.answers import Answers
from seeding_platform.storage.enrichment.breakers import Breakers
from seeding_platform.storage.enrichment.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.enrichment.providers.classifier import Classifier
    from seeding_platform.enrichment.providers.protocol import Provider, Question
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State

NO_LIMITS = Limits()
ROUTE = "/chat/completions"


def completions(address: str) -> str:
    """The address that is asked, of what an operator gave: the base of the API or the whole address.

    >>> completions("http://127.0.0.1:8081/v1/"), completions("http://127.0.0.1:8081/v1/chat/completions")
    ('http://127.0.0.1:8081/v1/chat/completions', 'http://127.0.0.1:8081/v1/chat/completions')
    """
    base = address.rstrip("/")
    return base if base.endswith(ROUTE) else base + ROUTE


def provider_for(
    settings: Settings,
    state: State,
    *,
    stages: Stages,
    classifier: Classifier | None,
    limits: Limits = NO_LIMITS,
    concurrency: int = CONCURRENCY,
    may_be_cached: Callable[[Question], bool] = always,
) -> Waterfall:
    """Who is asked, for one tenant.

    Args:
        settings: whether there is an endpoint.
        state: where breakers, spending and answers are kept.
        stages: who is named for each stage.
        classifier: of the tenant, from `classifier.serving`; None while nothing serves.
        limits: what the tenant may spend in a day.
        concurrency: questions at the endpoint at once.
        may_be_cached: whether an answer of before will do.
    """
    providers: dict[str, Provider] = {"offline": Offline(stages, classifier)}
    if settings.ai_url:
        price = settings.ai_eur_per_million_tokens
        key = settings.ai_key.get_secret_value()
        endpoint = OpenAI(completions(settings.ai_url), settings.ai_model, stages, key=key, eur_per_million_tokens=price, concurrency=concurrency)
        providers["openai"] = guarded(endpoint, state, limits=limits, eur_per_million_tokens=price, may_be_cached=may_be_cached)
    return Waterfall(stages, providers)


def guarded(
    inner: Provider,
    state: State,
    *,
    limits: Limits = NO_LIMITS,
    eur_per_million_tokens: float = 0.0,
    may_be_cached: Callable[[Question], bool] = always,
) -> Cached:
    """A provider of somebody else behind cache, budget and breaker, in that order: what is known costs nothing, what is down is not paid for."""
    behind = Budgeted(Breaking(inner, Breakers(state)), Spending(state), limits, eur_per_million_tokens)
    return Cached(behind, Answers(state), may_be_cached)
