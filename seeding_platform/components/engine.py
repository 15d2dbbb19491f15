"""`EngineComponent`: an engine of the user's own, declared in YAML: its contract and a feed that selects from one quality table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from pydantic import BaseModel, ValidationError

from seeding_platform.distribution.feeds.declared import DeclaredEngine
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineContract

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


@dataclass(frozen=True, slots=True)
class OwnEngines:
    """The user's own engines, and why files were refused."""

    valid: tuple[DeclaredEngine, ...]
    refused: tuple[ConfigError, ...] = ()


def load_own_engines(folder: Path) -> OwnEngines:
    """The user's own engines, by the name of their files; a file that declares none costs no other."""
    from seeding_platform.catalog.engine import shipped_engines

    known: dict[str, EngineContract] = dict(shipped_engines())
    valid: list[DeclaredEngine] = []
    refused: list[ConfigError] = []
    for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        try:
            found = read_engine(file)
            _check_fits(found.contract, known, file)
        except ConfigError as error:
            refused.append(error)
            continue
        except OSError as error:
            refused.append(ConfigError(f"{file.name} cannot be read ({type(error).__name__}).", fix="Let the platform read the file."))
            continue
        known[found.contract.name] = found.contract
        valid.append(found)
    return OwnEngines(tuple(valid), tuple(refused))


def _check_fits(engine: EngineContract, known: dict[str, EngineContract], file: Path) -> None:
    """Do nothing where an engine has a name of its own, and its fields mean what they mean elsewhere.

    Raises:
        ConfigError: it has not, or they do not.
    """
    from seeding_platform.catalog.engine import inconsistencies, shipped_engines

    if engine.name in shipped_engines():
        raise ConfigError(f"{file.name}: an engine {engine.name!r} ships with the platform.", fix="Give yours another name.")
    if engine.name in known:
        raise ConfigError(f"{file.name}: another file declares an engine {engine.name!r}.", fix="Give one of them another name.")
    odd = inconsistencies(known | {engine.name: engine})
    if odd:
        raise ConfigError(f"{file.name}: a field means something else in another engine: {odd[0]}.", fix="Give the field another name.")
