"""The secrets of an installation, all derived from one root key, so that one thing is backed up apart from the data and one thing is rotated.

Whoever has the root key can invert pseudonyms of guessable values and write audit events: it is kept out of backups of the data.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.storage.durable import made_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOT_BYTES = 32
_FILE = "master-key"


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Keys by purpose (HKDF with SHA-256; RFC 5869).

    Args:
        root: the root key, 32 bytes.
    """

    root: bytes

    def derived(self, purpose: str, *, version: int = 1, size: int = 32) -> bytes:
        """The key of a purpose; another version is another key.

        >>> ring = Keyring(bytes(32))
        >>> ring.derived("audit") == ring.derived("audit"), ring.derived("audit") == ring.derived("audit", version=2)
        (True, False)
        """
        extracted = hmac.digest(b"seeding-platform", self.root, hashlib.sha256)
        info, block, made = f"{purpose}\x00{version}".encode(), b"", b""
        while len(made) < size:
            block = hmac.digest(extracted, block + info + bytes([len(made) // 32 + 1]), hashlib.sha256)
            made += block
        return made[:size]


def keyring(state: Path, given: str = "", *, fresh: Callable[[int], bytes] = os.urandom) -> Keyring:
    """The keyring of an installation; its root key is made on first use and kept in `<state>/master-key` (mode 0600).

    Args:
        state: folder of the state.
        given: the root key as 64 hex digits (`SEEDING_MASTER_KEY`); used in place of the file.
        fresh: source of a new key.

    Raises:
        ConfigError: the key that was given, or the file, is no key of 32 bytes.
    """
    if given:
        return Keyring(_parsed(given, "SEEDING_MASTER_KEY"))
    path = state / _FILE
    if not path.exists():
        made_once(path, fresh(ROOT_BYTES).hex())
    return Keyring(_parsed(path.read_text(encoding="ascii"), str(path)))


def _parsed(text: str, where: str) -> bytes:
    try:
        root = bytes.fromhex(text.strip())
    except ValueError:
        root = b""
    if len(root) != ROOT_BYTES:
        raise ConfigError(f"{where} is not 64 hex digits.", fix="Put the right key back: what was signed or pseudonymised needs it.")
    return root
