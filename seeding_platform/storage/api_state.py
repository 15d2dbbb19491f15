"""What the API keeps: keys (`api_keys`), answers of repeated requests, uploaded files. The same database as `state`, in words of the API."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from seeding_platform.storage.api_keys import ApiKey, ApiKeys, Role
from seeding_platform.storage.database import writing

__all__ = ["ApiKey", "ApiState", "IdempotencyConflict", "Ingestion", "Role"]
KEPT, MOST_WORK = dt.timedelta(hours=24), dt.timedelta(minutes=10)
"""How long the answer of a request is given again, and how long one may be worked on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """One uploaded file and what became of it.

    Attributes:
        ingestion_id: names it.
        tenant: whose file it is.
        file_name: as it was called, without folders.
        sha256: of its bytes, hex.
        bytes: its size.
        status: queued, running, succeeded, failed (may be tried again), refused (may not).
        actor: the key that brought it.
        summary: what was read, as JSON.
        message: what a person should know.
        created_at: when it came.
        started_at: when its landing began.
        finished_at: when it ended.
    """

    ingestion_id: str
    tenant: str
    file_name: str
    sha256: str
    bytes: int
    status: str
    actor: str
    created_at: dt.datetime
    summary: str = "{}"
    message: str = ""
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None


class IdempotencyConflict(Exception):
    """The key of a request was used for another request, or that one is still worked on.

    Args:
        in_flight: the same request is still worked on.
    """

    def __init__(self, *, in_flight: bool) -> None:
        super().__init__("in flight" if in_flight else "other body")
        self.in_flight = in_flight


class ApiState(ApiKeys):
    """Keys, requests and ingestions in the state database."""

    # repeated requests

    def begin(self, tenant: str, idempotency_key: str, body_sha256: str, *, now: dt.datetime) -> tuple[int, str] | None:
        """Claim a request; returns the answer that it got before, or None when it is to be worked on now.

        An answer is kept for a day; a claim whose worker was killed is given up after ten minutes.

        Raises:
            IdempotencyConflict: the key was used for another body, or the request is still worked on.
        """
        import sqlalchemy as sa
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import api_requests as requests

        row = {"tenant": tenant, "idempotency_key": idempotency_key, "body_sha256": body_sha256, "status": None, "answer": "", "created_at": now}
        old = requests.c.created_at < now - KEPT
        given_up = sa.and_(requests.c.status.is_(None), requests.c.created_at < now - MOST_WORK)
        with writing(self.engine) as connection:
            connection.execute(sa.delete(requests).where(sa.or_(old, given_up)))
        try:
            with writing(self.engine) as connection:
                connection.execute(requests.insert(), row)
        except IntegrityError:
            wanted = sa.select(requests).where(requests.c.tenant == tenant, requests.c.idempotency_key == idempotency_key)
            with self.engine.connect() as connection:
                kept = connection.execute(wanted).mappings().one()
            if kept["body_sha256"] != body_sha256 or kept["status"] is None:
                raise IdempotencyConflict(in_flight=kept["body_sha256"] == body_sha256) from None
            return kept["status"], kept["answer"]
        return None

    def end(self, tenant: str, idempotency_key: str, *, status: int | None, answer: str) -> None:
        """Keep the answer of a request; without one the request may be tried again under its key."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_requests as requests

        here = sa.and_(requests.c.tenant == tenant, requests.c.idempotency_key == idempotency_key)
        with writing(self.engine) as connection:
            if status is None:
                connection.execute(sa.delete(requests).where(here))
            else:
                connection.execute(sa.update(requests).where(here).values(status=status, answer=answer))

    # uploads

    def record(self, ingestion: Ingestion) -> Ingestion:
        """Keep an ingestion as it stands now, in place of what was kept of it."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_ingestions as table

        row = dataclasses.asdict(ingestion)
        with writing(self.engine) as connection:
            changed = connection.execute(sa.update(table).where(table.c.ingestion_id == ingestion.ingestion_id).values(row))
            if not changed.rowcount:
                connection.execute(table.insert(), row)
        return ingestion

    def ingestion(self, ingestion_id: str, *, tenant: str) -> Ingestion | None:
        """One upload of a tenant."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_ingestions as table

        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.ingestion_id == ingestion_id, table.c.tenant == tenant)).mappings().one_or_none()
        return None if row is None else Ingestion(**_plain(row))

    def ingestions(self, *, tenant: str | None = None, status: str | None = None, limit: int = 100) -> list[Ingestion]:
        """Uploads, the newest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_ingestions as table

        query = sa.select(table).order_by(table.c.created_at.desc(), table.c.ingestion_id).limit(limit)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        if status is not None:
            query = query.where(table.c.status == status)
        with self.engine.connect() as connection:
            return [Ingestion(**_plain(row)) for row in connection.execute(query).mappings()]


def _plain(row: Any) -> dict[str, Any]:
    return dict(row)
