"""What is kept of the delivery to engines, as records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt


class EndpointKind(StrEnum):
    """How bundles get to an address."""

    HTTP = "http"
    """The push part of the protocol."""
    PULL = "pull"
    """The engine asks, and says what it has."""
    FOLDER = "folder"
    S3 = "s3"
    WEBHOOK = "webhook"
    """It is told, and fetches by itself."""


class GenerationState(StrEnum):
    """What became of a generation."""

    PUBLISHED = "published"
    SOAKING = "soaking"
    """It is watched: what goes wrong puts the one before back."""
    GOOD = "good"
    ROLLED_BACK = "rolled_back"
    RECALLED = "recalled"


class DeliveryState(StrEnum):
    """How far a delivery is, or how it ended."""

    WAITING = "waiting"
    HELD = "held"
    """Until the hour of its address."""
    DELIVERING = "delivering"
    PREPARED = "prepared"
    """The engine has it and does not use it yet: the others of the group are not so far."""
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    ABORTED = "aborted"


OPEN = (DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.DELIVERING, DeliveryState.PREPARED)
"""States in which something is still to come."""


class Task(StrEnum):
    """What a delivery is about."""

    DELIVER = "deliver"
    RECALL = "recall"


class Step(StrEnum):
    """What is to be asked of the other side next."""

    PREPARE = "prepare"
    ACTIVATE = "activate"
    ABORT = "abort"
    RECALL = "recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that an engine's bundles go to; the fields are those of the table."""

    endpoint_id: str
    tenant: str
    engine: str
    kind: str
    target: str
    created_at: dt.datetime
    made_by: str
    schedule: str = ""
    revision: int = 1
    old_until: dt.datetime | None = None
    removed_at: dt.datetime | None = None
    disabled_at: dt.datetime | None = None
    disabled_why: str = ""
    failures: int = 0
    open_until: dt.datetime | None = None
    seen_at: dt.datetime | None = None
    asked_at: dt.datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether bundles go to it."""
        return self.disabled_at is None and self.removed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A generation as it was published; the fields are those of the table."""

    tenant: str
    engine: str
    generation: int
    content_id: str
    kind: str
    reason: str | None
    previous: int | None
    release: str
    signature: str
    issued_at: dt.datetime
    actor: str
    group_id: str | None = None
    state: str = GenerationState.PUBLISHED
    soak_until: dt.datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One generation on its way to one address; the fields are those of the table."""

    delivery_id: str
    tenant: str
    engine: str
    endpoint_id: str
    generation: int
    content_id: str
    task: str
    state: str
    step: str
    opened_at: dt.datetime
    created_at: dt.datetime
    attempts: int = 0
    due_at: dt.datetime | None = None
    lease_owner: str | None = None
    lease_until: dt.datetime | None = None
    fence: int = 0
    error: str = ""
    message: str = ""
    first_at: dt.datetime | None = None
    prepared_at: dt.datetime | None = None
    acknowledged_at: dt.datetime | None = None
    via: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a delivery; the fields are those of the table."""

    delivery_id: str
    fence: int
    tenant: str
    engine: str
    at: dt.datetime
    outcome: str
    error: str = ""
    code: int | None = None
    took_ms: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """What a listener is told; `seq` grows."""

    seq: int
    tenant: str
    engine: str
    event: str
    generation: int
    content_id: str
    reason: str | None
    instead: int | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """What a try leaves for people.

    Args:
        error: class of the failure; empty where it went well.
        message: for people, without data.
        code: status of the answer.
        took_ms: how long it took.
        sent: bytes that were sent.
    """

    error: str = ""
    message: str = ""
    code: int | None = None
    took_ms: int = 0
    sent: int = 0


def delivery_id_of(endpoint_id: str, generation: int, task: Task) -> str:
    """Names a delivery, always the same.

    >>> delivery_id_of("ep_1", 2, Task.DELIVER) == delivery_id_of("ep_1", 2, Task.DELIVER)
    True
    """
    return "dlv_" + hashlib.blake2b(f"{endpoint_id}\x00{generation}\x00{task}".encode(), digest_size=12).hexdigest()
