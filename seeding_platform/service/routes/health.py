"""Whether the service lives, whether it can answer, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from seeding_platform.enrichment.exposition import exposition
from seeding_platform.errors import SeedingError
from seeding_platform.service.auth import actor_of, service_of
from seeding_platform.service.errors import problem
from seeding_platform.service.model_metrics import model_metrics
from seeding_platform.storage.enrichment.measurements import Measurements

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
    """Counters for Prometheus; with a key also the newest figures of enrichment and of models of its tenant: whose they are is not for everybody."""
    registry: CollectorRegistry = request.app.state.registry
    told = generate_latest(registry)
    if "authorization" in request.headers:
        actor = actor_of(request)
        told += exposition(Measurements(service_of(request).state).newest(actor.tenant)).encode()
        told += model_metrics(service_of(request), actor.tenant)
    return Response(told, media_type=CONTENT_TYPE_LATEST)
