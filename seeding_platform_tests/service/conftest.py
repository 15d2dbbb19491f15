"""A service over its own folders, with facts of two tenants and a key of each role."""

import datetime as dt
import itertools
import shutil

import polars as pl
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from seeding_platform.analytics.facts import read_fact_table
from seeding_platform.errors import BusyError
from seeding_platform.service.app import create_app
from seeding_platform.service.runs import LogLine, NoSuchRun, RunShown, Stage
from seeding_platform.service.watch import Watch
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.test_questions import OWN
from seeding_platform_tests.places import Place, place_in

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2025, 4, 1), dt.date(2025, 6, 30)


@pytest.fixture(scope="session")
def facts_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "facts.csv"
    oracle.facts(**OWN, first=FIRST, last=LAST, seed=3).write_csv(path)
    return path


@pytest.fixture
def place(tmp_path) -> Place:
    return place_in(tmp_path / "place")


class FakeRuns:
    """Runs that are only told of."""

    def __init__(self) -> None:
        self.shown: dict[str, RunShown] = {}
        self.lines: dict[str, list[LogLine]] = {}
        self.asked: list[str] = []
        self.clock = True

    def clock_runs(self):
        return self.clock

    def add(self, run_id: str, status: str = "succeeded", **told) -> RunShown:
        stages = [Stage(name="raw", planned=2, done=2, failed=0, rows=1200), Stage(name="clean", planned=4, done=1, failed=0, rows=300)]
        made = {"job": "seed", "asked_by": "command", "partition": "", "started_at": NOW, "ended_at": None, "message": "", "stages": stages, **told}
        self.shown[run_id] = RunShown(run_id=run_id, status=status, **made)
        self.lines[run_id] = [LogLine(seq=1, at=NOW, kind="made", subject="raw/posts", rows=1200, detail="")]
        return self.shown[run_id]

    def recent(self, *, limit, before=None):
        return list(reversed(self.shown.values()))[:limit]

    def one(self, run_id):
        if run_id not in self.shown:
            raise NoSuchRun(run_id)
        return self.shown[run_id]

    def log(self, run_id, *, after=-1, limit=500):
        self.one(run_id)
        return [line for line in self.lines[run_id] if line.seq > after]

    def start(self, event, *, tenant):
        if any(r.status == "running" for r in self.shown.values()):
            raise BusyError("Run r is under way.", fix="Wait for its end, or stop it.")
        self.asked.append(event)
        return self.add(f"run{len(self.asked)}", "queued", job=event).run_id

    def stop(self, run_id):
        run = self.one(run_id)
        if run.status not in ("queued", "running"):
            raise NoSuchRun(run_id)
        self.shown[run_id] = run.model_copy(update={"status": "canceled"})


LEARN = Watch.learn


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch):
    """What is worth telling takes seconds of forecasts to find; the one test that wants it has it back."""
    monkeypatch.setattr(Watch, "learn", lambda _: None)


@pytest.fixture(scope="session")
def published(facts_csv, tmp_path_factory):
    """Facts of two tenants, published once and copied for each test."""
    serving = tmp_path_factory.mktemp("published") / "serving"
    mine = read_fact_table(facts_csv, tenant="default")
    theirs = read_fact_table(facts_csv, tenant="other").with_columns(spend=pl.col("spend") * 7, campaign=pl.lit("Secret_Campaign"))
    snapshots.publish(pl.concat([mine, theirs]), serving, now=NOW)
    return serving


@pytest.fixture
def service(place: Place, published):
    """(client, key of a role of a tenant)."""
    shutil.copytree(published, place.settings.serving, dirs_exist_ok=True)
    counter = itertools.count(1)
    runs = FakeRuns()
    app = create_app(
        place.settings.model_copy(update={"hook_secret": SecretStr("secret of hooks"), "policies": place.root / "policies"}),
        now=lambda: dt.datetime.now(dt.UTC),
        new_id=lambda n: f"{next(counter):0{2 * n}x}",
        inherited=place.environment,
        runs=runs,
        watching=False,
    )
    made: dict[tuple[str, str], str] = {}

    def key(role: str = "viewer", tenant: str = "default") -> dict[str, str]:
        if (role, tenant) not in made:
            made[role, tenant] = app.state.service.api.create_key(
                role=Role(role), tenant=tenant, label="test", secret=f"{role}{tenant}secret", key_id=f"{role}{tenant}", now=NOW
            )
        return {"Authorization": f"Bearer {made[role, tenant]}"}

    with TestClient(app, raise_server_exceptions=False) as client:
        client.key, client.runs = key, runs
        yield client
