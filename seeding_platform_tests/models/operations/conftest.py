"""A bench with a clock that tests move, over a registry that is made once: MLflow takes seconds to begin."""

import datetime as dt
import itertools
import random
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from seeding_platform.models import ModelSpec
from seeding_platform.models.operations.bench import Bench
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.models.registry import Registry
from seeding_platform.settings import Settings
from seeding_platform.storage.audit import AuditLog
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.ml.jobs import Job
from seeding_platform.storage.ml.whose import Whose
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)
SPEC = ModelSpec(
    name="toy", description="Whether x is large.", kind="classification", target="y", features={"x": "numeric", "kind": "category"},
    split={"kind": "holdout", "test_fraction": 0.4, "seed": 1}, metric="accuracy", floor=0.6, positive="yes", minimum_rows=100, inputs=["orders"],
    params={"max_iter": 25, "learning_rate": 0.2},
)  # fmt: skip


def rows(many: int, *, noise: float = 0.1, seed: int = 1, turned: bool = False) -> pl.DataFrame:
    """Rows whose label follows x but for noise; turned: it follows the opposite."""
    draw = random.Random(seed)
    x = [round(draw.uniform(0, 10), 6) for _ in range(many)]
    y = [((v > 5) != (draw.random() < noise)) != turned for v in x]
    return pl.DataFrame({"x": x, "kind": [draw.choice("ab") for _ in x], "y": ["yes" if v else "no" for v in y], "synthetic": [False] * many})


@dataclass
class Clock:
    """A clock that moves when it is told to, and a second at each look."""

    at: dt.datetime = NOW
    looks: itertools.count = field(default_factory=itertools.count)

    def __call__(self) -> dt.datetime:
        self.at += dt.timedelta(milliseconds=10)
        return self.at

    def later(self, **more: float) -> None:
        self.at += dt.timedelta(**more)


@dataclass
class Shop:
    """One model of one tenant, with hands to train it and to ask it."""

    bench: Bench
    clock: Clock
    whose: Whose
    spec: ModelSpec = SPEC

    def train(self, frame: pl.DataFrame, *, trigger: str = "manual", spec: ModelSpec | None = None, version: str = "orders@1") -> Job:
        by = {"trigger": trigger, "requested_by": "key1", "requested_at": self.clock()}
        job = self.bench.jobs.request(Job(job_id=f"job_{uuid.uuid4().hex}", whose=self.whose, **by))
        work = Work(spec or self.spec, lambda: frame, {"data_version": version}, "run1")
        done = carry_out(self.bench, job, work)
        assert done is not None
        return done


@pytest.fixture(scope="session")
def registry(tmp_path_factory) -> Registry:
    root: Path = tmp_path_factory.mktemp("mlflow")
    return Registry(f"sqlite:///{root / 'mlflow.db'}", root / "artefacts")


@pytest.fixture
def shop(tmp_path, registry):
    settings = Settings(state=tmp_path / "state", lake=tmp_path / "lake", landing=tmp_path / "landing")
    settings.state.mkdir()
    with State.open(settings.state_url) as state:
        clock = Clock()
        bench = Bench(settings, state, registry, AuditLog(state, Keyring(bytes(range(32)))), clock, lambda: uuid.uuid4().hex)
        yield Shop(bench, clock, Whose(f"t{uuid.uuid4().hex[:8]}", "toy"))
