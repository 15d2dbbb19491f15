"""A worker is killed with -9 at every step: another goes on when the lease is over, and the engine uses the newest generation, put in use once."""

import signal
import subprocess
import sys

import pytest

from seeding_platform.settings import project_root
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT, House
from seeding_platform_tests.distribution.delivery.stands import Stand

pytestmark = pytest.mark.long
CALLS = ["prepare", "file 1", "file 2", "file 3", "file 4", "prepare", "activate"]
STEPS = ["claimed", "before 1", "after 1", "within 2", "after 2", "after 5", "after 6", "before 7", "after 7", "written"]


def worker(house, step):
    command = [sys.executable, "-m", "seeding_platform_tests.distribution.delivery.worker_process", str(house.root)]
    return subprocess.run([*command, f"sqlite:///{house.root / 'state.db'}", step], cwd=project_root(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_is_killed(tmp_path, step):
    house, used = House(tmp_path), []
    try:
        stand = Stand(house, used)
        house.build()
        killed = worker(house, step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert stand.active in (None, 1)
        house.settle()
        assert stand.delivery.state == ("acknowledged" if step == "written" else "delivering"), "its lease is not over"
        house.later(121)
        house.settle()
        done = stand.delivery
        assert (done.state, stand.active, used) == ("acknowledged", 1, ["healthy"])
        assert [a.outcome for a in house.publisher.queue.attempts(done.delivery_id)] == (
            ["acknowledged"] if step == "written" else ["lost", "acknowledged"]
        )
        house.build(3)
        house.settle()
        assert (stand.active, used, house.newest().generation) == (2, ["healthy"] * 2, 2)
    finally:
        house.close()


def test_the_steps_are_those_of_a_delivery(tmp_path):
    house = House(tmp_path)
    try:
        stand = Stand(house)
        house.build()
        assert worker(house, "never").returncode == 0
        assert (stand.active, len(stand.asked)) == (1, len(CALLS)), stand.asked
    finally:
        house.close()


def test_a_newer_generation_that_came_while_it_was_dead_is_the_only_one_put_in_use(tmp_path):
    house, used = House(tmp_path), []
    try:
        stand = Stand(house, used)
        house.build()
        assert worker(house, "after 6").returncode == -signal.SIGKILL
        newer = house.build(3)
        house.later(121)
        house.settle()
        assert (stand.active, used) == (2, ["healthy"])
        assert stand.receiver.status(TENANT, ENGINE)[1]["content_id"] == newer.content_id
        assert {d.generation: d.state for d in house.publisher.queue.some()} == {1: "superseded", 2: "acknowledged"}
    finally:
        house.close()
