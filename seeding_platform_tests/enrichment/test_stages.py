"""Stages as they ship: complete, in step with the strict models of their outputs, and refused where they do not hold together."""

from typing import get_args

import pytest
import yaml

from seeding_platform.catalog.tables.shop import EXCEPTION_LABELS, RESOLUTION_ACTIONS
from seeding_platform.enrichment import outputs
from seeding_platform.enrichment.resolutions import LABELS
from seeding_platform.enrichment.stages import SHIPPED, load_stages
from seeding_platform.errors import ConfigError
from seeding_platform.storage.enrichment.states import Stage


def test_names_are_the_same_everywhere(stages):
    assert set(get_args(outputs.Label)) == set(stages.labels) == set(EXCEPTION_LABELS) == LABELS
    assert set(get_args(outputs.ActionName)) == set(stages.actions) == set(RESOLUTION_ACTIONS)
    assert set(get_args(outputs.Kind)) == set(stages.problems)
    assert set(get_args(outputs.Template)) == set(stages.templates)
    assert get_args(outputs.Severity) == stages.severities
    assert list(stages.stages) == list(Stage)


def schema_fits(schema, model):
    """Hold names and closed lists of a JSON schema against those of a model's own, all the way down; returns how many places were looked at."""
    own = model.model_json_schema()
    kept = own.get("$defs", {})

    seen = []

    def walk(told, mine):
        seen.append(told)
        while "$ref" in mine:
            mine = kept[mine["$ref"].rsplit("/", 1)[-1]]
        if "anyOf" in mine:
            mine = next(m for m in mine["anyOf"] if m.get("type") != "null")
        if told.get("type") == "object":
            assert told["additionalProperties"] is False
            assert set(told["required"]) == set(told["properties"]) == set(mine["properties"])
            for name, part in told["properties"].items():
                walk(part, mine["properties"][name])
        elif told.get("type") == "array":
            walk(told["items"], mine["items"])
        elif "enum" in told:
            assert {v for v in told["enum"] if v is not None} == set(mine["enum"])

    walk(schema, own)
    return len(seen)


@pytest.mark.parametrize("stage", list(Stage))
def test_schemas_say_what_the_models_take(stages, stage):
    assert schema_fits(stages.of(stage).output, outputs.MODELS[stage]) >= 4


def test_the_version_of_a_prompt_follows_its_words_and_its_schema(stages):
    spec = stages.of(Stage.CLASSIFICATION)
    other = spec.model_copy(update={"prompt": spec.prompt.model_copy(update={"text": spec.prompt.text + " Be brief."})})
    wider = spec.model_copy(update={"output": {**spec.output, "required": []}})
    assert len({spec.prompt_version, other.prompt_version, wider.prompt_version}) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told["labels"].pop("damaged"), "labels: exactly"),
        (lambda told: told.update(bar=1.5), "bar"),
        (lambda told: told.update(surprise=1), "surprise"),
        (lambda told: told["problems"]["overdue"].update(label="lateness"), "'lateness' is no label"),
        (lambda told: told["labels"]["other"].pop("nl"), "labels.other.nl"),
        (lambda told: told["stages"]["order_analysis"].update(providers=[]), "providers"),
        (lambda told: told["stages"]["automated_resolution"]["output"]["properties"]["action"].update(enum="$deeds"), r"\$deeds"),
    ],
)
def test_what_does_not_hold_together_is_named(tmp_path, change, says):
    told = yaml.safe_load(SHIPPED.read_text())
    change(told)
    (tmp_path / "stages.yaml").write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=says):
        load_stages(tmp_path / "stages.yaml")


def test_an_unknown_stage_is_refused(stages):
    with pytest.raises(ConfigError, match="no stage of enrichment"):
        stages.of("guessing")
