"""What is kept of people's requests: their state, a receipt a store, and tombstones: keyed hashes of identifiers that must not come in again."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog.identifiers import normalised
from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRequest:
    """One request of a person.

    Attributes:
        request_id: names it.
        tenant: whose data it concerns.
        kind: access, portability, rectify, restrict, lift or erase.
        state: how far it is (`governance.subject_rights.requests`).
        subject: pseudonym of the first identifier.
        sealed: the identifiers, encrypted; None once it is closed.
        actor: who took it.
        received_at: when it came.
        due_at: until when it must be answered.
        closed_at: when it was.
        identity: who confirmed who the person is, and how, as JSON; None where nobody said.
    """

    request_id: str
    tenant: str
    kind: str
    state: str
    subject: str
    sealed: str | None
    actor: str
    received_at: dt.datetime
    due_at: dt.datetime
    closed_at: dt.datetime | None = None
    identity: str | None = None


class PrivacyState:
    """Requests and receipts in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def add(self, request: PrivacyRequest) -> None:
        """Keep a new request."""
        from seeding_platform.storage.schema import privacy_requests as table

        with writing(self.engine) as connection:
            connection.execute(table.insert(), dataclasses.asdict(request))

    def one(self, request_id: str) -> PrivacyRequest | None:
        """A request by its id."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_requests as table

        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.request_id == request_id)).mappings().one_or_none()
        return None if row is None else PrivacyRequest(**row)

    def all(self, tenant: str, *, limit: int | None = None, offset: int = 0) -> list[PrivacyRequest]:
        """Requests of a tenant, the one that is due first first.

        Args:
            tenant: whose.
            limit: at most so many; default: all.
            offset: how many of the first are left out.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_requests as table

        query = sa.select(table).where(table.c.tenant == tenant).order_by(table.c.closed_at.is_not(None), table.c.due_at, table.c.request_id)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        with self.engine.connect() as connection:
            return [PrivacyRequest(**row) for row in connection.execute(query).mappings()]

    def tenants(self) -> list[str]:
        """Tenants of which there are requests."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_requests as table

        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(table.c.tenant).distinct().order_by(table.c.tenant)).scalars())

    def open(self, kind: str) -> list[PrivacyRequest]:
        """Requests of a kind that are not closed, of every tenant, the one that is due first first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_requests as table

        query = sa.select(table).where(table.c.kind == kind, table.c.closed_at.is_(None)).order_by(table.c.due_at, table.c.request_id)
        with self.engine.connect() as connection:
            return [PrivacyRequest(**row) for row in connection.execute(query).mappings()]

    def move(self, request_id: str, state: str, *, closed_at: dt.datetime | None = None) -> None:
        """Say how far a request is; a closed one no longer holds its identifiers."""
        from seeding_platform.storage.schema import privacy_requests as table

        values: dict[str, Any] = {"state": state} | ({"closed_at": closed_at, "sealed": None} if closed_at else {})
        with writing(self.engine) as connection:
            connection.execute(table.update().where(table.c.request_id == request_id).values(**values))

    def receipts(self, request_id: str) -> dict[str, dict[str, Any]]:
        """What was done for a request, by store."""
        return self.receipts_of([request_id])[request_id]

    def receipts_of(self, request_ids: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
        """What was done for each of some requests, by store."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_receipts as table

        found: dict[str, dict[str, dict[str, Any]]] = {request_id: {} for request_id in request_ids}
        query = sa.select(table).where(table.c.request_id.in_(request_ids)).order_by(table.c.at, table.c.store)
        with self.engine.connect() as connection:
            for row in connection.execute(query).mappings():
                found[row["request_id"]][row["store"]] = {"at": row["at"].isoformat(), **json.loads(row["result"])}
        return found

    def forget_receipt(self, request_id: str, store: str) -> None:
        """Something was found in a store after its receipt."""
        from seeding_platform.storage.schema import privacy_receipts as table

        with writing(self.engine) as connection:
            connection.execute(table.delete().where(table.c.request_id == request_id, table.c.store == store))

    def keep_receipt(self, request_id: str, store: str, result: Mapping[str, Any], *, now: dt.datetime) -> None:
        """Keep what was done in a store; the latest word stands."""
        from seeding_platform.storage.schema import privacy_receipts as table

        with writing(self.engine) as connection:
            connection.execute(table.delete().where(table.c.request_id == request_id, table.c.store == store))
            connection.execute(table.insert(), {"request_id": request_id, "store": store, "at": now, "result": json.dumps(dict(result))})


class Tombstones:
    """Identifiers that must not come in again, as keyed hashes.

    Args:
        state: the database.
        keys: whose key they are hashed with.
    """

    def __init__(self, state: State, keys: Keyring) -> None:
        self.engine, self.key = state.engine, keys.derived("tombstone")

    def token(self, tenant: str, label: str, value: str) -> str:
        """The hash of an identifier of a tenant."""
        return hmac.new(self.key, f"{tenant}\x00{label}\x00{normalised(value, label)}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def add(self, tenant: str, identifiers: Sequence[tuple[str, str]], *, request_id: str, now: dt.datetime) -> None:
        """Put up a stone for each `(label, value)`; one that stands stays as it is."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_tombstones as table

        with writing(self.engine) as connection:
            for label, value in identifiers:
                token = self.token(tenant, label, value)
                there = connection.execute(sa.select(table.c.token).where(table.c.tenant == tenant, table.c.token == token)).first()
                if there is None:
                    connection.execute(table.insert(), {"tenant": tenant, "token": token, "label": label, "request_id": request_id, "at": now})

    def of(self, tenant: str) -> dict[str, frozenset[str]]:
        """The hashes of a tenant by label."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_tombstones as table

        found: dict[str, set[str]] = {}
        with self.engine.connect() as connection:
            for label, token in connection.execute(sa.select(table.c.label, table.c.token).where(table.c.tenant == tenant)):
                found.setdefault(label, set()).add(token)
        return {label: frozenset(tokens) for label, tokens in found.items()}
