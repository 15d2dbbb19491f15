"""Files as bytes: in pieces, as a digest, and as the proof that somebody has them. Both sides of the protocol use these."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seeding_platform.distribution.release import proof

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PIECE = 1 << 20
"""Bytes that are held in memory at once."""


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, one piece after the other."""
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def file_sha256(path: Path) -> str:
    """Sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def proof_of(folder: Path, nonce: str, names: Iterable[str]) -> str:
    """Proof that files lie in a folder (see *Proof* in the protocol).

    Args:
        folder: where they lie.
        nonce: of the release.
        names: of the files, in any order.
    """
    return proof(nonce, (pieces(folder / name) for name in sorted(names, key=str.encode)))
