"""Marks that rows meet on their way: whom to leave out (restricted), what to put right (corrected), whom to keep whatever happens (held).

A mark names its person by the same keyed hash as a tombstone does; what is to be done stands in it encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing
from seeding_platform.storage.privacy import Tombstones

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State

RESTRICTED, CORRECTED, HELD = "restricted", "corrected", "held"


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark that stands.

    Args:
        request_id: what put it up.
        label: what the identifier is.
        token: keyed hash of the identifier.
        body: what is to be done; empty where the kind says it all.
        at: since when.
    """

    request_id: str
    label: str
    token: str
    body: Mapping[str, Any]
    at: dt.datetime


class Marks:
    """Marks in the state database.

    Args:
        state: the database.
        keys: whose keys hash and encrypt.
    """

    def __init__(self, state: State, keys: Keyring) -> None:
        self.engine, self.keys = state.engine, keys
        self.stones = Tombstones(state, keys)

    def token(self, tenant: str, label: str, value: str) -> str:
        """The hash of an identifier of a tenant; a tombstone's is the same."""
        return self.stones.token(tenant, label, value)

    def put(
        self,
        kind: str,
        tenant: str,
        identifiers: Sequence[tuple[str, str]],
        *,
        request_id: str,
        now: dt.datetime,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        """Put up a mark for each `(label, value)`; those of the request that stand already stay as they are."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_marks as table

        sealed = None if body is None else self._sealed(body, request_id)
        with writing(self.engine) as connection:
            there = set(connection.execute(sa.select(table.c.token).where(table.c.request_id == request_id)).scalars())
            for label, value in identifiers:
                token = self.token(tenant, label, value)
                if token not in there:
                    there.add(token)
                    row = {"request_id": request_id, "token": token, "kind": kind, "tenant": tenant, "label": label, "body": sealed, "at": now}
                    connection.execute(table.insert(), row)

    def of(self, kind: str, tenant: str | None = None) -> list[tuple[str, Mark]]:
        """Tenant and mark for all that stand, the oldest first; of one tenant or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_marks as table

        query = sa.select(table).where(table.c.kind == kind, table.c.lifted_at.is_(None)).order_by(table.c.at, table.c.request_id, table.c.token)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            (r["tenant"], Mark(r["request_id"], r["label"], r["token"], self._opened(r["body"], r["request_id"]) if r["body"] else {}, r["at"]))
            for r in rows
        ]

    def lift(self, kind: str, tenant: str, tokens: Sequence[str], *, now: dt.datetime) -> int:
        """Take marks down, by whom they name; returns how many stood."""
        from seeding_platform.storage.schema import privacy_marks as table

        where = (table.c.kind == kind) & (table.c.tenant == tenant) & table.c.token.in_(list(tokens)) & table.c.lifted_at.is_(None)
        with writing(self.engine) as connection:
            return int(connection.execute(table.update().where(where).values(lifted_at=now)).rowcount)

    def forget(self, request_id: str, tenant: str) -> int:
        """Delete the marks of a request, with all that stands in them."""
        from seeding_platform.storage.schema import privacy_marks as table

        with writing(self.engine) as connection:
            return int(connection.execute(table.delete().where(table.c.request_id == request_id, table.c.tenant == tenant)).rowcount)

    def rewrite(self, request_id: str, tenant: str, body: Mapping[str, Any]) -> int:
        """Say anew what is to be done by the marks of a request; returns how many there are."""
        from seeding_platform.storage.schema import privacy_marks as table

        where = (table.c.request_id == request_id) & (table.c.tenant == tenant) & table.c.body.is_not(None)
        with writing(self.engine) as connection:
            return int(connection.execute(table.update().where(where).values(body=self._sealed(body, request_id))).rowcount)

    def digest(self, kind: str) -> str:
        """Names all marks of a kind that stand, in short; empty without any."""
        told = [(tenant, m.request_id, m.token) for tenant, m in self.of(kind)]
        return hashlib.blake2b(json.dumps(told).encode(), digest_size=6).hexdigest() if told else ""

    def _sealed(self, body: Mapping[str, Any], request_id: str) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        cipher = AESSIV(self.keys.derived("privacy-mark", size=64))
        return base64.b64encode(cipher.encrypt(json.dumps(body).encode(), [request_id.encode()])).decode()

    def _opened(self, sealed: str, request_id: str) -> Mapping[str, Any]:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        cipher = AESSIV(self.keys.derived("privacy-mark", size=64))
        told: dict[str, Any] = json.loads(cipher.decrypt(base64.b64decode(sealed), [request_id.encode()]))
        return told
