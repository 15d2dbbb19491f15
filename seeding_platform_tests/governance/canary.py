"""Values that stand nowhere else, and a search for them in whatever people read: bytes, decoded as deep as they go, in any form.

It shares no code with the detectors and matchers of the product.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import re
import sqlite3
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq

DEEPEST = 4
"""Archives in archives are followed so far."""
SEPARATORS = re.compile(r"[\s\-./()+\u00a0\u2011]+")


@dataclass(frozen=True)
class Canary:
    """One value that may not be seen.

    Attributes:
        name: what a finding calls it.
        value: as it was planted.
        guessable: whether its hash without a key gives it away too; nobody guesses a random secret.
    """

    name: str
    value: str
    guessable: bool = True

    @cache  # noqa: B019 - a few of them, for the length of a test
    def forms(self) -> set[str]:
        """Texts, in lower case, any of which gives the value away."""
        said = {self.value, self.value.lower(), self.value.upper()}
        makers = (hashlib.md5, hashlib.sha1, hashlib.sha256) if self.guessable else ()
        hashed = {maker(v.encode()).hexdigest() for v in said for maker in makers}
        written = {*said, quote(self.value, safe=""), html.escape(self.value), json.dumps(self.value)[1:-1]}
        return {f.lower() for f in written | hashed}

    @cache  # noqa: B019 - as above
    def coded(self) -> set[bytes]:
        """The same in base64, wherever in a text it begins."""
        found = set()
        for shift in range(3):
            text = base64.b64encode(b"\0" * shift + self.value.encode())
            found.add(text[(0, 2, 3)[shift] : len(text) - 4])
        return found

    @cache  # noqa: B019 - as above
    def bare(self) -> str:
        """Without what people write between digits; only for what is long enough to be told apart then."""
        bare = SEPARATORS.sub("", self.value).lower()
        return bare if sum(c.isdigit() for c in bare) >= 9 else ""


def found_in(data: bytes, canaries: tuple[Canary, ...]) -> set[str]:
    """Names of the canaries that stand in some bytes.

    Args:
        data: whatever a file, a pipe or an answer held.
        canaries: what is looked for.
    """
    found: set[str] = set()
    for text, raw in _texts(data, 0):
        bare = SEPARATORS.sub("", text)
        for canary in canaries:
            if canary.name in found:
                continue
            plain = any(form in text for form in canary.forms()) or (canary.bare() and canary.bare() in bare)
            if plain or any(code in raw for code in canary.coded()):
                found.add(canary.name)
    return found


def searched(roots: list[Path], canaries: tuple[Canary, ...]) -> dict[str, set[str]]:
    """Every file under some folders, and what was found in it; databases are read as they lie, with the log beside them."""
    paths = sorted({p for root in roots for p in root.rglob("*") if p.is_file() and not p.is_symlink()})
    return {str(p): found for p in paths if (found := found_in(p.read_bytes(), canaries) | _rows_of(p, canaries))}


def _texts(data: bytes, depth: int) -> list[tuple[str, bytes]]:
    """Some bytes as texts of lower case, with the bytes that they came from; what is packed in them, unpacked."""
    told = [(data.decode("latin-1").lower(), data)]
    if b"\0" in data:
        told += [(data[shift:].decode("utf-16-le", "ignore").lower(), b"") for shift in (0, 1)]
    if depth < DEEPEST:
        for inner in _unpacked(data):
            told += _texts(inner, depth + 1)
    return told


def _unpacked(data: bytes) -> list[bytes]:
    if data[:2] == b"\x1f\x8b":
        return [gzip.decompress(data)]
    if data[:2] in (b"\x78\x9c", b"\x78\xda", b"\x78\x01"):
        try:
            return [zlib.decompress(data)]
        except zlib.error:
            return []
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [name.encode() for name in archive.namelist()] + [archive.read(name) for name in archive.namelist()]
    if data[:4] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(data))
        return [str(file.read().to_pydict()).encode(), str(file.metadata.to_dict()).encode(), str(file.schema_arrow.metadata).encode()]
    return []


def _rows_of(path: Path, canaries: tuple[Canary, ...]) -> set[str]:
    """What is found in the rows of a database file, which may hold packed values or lie in pieces."""
    with path.open("rb") as file:
        head = file.read(16)
    found: set[str] = set()
    if head[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    found |= found_in("\n".join(str(c) for c in row).encode(), canaries)
                    for cell in (c for c in row if isinstance(c, bytes)):
                        found |= found_in(cell, canaries)
        database.close()
    elif head[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as database:
            for (table,) in database.execute("SELECT table_name FROM information_schema.tables").fetchall():
                found |= found_in(str(database.execute(f'SELECT * FROM "{table}"').fetchall()).encode(), canaries)
    return found
