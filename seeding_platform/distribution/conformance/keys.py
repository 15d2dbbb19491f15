"""The kit's keys: public ones for the receiver that is tried, and what they are derived from, for the kit alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.distribution.conformance.publisher import public_keys
from seeding_platform.errors import ConfigError
from seeding_platform.storage.content import canonical_json
from seeding_platform.storage.durable import made_once
from seeding_platform.storage.keyring import ROOT_BYTES, Keyring

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path


def write_keys(file: Path, *, now: dt.datetime, fresh: Callable[[int], bytes]) -> Path:
    """Write the kit's public keys, in the form in which the platform publishes its own; what they come from lies beside, for its owner only.

    Returns:
        Where the private part lies.
    """
    private = private_part(file)
    made_once(private, fresh(ROOT_BYTES).hex())
    keys = [key.model_dump(mode="json") for key in public_keys(read_private(file), now=now)]
    file.write_bytes(canonical_json({"keys": keys}))
    return private


def read_private(file: Path) -> Keyring:
    """The kit's keys of a file of public ones.

    Raises:
        ConfigError: the private part is not there or is none.
    """
    fix = f"Write both with `seeding engine conformance --write-keys {file}`."
    try:
        root = bytes.fromhex(private_part(file).read_text(encoding="ascii").strip())
    except (FileNotFoundError, ValueError) as error:
        raise ConfigError(f"There is no private part beside {file.name}.", fix=fix) from error
    if len(root) != ROOT_BYTES:
        raise ConfigError(f"The private part beside {file.name} is none.", fix=fix)
    return Keyring(root)


def private_part(file: Path) -> Path:
    """Where it lies."""
    return file.with_name(f"{file.name}.private")
