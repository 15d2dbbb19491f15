"""People in the loop: which classifications wait for a person, what the person said, and samples of accepted results for a second look."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.onward import carried, step_after
from seeding_platform.storage.enrichment.states import Made, Ref, Stage

if TYPE_CHECKING:
    import datetime as dt
    import random
    from collections.abc import Mapping

    from sqlalchemy import Connection

MOST_REASKED = 5
"""Done again so often for low confidence, a person decides at once."""
REASONS = ("low_confidence", "sample", "dead")
_JUDGED = ", ".join(
    (
        "status = 'completed', confidence = 1.0, provider = 'human', model_version = NULL, prompt_version = NULL, due_at = NULL",
        traces.NO_LEASE,
        traces.NO_TROUBLE,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A classification that waits for a person.

    Attributes:
        tenant: whose.
        record_type: order or exception.
        record_id: of the record.
        reason: low_confidence, sample or dead.
        since: from when a person should look.
        label: what the machine said; None where it said nothing.
        confidence: of it.
        reasked: how often it was done again.
        priority: of the record.
        payload: its facts.
        output: of the classification, None where there is none.
    """

    tenant: str
    record_type: str
    record_id: str
    reason: str
    since: dt.datetime | None
    label: str | None
    confidence: float | None
    reasked: int
    priority: int
    payload: Mapping[str, Any]
    output: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLabel:
    """What a person said of a record; the fields are the columns of `enrichment_labels`."""

    label_id: str
    tenant: str
    record_type: str
    record_id: str
    input_hash: str
    label: str
    machine_label: str | None
    machine_confidence: float | None
    reason: str
    actor: str
    at: dt.datetime
    stage: str = str(Stage.CLASSIFICATION)


def waiting(
    connection: Connection,
    tenant: str,
    *,
    now: dt.datetime,
    limit: int,
    after: tuple[str, str] | None = None,
    record: tuple[str, str] | None = None,
    dead: bool = False,
) -> list[Review]:
    """Classifications that wait for a person, by type and id; see `EnrichmentStore.reviews`."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import records as r
    from seeding_platform.storage.enrichment.schema import stages

    c, a = stages.alias("c"), stages.alias("a")
    answered = (c.c.status == "completed") & (c.c.provider != traces.HUMAN)
    unsure = answered & (a.c.status == "skipped") & (a.c.message == "low_confidence")
    unsure &= (a.c.review_at <= now) | (c.c.reasked >= MOST_REASKED)
    sampled = answered & (c.c.review_at <= now)
    reason = sa.case((unsure, "low_confidence"), (sampled, "sample"), else_="dead").label("reason")
    since = sa.case((unsure, a.c.review_at), (sampled, c.c.review_at), else_=c.c.escalated_at).label("since")
    wanted = unsure | sampled
    if dead:
        wanted |= c.c.escalated_at.is_not(None)

    def same(x: Any, y: Any) -> Any:
        return (x.c.tenant == y.c.tenant) & (x.c.record_type == y.c.record_type) & (x.c.record_id == y.c.record_id)

    chosen = [c.c.tenant, c.c.record_type, c.c.record_id, c.c.label, c.c.confidence, c.c.reasked, c.c.priority, r.c.payload, c.c.output]
    query = sa.select(*chosen, reason, since).select_from(c.join(a, same(c, a)).join(r, same(c, r)))
    query = query.where(c.c.tenant == tenant, c.c.stage == Stage.CLASSIFICATION.value, a.c.stage == Stage.RESOLUTION.value, wanted)
    if after:
        query = query.where(sa.tuple_(c.c.record_type, c.c.record_id) > sa.tuple_(*map(sa.literal, after)))
    if record:
        query = query.where(c.c.record_type == record[0], c.c.record_id == record[1])
    rows = connection.execute(query.order_by(c.c.record_type, c.c.record_id).limit(limit)).mappings()
    return [Review(**{**row, "payload": json.loads(row["payload"]), "output": row["output"] and json.loads(row["output"])}) for row in rows]


def judged(
    connection: Connection,
    tenant: str,
    record_type: str,
    record_id: str,
    *,
    label: str,
    actor: str,
    reason: str,
    output: Mapping[str, Any] | None,
    now: dt.datetime,
) -> HumanLabel | None:
    """Let a person's word be the classification; see `EnrichmentStore.judge`."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import labels

    if not label or reason not in REASONS:
        raise PermanentError(f"A judgement needs a label and one of the reasons {', '.join(REASONS)}.", fix="Give both.")
    ref = Ref(tenant, record_type, record_id, Stage.CLASSIFICATION)
    read = "s.status, s.fence, s.input_hash, s.label, s.confidence, s.lease_owner"
    first = Ref(tenant, record_type, record_id, Stage.ORDER_ANALYSIS)
    before, row = bulk.found(connection, [first, ref], "s.status, s.input_hash")[0], bulk.found(connection, [ref], read)[0]
    if row is None or before is None:
        return None
    place, status, fence, chain, machine_label, machine_confidence, worker = row
    at = bulk.moment(connection, now)
    text = bulk.canonical(output or {"ai_label": label, "ai_confidence": 1.0, "notes": ""})
    output_hash = bulk.digest(text)
    if status == "in_progress":
        traces.resets([(ref, fence, worker)], now=now, connection=connection, why="a person has judged")
    bulk.changed(
        connection,
        [(text, output_hash, label, fence + 1, at, at, place)],
        ("output", "output_hash", "label", "fence", "finished_at", "moved_at"),
        fixed=_JUDGED,
    )
    made = Made(provider=traces.HUMAN)
    said = traces.attempt(ref, fence + 1, "completed", at=at, worker=actor, confidence=1.0, label=label, made=made, message=reason)
    traces.keep(connection, [said])
    if before[1] == "completed":
        carried(connection, step_after(ref, bulk.digest(chain, output_hash)), now=now)
    kept = HumanLabel(
        label_id=bulk.digest(tenant, record_type, record_id, str(fence + 1), now.isoformat())[:32],
        tenant=tenant,
        record_type=record_type,
        record_id=record_id,
        input_hash=before[2],
        label=label,
        machine_label=machine_label,
        machine_confidence=machine_confidence,
        reason=reason,
        actor=actor,
        at=now,
    )
    connection.execute(sa.insert(labels).values({name: getattr(kept, name) for name in HumanLabel.__slots__}))
    return kept


def said_right(
    connection: Connection, tenant: str, record: tuple[str, str], *, stage: str, word: str, actor: str, reason: str, now: dt.datetime
) -> HumanLabel | None:
    """Keep what a person says is right; see `EnrichmentStore.say`."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import attempts, labels, records, stages

    if not word or reason not in REASONS:
        raise PermanentError(f"A judgement needs an answer and one of the reasons {', '.join(REASONS)}.", fix="Give both.")
    whose = {"tenant": tenant, "record_type": record[0], "record_id": record[1]}
    mark = connection.execute(sa.select(records.c.input_hash).filter_by(**whose)).scalar_one_or_none()
    row = connection.execute(sa.select(stages.c.fence, stages.c.status, stages.c.confidence).filter_by(**whose, stage=stage)).one_or_none()
    if mark is None or row is None:
        return None
    machine = None
    if row.status == "completed":
        said = sa.select(attempts.c.label).filter_by(**whose, stage=stage, fence=row.fence, outcome="completed")
        machine = connection.execute(said).scalar_one_or_none()
    kept = HumanLabel(
        label_id=bulk.digest(tenant, *record, stage, actor, now.isoformat())[:32], **whose, input_hash=mark, label=word, stage=stage,
        machine_label=machine, machine_confidence=None if machine is None else row.confidence, reason=reason, actor=actor, at=now,
    )  # fmt: skip
    connection.execute(sa.insert(labels).values({name: getattr(kept, name) for name in HumanLabel.__slots__}))
    return kept


def labels_of(
    connection: Connection, tenant: str, *, stage: str | None = None, since: dt.datetime | None = None, record: tuple[str, str] | None = None
) -> list[HumanLabel]:
    """What people said, oldest first; of one stage, or of all."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import labels

    query = sa.select(labels).where(labels.c.tenant == tenant).order_by(labels.c.at, labels.c.label_id)
    if stage is not None:
        query = query.where(labels.c.stage == stage)
    if since is not None:
        query = query.where(labels.c.at >= since)
    if record is not None:
        query = query.where(labels.c.record_type == record[0], labels.c.record_id == record[1])
    return [HumanLabel(**row) for row in connection.execute(query).mappings()]


def sampled(connection: Connection, tenant: str, share: float, *, rng: random.Random, since: dt.datetime | None, now: dt.datetime) -> list[Ref]:
    """Put a share of accepted results up for review; see `EnrichmentStore.sample`."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import stages as s

    query = sa.select(s.c.record_type, s.c.record_id).where(
        s.c.tenant == tenant, s.c.stage == Stage.CLASSIFICATION.value, s.c.status == "completed", s.c.provider != traces.HUMAN,
        s.c.review_at.is_(None),
    )  # fmt: skip
    if since is not None:
        query = query.where(s.c.finished_at >= since)
    accepted = [tuple(row) for row in connection.execute(query.order_by(s.c.record_type, s.c.record_id))]
    later = [Ref(tenant, kind, name, Stage.RESOLUTION) for kind, name in accepted]
    rows = bulk.found(connection, later, "s.status, s.message")
    drawn = [
        Ref(tenant, kind, name, Stage.CLASSIFICATION)
        for (kind, name), row in zip(accepted, rows, strict=True)
        if row is not None and row[1:] != ("skipped", "low_confidence") and rng.random() < share
    ]
    at = bulk.moment(connection, now)
    bulk.changed(connection, [(at, row[0]) for row in bulk.found(connection, drawn, "s.status")], ("review_at",))
    return drawn
