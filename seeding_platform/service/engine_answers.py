"""Engines, generations, deliveries and addresses as the API tells them. Where exactly bundles go is for admins: an address may hold a secret."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.distribution.delivery.overview import share_up
from seeding_platform.storage.delivery.records import EndpointKind

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.comparing import Compared
    from seeding_platform.distribution.delivery.standing import EngineStanding
    from seeding_platform.distribution.manifest import Manifest
    from seeding_platform.storage.delivery.records import Attempt, Delivery, Endpoint, Generation

UNBUILT = "unbuilt"
"""State of an engine that has no generation yet."""


class DayAnswer(BaseModel):
    """How often an engine was asked on a day in UTC, and answered well, slowly, or not."""

    day: dt.date
    up: int
    slow: int
    down: int


class EngineAnswer(BaseModel):
    """How the delivery to an engine stands."""

    engine: str
    title: str
    family: str = Field(description="content, navigation, analytics or research; own for one that does not come with the platform")
    desired: int | None = Field(None, description="Generation that is wanted")
    content_id: str | None = None
    state: str = Field(UNBUILT, description="What became of the wanted generation; unbuilt: there is none")
    acknowledged: int | None = Field(None, description="Lowest generation that an address of it has proved to use")
    endpoints: int = Field(0, description="Addresses that are on")
    up_to_date: int = Field(0, description="Those of them that use what is wanted")
    lag_s: float | None = Field(None, description="Seconds since the wanted one was issued, while an address has not got it")
    health: str = Field("unknown", description="up, slow, down or unknown")
    rows: int | None = None
    note: str = Field("", description="recalled, dead, rolled_back or held")
    uptime_share: float | None = Field(None, description="Share of the questions of 30 days that were answered")
    uptime: list[DayAnswer] = Field(default_factory=list, description="The last 30 days, the oldest first")


class EndpointAnswer(BaseModel):
    """An address of an engine; its secret is shown once, when it is made or changed."""

    endpoint_id: str
    engine: str
    kind: EndpointKind
    place: str = Field(description="Host, bucket, folder or machine")
    target: str | None = Field(None, description="The whole address; for admins")
    schedule: str
    enabled: bool
    disabled_at: dt.datetime | None
    disabled_why: str
    failures: int
    open_until: dt.datetime | None = Field(description="Left alone until then")
    seen_at: dt.datetime | None = Field(description="When it last answered")
    created_at: dt.datetime
    made_by: str
    revision: int
    old_until: dt.datetime | None
    secret: str | None = None


class EngineDetail(EngineAnswer):
    """An engine with its contract, the policy and the rules of its delivery, and its addresses."""

    description: str = ""
    contract: dict[str, Any] | None = Field(None, description="As its YAML declares it; null for one that does not come with the platform")
    fields: list[dict[str, Any]] = Field(default_factory=list, description="Fields of its rows, with type, unit and role")
    policy: dict[str, Any] = Field(default_factory=dict, description="How engines of its family get their bundles, and how personal data was treated")
    rules: dict[str, Any] = Field(default_factory=dict, description="What the delivery keeps to; times in seconds")
    addresses: list[EndpointAnswer] = Field(default_factory=list)


class GenerationAnswer(BaseModel):
    """A generation as it was published."""

    engine: str
    generation: int
    content_id: str
    kind: str
    state: str
    reason: str | None
    note: str
    previous: int | None
    issued_at: dt.datetime
    actor: str
    group_id: str | None
    soak_until: dt.datetime | None


class SideAnswer(BaseModel):
    """What one generation says of itself."""

    generation: int
    content_id: str
    created: dt.datetime
    rows: int
    contract_version: str
    pii_policy: str
    run_id: str
    inputs: dict[str, dict[str, int]]
    quality: dict[str, Any] = Field(description="Score, closed gates, and the confidence of the rows used of each table")


class ChangedRowAnswer(BaseModel):
    """A row that both have, and not alike: value before and after of each field that differs."""

    key: dict[str, Any]
    fields: dict[str, tuple[Any, Any]]


class DiffAnswer(BaseModel):
    """Two generations side by side; counts are null where rows cannot be compared, and `incomparable` says why."""

    engine: str
    a: SideAnswer
    b: SideAnswer
    incomparable: str | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    by_field: dict[str, int] = Field(default_factory=dict, description="Rows in which a field differs")
    new_fields: list[str] = Field(default_factory=list)
    lost_fields: list[str] = Field(default_factory=list)
    other_types: list[str] = Field(default_factory=list)
    examples_added: list[dict[str, Any]] = Field(default_factory=list)
    examples_removed: list[dict[str, Any]] = Field(default_factory=list)
    examples_changed: list[ChangedRowAnswer] = Field(default_factory=list)


class EngineDelivery(BaseModel):
    """One generation on its way to one address."""

    delivery_id: str
    engine: str
    endpoint_id: str
    generation: int
    content_id: str
    task: str
    state: str
    step: str
    attempts: int
    created_at: dt.datetime
    opened_at: dt.datetime
    due_at: dt.datetime | None
    first_at: dt.datetime | None
    prepared_at: dt.datetime | None
    acknowledged_at: dt.datetime | None
    error: str
    message: str
    via: str
    bytes: int


class EngineAttempt(BaseModel):
    """One try of a delivery."""

    at: dt.datetime
    outcome: str
    error: str
    code: int | None
    took_ms: int
    bytes: int


class DeliveryDetail(EngineDelivery):
    """A delivery with every try, the oldest first."""

    tries: list[EngineAttempt]


class DeliveryPage(BaseModel):
    """Some deliveries, the newest generation first."""

    deliveries: list[EngineDelivery]
    next_offset: int | None = Field(description="Where the next page begins; null on the last")


class BundleInForce(BaseModel):
    """The bundle of an engine that is in force."""

    engine: str
    generation: int | None
    content_id: str | None
    rows: int | None
    created: dt.datetime | None
    reason: str | None = Field(description="Why there are no rows")
    problem: str | None = Field(description="What is wrong with it; null where it is whole")


def engine_told(name: str, standing: EngineStanding | None) -> EngineAnswer:
    """An engine, as it stands or unbuilt."""
    contract = shipped_engines().get(name)
    named = {"engine": name, "title": contract.title if contract else name, "family": str(contract.family) if contract else "own"}
    if standing is None:
        return EngineAnswer(**named)
    told = dataclasses.asdict(standing)
    same = {n: told[n] for n in ("desired", "content_id", "state", "acknowledged", "up_to_date", "lag_s", "health", "rows", "note", "uptime")}
    return EngineAnswer.model_validate({**named, **same, "endpoints": standing.addresses, "uptime_share": share_up(standing.uptime)})


def generation_told(made: Generation) -> GenerationAnswer:
    """A generation."""
    return GenerationAnswer.model_validate({name: getattr(made, name) for name in GenerationAnswer.model_fields})


def delivery_told(delivery: Delivery) -> EngineDelivery:
    """A delivery."""
    return EngineDelivery.model_validate({name: getattr(delivery, name) for name in EngineDelivery.model_fields})


def tries_told(delivery: Delivery, tries: list[Attempt]) -> DeliveryDetail:
    """A delivery with its tries."""
    told = [EngineAttempt.model_validate({name: getattr(t, name) for name in EngineAttempt.model_fields}) for t in tries]
    return DeliveryDetail(**delivery_told(delivery).model_dump(), tries=told)


def endpoint_told(endpoint: Endpoint, *, whole: bool, secret: str | None = None) -> EndpointAnswer:
    """An address; `whole` with its target."""
    same = [n for n in EndpointAnswer.model_fields if n not in ("place", "target", "secret")]
    told = {name: getattr(endpoint, name) for name in same}
    place = place_told(endpoint.kind, endpoint.target)
    return EndpointAnswer.model_validate({**told, "place": place, "target": endpoint.target if whole else None, "secret": secret})


def place_told(kind: str, target: str) -> str:
    """Where an address is, without what may be secret in it.

    >>> place_told("http", "https://user:pw@engine.example/in?key=1"), place_told("s3", "s3://bucket/some/where"), place_told("pull", "trainer-1")
    ('engine.example', 's3://bucket', 'trainer-1')
    """
    if kind in (EndpointKind.HTTP, EndpointKind.WEBHOOK):
        return urlsplit(target).hostname or ""
    return "/".join(target.split("/")[:3]) if kind == EndpointKind.S3 else target


def side_told(generation: int, manifest: Manifest) -> SideAnswer:
    """One side of a comparison."""
    same = ("content_id", "created", "rows", "contract_version", "pii_policy", "inputs", "quality")
    return SideAnswer.model_validate(
        {**{n: getattr(manifest, n) for n in same}, "generation": generation, "run_id": manifest.lineage.run_id},
    )


def diff_told(engine: str, sides: tuple[SideAnswer, SideAnswer], found: Compared | None, why: str | None) -> DiffAnswer:
    """A comparison, or why the rows cannot be compared."""
    told = {} if found is None else dataclasses.asdict(found)
    return DiffAnswer.model_validate({"engine": engine, "a": sides[0], "b": sides[1], "incomparable": why, **told})
