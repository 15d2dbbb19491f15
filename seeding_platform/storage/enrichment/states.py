"""Words of the state of enrichment: stages, statuses, classes of errors, and the records that travel between the store and whoever works.

One row a (tenant, record type, record, stage); how it moves from status to status is in `store`, when a failure is due again in `enrichment.retry`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping


class Stage(StrEnum):
    """The stages, in their order; each depends on the one before."""

    ORDER_ANALYSIS = "order_analysis"
    CLASSIFICATION = "exception_classification"
    RESOLUTION = "automated_resolution"


STAGES = tuple(Stage)


class Status(StrEnum):
    """How far a record is in a stage."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    """To be tried again at `due_at`, or dead where `escalated_at` is set."""
    SKIPPED = "skipped"


class ErrorClass(StrEnum):
    """Why an attempt came to nothing."""

    TRANSIENT = "transient"
    """No answer, a time-out, a 5xx."""
    RATE_LIMITED = "rate_limited"
    PROVIDER_DOWN = "provider_down"
    """The breaker is open: nothing was asked."""
    INVALID_OUTPUT = "invalid_output"
    """An answer that is none: nulls, NaN, an unknown label, another record's."""
    CONTENT_PERMANENT = "content_permanent"
    """The record itself cannot be worked on: too long, refused for what it is."""
    BUDGET_EXHAUSTED = "budget_exhausted"
    WORKER_LOST = "worker_lost"
    """Whoever held it was not heard of again, `MOST_LOSSES` times."""


MOST_RETRIES = 5
MOST_LOSSES = 3


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one record in one stage."""

    tenant: str
    record_type: str
    record_id: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that comes in.

    Attributes:
        tenant: whose.
        record_type: order or exception.
        record_id: its id in the source.
        payload: its facts, personal data treated; plain JSON.
        input_hash: SHA-256 (hex) of what the stages read; another one means that it has changed.
        priority: 0-100; higher goes first among those due.
        value: money at stake in EUR, None where unknown; what priority and limits rest on.
        arrived_at: when the record came into being in its source, aware; None = now.
    """

    tenant: str
    record_type: str
    record_id: str
    payload: Mapping[str, Any]
    input_hash: str
    priority: int = 0
    value: float | None = None
    arrived_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A record in a stage that a worker holds until its lease ends.

    Attributes:
        ref: what it is.
        fence: number of this claim; only the newest may write.
        attempt: 1 = first try.
        asked: how often this input was tried at all, refunded attempts too; a seed for whoever needs a new chance each time.
        payload: of the record.
        input_hash: of the record.
        upstream: output by stage, of the stages before.
        priority: of the record.
        reasked: how often it was re-done for low confidence.
    """

    ref: Ref
    fence: int
    attempt: int
    asked: int
    payload: Mapping[str, Any]
    input_hash: str
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    priority: int = 0
    reasked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How an output came about; kept with every attempt.

    Attributes:
        provider: who made it.
        model_version: of the model behind it.
        prompt_version: of the prompt or the rules.
        took_ms: of the answer.
        calls: how often a provider was really asked.
        tokens: in and out together.
        cost: in EUR.
        cached: whether it came out of the cache.
    """

    provider: str = ""
    model_version: str = ""
    prompt_version: str = ""
    took_ms: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A claim that came to its end.

    Attributes:
        ref: what it is.
        fence: of the claim.
        output: of the stage, plain JSON.
        confidence: 0-1; must be there for classification.
        label: must be there for classification.
        skip_rest: why the stages after this one have nothing to do, a word such as low_confidence or no_problem; empty = the next one is ready.
        review_at: with `skip_rest`: when a person, or a better provider, should look; None = nobody needs to.
        word: the answer in a word, by which versions are compared; of a classification that is its label.
        made: how.
    """

    ref: Ref
    fence: int
    output: Mapping[str, Any]
    confidence: float | None = None
    label: str | None = None
    skip_rest: str = ""
    review_at: dt.datetime | None = None
    word: str = ""
    made: Made = Made()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A claim that came to nothing.

    Attributes:
        ref: what it is.
        fence: of the claim.
        error: which class.
        message: for people; no text of the record.
        due_at: when it is tried again; None = never: it is dead and somebody has to look.
        refund: whether the attempt does not count.
        made: how far it came.
    """

    ref: Ref
    fence: int
    error: ErrorClass
    message: str
    due_at: dt.datetime | None
    refund: bool = False
    made: Made = Made()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """Which dead rows are meant, the same whether they are listed, counted or brought back; what is not said fits all.

    Attributes:
        stage: in which they died.
        error: of which class.
        since: they died at this moment or later.
        until: they died before it.
    """

    stage: str | None = None
    error: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def fits(self, stage: str, error: str | None, died_at: dt.datetime | None) -> bool:
        """Whether a row is meant."""
        if died_at is None or self.stage not in (None, stage) or self.error not in (None, error):
            return False
        return (self.since is None or died_at >= self.since) and (self.until is None or died_at < self.until)


ANY_DEAD = Dead()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A claim with nothing to do.

    Attributes:
        ref: what it is.
        fence: of the claim.
        reason: low_confidence, no_problem, escalated_by_rule, ...: a word.
        review_at: when a person should look, None = nobody needs to.
        made: who found that there is nothing to do; without a version a new one does not bring it back.
    """

    ref: Ref
    fence: int
    reason: str
    review_at: dt.datetime | None = None
    made: Made = Made()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where the rows of one tenant and stage are; every row is in exactly one of the first five.

    `ingested == completed + skipped + dead + due + leased` at every instant.
    """

    tenant: str
    stage: str
    completed: int
    skipped: int
    dead: int
    due: int
    """Pending, or failed and to be tried again; whether its moment has come or not."""
    leased: int
    ingested: int
    gated: int = 0
    """Of `due`: those that wait for the stage before."""
    oldest_due_at: dt.datetime | None = None
    """Since when the oldest of those that could be worked on now waits."""
