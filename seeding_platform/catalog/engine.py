"""What an engine is fed: one declaration from which its schema, its row checks, its docs and its hash are derived.

How the rows are made is the business of `distribution.feeds`; how they travel, of `distribution`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seeding_platform.catalog.contract import TIMESTAMP
from seeding_platform.catalog.tables import TABLES
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGINES_FOLDER = Path(__file__).parent / "engines"


class FieldType(StrEnum):
    """Types that every engine can read in every format."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"
    STRINGS = "list[string]"
    FLOATS = "list[float]"


class Family(StrEnum):
    """What kind of work an engine does; customer engines belong to analytics."""

    CONTENT = "content"
    NAVIGATION = "navigation"
    ANALYTICS = "analytics"
    RESEARCH = "research"


class BundleFormat(StrEnum):
    """How the rows of a bundle are written."""

    PARQUET = "parquet"
    NDJSON = "ndjson"
    ARROW = "arrow"
    JSON = "json"
    CSV = "csv"
    LIBSVM = "libsvm"


class DeliveryMode(StrEnum):
    """How an engine takes its bundles: whole at fixed times, changes, or at once when ready."""

    BATCH = "batch"
    DELTA = "delta"
    LIVE = "live"


class _Declaration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineField(_Declaration):
    """One field of an engine's rows.

    Args:
        name: field name; the same name means the same type and unit in all engines.
        type: type of the values.
        description: what the value means, for people.
        nullable: whether the value may be missing.
        unit: unit of a number; "currency" = in the currency that the row's `currency` names.
        role: key, feature, label, weight or meta (neither learned from nor predicted).
        scale: digits after the point of a decimal.
        minimum: smallest allowed value.
        maximum: largest allowed value.
        values: closed list of allowed values.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: FieldType
    description: str = Field(min_length=3)
    nullable: bool = False
    unit: str | None = None
    role: Literal["key", "feature", "label", "weight", "meta"] = "feature"
    scale: int = Field(default=2, ge=0, le=9)
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None

    def dtype(self) -> pl.DataType:
        """The Polars type of the field."""
        simple: dict[FieldType, pl.DataType] = {
            FieldType.STRING: pl.String(),
            FieldType.INT: pl.Int64(),
            FieldType.FLOAT: pl.Float64(),
            FieldType.BOOL: pl.Boolean(),
            FieldType.DATE: pl.Date(),
            FieldType.TIMESTAMP: TIMESTAMP,
            FieldType.STRINGS: pl.List(pl.String),
            FieldType.FLOATS: pl.List(pl.Float64),
        }
        return pl.Decimal(18, self.scale) if self.type is FieldType.DECIMAL else simple[self.type]


class KAnonymity(_Declaration):
    """How many individuals must share what a bundle says about one of them.

    Args:
        k: the smallest group that may be published.
        fields: fields that together describe a group.
        distinct: field that names an individual; a group needs `k` different values of it.
        count: field that already counts the individuals of a row; each row needs at least `k`.
    """

    k: int = Field(ge=2)
    fields: tuple[str, ...] = Field(min_length=1)
    distinct: str | None = None
    count: str | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> KAnonymity:
        if (self.distinct is None) == (self.count is None):
            raise ValueError("give either distinct or count")
        return self


class EngineContract(_Declaration):
    """What one engine is fed.

    Args:
        name: engine name, the second part of its asset key.
        title: name as people write it.
        family: kind of engine.
        description: what the engine does with its rows.
        version: major.minor; an additive change raises the minor, anything else the major.
        grain: what one row is.
        fields: fields in the order in which they are written.
        key: fields that identify a row.
        inputs: tables without which there is nothing to feed.
        optional_inputs: tables that add to the rows where they have any.
        feed: name of the feed that makes the rows; default: the engine's name.
        minimum_confidence: rows of the inputs with less are not used.
        k_anonymity: smallest groups, where rows describe people.
        format: how rows are written.
        delivery: how bundles are delivered.
        maximum_lag_seconds: age of the inputs' change after which the engine counts as late.
        label_window_days: days after the row's moment within which its label is decided.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    family: Family
    description: str
    version: str = Field(default="1.0", pattern=r"^\d+\.\d+$")
    grain: str
    fields: tuple[EngineField, ...] = Field(min_length=1)
    key: tuple[str, ...] = Field(min_length=1)
    inputs: tuple[str, ...] = Field(min_length=1)
    optional_inputs: tuple[str, ...] = ()
    feed: str = ""
    minimum_confidence: float = Field(default=0.70, ge=0, le=1)
    k_anonymity: KAnonymity | None = None
    format: BundleFormat
    delivery: tuple[DeliveryMode, ...] = Field(min_length=1)
    maximum_lag_seconds: int = Field(gt=0)
    label_window_days: int | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _feed_is_named_like_the_engine(cls, data: Any) -> Any:
        return {"feed": data.get("name", ""), **data} if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _names_fit_together(self) -> EngineContract:
        names = [f.name for f in self.fields]
        k = self.k_anonymity
        referred = [*self.key, *(k.fields if k else ()), *(n for n in ((k.distinct, k.count) if k else ()) if n)]
        problems = [
            *(f"fields: {n!r} is declared twice" for n in sorted({n for n in names if names.count(n) > 1})),
            *(f"{n!r} is named but is no field" for n in referred if n not in names),
            *(f"fields: {f.name!r} has role key but is not in key" for f in self.fields if f.role == "key" and f.name not in self.key),
            *(f"inputs: there is no table {n!r}" for n in self.reads if n not in TABLES),
            *(f"fields: {n!r} is personal in {t!r} and may not leave" for t in self.reads if t in TABLES for n in names if _personal(t, n)),
        ]
        unfit = libsvm_problem(self.fields) if self.format is BundleFormat.LIBSVM else None
        problems += [f"format: cannot be libsvm, since {unfit}"] if unfit else []
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """All tables that the feed may read, the indispensable ones first."""
        return (*self.inputs, *self.optional_inputs)

    def schema(self) -> dict[str, pl.DataType]:  # type: ignore[override]  # what pydantic calls so is long deprecated
        """Field types in the order in which they are written."""
        return {f.name: f.dtype() for f in self.fields}

    def empty(self) -> pl.DataFrame:
        """A frame of the right schema without rows."""
        return pl.DataFrame(schema=self.schema())

    def schema_hash(self) -> str:
        """Sha256 over canonical JSON of fields, version and format: what a receiver must know to read the rows."""
        told = self.model_dump(mode="json", include={"fields", "version", "format"})
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def libsvm_problem(fields: Sequence[EngineField]) -> str | None:
    """Why rows of these fields cannot be written as libsvm; None where they can.

    They can with one label that is a number or a truth value and is never missing, and features that are numbers, truth values, days, times or
    categories. Of the engines that come with the platform that is ChurnPrediction only.
    """
    labels = [f for f in fields if f.role == "label"]
    features = [f for f in fields if f.role == "feature"]
    if len(labels) != 1:
        return f"it has {len(labels)} labels where there must be one"
    if labels[0].nullable or labels[0].type not in (FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL, FieldType.BOOL):
        return f"its label {labels[0].name!r} may be missing or is no number"
    if not features or any(f.type is FieldType.FLOATS for f in features):
        return "it has no feature, or one that is a list of numbers"
    return None


def _personal(table: str, column: str) -> bool:
    declared = TABLES[table].columns.get(column)
    return declared is not None and declared.personal is not None


@cache
def shipped_engines() -> Mapping[str, EngineContract]:
    """The engines that come with the platform, read once a process."""
    return MappingProxyType(load_engines())


def load_engines(folder: Path = ENGINES_FOLDER) -> dict[str, EngineContract]:
    """The engine contracts of a folder of YAML files, by name, sorted.

    Raises:
        ConfigError: a file is no valid contract; names the file and the field.
    """
    engines = (load_engine(file) for file in sorted(folder.glob("*.yaml")))
    return {engine.name: engine for engine in engines}


def load_engine(file: Path) -> EngineContract:
    """One engine contract; its name is that of its file.

    Raises:
        ConfigError: the file is no valid contract; names the file and the field.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are the safe one
        engine = EngineContract.model_validate(content)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file.name} is not YAML: {' '.join(str(error).split())}.", fix="Correct the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file.name}: {_place(first['loc'], content)}{first['msg']}.", fix="Correct the file.") from error
    if engine.name != file.stem:
        raise ConfigError(f"{file.name}: field 'name' is {engine.name!r}, not the name of the file.", fix="Rename one of them.")
    return engine


def _place(location: Sequence[int | str], content: Any) -> str:
    """Where in the file a value is wrong: `field 'fields[3].type' (of 'post_id') `."""
    if not location:
        return ""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    named = ""
    if len(location) > 1 and location[0] == "fields" and isinstance(location[1], int):
        entry = content["fields"][location[1]]
        named = f" (of {entry['name']!r})" if isinstance(entry, Mapping) and "name" in entry else ""
    return f"field {path!r}{named}: "


class HasFields(Protocol):
    """An engine as far as its name and its fields go: its contract, or what a bundle says of them."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        ...

    @property
    def fields(self) -> tuple[EngineField, ...]:
        """Its fields."""
        ...


def inconsistencies(engines: Mapping[str, HasFields]) -> list[str]:
    """Fields that mean different things in different engines: one sentence a field and other meaning."""
    seen: dict[str, tuple[str, EngineField]] = {}
    found = []
    for engine in engines.values():
        for declared in engine.fields:
            first_engine, first = seen.setdefault(declared.name, (engine.name, declared))
            for fact in ("type", "unit", "scale"):
                ours, theirs = getattr(declared, fact), getattr(first, fact)
                if ours != theirs:
                    found.append(f"{declared.name}: {fact} is {str(ours)!r} in {engine.name} but {str(theirs)!r} in {first_engine}")
    return found
