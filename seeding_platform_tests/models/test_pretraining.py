"""Training: nothing from after the moment, nothing registered that is not better, nothing loaded that was altered."""

import datetime as dt
import random

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.errors import PermanentError
from seeding_platform.models import ModelSpec, predict, split_rows
from seeding_platform.models.frames.content_performance import content_performance_frame
from seeding_platform.models.pretraining import Outcome, pretrain
from seeding_platform.models.registry import Registry

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SPEC = ModelSpec(
    name="toy",
    description="A made relation.",
    target="y",
    features={"kind": "category", "x": "numeric", "empty": "numeric"},
    time="at",
    split={"kind": "time", "column": "at"},
    minimum_rows=50,
    inputs=["content_posts"],
)


def made(noise: float, *, slope: float = 1.0, seed: int = 3, rows: int = 200) -> pl.DataFrame:
    draw = random.Random(seed)
    x = [draw.uniform(0, 10) for _ in range(rows)]
    return pl.DataFrame(
        {
            "kind": [draw.choice(["a", "b", None]) for _ in x],
            "x": x,
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "y": [slope * v + draw.gauss(0, noise) for v in x],
            "at": [NOW - (rows - i) * DAY for i in range(rows)],
            "synthetic": [i % 10 == 0 for i in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory) -> Registry:
    root = tmp_path_factory.mktemp("mlflow")
    return Registry(f"sqlite:///{root / 'mlflow.db'}", root / "artefacts")


def trained(registry: Registry, frame: pl.DataFrame, *, tenant: str):
    return pretrain(SPEC, frame, registry, tenant=tenant, lineage={"snapshot_id": "s"}, now=NOW)


def test_held_out_rows_are_the_newest_and_never_made_up():
    before, held = split_rows(SPEC, made(1))
    assert not held["synthetic"].any()
    assert before.filter(~pl.col("synthetic"))["at"].max() < held["at"].min()
    assert held.height == 54, "three tenths of the rows that really happened"
    assert before["at"].max() < held["at"].min(), "nor does a made-up row of later train"


def test_a_real_relation_is_registered_once_and_serves(registry):
    frame = made(0.5)
    first = trained(registry, frame, tenant="good")
    assert (first.outcome, first.version) == (Outcome.REGISTERED, "1")
    assert first.evaluation.value < first.evaluation.baseline_value
    again = trained(registry, frame, tenant="good")
    assert (again.outcome, again.version) == (Outcome.NO_CHANGE, "1")
    version, model = registry.load("good.toy")
    assert version.tags["snapshot_id"] == "s"
    assert predict(model, SPEC, frame).shape == (200,)
    changed = trained(registry, made(0.5, seed=4), tenant="good")
    assert changed.version == "2"


def test_noise_is_not_registered_and_says_so(registry):
    done = trained(registry, made(5, slope=0.0), tenant="noise")
    assert done.outcome is Outcome.NOT_BETTER
    assert "not registered" in done.says
    assert registry.champion("noise.toy") is None
    with pytest.raises(PermanentError, match="no champion"):
        registry.load("noise.toy")


def test_too_few_rows_are_not_trained_on(registry):
    done = trained(registry, made(0.1, rows=40), tenant="few")
    assert (done.outcome, done.evaluation) == (Outcome.TOO_FEW_ROWS, None)


def test_an_altered_artefact_is_not_loaded(registry):
    trained(registry, made(0.5), tenant="altered")
    found = registry.client.get_model_version("altered.toy", "1")
    path = registry.artefacts / "altered.toy" / found.run_id / "artifacts" / "model.skops"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(PermanentError, match="altered"):
        registry.load("altered.toy")


def test_a_withdrawn_version_does_not_serve_and_the_same_data_are_trained_on_anew(registry):
    frame = made(0.5)
    trained(registry, frame, tenant="withdrawn")
    (found,) = registry.trained("withdrawn")
    registry.tag(found.name, found.version, {"subject_erased": "true", "subject_erased_why": "restricted"})
    with pytest.raises(PermanentError, match="restricted since"):
        registry.load("withdrawn.toy")
    assert trained(registry, frame, tenant="withdrawn").outcome is Outcome.REGISTERED
    assert registry.load("withdrawn.toy")[0].version == "2"


def quality(name: str, rows: list[dict]) -> pl.LazyFrame:
    schema = LANDED[name].schema("quality")
    base = dict.fromkeys(schema) | {"tenant": "t", "_source": "s", "_batch": "b", "_row": 0, "synthetic": False, "flags": [], "quality_score": 99.0}
    return pl.DataFrame([base | {"confidence": 0.9} | row for row in rows], schema=schema).lazy()


def test_features_know_nothing_that_was_measured_later():
    start = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
    posts = [
        {
            "post_id": p,
            "account_id": "a",
            "platform": "X",
            "status": "published",
            "published_at": start + n * DAY,
            "text": "x" * n,
            "hashtags": [],
            "mentions": [],
        }
        for n, p in enumerate("abcd", 1)
    ]
    measured = [("a", 1, 10), ("a", 2, 100), ("b", 1, 20), ("c", 5, 30), ("d", 1, 40)]
    figures = [{"post_id": p, "measured_at": start + ("abcd".index(p) + 1 + days) * DAY, "impressions": n, "likes": 1} for p, days, n in measured]
    tables = {"content_posts": quality("content_posts", posts), "content_analytics": quality("content_analytics", figures)}
    tables |= {name: LANDED[name].empty("quality").lazy() for name in ("social_accounts", "campaigns")}
    frame = content_performance_frame(tables)
    rows = {r["post_id"]: r for r in frame.iter_rows(named=True)}
    shown = {p: round(pl.select(pl.lit(r["log_impressions"]).exp() - 1).item()) for p, r in rows.items()}
    assert shown == {"a": 10, "b": 20, "c": 30, "d": 40}, "the first measurement at 24 hours or later"
    trailing = {p: r["trailing_log_impressions"] for p, r in rows.items()}
    assert trailing["a"] is None
    assert trailing["b"] is None, "a's figure was measured at the very moment b went out: not before it"
    assert round(pl.select(pl.lit(trailing["c"]).exp() - 1).item()) == 10
    known = sorted([10, 20])
    middle = (pl.select((pl.lit(known[0] + 1.0)).log()).item() + pl.select((pl.lit(known[1] + 1.0)).log()).item()) / 2
    assert trailing["d"] == pytest.approx(middle), "c is measured only after d went out"
