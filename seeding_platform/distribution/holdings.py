"""What a receiver has and knows, in a folder: `<tenant>/<engine>/state.json`, and beside it a folder for each bundle.

A state is on disk, with its name, before anybody is told of it: the fence holds after a loss of power.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from pathlib import Path

STATE, MANIFEST, WHOLE_ONLY = "state.json", ".manifest.json", ".whole-only"


class Held(BaseModel):
    """A bundle that is prepared or in use.

    Args:
        generation: of the release.
        content_id: of the bundle.
        rows: that were counted.
        proof: of the release's nonce and the files.
        via: full or delta.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    generation: int
    content_id: str
    rows: int
    proof: str
    via: str


class Known(BaseModel):
    """What is known of a tenant's engine.

    Args:
        highest: highest generation that was ever prepared, activated or aborted.
        highest_content: its bundle; null where it was never told.
        prepared: ready, not in use.
        active: in use.
        recalled: bundles that must not be taken, each up to a generation.
    """

    model_config = ConfigDict(extra="forbid")
    highest: int = 0
    highest_content: str | None = None
    prepared: Held | None = None
    active: Held | None = None
    recalled: dict[str, int] = Field(default_factory=dict)

    def raise_fence(self, generation: int, content_id: str) -> None:
        """Take nothing below a generation any more."""
        if generation > self.highest:
            self.highest, self.highest_content = generation, content_id


class Holdings:
    """Folders of a receiver.

    Args:
        root: where everything lies.
        most_kept: bundles of an engine that are kept besides what is prepared and in use: a rollback then needs no upload.
    """

    def __init__(self, root: Path, *, most_kept: int = 2) -> None:
        self.root, self.most_kept = root, most_kept
        root.mkdir(parents=True, exist_ok=True)

    def engine(self, tenant: str, engine: str) -> Path:
        """Folder of a tenant's engine; the names were checked."""
        return self.root / tenant / engine

    def known(self, place: Path) -> Known:
        """What is known of an engine; nothing where it was never told of."""
        path = place / STATE
        return Known.model_validate_json(path.read_bytes()) if path.is_file() else Known()

    def keep(self, place: Path, known: Known) -> None:
        """Write down what is known, and wait until it is on disk."""
        durable(place / STATE, known.model_dump_json().encode())

    def announce(self, bundle: Path, manifest: str) -> None:
        """From now on files of this bundle are taken."""
        durable(bundle / MANIFEST, manifest.encode())

    def announced(self, content_id: str) -> list[Path]:
        """Folders of a bundle that was announced, one for each tenant and engine that shares it."""
        return sorted(path.parent for path in self.root.glob(f"*/*/{content_id}/{MANIFEST}"))

    def forget(self, bundle: Path) -> None:
        """Delete what there is of a bundle."""
        if bundle.is_dir():
            shutil.rmtree(bundle)
            synced(bundle.parent)

    def prune(self, place: Path, known: Known) -> None:
        """Delete bundles that were in use long ago."""
        used = {held.content_id for held in (known.prepared, known.active) if held}
        others = [path.parent for path in place.glob(f"*/{MANIFEST}") if path.parent.name not in used]
        for bundle in sorted(others, key=lambda p: (p / MANIFEST).stat().st_mtime_ns, reverse=True)[self.most_kept :]:
            self.forget(bundle)


def durable(path: Path, content: bytes) -> None:
    """Write a small file in one step, folders included, and wait for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    synced(partial)
    partial.replace(path)
    synced(path.parent)
