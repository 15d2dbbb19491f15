"""What a table is processed for: purposes, legal basis, recipients, origin. Facts that only people know, declared in YAML, one file a contract."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from seeding_platform.cleaning.files import read_yaml
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.catalog import TableContract


class LegalBasis(StrEnum):
    """Why the processing is lawful (GDPR, article 6(1))."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Processing(BaseModel):
    """What people declare about the processing of one table; nothing here is guessed.

    Attributes:
        purposes: what it is used for, one sentence each.
        legal_basis: why that is lawful.
        interests: the legitimate interests, where those are the basis.
        recipients: who gets it, beside the engines that bundles are made for.
        origin: where it comes from, beside the files that the platform has landed.
        sold: whether it is sold or shared for advertising; None = nobody has said.
        opt_out: column that says that a person has objected to that (true, or any word but no).
        health: whether it holds health data; None = nobody has said.
        financial: whether figures of the books are made of it; None = nobody has said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: tuple[str, ...] = ()
    legal_basis: LegalBasis | None = None
    interests: str = ""
    recipients: tuple[str, ...] = ()
    origin: str = ""
    sold: bool | None = None
    opt_out: str | None = None
    health: bool | None = None
    financial: bool | None = None

    def told(self) -> dict[str, Any]:
        """For people: what is declared, and `not declared` where nothing is."""
        return {
            "purposes": list(self.purposes) or "not declared",
            "legal_basis": str(self.legal_basis) if self.legal_basis else "not declared",
            **({"interests": self.interests} if self.interests else {}),
        }


def load_processing(contract: TableContract, folder: Path | None = None) -> Processing:
    """What `<folder>/<contract>.processing.yaml` declares; nothing where there is no such file.

    Raises:
        ConfigError: the file is not in its form, or names a column that the contract does not have.
    """
    file = folder / f"{contract.name}.processing.yaml" if folder is not None else None
    if file is None or not file.is_file():
        return Processing()
    content = read_yaml(file)
    if not isinstance(content, dict | None):
        raise ConfigError(f"{file.name}: expected entries such as `purposes: [customer service]`")
    try:
        found = Processing.model_validate(content or {})
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{file.name}: {why}") from error
    if found.opt_out is not None and found.opt_out not in contract.columns:
        raise ConfigError(f"{file.name}: {contract.name} has no column {found.opt_out!r}.")
    return found
