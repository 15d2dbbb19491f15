"""What a linkage compares, as its author writes it in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["text", "name", "number", "date", "code"]


class LinkField(BaseModel):
    """How one field is compared.

    `text` is prose such as a title; `name` is names of persons, firms or streets, also several, in any order, with initials; `code` is an
    identifier; `date` is a day in any one notation; `number` is a quantity or a year.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    weight: float = Field(1.0, ge=0, description="Multiplies the evidence of the field; 0 leaves it out of the score")


class LinkPolicy(BaseModel):
    """Fields and threshold of a linkage; a field has the same name in both tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Column that names each record")
    fields: dict[str, LinkField] = Field(min_length=1)
    one_to_one: bool | None = Field(
        None, description="Between two tables: a record has at most one partner; default: so when hardly any has more than one likely partner"
    )
    threshold: float = Field(0.5, ge=0, le=1, description="Pairs of at least this score are returned")


def parse_policy(policy: Any, *, where: str = "policy") -> LinkPolicy:
    """A policy from plain data.

    Raises:
        ConfigError: it is not in its form.
    """
    try:
        parsed = LinkPolicy.model_validate(policy)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'policy'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{where}: {told}") from error
    if parsed.id in parsed.fields:
        raise ConfigError(f"{where}: the id {parsed.id} names a record; it cannot be compared")
    return parsed


def load_policy(file: Path) -> LinkPolicy:
    """A policy from a YAML file.

    Raises:
        ConfigError: it cannot be read as a policy.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file.name} cannot be read: {error}") from error
    return parse_policy(content, where=file.name)
