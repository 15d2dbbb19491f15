"""The ASGI app, put together from settings: `create_app`. Everything that it needs is an argument, so that a test makes its own."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Histogram

from seeding_platform import __version__
from seeding_platform.service import audited, errors
from seeding_platform.service.context import Service
from seeding_platform.service.errors import problem
from seeding_platform.service.pages import alerts as alerts_pages
from seeding_platform.service.pages import audit as audit_pages
from seeding_platform.service.pages import bias as bias_pages
from seeding_platform.service.pages import cleaning as cleaning_pages
from seeding_platform.service.pages import engine as engine_pages
from seeding_platform.service.pages import engines as engines_pages
from seeding_platform.service.pages import enrichment as enrichment_pages
from seeding_platform.service.pages import enrichment_record, enrichment_review, oidc, people, views, work
from seeding_platform.service.pages import keys as keys_pages
from seeding_platform.service.pages import models as models_pages
from seeding_platform.service.pages import privacy as privacy_pages
from seeding_platform.service.pages import quality as quality_pages
from seeding_platform.service.pages import settings as settings_pages
from seeding_platform.service.pages import tables as tables_pages
from seeding_platform.service.pages import tenants as tenants_pages
from seeding_platform.service.pages import webhooks as webhooks_pages
from seeding_platform.service.routes import (
    alerts,
    audit,
    auto_retraining,
    bundles,
    cleaning,
    delta_sharing,
    engine_endpoints,
    engines,
    engines_managed,
    enrichment,
    figures,
    health,
    ingestions,
    insights,
    kept,
    keys,
    live,
    model_reasons,
    models,
    policies,
    privacy,
    quality,
    tables,
    tenants,
    webhooks,
)
from seeding_platform.service.routes import runs as runs_routes
from seeding_platform.service.routes import settings as settings_routes
from seeding_platform.service.runs import NoRuns
from seeding_platform.service.uploads import Uploads
from seeding_platform.service.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping

    from fastapi import Request, Response

    from seeding_platform.catalog.ports import TableRestorer
    from seeding_platform.service.runs import RunGateway
    from seeding_platform.settings import Settings

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _new_id(size: int) -> str:
    return secrets.token_hex(size)


def create_app(
    settings: Settings,
    *,
    now: Callable[[], dt.datetime] = _now,
    new_id: Callable[[int], str] = _new_id,
    limit_per_minute: int = 600,
    inherited: Mapping[str, str] | None = None,
    runs: RunGateway | None = None,
    restorer: TableRestorer | None = None,
    watching: bool = True,
) -> FastAPI:
    """The service.

    Args:
        settings: where things are kept.
        now: the clock.
        new_id: unguessable ids of so many bytes, in hex.
        limit_per_minute: requests of one key.
        inherited: environment of the processes that land uploads.
        runs: whoever keeps the runs; nobody by default.
        restorer: whoever puts an old version of a table in force; nobody by default.
        watching: tell events, judge alerts and send reports while it lives.
    """
    service = Service(
        settings, now, new_id, inherited=dict(inherited or {}), limit_per_minute=limit_per_minute, runs=runs or NoRuns(), restorer=restorer
    )
    uploads, watch = Uploads(service), Watch(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.warm)
        uploads.start()
        if watching:
            watch.start()
            service.delivering.start()
        yield
        service.delivering.stop()
        watch.stop()
        uploads.stop()

    app = FastAPI(title="Seeding Platform", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.service, app.state.uploads, app.state.watch = service, uploads, watch
    app.state.registry = CollectorRegistry()
    errors.install(app, page_of=views.problem_shown)
    app.include_router(health.router)
    app.include_router(figures.router, responses=errors.documented())
    app.include_router(ingestions.router, responses=errors.documented(404, 409))
    app.include_router(keys.router, responses=errors.documented(404, 409))
    app.include_router(insights.router, responses=errors.documented())
    app.include_router(runs_routes.router, responses=errors.documented(404, 409))
    app.include_router(cleaning.router, responses=errors.documented(404, 409, 412))
    app.include_router(settings_routes.router, responses=errors.documented(404, 409))
    app.include_router(privacy.router, responses=errors.documented(404, 409, 410))
    app.include_router(bundles.keys, responses=errors.documented())
    app.include_router(bundles.router, responses=errors.documented(404, 410))
    app.include_router(delta_sharing.router, responses=errors.documented(404, 410))
    app.include_router(delta_sharing.files, responses=errors.documented(404, 410))
    app.include_router(engines.router, responses=errors.documented(404, 409, 410))
    app.include_router(engines.sockets)
    app.include_router(engines_managed.router, responses=errors.documented(404, 409, 410))
    app.include_router(engine_endpoints.router, responses=errors.documented(404, 409))
    app.include_router(policies.router, responses=errors.documented(404))
    app.include_router(audit.router, responses=errors.documented(404))
    app.include_router(quality.router, responses=errors.documented())
    app.include_router(tables.router, responses=errors.documented(404, 409))
    app.include_router(tenants.router, responses=errors.documented(404, 409))
    app.include_router(models.router, responses=errors.documented(404, 409, 412))
    app.include_router(model_reasons.router, responses=errors.documented(404, 409))
    app.include_router(auto_retraining.router, responses=errors.documented(404, 409, 412))
    app.include_router(enrichment.router, responses=errors.documented(404, 409))
    app.include_router(enrichment.aliases, responses=errors.documented(404, 409))
    app.include_router(live.router, responses=errors.documented())
    app.include_router(alerts.router, responses=errors.documented(404, 409))
    app.include_router(webhooks.router, responses=errors.documented(404, 409))
    app.include_router(kept.more, responses=errors.documented(404))
    for router in kept.routers:
        app.include_router(router, responses=errors.documented(404, 409, 412))
    for pages in (
        views,
        work,
        people,
        cleaning_pages,
        privacy_pages,
        quality_pages,
        audit_pages,
        settings_pages,
        tables_pages,
        bias_pages,
        keys_pages,
        tenants_pages,
        alerts_pages,
        webhooks_pages,
        models_pages,
        engines_pages,
        engine_pages,
        enrichment_review,
        enrichment_record,
        enrichment_pages,
        oidc,
    ):
        app.include_router(pages.router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    app.mount("/static", StaticFiles(directory=Path(views.__file__).parent / "static"), name="static")
    _observed(app, service)
    app.add_middleware(BodyLimit, most_bytes=settings.max_upload_mb * 1_000_000)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The API's description, with the form of its problems."""
    if app.openapi_schema is None:
        described = FastAPI.openapi(app)
        described["components"]["schemas"]["ProblemAnswer"] = errors.ProblemAnswer.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            described["components"]["schemas"].pop(unused, None)
    return app.openapi_schema or {}


def _observed(app: FastAPI, service: Service) -> None:
    """Trace ids, security headers and counters on every answer."""
    registry: CollectorRegistry = app.state.registry
    requests = Counter("seeding_http_requests", "Requests", ["method", "route", "status"], registry=registry)
    seconds = Histogram("seeding_http_request_seconds", "Seconds to answer", ["route"], registry=registry)

    @app.middleware("http")
    async def observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.trace_id = service.new_id(8)
        began = time.perf_counter()
        if "\0" in request.url.path or b"%00" in request.scope["query_string"]:  # no text that a database keeps
            return problem(request, 400, "no-text", "An address holds no NUL.")
        try:
            response = await call_next(request)
        except Exception:
            await audited.record(request, service, 500)
            raise
        await audited.record(request, service, response.status_code)
        route = getattr(request.scope.get("route"), "path", "none")
        requests.labels(request.method, route, str(response.status_code)).inc()
        seconds.labels(route).observe(time.perf_counter() - began)
        response.headers["X-Trace-Id"] = request.state.trace_id
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        return response


class BodyLimit:
    """Stops reading a request that is larger than allowed, whatever length it declares.

    Args:
        app: the app behind it.
        most_bytes: of a request's body.
    """

    def __init__(self, app: Any, most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.most_bytes:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most_bytes:
                raise TooLarge
            return message

        try:
            await self.app(scope, counted, send)
        except (TooLarge, ExceptionGroup) as error:  # of whoever reads the body piece by piece it comes in a group
            if isinstance(error, ExceptionGroup) and error.split(TooLarge)[1] is not None:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import Request

        told = f"At most {self.most_bytes // 1_000_000} MB are taken."
        await problem(Request(scope), 413, "too-large", told, headers={"Connection": "close"})(scope, receive, send)


class TooLarge(Exception):
    """A body grew beyond what is allowed while it was read."""
