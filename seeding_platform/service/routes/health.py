"""Whether the service lives, whether it can answer, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from seeding_platform.errors import SeedingError
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import problem

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready"}})
def readyz(request: Request) -> Response:
    """The state database answers; facts may still be missing."""
    service = service_of(request)
    try:
        service.api.all_keys()
    except SeedingError as error:
        return problem(request, 503, "not-ready", str(error))
    return Response('{"status":"ok"}', media_type="application/json")


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
