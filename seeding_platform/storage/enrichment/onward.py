"""What the end of a stage means for the stages after it: the next one opens, stays as it is, or has nothing to do.

A stage stands for one chain of inputs: its `input_hash` is that of the record for the first stage, then the hash before and the hash of the output
together. As long as the chain is the same, what came of it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.states import STAGES, Ref

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

_READ = "s.status, s.input_hash, s.fence, s.ready, s.provider, s.output_hash, s.message, s.lease_owner"
_OPEN = ", ".join(
    ("status = 'pending', ready = TRUE, reasked = 0", traces.NO_TRIES, traces.NO_ANSWER, traces.NO_LEASE, traces.NO_TROUBLE, traces.NO_DATES)
)
_SHUT = f"status = 'skipped', ready = TRUE, due_at = NULL, {traces.NO_ANSWER}, {traces.NO_LEASE}, error = NULL, escalated_at = NULL, owner = NULL"
NEXT = dict(pairwise(STAGES))


@dataclass(frozen=True, slots=True)
class Step:
    """What a record's next stage is told.

    Attributes:
        ref: the next stage.
        chain: hash of all that it rests on.
        skip: why it has nothing to do; empty = it opens.
        review_at: with `skip`: when a person should look.
        passing: whether the stage before was not done now but stays as it was, so that what it said then holds.
    """

    ref: Ref
    chain: str
    skip: str = ""
    review_at: dt.datetime | None = None
    passing: bool = False


@dataclass(slots=True)
class _Moves:
    opened: list[tuple[Any, ...]] = field(default_factory=list)
    shut: list[tuple[Any, ...]] = field(default_factory=list)
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    taken: list[tuple[Ref, int, str | None]] = field(default_factory=list)
    further: list[Step] = field(default_factory=list)


def step_after(ref: Ref, chain: str, *, skip: str = "", review_at: dt.datetime | None = None, passing: bool = False) -> list[Step]:
    """The step to the stage after this one; none after the last."""
    after = NEXT.get(ref.stage)  # type: ignore[call-overload]  # a plain text equals its stage
    if after is None:
        return []
    return [Step(Ref(ref.tenant, ref.record_type, ref.record_id, after), bulk.digest(chain, skip) if skip else chain, skip, review_at, passing)]


def carried(connection: Connection, steps: list[Step], *, now: dt.datetime) -> None:
    """Carry steps out, stage after stage, until nothing follows."""
    at = bulk.moment(connection, now)
    while steps:
        moves = _Moves()
        for step, row in zip(steps, bulk.found(connection, [s.ref for s in steps], _READ), strict=True):
            if row is not None:
                _judge(step, row, moves, at, connection)
        bulk.changed(connection, moves.opened, ("input_hash", "fence", "due_at", "moved_at"), fixed=_OPEN)
        bulk.changed(connection, moves.shut, ("input_hash", "fence", "message", "review_at", "finished_at", "moved_at"), fixed=_SHUT)
        bulk.changed(connection, moves.kept, ("input_hash",), fixed="ready = TRUE")
        traces.resets(moves.taken, now=now, connection=connection, why="the stage before came to another end")
        steps = moves.further


def _judge(step: Step, row: Any, moves: _Moves, at: Any, connection: Connection) -> None:
    place, status, chain, fence, ready, provider, output_hash, message, worker = row
    if status == "pending" and not ready and not step.skip:  # by far the most common: it waited for this
        moves.opened.append((step.chain, fence, at, at, place))
        return
    if status == "skipped" and message == traces.CANCELLED:
        return
    human = status == "completed" and provider == traces.HUMAN
    same = chain == step.chain or (step.passing and status == "skipped" and chain == bulk.digest(step.chain, message or ""))
    if status == "completed" and (same or human) and not step.skip:
        moves.kept.append((step.chain, place))
        moves.further += step_after(step.ref, bulk.digest(step.chain, output_hash), passing=same)
    elif human or (status == "skipped" and same):
        return
    elif status == "in_progress" and same and not step.skip:
        moves.kept.append((step.chain, place))
    else:
        leased = status == "in_progress"
        if leased:
            moves.taken.append((step.ref, fence, worker))
        if step.skip:
            moves.shut.append((step.chain, fence + leased, step.skip, bulk.moment(connection, step.review_at), at, at, place))
            moves.further += step_after(step.ref, step.chain, skip=step.skip, review_at=step.review_at)
        else:
            moves.opened.append((step.chain, fence + leased, at, at, place))
