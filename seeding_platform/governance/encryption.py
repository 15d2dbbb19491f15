"""Values encrypted per person: readable again by a steward, for as long as the person's key is there.

A token is `enc1.` and base64 of two AES-SIV texts (RFC 5297): whom it is for, under a key of the column, and the value, under their key. Both are
bound to tenant, table and column. The same value of the same person has the same token within a column and another one everywhere else.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.identifiers import normalised
from seeding_platform.errors import PermanentError
from seeding_platform.storage.subject_keys import SUBJECT_BYTES, KeyShredded, NoSuchKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.storage.subject_keys import SubjectKeys

MARK = "enc1."
_NAMED = 16 + SUBJECT_BYTES
"""Bytes of the first text: the synthetic initialisation vector and the subject."""
SUBJECT = "SUBJECT"
"""The label of a value of a declared subject column."""


class NotOurs(PermanentError):
    """A value is no token of this column, or was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The value cannot be decrypted: {why}.", fix="Give a value as it stands in that table and column, of that tenant.")


@dataclass(frozen=True, slots=True)
class ColumnCipher:
    """Encrypts and decrypts the values of one column of one tenant.

    Args:
        subjects: the keys of people.
        tenant: whose values they are.
        table: contract of the table.
        column: the column.
        label: what a value is, where the value itself says whom it is about.
    """

    subjects: SubjectKeys
    tenant: str
    table: str
    column: str
    label: str = "COLUMN"

    def encrypted(self, values: pl.Series, people: pl.Series | None = None) -> pl.Series:
        """The tokens of a column; null stays null, and so does what is about somebody whose key was shredded.

        Args:
            values: texts.
            people: for each value whom it is about; where null, or not given, the value itself says so.
        """
        if not values.len() or values.null_count() == values.len():
            return values.cast(pl.String)
        frame = pl.DataFrame({"value": values.cast(pl.String), "person": people.cast(pl.String) if people is not None else None})
        pairs = frame.filter(pl.col("value").is_not_null()).unique(maintain_order=True)
        names = self.subjects.subjects(self.tenant, [self._person(v, p) for v, p in pairs.rows()])
        keys = self.subjects.made(self.tenant, names)
        tokens = self._tokens(pairs["value"].to_list(), names, keys)
        known = pairs.with_columns(token=pl.Series(tokens, dtype=pl.String))
        return frame.join(known, on=["value", "person"], how="left", nulls_equal=True, maintain_order="left")["token"].alias(values.name)

    def decrypted(self, token: str) -> str:
        """The value of a token.

        Raises:
            NotOurs: it is no token of this tenant, table and column, or a bit of it was changed.
            KeyShredded: the person was erased.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        subject, sealed = self._named(token)
        keys = self.subjects.opened(self.tenant, [subject])
        if subject not in keys:
            raise NoSuchKey(subject)
        key = keys[subject]
        if key is None:
            raise KeyShredded(subject)
        try:
            return AESSIV(key).decrypt(sealed, self._bound).decode("utf-8", "surrogatepass")
        except InvalidTag as error:
            raise NotOurs("it is not as it was encrypted") from error

    def subject_of(self, token: str) -> str:
        """Whom a token is about, as a keyed hash.

        Raises:
            NotOurs: it is no token of this tenant, table and column.
        """
        return self._named(token)[0]

    def _named(self, token: str) -> tuple[str, bytes]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        if not token.startswith(MARK):
            raise NotOurs("it is not encrypted")
        try:
            data = base64.urlsafe_b64decode(token.removeprefix(MARK) + "=" * (-len(token.removeprefix(MARK)) % 4))
            subject = AESSIV(self._column_key).decrypt(data[:_NAMED], self._bound)
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise NotOurs("it is none of this tenant, table and column, or it was changed") from error
        return subject.hex(), data[_NAMED:]

    def _tokens(self, values: Sequence[str], names: Sequence[str], keys: dict[str, bytes | None]) -> list[str | None]:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        column, bound = AESSIV(self._column_key), self._bound
        tokens: list[str | None] = []
        for value, name in zip(values, names, strict=True):
            key = keys[name]
            if key is None:
                tokens.append(None)
                continue
            told = column.encrypt(bytes.fromhex(name), bound) + AESSIV(key).encrypt(value.encode("utf-8", "surrogatepass"), bound)
            tokens.append(MARK + base64.urlsafe_b64encode(told).decode().rstrip("="))
        return tokens

    def _person(self, value: str, person: str | None) -> str:
        return subject_text(person, SUBJECT) if person is not None else subject_text(value, self.label)

    @property
    def _column_key(self) -> bytes:
        return self.subjects.keys.derived(f"column\x00{self.tenant}\x00{self.table}\x00{self.column}", size=64)

    @property
    def _bound(self) -> list[bytes]:
        return [self.tenant.encode(), self.table.encode(), self.column.encode()]


def subject_text(value: str, label: str) -> str:
    """What a person's name here is hashed from: the value in one way of writing, and what it is.

    >>> subject_text(" Jan@Example.NL", "EMAIL") == subject_text("jan@example.nl", "EMAIL") != subject_text("jan@example.nl", "SUBJECT")
    True
    """
    return f"{label}\x00{normalised(value, label)}"
