"""Traces of work: what is written down of every attempt, and the assignments that bring a row's fields back to nothing.

Both belong to every module that moves rows; when a row moves is decided there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment import bulk
from seeding_platform.storage.enrichment.states import Made

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from seeding_platform.storage.enrichment.states import Ref

NO_ANSWER = "output = NULL, output_hash = NULL, confidence = NULL, label = NULL, provider = NULL, model_version = NULL, prompt_version = NULL"
NO_LEASE = "lease_owner = NULL, lease_until = NULL"
NO_TROUBLE = "error = NULL, message = NULL, escalated_at = NULL, owner = NULL, review_at = NULL"
NO_TRIES = "attempts = 0, asked = 0, losses = 0"
NO_DATES = "started_at = NULL, finished_at = NULL"
HUMAN = "human"
CANCELLED = "cancelled"

_COLUMNS = (
    "tenant", "record_type", "record_id", "stage", "fence", "outcome", "error", "message", "worker", "confidence", "label",
    "provider", "model_version", "prompt_version", "took_ms", "calls", "tokens", "cost", "cached", "at",
)  # fmt: skip
_NOBODY = Made()


def attempt(
    ref: Ref,
    fence: int,
    outcome: str,
    *,
    at: Any,
    error: str | None = None,
    message: str | None = None,
    worker: str | None = None,
    confidence: float | None = None,
    label: str | None = None,
    made: Made = _NOBODY,
) -> tuple[Any, ...]:
    """A row for `keep`.

    Args:
        ref: what was tried.
        fence: under which claim.
        outcome: completed, skipped, failed, lost, outdated or reset.
        at: from `bulk.moment`.
        error: class of the failure.
        message: for people.
        worker: who held it.
        confidence: of the answer.
        label: of the answer.
        made: how it came about.
    """
    how = (made.provider, made.model_version, made.prompt_version, made.took_ms, made.calls, made.tokens, made.cost, made.cached)
    return (ref.tenant, ref.record_type, ref.record_id, ref.stage, fence, outcome, error, message, worker, confidence, label, *how, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a candidate answered beside what is live.

    Attributes:
        ref: what it was asked about.
        fence: of the claim that live has ended.
        label: what it said.
        confidence: of it.
        made: how.
    """

    ref: Ref
    fence: int
    label: str
    confidence: float
    made: Made


def beside(connection: Connection, answers: Iterable[Beside], *, now: dt.datetime) -> None:
    """Write down what a candidate answered, as `shadow`, under the claim's number with a minus: its own number is that of what is live."""
    at = bulk.moment(connection, now)
    keep(connection, [attempt(a.ref, -a.fence, "shadow", at=at, confidence=a.confidence, label=a.label, made=a.made) for a in answers])


def keep(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write attempts down; what is known of a claim already stays."""
    bulk.added(connection, "enrichment_attempts", _COLUMNS, rows, keep=True)


def resets(rows: Iterable[tuple[Ref, int, str | None]], *, now: dt.datetime, connection: Connection, why: str) -> None:
    """Write down that claims (reference, fence, worker) were taken away from who held them."""
    at = bulk.moment(connection, now)
    keep(connection, [attempt(ref, fence, "reset", at=at, message=why, worker=worker) for ref, fence, worker in rows])


def pruned(connection: Connection, *, before: dt.datetime) -> int:
    """Forget attempts from before a moment; returns how many."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import attempts as table

    return int(connection.execute(sa.delete(table).where(table.c.at < before)).rowcount)
