"""Checkpoints: signed statements of which events there are, chained one to the next, in a file outside of the database.

A checkpoint covers the events since the last one by the root of their Merkle tree (RFC 6962) and is signed with Ed25519 (RFC 8032). Events are
numbered without a gap, so a range says which there must be. The file is the truth; the database keeps a copy, so that either one cut short is
noticed by the other. Copies kept elsewhere (bundle manifests hold the newest) guard against somebody who can rewrite both.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.durable import synced
from seeding_platform.storage.locks import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seeding_platform.storage.audit import AuditLog, Recorded
    from seeding_platform.storage.keyring import Keyring

PURPOSE = "audit-seal"
MOST_EVENTS = 100_000
"""Events that one checkpoint covers at most."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One line of the file.

    Args:
        number: from 1.
        at: when it was made, ISO 8601.
        first: number of its first event.
        last: number of its last event.
        root: root of the Merkle tree of its events, hex.
        previous: SHA-256 of the line before, hex; empty for the first.
        key: SHA-256 of the public key, first 16 hex digits.
        signature: over the line without this, base64.
    """

    number: int
    at: str
    first: int
    last: int
    root: str
    previous: str
    key: str
    signature: str = ""

    def signed_text(self) -> bytes:
        """What the signature is over."""
        return json.dumps(self._told(signature=False), sort_keys=True, separators=(",", ":")).encode()

    def line(self) -> str:
        """The checkpoint as it stands in the file."""
        return json.dumps(self._told(signature=True), sort_keys=True, separators=(",", ":"))

    def _told(self, *, signature: bool) -> dict[str, Any]:
        names = [name for name in self.__slots__ if signature or name != "signature"]
        return {name: getattr(self, name) for name in names}


class Checkpoints:
    """The file of checkpoints.

    Args:
        path: JSON lines; only ever appended to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        """Whole lines; what a process that died left behind the last of them is not one."""
        if not self.path.is_file():
            return []
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return text[: text.rfind("\n") + 1].splitlines()

    def append(self, line: str) -> None:
        """Add a line and wait until it is on disk; half a line that a dead process left is cut off first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.seek(whole)
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        synced(self.path.parent)


class Sealer:
    """Makes checkpoints.

    Args:
        log: the events.
        keys: whose key signs.
        checkpoints: where they are written.
    """

    def __init__(self, log: AuditLog, keys: Keyring, checkpoints: Checkpoints) -> None:
        self.log, self.checkpoints = log, checkpoints
        self._key = signing_key(keys)

    def seal(self, *, now: dt.datetime) -> int:
        """Cover all events that no checkpoint covers yet; returns how many those were. Several processes may do so at once: one after another."""
        with in_turn(self.checkpoints.path.with_suffix(".lock")):
            lines = self.checkpoints.lines()
            copies = self.log.checkpoints()
            if lines[: len(copies)] == copies:  # else somebody changed one of them: verifying says so, and nothing is papered over
                self.log.keep_checkpoints({n: line for n, line in enumerate(lines[len(copies) :], len(copies) + 1)})
            covered = parsed(lines[-1]).last if lines else 0
            last, sealed = self.log.last(), 0
            while covered < last:
                end = min(last, covered + MOST_EVENTS)
                made = self._made(lines, covered + 1, end, now)
                self.checkpoints.append(made.line())
                self.log.keep_checkpoints({made.number: made.line()})
                lines.append(made.line())
                sealed, covered = sealed + end - made.first + 1, end
            return sealed

    def _made(self, lines: Sequence[str], first: int, last: int, now: dt.datetime) -> Checkpoint:
        previous = hashlib.sha256(lines[-1].encode()).hexdigest() if lines else ""
        root = merkle_root(self.log.between(first, last)).hex()
        at = now.astimezone(dt.UTC).isoformat()
        bare = Checkpoint(len(lines) + 1, at, first, last, root, previous, fingerprint_of(self._key.public_key().public_bytes_raw()))
        signature = base64.b64encode(self._key.sign(bare.signed_text())).decode()
        return dataclasses.replace(bare, signature=signature)


def parsed(line: str) -> Checkpoint:
    """A line of the file.

    Raises:
        ValueError: it is none.
    """
    told = json.loads(line)
    if not isinstance(told, dict) or set(told) != set(Checkpoint.__slots__):
        raise ValueError("not a checkpoint")
    return Checkpoint(**told)


def signing_key(keys: Keyring) -> Ed25519PrivateKey:
    """The key that signs checkpoints."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(keys.derived(PURPOSE))


def fingerprint_of(public: bytes) -> str:
    """Names a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def merkle_root(events: Iterable[Recorded]) -> bytes:
    """Root of the Merkle tree of events (RFC 6962, section 2.1); of none, the hash of nothing."""
    level = [hashlib.sha256(b"\x00" + e.mac.encode() + e.body.encode()).digest() for e in events]
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]
