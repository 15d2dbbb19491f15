"""Requests that are not passed on: what is told, and when a request does not come from a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.websockets import WebSocketClose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Scope


class Refusal(Exception):
    """A request that is not passed on.

    Args:
        status: HTTP status.
        code: for scripts.
        detail: for people.
        headers: of the answer.
    """

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers

    def answer(self, scope: Scope) -> ASGIApp:
        """As it is told: problem+json, or the end of a websocket before it began."""
        if scope["type"] == "websocket":
            return WebSocketClose(code=1008, reason=self.detail[:100])
        body = {"type": f"/problems/{self.code}", "title": "Refused", "status": self.status, "detail": self.detail, "code": self.code}
        return JSONResponse(body, status_code=self.status, headers=self.headers, media_type="application/problem+json")


def same_origin(headers: Mapping[str, str]) -> bool | None:
    """Whether a page of this address asks; None when the request does not say.

    >>> same_origin({"host": "h:3000", "origin": "http://h:3000"}), same_origin({"host": "h:3000", "origin": "null"}), same_origin({"host": "h"})
    (True, False, None)
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    told = headers.get("origin") or headers.get("referer")
    if not told:
        return None
    try:
        return urlsplit(told).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False
