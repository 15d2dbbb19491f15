"""When a failure is tried again: a pure function of what went wrong, how often, and when. Whatever does not come back ends as a dead letter.

Delays are spread by U(0.8, 1.2), so that what failed together does not come back together (Brooker 2015, "Exponential backoff and jitter").
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.storage.enrichment.states import MOST_RETRIES, ErrorClass

if TYPE_CHECKING:
    import random

DELAYS = (
    dt.timedelta(minutes=1),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=15),
    dt.timedelta(hours=1),
    dt.timedelta(hours=4),
)
"""Before the first, second, ... retry."""
SPREAD = (0.8, 1.2)
LATER = {
    ErrorClass.RATE_LIMITED: dt.timedelta(minutes=1),
    ErrorClass.PROVIDER_DOWN: dt.timedelta(minutes=5),
    ErrorClass.BUDGET_EXHAUSTED: dt.timedelta(hours=1),
}
"""How long what is nobody's fault waits where it is not said; such attempts do not count."""


class RetryPolicy(BaseModel):
    """How failures are retried, as people may set it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_retries: int = Field(
        default=MOST_RETRIES,
        ge=0,
        le=MOST_RETRIES,
        description="How often a record is tried again after its first failure, before it is a dead letter",
    )
    low_confidence_retry: Literal["on_change", "always"] = Field(
        default="on_change",
        description="Whether an unsure classification is only done again when model, prompt or input changed, or on the schedule of failures too",
    )
    most_reasks: int = Field(
        default=MOST_RETRIES, ge=0, le=MOST_RETRIES, description="How often an unsure classification is done again before a person has to look"
    )
    review_after_hours: float | None = Field(
        default=None,
        ge=0,
        le=24 * 30,
        description="After how many hours an unsure classification is put up for review; empty: as the stages say",
    )
    on_new_version: Literal["eager", "low_confidence_only", "lazy"] = Field(
        default="low_confidence_only",
        description="What is done again when model or prompt of a stage have changed: everything, what was unsure, nothing",
    )
    redrive_after_recovery: bool = Field(
        default=True, description="Whether dead letters are tried again when their provider, model or prompt has changed"
    )


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a failure.

    Args:
        due_at: when it is tried again; None = never, it is dead.
        refund: whether the attempt does not count.
    """

    due_at: dt.datetime | None
    refund: bool = False


def after(
    error: ErrorClass,
    *,
    attempt: int,
    now: dt.datetime,
    rng: random.Random,
    retry_at: dt.datetime | None = None,
    policy: RetryPolicy | None = None,
) -> Next:
    """What becomes of a failure.

    Args:
        error: what went wrong.
        attempt: the attempt that failed, 1 = first try; only those that count.
        now: the moment, aware.
        rng: where the spread comes from.
        retry_at: before which it makes no sense, where the provider said so; waited for also where an attempt counts.
        policy: how often; the platform's own without it.

    >>> import random
    >>> noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    >>> [after(ErrorClass.TRANSIENT, attempt=n, now=noon, rng=random.Random(0)).due_at is None for n in (1, 5, 6)]
    [False, False, True]
    >>> after(ErrorClass.CONTENT_PERMANENT, attempt=1, now=noon, rng=random.Random(0))
    Next(due_at=None, refund=False)
    """
    if error is ErrorClass.CONTENT_PERMANENT or error is ErrorClass.WORKER_LOST:
        return Next(None)
    if error in LATER:
        wait = spread(LATER[error], rng)
        return Next(max(now + wait, retry_at + wait / 10) if retry_at is not None and retry_at > now else now + wait, refund=True)
    most = (policy or RetryPolicy()).max_retries
    if attempt > most:
        return Next(None)
    due = now + spread(DELAYS[attempt - 1], rng)
    return Next(max(due, retry_at) if retry_at is not None else due)


def spread(delay: dt.timedelta, rng: random.Random) -> dt.timedelta:
    """The delay times U(0.8, 1.2)."""
    return delay * rng.uniform(*SPREAD)
