"""The ledger and the queue of deliveries: on SQLite and PostgreSQL, each step, and any order of steps against a plain model."""

import dataclasses
import datetime as dt
import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from seeding_platform.storage.database import writing
from seeding_platform.storage.delivery import schema
from seeding_platform.storage.delivery.endpoints import OPENS_AFTER, Endpoints
from seeding_platform.storage.delivery.events import EngineEvents
from seeding_platform.storage.delivery.health import EngineHealth
from seeding_platform.storage.delivery.ledger import Ledger
from seeding_platform.storage.delivery.queue import LeaseLost, Queue
from seeding_platform.storage.delivery.records import OPEN, Delivery, DeliveryState, GenerationState, Step, Trace
from seeding_platform.storage.state import State
from seeding_platform_tests.storage.delivery.made import LEASE, NOW, endpoint, generation, hour, later

DOWN = Trace("unreachable", "it did not answer")


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


@pytest.fixture
def ledger(state):
    made = Ledger(state)
    for name in ("ep_1", "ep_2"):
        made.register(endpoint(name), now=NOW, hour=hour)
    return made


def claim(queue, *, limit=9, now=NOW, owner="w"):
    return queue.claim(owner=owner, limit=limit, lease=LEASE, now=now)


def states(state, **asked):
    return {(d.endpoint_id, d.generation): d.state for d in Queue(state).some(**asked)}


def test_a_generation_enters_once_with_its_deliveries_and_its_event(state, ledger):
    assert ledger.enter(generation(1), now=NOW, hour=hour)
    assert not ledger.enter(generation(1), now=NOW, hour=hour)
    assert states(state) == {("ep_1", 1): "waiting", ("ep_2", 1): "waiting"}
    assert [(e.event, e.generation) for e in EngineEvents(state).after(0, tenant="t")] == [("release", 1)]
    assert EngineEvents(state).after(0, tenant="other") == []
    assert [g.generation for g in ledger.heads("t")] == [1]


def test_a_newer_one_ends_what_waits_and_what_somebody_is_at_ends_by_itself(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    (taken,) = claim(queue, limit=1)
    ledger.enter(generation(2), now=NOW, hour=hour)
    assert states(state) == {("ep_1", 1): "delivering", ("ep_2", 1): "superseded", ("ep_1", 2): "waiting", ("ep_2", 2): "waiting"}
    assert [c.endpoint_id for c in claim(queue)] == ["ep_2"], "one at a time of an address"
    assert queue.failed(taken, DOWN, again_at=later(5), now=NOW).state == "superseded"
    assert [(c.endpoint_id, c.generation) for c in claim(queue)] == [("ep_1", 2)]
    ledger.enter(generation(1, "f" * 64), now=NOW, hour=hour)
    assert ledger.one("t", "roi", 1).content_id == generation(1).content_id, "what was published is not published otherwise"


def test_a_claim_that_ran_out_cannot_write_and_nothing_is_lost(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    old = claim(queue, limit=1)[0]
    assert queue.next_due(now=NOW) == NOW, "the other address is due"
    (other,) = claim(queue, now=later(61), limit=1)
    again = next(c for c in [other, *claim(queue, now=later(61))] if c.endpoint_id == old.endpoint_id)
    assert (again.delivery_id, again.fence) == (old.delivery_id, 2)
    for write in (
        lambda: queue.acknowledged(old, Trace(), via="full", now=later(62)),
        lambda: queue.failed(old, DOWN, again_at=None, now=later(62)),
        lambda: queue.renew(old, lease=LEASE, now=later(62)),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert queue.acknowledged(again, Trace(sent=7), via="full", now=later(63)).state == "acknowledged"
    assert [(a.fence, a.outcome, a.bytes) for a in queue.attempts(old.delivery_id)] == [(1, "lost", 0), (2, "acknowledged", 7)]


def test_what_fails_waits_and_an_address_that_stays_silent_is_left_alone(state, ledger):
    queue, moment = Queue(state), NOW
    ledger.enter(generation(1), now=NOW, hour=hour)
    for _ in range(OPENS_AFTER):
        mine = next(c for c in claim(queue, now=moment) if c.endpoint_id == "ep_1")
        assert queue.failed(mine, DOWN, again_at=moment + dt.timedelta(seconds=1), now=moment).state == "waiting"
        moment += dt.timedelta(seconds=1)
        assert claim(queue, now=moment - dt.timedelta(seconds=0.5)) == []
    assert claim(queue, now=moment) == [], "its breaker is open"
    assert queue.next_due(now=moment) == NOW + LEASE, "so nothing is claimed for, but that the other's lease ends"
    assert [c.attempts for c in claim(queue, now=moment + dt.timedelta(seconds=10)) if c.endpoint_id == "ep_1"] == [OPENS_AFTER + 1]
    assert Endpoints(state).one("ep_1").failures == OPENS_AFTER


def test_a_dead_one_is_sent_again_under_its_id_unless_a_newer_one_is_wanted(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    for taken in claim(queue):
        queue.failed(taken, Trace("validation-failed", "no", 422), again_at=None, now=NOW, answers=True)
    first, second = sorted(queue.some(states=["dead"]), key=lambda d: d.endpoint_id)
    assert queue.replay(first.delivery_id, tenant="other", now=NOW) is None
    assert queue.replay(first.delivery_id, tenant="t", now=NOW).attempts == 0
    assert queue.replay(first.delivery_id, tenant="t", now=NOW) is None, "it waits already"
    assert claim(queue)[0].delivery_id == first.delivery_id
    ledger.enter(generation(2), now=NOW, hour=hour)
    assert queue.replay(second.delivery_id, tenant="t", now=NOW) is None


def test_an_address_is_caught_up_when_it_comes_and_when_it_is_switched_on(state, ledger):
    ledger.enter(generation(1), now=NOW, hour=hour)
    ledger.register(endpoint("ep_3", schedule="0 6 * * *"), now=NOW, hour=hour)
    assert states(state)["ep_3", 1] == "held"
    queue = Queue(state)
    assert (queue.release(now=NOW), queue.release(now=later(3600))) == (0, 1)
    assert states(state)["ep_3", 1] == "waiting"
    Endpoints(state).adjust("ep_1", disabled_at=NOW, disabled_why="by hand")
    ledger.enter(generation(2), now=NOW, hour=hour)
    assert ("ep_1", 2) not in states(state)
    Endpoints(state).adjust("ep_1", disabled_at=None, disabled_why="")
    ledger.catch_up(Endpoints(state).one("ep_1"), now=NOW, hour=hour)
    assert states(state)["ep_1", 2] == "waiting"


def test_what_an_engine_that_pulls_says_counts_once_and_never_backwards(state):
    ledger, queue = Ledger(state), Queue(state)
    ledger.register(endpoint("ep_p", kind="pull", target="trainer"), now=NOW, hour=hour)
    ledger.enter(generation(1), now=NOW, hour=hour)
    assert claim(queue) == []
    one = queue.some()[0]
    assert queue.told(one.delivery_id, DeliveryState.PREPARED, Trace(), via="full", now=NOW).state == "prepared"
    assert queue.told(one.delivery_id, DeliveryState.ACKNOWLEDGED, Trace(), via="full", now=NOW).state == "acknowledged"
    assert queue.told(one.delivery_id, DeliveryState.ACKNOWLEDGED, Trace(), via="full", now=later(9)).acknowledged_at == NOW
    assert len(queue.attempts(one.delivery_id)) == 2
    ledger.enter(generation(2), now=NOW, hour=hour)
    two = queue.some(generation=2)[0]
    ledger.enter(generation(3), now=NOW, hour=hour)
    queue.told(queue.some(generation=3)[0].delivery_id, DeliveryState.ACKNOWLEDGED, Trace(), now=NOW)
    assert queue.told(two.delivery_id, DeliveryState.ACKNOWLEDGED, Trace(), now=NOW) is None


def test_a_recall_ends_what_is_on_its_way_and_tells_who_was_given_it(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    queue.acknowledged(claim(queue, limit=1)[0], Trace(), via="full", now=NOW)
    assert ledger.recall("t", "roi", generation(1).content_id[:32], reason="erased", instead=None, now=NOW) == 1
    assert ledger.recall("t", "roi", generation(1).content_id[:32], reason="erased", instead=None, now=NOW) == 0
    assert states(state, task="deliver") == {("ep_1", 1): "acknowledged", ("ep_2", 1): "superseded"}
    assert [(c.endpoint_id, c.task, c.step) for c in claim(queue)] == [("ep_1", "recall", "recall")]
    told = [(e.event, e.reason) for e in EngineEvents(state).after(0)]
    assert told == [("release", None), ("recalled", "erased")]
    ledger.register(endpoint("ep_9"), now=NOW, hour=hour)
    assert ("ep_9", 1) not in states(state)


def test_groups_go_on_together(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1, group_id="g"), now=NOW, hour=hour)
    done = [queue.prepared(c, Trace(), via="full", now=NOW) for c in claim(queue)]
    assert claim(queue) == []
    assert queue.step(done, Step.ACTIVATE, seen=[DeliveryState.PREPARED], now=NOW) == 2
    assert {c.step for c in claim(queue)} == {"activate"}
    assert [g.generation for g in ledger.grouped("g")] == [1]


def test_a_judgement_is_made_once_and_a_newer_generation_ends_the_watch(state, ledger):
    watched = generation(1, state="soaking", soak_until=later(600))
    ledger.enter(watched, now=NOW, hour=hour)
    assert [g.generation for g in ledger.soaking()] == [1]
    assert ledger.judge(watched, GenerationState.GOOD, seen=GenerationState.SOAKING)
    assert not ledger.judge(watched, GenerationState.ROLLED_BACK, seen=GenerationState.SOAKING)
    ledger.enter(generation(2, state="soaking", soak_until=later(600)), now=NOW, hour=hour)
    ledger.enter(generation(3, state="soaking", soak_until=later(600)), now=NOW, hour=hour)
    assert [g.state for g in ledger.of("t", "roi")] == ["soaking", "published", "good"]


def test_a_lie_is_found_once(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    done = queue.acknowledged(claim(queue)[0], Trace(), via="full", now=NOW)
    assert queue.lied(done, Trace("lied", "status names another"), now=NOW)
    assert not queue.lied(done, Trace("lied", "status names another"), now=NOW)
    assert queue.one(done.delivery_id).state == "dead"


def test_what_came_to_nothing_long_ago_goes(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour)
    done = queue.acknowledged(claim(queue, limit=1)[0], Trace(), via="full", now=NOW)
    ledger.enter(generation(2), now=NOW, hour=hour)
    assert queue.forget(before=NOW) == 0
    assert queue.forget(before=later(1)) == 1
    assert set(states(state).values()) == {"acknowledged", "waiting"}
    assert queue.attempts(done.delivery_id) == []


def test_health_by_day_and_metrics(state):
    health = EngineHealth(state)
    for verdict in ("up", "up", "down", "slow"):
        health.count("t", "roi", "ep_1", verdict, now=NOW)
    days = health.days("t", now=later(86400), days=3)["roi"]
    assert [(d.up, d.slow, d.down) for d in days] == [(0, 0, 0), (2, 1, 1), (0, 0, 0)]
    health.tell("t", "roi", 3, "auc", 0.8, now=NOW)
    health.tell("t", "roi", 3, "auc", 0.7, now=NOW)
    assert health.metrics("t", "roi", 3) == {"auc": 0.7}


def test_two_workers_never_have_the_same_and_take_all(state):
    ledger, queue = Ledger(state), Queue(state)
    for n in range(30):
        ledger.register(endpoint(f"ep_{n}"), now=NOW, hour=hour)
    ledger.enter(generation(1), now=NOW, hour=hour)
    taken, start = [], threading.Barrier(3)

    def work(name):
        start.wait()
        while found := claim(queue, limit=3, owner=name):
            taken.extend(c.endpoint_id for c in found)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken += [c.endpoint_id for c in claim(queue)]
    assert sorted(taken) == sorted(f"ep_{n}" for n in range(30))


class Steps(RuleBasedStateMachine):
    """Any order of publishing, claiming, ending, dying and replaying."""

    url = ""
    endpoints = ("ep_1", "ep_2")

    def __init__(self):
        super().__init__()
        self.state = State.open(self.url)
        with writing(self.state.engine) as connection:
            for table in (schema.attempts, schema.deliveries, schema.generations, schema.endpoints, schema.events):
                connection.execute(sa.delete(table))
        self.ledger, self.queue = Ledger(self.state), Queue(self.state)
        for name in self.endpoints:
            self.ledger.register(endpoint(name), now=NOW, hour=hour)
        self.now, self.top, self.claims, self.lost = NOW, 0, {}, []
        self.wanted, self.acknowledged, self.dead = {}, dict.fromkeys(self.endpoints, 0), set()

    def teardown(self):
        self.state.close()

    @rule()
    def publish(self):
        self.top += 1
        kind = "built"
        assert self.ledger.enter(generation(self.top, kind=kind), now=self.now, hour=hour)
        self.wanted = dict.fromkeys(self.endpoints, self.top)

    @precondition(lambda self: self.top > 1)
    @rule(back=st.integers(1, 5))
    def roll_back(self, back):
        content = generation(max(1, self.top - back)).content_id
        self.top += 1
        assert self.ledger.enter(generation(self.top, content, kind="rolled_back", reason="test"), now=self.now, hour=hour)
        self.wanted = dict.fromkeys(self.endpoints, self.top)

    @precondition(lambda self: self.top)
    @rule()
    def publish_again(self):
        assert not self.ledger.enter(generation(self.top), now=self.now, hour=hour)

    @rule(limit=st.integers(1, 2))
    def claim(self, limit):
        for taken in claim(self.queue, limit=limit, now=self.now):
            if taken.endpoint_id in self.claims:
                self.lost.append(self.claims.pop(taken.endpoint_id))
            self.claims[taken.endpoint_id] = taken

    @precondition(lambda self: self.claims)
    @rule(pick=st.sampled_from(endpoints), how=st.sampled_from(["well", "later", "dead"]))
    def end(self, pick, how):
        taken = self.claims.pop(pick, None)
        if taken is None:
            return
        if how == "well":
            done = self.queue.acknowledged(taken, Trace(), via="full", now=self.now)
            assert (done.state == "acknowledged") == (self.acknowledged[pick] < taken.generation)
            if done.state == "acknowledged":
                self.acknowledged[pick] = taken.generation
        else:
            again = self.now if how == "later" else None
            done = self.queue.failed(taken, DOWN, again_at=again, now=self.now, answers=True)
            current = taken.generation == self.top
            assert done.state == (("waiting" if again else "dead") if current else "superseded")

    @rule()
    def die(self):
        """A worker is killed: its leases run out."""
        self.now += LEASE
        self.lost += self.claims.values()
        self.claims = {}

    @precondition(lambda self: self.lost)
    @rule()
    def a_ghost_writes(self):
        ghost = self.lost.pop()
        held = self.queue.one(ghost.delivery_id)
        if held.fence == ghost.fence and held.state == "delivering":
            self.lost.append(ghost)  # nobody has noticed yet: its word counts until somebody does
            return
        with pytest.raises(LeaseLost):
            self.queue.acknowledged(ghost, Trace(), via="full", now=self.now)

    @rule()
    def replay(self):
        for dead in self.queue.some(states=["dead"]):
            done = self.queue.replay(dead.delivery_id, tenant="t", now=self.now)
            assert (done is not None) == (dead.generation == self.top)

    @invariant()
    def nothing_is_lost_and_nobody_goes_back(self):
        rows = self.queue.some(limit=1000)
        for name in self.endpoints:
            mine = [d for d in rows if d.endpoint_id == name]
            assert sum(d.state == "delivering" for d in mine) <= 1
            moments = sorted((d for d in mine if d.state == "acknowledged"), key=lambda d: d.generation)
            assert [d.acknowledged_at for d in moments] == sorted(d.acknowledged_at for d in moments)
            if self.top:
                newest = next(d for d in mine if d.generation == self.top)
                assert newest.state in (*OPEN, "acknowledged", "dead")
                assert all(d.state in ("delivering", "superseded", "acknowledged", "dead") for d in mine if d.generation < self.top)
        assert [e.generation for e in EngineEvents(self.state).after(0)] == list(range(1, self.top + 1))


def test_any_order_of_steps(database_url):
    machine = type("OnThis", (Steps,), {"url": database_url})
    State.open(database_url).close()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        ),
    )


def test_a_delivery_is_a_plain_record():
    assert {f.name for f in dataclasses.fields(Delivery)} == set(schema.deliveries.columns.keys())


def test_what_is_held_for_its_engine_can_be_moved_and_what_was_acknowledged_is_found_by_when(state, ledger):
    queue = Queue(state)
    ledger.enter(generation(1), now=NOW, hour=hour, held_until=later(50))
    (first, second) = queue.some()
    assert {(d.state, d.due_at, d.opened_at) for d in (first, second)} == {("held", later(50), later(50))}
    assert queue.replan(first.delivery_id, due_at=later(10))
    assert queue.release(now=later(20)) == 1
    (taken,) = claim(queue, now=later(20))
    assert not queue.replan(first.delivery_id, due_at=later(90)), "it is not held any more"
    queue.acknowledged(taken, Trace(), via="full", now=later(21))
    assert [d.delivery_id for d in queue.acknowledged_since(later(21), limit=9)] == [first.delivery_id]
    assert queue.acknowledged_since(later(22), limit=9) == []
    assert states(state)["ep_2", 1] == "held"
