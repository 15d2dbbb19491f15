"""Rows that several engines are fed alike: built and written once, their files shared by hard links.

Beside a tenant's bundles lies `.parts/<build key>/`, with links to the files of the first bundle that was built so and `parts.json`, what there is
to know of them. The key is a digest of all that decides the rows: feed, fields, format, confidence, k, what the feed is told (the tenant too),
versions of the tables read, and the code. What is taken is read again first, and once more as part of the bundle, so damage is noticed. An entry
to which no bundle links any more is swept; recalling a bundle takes the shared names of its files away at once (`storage.recalls`). Where the
disk knows no hard links nothing is shared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.files import file_sha256
from seeding_platform.distribution.manifest import BundleFile
from seeding_platform.storage.content import canonical_json
from seeding_platform.storage.durable import synced
from seeding_platform.storage.locks import in_turn
from seeding_platform.storage.recalls import ABOUT_PARTS, PARTS, swept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.distribution.feeds import Feed, FeedContext

_LOCK = ".lock"
_BEGUN = ".tmp-"


@dataclass(frozen=True, slots=True)
class Built:
    """Files with rows, and what was learned while they were made.

    Args:
        files: the files.
        rows: rows of all of them.
        reason: why there are none.
        inputs: for each table read its rows, and those good enough to be used.
        confidence: for each table read the mean and the lowest confidence of the rows used.
    """

    files: tuple[BundleFile, ...]
    rows: int
    reason: str | None
    inputs: Mapping[str, Mapping[str, int]]
    confidence: Mapping[str, Mapping[str, float | None]]


def build_key(engine: EngineContract, feed: Feed, context: FeedContext, pinned: Mapping[str, Any], *, part_rows: int) -> str:
    """Names a build: the same name, the same files.

    Args:
        engine: contract of the engine.
        feed: its feed.
        context: what the feed is told.
        pinned: version of each table that is read.
        part_rows: rows of one part at most.
    """
    told = {
        "feed": [feed.engine, list(feed.inputs), feed.build.__module__, feed.build.__qualname__, feed.told],
        "contract": engine.model_dump(mode="json", include={"fields", "key", "inputs", "format", "minimum_confidence", "k_anonymity"}),
        "context": dataclasses.asdict(context),
        "pinned": dict(pinned),
        "part_rows": part_rows,
        "code": _code(),
    }
    return hashlib.sha256(canonical_json(told)).hexdigest()[:32]


class SharedParts:
    """The shared files of one build.

    Args:
        tenant_folder: folder of a tenant's bundles.
        key: names the build.
    """

    def __init__(self, tenant_folder: Path, key: str) -> None:
        self.root, self.folder = tenant_folder / PARTS, tenant_folder / PARTS / key

    def taken(self, into: Path) -> Built | None:
        """Put the files into a folder that must not exist yet; None where nobody has made them, or they are damaged: then they are swept."""
        if not self.folder.is_dir():
            return None
        with in_turn(self.root / _LOCK):
            built = self._read()
            if built is None:
                return None
            into.mkdir()
            for file in built.files:
                try:
                    os.link(self.folder / file.path, into / file.path)
                except OSError:  # as many links as the disk allows
                    shutil.copyfile(self.folder / file.path, into / file.path)
        return built

    def put(self, made: Path, built: Built) -> None:
        """Share files that were just written; whoever made the same before is not disturbed."""
        self.root.mkdir(parents=True, exist_ok=True)
        swept(self.root.parent)
        with in_turn(self.root / _LOCK):
            for left in self.root.glob(f"{_BEGUN}*"):
                shutil.rmtree(left)
            if self.folder.is_dir():
                return
            begun = self.root / f"{_BEGUN}{self.folder.name}"
            begun.mkdir()
            try:
                for file in built.files:
                    os.link(made / file.path, begun / file.path)
            except OSError:  # no hard links here: every engine keeps files of its own
                shutil.rmtree(begun)
                return
            told = dataclasses.asdict(built) | {"files": [file.model_dump() for file in built.files]}
            (begun / ABOUT_PARTS).write_bytes(canonical_json(told))
            for entry in begun.iterdir():
                synced(entry)
            begun.rename(self.folder)
            synced(self.root)

    def _read(self) -> Built | None:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # taken away by a recall meanwhile, or damaged
            told = json.loads((self.folder / ABOUT_PARTS).read_bytes())
            files = tuple(BundleFile.model_validate(file) for file in told.pop("files"))
            if all(file_sha256(self.folder / file.path) == file.sha256 for file in files):
                return Built(files, **told)
        if self.folder.is_dir():
            shutil.rmtree(self.folder)
        return None


@functools.cache
def _code() -> str:
    """Digest of the code that makes rows: whoever changes a feed must not be given what the old one made."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.py"), *folder.glob("feeds/*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def files_in(folder: Path, rows: Mapping[str, int | None]) -> tuple[BundleFile, ...]:
    """Files of a folder as a manifest names them."""
    return tuple(
        BundleFile(path=name, bytes=(folder / name).stat().st_size, sha256=file_sha256(folder / name), rows=count) for name, count in rows.items()
    )
