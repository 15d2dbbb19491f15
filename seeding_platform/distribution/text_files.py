"""Text files looked at piece by piece: lines, and the records of a JSON array. No file is held whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.files import PIECE, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper
    from pathlib import Path

MOST_RECORD = 64 << 20
"""Letters of one record at most."""
_SPACES = " \t\n\r"
_ENDS = ",]" + _SPACES
_SPACE = re.compile(f"[{_SPACES}]*")


def whole_lines(path: Path, *, most_bytes: int = 16 * PIECE) -> Iterator[bytes]:
    """The bytes of a file in pieces that end with a line; the last one may not. A piece is about as long as said, longer where one line is."""
    kept = bytearray()
    for piece in pieces(path):
        kept += piece
        if len(kept) >= most_bytes and (end := kept.rfind(b"\n") + 1):
            yield bytes(kept[:end])
            del kept[:end]
    if kept:
        yield bytes(kept)


def lines_and_first(path: Path) -> tuple[int, bytes]:
    """Number of line ends in a file, and its first line without its end."""
    with path.open("rb") as stream:
        first = stream.readline().removesuffix(b"\n")
    return sum(piece.count(b"\n") for piece in pieces(path)), first


def records(path: Path) -> Iterator[Any]:
    """The records of a file that is one JSON array, one at a time.

    Raises:
        ValueError: it is no JSON array, or one of its records is longer than `MOST_RECORD`.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        text = _Text(stream)
        text.expect("[")
        if text.next() == "]":
            text.expect("]")
        else:
            yield text.value()
            while text.next() == ",":
                text.expect(",")
                yield text.value()
            text.expect("]")
        if text.next():
            raise ValueError("something follows the array")


class _Text:
    """What was read of a stream and not used yet."""

    def __init__(self, stream: TextIOWrapper) -> None:
        self._stream, self._text, self._place, self._decoder = stream, "", 0, json.JSONDecoder()

    def next(self) -> str:
        """The next sign that is no space; empty at the end."""
        sign = self._text[self._place : self._place + 1]
        if sign and sign not in _SPACES:
            return sign
        while True:
            found = _SPACE.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text) or not self._more():
                return self._text[self._place : self._place + 1]

    def expect(self, sign: str) -> None:
        """Go past a sign."""
        if self.next() != sign:
            raise ValueError(f"{sign} is expected")
        self._place += 1

    def value(self) -> Any:
        """The next value."""
        self.next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            after = self._text[end : end + 1]
            if (after and after in _ENDS) or not self._more():  # a number may go on
                self._place = end
                return value

    def _more(self) -> bool:
        if len(self._text) - self._place > MOST_RECORD:
            raise ValueError("a record is too long")
        piece = self._stream.read(PIECE)
        self._text, self._place = self._text[self._place :] + piece, 0
        return bool(piece)
