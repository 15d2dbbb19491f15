"""A key for every person whose values are encrypted, wrapped by a key of the installation; without the one nobody reads what the other opens.

A person is a keyed hash here. A key that was shredded leaves its row behind, so that no second key is ever made for somebody who was erased.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError
from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from sqlalchemy import Connection

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State

KEY_BYTES = 64
"""AES-SIV with two keys of 256 bits (RFC 5297)."""
SUBJECT_BYTES = 16
_KEK, _NAME = "subject-kek", "subject-name"
_PORTION = 500


class KeyShredded(PermanentError):
    """The key of a person was destroyed: what it encrypted cannot be read any more, by nobody."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"The key of subject {subject[:12]} was shredded.", fix="The person was erased: there is nothing to be had any more.")
        self.subject = subject


class NoSuchKey(PermanentError):
    """No key is kept for whom a value names."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"There is no key of subject {subject[:12]} here.", fix="The value is another tenant's, or the state database is older than the table."
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """Keys of one tenant or of all: those in use and those that were shredded, and versions of what wraps them."""

    live: int
    shredded: int
    versions: tuple[int, ...]


class SubjectKeys:
    """Keys of people in the state database.

    Args:
        state: the database.
        keys: what wraps them.
        now: the clock.
        fresh: source of new keys.
    """

    def __init__(self, state: State, keys: Keyring, *, now: Callable[[], dt.datetime], fresh: Callable[[int], bytes] = os.urandom) -> None:
        self.engine, self.keys, self.now, self.fresh = state.engine, keys, now, fresh

    def subjects(self, tenant: str, values: Sequence[str]) -> list[str]:
        """Names of people by what tells them apart, already in one way of writing: keyed hashes, 32 hex digits."""
        key = self.keys.derived(f"{_NAME}\x00{tenant}")
        return [hmac.new(key, v.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[: SUBJECT_BYTES * 2] for v in values]

    def opened(self, tenant: str, subjects: Iterable[str]) -> dict[str, bytes | None]:
        """Keys by subject; None for one that was shredded. Who has none gets none."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_subject_keys as table

        found: dict[str, bytes | None] = {}
        unwrapping: dict[int, AESSIV] = {}
        wanted = sorted(set(subjects))
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), _PORTION):
                query = sa.select(table.c.subject, table.c.wrapped, table.c.kek_version).where(table.c.tenant == tenant)
                for subject, wrapped, version in connection.execute(query.where(table.c.subject.in_(wanted[start : start + _PORTION]))):
                    if version not in unwrapping:
                        unwrapping[version] = self._kek(version)
                    found[subject] = None if wrapped is None else _unwrapped(unwrapping[version], wrapped, tenant, subject)
        return found

    def made(self, tenant: str, subjects: Iterable[str]) -> dict[str, bytes | None]:
        """Keys by subject, made where there was none; None for one that was shredded."""
        wanted = set(subjects)
        found = self.opened(tenant, wanted)
        missing = sorted(wanted - set(found))
        if not missing:
            return found
        with writing(self.engine) as connection:
            version = self._version(connection)
            self._insert(connection, tenant, missing, version)
        return found | self.opened(tenant, missing)  # another process may have been first: what stands is what counts

    def shred(self, tenant: str, subjects: Iterable[str]) -> int:
        """Destroy keys; returns how many there were. A subject that never had one can have none from now on."""
        from seeding_platform.storage.schema import privacy_subject_keys as table

        gone = 0
        with writing(self.engine) as connection:
            for subject in sorted(set(subjects)):
                where = (table.c.tenant == tenant) & (table.c.subject == subject) & table.c.wrapped.is_not(None)
                gone += connection.execute(table.update().where(where).values(wrapped=None, shredded_at=self.now())).rowcount
        return gone

    def rotate(self) -> int:
        """Wrap every key anew with the next version of the key-encryption key; returns how many. No table is touched.

        The rows are locked as they are read: a key that is shredded meanwhile stays shredded.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_subject_keys as table

        with writing(self.engine) as connection:
            version = self._version(connection) + 1
            query = sa.select(table.c.tenant, table.c.subject, table.c.wrapped, table.c.kek_version).where(table.c.wrapped.is_not(None))
            rows = connection.execute(query.order_by(table.c.tenant, table.c.subject).with_for_update()).all()
            wrapping, before = self._kek(version), {old: self._kek(old) for old in {row.kek_version for row in rows}}
            done = 0
            for tenant, subject, wrapped, old in rows:
                key = _unwrapped(before[old], wrapped, tenant, subject)
                again = base64.b64encode(wrapping.encrypt(key, _bound(tenant, subject))).decode()
                where = (table.c.tenant == tenant) & (table.c.subject == subject) & (table.c.wrapped == wrapped)
                done += connection.execute(table.update().where(where).values(wrapped=again, kek_version=version)).rowcount
        return done

    def counted(self, tenant: str | None = None) -> Counted:
        """How many keys there are."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_subject_keys as table

        query = sa.select(table.c.wrapped.is_not(None), table.c.kek_version, sa.func.count()).group_by(
            table.c.wrapped.is_not(None), table.c.kek_version
        )
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        live = sum(n for there, _, n in rows if there)
        return Counted(live, sum(n for there, _, n in rows if not there), tuple(sorted({v for there, v, _ in rows if there})))

    def _insert(self, connection: Connection, tenant: str, subjects: Sequence[str], version: int) -> None:
        from sqlalchemy.dialects import postgresql, sqlite

        from seeding_platform.storage.schema import privacy_subject_keys as table

        wrapping, now = self._kek(version), self.now()
        rows = []
        for subject in subjects:
            wrapped = base64.b64encode(wrapping.encrypt(self.fresh(KEY_BYTES), _bound(tenant, subject))).decode()
            rows.append({"tenant": tenant, "subject": subject, "wrapped": wrapped, "kek_version": version, "made_at": now})
        insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
        connection.execute(insert.on_conflict_do_nothing(), rows)

    def _version(self, connection: Connection) -> int:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_subject_keys as table

        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.kek_version), 1))).scalar_one())

    def _kek(self, version: int) -> AESSIV:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self.keys.derived(_KEK, version=version, size=KEY_BYTES))


def _bound(tenant: str, subject: str) -> list[bytes]:
    """What a wrapped key is bound to: moved to another row it does not open."""
    return [tenant.encode(), subject.encode()]


def _unwrapped(kek: AESSIV, wrapped: str, tenant: str, subject: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return kek.decrypt(base64.b64decode(wrapped), _bound(tenant, subject))
    except InvalidTag as error:
        what = f"The key of subject {subject[:12]} does not open with the root key of this installation."
        raise PermanentError(what, fix="Put the right root key back.") from error
