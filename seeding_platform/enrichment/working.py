"""A worker's pass: what is due is claimed, asked, judged and written back, stage by stage, until nothing is due or its time is over.

Any number of workers may run at once, here or elsewhere: what one of them holds is leased, and a claim that was lost is refused when it is written.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seeding_platform.enrichment.outputs import Invalid
from seeding_platform.enrichment.providers.protocol import Question, Reply
from seeding_platform.enrichment.retry import after
from seeding_platform.errors import PermanentError, SeedingError
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Made, Stage

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.enrichment.retry import RetryPolicy
    from seeding_platform.enrichment.settings import WorkLimits
    from seeding_platform.storage.enrichment.states import Claimed, Ref
    from seeding_platform.storage.enrichment.store import EnrichmentStore

log = logging.getLogger("seeding.enrichment")
NO_ANSWER = "no answer came for it"
TWO_ANSWERS = "two answers came for it, and they differ"


@dataclass(frozen=True, slots=True)
class Undone:
    """A good answer whose action did not come about; it is tried again under the same key.

    Args:
        error: which class of failure.
        why: for people; no text of the record.
    """

    error: ErrorClass
    why: str


Judge = Callable[["Claimed", Reply, "Made", "dt.datetime"], "Completed | Undone | Invalid"]
"""What an answer comes to; for a resolution it also carries the action out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What a worker works with.

    Attributes:
        store: the state of every record.
        provider_of: who is asked for a tenant.
        judge: what an answer comes to.
        limits: how much at once.
        retries: what becomes of failures.
        now: the clock.
        rng: spreads retries.
        owner: names this worker in leases.
        pulse: whether leases are renewed by a thread while a batch is worked on.
        stopped: asked between batches; true ends the pass.
        beside: is given the claims of a group once their ends are written; nothing of it reaches a record.
    """

    store: EnrichmentStore
    provider_of: Callable[[str], Provider]
    judge: Judge
    limits: WorkLimits
    retries: RetryPolicy
    now: Callable[[], dt.datetime]
    rng: random.Random
    owner: str
    pulse: bool = True
    stopped: Callable[[], bool] = bool
    beside: Callable[[Sequence[Claimed]], object] | None = None


@dataclass(slots=True)
class Tally:
    """What a pass came to.

    Attributes:
        claimed: by stage.
        completed: by stage.
        skipped: by stage: what the end of a stage before left nothing to do in.
        failed: by (stage, class of error).
        outdated: ends that were refused: somebody else held the record by then.
        out_of_time: whether something was left because the time was over.
        moved: ends that were written, by tenant.
    """

    claimed: Counter[str] = field(default_factory=Counter)
    completed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    outdated: int = 0
    out_of_time: bool = False
    moved: Counter[str] = field(default_factory=Counter)


def work(crew: Crew, *, until: dt.datetime | None = None, tenants: Sequence[str] | None = None) -> Tally:
    """Work until nothing is due.

    Args:
        crew: with what.
        until: when to stop taking on more, aware; None = when nothing is due.
        tenants: only theirs; None = everybody's.
    """
    tally = Tally()
    down: set[Stage] = set()
    moved = True
    while moved and not crew.stopped():
        moved = False
        for stage in (s for s in STAGES if s not in down):
            if until is not None and crew.now() >= until:
                tally.out_of_time = True
                return tally
            claims = crew.store.claim(
                stage,
                owner=crew.owner,
                limit=crew.limits.batch,
                lease=_lease(crew),
                now=crew.now(),
                tenants=tenants,
            )
            if claims:
                moved = True
                tally.claimed[stage] += len(claims)
                known = tally.failed[stage, ErrorClass.PROVIDER_DOWN]
                _batch(crew, claims, tally)
                if tally.failed[stage, ErrorClass.PROVIDER_DOWN] - known == len(claims):
                    down.add(stage)  # the rest of an outage's heap stays due as it is: to claim it and put it off again, each time, helps nobody
    return tally


def _lease(crew: Crew) -> dt.timedelta:
    return dt.timedelta(seconds=crew.limits.lease_seconds)


def _batch(crew: Crew, claims: Sequence[Claimed], tally: Tally) -> None:
    """Work a batch of one stage off; whatever happens, what was not ended is given back."""
    left = {c.ref: c for c in claims}
    groups: dict[tuple[str, str], list[Claimed]] = defaultdict(list)
    for claim in claims:
        groups[claim.ref.tenant, claim.ref.record_type].append(claim)
    with _kept_alive(crew, left):
        try:
            for group in groups.values():
                ends = _ends(crew, group)
                _write(crew, ends, tally)
                for end in ends:
                    left.pop(end.ref, None)
                if crew.beside is not None:
                    crew.beside(group)
        finally:
            if left:
                crew.store.release(list(left.values()), now=crew.now())


@contextmanager
def _kept_alive(crew: Crew, left: Mapping[Ref, Claimed]) -> Iterator[None]:
    """Renew the leases of what is left, three times as often as they end."""
    if not crew.pulse:
        yield
        return
    over = threading.Event()

    def beat() -> None:
        while not over.wait(crew.limits.lease_seconds / 3):
            held = list(left.values())
            try:
                crew.store.heartbeat(held, owner=crew.owner, lease=_lease(crew), now=crew.now())
            except SeedingError as error:  # the next beat tries again; what is lost meanwhile is refused when it is written
                log.warning("leases of %d records could not be renewed: %s", len(held), error)

    thread = threading.Thread(target=beat, name="enrichment-pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _ends(crew: Crew, claims: Sequence[Claimed]) -> list[Completed | Failed]:
    """How claims of one stage, tenant and type of record end. What is no answer is asked for once more."""
    provider = crew.provider_of(claims[0].ref.tenant)
    questions = {c.ref.record_id: question_of(c) for c in claims}
    replies = replies_to(provider, list(questions.values()), now=crew.now())
    ends: list[Completed | Failed] = []
    again: list[tuple[Claimed, Reply, str]] = []
    for claim in claims:
        reply = replies[claim.ref.record_id]
        end = _end(crew, claim, reply)
        if isinstance(end, Invalid) and reply.made is None:
            again.append((claim, reply, end.why))
        elif isinstance(end, Invalid):  # who is made of others has asked once more already
            ends.append(_failed(crew, claim, replace(reply, error=ErrorClass.INVALID_OUTPUT, message=end.why)))
        else:
            ends.append(end)
    if again:
        asked = [replace(questions[c.ref.record_id], again=why, asked=c.asked) for c, _, why in again]
        replies = replies_to(provider, asked, now=crew.now())
        for claim, before, _ in again:
            second = replies[claim.ref.record_id]
            end = _end(crew, claim, second, before)
            if isinstance(end, Invalid):
                end = _failed(crew, claim, replace(second, error=ErrorClass.INVALID_OUTPUT, message=end.why), before)
            ends.append(end)
    return ends


def question_of(claim: Claimed) -> Question:
    """What is asked about a claim; the same claim of the same input gives the same key."""
    ref = claim.ref
    return Question(
        stage=ref.stage,
        tenant=ref.tenant,
        record_type=ref.record_type,
        record_id=ref.record_id,
        facts=claim.payload,
        upstream=claim.upstream,
        asked=claim.asked - 1,
        reasked=claim.reasked,
        idempotency_key=f"{ref.stage}:{ref.record_type}:{ref.record_id}:{claim.fence}",
    )


def replies_to(provider: Provider, questions: Sequence[Question], *, now: dt.datetime) -> dict[str, Reply]:
    """One reply a question. A batch that raises is halved until the record is found that makes it raise."""
    try:
        given = provider.ask(questions, now=now)
    except Exception as error:  # whatever a provider raises is that record's failure, and is kept and retried as one
        if len(questions) == 1:
            kind = ErrorClass.CONTENT_PERMANENT if isinstance(error, PermanentError) else ErrorClass.TRANSIENT
            log.warning("a question of %s made its provider raise %s", questions[0].stage, type(error).__name__)
            return {
                questions[0].record_id: Reply(record_id=questions[0].record_id, error=kind, message=f"its provider raised {type(error).__name__}")
            }
        half = len(questions) // 2
        return replies_to(provider, questions[:half], now=now) | replies_to(provider, questions[half:], now=now)
    found: dict[str, list[Reply]] = defaultdict(list)
    for reply in given:
        found[reply.record_id].append(reply)
    return {q.record_id: _the_one(q, found[q.record_id]) for q in questions}


def _the_one(question: Question, replies: Sequence[Reply]) -> Reply:
    if not replies:
        return Reply(record_id=question.record_id, error=ErrorClass.INVALID_OUTPUT, message=NO_ANSWER)
    if any(r.output != replies[0].output or r.error != replies[0].error for r in replies[1:]):
        return replace(replies[0], output=None, error=ErrorClass.INVALID_OUTPUT, message=TWO_ANSWERS)
    return replies[0]


def _end(crew: Crew, claim: Claimed, reply: Reply, *before: Reply) -> Completed | Failed | Invalid:
    if reply.error is ErrorClass.INVALID_OUTPUT:
        return Invalid(reply.message)
    if reply.error is not None:
        return _failed(crew, claim, reply, *before)
    end = crew.judge(claim, reply, _made(crew, claim, *before, reply), crew.now())
    return _failed(crew, claim, replace(reply, error=end.error, message=end.why), *before) if isinstance(end, Undone) else end


def _failed(crew: Crew, claim: Claimed, reply: Reply, *before: Reply) -> Failed:
    error = reply.error or ErrorClass.INVALID_OUTPUT
    then = after(error, attempt=claim.attempt, now=crew.now(), rng=crew.rng, retry_at=reply.retry_at, policy=crew.retries)
    made = _made(crew, claim, *before, reply)
    return Failed(ref=claim.ref, fence=claim.fence, error=error, message=reply.message, due_at=then.due_at, refund=then.refund, made=made)


def _made(crew: Crew, claim: Claimed, *replies: Reply) -> Made:
    """How an end came about, over all the times that it was asked for in this claim."""
    if replies[-1].made is not None:
        return replies[-1].made
    provider = crew.provider_of(claim.ref.tenant)
    model, prompt = provider.version_of(claim.ref.stage)
    return Made(
        provider=provider.name,
        model_version=model,
        prompt_version=prompt,
        took_ms=sum(r.took_ms for r in replies),
        calls=len(replies),
        tokens=sum(r.tokens for r in replies),
        cost=sum(r.cost for r in replies),
    )


def _write(crew: Crew, ends: Sequence[Completed | Failed], tally: Tally) -> None:
    completed = [e for e in ends if isinstance(e, Completed)]
    failed = [e for e in ends if isinstance(e, Failed)]
    now = crew.now()
    kept = list(crew.store.complete(completed, now=now)) if completed else []
    kept += crew.store.fail(failed, now=now) if failed else []
    written: list[Completed | Failed] = [*completed, *failed]
    for end, ours in zip(written, kept, strict=True):
        if not ours:
            tally.outdated += 1
            continue
        tally.moved[end.ref.tenant] += 1
        if isinstance(end, Failed):
            tally.failed[end.ref.stage, end.error] += 1
            continue
        tally.completed[end.ref.stage] += 1
        if end.skip_rest:
            tally.skipped.update(STAGES[STAGES.index(Stage(end.ref.stage)) + 1 :])
