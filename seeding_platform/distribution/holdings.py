"""What a receiver has and knows, in a folder: `<tenant>/<engine>/state.json`, and beside it a folder for each bundle.

A state is on disk, with its name, before anybody is told of it: the fence holds after a loss of power.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.distribution import taken
from seeding_platform.distribution.receipt import Announced, Refused
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.distribution.receipt import ToldFile

STATE, MANIFEST, WHOLE_ONLY = "state.json", ".manifest.json", ".whole-only"


class Held(BaseModel):
    """A bundle that is prepared or in use.

    Args:
        generation: of the release.
        content_id: of the bundle.
        rows: that were counted.
        proof: of the release's nonce and the files.
        via: full or delta.
        nonce: of the release that the proof is of; empty where that is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    generation: int
    content_id: str
    rows: int
    proof: str
    via: str
    nonce: str = ""

    def told(self) -> dict[str, object]:
        """What the other side is told of it."""
        return self.model_dump(exclude={"nonce"})


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

    def abort(self, generation: int, content_id: str) -> None:
        """Do not use what is prepared; the generation counts for the fence all the same."""
        if self.prepared is not None and (self.prepared.generation, self.prepared.content_id) == (generation, content_id):
            self.prepared = None
        self.raise_fence(generation, content_id)

    def proved(self, held: Held) -> None:
        """The same as is held, with another proof."""
        self.active = held if self.active and self.active.generation == held.generation else self.active
        self.prepared = held if self.prepared and self.prepared.generation == held.generation else self.prepared

    def recall(self, generation: int, content_id: str) -> None:
        """A bundle is used no more, under whatever number it came, and not taken again under one that is known already."""
        self.active = None if self.active and self.active.content_id == content_id else self.active
        self.prepared = None if self.prepared and self.prepared.content_id == content_id else self.prepared
        held_last = self.highest if self.highest_content == content_id else 0
        self.recalled[content_id] = max(generation, held_last, self.recalled.get(content_id, 0))


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


def manifest_in(bundle: Path) -> Announced:
    """The manifest of a bundle that was announced."""
    return Announced.model_validate_json((bundle / MANIFEST).read_bytes())


def is_here(place: Path, held: Held) -> bool:
    """Whether the rows of what is prepared or in use lie here still."""
    return held_base(place, held.content_id) is not None


def proof_files(announced: Announced, via: str) -> list[str]:
    """Names of the files that a proof is of."""
    return [f.path for f in (announced.files if via == "full" or announced.delta is None else announced.delta.files)]


def held_base(place: Path, content_id: str) -> tuple[Path, Announced] | None:
    """A bundle whose rows are here, with its manifest; None where they are not."""
    bundle = place / content_id
    announced = manifest_in(bundle) if (bundle / MANIFEST).is_file() else None
    return (bundle, announced) if announced is not None and taken.is_whole(bundle, announced) else None


def chosen(place: Path, bundle: Path, announced: Announced) -> tuple[tuple[ToldFile, ...], str]:
    """Which files are taken, and what that is called: the delta where its base is here and the whole is not."""
    if announced.delta is None or (bundle / WHOLE_ONLY).exists() or taken.has_all(bundle, announced.files):
        return announced.files, "full"
    merged = (bundle / taken.MERGED).is_file() and taken.has_all(bundle, announced.delta.files)
    usable = merged or held_base(place, announced.delta.base_content_id) is not None
    return (announced.delta.files, "delta") if usable else (announced.files, "full")


def counted(place: Path, bundle: Path, announced: Announced, via: str) -> int:
    """How many rows there really are; those of a delta are made.

    Raises:
        Refused: `validation-failed`: they cannot be read, or are not as many as told.
    """
    if via == "full":
        return taken.check_rows(bundle, announced)
    if (bundle / taken.MERGED).is_file():
        return taken.merged_rows(bundle, announced)
    base = held_base(place, announced.delta.base_content_id) if announced.delta else None
    if base is None:
        raise Refused("validation-failed", "The base of the delta is not here.")
    return taken.merge(bundle, announced, taken.rows_of(*base))


def durable(path: Path, content: bytes) -> None:
    """Write a small file in one step, folders included, and wait for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    synced(partial)
    partial.replace(path)
    synced(path.parent)
