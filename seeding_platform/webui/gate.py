"""The gate before Dagster's webserver, as ASGI: who asks, whether the route is theirs, whether a page of ours asks, what a GraphQL document does.

Everything is refused that no rule allows. What a document may do is asked once more where it is done (`webui.schema`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.routing import Match

from seeding_platform.service.origin import same_origin
from seeding_platform.storage.api_state import Role
from seeding_platform.webui.documents import Unreadable, asked
from seeding_platform.webui.door import EVERYBODY, WrongTenant
from seeding_platform.webui.refusals import Refusal
from seeding_platform.webui.rules import MUTATIONS, ROUTES, STATIC
from seeding_platform.webui.schema import refusal
from seeding_platform.webui.sockets import GuardedSocket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from seeding_platform.service.sessions import Actor
    from seeding_platform.webui.door import Door
    from seeding_platform.webui.record import Recorder

MOST_BYTES = 4_000_000
"""Of one request's body."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "["})
"""Names of this machine, up to the port; addresses of IPv6 stand in brackets."""
GRAPHQL = "/graphql"
LOGS, LOG_KINDS = "/logs/{path:path}", ("/out", "/err")
"""Compute logs lie beside everything else of the state, and Dagster takes the last part of the address for the file's ending."""
SECURITY = {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "private, no-store"}


class SignIn(Exception):
    """A page was asked for by nobody: a key is asked for first."""


class Gate:
    """Lets through what a role may do.

    Args:
        app: Dagster's webserver.
        routes: its routes, in the order in which it looks them up.
        door: who comes in.
        recorder: writes down what was refused.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute], door: Door, recorder: Recorder) -> None:
        self.app, self.routes, self.door, self.recorder = app, routes, door, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            route = self._route(scope)
            actor = await self._who(scope)
            scope.setdefault("state", {})["actor"] = actor
            if scope["type"] == "websocket":
                self._from_us(scope, actor)
            else:
                receive = await self._allowed(scope, receive, route, actor)
        except SignIn:
            wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            await RedirectResponse(f"/sign-in?next={quote(wanted)}", status_code=303)(scope, receive, _secured(send))
            return
        except Refusal as refused:
            await refused.answer(scope)(scope, receive, _secured(send))
            return
        if scope["type"] == "websocket":
            socket = GuardedSocket(self.door, scope, receive, send)
            await self.app(scope, socket.receive, socket.send)
        elif scope["method"] == "POST" and route != GRAPHQL:
            await self._reported(scope, receive, send, route, actor)
        else:
            await self.app(scope, receive, send if route in STATIC else _secured(send))

    def _route(self, scope: Scope) -> str:
        """The rule that a request falls under: the route that Dagster's webserver will find for it."""
        if ".." not in scope["path"].split("/") and "\\" not in scope["path"]:
            found = [(route.matches(scope)[0], str(getattr(route, "path", ""))) for route in self.routes]
            for wanted in (Match.FULL, Match.PARTIAL):
                for match, path in found:
                    if match == wanted:
                        return path
        raise Refusal(404, "no-such-page", "There is nothing here.")

    async def _who(self, scope: Scope) -> Actor:
        headers = Headers(scope=scope)
        try:
            actor = await run_in_threadpool(self.door.who, headers)
        except WrongTenant as error:
            told = "Keys of this tenant do not see the installation as a whole; SEEDING_UI_TENANTS names the tenants whose keys do."
            raise Refusal(403, "other-tenant", told) from error
        if actor is not None:
            return actor
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "") and scope["path"] != GRAPHQL:
            raise SignIn
        told = "Send a key as `Authorization: Bearer sp_...`, or sign in."
        raise Refusal(401, "unauthenticated", told, {"WWW-Authenticate": "Bearer"})

    async def _allowed(self, scope: Scope, receive: Receive, route: str, actor: Actor) -> Receive:
        """What is passed on of an HTTP request that may be passed on."""
        headers, method = Headers(scope=scope), scope["method"]
        needed = ROUTES.get(route)
        if needed is None or not actor.role.may(needed):
            if method == "POST":
                await run_in_threadpool(self.recorder.event, actor, f"POST {route}", "refused")
            raise Refusal(403, "forbidden", refusal(needed, actor.role))
        if route == LOGS and not scope["path"].endswith(LOG_KINDS):
            raise Refusal(404, "no-such-log", "There is no such log.")
        if actor is EVERYBODY:
            self._here(headers)
        if method == "POST":
            self._from_us(scope, actor)
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise Refusal(415, "not-json", "Only application/json is taken.")
            return await self._document(scope, receive, actor) if route == GRAPHQL else receive
        if method not in ("GET", "HEAD"):
            raise Refusal(405, "method", "Only GET and POST are taken.", {"Allow": "GET, POST"})
        if route == GRAPHQL and not (method == "GET" and "text/html" in headers.get("accept", "") and actor.role.may(Role.OPERATOR)):
            raise Refusal(405, "method", "GraphQL is asked by POST only.", {"Allow": "POST"})
        return receive

    def _here(self, headers: Headers) -> None:
        """Without keys, another name for this machine is a page elsewhere that had its name point here."""
        if headers.get("host", "").partition("]")[0].partition(":")[0].lower() not in LOOPBACK:
            raise Refusal(403, "other-host", "Without keys only this machine is served, as 127.0.0.1 or localhost.")

    def _from_us(self, scope: Scope, actor: Actor) -> None:
        """A browser sends its cookie for whatever page asks; a key is sent by whoever holds it."""
        headers = Headers(scope=scope)
        if actor is EVERYBODY:
            self._here(headers)
        ours = same_origin(headers)
        by_key = actor is not EVERYBODY and not actor.session
        if ours is False or (ours is None and not by_key):
            raise Refusal(403, "cross-origin", "The request does not come from a page of ours; load the page again.")

    async def _document(self, scope: Scope, receive: Receive, actor: Actor) -> Receive:
        """The GraphQL request, read, judged and written anew: what was judged is what is executed.

        Raises:
            Refusal: 400 for what cannot be read, 403 for a mutation above the role.
        """
        told = _request(await _body(receive))
        try:
            document = await run_in_threadpool(asked, told["query"])
        except Unreadable as error:
            raise Refusal(400, "no-document", "The query is no GraphQL document, or too large a one.") from error
        if "subscription" in document.kinds:
            raise Refusal(400, "no-document", "Subscriptions are asked over a websocket.")
        for field in document.mutations:
            needed = MUTATIONS.get(field)
            if needed is None or not actor.role.may(needed):
                await run_in_threadpool(self.recorder.mutation, actor, field, "refused")
                raise Refusal(403, "forbidden", refusal(needed, actor.role))
        body = json.dumps(told).encode()
        MutableHeaders(scope=scope)["content-length"] = str(len(body))
        return _given(body, receive)

    async def _reported(self, scope: Scope, receive: Receive, send: Send, route: str, actor: Actor) -> None:
        """Pass a write on that is no GraphQL, and put on record what came of it."""
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, _secured(seen))
        finally:
            outcome = "ok" if status < 400 else "refused" if status < 500 else "failed"
            await run_in_threadpool(self.recorder.event, actor, f"POST {route}", outcome, {"status": str(status)})


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "no-document", "The request ended early.")
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Refusal(413, "too-large", f"At most {MOST_BYTES // 1_000_000} MB are taken.")
        if not message.get("more_body", False):
            return bytes(body)


def _request(body: bytes) -> dict[str, Any]:
    """One GraphQL request: a text, variables, a name. Lists of requests are not taken."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "no-document", "The body is no JSON.") from error
    told = {name: given.get(name) for name in ("query", "variables", "operationName")} if isinstance(given, dict) else {"query": None}
    if not (isinstance(told["query"], str) and isinstance(told["variables"], dict | None) and isinstance(told["operationName"], str | None)):
        raise Refusal(400, "no-document", "One request is taken: an object with `query`, `variables` and `operationName`.")
    return {name: value for name, value in told.items() if value is not None}


def _given(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _secured(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
