"""What a model is: target, features, split, metric, floor; one YAML file each."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seeding_platform.errors import ConfigError
from seeding_platform.models.kinds import DEFAULT_MEASURE, MEASURES, OTHER_DIRECTIONS, OTHER_NAMES, Direction, FeatureKind, Kind, measures_of

if TYPE_CHECKING:
    from collections.abc import Mapping


_TREES = ("learning_rate", "max_iter", "max_leaf_nodes", "min_samples_leaf", "l2_regularization")
_READ: dict[Kind, tuple[str, ...]] = {
    Kind.CLASSIFICATION: (*_TREES, "strength"),
    Kind.REGRESSION: (*_TREES, "penalty"),
    Kind.COUNTS: (*_TREES, "penalty"),
    Kind.NEXT_ITEM: (*_TREES, "strength", "weight", "method"),
    Kind.CLUSTERING: ("clusters", "method"),
}
_METHODS: dict[Kind, tuple[str, ...]] = {Kind.NEXT_ITEM: ("chain", "trees"), Kind.CLUSTERING: ("kmeans", "mixture")}
_BETWEEN: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-4, 1.0), "max_iter": (1, 10_000), "max_leaf_nodes": (2, 10_000), "min_samples_leaf": (1, 1_000_000),
    "l2_regularization": (0.0, 1e9), "strength": (1e-6, 1e6), "penalty": (0.0, 1e9), "weight": (0.0, 1e9), "clusters": (2, 1000),
}  # fmt: skip
_WHOLE = ("max_iter", "max_leaf_nodes", "min_samples_leaf", "clusters")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Part):
    """How rows are held out for evaluation."""

    kind: Literal["holdout", "kfold", "given", "time"] = "holdout"
    column: str | None = Field(None, description="time: column of moments (default: the model's `time`); given: column that says train or test")
    folds: int | None = Field(None, ge=2, le=50, description="kfold: parts, each held out once; 5 without it")
    test_fraction: float = Field(0.3, gt=0, lt=1, description="holdout and time: share of the rows (or of the groups) that is held out")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _only_what_the_kind_reads(self) -> Split:
        if self.folds is not None and self.kind != "kfold":
            raise ValueError(f"split.folds: only kind kfold has folds, and this is {self.kind}; leave it out or write kind: kfold")
        if self.column is not None and self.kind in ("holdout", "kfold"):
            raise ValueError(f"split.column: kind {self.kind} reads no column; write kind: time or kind: given, or leave it out")
        return self


class Reweigh(_Part):
    """Weights of training rows by which no group has the good outcome more often than another (Kamiran and Calders 2012)."""

    group: str = Field(description="Category among the features whose values are the groups")
    above: Literal["median"] = Field("median", description="The good outcome is a target above this figure of the training rows")


class Guardrails(_Part):
    """What a version may cost at most."""

    latency_ms: float | None = Field(None, gt=0, description="99th percentile of the time of one prediction")
    size_mb: float | None = Field(None, gt=0, description="Size of its artefact")


class ModelSpec(_Part):
    """One model, as data."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$", max_length=80)
    description: str = ""
    kind: Kind = Kind.REGRESSION
    target: str | None = Field(None, description="Column that is predicted; none of clustering")
    features: dict[str, FeatureKind] = Field(min_length=1)
    group: str | None = Field(None, description="Rows of one value (an account, a session) are never on both sides of a split, and vary together")
    time: str | None = Field(None, description="The moment of a row, at which all of its features were known")
    split: Split = Split()
    metric: str = Field("", description="The figure that decides; by default the first of the kind")
    direction: Direction = Field(Direction.UP, description="Which way of the metric is better; known of every metric that is not your own")
    floor: float | None = Field(None, description="A model that is worse than this is not used")
    positive: bool | int | str | None = Field(
        None, description="Label of two whose probability is the score; by default the last in order (1, true, yes)"
    )
    slices: tuple[str, ...] = Field((), description="Columns by whose values the figures are told apart")
    baseline: str | None = Field(
        None, description="Column whose training median (mean of counts, commonest of classes) per value is the dummy; without it that of all rows"
    )
    standard_errors: float = Field(2.0, gt=0, description="A first version must beat the dummy by this many standard errors")
    minimum_rows: int = Field(60, ge=10, description="Fewer labelled rows are not trained on")
    minimum_completeness: float | None = Field(
        None, ge=0, le=1, description="Share of its features that is filled at least; what the setting `min_completeness` says without it"
    )
    inputs: tuple[str, ...] = Field((), description="Contracts whose quality tables it reads; none for a table of your own")
    reweigh: Reweigh | None = Field(None, description="Mitigation of bias before training; none without it")
    early: dict[str, FeatureKind] | None = Field(None, description="Features of a second variant that is asked some time later")
    guardrails: Guardrails | None = None
    metrics: dict[str, str] | None = Field(None, description="Figures of your own: an SQL expression over truth, prediction, score and p_<class>")
    trainer: str | None = Field(None, description="Your own trainer, package:function")
    params: dict[str, float | int | str] | None = Field(None, description="What a search found, in place of the defaults of the trainer")

    @field_validator("kind", mode="before")
    @classmethod
    def _kinds_have_a_name(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in list(Kind):
            raise ValueError(f"{value!r} is no kind; one of {', '.join(Kind)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _metric_in_our_words(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        told = dict(data)
        kind = told.get("kind", Kind.REGRESSION)
        own = told.get("metrics") if isinstance(told.get("metrics"), dict) else {}
        metric = told.get("metric")
        if metric is None or metric == "":
            told["metric"] = DEFAULT_MEASURE[Kind(kind)] if kind in list(Kind) else ""
        elif isinstance(metric, str) and metric not in (own or {}) and ":" not in metric:
            short = metric.strip().lower().replace(" ", "_").replace("-", "_")
            told["metric"] = OTHER_NAMES.get(short, short)
        known = MEASURES.get(told["metric"]) if isinstance(told["metric"], str) else None
        way = told.get("direction")
        if way is None and known is not None:
            told["direction"] = known.direction
        elif isinstance(way, str):
            told["direction"] = OTHER_DIRECTIONS.get(way.strip().lower(), way.strip().lower())
        return told

    @model_validator(mode="after")
    def _holds_together(self) -> ModelSpec:
        self._target_fits()
        self._metric_fits()
        self._columns_fit()
        self._params_fit()
        if self.split.kind == "time" and not (self.split.column or self.time):
            raise ValueError("split: kind time needs a column of moments; name it in split.column or in time")
        if self.split.kind == "kfold" and self.inputs:
            raise ValueError("split.kind: a model that the platform trains has one part held out, and kfold several; write holdout, time or given")
        if self.kind is Kind.CLUSTERING and self.split.kind != "holdout" and not self.inputs:
            raise ValueError(f"split.kind: {self.split.kind} is nothing for clustering, which has no truth to be held to; write holdout")
        return self

    def _target_fits(self) -> None:
        if self.kind is Kind.CLUSTERING and self.target is not None:
            raise ValueError("target: clustering has none; leave it out")
        if self.kind is not Kind.CLUSTERING and not self.target:
            raise ValueError(f"target: {self.kind} needs the column that is predicted")
        if self.target in {**self.features, **(self.early or {})}:
            raise ValueError(f"features.{self.target}: that is the target, which nobody knows beforehand; take it out of the features")
        if self.positive is not None and self.kind is not Kind.CLASSIFICATION:
            raise ValueError(f"positive: only classification has labels, and this is {self.kind}; leave it out")

    def _metric_fits(self) -> None:
        own = self.metrics or {}
        for name in own:
            if name in MEASURES:
                raise ValueError(f"metrics.{name}: that name is taken; call yours something else")
        known = MEASURES.get(self.metric)
        if known is not None and self.kind not in known.kinds:
            raise ValueError(f"metric: {self.metric!r} does not judge {self.kind}; take one of {', '.join(measures_of(self.kind))}")
        if known is not None and self.direction is not known.direction:
            raise ValueError(f"direction: {self.metric} is better {known.direction}, not {self.direction}; leave direction out")
        if known is None and self.metric not in own and ":" not in self.metric:
            raise ValueError(
                f"metric: {self.metric!r} is not known; take one of {', '.join(measures_of(self.kind))}, define it under metrics, "
                "or write entry:NAME for one of the entry points seeding_platform.metrics"
            )
        if known is None and "direction" not in self.model_fields_set:
            raise ValueError(f"direction: which way {self.metric!r} is better only you know; write up or down")

    def _columns_fit(self) -> None:
        if self.reweigh is not None and self.features.get(self.reweigh.group) != FeatureKind.CATEGORY:
            raise ValueError(f"reweigh.group: {self.reweigh.group!r} is no category among the features")
        if self.reweigh is not None and self.kind is not Kind.REGRESSION:
            raise ValueError(f"reweigh: the median of a {self.kind} is no outcome; only regression can be weighed so")
        if self.trainer is not None and self.trainer.count(":") != 1:
            raise ValueError(f"trainer: {self.trainer!r} is not of the form package.module:function")
        both = sorted(set(self.features) & set(self.early or {}))
        if both:
            raise ValueError(f"early.{both[0]}: that is among the features already; name only what is known later")

    def _params_fit(self) -> None:
        """Ours are known; those of an own trainer are its own affair."""
        if self.trainer is not None:
            return
        for name, value in (self.params or {}).items():
            read = _READ[self.kind]
            if name not in read:
                raise ValueError(f"params.{name}: {self.kind} reads no such parameter; it reads {', '.join(read)}")
            if name == "method":
                if value not in _METHODS[self.kind]:
                    raise ValueError(f"params.method: {value!r} is not one of {', '.join(_METHODS[self.kind])}")
                continue
            least, most = _BETWEEN[name]
            if isinstance(value, str) or not least <= value <= most or (name in _WHOLE and value != int(value)):
                whole = "a whole number" if name in _WHOLE else "a number"
                raise ValueError(f"params.{name}: {value!r} is not {whole} between {least:g} and {most:g}")

    def asked_later(self) -> ModelSpec:
        """The second variant, `<name>_early`, which also knows the features of `early`.

        Raises:
            ConfigError: there is none.
        """
        if self.early is None:
            raise ConfigError(f"{self.name} has no second variant", fix="Name its further features under early.")
        told = self.model_dump(exclude_unset=True) | {"name": f"{self.name}_early", "features": {**self.features, **self.early}, "early": None}
        return ModelSpec.model_validate(told)

    def columns(self) -> list[str]:
        """Features of both variants and target."""
        return [*self.features, *(self.early or {}), *([self.target] if self.target else [])]

    def better(self, one: float, other: float) -> bool:
        """Whether the first value of the metric is better than the second."""
        return one > other if self.direction is Direction.UP else one < other

    def meets_floor(self, value: float) -> bool:
        """Whether a value of the metric is no worse than the floor; true without one."""
        return self.floor is None or value == self.floor or self.better(value, self.floor)

    def digest(self) -> str:
        """Hash of everything that the specification says beyond the defaults: a block that is new in a later release changes nothing."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class _Once(yaml.SafeLoader):
    """YAML in which a name stands once: of two features of one name the parser would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """A mapping whose keys differ."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_spec(path: Path) -> ModelSpec:
    """A specification from its YAML file.

    Raises:
        ConfigError: names the file, every field at fault and what it should be.
    """
    from pydantic import ValidationError

    fix = "docs/models.md has the form; examples/models has some to compare with."
    try:
        return ModelSpec.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=_Once))  # noqa: S506 - a safe loader
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is no model specification: {error}.", fix=fix) from error
    except ValidationError as error:
        raise ConfigError(f"{path.name} is no model specification: {_faults(error)}.", fix=fix) from error


def _faults(error: Any) -> str:
    """Field and message of every fault, without pydantic's own trimmings."""
    told = []
    for fault in error.errors():
        place = ".".join(str(p) for p in fault["loc"])
        text = str(fault["msg"]).removeprefix("Value error, ")
        told.append(f"{place}: {text}" if place else text)
    return "; ".join(told)


SPECS = Path(__file__).parent / "specs"


def shipped_spec(name: str) -> ModelSpec:
    """A specification that ships with the product."""
    return load_spec(SPECS / f"{name}.yaml")


def shipped_specs() -> dict[str, ModelSpec]:
    """Every specification that ships with the product, by name."""
    return dict(_shipped())


@cache
def _shipped() -> Mapping[str, ModelSpec]:
    """Read once: they are part of the package, and cannot be changed."""
    return {path.stem: load_spec(path) for path in sorted(SPECS.glob("*.yaml"))}
