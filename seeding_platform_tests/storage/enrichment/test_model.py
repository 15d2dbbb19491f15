"""The store against a plain-Python model of its rules, in random histories: claims, ends late and early, lost workers, changed records, people.

After every step each row is the same in both, every record that came in is in exactly one place per stage, and every attempt has its trace.
"""

import datetime as dt
import random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from seeding_platform.storage.database import writing
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import Completed, ErrorClass, Failed, Made, Record, Skipped
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State
from seeding_platform_tests.depth import depth
from seeding_platform_tests.storage.enrichment.model import STAGES, Model

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=5)
TENANTS = ("ant", "bee")
keys = st.tuples(st.sampled_from(TENANTS), st.just("exception"), st.sampled_from("abc"))
stages = st.sampled_from(STAGES)
some_claims = st.lists(st.integers(0, 10_000), min_size=1, max_size=4)
mostly_new = st.booleans().flatmap(lambda old: some_claims if old else st.lists(st.integers(0, 5), min_size=1, max_size=5))


def emptied(state: State) -> None:
    with writing(state.engine) as connection:
        for table in (schema.records, schema.attempts, schema.labels, schema.pauses):
            connection.execute(sa.delete(table))


class Histories(RuleBasedStateMachine):
    state: State

    @initialize()
    def begin(self):
        emptied(self.state)
        self.store, self.model, self.claims = EnrichmentStore(self.state), Model(NOW), []

    def picked(self, numbers):
        """Distinct claims, those that are still held under the smallest numbers."""
        rows = self.model.rows
        held = [c for c in self.claims if (rows[self.name(c)].status, rows[self.name(c)].fence) == ("in_progress", c.fence)]
        order = held + [c for c in self.claims[::-1] if c not in held]
        return list({(c.ref, c.fence): c for n in numbers for c in [order[n % len(order)]]}.values())

    @staticmethod
    def name(claim):
        return (claim.ref.tenant, claim.ref.record_type, claim.ref.record_id), str(claim.ref.stage)

    def ended(self, call, ends):
        """The same call twice: the second time nothing is theirs any more, whatever their order."""
        held = call(ends)
        assert call(ends[::-1]) == [False] * len(ends)
        return held

    @rule(records=st.lists(st.tuples(keys, st.sampled_from("xy"), st.integers(0, 2)), min_size=1, max_size=5))
    def intake(self, records):
        made = [
            Record(tenant=k[0], record_type=k[1], record_id=k[2], payload={"note": h}, input_hash=h, priority=p, value=float(p))
            for k, h, p in records
        ]
        found = self.store.intake(made, now=self.model.now)
        assert (found.new, found.changed, found.unchanged) == self.model.intake(records)

    @rule(stage=stages, limit=st.integers(1, 7), quota=st.integers(0, 3), tenants=st.sampled_from([None, {"ant"}]), owner=st.sampled_from("vw"))
    def claim(self, stage, limit, quota, tenants, owner):
        quota = min(quota, limit)
        self.model.sweep(stage)
        expected = self.model.expected(stage, limit, quota, tenants)
        before = {key: self.model.rows[key, stage].due_at for key in self.model.hashes}
        got = self.store.claim(stage, owner=owner, limit=limit, lease=LEASE, now=self.model.now, tenants=tenants, quota=quota)
        named = [self.name(c)[0] for c in got]
        assert [(key[0], self.model.priorities[key], before[key]) for key in named] == expected
        for key, claim in zip(named, got, strict=True):
            row = self.model.claim(key, stage, owner, self.model.now + LEASE)
            assert (claim.fence, claim.attempt, claim.asked, claim.reasked) == (row.fence, row.attempts, row.asked, row.reasked)
            assert (claim.input_hash, claim.payload) == (self.model.hashes[key], {"note": self.model.hashes[key]})
            assert claim.upstream == {s: self.model.rows[key, s].output for s in STAGES[: STAGES.index(stage)]}
        self.claims += got

    @precondition(lambda self: self.claims)
    @rule(numbers=mostly_new, confidence=st.sampled_from([0.5, 0.9]), answer=st.integers(0, 1), version=st.sampled_from("12"),
          skip=st.sampled_from(["", "", "", "low_confidence"]))  # fmt: skip
    def complete(self, numbers, confidence, answer, version, skip):
        chosen, review = self.picked(numbers), self.model.now + dt.timedelta(days=1) if skip else None
        said = {"output": {"answer": answer}, "confidence": confidence, "label": "late"}
        made = Made(provider="model", model_version=version, prompt_version="p", calls=1)
        ends = [Completed(ref=c.ref, fence=c.fence, **said, skip_rest=skip, review_at=review, made=made) for c in chosen]
        held = self.ended(lambda e: self.store.complete(e, now=self.model.now), ends)
        assert held == [self.model.complete(*self.name(c), c.fence, **said, skip=skip, review_at=review, version=version) for c in chosen]

    @precondition(lambda self: self.claims)
    @rule(numbers=mostly_new, error=st.sampled_from(ErrorClass), wait=st.sampled_from([None, 1, 1, 30]), refund=st.booleans())
    def fail(self, numbers, error, wait, refund):
        chosen, due = self.picked(numbers), None if wait is None else self.model.now + dt.timedelta(minutes=wait)
        ends = [Failed(ref=c.ref, fence=c.fence, error=error, message="failed", due_at=due, refund=refund) for c in chosen]
        held = self.ended(lambda e: self.store.fail(e, now=self.model.now), ends)
        assert held == [self.model.fail(*self.name(c), c.fence, error=str(error), due_at=due, refund=refund) for c in chosen]

    @precondition(lambda self: self.claims)
    @rule(numbers=mostly_new)
    def skip(self, numbers):
        chosen = self.picked(numbers)
        chosen = [c for c in chosen if c.ref.stage == chosen[0].ref.stage]  # a worker's batch is of one stage: one that ends takes later ones away
        made = Made(provider="model", model_version="1", prompt_version="p")
        ends = [Skipped(ref=c.ref, fence=c.fence, reason="no_problem", made=made) for c in chosen]
        held = self.ended(lambda e: self.store.skip(e, now=self.model.now), ends)
        for c, still in zip(chosen, held, strict=True):
            assert still == self.model.skip(*self.name(c), c.fence, reason="no_problem")
            if still:
                row = self.model.rows[self.name(c)]
                row.provider, row.version = "model", "1"

    @precondition(lambda self: self.claims)
    @rule(numbers=mostly_new)
    def release(self, numbers):
        chosen = self.picked(numbers)
        held = self.ended(lambda e: self.store.release(e, now=self.model.now), chosen)
        assert held == [self.model.release(*self.name(c), c.fence) for c in chosen]

    @precondition(lambda self: self.claims)
    @rule(numbers=mostly_new, owner=st.sampled_from("vw"))
    def heartbeat(self, numbers, owner):
        chosen, mine = self.picked(numbers), []
        for c in chosen:
            row = self.model.rows[self.name(c)]
            if (row.status, row.fence, row.lease_owner) == ("in_progress", c.fence, owner):
                row.lease_until = self.model.now + LEASE
                mine.append(c)
        assert self.store.heartbeat(chosen, owner=owner, lease=LEASE, now=self.model.now) == mine

    @rule(minutes=st.sampled_from([1, 4, 6, 60]))
    def time_goes_by(self, minutes):
        self.model.now += dt.timedelta(minutes=minutes)

    @rule()
    def workers_die_and_a_sweep_follows(self):
        self.model.now += LEASE
        assert self.store.swept(self.model.now) == self.model.sweep()

    @rule(stage=stages, keep=st.sampled_from("12"), below=st.sampled_from([None, None, 0.7]), most=st.sampled_from([None, 1]))
    def invalidate(self, stage, keep, below, most):
        found = self.store.invalidate(stage=stage, keep=(keep, "p"), below=below, most_reasks=most, now=self.model.now)
        assert found == self.model.invalidate(stage, keep, below, most)

    @rule(stage=stages, tenant=st.sampled_from(TENANTS), name=st.sampled_from("abc"))
    def again(self, stage, tenant, name):
        found = self.store.again(tenant, ("exception", name), stage=stage, now=self.model.now)
        assert (found is not None) == self.model.again((tenant, "exception", name), stage)

    @rule(tenant=st.sampled_from(TENANTS), dry_run=st.booleans())
    def redrive(self, tenant, dry_run):
        found = self.store.redrive(tenant, dry_run=dry_run, now=self.model.now)
        assert {((r.tenant, r.record_type, r.record_id), r.stage) for r in found} == self.model.redrive(tenant, dry_run=dry_run)

    @rule(tenant=st.sampled_from(TENANTS), stage=st.sampled_from([None, *STAGES]), sure=st.integers(0, 3))
    def cancel(self, tenant, stage, sure):
        if sure == 3:  # seldom: what is cancelled has no history any more
            found = self.store.cancel(tenant, stage=stage, reason="test", now=self.model.now)
            assert {((r.tenant, r.record_type, r.record_id), r.stage) for r in found} == self.model.cancel(tenant, stage)

    @rule(tenant=st.sampled_from([*TENANTS, ""]), stage=st.sampled_from(["", *STAGES]), paused=st.booleans())
    def pause(self, tenant, stage, paused):
        if paused:
            self.store.pause(Pause(tenant=tenant, stage=stage, reason="", actor="me", at=self.model.now))
            self.model.pauses.add((tenant, stage))
        else:
            assert self.store.resume(tenant, stage) == ((tenant, stage) in self.model.pauses)
            self.model.pauses.discard((tenant, stage))

    @rule()
    def resume_all(self):
        for pause in self.store.pauses():
            self.store.resume(pause.tenant, pause.stage)
        self.model.pauses.clear()

    @rule(key=keys, label=st.sampled_from(["late", "lost"]))
    def judge(self, key, label):
        kept = self.store.judge(*key, label=label, actor="me", reason="sample", now=self.model.now, output={"label": label})
        assert (kept is not None) == self.model.judge(key, label, {"label": label})

    @invariant()
    def both_stand_the_same(self):
        seen = {}
        for tenant in TENANTS:
            for record in self.store.records(tenant, limit=100):
                for s in record.stages:
                    values = {n: getattr(s, n) for n in self.columns}
                    seen[(record.tenant, record.record_type, record.record_id), s.stage] = values | {"dead": s.dead}
                    assert s.retry_count <= 5
        assert seen == self.model.seen()

    columns = ("status", "ready", "due_at", "attempts", "asked", "losses", "reasked", "redrives", "lease_until", "lease_owner", "fence", "output",
               "confidence", "label", "provider", "error", "message", "review_at")  # fmt: skip

    @invariant()
    def nothing_is_lost(self):
        counts = self.store.counts(now=self.model.now)
        assert {c.tenant for c in counts} == {key[0] for key in self.model.hashes}
        for c in counts:
            assert c.ingested == c.completed + c.skipped + c.dead + c.due + c.leased == sum(key[0] == c.tenant for key in self.model.hashes)
            rows = [row for (key, stage), row in self.model.rows.items() if key[0] == c.tenant and stage == c.stage]
            assert c.gated == sum(r.status == "pending" and not r.ready for r in rows)
            assert c.oldest_due_at == min((r.due_at for r in rows if r.due_at and r.due_at <= self.model.now), default=None)

    @invariant()
    def every_stage_waits_for_the_one_before(self):
        for (key, stage), row in self.model.rows.items():
            assert row.due_at is None or self.model.before_done(key, stage)

    @invariant()
    def every_attempt_has_its_trace(self):
        with self.state.engine.connect() as connection:
            a = schema.attempts.c
            rows = connection.execute(sa.select(a.tenant, a.record_type, a.record_id, a.stage, a.fence, a.outcome)).all()
        assert {((r[0], r[1], r[2]), r[3], r[4]): r[5] for r in rows} == self.model.attempts


@pytest.fixture
def histories(database_url):
    with State.open(database_url) as state:
        yield type("Histories", (Histories,), {"state": state})


def lived(histories, *, examples: int, steps: int) -> bool:
    told = settings(
        phases=(Phase.generate,),  # making a history shorter takes minutes on a database; take it in where one fails
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(histories, settings=told)
    return True  # it raises where the two differ


def drawn_step(machine, rng: random.Random) -> None:
    """One move, as often as it happens in a life: mostly work, now and then something else."""
    names, few = [0, 1, 2], rng.randrange(1, 3)
    stage, tenant = rng.choice(STAGES), rng.choice(TENANTS)
    numbers = [rng.randrange(1000)] if rng.random() < 0.1 else rng.sample(names, few)
    moves = {
        "intake": (2, lambda: [((rng.choice(TENANTS), "exception", rng.choice("abc")), rng.choice("xxxxxy"), rng.randrange(3)) for _ in range(few)]),
        "claim": (14, {"stage": stage, "limit": rng.randrange(1, 8), "quota": rng.randrange(4), "tenants": None, "owner": rng.choice("vw")}),
        "complete": (12, {"numbers": numbers, "confidence": rng.choice([0.5, 0.9]), "answer": int(rng.random() < 0.3), "version": rng.choice("12"),
                          "skip": "low_confidence" if rng.random() < 0.2 else ""}),
        "fail": (7, {"numbers": numbers, "error": rng.choice(list(ErrorClass)), "wait": rng.choice([None, 1, 1, 1]), "refund": rng.random() < 0.3}),
        "skip": (1, {"numbers": numbers}),
        "release": (2, {"numbers": numbers}),
        "heartbeat": (3, {"numbers": numbers, "owner": rng.choice("vw")}),
        "time_goes_by": (4, {"minutes": rng.choice([1, 1, 1, 6])}),
        "workers_die_and_a_sweep_follows": (1, {}),
        "invalidate": (3, {"stage": stage, "keep": rng.choice("12"), "below": rng.choice([None, None, 0.7]), "most": rng.choice([None, 1])}),
        "again": (1, {"stage": stage, "tenant": tenant, "name": rng.choice("abc")}),
        "redrive": (2, {"tenant": tenant, "dry_run": rng.random() < 0.2}),
        "cancel": (0.2, {"tenant": tenant, "stage": rng.choice([None, *STAGES]), "sure": 3}),
        "pause": (1, {"tenant": tenant, "stage": stage, "paused": rng.random() < 0.5}),
        "resume_all": (1, {}),
        "judge": (0.7, {"key": (tenant, "exception", rng.choice("abc")), "label": rng.choice(["late", "lost"])}),
    }  # fmt: skip
    move = rng.choices(list(moves), [weight for weight, _ in moves.values()])[0]
    if not machine.claims and "numbers" in (moves[move][1] if isinstance(moves[move][1], dict) else {}):
        return
    given = moves[move][1]
    if move == "claim":
        given["quota"] = min(given["quota"], given["limit"])
    getattr(machine, move)(**({"records": given()} if callable(given) else given))


def drawn_lives(histories, *, lives: int, steps: int) -> int:
    """Long lives drawn by weight: Hypothesis draws every move as often as every other, and comes to the end of a stage too seldom."""
    for seed in range(lives):
        machine, rng = histories(), random.Random(seed)
        machine.begin()
        for step in range(steps):
            try:
                drawn_step(machine, rng)
                for check in (machine.both_stand_the_same, machine.nothing_is_lost, machine.every_stage_waits_for_the_one_before):
                    check()
            except AssertionError as error:
                error.add_note(f"life {seed}, step {step}")
                raise
        machine.every_attempt_has_its_trace()
    return lives


def test_the_store_keeps_the_rules_of_the_model(histories, database_url):
    assert lived(histories, examples=10 if "sqlite" in database_url else 3, steps=40)


def test_the_store_keeps_them_through_long_lives(histories, database_url):
    assert drawn_lives(histories, lives=4 if "sqlite" in database_url else 2, steps=120)


@pytest.mark.long
def test_the_store_keeps_the_rules_of_the_model_for_long(histories, database_url):
    assert lived(histories, examples=depth(200, 80) if "sqlite" in database_url else depth(50, 20), steps=60)


@pytest.mark.long
def test_the_store_keeps_them_through_many_lives(histories, database_url):
    assert drawn_lives(histories, lives=depth(100, 40) if "sqlite" in database_url else depth(25, 10), steps=250)


def test_the_order_of_a_batch_changes_nothing(database_url):
    ends = {}
    with State.open(database_url) as state:
        store = EnrichmentStore(state)
        for seed in (1, 2):
            emptied(state)
            records = [
                Record(tenant=t, record_type="order", record_id=str(n), payload={}, input_hash="h", priority=n % 3)
                for t in TENANTS
                for n in range(20)
            ]
            random.Random(seed).shuffle(records)
            store.intake(records, now=NOW)
            claims = store.claim(STAGES[0], owner="w", limit=40, lease=LEASE, now=NOW)
            random.Random(seed).shuffle(claims)
            held = store.complete(
                [Completed(ref=c.ref, fence=c.fence, output={"n": c.ref.record_id}, skip_rest="no_problem" if c.priority else "") for c in claims],
                now=NOW,
            )
            assert all(held)
            ends[seed] = [store.records(t, limit=100) for t in TENANTS]
    assert ends[1] == ends[2]
