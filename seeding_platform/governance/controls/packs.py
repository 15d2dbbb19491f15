"""Packs of obligations: YAML, one file a law, each obligation with the checks that look at it and what to do where one fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seeding_platform.cleaning.files import read_yaml
from seeding_platform.errors import ConfigError
from seeding_platform.governance.controls.checks import CHECKS

FOLDER = Path(__file__).resolve().parent.parent / "packs"
PACKS = tuple(sorted(p.stem for p in FOLDER.glob("*.yaml")))


class Obligation(BaseModel):
    """One obligation.

    Attributes:
        id: names it within its pack.
        cites: where it stands.
        says: what it asks for, in a sentence.
        checks: names of checks; it is met when none of them fails.
        fix: what to do when it is not met.
        where: it applies only where a table is declared so (`health: true`, `financial: true`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    cites: str = Field(min_length=3)
    says: str = Field(min_length=10)
    checks: tuple[str, ...] = Field(min_length=1)
    fix: str = Field(min_length=10)
    where: Literal["health", "financial"] | None = None

    @model_validator(mode="after")
    def _checks_exist(self) -> Obligation:
        unknown = [name for name in self.checks if name not in CHECKS]
        if unknown:
            raise ValueError(f"there is no check {', '.join(unknown)}")
        return self


class Pack(BaseModel):
    """The obligations of one law that can be looked at here; its others are not.

    Attributes:
        name: of the file.
        title: of the law.
        covers: what is looked at, and what is not.
        obligations: in the order of the law.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    covers: str
    obligations: tuple[Obligation, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Pack:
        ids = [o.id for o in self.obligations]
        if len(ids) != len(set(ids)):
            raise ValueError("an obligation stands twice")
        return self


def load_pack(name: str, folder: Path = FOLDER) -> Pack:
    """A pack by its name.

    Raises:
        ConfigError: there is none, or it is not in its form.
    """
    file = folder / f"{name}.yaml"
    if name not in PACKS and not file.is_file():
        raise ConfigError(f"There is no pack {name!r}.", fix=f"There are {', '.join(PACKS)}.")
    content: Any = read_yaml(file)
    try:
        return Pack.model_validate({"name": name, **(content if isinstance(content, dict) else {})})
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{name}.yaml: {why}") from error
