"""The state of enrichment: records come in, workers claim them stage by stage and end their claims, people steer and read.

One interface on SQLite and Postgres.

What a claim, an end, a step to the next stage or a review means is written in the modules beside this one; here each is one transaction.
The states and their rules: `pending -> in_progress -> completed | failed | skipped`, `failed -> in_progress` when it is due, and nothing is ever
without a next moment, an end, or a person who is told (`Counts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.storage.enrichment import bulk, claiming, ending, intake, pauses, reviews, standing, steering, traces
from seeding_platform.storage.enrichment.states import ANY_DEAD, Dead

if TYPE_CHECKING:
    import datetime as dt
    import random
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeVar

    from sqlalchemy import Connection

    from seeding_platform.storage.enrichment.intake import Intake
    from seeding_platform.storage.enrichment.pauses import Pause
    from seeding_platform.storage.enrichment.reviews import HumanLabel, Review
    from seeding_platform.storage.enrichment.standing import RecordState, Story
    from seeding_platform.storage.enrichment.states import Claimed, Completed, Counts, Failed, Record, Ref, Skipped
    from seeding_platform.storage.enrichment.traces import Beside
    from seeding_platform.storage.state import State

    T = TypeVar("T")


class EnrichmentStore:
    """Enrichment in the state database. May be shared by threads.

    Args:
        state: the state database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    # --- records come in

    def intake(self, records: Sequence[Record], *, now: dt.datetime) -> Intake:
        """Take records in, ten thousand a transaction; of one that stands twice in them the last counts.

        A new one gets a row per stage, the first due now. One with another hash begins anew in all stages, and whoever works on it loses the claim;
        one that was cancelled comes back with it. One with the same hash stays as it is, but for priority and value.

        Raises:
            PermanentError: a record without tenant, id or hash, or with a value or payload that is no plain JSON; its transaction is undone.
        """
        return intake.taken_in(self.engine, records, now=now)

    # --- workers

    def claim(
        self,
        stage: str,
        *,
        owner: str,
        limit: int,
        lease: dt.timedelta,
        now: dt.datetime,
        tenants: Collection[str] | None = None,
        quota: int | None = None,
    ) -> list[Claimed]:
        """Claim what is due in a stage; nobody else gets the same rows while the lease lasts. Leases that ran out are taken back first.

        Args:
            stage: which.
            owner: who works, for people.
            limit: rows at most.
            lease: how long they are held unless renewed.
            now: the moment, aware.
            tenants: only these; None = all. What is paused or not served is left out.
            quota: places of the batch that are for retries as long as first tries wait, and the other way round; None = a fifth.
        """
        return self._written(lambda c: claiming.claimed(c, stage, owner=owner, limit=limit, lease=lease, now=now, tenants=tenants, quota=quota))

    def heartbeat(self, claims: Sequence[Claimed], *, owner: str, lease: dt.timedelta, now: dt.datetime) -> list[Claimed]:
        """Renew leases; gives back the claims that are still held. The others were taken away: their work is for nothing."""
        return self._written(lambda c: claiming.renewed(c, claims, owner=owner, lease=lease, now=now))

    def complete(self, ends: Sequence[Completed], *, now: dt.datetime) -> list[bool]:
        """End claims with an output; for each whether it was still held. The next stage opens, or has nothing to do, in the same transaction.

        Raises:
            PermanentError: an end says no answer (a confidence outside 0 to 1, a classification without label, no plain JSON); nothing is written.
        """
        return self._written(lambda c: ending.completed(c, ends, now=now))

    def fail(self, ends: Sequence[Failed], *, now: dt.datetime) -> list[bool]:
        """End claims without an answer; for each whether it was still held. A sixth try that counts and fails is dead, whatever `due_at` says."""
        return self._written(lambda c: ending.failed(c, ends, now=now))

    def skip(self, ends: Sequence[Skipped], *, now: dt.datetime) -> list[bool]:
        """End claims with nothing to do; for each whether it was still held. The stages after have nothing to do either."""
        return self._written(lambda c: ending.skipped(c, ends, now=now))

    def release(self, claims: Sequence[Claimed], *, now: dt.datetime) -> list[bool]:
        """Give claims back unworked: due now, the attempt not counted; for each whether it was still held."""
        return self._written(lambda c: ending.released(c, claims, now=now))

    def swept(self, now: dt.datetime) -> int:
        """Take leases back that ran out, without claiming; gives their number (ten thousand at most)."""
        return self._written(lambda c: claiming.swept(c, now=now))

    def keep_beside(self, answers: Sequence[Beside], *, now: dt.datetime) -> None:
        """Keep what a candidate answered; no state of a record follows from it."""
        if answers:
            self._written(lambda c: traces.beside(c, answers, now=now))

    # --- steering

    def invalidate(
        self,
        *,
        tenant: str | None = None,
        stage: str,
        keep: tuple[str, str],
        below: float | None = None,
        most_reasks: int | None = None,
        now: dt.datetime,
    ) -> int:
        """Put a stage's outputs back that another version made; gives their number. What a person said stays.

        Args:
            tenant: whose; None = everybody's.
            stage: which.
            keep: version of the model and of the prompt whose outputs stay.
            below: only outputs with a confidence below it, and each counts as done again for it.
            most_reasks: leave what was done again for low confidence so often already; None = however often it was.
            now: the moment, aware.
        """
        return self._written(lambda c: steering.invalidated(c, tenant=tenant, stage=stage, keep=keep, below=below, most_reasks=most_reasks, now=now))

    def again(self, tenant: str, record: tuple[str, str], *, stage: str, now: dt.datetime) -> Ref | None:
        """Do one record's stage anew, and what rests on it; an answer that was kept before will not do.

        Gives None where nothing of it can be done anew: there is no such record, it waits or is worked on already, a person has answered, it was
        cancelled, or a stage before left nothing to do.
        """
        return self._written(lambda c: steering.again(c, tenant, record, stage=stage, now=now))

    def redrive(
        self,
        tenant: str,
        *,
        stage: str | None = None,
        error: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        records: Collection[tuple[str, str]] | None = None,
        dry_run: bool,
        now: dt.datetime,
    ) -> list[Ref]:
        """Bring dead rows back as if never tried: of a stage, with an error, dead since then or until then (see `Dead`), of records (type, id).

        A dry run only says which.
        """
        wanted = Dead(stage=stage, error=error, since=since, until=until)
        return self._written(lambda c: steering.redriven(c, tenant, wanted=wanted, records=records, dry_run=dry_run, now=now))

    def cancel(
        self, tenant: str, *, stage: str | None = None, records: Collection[tuple[str, str]] | None = None, reason: str, now: dt.datetime
    ) -> list[Ref]:
        """Skip what is not finished, in a stage and those after it, or in all; gives what was. Only another input brings it back."""
        return self._written(lambda c: steering.cancelled(c, tenant, stage=stage, records=records, reason=reason, now=now))

    def pause(self, pause: Pause) -> None:
        """Claim nothing of a tenant, a stage, or at all, until `resume`."""
        self._written(lambda c: pauses.paused(c, pause))

    def resume(self, tenant: str, stage: str) -> bool:
        """End a pause; false when there is none."""
        return self._written(lambda c: pauses.ended(c, tenant, stage))

    def pauses(self, tenant: str | None = None) -> list[Pause]:
        """Pauses that hold for a tenant; None = all."""
        return self._read(lambda c: pauses.listed(c, tenant))

    def forget_attempts(self, *, before: dt.datetime) -> int:
        """Forget attempts from before a moment; states, labels and actions stay. Returns how many."""
        return self._written(lambda c: traces.pruned(c, before=before))

    # --- reading

    def due(self, now: dt.datetime) -> list[tuple[str, str, int]]:
        """How many rows could be claimed now, by tenant and stage; those that ran out of their lease too, paused ones not."""
        return self._read(lambda c: standing.due(c, now=now))

    def next_due_at(self) -> dt.datetime | None:
        """When there is something to do next, be it in the past; None = never."""
        return self._read(standing.next_due_at)

    def counts(self, tenant: str | None = None, *, now: dt.datetime) -> list[Counts]:
        """Where all rows are at one instant, by tenant and stage in their order."""
        return self._read(lambda c: standing.counts(c, tenant, now=now))

    def records(
        self,
        tenant: str,
        *,
        status: str | None = None,
        stage: str | None = None,
        error: str | None = None,
        dead: bool | None = None,
        text: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[RecordState]:
        """Records of a tenant by type and id, after a (type, id); with one stage for which all that is asked holds. `text`: how the id begins."""
        return self._read(
            lambda c: standing.records(c, tenant, status=status, stage=stage, error=error, dead=dead, text=text, after=after, limit=limit)
        )

    def dead(self, tenant: str, wanted: Dead = ANY_DEAD, *, after: tuple[str, str] | None = None, limit: int = 50) -> list[RecordState]:
        """Records of a tenant with a dead row that is meant, by type and id, after a (type, id)."""
        return self._read(lambda c: standing.dead(c, tenant, wanted, after=after, limit=limit))

    def story(self, tenant: str, record_type: str, record_id: str) -> Story | None:
        """All that is known of a record; None where the tenant has no such one."""
        return self._read(lambda c: standing.story(c, tenant, record_type, record_id))

    # --- people

    def reviews(
        self,
        tenant: str,
        *,
        now: dt.datetime,
        limit: int,
        after: tuple[str, str] | None = None,
        record: tuple[str, str] | None = None,
        dead: bool = False,
    ) -> list[Review]:
        """Classifications that wait for a person: unsure ones in time or done again five times, samples, and with `dead` those that are dead.

        By (type, id), after one; or of one `record` alone.
        """
        return self._read(lambda c: reviews.waiting(c, tenant, now=now, limit=limit, after=after, record=record, dead=dead))

    def judge(
        self,
        tenant: str,
        record_type: str,
        record_id: str,
        *,
        label: str,
        actor: str,
        reason: str,
        now: dt.datetime,
        output: Mapping[str, Any] | None = None,
    ) -> HumanLabel | None:
        """Let a person's label be the classification, with confidence 1.0, and open the next stage; None where there is no such record.

        Args:
            tenant: whose.
            record_type: order or exception.
            record_id: of the record.
            label: what the person says.
            actor: who.
            reason: low_confidence, sample or dead.
            now: the moment, aware.
            output: of the classification; None = one with the label alone.

        Raises:
            PermanentError: no label, or another reason.
        """
        return self._written(
            lambda c: reviews.judged(c, tenant, record_type, record_id, label=label, actor=actor, reason=reason, output=output, now=now)
        )

    def say(self, tenant: str, record: tuple[str, str], *, stage: str, word: str, actor: str, reason: str, now: dt.datetime) -> HumanLabel | None:
        """Keep what a person says is the right answer of a stage; the record goes on as it is. None where there is no such record.

        Versions are compared and proven by it. A person's label of a classification is more than that: see `judge`.

        Args:
            tenant: whose.
            record: type and id.
            stage: which.
            word: the right answer in a word.
            actor: who says so.
            reason: low_confidence, sample or dead.
            now: the moment, aware.

        Raises:
            PermanentError: no answer, or another reason.
        """
        return self._written(lambda c: reviews.said_right(c, tenant, record, stage=stage, word=word, actor=actor, reason=reason, now=now))

    def labels(self, tenant: str, since: dt.datetime | None = None, *, stage: str | None = None) -> list[HumanLabel]:
        """What people said of a tenant's records, oldest first; of one stage, or of all."""
        return self._read(lambda c: reviews.labels_of(c, tenant, stage=stage, since=since))

    def sample(self, tenant: str, share: float, *, rng: random.Random, now: dt.datetime, since: dt.datetime | None = None) -> list[Ref]:
        """Put a share (0-1) of accepted classifications, finished since a moment, up for review; gives which."""
        return self._written(lambda c: reviews.sampled(c, tenant, share, rng=rng, since=since, now=now))

    def _written(self, work: Callable[[Connection], T]) -> T:
        return bulk.transaction(self.engine, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            return work(connection)
