"""Pseudonyms: tokens that stand for a person's value, the same within a tenant and of no use in another.

A token is a keyed BLAKE2b hash (RFC 7693) of the normalised value, with a key of its own per tenant, label and key version. Without the key a
dictionary of addresses inverts none of them; a plain hash would fall to one in seconds.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.identifiers import normalised

if TYPE_CHECKING:
    from seeding_platform.storage.keyring import Keyring

TOKEN_BYTES = 15
"""120 bits: a collision among a billion values has a chance of 4e-19."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Tokens of one tenant.

    Args:
        keys: the keyring of the installation.
        tenant: whose values they stand for.
        version: of the key; raised by a rotation, after which every token is another.
    """

    keys: Keyring
    tenant: str
    version: int = 1

    def token(self, value: str, label: str) -> str:
        """The token of a value, such as `email_1_...`."""
        return self._named(normalised(value, label), label, self._key(label))

    def tokens(self, values: pl.Series, label: str) -> pl.Series:
        """The tokens of a column; null stays null. Each distinct value is hashed once."""
        key = self._key(label)
        known = {value: self._named(normalised(value, label), label, key) for value in values.drop_nulls().unique().to_list()}
        return values.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String) if known else values.cast(pl.String)

    def _key(self, label: str) -> bytes:
        return self.keys.derived(f"pseudonym\x00{self.tenant}\x00{label}", version=self.version)

    def _named(self, value: str, label: str, key: bytes) -> str:
        digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=TOKEN_BYTES).digest()
        return f"{label.lower()}_{self.version}_{base64.b32encode(digest).decode().lower()}"
