"""A folder that an engine reads: the bundle is copied beside what is there, read back, and the pointer is written last.

Layout: `<folder>/<tenant>/<engine>/{CURRENT, <first 32 of content_id>/...}`; `CURRENT` is JSON with generation, content_id, folder, the release as it
was signed and its signature. A reader opens `CURRENT` first; the bundle that it named before stays until the next change.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.delivery.adapters.asked import Came, Holds, Trouble
from seeding_platform.distribution.delivery.parcels import SIGNATURE
from seeding_platform.distribution.files import file_sha256, proof_of
from seeding_platform.distribution.manifest import MANIFEST
from seeding_platform.distribution.verify import CURRENT, folder_name
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.distribution.delivery.parcels import Parcel
    from seeding_platform.storage.delivery.records import Endpoint

_PART = ".part-"


class FolderCopy:
    """Copies into folders.

    Args:
        root: below which all such folders lie; None: there are none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def close(self) -> None:
        """Nothing is held."""

    def prepare(self, parcel: Parcel) -> Came:
        """Copy the bundle beside what is there."""
        place, release = self._place(parcel.endpoint), parcel.release
        _fence(pointer_of(_read(place / CURRENT)), release.generation, release.content_id)
        target, sent = place / folder_name(release.content_id), 0
        if not _whole(parcel, target):
            part = place / f"{_PART}{target.name}"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for name in [p.path for p in parcel.files]:
                shutil.copyfile(parcel.folder / name, part / name)
            (part / MANIFEST).write_text(parcel.manifest_text, encoding="utf-8", newline="")
            (part / SIGNATURE).write_text(json.dumps(parcel.manifest_signature), encoding="utf-8")
            for file in part.iterdir():
                synced(file)
            synced(part)
            if target.exists():
                shutil.rmtree(target)
            part.rename(target)
            synced(place)
            sent = sum(p.bytes for p in parcel.files)
            if not _whole(parcel, target):
                raise Trouble("digest-mismatch", "what was copied is not what was read", sent=sent)
        return Came("prepared", _proof(parcel, target), "full", sent)

    def activate(self, parcel: Parcel) -> Came:
        """Write the pointer."""
        place, release = self._place(parcel.endpoint), parcel.release
        target, before = place / folder_name(release.content_id), pointer_of(_read(place / CURRENT))
        _fence(before, release.generation, release.content_id)
        if not _whole(parcel, target):
            raise Trouble("not-prepared", "the files are not there", answers=True)
        fresh = place / f"{_PART}{CURRENT}"
        fresh.write_bytes(pointer_text(parcel))
        synced(fresh)
        fresh.replace(place / CURRENT)
        synced(place)
        kept = {target.name, folder_name(before[1]) if before else ""}
        for old in place.iterdir():
            if old.is_dir() and old.name not in kept:
                shutil.rmtree(old)
        return Came("active", _proof(parcel, target), "full")

    def abort(self, parcel: Parcel) -> Came:
        """Take away what was copied, unless it is in use."""
        place = self._place(parcel.endpoint)
        before = pointer_of(_read(place / CURRENT))
        if before is None or before[1] != parcel.release.content_id:
            shutil.rmtree(place / folder_name(parcel.release.content_id), ignore_errors=True)
        return Came("aborted")

    def recall(self, parcel: Parcel, *, reason: str, instead: int | None) -> Came:
        """Take it away, and the pointer with it where it is in use."""
        place, content = self._place(parcel.endpoint), parcel.delivery.content_id
        before = pointer_of(_read(place / CURRENT))
        if before is not None and before[1] == content:
            (place / CURRENT).unlink()
            synced(place)
        target = place / folder_name(content)
        if target.exists():
            shutil.rmtree(target)
        return Came("recalled")

    def status(self, endpoint: Endpoint) -> Holds | None:
        """What the pointer says."""
        found = pointer_of(_read(self._place(endpoint) / CURRENT))
        return Holds("none", None, None, 0) if found is None else Holds("active", found[0], found[1], 0)

    def _place(self, endpoint: Endpoint) -> Path:
        """The engine's folder at an address, below the root whatever the address says."""
        if self._root is None:
            raise Trouble("address-refused", "no folder is set below which bundles may be copied (SEEDING_ENGINE_FOLDERS)", final=True)
        root = self._root.resolve()
        place = (root / endpoint.target).resolve()
        if not place.is_relative_to(root):
            raise Trouble("address-refused", "the folder does not lie below SEEDING_ENGINE_FOLDERS", final=True)
        place = place / endpoint.tenant / endpoint.engine
        place.mkdir(parents=True, exist_ok=True)
        return place


def pointer_text(parcel: Parcel) -> bytes:
    """What `CURRENT` says once a generation is in use."""
    release = parcel.release
    told = {"generation": release.generation, "content_id": release.content_id, "folder": folder_name(release.content_id)}
    return json.dumps({**told, "release": parcel.release_text, "release_signature": parcel.release_signature}, ensure_ascii=False).encode()


def pointer_of(text: bytes | None) -> tuple[int, str] | None:
    """Generation and content that a `CURRENT` names; None where there is none."""
    if text is None:
        return None
    try:
        told: dict[str, Any] = json.loads(text)
        return int(told["generation"]), str(told["content_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble("pointer-unreadable", "CURRENT there cannot be read: look at it, and take it away", final=True, answers=True) from error


def _fence(before: tuple[int, str] | None, generation: int, content_id: str) -> None:
    if before is None or generation > before[0] or (generation, content_id) == before:
        return
    error = "generation-stale" if generation < before[0] else "generation-conflict"
    raise Trouble(error, f"generation {before[0]} is there", final=True, answers=True)


def fenced(before: tuple[int, str] | None, parcel: Parcel) -> None:
    """Refuse what is not newer than what is there.

    Raises:
        Trouble: it is older, or another of the same number.
    """
    _fence(before, parcel.release.generation, parcel.release.content_id)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _whole(parcel: Parcel, target: Path) -> bool:
    return all((target / p.path).is_file() and file_sha256(target / p.path) == p.sha256 for p in parcel.files)


def _proof(parcel: Parcel, target: Path) -> str:
    return proof_of(target, parcel.release.nonce, (p.path for p in parcel.files))
