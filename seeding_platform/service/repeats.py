"""A request with an Idempotency-Key is worked on once: the same again gets the same answer, another one under its key is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import IdempotencyConflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.service.context import Service


def once(service: Service, tenant: str, idempotency_key: str | None, what: str, work: Callable[[], Response]) -> Response:
    """Do some work, or give the answer that it gave before; work that is refused or fails may be tried again.

    Args:
        service: where answers are kept.
        tenant: whose keys they are.
        idempotency_key: names the request; None does the work.
        what: names what is asked for, so that its key serves nothing else.
        work: gives the answer, or raises.

    Raises:
        Problem: 409 while the same request is worked on, 422 when the key belongs to another.
    """
    if idempotency_key is None:
        return work()
    try:
        before = service.api.begin(tenant, idempotency_key, what, now=service.now())
    except IdempotencyConflict as conflict:
        status, code = (409, "in-flight") if conflict.in_flight else (422, "idempotency-key-reused")
        raise Problem(status, code, "The Idempotency-Key belongs to another request, or that one is still worked on.") from conflict
    if before is not None:
        return Response(before[1], status_code=before[0], media_type="application/json", headers={"Idempotent-Replayed": "true"})
    try:
        made = work()
    except BaseException:
        service.api.end(tenant, idempotency_key, status=None, answer="")
        raise
    service.api.end(tenant, idempotency_key, status=made.status_code, answer=bytes(made.body).decode())
    return made
