"""Which version answers a request of an A/B or shadow split: decided by the key alone, so that the same key is always answered alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def arm(key: str, *, salt: str, shares: Mapping[str, float]) -> str:
    """The arm of a key: its SHA-256 with the salt as a number from 0 to 1, held against the running sum of the shares by name.

    Another salt splits anew, independently.

    Args:
        key: what is split by, such as an account.
        salt: name of the experiment.
        shares: a share an arm, together 1.

    Raises:
        ConfigError: the shares are no split.

    >>> arm("account-7", salt="demo", shares={"champion": 1.0, "challenger": 0.0})
    'champion'
    """
    if not shares or not all(0 <= s <= 1 for s in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise ConfigError(f"shares: {dict(shares)} is no split.", fix="Give a share between 0 and 1 an arm, together 1.")
    digest = hashlib.sha256(f"{len(salt)}:{salt}{key}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    reached = 0.0
    names = sorted(name for name, share in shares.items() if share > 0)
    for name in names:
        reached += shares[name]
        if point < reached:
            return name
    return names[-1]
