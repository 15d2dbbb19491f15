"""Hours of enrichment in virtual time: the real store, worker, breaker, schedule of retries and ledger; only the clock and the provider are made up.

A minute is a step: what has come by then is taken in, and where something is due a worker goes to work, as the sensor does it. Answers take
time of the clock. A worker that is killed says nothing more, and its leases run out; one whose answer is late is overtaken by a second one.
Beside the product's own policy stand some that are simpler, as switches of this module alone.
"""

import datetime as dt
import itertools
import random
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from pydantic import SecretStr

from seeding_platform.enrichment.actions import Carried, carried_out
from seeding_platform.enrichment.allowance import ActionPolicy
from seeding_platform.enrichment.judging import judge_by
from seeding_platform.enrichment.outputs import Invalid, checked
from seeding_platform.enrichment.providers.breaker import Breaking
from seeding_platform.enrichment.providers.fake import BAR, HIGHEST, LOWEST, Fake, WorkerKilled
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.enrichment.providers.script import Match, Outcome, Rule, Script, drawn
from seeding_platform.enrichment.retry import RetryPolicy
from seeding_platform.enrichment.settings import WorkLimits
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.enrichment.working import Crew, work
from seeding_platform.exchange.http import Answer
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.actions import ActionLedger
from seeding_platform.storage.enrichment.breakers import Breakers
from seeding_platform.storage.enrichment.states import Record, Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State

BEGIN = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
RUN = 20 * MINUTE
STAGES = tuple(Stage)


@dataclass(frozen=True)
class Policy:
    """How the work is organised.

    Args:
        name: for the table.
        every: how often it is looked whether there is something to do.
        drains: whether a look works until nothing is due, instead of twenty minutes.
        breaker: whether a provider that is down is left alone.
        masks: whether a default stands in for an answer that did not come.
        fences: whether late writers are refused and actions are kept in a ledger.
    """

    name: str = "as built"
    every: dt.timedelta = MINUTE
    drains: bool = False
    breaker: bool = True
    masks: bool = False
    fences: bool = True


AS_BUILT = Policy()
NAIVE = (
    Policy("every 4 hours only", every=4 * HOUR, drains=True),
    Policy("no breaker", breaker=False),
    Policy("defaults for failures", masks=True),
    Policy("no fences, no ledger", fences=False),
)


def bad_day(outage: tuple[float, float] | None = (2, 10), *, poison: float = 0.005, rare: float = 0.0004) -> Script:
    """4 % time-outs, 2 % nulls, poison, 5 % unsure, now and then a late answer or a worker that dies of it; down between two hours."""
    down = [] if outage is None else [Rule(outcome=Outcome.SERVER_ERROR, since=HOUR * outage[0], until=HOUR * outage[1])]
    classification = Match(stage=Stage.CLASSIFICATION)
    return Script(
        seed=3,
        rules=(
            *down,
            Rule(match=classification, outcome=Outcome.MALFORMED, share=poison, draw="record"),
            Rule(match=classification, outcome=Outcome.LOW_CONFIDENCE, share=0.05, draw="record"),
            Rule(outcome=Outcome.TIMEOUT, share=0.04),
            Rule(outcome=Outcome.NULLS, share=0.02),
            Rule(outcome=Outcome.KILL_WORKER, share=rare),
            Rule(outcome=Outcome.LATE, share=rare),
        ),
    )


@dataclass(frozen=True)
class Figures:
    """What came of it; shares 0-1, times in minutes."""

    policy: str
    records: int
    within_a_day: float
    ceiling: float
    lost: int
    masked: int
    double_actions: int
    written_twice: int
    actions: int
    calls_per_record: float
    p95_minutes: float
    healed: float
    dead: int
    dead_not_poison: int
    kills: int
    late: int
    most_calls_a_minute: int
    recovered_after: float | None


@dataclass
class Run:
    """One run.

    Args:
        state: an empty database.
        script: what the provider does.
        n: records.
        hours: over which they come, evenly.
        policy: how the work is organised.
        outage: hours since the begin, for the figures.
    """

    state: State
    script: Script
    n: int
    hours: float = 12.0
    policy: Policy = AS_BUILT
    outage: tuple[float, float] | None = None
    at: dt.datetime = BEGIN
    sent: dict = field(default_factory=dict)
    masked: set = field(default_factory=set)
    came: int = 0
    kills: int = 0
    overtaken: int = 0
    outdated: int = 0
    nested: bool = False
    gone: bool = False
    recovered: dt.datetime | None = None

    def __post_init__(self) -> None:
        self.store, self.ledger, self.stages = EnrichmentStore(self.state), ActionLedger(self.state), shipped_stages()
        self.fake = Fake(self.script, start=BEGIN, kill=self._kill, passed=self._passed)
        asked = Breaking(self.fake, Breakers(self.state)) if self.policy.breaker else self.fake
        self.provider = Masking(asked, self.masked) if self.policy.masks else asked
        self.workers = itertools.count(1)
        self.rng = random.Random(11)
        self.per_minute: dict[dt.datetime, int] = {}

    def until(self, end: dt.datetime) -> None:
        """Let time go by."""
        while self.at < end:
            self._take_in()
            looks = (self.at - BEGIN) % self.policy.every == dt.timedelta(0)
            if looks and (self.policy.drains or self.store.due(self.at)):
                self._worked()
            self._note_recovery()
            if (self.at - BEGIN) % (30 * MINUTE) < MINUTE:
                self.accounted()
            self.at = self._next_minute(end)

    def _next_minute(self, end: dt.datetime) -> dt.datetime:
        """The next step; once everything has come, minutes in which nothing can be due are passed over."""
        after = self.at + MINUTE
        if self.came == self.n and self.policy.every == MINUTE:
            due = self.store.next_due_at()
            after = end if due is None else max(after, min(due + MINUTE, end))
        return BEGIN + ((after - BEGIN) // MINUTE) * MINUTE

    def accounted(self) -> None:
        """Every record that came is somewhere, in each stage."""
        counts = self.store.counts(now=self.at)
        assert all(c.ingested == c.completed + c.skipped + c.dead + c.due + c.leased for c in counts)
        assert not self.came or {sum(c.ingested for c in counts if c.stage == stage) for stage in STAGES} == {self.came}

    def _take_in(self) -> None:
        due = min(self.n, int((self.at - BEGIN) / (HOUR * self.hours) * self.n))
        new = [record(i, BEGIN + HOUR * self.hours * i / self.n) for i in range(self.came, due)]
        if new:
            self.store.intake(new, now=self.at)
            self.came = due

    def _worked(self) -> None:
        self.gone = False
        calls, minute = self.fake.calls, BEGIN + ((self.at - BEGIN) // MINUTE) * MINUTE
        try:
            self.outdated += work(self._crew(), until=None if self.policy.drains else self.at + RUN).outdated
        except WorkerKilled:
            self.kills += 1
        spent = max(1, -(-(self.at - minute) // MINUTE))
        self.per_minute[minute] = (self.fake.calls - calls) // spent

    def _crew(self) -> Crew:
        return Crew(
            store=Mortal(self.store, self), provider_of=lambda tenant: self.provider, judge=judge_by(self.stages, self._act),
            limits=WorkLimits(batch=200, lease_seconds=120), retries=RetryPolicy(), now=lambda: self.at, rng=self.rng,
            owner=f"w{next(self.workers)}", pulse=False, stopped=self._between,
        )  # fmt: skip

    def _between(self) -> bool:
        self._take_in()
        return False

    def _act(self, claim, resolution, now) -> Carried:
        if not self.policy.fences:
            self.post("", b"", {"Idempotency-Key": f"{claim.ref.record_id}:{claim.fence}", "record": claim.ref.record_id})
            return Carried(key="", action=resolution.action, mode="executed", state="done", outcome="done")
        sender = Receiver(self, claim.ref.record_id)
        return carried_out(claim, resolution, policy=OPEN, ledger=self.ledger, now=now, stages=self.stages, sender=sender)

    def post(self, url, body, headers) -> Answer:
        self.sent.setdefault(headers["record"], []).append(headers["Idempotency-Key"])
        return Answer(200, {}, b"", 1)

    def _kill(self) -> None:
        if self.nested:  # one death at a time
            return
        self.gone = True
        raise WorkerKilled

    def _passed(self, seconds: float) -> None:
        if seconds < self.script.late_seconds or self.nested:
            self.at += dt.timedelta(seconds=seconds / WorkLimits().concurrency)
            return
        comes, self.nested, self.overtaken = self.at + dt.timedelta(seconds=seconds), True, self.overtaken + 1
        try:
            self.until(comes)  # whoever waits for a late answer holds nobody else up: the others go on meanwhile
        finally:
            self.nested = False
        self.at = max(self.at, comes)

    def _note_recovery(self) -> None:
        if self.outage is None or self.recovered is not None or self.at < BEGIN + HOUR * self.outage[1]:
            return
        t, r = schema.stages.c, schema.records.c
        left = (
            sa.select(sa.func.count())
            .select_from(schema.stages.join(schema.records, (t.record_id == r.record_id) & (t.tenant == r.tenant)))
            .where(t.error.in_(("provider_down", "transient")), t.due_at.is_not(None), r.arrived_at < BEGIN + HOUR * self.outage[1])
        )
        with self.state.engine.connect() as connection:
            if not connection.execute(left).scalar_one() and not self.store.due(self.at):
                self.recovered = self.at

    def figures(self) -> Figures:
        """Read the database: nothing here was counted by who did it, but for calls and actions."""
        rows, failed, twice = self._rows()
        poison = {r for r in {row.record_id for row in rows} if self._poison(r)}
        ends: dict[str, list] = {}
        for row in rows:
            ends.setdefault(row.record_id, []).append(row)
        done = {
            name: max(s.finished_at for s in stages) for name, stages in ends.items() if all(s.status in ("completed", "skipped") for s in stages)
        }
        arrived = {row.record_id: row.arrived_at for row in rows}
        took = {name: end - arrived[name] for name, end in done.items()}
        masked = sum(self._is_masked(row) for row in rows)
        calm = BEGIN + HOUR * (self.outage[0] - 0.5) if self.outage else BEGIN + HOUR * self.hours
        quick = sorted(took[name] / MINUTE for name in took if arrived[name] < calm)
        completed = {(row.record_id, row.stage) for row in rows if row.status in ("completed", "skipped")}
        honest = [key for key in failed if key[0] not in poison]
        healed = sum(key in completed for key in honest) / len(honest) if honest else 1.0
        dead = {row.record_id for row in rows if row.escalated_at is not None}
        return Figures(
            policy=self.policy.name,
            records=self.n,
            within_a_day=sum(t <= DAY for t in took.values()) / self.n,
            ceiling=1 - len(poison) / self.n,
            lost=self.n - len(ends) + sum(len(s) != len(STAGES) for s in ends.values()),
            masked=masked,
            double_actions=sum(len(set(keys)) > 1 for keys in self.sent.values()),
            written_twice=twice + (0 if self.policy.fences else self.outdated),
            actions=len(self.sent),
            calls_per_record=self.fake.calls / self.n,
            p95_minutes=quick[int(0.95 * len(quick))] if quick else float("nan"),
            healed=healed,
            dead=len(dead),
            dead_not_poison=len(dead - poison),
            kills=self.kills,
            late=self.overtaken,
            most_calls_a_minute=max(self.per_minute.values(), default=0),
            recovered_after=None if self.recovered is None or self.outage is None else (self.recovered - BEGIN) / MINUTE - 60 * self.outage[1],
        )

    def _rows(self):
        t, r, a = schema.stages, schema.records, schema.attempts
        with self.state.engine.connect() as connection:
            rows = connection.execute(sa.select(t, r.c.arrived_at).join(r, (t.c.record_id == r.c.record_id) & (t.c.tenant == r.c.tenant))).all()
            failed = {tuple(row) for row in connection.execute(sa.select(a.c.record_id, a.c.stage).where(a.c.outcome == "failed").distinct())}
            again = sa.select(a.c.record_id, a.c.stage).where(a.c.outcome == "completed").group_by(a.c.record_id, a.c.stage)
            twice = len(connection.execute(again.having(sa.func.count() > 1)).all())
        return rows, failed, twice

    def _poison(self, name: str) -> bool:
        return any(
            rule.outcome is Outcome.MALFORMED and drawn(self.script.seed, n, name, str(Stage.CLASSIFICATION), "any") < rule.share
            for n, rule in enumerate(self.script.rules)
        )

    def _is_masked(self, row) -> bool:
        """Whether a classification says what the provider never said: its confidence is that which was drawn, or there is none."""
        if row.stage != Stage.CLASSIFICATION:
            return False
        if row.status != "completed":
            return row.confidence is not None or row.label is not None
        share = drawn(self.script.seed, "confidence", row.record_id, str(row.stage))
        said = {round(LOWEST + share * (BAR - 0.01 - LOWEST), 4), round(BAR + share * (HIGHEST - BAR), 4)}
        return row.label is None or row.confidence not in said


OPEN = ActionPolicy(mode="executed", url=SecretStr("https://flows.example.org/hook"))


@dataclass
class Receiver:
    """Takes what is sent about a record."""

    run: Run
    record: str

    def post(self, url, body, headers=None) -> Answer:
        return self.run.post(url, body, {**(headers or {}), "record": self.record})


@dataclass
class Mortal:
    """A store of a worker that may die: the dead give nothing back."""

    store: EnrichmentStore
    run: Run

    def __getattr__(self, name):
        return getattr(self.store, name)

    def release(self, claims, *, now):
        return [] if self.run.gone else self.store.release(claims, now=now)


@dataclass
class Masking:
    """Puts a default in the place of every answer that is none: what must not be done."""

    inner: object
    masked: set
    name: str = "masking"

    def version_of(self, stage):
        return self.inner.version_of(stage)

    def ask(self, questions, *, now):
        told = {r.record_id: r for r in self.inner.ask(questions, now=now)}
        replies = []
        for q in questions:
            reply = told.get(q.record_id)
            if reply is None or reply.error is not None or isinstance(checked(q.stage, reply.output, record_id=q.record_id), Invalid):
                reply = Reply(record_id=q.record_id, output={"record_id": q.record_id, **DEFAULTS[Stage(q.stage)]})
            replies.append(reply)
        return replies


DEFAULTS = {
    Stage.ORDER_ANALYSIS: {"problems": [], "severity": "none", "confidence": 0.0},
    Stage.CLASSIFICATION: {"ai_label": "other", "ai_confidence": 0.0, "notes": "unknown"},
    Stage.RESOLUTION: {
        "resolvable": False, "action": "escalate", "parameters": {"amount": None, "currency": None, "template": None, "reference": None},
        "confidence": 0.0, "reason": "unknown",
    },
}  # fmt: skip


def record(i: int, arrived: dt.datetime) -> Record:
    """The i-th record: of one of four organisations, with an order that is late."""
    name = f"E-{i:06}"
    order = {
        "order_id": f"O-{i:06}", "status": "in_transit", "created_at": "2026-10-20T10:00:00Z", "promised_at": "2026-10-24T18:00:00Z",
        "shipped_at": "2026-10-21T09:00:00Z", "carrier": "DemoKoerier", "amount": 80.0, "paid_amount": 80.0, "currency": "EUR", "items": 2,
        "ship_country": "NL",
    }  # fmt: skip
    facts = {"exception_id": name, "description": f"parcel {i} has not come", "order": order}
    return Record(tenant=f"t{i % 4}", record_type="exception", record_id=name, payload=facts, input_hash=f"{i:064x}", arrived_at=arrived)


def played(url: str, *, n: int, hours: float, script: Script, policy: Policy = AS_BUILT, outage=None, until: dt.timedelta) -> Figures:
    """A whole run in a database of its own."""
    with State.open(url) as state:
        run = Run(state, script, n, hours, policy, outage)
        run.until(BEGIN + until)
        run.accounted()
        return replace(run.figures())
