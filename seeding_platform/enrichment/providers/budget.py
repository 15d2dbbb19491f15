"""What a tenant may spend on a provider in a day: questions beyond it are not asked, and wait for the next day without losing an attempt."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.enrichment.payload import canonical
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.storage.enrichment.spending import Spent
from seeding_platform.storage.enrichment.states import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.enrichment.providers.protocol import Provider, Question
    from seeding_platform.storage.enrichment.spending import Spending

PROMPT_TOKENS, ANSWER_TOKENS = 900, 800
"""Instructions with their schema, and the longest answer."""
BYTES_A_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one tenant and day (UTC).

    Args:
        tokens: most tokens, None = no limit.
        cost: most EUR, None = no limit.
    """

    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Budgeted:
    """A provider whose spending is counted and limited.

    Args:
        inner: who is asked.
        spending: where it is kept.
        limits: of the tenant.
        eur_per_million_tokens: what is set aside for a question before its price is known.
        slice_: questions for which something is set aside at once.
    """

    inner: Provider
    spending: Spending
    limits: Limits
    eur_per_million_tokens: float = 0.0
    slice_: int = 20

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.inner.name

    def version_of(self, stage: str) -> tuple[str, str]:
        """Of the provider."""
        return self.inner.version_of(stage)

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Ask what the day's budget still bears; more than one question's estimate beyond it is never spent."""
        replies: list[Reply] = []
        day = now.astimezone(dt.UTC).date()
        step = self.slice_
        left = list(questions)
        while left:
            part = left[:step]
            want = self._estimate(part)
            tenant = part[0].tenant
            if self.spending.reserve(tenant, day, self.name, want, most_tokens=self.limits.tokens, most_cost=self.limits.cost):
                answers = self.inner.ask(part, now=now)
                asked = sum(r.error not in (ErrorClass.PROVIDER_DOWN, ErrorClass.CONTENT_PERMANENT) for r in answers)
                spent = Spent(asked, sum(r.tokens for r in answers), sum(r.cost for r in answers))
                self.spending.settle(tenant, day, self.name, reserved=want, spent=spent)
                replies += answers
                left = left[step:]
            elif step > 1:
                step = max(1, step // 2)
            else:
                later = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=dt.UTC)
                why = f"the day's budget for {self.name} is spent"
                replies += [Reply(record_id=q.record_id, error=ErrorClass.BUDGET_EXHAUSTED, message=why, retry_at=later) for q in left]
                break
        return replies

    def _estimate(self, questions: Sequence[Question]) -> Spent:
        read = sum(len(canonical(q.facts)) + len(canonical(q.upstream)) for q in questions)
        tokens = read // BYTES_A_TOKEN + len(questions) * (PROMPT_TOKENS + ANSWER_TOKENS)
        return Spent(len(questions), tokens, tokens * self.eur_per_million_tokens / 1e6)
