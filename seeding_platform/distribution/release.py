"""A release: the signed statement that a generation of an engine is a certain bundle. Its form is that of `docs/engine-protocol.md`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.errors import PermanentError
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable

PROTOCOL = "1"


class ReleaseInvalid(PermanentError):
    """A release is not of this protocol."""


class ReleaseKind(StrEnum):
    """Why there is another generation."""

    BUILT = "built"
    """New rows."""
    ROLLED_BACK = "rolled_back"
    """An earlier bundle again."""
    AGAIN = "again"
    """The same bundle, asked for once more."""


class Group(BaseModel):
    """Engines that change together or not at all."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    id: str
    engines: tuple[str, ...]


class Release(BaseModel):
    """What is signed.

    Args:
        tenant: whose data it is.
        engine: for whom it is.
        generation: number; later ones are higher.
        content_id: digest of contract, files and policy of the bundle.
        manifest_sha256: of the manifest's bytes, hex.
        kind: why there is another generation.
        reason: in words, for one that was asked for by a person or a rule; null for one that was built.
        previous: the generation before; null for the first.
        nonce: 32 hex digits that go into the proof of who has the files.
        issued_at: when it was signed.
        expires_at: after this moment it is not to be taken any more; null: no end.
        group: engines that change with this one.
        protocol: version of the protocol.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # whoever only looks at pointers does not pay for it
    tenant: str
    engine: str
    generation: int = Field(ge=1, strict=True)
    content_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    manifest_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    kind: ReleaseKind = ReleaseKind.BUILT
    reason: str | None = None
    previous: int | None = None
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    issued_at: dt.datetime
    expires_at: dt.datetime | None = None
    group: Group | None = None
    protocol: str = PROTOCOL

    def to_bytes(self) -> bytes:
        """Canonical JSON: what is signed and what travels."""
        return canonical_json(self.model_dump(mode="python"))


def read_release(text: bytes) -> Release:
    """A release from its text; check the signature over the text first.

    Raises:
        ReleaseInvalid: it is none, or of another protocol.
    """
    try:
        release = Release.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        raise ReleaseInvalid(f"The release is malformed: {'.'.join(map(str, first['loc']))}: {first['msg']}.", fix="Ask for it again.") from error
    except ValueError as error:
        raise ReleaseInvalid("The release is not JSON.", fix="Ask for it again.") from error
    if release.protocol != PROTOCOL:
        raise ReleaseInvalid(f"The release is of protocol {release.protocol!r}, this side speaks {PROTOCOL!r}.", fix="Update the receiver.")
    return release


def proof(nonce: str, files: Iterable[Iterable[bytes]]) -> str:
    """What shows that somebody has the files: SHA-256 over the nonce and their bytes.

    Args:
        nonce: of the release.
        files: bytes of each file, in pieces, in the order of their names.

    >>> proof("00", [[b"a", b"b"], [b"c"]]) == hashlib.sha256(b"00abc").hexdigest()
    True
    """
    digest = hashlib.sha256(nonce.encode("ascii"))
    for file in files:
        for piece in file:
            digest.update(piece)
    return digest.hexdigest()
