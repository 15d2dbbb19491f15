"""Every error as problem+json (RFC 9457): what did not happen, why, what to do; a trace id, never a trace, and no personal data that was sent."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from seeding_platform.errors import ConfigError, SeedingError, TransientError
from seeding_platform.service.withheld import texts_told
from seeding_platform.storage.snapshots import NoSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI, Request

    PageOf = Callable[[Request, int, str], Response]

log = logging.getLogger("seeding.service")
MEDIA = "application/problem+json"
MOST_DETAIL, MOST_PLACE, MOST_ERRORS = 300, 100, 20
"""How many letters of a detail, of a place in a body, and how many errors are told: looking for personal data takes longer the more there is."""
PAGES = ("/en/", "/nl/")
"""What the addresses of pages begin with."""
TITLES = {
    400: "The request cannot be read",
    401: "Who is asking?",
    403: "This key may not do that",
    404: "There is nothing here",
    405: "This address does not take that method",
    409: "In conflict with another request",
    410: "It is gone",
    412: "Somebody changed it meanwhile",
    413: "Too large",
    415: "This kind of content is not taken",
    422: "The request does not keep its form",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not possible now",
}


class Problem(Exception):
    """A refusal with its status.

    Args:
        status: HTTP status.
        code: for scripts; ends the problem's type.
        detail: for people.
        headers: headers of the answer.
        more: further members of the problem.
    """

    def __init__(self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, more: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers, more or {}


class ProblemAnswer(BaseModel):
    """A refused request (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    trace_id: str | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for the API's description."""
    form = {"content": {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
    return {status: {"description": TITLES[status], **form} for status in (400, 401, 403, 413, 422, 429, 503, *statuses)}


def problem(request: Request, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """The answer to a refused request: of a page a page, else problem+json."""
    detail, instance = texts_told([detail[:MOST_DETAIL], request.url.path[:MOST_DETAIL]])
    page_of: PageOf | None = getattr(request.app.state, "page_of_problem", None)
    if page_of is not None and request.url.path.startswith(PAGES):
        page = page_of(request, status, detail)
        page.headers.update(headers or {})
        return page
    body = {
        "type": f"/problems/{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": detail,
        "code": code,
        "instance": instance,
        "trace_id": getattr(request.state, "trace_id", None),
        **more,
    }
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA)


def _place(parts: Sequence[int | str]) -> str:
    """Where in a request an error is; names in it are whoever asks's own, of any length and of any letters, also of halves of letters."""
    place = ".".join(str(part)[:MOST_PLACE] for part in parts)[:MOST_PLACE]
    return place.encode(errors="replace").decode()


def _methods(app: FastAPI, path: str) -> set[str]:
    """Methods that an address of the API takes; where one is written out, a pattern beside it does not count."""
    described = app.openapi()["paths"]
    if path in described:
        return {method.upper() for method in described[path]}
    found: set[str] = set()
    for template, methods in described.items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found |= {method.upper() for method in methods}
    return found


def install(app: FastAPI, *, page_of: PageOf | None = None) -> None:
    """Make every error of an app a problem.

    Args:
        app: the service.
        page_of: a problem as a page, for whoever asked for one; without it all problems are problem+json.
    """
    app.state.page_of_problem = page_of

    @app.exception_handler(Problem)
    async def refused(request: Request, error: Problem) -> Response:
        return problem(request, error.status, error.code, error.detail, headers=error.headers, **error.more)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        told = texts_told([text for e in error.errors()[:MOST_ERRORS] for text in (_place(e["loc"]), e["msg"][:MOST_DETAIL])])
        found = [{"at": at, "message": message} for at, message in zip(told[::2], told[1::2], strict=True)]
        return problem(request, 422, "invalid-request", "; ".join(f"{e['at']}: {e['message']}" for e in found), errors=found)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        if error.status_code == 405:
            headers = {"Allow": ", ".join(sorted(_methods(app, request.url.path))) or "GET"}
        return problem(request, error.status_code, f"http-{error.status_code}", str(error.detail), headers=headers)

    @app.exception_handler(SeedingError)
    async def ours(request: Request, error: SeedingError) -> Response:
        status, code = 422, "refused"
        if isinstance(error, NoSnapshot):
            status, code = 503, "no-facts-yet"
        elif isinstance(error, (TransientError, ConfigError)):
            status, code = 503, "not-now"
        return problem(request, status, code, str(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error, trace %s", getattr(request.state, "trace_id", "-"), exc_info=error)
        return problem(request, 500, "internal", "An error of ours; it is in the log under this trace id.")
