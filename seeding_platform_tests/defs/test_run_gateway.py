"""Runs over Dagster's instance: started as a process, shown with stages and log, stopped without a torn table."""

import shutil
import time

import psutil
import pytest
from dagster._daemon.types import DaemonHeartbeat

from seeding_platform.defs import run_gateway
from seeding_platform.defs.run_gateway import DagsterRuns
from seeding_platform.errors import BusyError
from seeding_platform.service.runs import NoSuchRun


def until(runs: DagsterRuns, run_id: str, wanted, seconds: float = 400):
    """The run once it is as wanted."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = runs.one(run_id)
        if wanted(run):
            return run
        time.sleep(0.5)
    raise AssertionError(run)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_is_started_followed_stopped_and_started_again(place):
    runs = DagsterRuns(place.settings, place.environment)
    first = runs.start("seed", tenant="default")
    assert runs.one(first).status == "queued"
    assert [r.run_id for r in runs.recent(limit=5)] == [first]
    with pytest.raises(BusyError):
        runs.start("kpi", tenant="default")
    until(runs, first, lambda r: any(s.name == "raw" and s.done >= 3 for s in r.stages))
    runs.stop(first)
    stopped = until(runs, first, lambda r: r.status not in ("queued", "running"))
    assert (stopped.status, stopped.message) == ("canceled", "")
    with pytest.raises(NoSuchRun):
        runs.stop(first)
    second = runs.start("seed", tenant="default")
    done = until(runs, second, lambda r: r.status not in ("queued", "running"))
    assert done.status == "succeeded", done
    assert [s.name for s in done.stages] == ["raw", "clean", "quality", "model", "enriched", "bundle", "kpi"]
    assert all(s.done == s.planned and not s.failed for s in done.stages)
    lines = runs.log(second)
    assert (lines[0].kind, lines[-1].kind) == ("started", "succeeded")
    assert any(line.subject == "clean/content_posts" and line.rows for line in lines)
    assert runs.log(second, after=lines[-2].seq) == [lines[-1]]
    assert [r.run_id for r in runs.recent(limit=5)] == [second, first]
    kpi = runs.start("kpi", tenant="default")
    shown = until(runs, kpi, lambda r: r.status not in ("queued", "running"))
    assert (shown.status, shown.job, [s.name for s in shown.stages]) == ("succeeded", "kpi", ["kpi"])
    runs.wait(seconds=60)


def test_a_process_that_never_came_so_far_says_why(place):
    runs = DagsterRuns(place.settings, {**place.environment, "SEEDING_MIN_FREE_MB": "10"})
    runs.environment["SEEDING_MIN_FREE_MB"] = "999999999"
    run_id = runs.start("kpi", tenant="default")
    run = until(runs, run_id, lambda r: r.status != "queued")
    assert run.status == "failed"
    assert "MB are free" in run.message
    assert [r.status for r in runs.recent(limit=5)] == ["failed"]


def test_nothing_is_left_of_a_process_that_ended(place, monkeypatch):
    monkeypatch.setattr(run_gateway.sys, "executable", shutil.which("true"))
    before = {p.pid for p in psutil.Process().children()}
    DagsterRuns(place.settings, place.environment).start("retrain", tenant="default")
    for _ in range(200):
        if {p.pid for p in psutil.Process().children()} <= before:
            return
        time.sleep(0.02)
    raise AssertionError([p.status() for p in psutil.Process().children()])


def test_whether_the_clock_runs_is_known_by_the_daemons_signs_of_life(place):
    runs = DagsterRuns(place.settings, place.environment)
    assert not runs.clock_runs()
    for age, lives in ((400, False), (10, True)):
        runs.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SCHEDULER", "d1", []))
        assert runs.clock_runs() is lives


def test_a_run_that_is_not_there(place):
    runs = DagsterRuns(place.settings, place.environment)
    for call in (runs.one, runs.log, runs.stop):
        with pytest.raises(NoSuchRun):
            call("none")
