"""A bundle by its number: what an engine that fetches bundles itself is given, or why it must not have that one any more. Nothing is written here."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid, read_manifest
from seeding_platform.distribution.verify import SIGNATURE, folder_name, read_pointer
from seeding_platform.errors import PermanentError
from seeding_platform.storage.recalls import recalled, recalled_in

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.distribution.manifest import Manifest
    from seeding_platform.storage.recalls import Recall

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class NoSuchBundle(PermanentError):
    """An engine has no bundle of that number, or no file of that name in it."""


class BundleRecalled(PermanentError):
    """A bundle was recalled.

    Args:
        recall: which and why.
        instead: number of the bundle in force; None until the next one is made.
    """

    def __init__(self, recall: Recall, instead: int | None) -> None:
        fix = f"Take generation {instead}." if instead else "Delete what was fetched of it; the next generation is made without."
        super().__init__(f"Generation {recall.generation} was recalled: a person's data in it was {recall.reason}.", fix=fix)
        self.recall, self.instead = recall, instead


@dataclass(frozen=True, slots=True)
class Fetched:
    """A bundle that may be fetched.

    Args:
        folder: where it lies.
        generation: its number.
        manifest: what it says of itself.
    """

    folder: Path
    generation: int
    manifest: Manifest

    def file(self, name: str) -> tuple[Path, str]:
        """A file of the bundle and its sha256.

        Raises:
            NoSuchBundle: the manifest names no such file.
        """
        found = next((f for f in self.manifest.files if f.path == name), None)
        if found is None or not _NAME.fullmatch(name):
            raise NoSuchBundle(f"Generation {self.generation} has no file {name!r}.", fix="The manifest lists its files.")
        return self.folder / found.path, found.sha256

    @property
    def manifest_file(self) -> Path:
        """The manifest as it was written."""
        return self.folder / MANIFEST

    @property
    def signature_file(self) -> Path:
        """The signature of the manifest.

        Raises:
            NoSuchBundle: it was not signed.
        """
        if not (self.folder / SIGNATURE).is_file():
            raise NoSuchBundle(f"Generation {self.generation} is not signed.", fix="Build the bundle again: it is signed then.")
        return self.folder / SIGNATURE


def fetched(root: Path, tenant: str, engine: str, generation: int, *, content_id: str | None = None) -> Fetched:
    """The bundle of a number.

    Args:
        root: folder of all bundles.
        tenant: whose data it holds.
        engine: for whom it is.
        generation: its number.
        content_id: of what that number let out, where it is known: the same bundle may have been put in force under several numbers. Without it
            a bundle is found by the pointer while it is in force, and by the number that it was made with afterwards.

    Raises:
        NoSuchBundle: there is none.
        BundleRecalled: it must not be used any more.
    """
    folder = engine_folder(root, tenant, engine)
    named = read_pointer(folder) if folder.is_dir() else None
    withdrawn = recalled(folder / named.folder) if named else None
    pointer = None if withdrawn else named
    if named is not None and withdrawn is not None and named.generation == generation:  # recalled before its pointer was taken away with it
        raise BundleRecalled(dataclasses.replace(withdrawn, generation=generation), None)
    if pointer is not None and pointer.generation == generation:
        return Fetched(folder / pointer.folder, generation, read_manifest(folder / pointer.folder))
    if content_id is not None:
        bundle = folder / folder_name(content_id)
        gone = recalled(bundle)
        if gone is not None:
            raise BundleRecalled(dataclasses.replace(gone, generation=generation), pointer.generation if pointer else None)
        if (bundle / MANIFEST).is_file():
            return Fetched(bundle, generation, read_manifest(bundle))
    taken_back = next((r for r in recalled_in(folder) if r.generation == generation), None)
    if taken_back is not None:
        raise BundleRecalled(taken_back, pointer.generation if pointer else None)
    for path in sorted(p.parent for p in folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []:
        try:
            manifest = read_manifest(path)
        except BundleInvalid:
            continue  # another one may bear the number; a damaged bundle is `verify`'s to tell
        if manifest.generation == generation and recalled(path) is None and (pointer is None or path.name != pointer.folder):
            return Fetched(path, generation, manifest)
    raise NoSuchBundle(f"{engine} has no generation {generation}.", fix=f"In force is {pointer.generation}." if pointer else "None is in force yet.")
