"""The end of claims: completed, failed, nothing to do, or given back. Only the newest claim of a row may end it; the others leave a trace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment import bulk, traces
from seeding_platform.storage.enrichment.onward import carried, step_after
from seeding_platform.storage.enrichment.states import MOST_RETRIES, Stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from seeding_platform.storage.enrichment.states import Claimed, Completed, Failed, Ref, Skipped

_READ = "s.status, s.fence, s.attempts, s.asked, s.ready, s.input_hash, s.lease_owner"
_MADE = ("provider", "model_version", "prompt_version")
_COMPLETED = f"status = 'completed', due_at = NULL, {traces.NO_LEASE}, {traces.NO_TROUBLE}"
_SKIPPED = f"status = 'skipped', due_at = NULL, {traces.NO_LEASE}, error = NULL, escalated_at = NULL, owner = NULL"
_FAILED = f"{traces.NO_LEASE}, {traces.NO_ANSWER}, owner = NULL, review_at = NULL"
_RELEASED = f"status = 'pending', {traces.NO_LEASE}"


def completed(connection: Connection, ends: Sequence[Completed], *, now: dt.datetime) -> list[bool]:
    """End claims with an output, and carry each on to its next stage."""
    texts = [_checked(end) for end in ends]
    at, held, rows, kept, steps = bulk.moment(connection, now), [], [], [], []
    for text, (end, row) in zip(texts, _held(connection, ends, at), strict=True):
        held.append(row is not None)
        if row is None:
            continue
        place, *_, ready, chain, worker = row
        made, output_hash = end.made, bulk.digest(text)
        answer = (text, output_hash, end.confidence, end.label, made.provider, made.model_version, made.prompt_version)
        rows.append((*answer, at, at, place))
        kept.append(traces.attempt(end.ref, end.fence, "completed", at=at, worker=worker, confidence=end.confidence, label=_word(end), made=made))
        if ready or end.skip_rest:  # one whose stage before is being done again opens nothing: that stage's end will
            steps += step_after(end.ref, bulk.digest(chain, output_hash), skip=end.skip_rest, review_at=end.review_at)
    given = ("output", "output_hash", "confidence", "label", *_MADE, "finished_at", "moved_at")
    bulk.changed(connection, rows, given, fixed=_COMPLETED)
    traces.keep(connection, kept)
    carried(connection, steps, now=now)
    return held


def failed(connection: Connection, ends: Sequence[Failed], *, now: dt.datetime) -> list[bool]:
    """End claims without an answer: again later, or dead where no try is left or none would help."""
    at, held, rows, kept = bulk.moment(connection, now), [], [], []
    for end, row in _held(connection, ends, at):
        held.append(row is not None)
        if row is None:
            continue
        place, _, _, attempts, _, ready, _, worker = row
        left = attempts - end.refund
        due = None if left > MOST_RETRIES else bulk.moment(connection, end.due_at)
        waits = due is not None and not ready  # the stage before is being done again: its end opens this one
        state = ("pending", None, None, None) if waits else ("failed", due, str(end.error), end.message)
        rows.append((*state, None if due else at, left, at, place))
        kept.append(traces.attempt(end.ref, end.fence, "failed", at=at, error=str(end.error), message=end.message, worker=worker, made=end.made))
    given = ("status", "due_at", "error", "message", "escalated_at", "attempts", "moved_at")
    bulk.changed(connection, rows, given, fixed=_FAILED)
    traces.keep(connection, kept)
    return held


def skipped(connection: Connection, ends: Sequence[Skipped], *, now: dt.datetime) -> list[bool]:
    """End claims that had nothing to do; the stages after them have nothing to do either, for the same reason."""
    at, held, rows, kept, steps = bulk.moment(connection, now), [], [], [], []
    for end, row in _held(connection, ends, at):
        held.append(row is not None)
        if row is None:
            continue
        place, *_, chain, worker = row
        how = (end.made.provider or None, end.made.model_version or None, end.made.prompt_version or None)
        rows.append((end.reason, bulk.moment(connection, end.review_at), *how, at, at, place))
        kept.append(traces.attempt(end.ref, end.fence, "skipped", at=at, message=end.reason, worker=worker, made=end.made))
        steps += step_after(end.ref, chain, skip=end.reason, review_at=end.review_at)
    bulk.changed(connection, rows, ("message", "review_at", *_MADE, "finished_at", "moved_at"), fixed=_SKIPPED)
    traces.keep(connection, kept)
    carried(connection, steps, now=now)
    return held


def released(connection: Connection, claims: Sequence[Claimed], *, now: dt.datetime) -> list[bool]:
    """Give claims back unworked: as if they had not been, but for the fence."""
    at, held, rows = bulk.moment(connection, now), [], []
    for _, row in _held(connection, claims, at, trace=False):
        held.append(row is not None)
        if row is not None:
            place, _, _, attempts, asked, ready, *_ = row
            rows.append((at if ready else None, attempts - 1, asked - 1, at, place))
    bulk.changed(connection, rows, ("due_at", "attempts", "asked", "moved_at"), fixed=_RELEASED)
    return held


def _word(end: Completed) -> str | None:
    return end.label or end.word or None


def _held(connection: Connection, ends: Sequence[Any], at: Any, *, trace: bool = True) -> Iterator[tuple[Any, Any]]:
    """Each end with its row, locked; None where the claim is no longer theirs, of which a trace is kept."""
    late: list[tuple[Any, ...]] = []
    seen: set[tuple[Ref, int]] = set()
    pairs: list[tuple[Any, Any]] = []
    for end, row in zip(ends, bulk.found(connection, [end.ref for end in ends], _READ), strict=True):
        if row is not None and row[1] == "in_progress" and row[2] == end.fence and (end.ref, end.fence) not in seen:
            seen.add((end.ref, end.fence))
            pairs.append((end, row))
            continue
        pairs.append((end, None))
        if trace and row is not None and 0 < end.fence <= row[2] and (end.ref, end.fence) not in seen:
            late.append(traces.attempt(end.ref, end.fence, "outdated", at=at, made=end.made))
    traces.keep(connection, late)
    return iter(pairs)


def _checked(end: Completed) -> str:
    """The output as it is kept.

    Raises:
        PermanentError: the end says no answer: its confidence is no share, its label is missing, its output is no JSON.
    """
    named = f"The end of {end.ref.stage} of a record of {end.ref.tenant}"
    fix = "Fail the claim as invalid_output instead."
    confidence = end.confidence
    if confidence is not None and (isinstance(confidence, bool) or not isinstance(confidence, (int, float))):
        raise PermanentError(f"{named} has a confidence that is no number.", fix=fix)
    if confidence is not None and not (math.isfinite(confidence) and 0 <= confidence <= 1):
        raise PermanentError(f"{named} has a confidence outside 0 to 1.", fix=fix)
    if end.ref.stage == Stage.CLASSIFICATION and (confidence is None or not end.label):
        raise PermanentError(f"{named} lacks a label or a confidence.", fix=fix)
    return bulk.canonical(end.output)
