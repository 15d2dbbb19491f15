"""What a model is: target, features, split, metric, floor; one YAML file each under `specs/`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from seeding_platform.errors import ConfigError


class Split(BaseModel):
    """How rows are held out for evaluation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["time", "holdout"] = "time"
    column: str | None = Field(None, description="Time column of a split by time")
    test_fraction: float = Field(0.3, gt=0, lt=1)
    seed: int = 0


class Reweigh(BaseModel):
    """Weights of training rows by which no group is above the target's median more often than another (Kamiran and Calders 2012)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(description="Category among the features whose values are the groups")
    above: Literal["median"] = Field("median", description="The good outcome is a target above this figure of the training rows")


class ModelSpec(BaseModel):
    """One model, as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    kind: Literal["regression"] = "regression"
    target: str = Field(description="Column of the training frame that is predicted")
    features: dict[str, Literal["numeric", "category"]]
    time: str | None = None
    split: Split = Split()
    metric: Literal["rmse"] = "rmse"
    direction: Literal["down", "up"] = "down"
    baseline: str | None = Field(None, description="Column whose training median per value is the dummy; the overall median without it")
    standard_errors: float = Field(2.0, gt=0, description="A first version must beat the dummy by this many standard errors")
    minimum_rows: int = Field(60, ge=10, description="Fewer labelled rows are not trained on")
    inputs: list[str] = Field(description="Contracts whose quality tables it reads")
    reweigh: Reweigh | None = Field(None, description="Mitigation of bias before training; none without it")

    @model_validator(mode="after")
    def _groups_are_a_category(self) -> ModelSpec:
        if self.reweigh is not None and self.features.get(self.reweigh.group) != "category":
            raise ValueError(f"reweigh.group: {self.reweigh.group!r} is no category among the features")
        return self

    def digest(self) -> str:
        """Hash of everything that the specification says; a block that it leaves out does not count."""
        said = self.model_dump(mode="json", exclude={"reweigh"} if self.reweigh is None else None)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def load_spec(path: Path) -> ModelSpec:
    """A specification from its YAML file.

    Raises:
        ConfigError: names the file and the field at fault.
    """
    from pydantic import ValidationError

    try:
        return ModelSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{path.name} is no model specification: {error}", fix="Compare it with models/specs/content_performance.yaml.") from error


SPECS = Path(__file__).parent / "specs"


def shipped_spec(name: str) -> ModelSpec:
    """A specification that ships with the product."""
    return load_spec(SPECS / f"{name}.yaml")
