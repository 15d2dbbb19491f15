"""Requests that are not passed on, and what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.websockets import WebSocketClose

if TYPE_CHECKING:
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
