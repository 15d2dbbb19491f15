"""The rules of the state of enrichment in plain Python, one row at a time, as the design words them: what the store is compared with.

It knows no hashes: what a stage rests on is the tuple of the record's hash and the outputs before it.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

STAGES = ("order_analysis", "exception_classification", "automated_resolution")
Key = tuple[str, str, str]


@dataclass
class Row:
    """One record in one stage."""

    status: str = "pending"
    ready: bool = False
    due_at: dt.datetime | None = None
    attempts: int = 0
    asked: int = 0
    losses: int = 0
    reasked: int = 0
    redrives: int = 0
    lease_until: dt.datetime | None = None
    lease_owner: str | None = None
    fence: int = 0
    rests_on: tuple[Any, ...] = ()
    output: Any = None
    confidence: float | None = None
    label: str | None = None
    provider: str | None = None
    version: str | None = None
    error: str | None = None
    message: str | None = None
    dead: bool = False
    review_at: dt.datetime | None = None

    def forget(self) -> None:
        """No answer, no lease, no trouble."""
        self.output = self.confidence = self.label = self.provider = self.version = None
        self.lease_until = self.lease_owner = self.error = self.message = self.review_at = None
        self.dead = False

    def begin(self, now: dt.datetime | None, *, ready: bool = True) -> None:
        """To be worked on as if never tried."""
        self.forget()
        self.status, self.ready, self.due_at = "pending", ready, now if ready else None
        self.attempts = self.asked = self.losses = 0


@dataclass
class Model:
    """All rows, and every attempt by (record, stage, fence)."""

    now: dt.datetime
    hashes: dict[Key, str] = field(default_factory=dict)
    priorities: dict[Key, int] = field(default_factory=dict)
    rows: dict[tuple[Key, str], Row] = field(default_factory=dict)
    attempts: dict[tuple[Key, str, int], str] = field(default_factory=dict)
    pauses: set[tuple[str, str]] = field(default_factory=set)

    def trace(self, key: Key, stage: str, fence: int, outcome: str) -> None:
        self.attempts.setdefault((key, stage, fence), outcome)

    def take_away(self, key: Key, stage: str) -> None:
        """Fence off who holds the row, if anybody does."""
        row = self.rows[key, stage]
        if row.status == "in_progress":
            self.trace(key, stage, row.fence, "reset")
            row.fence += 1

    def before_done(self, key: Key, stage: str) -> bool:
        return all(self.rows[key, s].status == "completed" for s in STAGES[: STAGES.index(stage)])

    def intake(self, records: list[tuple[Key, str, int]]) -> tuple[int, int, int]:
        found = [0, 0, 0]
        for key, hashed, priority in {r[0]: r for r in records}.values():
            if key not in self.hashes:
                found[0] += 1
                for stage in STAGES:
                    self.rows[key, stage] = Row()
                self.rows[key, STAGES[0]].begin(self.now)
            elif self.hashes[key] != hashed:
                found[1] += 1
                for stage in STAGES:
                    self.take_away(key, stage)
                    self.rows[key, stage].begin(self.now, ready=stage == STAGES[0])
                    self.rows[key, stage].reasked = 0
                    self.rows[key, stage].rests_on = ()
            else:
                found[2] += 1
            self.hashes[key], self.priorities[key] = hashed, priority
            self.rows[key, STAGES[0]].rests_on = (hashed,)
        return tuple(found)

    def due(self, stage: str, status: str, tenants: set[str] | None) -> list[Key]:
        away = {t for t, s in self.pauses if s in ("", stage)}
        return [
            key
            for (key, s), row in self.rows.items()
            if s == stage and row.status == status and row.due_at is not None and row.due_at <= self.now
            and key[0] not in away and "" not in away and (tenants is None or key[0] in tenants)
        ]  # fmt: skip

    def expected(self, stage: str, limit: int, quota: int, tenants: set[str] | None) -> list[tuple[str, int, dt.datetime]]:
        """Tenant, priority and moment of the rows that a claim gives, in its order; which of several equal rows is left open."""

        def said(key: Key) -> tuple[str, int, Any]:
            return key[0], self.priorities[key], self.rows[key, stage].due_at

        left = {s: sorted(map(said, self.due(stage, s, tenants)), key=lambda k: (-k[1], k[2])) for s in ("pending", "failed")}
        taken: list[tuple[str, int, Any]] = []
        for status, places in (("pending", limit - quota), ("failed", quota), ("pending", limit), ("failed", limit)):
            turns: dict[str, int] = {}
            ranked = []
            for row in left[status]:
                ranked.append((turns.get(row[0], 0), -row[1], row[2], row[0], row))
                turns[row[0]] = turns.get(row[0], 0) + 1
            chosen = [r[-1] for r in sorted(ranked)][: max(min(places, limit - len(taken)), 0)]
            for row in chosen:
                left[status].remove(row)
            taken += chosen
        return taken

    def sweep(self, stage: str | None = None) -> int:
        n = 0
        for (key, s), row in self.rows.items():
            if row.status == "in_progress" and row.lease_until <= self.now and stage in (None, s):
                n += 1
                self.trace(key, s, row.fence, "lost")
                row.losses, row.attempts, row.error = row.losses + 1, row.attempts - 1, "worker_lost"
                row.lease_until = row.lease_owner = None
                if row.losses > 3:
                    row.status, row.dead = "failed", True
                elif row.ready:
                    row.status, row.due_at = "failed", self.now
                else:
                    row.status, row.error = "pending", None
                row.message = "whoever worked on it was not heard of again" if row.status == "failed" else None
        return n

    def claim(self, key: Key, stage: str, owner: str, until: dt.datetime) -> Row:
        row = self.rows[key, stage]
        row.forget()
        row.status, row.due_at, row.lease_owner, row.lease_until = "in_progress", None, owner, until
        row.fence, row.attempts, row.asked = row.fence + 1, row.attempts + 1, row.asked + 1
        return row

    def held(self, key: Key, stage: str, fence: int, *, trace: bool = True) -> bool:
        row = self.rows[key, stage]
        if row.status == "in_progress" and row.fence == fence:
            return True
        if trace:
            self.trace(key, stage, fence, "outdated")
        return False

    def complete(self, key: Key, stage: str, fence: int, *, output, confidence, label, skip, review_at, version) -> bool:
        if not self.held(key, stage, fence):
            return False
        row = self.rows[key, stage]
        self.trace(key, stage, fence, "completed")
        row.forget()
        row.status, row.output, row.confidence, row.label, row.provider, row.version = "completed", output, confidence, label, "model", version
        if row.ready or skip:
            self.onward(key, stage, skip=skip, review_at=review_at)
        return True

    def fail(self, key: Key, stage: str, fence: int, *, error, due_at, refund) -> bool:
        if not self.held(key, stage, fence):
            return False
        row = self.rows[key, stage]
        self.trace(key, stage, fence, "failed")
        row.forget()
        row.attempts -= refund
        row.error, row.message = error, "failed"
        if due_at is None or row.attempts > 5:
            row.status, row.dead = "failed", True
        elif row.ready:
            row.status, row.due_at = "failed", due_at
        else:
            row.status, row.error, row.message = "pending", None, None
        return True

    def skip(self, key: Key, stage: str, fence: int, *, reason) -> bool:
        if not self.held(key, stage, fence):
            return False
        row = self.rows[key, stage]
        self.trace(key, stage, fence, "skipped")
        row.forget()
        row.status, row.message = "skipped", reason
        self._shut_after(key, stage, (*row.rests_on, ("skip", reason)), reason, None)
        return True

    def release(self, key: Key, stage: str, fence: int) -> bool:
        if not self.held(key, stage, fence, trace=False):
            return False
        row = self.rows[key, stage]
        row.forget()
        row.status, row.attempts, row.asked, row.due_at = "pending", row.attempts - 1, row.asked - 1, self.now if row.ready else None
        return True

    def onward(self, key: Key, stage: str, *, skip: str = "", review_at=None, passing: bool = False) -> None:
        """The stage has come to an output: what of the next one?"""
        if stage == STAGES[-1]:
            return
        done, after = self.rows[key, stage], STAGES[STAGES.index(stage) + 1]
        chain = (*done.rests_on, ("output", done.output))
        if skip:
            self._shut_after(key, stage, (*chain, ("skip", skip)), skip, review_at)
            return
        row = self.rows[key, after]
        if row.status == "skipped" and row.message == "cancelled":
            return
        same = row.rests_on == chain
        human = row.status == "completed" and row.provider == "human"
        if row.status == "completed" and (same or human):
            row.rests_on, row.ready = chain, True
            self.onward(key, after, passing=same)
        elif row.status == "skipped" and (same or (passing and row.rests_on == (*chain, ("skip", row.message)))):
            pass
        elif row.status == "in_progress" and same:
            row.ready = True
        else:
            self.take_away(key, after)
            row.begin(self.now)
            row.reasked, row.rests_on = 0, chain

    def _shut_after(self, key: Key, stage: str, chain: tuple, reason: str, review_at) -> None:
        for later in STAGES[STAGES.index(stage) + 1 :]:
            row = self.rows[key, later]
            if row.status == "skipped" and (row.message == "cancelled" or row.rests_on == chain):
                return
            if row.status == "completed" and row.provider == "human":
                return
            self.take_away(key, later)
            row.forget()
            row.status, row.ready, row.due_at, row.message, row.review_at, row.rests_on = "skipped", True, None, reason, review_at, chain
            chain = (*chain, ("skip", reason))

    def invalidate(self, stage: str, keep: str, below: float | None, most: int | None = None) -> int:
        n = 0
        for (key, s), row in self.rows.items():
            if s != stage or row.status not in ("completed", "skipped") or row.version in (None, keep) or row.provider == "human":
                continue
            if below is not None and (row.status != "completed" or row.confidence is None or row.confidence >= below):
                continue
            if most is not None and row.reasked >= most:
                continue
            n += 1
            self.anew(key, stage, reasked=below is not None)
        return n

    def again(self, key: Key, stage: str) -> bool:
        row = self.rows.get((key, stage))
        made = row is not None and row.status in ("completed", "skipped") and row.version is not None and row.provider != "human"
        if row is None or not (made or row.status == "failed"):
            return False
        self.anew(key, stage, reasked=True)
        return True

    def anew(self, key: Key, stage: str, *, reasked: bool) -> None:
        row = self.rows[key, stage]
        row.begin(self.now, ready=self.before_done(key, stage))
        row.reasked += reasked
        for later in STAGES[STAGES.index(stage) + 1 :]:
            after = self.rows[key, later]
            if after.due_at is not None:
                after.status, after.ready, after.due_at, after.error, after.message = "pending", False, None, None, None
            elif after.status == "in_progress":
                after.ready = False

    def redrive(self, tenant: str, *, dry_run: bool) -> set[tuple[Key, str]]:
        found = {(key, s) for (key, s), row in self.rows.items() if key[0] == tenant and row.dead}
        for key, s in () if dry_run else found:
            self.rows[key, s].begin(self.now, ready=self.before_done(key, s))
            self.rows[key, s].redrives += 1
        return found

    def cancel(self, tenant: str, stage: str | None) -> set[tuple[Key, str]]:
        names = STAGES[STAGES.index(stage) if stage else 0 :]
        found = {
            (key, s) for (key, s), row in self.rows.items() if key[0] == tenant and s in names and row.status not in ("completed", "skipped")
        }  # fmt: skip
        for key, s in found:
            row = self.rows[key, s]
            row.forget()
            row.status, row.ready, row.due_at, row.message, row.fence = "skipped", True, None, "cancelled", row.fence + 1
            self.trace(key, s, row.fence, "skipped")
        return found

    def judge(self, key: Key, label: str, output: Any) -> bool:
        if key not in self.hashes:
            return False
        stage = STAGES[1]
        row = self.rows[key, stage]
        if row.status == "in_progress":
            self.trace(key, stage, row.fence, "reset")
        row.forget()
        row.status, row.due_at, row.output, row.confidence, row.label, row.provider = "completed", None, output, 1.0, label, "human"
        row.fence += 1
        self.trace(key, stage, row.fence, "completed")
        if self.rows[key, STAGES[0]].status == "completed":
            self.onward(key, stage)
        return True

    def seen(self) -> dict[tuple[Key, str], dict[str, Any]]:
        """Every row as the store shows it."""
        return {name: {k: v for k, v in dataclasses.asdict(row).items() if k not in ("rests_on", "version")} for name, row in self.rows.items()}
