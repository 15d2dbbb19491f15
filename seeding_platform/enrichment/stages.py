"""What enrichment asks: stages with prompts and schemas, labels, actions, problems, as `stages.yaml` says; what is done with it is not here."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seeding_platform.catalog.tables.shop import EXCEPTION_LABELS, RESOLUTION_ACTIONS
from seeding_platform.errors import ConfigError
from seeding_platform.storage.enrichment.states import Stage

SHIPPED = Path(__file__).with_name("stages.yaml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """A text for people, in both languages."""

    en: str = Field(min_length=1)
    nl: str = Field(min_length=1)


class ActionKind(Words):
    """One thing that may be done about an exception."""

    moves_money: bool = Field(description="Whether it costs money: then its amount is held against limits")


class ProblemKind(Words):
    """One thing that may be wrong with an order."""

    label: str = Field(description="Label of an exception that is about nothing but this")


class Prompt(_Part):
    """What a language model is told; facts follow it, apart from it."""

    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")
    text: str = Field(min_length=20)


class StageSpec(_Part):
    """One stage."""

    providers: tuple[str, ...] = Field(min_length=1, description="Who is asked, the cheapest first; the next one where confidence is below the bar")
    prompt: Prompt
    output: dict[str, Any] = Field(description="JSON schema of an answer")

    @property
    def prompt_version(self) -> str:
        """Version of the prompt, with what changes an answer as much as its words: the schema."""
        return f"{self.prompt.version}-{_short([self.prompt.text, self.output])}"


class Stages(_Part):
    """Everything that `stages.yaml` says."""

    version: str
    bar: float = Field(gt=0, lt=1)
    review_hours: int = Field(ge=1, le=24 * 30)
    severities: tuple[str, ...]
    templates: tuple[str, ...]
    labels: dict[str, Words]
    actions: dict[str, ActionKind]
    problems: dict[str, ProblemKind]
    stages: dict[Stage, StageSpec]

    @model_validator(mode="before")
    @classmethod
    def _names_filled_in(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        lists = {f"${name}": list(data.get(name) or ()) for name in ("labels", "actions", "problems", "severities", "templates")}
        return data | {"stages": _filled(data.get("stages"), lists)}

    @model_validator(mode="after")
    def _complete(self) -> Stages:
        for what, told, wanted in (
            ("labels", self.labels, EXCEPTION_LABELS),
            ("actions", self.actions, RESOLUTION_ACTIONS),
            ("stages", self.stages, tuple(Stage)),
        ):
            if sorted(map(str, told)) != sorted(map(str, wanted)):
                raise ValueError(f"{what}: exactly {', '.join(map(str, wanted))} are expected, not {', '.join(map(str, told))}")
        unknown = sorted({p.label for p in self.problems.values()} - set(self.labels))
        if unknown:
            raise ValueError(f"problems: {unknown[0]!r} is no label")
        return self

    def of(self, stage: str) -> StageSpec:
        """One stage.

        Raises:
            ConfigError: there is none of that name.
        """
        try:
            return self.stages[Stage(stage)]
        except ValueError:
            raise ConfigError(f"{stage!r} is no stage of enrichment.", fix=f"Stages are {', '.join(Stage)}.") from None


def _filled(told: Any, lists: dict[str, list[str]]) -> Any:
    """The names of a list where `$list` stands for them; `$list?` with null."""
    if isinstance(told, dict):
        return {key: _filled(value, lists) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(value, lists) for value in told]
    if isinstance(told, str) and told.startswith("$"):
        names = lists.get(told.removesuffix("?"))
        if names is None:
            raise ValueError(f"{told!r} is none of {', '.join(lists)}")
        return [*names, None] if told.endswith("?") else list(names)
    return told


def _short(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:8]


def load_stages(path: Path) -> Stages:
    """Stages from a YAML file.

    Raises:
        ConfigError: the file cannot be read or does not hold together; names every place at fault.
    """
    fix = "Compare it with the file that ships: seeding_platform/enrichment/stages.yaml."
    try:
        return Stages.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}.", fix=fix) from error
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}".removeprefix(": ") for e in error.errors())
        raise ConfigError(f"{path.name} declares no stages: {why}.", fix=fix) from error


@cache
def shipped_stages() -> Stages:
    """The stages that ship with the product."""
    return load_stages(SHIPPED)
