"""Groups that people have set: new builds wait for each other, then go together; nothing waits for ever, and a kill leaves nobody behind."""

import datetime as dt
import os

import pytest

from seeding_platform.distribution.rules import GROUPS, EngineGroups
from seeding_platform.distribution.verify import CURRENT
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT

OTHER = "optimization"
PAIR = {"groups": [{"id": "pair", "engines": [ENGINE, OTHER]}], "wait_minutes": 15}


@pytest.fixture
def pair(house):
    from seeding_platform.storage.adjusted import Adjusted

    Adjusted(house.state).change(GROUPS, PAIR, actor="k", reason="a test", now=house.now())
    house.receiver()
    house.receiver(OTHER)
    return house


def built(house, engine, number=None):
    """A build, at the moment of the house."""
    made = house.build(number, engine)
    at = house.now().timestamp()
    os.utime(house.root / "bundles" / TENANT / engine / CURRENT, (at, at))
    return made


def numbers(house):
    return [house.newest(e).generation if house.newest(e) else 0 for e in (ENGINE, OTHER)]


def test_new_builds_wait_for_each_other_and_go_together(pair):
    built(pair, ENGINE)
    pair.settle()
    assert numbers(pair) == [0, 0]
    assert [r.asked for r in pair.receivers] == [[], []]
    pair.later(60)
    built(pair, OTHER)
    pair.settle()
    assert numbers(pair) == [1, 1]
    assert pair.newest(ENGINE).group_id == pair.newest(OTHER).group_id
    assert set(pair.states().values()) == {"prepared"}
    pair.worker.slow_round()
    pair.settle()
    assert [r.applied for r in pair.receivers] == [[1], [1]]
    built(pair, ENGINE, 3)
    pair.later(60)
    pair.settle()
    assert numbers(pair) == [1, 1], "the next build waits again"


def test_after_a_quarter_of_an_hour_it_goes_alone(pair):
    built(pair, ENGINE)
    pair.later(14 * 60)
    pair.settle()
    assert numbers(pair) == [0, 0]
    pair.later(61)
    pair.settle()
    assert numbers(pair) == [1, 0]
    assert pair.newest(ENGINE).group_id is None
    assert pair.receivers[0].applied == [1]


def test_one_that_cannot_stops_the_group_and_what_was_before_stays(pair):
    for engine in (ENGINE, OTHER):
        built(pair, engine)
    pair.settle()
    pair.worker.slow_round()
    pair.settle()
    built(pair, ENGINE, 3)
    pair.receivers[1].wrong = "refuse"
    decisions = {"decisions": [{"decision_id": d, "action": "a", "propensity": 0.5, "decided_at": pair.now()} for d in ("d", "e")]}
    from seeding_platform_tests.distribution.test_bundle import build

    build(pair.root / "bundles", OTHER, inputs=decisions)
    pair.later(6)
    pair.settle()
    assert numbers(pair) == [2, 2]
    pair.worker.slow_round()
    pair.receivers[1].wrong = ""
    pair.settle()
    assert [r.active.generation for r in pair.receivers] == [3, 3]
    assert [pair.publisher.ledger.one(TENANT, e, 3).content_id for e in (ENGINE, OTHER)] == [
        pair.publisher.ledger.one(TENANT, e, 1).content_id for e in (ENGINE, OTHER)
    ]


def test_who_was_left_behind_by_a_kill_follows_its_group(pair, monkeypatch):
    built(pair, ENGINE)
    built(pair, OTHER)
    publisher = type(pair.publisher)
    real = publisher.published
    with monkeypatch.context() as killed:
        killed.setattr(publisher, "published", lambda self, tenant, engine, *, now: None)  # the other is not reached from within
        real(pair.publisher, TENANT, ENGINE, now=pair.now())
    assert numbers(pair) == [1, 0]
    group = pair.newest(ENGINE).group_id
    pair.settle()
    assert numbers(pair) == [1, 1]
    assert pair.newest(OTHER).group_id == group is not None


def test_a_rollback_waits_for_nobody(pair):
    from seeding_platform.distribution.delivery.putting_back import again

    built(pair, ENGINE)
    pair.settle()
    assert numbers(pair) == [0, 0]
    again(pair.publisher, TENANT, ENGINE, reason="now", actor="p", now=pair.now())
    pair.settle()
    assert pair.receivers[0].applied == [2]


def test_what_cannot_be_a_group_is_refused():
    with pytest.raises(ValueError, match="named twice"):
        EngineGroups(groups=[{"id": "a", "engines": ["x", "y"]}, {"id": "b", "engines": ["y", "z"]}])
    with pytest.raises(ValueError, match="at least 2"):
        EngineGroups(groups=[{"id": "a", "engines": ["x"]}])
    assert dt.timedelta(minutes=EngineGroups().wait_minutes) == dt.timedelta(minutes=15)


def test_a_group_whose_engine_takes_batches_waits_for_its_hour(pair):
    from seeding_platform.distribution.rules import RULES
    from seeding_platform.storage.adjusted import Adjusted

    Adjusted(pair.state).change(RULES, {"mode": "batch"}, scope=OTHER, actor="k", reason="a test", now=pair.now())
    pair.later(60)
    built(pair, ENGINE)
    built(pair, OTHER)
    pair.settle()
    assert {d.engine: d.state for d in pair.publisher.queue.some()} == {ENGINE: "prepared", OTHER: "held"}
    pair.later(3600)
    pair.worker.slow_round()
    assert {d.engine: d.state for d in pair.publisher.queue.some()} == {ENGINE: "prepared", OTHER: "held"}, "nobody is stopped for it"
    pair.later(23 * 3600)
    pair.settle()
    pair.worker.slow_round()
    pair.settle()
    assert [r.applied for r in pair.receivers] == [[1], [1]]


def test_what_waits_for_its_hour_is_watched_from_then_on(house):
    from seeding_platform.distribution.rules import RULES
    from seeding_platform.storage.adjusted import Adjusted

    receiver = house.receiver()
    house.build()
    house.settle()
    Adjusted(house.state).change(RULES, {"mode": "batch"}, scope=ENGINE, actor="k", reason="a test", now=house.now())
    house.later(60)
    house.build(3)
    house.settle()
    house.later(3600)
    house.worker.slow_round()
    assert (house.newest().generation, house.newest().state) == (2, "soaking")
    house.later(23 * 3600)
    receiver.wrong = "503"
    house.settle()
    house.worker.slow_round()
    assert house.newest().state == "soaking", "its ten minutes have only begun"
    house.later(660)
    house.worker.slow_round()
    assert (house.newest().generation, house.newest().kind) == (3, "rolled_back")


def test_the_watch_begins_when_the_group_may_go_on(pair):
    from seeding_platform.distribution.rules import RULES
    from seeding_platform.storage.adjusted import Adjusted

    for engine in (ENGINE, OTHER):
        built(pair, engine)
    pair.settle()
    pair.worker.slow_round()
    pair.settle()
    Adjusted(pair.state).change(RULES, {"mode": "batch"}, scope=OTHER, actor="k", reason="a test", now=pair.now())
    pair.later(601)
    pair.worker.slow_round()
    built(pair, ENGINE, 3)
    decisions = {"decisions": [{"decision_id": d, "action": "a", "propensity": 0.5, "decided_at": pair.now()} for d in ("d", "e")]}
    from seeding_platform_tests.distribution.test_bundle import build

    build(pair.root / "bundles", OTHER, inputs=decisions)
    pair.later(6)
    pair.settle()
    assert numbers(pair) == [2, 2]
    pair.later(3600)
    pair.worker.slow_round()
    assert numbers(pair) == [2, 2], "one that waits for the hour of another is not taken back for want of acknowledgements"
    pair.later(23 * 3600)
    pair.settle()
    pair.worker.slow_round()
    pair.settle()
    assert [r.applied for r in pair.receivers] == [[1, 2], [1, 2]]
    pair.later(599)
    pair.worker.slow_round()
    assert {pair.newest(e).state for e in (ENGINE, OTHER)} == {"soaking"}
    pair.later(2)
    pair.worker.slow_round()
    assert {pair.newest(e).state for e in (ENGINE, OTHER)} == {"good"}
