"""What whoever takes a bundle checks of the signed documents, in the order of `docs/engine-protocol.md`; files are checked in `taken`.

Only what the protocol page names is read of a manifest, so that a side that knows this page understands newer platforms too.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.distribution.release import ReleaseInvalid, read_release
from seeding_platform.distribution.signing import Kind, SignatureRefused, TrustedKey, check_signature, read_signature, trusted_keys
from seeding_platform.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.distribution.release import Release

FORMATS = ("parquet", "arrow", "ndjson", "json", "csv", "libsvm")
TYPES = ("string", "int", "float", "decimal", "bool", "date", "timestamp", "list[string]", "list[float]")
MOST_FILES, MOST_FILE_BYTES, MOST_DOCUMENT_BYTES = 1000, 4_000_000_000, 2_000_000
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_TENANT, _ENGINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"), re.compile(r"[a-z][a-z0-9_]{0,99}")


class Refused(PermanentError):
    """A release or its bundle is not taken.

    Args:
        code: word of the protocol.
        title: why, for people.
        more: further members of the answer.
    """

    def __init__(self, code: str, title: str, **more: Any) -> None:
        super().__init__(title, fix="What is in use stays in use.")
        self.code, self.title, self.more = code, title, more


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ToldField(_Record):
    """One column: its name, type of the protocol, role, and whether values may be missing."""

    name: str = Field(min_length=1)
    type: str
    role: str = "feature"
    nullable: bool = False
    scale: int = 2


class ToldFile(_Record):
    """One file: name, size, digest; `rows` is null for a file without rows."""

    path: str
    bytes: int = Field(ge=0, strict=True)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int | None = Field(default=None, ge=0)


class ToldDelta(_Record):
    """How to get here from another bundle."""

    base_content_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    files: tuple[ToldFile, ...] = Field(max_length=MOST_FILES)


class Announced(_Record):
    """The fields of a manifest that a receiver needs.

    Args:
        engine: for whom it is.
        tenant: whose data it holds.
        format: of the files with rows.
        content_id: names the bundle.
        rows: of all files together.
        fields: columns in their order; `schema` in the document.
        files: the whole bundle.
        delta: how to get here from another bundle; null: take the whole.
        reason: why there are no rows.
    """

    engine: str
    tenant: str
    format: str
    content_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=0, strict=True)
    fields: tuple[ToldField, ...] = Field(alias="schema", min_length=1)
    files: tuple[ToldFile, ...] = Field(max_length=MOST_FILES)
    delta: ToldDelta | None = None
    reason: str | None = None

    @property
    def everything(self) -> dict[str, ToldFile]:
        """All files by name, those of the delta too."""
        return {file.path: file for file in (*self.files, *(self.delta.files if self.delta else ()))}

    @property
    def key(self) -> list[str]:
        """Names of the columns that identify a row."""
        return [field.name for field in self.fields if field.role == "key"]


def keys_in(text: str | bytes) -> dict[str, TrustedKey]:
    """Public keys, by id, as the platform publishes them (`GET /api/v1/engines/keys`).

    Raises:
        ConfigError: the text is not of this form.
    """
    try:
        return trusted_keys(TrustedKey.model_validate(key) for key in json.loads(text)["keys"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("These are no public keys.", fix="Fetch them from the platform: GET /api/v1/engines/keys.") from error


def checked_release(text: str, signature: Mapping[str, Any], trusted: Mapping[str, TrustedKey], *, now: dt.datetime) -> Release:
    """A release that is signed by a key that counts, and of this protocol.

    Raises:
        Refused: `signature-refused` or `malformed`.
    """
    _check_signed(Kind.RELEASE, text, signature, trusted, now)
    try:
        release = read_release(text.encode())
    except ReleaseInvalid as error:
        raise Refused("malformed", error.what) from error
    named(release.tenant, release.engine)
    return release


def check_expiry(release: Release, *, now: dt.datetime) -> None:
    """Nothing while the release may be taken.

    Raises:
        Refused: `release-expired`.
    """
    if release.expires_at is not None and now > release.expires_at:
        raise Refused("release-expired", f"The release was to be taken until {release.expires_at.isoformat()}.")


def checked_manifest(release: Release, text: str, signature: Mapping[str, Any], trusted: Mapping[str, TrustedKey], *, now: dt.datetime) -> Announced:
    """The manifest that a release names: digest, signature, agreement, file names, then whether it can be used.

    Raises:
        Refused: `signature-refused`, `malformed` or `validation-failed`.
    """
    if hashlib.sha256(text.encode()).hexdigest() != release.manifest_sha256:
        raise Refused("signature-refused", "The manifest is not the one of which the release tells.")
    announced = signed_manifest(text, signature, trusted, now=now)
    for name in ("tenant", "engine", "content_id"):
        if getattr(announced, name) != getattr(release, name):
            raise Refused("malformed", f"Release and manifest do not agree on {name}.")
    check_usable(announced)
    return announced


def signed_manifest(text: str, signature: Mapping[str, Any], trusted: Mapping[str, TrustedKey], *, now: dt.datetime) -> Announced:
    """A manifest that is signed by a key that counts.

    Raises:
        Refused: `signature-refused` or `malformed`.
    """
    _check_signed(Kind.MANIFEST, text, signature, trusted, now)
    try:
        return Announced.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused("malformed", f"The manifest is malformed: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", "The manifest is not JSON.") from error


def check_usable(announced: Announced) -> None:
    """File names that are safe, and a format, columns and sizes that this side knows.

    Raises:
        Refused: `malformed` or `validation-failed`.
    """
    files = [*announced.files, *(announced.delta.files if announced.delta else ())]
    for file in files:
        if not _FILE.fullmatch(file.path):
            raise Refused("malformed", "A file of the manifest has a name that is no plain file name.")
        if file.bytes > MOST_FILE_BYTES:
            raise Refused("validation-failed", f"{file.path} has more than {MOST_FILE_BYTES} bytes.")
    if len({file.path for file in files}) != len(files):
        raise Refused("malformed", "Two files of the manifest have the same name.")
    if announced.format not in FORMATS:
        raise Refused("validation-failed", "The format of the rows is not known here.")
    for field in announced.fields:
        if field.type not in TYPES:
            raise Refused("validation-failed", f"column {field.name}: its type is not known here.")
    if len({field.name for field in announced.fields}) != len(announced.fields):
        raise Refused("malformed", "Two columns of the manifest have the same name.")


def check_fence(generation: int, content_id: str, *, highest: int, highest_content: str | None) -> None:
    """Nothing where a generation may go on, or is the one that is held.

    Raises:
        Refused: `generation-stale` or `generation-conflict`.
    """
    if generation < highest:
        raise Refused("generation-stale", f"Generation {highest} is known here; {generation} came too late.", generation=highest)
    if generation == highest and highest_content is not None and content_id != highest_content:
        raise Refused("generation-conflict", f"Generation {generation} is another bundle here.", generation=highest)


def named(tenant: str, engine: str) -> None:
    """Nothing where both are names of the protocol, which can name folders.

    Raises:
        Refused: `malformed`.
    """
    if not _TENANT.fullmatch(tenant) or not _ENGINE.fullmatch(engine):
        raise Refused("malformed", "Tenant or engine is no name.")


def content(content_id: str) -> None:
    """Nothing where it names a bundle, and can name a folder.

    Raises:
        Refused: `malformed`.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", content_id):
        raise Refused("malformed", "content_id is none.")


def _check_signed(kind: Kind, text: str, signature: Mapping[str, Any], trusted: Mapping[str, TrustedKey], now: dt.datetime) -> None:
    try:
        check_signature(kind, text.encode(), read_signature(json.dumps(signature).encode(), kind), trusted, now=now)
    except SignatureRefused as error:
        raise Refused("signature-refused", error.what) from error
