"""What a killed run leaves behind is put in order before the next."""

import os

import dagster as dg
import pytest

from seeding_platform.defs.launcher import IN_PROCESS_TAG
from seeding_platform.defs.run import bury_dead_runs


@pytest.fixture
def instance(place, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(place.root / "home"))
    monkeypatch.setenv("SEEDING_STATE", str(place.root / "state"))
    with dg.DagsterInstance.get() as made:
        yield made


@dg.job
def work() -> None:
    """A job."""


def test_a_killed_run_is_failed_and_its_pool_is_free_again(instance):
    dead = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED, tags={IN_PROCESS_TAG: "999999999"})
    alive = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED, tags={IN_PROCESS_TAG: str(os.getpid())})
    storage = instance.event_log_storage
    storage.set_concurrency_slots("raw__a", 1)
    storage.set_concurrency_slots("raw__b", 1)
    assert storage.claim_concurrency_slot("raw__a", dead.run_id, "step").is_claimed
    assert storage.claim_concurrency_slot("raw__b", alive.run_id, "step").is_claimed
    assert bury_dead_runs(instance) == 1
    assert instance.get_run_by_id(dead.run_id).status is dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(alive.run_id).status is dg.DagsterRunStatus.STARTED
    assert storage.get_concurrency_info("raw__a").claimed_slots == []
    assert len(storage.get_concurrency_info("raw__b").claimed_slots) == 1
