"""A publisher is killed at every step: after a restart nothing is lost, nothing is torn, and what is done twice has no further effect."""

import json
import signal
import subprocess
import sys

import pytest

from seeding_platform.distribution.verify import read_pointer, verify_bundle
from seeding_platform.settings import project_root
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT, House
from seeding_platform_tests.distribution.delivery.publisher_process import STEPS

pytestmark = pytest.mark.long


def publisher(house, step, *, posts=3, what="build"):
    command = [sys.executable, "-m", "seeding_platform_tests.distribution.delivery.publisher_process"]
    url = f"sqlite:///{house.root / 'state.db'}"
    return subprocess.run([*command, str(house.root), url, str(posts), step, what], cwd=project_root(), capture_output=True, text=True, check=False)


def whole(house, receiver):
    """What must hold at any moment: the pointer names a whole bundle, and the engine holds a whole one."""
    folder = house.root / "bundles" / TENANT / ENGINE
    assert verify_bundle(folder).content_id == read_pointer(folder).content_id
    rows = house.publisher.queue.some(limit=1000)
    assert sorted({(d.endpoint_id, d.generation) for d in rows}) == sorted((d.endpoint_id, d.generation) for d in rows)
    generations = house.publisher.ledger.of(TENANT, ENGINE)
    assert [e.generation for e in house.publisher.events.after(0)] == [g.generation for g in generations][::-1], "each is told of, once"
    assert receiver.applied == sorted(set(receiver.applied)), "none twice, none backwards"


@pytest.mark.parametrize("step", STEPS)
def test_a_build_that_is_killed(tmp_path, step):
    house = House(tmp_path)
    try:
        receiver, first = house.receiver(), house.build()
        house.settle()
        killed = publisher(house, step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        whole(house, receiver)
        house.settle()
        whole(house, receiver)
        flipped = STEPS.index(step) >= STEPS.index("flipped")
        assert read_pointer(tmp_path / "bundles" / TENANT / ENGINE).generation == (2 if flipped else 1)
        assert receiver.applied == ([1, 2] if flipped else [1])
        again = publisher(house, "never")
        assert again.returncode == 0, again.stderr
        house.settle()
        whole(house, receiver)
        assert receiver.applied == [1, 2]
        assert receiver.active.content_id != first.content_id
        assert set(house.states(states=["waiting", "delivering", "dead"])) == set()
    finally:
        house.close()


@pytest.mark.parametrize("step", ["before the flip", "flipped", "signed", "in the transaction", "entered"])
def test_a_rollback_that_is_killed_keeps_its_reason(tmp_path, step):
    house = House(tmp_path)
    try:
        receiver, first = house.receiver(), house.build()
        house.settle()
        house.build(3)
        house.settle()
        killed = publisher(house, step, what="rollback")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        house.settle()
        whole(house, receiver)
        if step == "before the flip":
            assert receiver.applied == [1, 2]
            return
        assert (receiver.applied, receiver.active.content_id) == ([1, 2, 3], first.content_id)
        told = json.loads(house.newest().release)
        assert (told["kind"], told["reason"], house.newest().actor) == ("rolled_back", "by hand, before a kill", "somebody")
        assert {g.generation: g.state for g in house.publisher.ledger.of(TENANT, ENGINE)}[2] == "rolled_back"
    finally:
        house.close()


def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    """A claim whose worker died is taken up when its lease ends; the engine is asked again and nothing is applied twice."""
    house = House(tmp_path)
    try:
        receiver = house.receiver()
        house.build()
        house.worker.reconciler.moved(now=house.now(), broken=lambda *_: None)
        (claim,) = house.publisher.queue.claim(owner="dead", limit=1, lease=house.rules.lease, now=house.now())
        adapter = house.worker.courier._adapters["http"](lambda: None)
        from seeding_platform.distribution.delivery.parcels import parcel_of

        parcel = parcel_of(house.publisher, claim, receiver.endpoint, house.newest(), now=house.now())
        adapter.prepare(parcel)
        adapter.activate(parcel)  # and here it dies, before it wrote that down
        adapter.close()
        house.settle()
        assert house.states() == {("ep_1", 1, "deliver"): "delivering"}
        house.later(121)
        house.settle()
        assert (house.states(), receiver.applied) == ({("ep_1", 1, "deliver"): "acknowledged"}, [1])
    finally:
        house.close()
