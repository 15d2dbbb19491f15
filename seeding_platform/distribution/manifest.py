"""What a bundle says of itself: canonical JSON beside its files, with a digest of its own."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.catalog.engine import BundleFormat, EngineField
from seeding_platform.errors import PermanentError
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import polars as pl

MANIFEST = "manifest.json"
PII_POLICY = "drop-1"
"""Columns with a personal label do not reach quality tables, hence no bundle."""
UPSERTS, DELETES = "delta-upserts", "delta-deletes"
"""Names of the files of a delta, without their extension."""


class BundleInvalid(PermanentError):
    """A bundle is not what its manifest says.

    Args:
        file: name of the file at fault.
        what: what is wrong with it.
    """

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file} {what}.", fix="Do not use this bundle; build or fetch it again.")
        self.file, self.what_is_wrong = file, what


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lineage(_Record):
    """Where a bundle comes from.

    Args:
        run_id: run that made it.
        code_version: version of the code that made it.
        inputs: version of each table that was read.
    """

    run_id: str
    code_version: str
    inputs: dict[str, int | str] = Field(default_factory=dict)


class BundleFile(_Record):
    """One file of a bundle; `rows` is null for a file without rows."""

    path: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    bytes: int
    sha256: str
    rows: int | None = None


class Delta(_Record):
    """How to get from another bundle to this one: delete the rows of `delta-deletes` by their key, replace or insert those of `delta-upserts`.

    Args:
        base_content_id: content id of the other bundle.
        base_generation: its number when this one was made.
        upserts: rows that are new or not as they were.
        deletes: rows that are gone.
        files: both files; not among the files of the whole.
    """

    base_content_id: str
    base_generation: int = Field(ge=1)
    upserts: int
    deletes: int
    files: tuple[BundleFile, ...]


class Seal(_Record):
    """How far the audit log was sealed when the bundle was made.

    Args:
        number: of the newest checkpoint.
        sha256: of its line in the file of checkpoints.
    """

    number: int
    sha256: str


class Manifest(_Record):
    """What a bundle says of itself. Fields with a default came later than the first manifests, which still read.

    Args:
        engine: for whom it is.
        tenant: whose data it holds.
        contract_version: version of the contract.
        contract_hash: digest of the contract's fields, version and format.
        format: how the rows are written.
        fields: the contract's fields; `schema` in the file.
        generation: number of the bundle when it was made; the pointer's number is the one in force.
        content_id: digest of contract, files and policy.
        files: all files but the manifest.
        rows: rows of all parts.
        reason: why there are no rows.
        inputs: for each table read its rows, and those good enough to be used.
        quality: summary of the inputs' quality: confidence of the rows used of each table, and verdicts about bias, where they are known.
        pii_policy: how personal data was treated.
        lineage: where it comes from.
        supersedes: content id of the bundle in force before it.
        created: when it was made.
        delta: how to get to it from the bundle before; null where there is no shorter way.
        seal: how far the audit log was sealed; null before the first checkpoint.
        expires: until when it may be used; null: no end.
    """

    engine: str
    tenant: str
    contract_version: str
    contract_hash: str
    format: BundleFormat
    fields: tuple[EngineField, ...] = Field(alias="schema")
    generation: int = Field(ge=1)
    content_id: str
    files: tuple[BundleFile, ...]
    rows: int
    reason: str | None
    inputs: dict[str, dict[str, int]]
    quality: dict[str, Any]
    pii_policy: str
    lineage: Lineage
    supersedes: str | None
    created: dt.datetime
    delta: Delta | None = None
    seal: Seal | None = None
    expires: dt.datetime | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Fields that identify a row."""
        return tuple(field.name for field in self.fields if field.role == "key")

    def dtypes(self) -> dict[str, pl.DataType]:
        """Field types of the rows."""
        return {field.name: field.dtype() for field in self.fields}

    def to_bytes(self) -> bytes:
        """Canonical JSON with `self_sha256`, the digest of everything else in it."""
        told = self.model_dump(mode="python", by_alias=True)
        told["schema"] = [field.model_dump(mode="json", exclude_defaults=True) for field in self.fields]
        return canonical_json({**told, "self_sha256": _digest(told)})


def content_id(contract_hash: str, files: Iterable[BundleFile]) -> str:
    """Digest of what a receiver gets: contract, files and policy; not of when, by whom and after which other bundle it was made."""
    told = {"contract": contract_hash, "files": sorted((file.path, file.sha256) for file in files), "pii_policy": PII_POLICY}
    return hashlib.sha256(canonical_json(told)).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle folder.

    Raises:
        BundleInvalid: it is missing, unreadable or not as it was written.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
        told = json.loads(raw)
    except FileNotFoundError as error:
        raise BundleInvalid(MANIFEST, "is missing") from error
    except ValueError as error:
        raise BundleInvalid(MANIFEST, "is not JSON") from error
    if not isinstance(told, dict) or raw != canonical_json(told) or told.pop("self_sha256", None) != _digest(told):
        raise BundleInvalid(MANIFEST, "is not as it was written")
    try:
        manifest = Manifest.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleInvalid(MANIFEST, f"is of another make: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if manifest.content_id != content_id(manifest.contract_hash, manifest.files):
        raise BundleInvalid(MANIFEST, "names a content_id that its files do not have")
    return manifest


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(told)).hexdigest()
