"""Tables with a known relation, for tests of every kind of model."""

import datetime as dt
import random
import uuid
from collections.abc import Mapping

import polars as pl

from seeding_platform.models import ModelSpec
from seeding_platform.models.operations.bench import Bench
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.storage.ml.jobs import Job
from seeding_platform.storage.ml.whose import Whose

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WORDS = {"pos": ("great", "lovely", "thanks"), "neg": ("awful", "broken", "late")}


def spec(**told) -> ModelSpec:
    """A specification of a table of one's own, with what a test says in place of ours."""
    base = {"name": "toy", "kind": "classification", "target": "y", "features": {"x": "numeric", "kind": "category"}, "split": {"kind": "holdout"}}
    if told.get("kind") != "clustering":
        base["params"] = {"max_iter": 40, "learning_rate": 0.15}
    return ModelSpec.model_validate(base | told)


def table(rows: int = 240, *, seed: int = 1) -> pl.DataFrame:
    """`y` (yes or no) by x and kind, `number` and `times` the same as numbers, texts, days, accounts."""
    draw = random.Random(seed)
    x = [draw.uniform(0, 10) for _ in range(rows)]
    kind = [draw.choice(["a", "b", "c"]) for _ in range(rows)]
    strength = [v + (3 if k == "a" else 0) + draw.gauss(0, 1) for v, k in zip(x, kind, strict=True)]
    return pl.DataFrame(
        {
            "x": x,
            "kind": kind,
            "y": ["yes" if s > 6 else "no" for s in strength],
            "several": ["low" if s < 4 else "mid" if s < 8 else "high" for s in strength],
            "number": strength,
            "times": [max(0, round(s + draw.gauss(0, 1))) for s in strength],
            "text": [f"{draw.choice(WORDS['pos' if (s > 6) == (draw.random() < 0.9) else 'neg'])} parcel" for s in strength],
            "day": [START.date() + dt.timedelta(days=i // 2) for i in range(rows)],
            "at": [START + dt.timedelta(hours=i) for i in range(rows)],
            "account": [f"A{i % 17}" for i in range(rows)],
        }
    )


NEWEST = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
RELATION = ModelSpec(
    name="toy",
    description="A made relation.",
    kind="regression",
    target="y",
    features={"kind": "category", "x": "numeric", "empty": "numeric"},
    time="at",
    split={"kind": "time", "column": "at"},
    metric="rmse",
    minimum_rows=50,
    inputs=["content_posts"],
)


def relation(noise: float, *, slope: float = 1.0, seed: int = 3, rows: int = 200) -> pl.DataFrame:
    """A row a day, the newest last, every tenth of them made up; y follows x."""
    draw = random.Random(seed)
    x = [draw.uniform(0, 10) for _ in range(rows)]
    return pl.DataFrame(
        {
            "kind": [draw.choice(["a", "b", None]) for _ in x],
            "x": x,
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "y": [slope * v + draw.gauss(0, noise) for v in x],
            "at": [NEWEST - dt.timedelta(days=rows - i) for i in range(rows)],
            "synthetic": [i % 10 == 0 for i in range(rows)],
        }
    )


def trained(bench: Bench, spec: ModelSpec, frame: pl.DataFrame, *, tenant: str, lineage: Mapping[str, str] | None = None) -> Job:
    """Ask for a training and carry it out."""
    job = Job(job_id=f"job_{uuid.uuid4().hex}", whose=Whose(tenant, spec.name), trigger="manual", requested_by="key1", requested_at=bench.now())
    done = carry_out(bench, bench.jobs.request(job), Work(spec, lambda: frame, dict(lineage or {}), "run1"))
    assert done is not None
    return done
