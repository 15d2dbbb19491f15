"""One file as it comes in: piece by piece, no longer than announced, kept only when it is whole or can be gone on with.

A part is kept of a whole upload alone, since its sender is known before the first byte; the rest of a file (`Content-Range`) is known to be of
the platform only when all of it came, and waits apart until then.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.files import file_sha256
from seeding_platform.distribution.receipt import Refused
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from pathlib import Path

    from seeding_platform.distribution.receipt import ToldFile

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class Broken(Exception):
    """The other side hung up in the middle of a body."""


def mismatch(file: ToldFile) -> Refused:
    """The refusal of bytes that are not those of a file."""
    return Refused("digest-mismatch", f"These are not the bytes of {file.path}; nothing of them is kept.")


class Upload:
    """A file on its way.

    Args:
        bundle: folder that it belongs in.
        file: as the manifest tells of it.
        span: the `Content-Range`; None for a whole file.
    """

    def __init__(self, bundle: Path, file: ToldFile, span: str | None) -> None:
        self.file, self.target = file, bundle / file.path
        self.part, self.more = part_of(bundle, file), bundle / f".{file.path}.more"
        self.resumed = span is not None
        self.start = self._start(span) if span is not None else 0

    def _start(self, span: str) -> int:
        found = _RANGE.fullmatch(span)
        had = self.part.stat().st_size if self.part.is_file() else 0
        if found is None or [int(n) for n in found.groups()] != [had, self.file.bytes - 1, self.file.bytes]:
            raise mismatch(self.file)
        return had

    async def body(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> str:
        """Write what comes; returns the digest of it.

        Raises:
            Broken: before its end.
            Refused: `digest-mismatch`, as soon as there is more than announced.
        """
        digest, left = hashlib.sha256(), self.file.bytes - self.start
        with (self.more if self.resumed else self.part).open("wb") as stream:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Broken
                piece = message.get("body", b"")
                left -= len(piece)
                if left < 0:
                    self.drop()
                    raise mismatch(self.file)
                digest.update(piece)
                stream.write(piece)
                if not message.get("more_body", False):
                    return digest.hexdigest()

    def finish(self, others: list[Path]) -> None:
        """Put the file in its place, and in those of others who share it.

        Raises:
            Refused: `digest-mismatch`; nothing is kept.
        """
        if self.resumed:
            with self.part.open("ab") as stream, self.more.open("rb") as rest:
                while piece := rest.read(1 << 20):
                    stream.write(piece)
            self.more.unlink()
        if self.part.stat().st_size != self.file.bytes or file_sha256(self.part) != self.file.sha256:
            self.drop()
            raise mismatch(self.file)
        synced(self.part)
        for other in others:
            (other / self.file.path).unlink(missing_ok=True)
            os.link(self.part, other / self.file.path)
            synced(other)
        self.part.replace(self.target)
        synced(self.target.parent)

    def drop(self) -> None:
        """Keep nothing of it; of the rest of a file that nobody vouches for, only that goes."""
        for path in (self.more, self.part):
            path.unlink(missing_ok=True)

    def drop_rest(self) -> None:
        """The rest was not sent by the platform: what came before stays."""
        self.more.unlink(missing_ok=True)


def part_of(bundle: Path, file: ToldFile) -> Path:
    """Where the part of a file lies that came so far."""
    return bundle / f".{file.path}.part"


def received(bundle: Path, file: ToldFile) -> int | None:
    """Bytes of a file that are here; None where nothing is."""
    return next((p.stat().st_size for p in (bundle / file.path, part_of(bundle, file)) if p.is_file()), None)
