import copy
from pathlib import Path

import polars as pl
import pytest
import yaml

from seeding_platform.catalog.engine import ENGINES_FOLDER, BundleFormat, EngineContract, Family, inconsistencies, load_engine, load_engines
from seeding_platform.distribution.feeds import FEEDS
from seeding_platform.errors import ConfigError

ENGINES = load_engines()


def _written(tmp_path: Path, change) -> Path:
    content = yaml.safe_load((ENGINES_FOLDER / "optimization.yaml").read_text())
    change(content)
    file = tmp_path / "optimization.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_seventeen_engines_in_four_families_that_agree_on_their_fields():
    assert len(ENGINES) == 17
    assert {e.family for e in ENGINES.values()} == set(Family)
    assert inconsistencies(ENGINES) == []
    assert [e.feed for e in ENGINES.values()] == list(ENGINES)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_every_engine_has_a_feed_that_reads_what_the_contract_names(engine: EngineContract):
    assert set(FEEDS[engine.feed].inputs) == set(engine.reads)
    assert engine.minimum_confidence == (0.0 if engine.name == "analytics" else 0.70)
    assert {f.name for f in engine.fields if f.role == "key"} == set(engine.key)
    assert "synthetic" in engine.schema()
    assert "text" not in engine.schema()


def test_types_are_polars_types():
    schema = ENGINES["roi_algorithm"].schema()
    assert schema["spend"] == pl.Decimal(18, 2)
    assert schema["conversions"] == pl.Decimal(18, 4)
    assert schema["day"] == pl.Date()
    assert ENGINES["navigation_ml"].schema()["pages"] == pl.List(pl.String)


def test_schema_hash_follows_fields_version_and_format_only():
    engine = ENGINES["optimization"]
    again = engine.model_copy(update={"description": "other", "maximum_lag_seconds": 1})
    assert again.schema_hash() == engine.schema_hash()
    for update in ({"version": "1.1"}, {"format": BundleFormat.JSON}, {"fields": engine.fields[:-1]}):
        assert engine.model_copy(update=update).schema_hash() != engine.schema_hash()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["fields"][3].update(type="number"), "field 'fields[3].type' (of 'propensity')"),
        (lambda c: c.update(colour="red"), "field 'colour'"),
        (lambda c: c.pop("format"), "field 'format'"),
        (lambda c: c.update(inputs=["nowhere"]), "no table 'nowhere'"),
        (lambda c: c.update(key=["other"]), "'other' is named but is no field"),
        (lambda c: c["fields"].append(copy.deepcopy(c["fields"][0])), "'decision_id' is declared twice"),
        (lambda c: c.update(name="other"), "field 'name'"),
        (lambda c: c.update(k_anonymity={"k": 5, "fields": ["action"]}), "either distinct or count"),
        (lambda c: (c.update(inputs=["orders"]), c["fields"][1].update(name="note")), "'note' is personal in 'orders'"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path, change, said):
    with pytest.raises(ConfigError) as raised:
        load_engine(_written(tmp_path, change))
    assert "optimization.yaml" in str(raised.value)
    assert said in str(raised.value)


def test_a_file_that_is_no_yaml_is_named(tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not YAML"):
        load_engines(tmp_path)


def test_the_same_name_with_another_meaning_is_told():
    engine = ENGINES["optimization"]
    other = engine.model_copy(update={"name": "other", "fields": (engine.fields[0].model_copy(update={"type": "int", "unit": "views"}),)})
    told = inconsistencies({"optimization": engine, "other": other})
    assert told == [
        "decision_id: type is 'int' in other but 'string' in optimization",
        "decision_id: unit is 'views' in other but 'None' in optimization",
    ]
