"""What is sent: a release with its manifest and files, read once for each try, and the proof that whoever has them gives."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.files import proof_of
from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid
from seeding_platform.distribution.release import read_release
from seeding_platform.distribution.signing import Kind
from seeding_platform.distribution.verify import folder_name

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.distribution.release import Release
    from seeding_platform.storage.delivery.records import Delivery, Endpoint, Generation

SIGNATURE = "manifest.sig"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a bundle: its name, size, digest and rows (None: it holds none)."""

    path: str
    bytes: int
    sha256: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """One generation for one address.

    Args:
        delivery: which.
        endpoint: where to.
        release: as it was signed, read.
        release_text: as it was signed.
        release_signature: of that, as JSON.
        manifest_text: of the bundle.
        manifest_signature: of that, as JSON.
        folder: of the bundle.
        files: the whole bundle.
        delta: what leads from an earlier bundle to it; empty when there is no such.
        rows: of all parts.
    """

    delivery: Delivery
    endpoint: Endpoint
    release: Release
    release_text: str
    release_signature: dict[str, Any]
    manifest_text: str
    manifest_signature: dict[str, Any]
    folder: Path
    files: tuple[Part, ...]
    delta: tuple[Part, ...]
    rows: int

    def part(self, name: str) -> Part | None:
        """A file by its name."""
        return next((p for p in (*self.files, *self.delta) if p.path == name), None)


class Proofs:
    """Proofs that are expected, worked out once for all addresses of a release."""

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._known: dict[tuple[str, str], str] = {}

    def expected(self, folder: Path, nonce: str, parts: tuple[Part, ...], via: str) -> str:
        """The proof over these files."""
        key = (nonce, via)
        if key not in self._known:
            while len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)), None)
            self._known[key] = proof_of(folder, nonce, (p.path for p in parts))
        return self._known[key]


def parcel_of(publisher: Publisher, delivery: Delivery, endpoint: Endpoint, made: Generation, *, now: dt.datetime) -> Parcel:
    """Put together what is sent.

    Raises:
        FileNotFoundError: the bundle is gone.
        BundleInvalid: its manifest is another one than was released, or names a file as none may be called.
    """
    folder = engine_folder(publisher.root, delivery.tenant, delivery.engine) / folder_name(made.content_id)
    manifest, release = (folder / MANIFEST).read_bytes(), read_release(made.release.encode())
    if hashlib.sha256(manifest).hexdigest() != release.manifest_sha256:
        raise BundleInvalid(MANIFEST, "is not the one that the release names")
    told = json.loads(manifest)
    beside = folder / SIGNATURE
    signature = beside.read_text(encoding="utf-8") if beside.is_file() else publisher.signed(Kind.MANIFEST, manifest, now=now)
    return Parcel(
        delivery=delivery,
        endpoint=endpoint,
        release=release,
        release_text=made.release,
        release_signature=json.loads(publisher.current_signature(made, now=now)),
        manifest_text=manifest.decode(),
        manifest_signature=json.loads(signature),
        folder=folder,
        files=_parts(told["files"]),
        delta=_parts((told.get("delta") or {}).get("files", [])),
        rows=int(told["rows"]),
    )


def _parts(told: list[dict[str, Any]]) -> tuple[Part, ...]:
    for file in told:
        if not _NAME.fullmatch(str(file["path"])):
            raise BundleInvalid(MANIFEST, "names a file as none may be called")
    return tuple(Part(str(f["path"]), int(f["bytes"]), str(f["sha256"]), f.get("rows")) for f in told)
