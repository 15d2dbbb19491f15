"""Signatures of what engines are given (Ed25519, RFC 8032): whoever has the public keys knows that the platform said it and nobody changed it.

A prefix goes before what is signed, so that the signature of a manifest is none of a release. The private keys are derived from the root key by
purpose and version; which versions there are, and which still count, is kept in `storage.signing_keys`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seeding_platform.errors import PermanentError
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeding_platform.storage.keyring import Keyring

PURPOSE = "bundle-signature"


class Kind(StrEnum):
    """What is signed; its value goes before the bytes."""

    RELEASE = "seeding-release-1"
    MANIFEST = "seeding-manifest-1"

    @property
    def prefix(self) -> bytes:
        """The bytes before those of the document."""
        return self.value.encode() + b"\n"


class SignatureRefused(PermanentError):
    """A document is not signed by a key that counts, or not as it was signed."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(
            f"The signature of the {kind.name.lower()} {why}.", fix="Do not use it. Fetch it again, and the public keys from the platform."
        )
        self.why = why


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Signature(_Record):
    """A signature as it travels.

    Args:
        algorithm: always Ed25519.
        key_id: first 16 hex digits of the public key's SHA-256.
        signature: 64 bytes, base64.
    """

    algorithm: Literal["Ed25519"] = "Ed25519"
    key_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    signature: str = Field(max_length=100)

    def to_bytes(self) -> bytes:
        """As it lies beside what it signs."""
        return canonical_json(self.model_dump())


class TrustedKey(_Record):
    """A public key as it is published.

    Args:
        key_id: first 16 hex digits of its SHA-256.
        algorithm: always Ed25519.
        public_key: the raw 32 bytes, base64.
        status: active signs now; retired counts until `not_after`; revoked never counts.
        not_before: since when it signs.
        not_after: until when it counts; null: no end.
    """

    key_id: str
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str
    status: Literal["active", "retired", "revoked"] = "active"
    not_before: dt.datetime
    not_after: dt.datetime | None = None


class Signer:
    """Signs with one version of the platform's key.

    Args:
        keys: the installation's keyring.
        version: of the key.
    """

    def __init__(self, keys: Keyring, version: int = 1) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(keys.derived(PURPOSE, version=version))
        self.public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public)

    def signed(self, kind: Kind, document: bytes) -> Signature:
        """The signature of a document."""
        return Signature(key_id=self.key_id, signature=base64.b64encode(self._key.sign(kind.prefix + document)).decode())


def key_id_of(public: bytes) -> str:
    """Names a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_signature(text: bytes, kind: Kind) -> Signature:
    """A signature from JSON.

    Raises:
        SignatureRefused: it is none.
    """
    try:
        return Signature.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise SignatureRefused(kind, "cannot be read") from error


def check_signature(kind: Kind, document: bytes, signature: Signature, trusted: Mapping[str, TrustedKey], *, now: dt.datetime) -> None:
    """Check that a document is signed by a key that counts now.

    Args:
        kind: what it is said to be.
        document: its bytes as they came.
        signature: as it came.
        trusted: keys that count, by key id.
        now: the moment.

    Raises:
        SignatureRefused: it is not.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = trusted.get(signature.key_id)
    if key is None:
        raise SignatureRefused(kind, f"is by the key {signature.key_id}, which is not trusted here")
    if key.status == "revoked":
        raise SignatureRefused(kind, f"is by the key {signature.key_id}, which was revoked")
    if key.not_after is not None and now > key.not_after:
        raise SignatureRefused(kind, f"is by the key {signature.key_id}, which counted until {key.not_after.isoformat()}")
    try:
        public = base64.b64decode(key.public_key, validate=True)
        if key_id_of(public) != key.key_id:
            raise SignatureRefused(kind, f"is by the key {signature.key_id}, of which another public key is trusted here")
        given = base64.b64decode(signature.signature, validate=True)
        if base64.b64encode(given).decode() != signature.signature:  # base64 has spare bits at its end: only one spelling counts
            raise SignatureRefused(kind, "is not spelled as it was written")
        Ed25519PublicKey.from_public_bytes(public).verify(given, kind.prefix + document)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SignatureRefused(kind, "is not of these bytes") from error


def trusted_keys(keys: Iterable[TrustedKey]) -> dict[str, TrustedKey]:
    """Keys by their id."""
    return {key.key_id: key for key in keys}
