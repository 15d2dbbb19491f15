"""Bundles that were recalled: what stands in a folder of bundles once one of them must not be used any more."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.durable import synced
from seeding_platform.storage.locks import in_turn

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

RECALLED = "RECALLED.json"
CURRENT = "CURRENT"
"""Names the bundle in force; a recalled one is not."""
PARTS = ".parts"
"""Folder beside a tenant's bundles with the names under which bundles share files (hard links)."""
ABOUT_PARTS = "parts.json"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Recall:
    """Why a bundle was recalled.

    Args:
        generation: its number; 0 where its manifest could not be read.
        content_id: digest of what it held.
        request: the request of a person that it was recalled for.
        reason: erased, restricted, rectified or expired.
        at: when, ISO 8601.
    """

    generation: int
    content_id: str
    request: str
    reason: str
    at: str


def recall(bundle: Path, *, request: str, reason: str, at: str) -> int:
    """Put a bundle out of force and delete its files; a marker stays in their place. Returns how many files went.

    The marker comes first, with the number in force, then the pointer goes, then the names under which its files are shared, then the files: after a
    kill in between the number is known, nobody takes the bundle, and a repeat finishes it.
    """
    generation, content_id = _named(bundle)
    pointer = bundle.parent / CURRENT
    marker = bundle / RECALLED
    if not marker.is_file():
        partial = bundle / f".{RECALLED}.{os.getpid()}.part"
        partial.write_text(json.dumps(asdict(Recall(generation, content_id, request, reason, at))), encoding="utf-8")
        synced(partial)
        partial.replace(marker)
        synced(bundle)
    if _points_to(pointer, bundle):
        pointer.unlink()
        synced(bundle.parent)
    gone = remaining(bundle)
    swept(bundle.parent.parent, also={p.stat().st_ino for p in gone})
    for path in gone:
        path.unlink()
    swept(bundle.parent.parent)
    synced(bundle)
    return len(gone)


def remaining(bundle: Path) -> list[Path]:
    """Files of a bundle besides its marker."""
    return [p for p in sorted(bundle.rglob("*"), reverse=True) if p.is_file() and p != bundle / RECALLED]


def swept(tenant_folder: Path, *, also: Collection[int] = ()) -> int:
    """Take away what bundles of a tenant share and no bundle links to any more. Returns how many entries went.

    Args:
        tenant_folder: folder of a tenant's bundles.
        also: numbers (inodes) of files that must not be shared any more, whoever links to them.
    """
    root, done = tenant_folder / PARTS, 0
    if not root.is_dir():
        return 0
    with in_turn(root / ".lock"):
        for entry in sorted(root.glob("[!.]*")):
            found = [p.stat() for p in entry.iterdir() if p.name != ABOUT_PARTS]
            if any(f.st_ino in also for f in found) or all(f.st_nlink == 1 for f in found):
                shutil.rmtree(entry)
                done += 1
    return done


def recalled(bundle: Path) -> Recall | None:
    """Why a bundle was recalled; None when it was not."""
    try:
        told = json.loads((bundle / RECALLED).read_text(encoding="utf-8"))
        return Recall(
            int(told.get("generation", 0)),
            str(told.get("content_id", bundle.name)),
            str(told.get("request", "")),
            str(told.get("reason", "erased")),
            str(told.get("at", "")),
        )
    except FileNotFoundError:
        return None


def recalled_in(engine_folder: Path) -> list[Recall]:
    """The recalled bundles of an engine, the oldest first."""
    found = [r for p in engine_folder.glob(f"*/{RECALLED}") if (r := recalled(p.parent)) is not None] if engine_folder.is_dir() else []
    return sorted(found, key=lambda r: (r.generation, r.at))


def _named(bundle: Path) -> tuple[int, str]:
    """Number in force, or as it was made, and digest of a bundle."""
    try:
        told = json.loads((bundle / _MANIFEST).read_text(encoding="utf-8"))
        generation, content_id = int(told.get("generation", 0)), str(told.get("content_id", bundle.name))
    except (OSError, ValueError):
        return 0, bundle.name
    pointer = bundle.parent / CURRENT
    return max(generation, _number(pointer) if _points_to(pointer, bundle) else 0), content_id


def _points_to(pointer: Path, bundle: Path) -> bool:
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8")).get("content_id", "")).startswith(bundle.name)
    except (OSError, ValueError):
        return False


def _number(pointer: Path) -> int:
    return int(json.loads(pointer.read_text(encoding="utf-8")).get("generation", 0))
