"""Workers that are killed and stopped at random, a provider with every fault, a receiver that fails: nothing is lost or doubled."""

import collections
import contextlib
import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from seeding_platform.enrichment.fake_server import FakeServer
from seeding_platform.enrichment.providers.script import Match, Outcome, Rule, Script, drawn
from seeding_platform.enrichment.settings import ACTIONS, LIMITS
from seeding_platform.settings import project_root
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.states import Record, Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State
from seeding_platform_tests.depth import depth
from seeding_platform_tests.peers import database_url, postgres_folder, postgres_template

__all__ = ["database_url", "postgres_folder", "postgres_template"]

RECORDS, KILLS = depth(6_000, 1_200), depth(20, 12)
WORKERS, STOPS = 3, 4
LEASE_SECONDS = 5
LONGEST = 420.0 * max(1, RECORDS / 2_000)
pytestmark = [pytest.mark.long, pytest.mark.timeout(600 * max(1, RECORDS // 2_000))]
POISON = 0.005
SCRIPT = Script(
    seed=5,
    latency_ms=5,
    timeout_seconds=2.5,
    late_seconds=3,
    retry_after_seconds=1,
    rules=(
        Rule(match=Match(stage=Stage.CLASSIFICATION), outcome=Outcome.MALFORMED, share=POISON, draw="record"),
        Rule(outcome=Outcome.SERVER_ERROR, since="+25s", until="+33s"),
        Rule(outcome=Outcome.LOW_CONFIDENCE, share=0.03, draw="record"),
        Rule(outcome=Outcome.TIMEOUT, share=0.005),
        Rule(outcome=Outcome.NULLS, share=0.02),
        Rule(outcome=Outcome.RATE_LIMITED, share=0.01),
        Rule(outcome=Outcome.SERVER_ERROR, share=0.02),
        Rule(outcome=Outcome.WRONG_ENUM, share=0.005),
        Rule(outcome=Outcome.PARTIAL_BATCH, share=0.005),
        Rule(outcome=Outcome.DUPLICATE_IDS, share=0.005),
        Rule(outcome=Outcome.SWAPPED_IDS, share=0.005),
        Rule(outcome=Outcome.KILL_WORKER, share=0.005),
        Rule(outcome=Outcome.LATE, share=0.002),
    ),
)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Receiver:
    """Does an action once for each key; of twenty requests it answers one with 500 after it did it, and hangs up on another."""

    def __init__(self) -> None:
        self.done: dict[str, tuple] = {}
        self.requests: collections.Counter = collections.Counter()
        self.turn, self.draw = threading.Lock(), random.Random(4)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver.turn:
                    key, chance = self.headers["Idempotency-Key"], receiver.draw.random()
                    receiver.requests[key] += 1
                    receiver.done.setdefault(key, (body["record_id"], body["action"]))
                if chance < 0.05:
                    self.close_connection = True
                    return
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may be killed by now
                    self.send_response(500 if chance > 0.95 else 200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Crowd:
    """Workers, each begun anew when it is gone."""

    def __init__(self, told: dict, folder) -> None:
        self.told, self.folder, self.number, self.all = told, folder, 0, []

    def start(self, role: str, **more) -> subprocess.Popen:
        command = [sys.executable, "-m", "seeding_platform_tests.integration.enrichment_worker", role, json.dumps(self.told | more)]
        with (self.folder / "stderr.log").open("a") as log:
            return subprocess.Popen(command, cwd=project_root(), env=os.environ | {"PYTHONPATH": str(project_root())}, stderr=log)

    def worker(self) -> subprocess.Popen:
        self.number += 1
        self.all.append(self.start("work", owner=f"w{self.number}", log=str(self.folder / "workers.jsonl")))
        return self.all[-1]

    def holder(self, state: State, awake: list) -> subprocess.Popen | None:
        """A worker in the middle of its work: what it holds runs out while it is stopped."""
        with state.engine.connect() as connection:
            owners = connection.execute(sa.select(schema.stages.c.lease_owner).where(schema.stages.c.lease_until > now()).distinct()).scalars().all()
        holds = [self.all[int(owner.removeprefix("w")) - 1] for owner in sorted(owners)]
        return next((w for w in holds if w in awake), None)

    def end(self) -> None:
        for process in self.all:
            if process.poll() is None:
                process.kill()  # also ends one that is stopped
            process.wait()


def record(i: int) -> Record:
    order = {
        "order_id": f"O-{i:05}", "status": "in_transit", "created_at": "2026-10-20T10:00:00Z", "promised_at": "2026-10-24T18:00:00Z",
        "shipped_at": "2026-10-21T09:00:00Z", "carrier": "DemoKoerier", "amount": 80.0, "paid_amount": 80.0, "currency": "EUR", "items": 2,
        "ship_country": "NL",
    }  # fmt: skip
    facts = {"exception_id": f"E-{i:05}", "description": f"The parcel is late, case {i}.", "order": order}
    return Record(tenant=f"t{i % 3}", record_type="exception", record_id=f"E-{i:05}", payload=facts, input_hash=f"{i:064x}")


def poison(name: str) -> bool:
    return drawn(SCRIPT.seed, 0, name, str(Stage.CLASSIFICATION), "any") < POISON


def test_killed_and_stopped_workers_lose_nothing_and_do_nothing_twice(database_url, tmp_path):
    began = time.monotonic()
    draw = random.Random(20261127)
    with State.open(database_url) as state, FakeServer(SCRIPT, now=now) as ai, Receiver() as receiver:
        store = EnrichmentStore(state)
        for setting, values in ((ACTIONS, {"mode": "executed"}), (LIMITS, {"lease_seconds": LEASE_SECONDS, "batch": 60})):
            Adjusted(state).change(setting, values, actor="test", reason="test", now=now())
        store.intake([record(i) for i in range(RECORDS)], now=now())
        url = f"http://127.0.0.1:{receiver.server.server_address[1]}/do"
        told = {"url": database_url, "folder": str(tmp_path), "ai": ai.url, "actions": url, "records": RECORDS}
        crowd = Crowd(told, tmp_path)
        watch = crowd.start("watch", stop=str(tmp_path / "stop"), log=str(tmp_path / "watch.log"))
        try:
            workers = [crowd.worker() for _ in range(WORKERS)]
            kills = stops = 0
            asleep: dict[subprocess.Popen, float] = {}
            next_kill, next_stop = time.monotonic() + 8, time.monotonic()
            while time.monotonic() - began < LONGEST and (kills < KILLS or not finished(state)):
                time.sleep(0.2)
                here = time.monotonic()
                for process, wakes in list(asleep.items()):
                    if here >= wakes:
                        process.send_signal(signal.SIGCONT)
                        del asleep[process]
                awake = [w for w in workers if w not in asleep]
                if kills < KILLS and here >= next_kill and awake:
                    victim = draw.choice(awake)
                    assert victim.poll() is None, (tmp_path / "stderr.log").read_text()[-3000:]
                    victim.kill()
                    victim.wait()
                    workers[workers.index(victim)] = crowd.worker()
                    kills, next_kill = kills + 1, here + draw.uniform(3, 6)
                elif stops < STOPS and here >= next_stop and len(awake) > 1 and (sleeper := crowd.holder(state, awake)):
                    sleeper.send_signal(signal.SIGSTOP)
                    asleep[sleeper] = here + LEASE_SECONDS + 2
                    stops, next_stop = stops + 1, here + draw.uniform(12, 16)
            took = time.monotonic() - began
            for process in asleep:
                process.send_signal(signal.SIGCONT)
            (tmp_path / "stop").touch()
            watch.wait(timeout=30)
        finally:
            crowd.end()
            watch.kill()
            watch.wait()
        found = facts(state)
        seen = told_of(
            found,
            receiver,
            ai,
            tmp_path / "workers.jsonl",
            took=round(took),
            kills=kills,
            stops=stops,
            looks=(tmp_path / "watch.log.looks").read_text(),
        )
        print(seen)
    assert kills == KILLS, seen
    assert 0 < stops <= STOPS, seen  # a fast machine is through before all of them
    assert not (tmp_path / "watch.log").exists(), (tmp_path / "watch.log").read_text()[:1000]
    assert found.unfinished == {name for name in map("E-{:05}".format, range(RECORDS)) if poison(name)}, seen
    assert found.dead == found.unfinished, seen
    assert found.twice == [], seen
    assert found.masked == 0, seen
    executed = collections.Counter(name for name, _ in receiver.done.values())
    assert set(executed.values()) == {1}, "an action was done twice for a record"
    assert set(receiver.done) == set(found.actions), "the ledger and the receiver agree"
    assert set(found.actions.values()) == {"done"}, seen


def finished(state: State) -> bool:
    """Whether nothing waits any more."""
    t = schema.stages.c
    left = sa.or_(t.status == "in_progress", sa.and_(t.status.in_(("pending", "failed")), t.escalated_at.is_(None), t.due_at.is_not(None)))
    with state.engine.connect() as connection:
        return not connection.execute(sa.select(sa.exists().where(left))).scalar_one()


class Facts:
    """What the database says in the end."""

    unfinished: set
    dead: set
    twice: list
    masked: int
    actions: dict
    outcomes: dict


def facts(state: State) -> Facts:
    t, a, d, found = schema.stages.c, schema.attempts.c, schema.actions.c, Facts()
    with state.engine.connect() as c:
        found.unfinished = set(c.execute(sa.select(t.record_id).where(t.status.not_in(("completed", "skipped")))).scalars())
        found.dead = set(c.execute(sa.select(t.record_id).where(t.escalated_at.is_not(None))).scalars())
        completed = sa.select(a.record_id, a.stage, sa.func.count()).where(a.outcome == "completed").group_by(a.record_id, a.stage)
        found.twice = c.execute(completed.having(sa.func.count() > 1)).all()
        half = sa.or_(t.label.is_(None), t.confidence.is_(None), t.confidence == 0.0)
        wrong = sa.select(sa.func.count()).where(t.stage == str(Stage.CLASSIFICATION), t.status == "completed", half)
        found.masked = c.execute(wrong).scalar_one()
        found.actions = dict(c.execute(sa.select(d.key, d.state).where(d.mode == "executed", d.state != "refused")).all())
        found.outcomes = {tuple(k): n for *k, n in c.execute(sa.select(a.outcome, a.error, sa.func.count()).group_by(a.outcome, a.error))}
    return found


def told_of(found: Facts, receiver: Receiver, ai: FakeServer, log: Path, **more) -> str:
    """The figures of a run in words."""
    again = sum(n - 1 for n in receiver.requests.values())
    late = sum(json.loads(row)["outdated"] for row in log.read_text().splitlines())
    met = {str(o): n for o, n in ai.met.items() if n}
    return (
        f"{more}; {RECORDS} records, {len(found.unfinished)} unfinished, {len(found.dead)} dead, {len(found.twice)} twice, {found.masked} masked; "
        f"{len(found.actions)} actions, {again} requests again under their key; {late} late ends refused; "
        f"attempts {found.outcomes}; the provider met {met}"
    )
