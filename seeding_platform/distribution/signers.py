"""Who signs bundles in an installation, whom it trusts, and bundles signed anew. How a signature is made and checked is in `signing`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid
from seeding_platform.distribution.signing import Kind, SignatureRefused, Signer, TrustedKey, key_id_of, read_signature, trusted_keys
from seeding_platform.distribution.verify import SIGNATURE, verify_bundle
from seeding_platform.errors import ConfigError
from seeding_platform.storage.durable import synced
from seeding_platform.storage.recalls import recalled
from seeding_platform.storage.signing_keys import SigningKeys

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.signing_keys import SigningKey
    from seeding_platform.storage.state import State


class PublishedKeys(BaseModel):
    """Keys as they are published and as a file of them looks."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    keys: tuple[TrustedKey, ...]


def signer_of(state: State, keys: Keyring, *, now: dt.datetime) -> Signer:
    """Who signs now; the first key is made on first use.

    Args:
        state: the state database, which knows the versions.
        keys: the installation's keyring.
        now: the moment.
    """
    return Signer(keys, SigningKeys(state).active(now=now).version)


def published_keys(state: State, keys: Keyring) -> list[TrustedKey]:
    """The public keys of every version there was, the oldest first; none before the first was used."""
    import base64

    told = []
    for version in SigningKeys(state).all():
        public = Signer(keys, version.version).public
        told.append(
            TrustedKey(
                key_id=key_id_of(public),
                public_key=base64.b64encode(public).decode(),
                status=_status(version),
                not_before=version.created_at,
                not_after=version.counts_until,
            )
        )
    return told


def read_keys(file: Path) -> dict[str, TrustedKey]:
    """Trusted keys from a file in the form in which they are published.

    Raises:
        ConfigError: it is none.
    """
    try:
        told: Any = json.loads(file.read_bytes())
        return trusted_keys(PublishedKeys.model_validate(told).keys)
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigError(f"{file.name} holds no public keys.", fix="Save the answer of /api/v1/engines/keys as it is.") from error


def signed_by(bundle: Path) -> str | None:
    """Id of the key that a bundle says it is signed by; None where it has no signature that can be read."""
    try:
        return read_signature((bundle / SIGNATURE).read_bytes(), Kind.MANIFEST).key_id
    except (FileNotFoundError, SignatureRefused):
        return None


def sign(bundle: Path, signer: Signer) -> bool:
    """Sign a bundle that this signer has not signed; returns whether it had to be. The signature is put in place in one step."""
    if signed_by(bundle) == signer.key_id:
        return False
    fresh = bundle.parent / f".tmp-{SIGNATURE}"
    fresh.write_bytes(signer.signed(Kind.MANIFEST, (bundle / MANIFEST).read_bytes()).to_bytes())
    synced(fresh)
    fresh.replace(bundle / SIGNATURE)
    synced(bundle)
    return True


def sign_again(root: Path, signer: Signer) -> tuple[int, list[str]]:
    """Sign every bundle anew that is whole; how many were signed, and the folders that are not whole and were left as they are.

    Args:
        root: folder of all bundles.
        signer: who signs now.
    """
    done, damaged = 0, []
    for manifest in sorted(root.glob(f"*/*/*/{MANIFEST}")):
        bundle = manifest.parent
        if recalled(bundle) is not None or bundle.name.startswith("."):
            continue
        try:
            verify_bundle(bundle)
        except BundleInvalid:
            damaged.append(str(bundle.relative_to(root)))
            continue
        done += sign(bundle, signer)
    return done, damaged


def _status(version: SigningKey) -> str:
    return "revoked" if version.revoked_at is not None else "retired" if version.retired_at is not None else "active"
