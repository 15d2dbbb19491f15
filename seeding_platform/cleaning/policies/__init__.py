"""Policies of single contracts in YAML: shipped beside this file, overlaid by the user's folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from seeding_platform.cleaning.files import read_yaml
from seeding_platform.cleaning.policy import LIMITS, CleaningPolicy, DuplicatePolicy
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract
    from seeding_platform.storage.adjusted import Adjusted

P = TypeVar("P", bound=BaseModel)
SHIPPED = Path(__file__).parent


def load_policy(contract: TableContract, folder: Path | None = None) -> CleaningPolicy:
    """The policy of a contract: defaults, then the shipped file, then the user's.

    Args:
        contract: whose rows are cleaned.
        folder: the user's folder; `<contract>.yaml` in it takes the place of single entries.

    Raises:
        ConfigError: a file is no policy, or names a column that the contract does not have.
    """
    files = [place / f"{contract.name}.yaml" for place in (SHIPPED, folder) if place is not None]
    entries: dict[str, Any] = {}
    for file in files:
        if file.is_file():
            entries |= read_entries(file)
    return checked(entries, contract, where=f"{contract.name}.yaml")


def adjusted_policy(contract: TableContract, folder: Path | None, adjusted: Adjusted) -> CleaningPolicy:
    """The policy of a contract with the limits that people have adjusted while the platform runs.

    Raises:
        ConfigError: a file is no policy, or names a column that the contract does not have.
    """
    policy = load_policy(contract, folder)
    return _validated(CleaningPolicy, policy.model_dump() | adjusted.told(LIMITS, contract.name), f"{contract.name}: {LIMITS.name}")


def read_entries(file: Path) -> dict[str, Any]:
    """The entries of one file, unchecked.

    Raises:
        ConfigError: it is no mapping in YAML.
    """
    content = read_yaml(file)
    if not isinstance(content, dict | None):
        raise ConfigError(f"{file.name}: expected entries such as `iqr_factor: 3`")
    return content or {}


def checked(entries: dict[str, Any], contract: TableContract, *, where: str) -> CleaningPolicy:
    """A policy whose columns and rules exist.

    Raises:
        ConfigError: names the entry at fault.
    """
    policy = _validated(CleaningPolicy, entries, where)
    named = [rule.get("column", "") for rule in policy.repairs] + ([policy.duplicates.text, *policy.duplicates.by] if policy.duplicates else [])
    unknown = [c for c in named if c not in contract.columns or c in contract.derived]
    if unknown:
        raise ConfigError(f"{where}: {contract.name} has no column {', '.join(map(repr, unknown))} that a rule could work on")
    if policy.repairs:
        from seeding_platform.cleaning.repair.rules import parse_rules

        parse_rules(list(policy.repairs), where=where)
    return policy


def duplicate_policy(entries: dict[str, Any]) -> DuplicatePolicy:
    """Decisions about duplicates from their plain form.

    Raises:
        ConfigError: names the entry at fault.
    """
    return _validated(DuplicatePolicy, entries, "policy")


def _validated(kind: type[P], entries: dict[str, Any], where: str) -> P:
    try:
        return kind.model_validate(entries)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{where}: {told}") from error


def fingerprint(contract: TableContract, policy: CleaningPolicy) -> str:
    """What a cleaning depends on beside its rows, in short: contract version and a hash of the policy and the contract's repairs."""
    told = json.dumps([policy.model_dump(mode="json"), [dict(rule) for rule in contract.repairs]], sort_keys=True, default=str)
    return f"{contract.version}.{hashlib.blake2b(told.encode(), digest_size=6).hexdigest()}"
