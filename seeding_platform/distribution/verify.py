"""Whether a bundle is whole and unchanged, and which one is in force. Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.distribution.files import file_sha256
from seeding_platform.distribution.formats import shape_problem
from seeding_platform.distribution.manifest import MANIFEST, UPSERTS, BundleInvalid, read_manifest
from seeding_platform.distribution.release import Group, ReleaseKind
from seeding_platform.distribution.signing import Kind, SignatureRefused, check_signature, read_signature
from seeding_platform.errors import PermanentError
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from seeding_platform.distribution.manifest import BundleFile, Manifest
    from seeding_platform.distribution.signing import TrustedKey

CURRENT = "CURRENT"
SIGNATURE = "manifest.sig"
"""The signature of the manifest, beside it."""


class Pointer(BaseModel):
    """Which bundle of an engine is in force, and its number; numbers only rise.

    Args:
        generation: the number.
        content_id: of the bundle.
        kind: why there is this number.
        reason: in words, for one that was asked for by a person or a rule.
        actor: who asked for it; empty for one that was built.
        group: engines that change with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    generation: int = Field(ge=1)
    content_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    kind: ReleaseKind = ReleaseKind.BUILT
    reason: str | None = None
    actor: str = ""
    group: Group | None = None

    def to_bytes(self) -> bytes:
        """As it is kept; what is usual is left out."""
        return canonical_json(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def folder(self) -> str:
        """Name of the bundle's folder."""
        return folder_name(self.content_id)


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that is whole.

    Args:
        engine: for whom it is.
        tenant: whose data it holds.
        generation: the pointer's number, or the manifest's when a bundle folder was given.
        content_id: digest of contract, files and policy.
        rows: rows of all parts.
        path: its folder.
        reason: why there are no rows.
        created: when it was made.
    """

    engine: str
    tenant: str
    generation: int
    content_id: str
    rows: int
    path: Path
    reason: str | None
    created: dt.datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """One engine's bundle in a listing; `bundle` is null where `problem` says what is wrong."""

    tenant: str
    engine: str
    bundle: Verified | None
    problem: str | None = None


def folder_name(content_id: str) -> str:
    """Name of the folder of a content id: its first 128 bits."""
    return content_id[:32]


def read_pointer(engine_folder: Path) -> Pointer | None:
    """The pointer of an engine folder; null before the first bundle.

    Raises:
        BundleInvalid: the pointer cannot be read.
    """
    try:
        return Pointer.model_validate_json((engine_folder / CURRENT).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise BundleInvalid(CURRENT, "is no pointer to a bundle") from error


def verify_bundle(path: Path, *, trusted: Mapping[str, TrustedKey] | None = None, now: dt.datetime | None = None) -> Verified:
    """Check every file of a bundle against its manifest, and the manifest against its signature.

    Args:
        path: a bundle folder, or an engine folder, whose bundle in force is then checked.
        trusted: keys that count, by key id: the manifest must be signed by one of them. Without, a signature is not looked at.
        now: the moment at which a key must count; needed with `trusted`.

    Raises:
        BundleInvalid: names the file: missing, of another size or digest, with other rows or fields, or not expected.
        SignatureRefused: the manifest is not signed by a key that counts.
    """
    found, manifest = _found(path)
    _check_files(found.path, manifest)
    if trusted is not None:
        _check_signed(found.path, trusted, now)
    return found


def current_bundles(
    root: Path, *, deep: bool = False, trusted: Mapping[str, TrustedKey] | None = None, now: dt.datetime | None = None
) -> list[InForce]:
    """The bundle in force of each tenant and engine under a root, sorted; a broken one is listed with its problem.

    Args:
        root: folder with a folder for each tenant.
        deep: also compare the digests of all files.
        trusted: with `deep`, keys that count, by key id.
        now: the moment at which a key must count; needed with `trusted`.
    """
    listed = []
    for pointer in sorted(root.glob(f"*/*/{CURRENT}")):
        folder = pointer.parent
        try:
            found = verify_bundle(folder, trusted=trusted, now=now) if deep else _found(folder)[0]
            listed.append(InForce(folder.parent.name, folder.name, found))
        except (BundleInvalid, SignatureRefused) as error:
            listed.append(InForce(folder.parent.name, folder.name, None, str(error)))
    return listed


def _found(path: Path) -> tuple[Verified, Manifest]:
    pointer = read_pointer(path)
    folder = path / pointer.folder if pointer else path
    if pointer and not folder.is_dir():
        raise BundleInvalid(CURRENT, f"names {pointer.folder}, which is not there")
    manifest = read_manifest(folder)
    if pointer and manifest.content_id != pointer.content_id:
        raise BundleInvalid(CURRENT, f"names content {pointer.content_id}, but {pointer.folder} holds {manifest.content_id}")
    verified = Verified(
        engine=manifest.engine,
        tenant=manifest.tenant,
        generation=pointer.generation if pointer else manifest.generation,
        content_id=manifest.content_id,
        rows=manifest.rows,
        path=folder,
        reason=manifest.reason,
        created=manifest.created,
    )
    return verified, manifest


def _check_signed(folder: Path, trusted: Mapping[str, TrustedKey], now: dt.datetime | None) -> None:
    if now is None:
        raise PermanentError("Whether a key counts depends on the moment.", fix="Give `now`.")
    try:
        text = (folder / SIGNATURE).read_bytes()
    except FileNotFoundError as error:
        raise BundleInvalid(SIGNATURE, "is missing") from error
    signature = read_signature(text, Kind.MANIFEST)
    if signature.to_bytes() != text:
        raise BundleInvalid(SIGNATURE, "is not as it was written")
    check_signature(Kind.MANIFEST, (folder / MANIFEST).read_bytes(), signature, trusted, now=now)


def _check_files(folder: Path, manifest: Manifest) -> None:
    delta = manifest.delta.files if manifest.delta else ()
    expected = {MANIFEST, SIGNATURE, *(file.path for file in (*manifest.files, *delta))}
    for entry in sorted(folder.iterdir()):
        if entry.name not in expected:
            raise BundleInvalid(entry.name, "is not in the manifest")
    types = manifest.dtypes()
    for file in manifest.files:
        _check_file(folder / file.path, file, manifest, types)
    for file in delta:
        _check_file(folder / file.path, file, manifest, types if file.path.startswith(UPSERTS) else {name: types[name] for name in manifest.key})
    if manifest.rows != sum(file.rows or 0 for file in manifest.files):
        raise BundleInvalid(MANIFEST, "gives another number of rows than its files have")


def _check_file(path: Path, file: BundleFile, manifest: Manifest, types: Mapping[str, pl.DataType]) -> None:
    if path.is_symlink() or not path.is_file():
        raise BundleInvalid(file.path, "is missing")
    if path.stat().st_size != file.bytes:
        raise BundleInvalid(file.path, f"has {path.stat().st_size} bytes, the manifest says {file.bytes}")
    if file_sha256(path) != file.sha256:
        raise BundleInvalid(file.path, "has another sha256 than the manifest says")
    if file.rows is not None:
        problem = shape_problem(path, manifest.format, types, rows=file.rows)
        if problem:
            raise BundleInvalid(file.path, problem)
