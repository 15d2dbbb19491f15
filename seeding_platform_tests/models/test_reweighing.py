"""Weights before training: they even out the label, they reach the regressor, and what they did is told before and after."""

import datetime as dt
import json
import random

import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train.assets import job_metadata
from seeding_platform.errors import ConfigError
from seeding_platform.models import ModelSpec, load_spec, predict, shipped_spec, split_rows, train
from seeding_platform.models.operations.bench import Bench
from seeding_platform.models.reweighing import training_weights
from seeding_platform.models.weighing import told
from seeding_platform.quality.bias import outcome
from seeding_platform_tests.models.made import trained
from seeding_platform_tests.places import place_in

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
PLAIN = ModelSpec(
    name="toy",
    description="A made relation.",
    target="y",
    features={"kind": "category", "x": "numeric"},
    time="at",
    split={"kind": "time", "column": "at"},
    minimum_rows=50,
    inputs=["content_posts"],
)
WEIGHED = ModelSpec.model_validate(PLAIN.model_dump() | {"reweigh": {"group": "kind"}})


def made(rows: int = 400, *, slope: float = 2.0) -> pl.DataFrame:
    """Kind "b" and rows without a kind lie above the median far less often than "a"."""
    draw = random.Random(7)
    kinds = [draw.choice(["a", "a", "b", "b", None]) for _ in range(rows)]
    x = [draw.uniform(0, 10) for _ in kinds]
    return pl.DataFrame(
        {
            "kind": kinds,
            "x": x,
            "y": [slope * v + (0 if kind == "a" else -6) * (slope > 0) + draw.gauss(0, 2) for kind, v in zip(kinds, x, strict=True)],
            "at": [NOW - (rows - i) * dt.timedelta(hours=1) for i in range(rows)],
            "synthetic": False,
        }
    )


def impacts(frame: pl.DataFrame, weights: str | None) -> list[float]:
    found = outcome(frame, group="kind", label="above", positive=True, weights=weights)
    return found.filter(pl.col("metric").is_in(["disparate_impact", "demographic_parity_ratio"]))["value"].to_list()


def test_weights_even_out_the_label():
    frame = made()
    labelled = frame.with_columns(training_weights(WEIGHED, frame), above=pl.col("y") > pl.col("y").median())
    assert min(impacts(labelled, None)) < 0.6
    assert impacts(labelled, "weight") == pytest.approx([1.0] * 4, abs=1e-9)
    assert training_weights(PLAIN, frame) is None


def test_weights_reach_the_regressor(monkeypatch):
    given = []
    fit = HistGradientBoostingRegressor.fit

    def watched(self, x, y, sample_weight=None):
        given.append(sample_weight)
        return fit(self, x, y, sample_weight)

    monkeypatch.setattr(HistGradientBoostingRegressor, "fit", watched)
    frame = made()
    plain, weighed = (train(spec, frame, seed=0) for spec in (PLAIN, WEIGHED))
    assert given[0] is None
    assert given[1].tolist() == training_weights(WEIGHED, frame).to_list()
    assert (predict(plain, PLAIN, frame) != predict(weighed, WEIGHED, frame)).any()


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Platform(place_in(tmp_path / "place").settings).bench


def test_both_models_are_told_group_by_group_and_kept_with_the_version(bench):
    done = trained(bench, WEIGHED, made(), tenant="t")
    assert done.verdict == "deploy", done.says
    weighed = told(done.report["reweighing"])
    figures = weighed.figures
    assert [(f.weighted, f.group) for f in figures] == [(w, g) for w in (False, True) for g in ("(missing)", "a", "b", "(all)")]
    _, held = split_rows(WEIGHED, made())
    for four in (figures[:4], figures[4:]):
        assert [f.n for f in four] == [held.filter(pl.col("kind").is_null()).height, *(held.filter(kind=k).height for k in "ab"), held.height]
        assert sum(f.n * f.mae for f in four[:3]) == pytest.approx(held.height * four[3].mae)
    assert figures[7].rmse == pytest.approx(done.report["evaluation"]["metrics"]["rmse"]["value"]), "what serves is the weighted one"
    assert figures[3].rmse != figures[7].rmse
    assert figures[3].verdict == "biased"
    assert figures[7].disparate_impact > figures[3].disparate_impact
    kept = json.loads(bench.registry.document(bench.registry.version("t.toy", "1"), "reweighing.json"))
    assert len(kept["figures"]) == 8
    lines = weighed.markdown().splitlines()
    assert len(lines) == 2 + 8
    assert len({line.count("|") for line in lines}) == 1
    assert job_metadata(WEIGHED, [done])["t reweighing"].md_str == weighed.markdown()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["without"] * 4 + ["with"] * 4


def test_a_model_that_is_refused_tells_them_too(bench):
    done = trained(bench, WEIGHED, made(slope=0.0), tenant="t")
    assert (done.verdict, done.version, len(done.report["reweighing"]["figures"])) == ("refuse", None, 8)


def test_without_the_block_nothing_changes(bench):
    assert PLAIN.reweigh is None
    assert PLAIN.digest() == ModelSpec.model_validate(PLAIN.model_dump()).digest(), "a default that is written out says nothing new"
    assert WEIGHED.digest() != PLAIN.digest()
    done = trained(bench, PLAIN, made(), tenant="t")
    assert done.verdict == "deploy", done.says
    assert "reweighing" not in done.report
    assert bench.registry.document(bench.registry.version("t.toy", "1"), "reweighing.json") is None


def test_the_shipped_model_weighs_platforms():
    assert shipped_spec("content_performance").reweigh.group == "platform"


@pytest.mark.parametrize("block", ["{group: x}", "{group: nothing}", "{group: kind, above: mean}", "{group: kind, weight: 2}", "{}"])
def test_a_wrong_block_is_refused(tmp_path, block):
    path = tmp_path / "toy.yaml"
    path.write_text(f"{PLAIN.model_dump_json(exclude={'reweigh'})[:-1]}, reweigh: {block}}}\n")
    with pytest.raises(ConfigError, match="reweigh"):
        load_spec(path)
