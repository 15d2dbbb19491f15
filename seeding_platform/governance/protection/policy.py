"""What is done with personal data: per column, and per label where it stands in a text. YAML, one file a contract."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.cleaning.files import read_yaml
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract

SHIPPED = Path(__file__).with_name("default.yaml")
OF_CONTRACTS = Path(__file__).with_name("contracts")
"""What is shipped for single contracts, `<contract>.yaml`."""


class Action(StrEnum):
    """What becomes of a value."""

    KEEP = "keep"
    REDACT = "redact"
    """The label stands in its place."""
    MASK = "mask"
    """Its form stays; letters and digits do not."""
    PSEUDONYMISE = "pseudonymise"
    """A token stands in its place: the same for the same value within a tenant."""
    ENCRYPT = "encrypt"
    """A token that stewards can read, for as long as the person's key is there; whole columns only."""
    GENERALISE = "generalise"
    """Only what is coarse stays: the domain of an address, the network of an IP address, the town of a place."""
    SEARCH = "search"
    """A free text that is needed: what is found in it is treated by its label, and what looks like a name is replaced; whole columns only."""
    DROP = "drop"
    """It is null; a declared personal column leaves the table."""


class PiiPolicy(BaseModel):
    """The policy of one contract.

    Attributes:
        columns: what becomes of whole columns; declared personal ones are dropped where nothing is said.
        labels: what becomes of each label in a text.
        unread: text columns that are not searched.
        weak: search for names and addresses too, and treat them as `labels` says.
        quasi_identifiers: columns that together may tell who somebody is; rows whose combination too few share are held back.
        person: column that names a person, for counting people rather than rows.
        subject: column that says whom a row is about: with whose key columns are encrypted; else the value itself says so.
        k: fewest people that must share a combination.
        key_version: of the pseudonyms; another version gives every value another token.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, Action] = Field(default_factory=dict)
    labels: dict[str, Action] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
    weak: bool = False
    quasi_identifiers: tuple[str, ...] = ()
    person: str | None = None
    subject: str | None = None
    k: int = Field(5, ge=2)
    key_version: int = Field(1, ge=1)

    def fingerprint(self) -> str:
        """Names the policy in short."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=6).hexdigest()


def load_pii_policy(contract: TableContract, folder: Path | None = None) -> PiiPolicy:
    """The policy of a contract: what is shipped for all, what is for this one, then `<folder>/<contract>.personal.yaml`, entry by entry.

    Raises:
        ConfigError: a file is no policy, or names a column that the contract does not have.
    """
    entries: dict[str, Any] = _entries(SHIPPED)
    files = [OF_CONTRACTS / f"{contract.name}.yaml"] + ([folder / f"{contract.name}.personal.yaml"] if folder is not None else [])
    for file in files:
        if file.is_file():
            told = _entries(file)
            parts = {part: (entries.get(part) or {}) | (told.get(part) or {}) for part in ("labels", "columns")}
            entries |= told | parts
    try:
        policy = PiiPolicy.model_validate(entries)
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{contract.name}.personal.yaml: {why}") from error
    named = [*policy.columns, *policy.unread, *policy.quasi_identifiers, *(c for c in (policy.person, policy.subject) if c)]
    unknown = [c for c in named if c not in contract.columns]
    if unknown:
        raise ConfigError(f"{contract.name}.personal.yaml: {contract.name} has no column {', '.join(map(repr, unknown))}.")
    _possible(contract, policy)
    return policy


def _possible(contract: TableContract, policy: PiiPolicy) -> None:
    """Refuse actions that a column cannot bear."""
    where = f"{contract.name}.personal.yaml"
    if unbearable := [label for label, action in policy.labels.items() if action is Action.ENCRYPT]:
        raise ConfigError(f"{where}: {', '.join(unbearable)} in a text cannot be encrypted, only whole columns can; take pseudonymise or redact.")
    if unbearable := [label for label, action in policy.labels.items() if action is Action.SEARCH]:
        raise ConfigError(f"{where}: {', '.join(unbearable)} in a text has been found already; search is for whole columns, take redact.")
    for name, action in policy.columns.items():
        column = contract.columns[name]
        tells_apart = name in contract.key or column.references is not None
        if tells_apart and action not in (Action.KEEP, Action.PSEUDONYMISE):
            raise ConfigError(f"{where}: {name} is part of the key or refers to a table; only keep and pseudonymise leave its values apart.")
        if column.dtype not in (pl.String, pl.String()) and action not in (Action.KEEP, Action.DROP):
            raise ConfigError(f"{where}: {name} is no text; it can be kept or dropped.")


def _entries(file: Path) -> dict[str, Any]:
    content = read_yaml(file)
    if not isinstance(content, dict | None):
        raise ConfigError(f"{file.name}: expected entries such as `labels: {{EMAIL: redact}}`")
    return content or {}


def text_columns(contract: TableContract, policy: PiiPolicy) -> list[str]:
    """Columns that are searched: texts, but for closed lists, keys, references, what a whole-column action treats, and what is left out."""
    treated = set(policy.columns) | {n for n, c in contract.columns.items() if c.personal}
    left_out = {*contract.key, *policy.unread, *treated}
    return [
        name
        for name, column in contract.columns.items()
        if column.dtype in (pl.String, pl.String()) and column.values is None and column.references is None and name not in left_out
    ]


def encrypted_columns(policy: PiiPolicy) -> list[str]:
    """Columns whose values are encrypted."""
    return [name for name, action in policy.columns.items() if action is Action.ENCRYPT]


def kept_personal(contract: TableContract, policy: PiiPolicy) -> list[str]:
    """Declared personal columns that the policy lets out in some form."""
    return [n for n, c in contract.columns.items() if c.personal and policy.columns.get(n, Action.DROP) is not Action.DROP]
