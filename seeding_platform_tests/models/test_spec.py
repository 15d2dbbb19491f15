"""A specification says what is wrong with it: the field, and what it should be."""

import re

import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.models import ModelSpec, frame_of, load_spec, shipped_specs
from seeding_platform.models.frames import FRAMES
from seeding_platform.models.kinds import DEFAULT_MEASURE, MEASURES, Kind
from seeding_platform.settings import project_root
from seeding_platform_tests.models.made import spec

CONTRACT = """
name: churn
kind: classification
target: left
features: {age: numeric, plan: category, note: text, since: date}
group: customer
time: at
split: {kind: kfold, folds: 3, test_fraction: 0.2, seed: 7}
metric: auc
direction: up
floor: 0.6
"""


def written(folder, text: str):
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_form_of_the_contract_is_read(tmp_path):
    told = load_spec(written(tmp_path, CONTRACT))
    assert (told.kind, told.metric, told.floor, told.split.folds, told.group, told.time) == (Kind.CLASSIFICATION, "auc", 0.6, 3, "customer", "at")
    assert list(told.features) == ["age", "plan", "note", "since"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_figure_and_a_direction(kind):
    told = spec(kind=kind, target=None if kind is Kind.CLUSTERING else "y")
    assert told.metric == DEFAULT_MEASURE[kind]
    assert told.direction is MEASURES[told.metric].direction


@pytest.mark.parametrize(
    ("told", "known_as", "direction"),
    [
        ({"metric": "ROC_AUC"}, "auc", "up"),
        ({"metric": "macro-f1", "direction": "maximize"}, "f1", "up"),
        ({"metric": "log_loss", "direction": "lower_is_better"}, "log_loss", "down"),
        ({"kind": "counts", "metric": "deviance"}, "poisson_deviance", "down"),
        ({"kind": "next_item", "metric": "hit_at_1"}, "hit@1", "up"),
    ],
)
def test_other_words_for_the_same_are_understood(told, known_as, direction):
    read = spec(**told)
    assert (read.metric, read.direction) == (known_as, direction)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("kind: prophecy", "kind: 'prophecy' is no kind; one of classification"),
        ("metric: rmse", "metric: 'rmse' does not judge classification; take one of accuracy"),
        ("metric: goodness", "metric: 'goodness' is not known"),
        ("direction: down", "direction: auc is better up"),
        ("target: age", "features.age: that is the target"),
        ("target: null", "target: classification needs the column"),
        ("kind: clustering", "target: clustering has none"),
        ("split: {kind: holdout, folds: 3}", "split.folds: only kind kfold"),
        ("split: {kind: kfold}\ninputs: [orders]", "split.kind: a model that the platform trains has one part"),
        ("split: {kind: kfold, column: at}", "split.column: kind kfold reads no column"),
        ("split: {kind: sideways}", "split.kind: Input should be 'holdout'"),
        ("features: {}", "features: Dictionary should have at least 1 item"),
        ("features: {age: number}", "features.age: Input should be 'numeric'"),
        ("features: {age: numeric, age: category}", "'age' stands twice"),
        ("colour: red", "colour: Extra inputs"),
        ("trainer: nonsense", "trainer: 'nonsense' is not of the form"),
        ("early: {age: numeric}", "early.age: that is among the features"),
        ("reweigh: {group: age}", "reweigh.group: 'age' is no category"),
        ("metrics: {auc: avg(truth)}", "metrics.auc: that name is taken"),
    ],
)
def test_a_fault_is_named_with_its_field(tmp_path, change, says):
    field = change.split(":")[0]
    lines = [line for line in CONTRACT.splitlines() if not line.startswith(f"{field}:")]
    with pytest.raises(ConfigError) as caught:
        load_spec(written(tmp_path, "\n".join([*lines, change])))
    assert "spec.yaml" in str(caught.value)
    assert says in str(caught.value)


def test_time_needs_a_column_and_an_own_figure_a_direction():
    with pytest.raises(ValueError, match="split: kind time needs a column of moments"):
        spec(split={"kind": "time"})
    with pytest.raises(ValueError, match="direction: which way 'cost'"):
        spec(metrics={"cost": "avg(score)"}, metric="cost")
    assert spec(metrics={"cost": "avg(score)"}, metric="cost", direction="down").better(1, 2)


def test_what_is_not_yaml_or_not_there_is_a_clear_error(tmp_path):
    for path in (written(tmp_path, "name: [unclosed"), tmp_path / "nowhere.yaml", written(tmp_path, "just words")):
        with pytest.raises(ConfigError, match=r"\.yaml is no model specification"):
            load_spec(path)


def test_the_digest_follows_what_is_said():
    assert spec().digest() == spec(metric="accuracy", minimum_rows=60).digest(), "a default that is written out says nothing new"
    assert len({spec().digest(), spec(floor=0.5).digest(), spec(params={"max_iter": 50}).digest()}) == 3


def test_the_second_variant_knows_more():
    early = spec(early={"clicks": "numeric"})
    later = early.asked_later()
    assert (later.name, list(later.features), later.early) == ("toy_early", ["x", "kind", "clicks"], None)
    with pytest.raises(ConfigError, match="no second variant"):
        spec().asked_later()


def test_ten_models_ship_and_each_has_a_frame():
    shipped = shipped_specs()
    assert set(shipped) == set(FRAMES)
    assert len(shipped) == 10
    assert all(name == told.name for name, told in shipped.items())
    with pytest.raises(ConfigError, match="has no frame"):
        frame_of(spec(), {})
    with pytest.raises(ConfigError, match="needs the table customers"):
        frame_of(shipped["churn"], {})


def test_floor_and_better_follow_the_direction():
    up, down = spec(metric="auc", floor=0.6), ModelSpec(name="n", kind="regression", target="y", features={"x": "numeric"}, floor=2.0)
    assert (up.meets_floor(0.6), up.meets_floor(0.59), down.meets_floor(2.0), down.meets_floor(2.1)) == (True, False, True, False)


@pytest.mark.parametrize("file", sorted((project_root() / "examples" / "models").glob("*.yaml")), ids=lambda f: f.stem)
def test_examples_are_valid(file):
    assert load_spec(file).name == file.stem


def test_the_specification_that_the_docs_show_is_valid(tmp_path):
    block = re.search(r"```yaml\n(name: .*?)```", (project_root() / "docs" / "models.md").read_text(encoding="utf-8"), re.DOTALL)
    assert load_spec(written(tmp_path, block[1])).name == "churn"
