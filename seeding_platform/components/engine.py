"""`EngineComponent`: an engine of the user's own, declared in YAML: its contract and a feed that selects from one quality table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from pydantic import BaseModel, ValidationError

from seeding_platform.distribution.feeds.declared import DeclaredEngine
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

COMPONENT = "seeding_platform.components.EngineComponent"


class EngineComponent(dg.Component):
    """One engine: a bundle made to its contract."""

    def __init__(self, spec: DeclaredEngine) -> None:
        self.spec = spec

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The fields that the YAML may hold."""
        return DeclaredEngine

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> EngineComponent:
        """A component from its validated attributes."""
        if not isinstance(attributes, DeclaredEngine):
            attributes = DeclaredEngine.model_validate(attributes.model_dump() if attributes else {})
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The bundle asset of this engine."""
        from seeding_platform.catalog import LANDED
        from seeding_platform.defs.distribute.assets import bundle_asset

        return dg.Definitions(assets=[bundle_asset(self.spec.contract, list(LANDED), feed=self.spec.as_feed())])


def read_engine(file: Path) -> DeclaredEngine:
    """An engine from its YAML file.

    Raises:
        ConfigError: it declares none; names the file and the field.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        told: Any = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are the safe one
        if not isinstance(told, dict) or told.get("type") != COMPONENT or set(told) != {"type", "attributes"}:
            raise ConfigError(f"{file.name} does not start with type: {COMPONENT}, with attributes.", fix="Correct the file.")
        return DeclaredEngine.model_validate(told["attributes"])
    except yaml.YAMLError as error:
        raise ConfigError(f"{file.name} is not YAML: {' '.join(str(error).split())}.", fix="Correct the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.", fix="Correct the file.") from error


def own_engines(folder: Path) -> list[DeclaredEngine]:
    """The user's own engines, by the name of their files.

    Raises:
        ConfigError: a file declares none, or one that ships has its name.
    """
    from seeding_platform.catalog.engine import inconsistencies, load_engines

    engines = {e.contract.name: e for e in map(read_engine, sorted(folder.glob("*.yaml")))} if folder.is_dir() else {}
    shipped = load_engines()
    taken = sorted(set(engines) & set(shipped))
    if taken:
        raise ConfigError(f"An engine {taken[0]!r} ships with the platform.", fix="Give yours another name.")
    odd = inconsistencies(shipped | {name: e.contract for name, e in engines.items()})
    if odd:
        raise ConfigError(f"A field means something else in another engine: {odd[0]}.", fix="Give the field another name.")
    return list(engines.values())
