"""What every provider is: it is asked with a batch, and answers each question of it, or says what went wrong with that one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.enrichment.states import ErrorClass, Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a stage asks about one record.

    Attributes:
        stage: which stage asks.
        tenant: whose record it is.
        record_type: order or exception.
        record_id: its id; what an answer is matched by, with the stage.
        facts: what the stage reads of the record, plain JSON.
        upstream: outputs of the stages before, by stage.
        asked: how often it was tried before.
        idempotency_key: the same for the same question; goes out with it.
        reasked: how often it is asked anew because the answer was unsure; what was answered before will not do then.
        again: what was wrong with the answer just given; empty on the first ask.
    """

    stage: str
    tenant: str
    record_type: str
    record_id: str
    facts: Mapping[str, Any]
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    asked: int = 0
    idempotency_key: str = ""
    reasked: int = 0
    again: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one question; either an output that is not checked yet, or an error.

    Attributes:
        record_id: of the question it answers, as the provider says.
        output: as it came, unchecked; None on an error.
        error: what went wrong; None where there is an output.
        message: for people; no text of the record.
        retry_at: before this moment it makes no sense to ask again, None = not said.
        took_ms: of the answer.
        tokens: in and out together.
        cost: in EUR.
        made: how it came about, where a provider that is made of others knows better than whoever asked it; then it holds all of the three above.
    """

    record_id: str
    output: Any = None
    error: ErrorClass | None = None
    message: str = ""
    retry_at: dt.datetime | None = None
    took_ms: int = 0
    tokens: int = 0
    cost: float = 0.0
    made: Made | None = None


@runtime_checkable
class Provider(Protocol):
    """Answers the stages. One object may be shared by threads."""

    @property
    def name(self) -> str:
        """What it is called in settings, breakers and spending."""
        ...

    def version_of(self, stage: str) -> tuple[str, str]:
        """Version of the model and of the prompt (or the rules) behind a stage; another one makes earlier outputs outdated."""
        ...

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Answer a batch of questions of one stage and one tenant.

        Every question has at most one reply that counts; one that has none counts as an invalid output. Nothing is raised for what can go wrong
        with an answer: that stands in the replies.
        """
        ...
