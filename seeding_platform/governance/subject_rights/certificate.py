"""The proof of an erasure: what was done in each store and that nothing was left, signed, without naming the person."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from seeding_platform.governance.audit.seal import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seeding_platform.storage.keyring import Keyring

PURPOSE = "privacy-certificate"


def _key(keys: Keyring) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(keys.derived(PURPOSE))


def _signed_text(told: Mapping[str, Any]) -> bytes:
    return json.dumps({k: v for k, v in told.items() if k != "signature"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def certified(told: Mapping[str, Any], keys: Keyring) -> dict[str, Any]:
    """A statement with its signature (Ed25519; RFC 8032) and the key that it can be checked with."""
    key = _key(keys)
    public = key.public_key().public_bytes_raw()
    made = {**told, "public_key": base64.b64encode(public).decode(), "key": fingerprint_of(public)}
    return {**made, "signature": base64.b64encode(key.sign(_signed_text(made))).decode()}


def holds_good(certificate: Mapping[str, Any], keys: Keyring) -> bool:
    """Whether a certificate is ours and as it was signed."""
    from cryptography.exceptions import InvalidSignature

    try:
        _key(keys).public_key().verify(base64.b64decode(str(certificate.get("signature", ""))), _signed_text(certificate))
    except (InvalidSignature, ValueError):
        return False
    return True
