"""Websockets of Dagster's pages: subscriptions only, asked by somebody who is still welcome each time something is asked or told."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from seeding_platform.webui.documents import Unreadable, asked
from seeding_platform.webui.door import WrongTenant

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from seeding_platform.webui.door import Door

LOOKED_AFTER = dt.timedelta(seconds=30)
"""How long somebody whose key was revoked may still be told something."""
POLICY, UNREADABLE = 1008, 1003
ONLY = "Only subscriptions are asked over a websocket."


class GuardedSocket:
    """One websocket, message by message.

    Args:
        door: who comes in.
        scope: of the connection.
        receive: ASGI, from outside.
        send: ASGI, to outside.
    """

    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        self.door, self.headers = door, Headers(scope=scope)
        self._receive, self._send = receive, send
        self._looked, self._over = door.sessions.now(), False

    async def receive(self) -> Message:
        """The next message that is passed on; one that is refused is answered here."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            told = _told(message)
            if told is None:
                return await self._ended(UNREADABLE)
            if told["type"] != "start":
                return _passed(told)
            if not await self._welcome():
                return await self._ended(POLICY)
            if await run_in_threadpool(_is_subscription, told):
                return _passed(told)
            answer = {"type": "error", "id": told.get("id"), "payload": {"message": ONLY}}
            await self._send({"type": "websocket.send", "text": json.dumps(answer)})

    async def send(self, message: Message) -> None:
        """Tell what Dagster's webserver tells, as long as whoever listens is welcome."""
        if self._over:
            return
        if self.door.sessions.now() - self._looked > LOOKED_AFTER and not await self._welcome():
            await self._ended(POLICY)
            return
        await self._send(message)

    async def _welcome(self) -> bool:
        self._looked = self.door.sessions.now()
        try:
            return await run_in_threadpool(self.door.who, self.headers) is not None
        except WrongTenant:
            return False

    async def _ended(self, code: int) -> Message:
        self._over = True
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}


def _passed(told: dict[str, Any]) -> Message:
    return {"type": "websocket.receive", "text": json.dumps(told)}


def _told(message: Message) -> dict[str, Any] | None:
    """A message of the protocol, or None for what is none."""
    try:
        told = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("type"), str) else None


def _is_subscription(told: dict[str, Any]) -> bool:
    payload = told.get("payload")
    query = payload.get("query") if isinstance(payload, dict) else None
    try:
        return isinstance(query, str) and asked(query).kinds == {"subscription"}
    except Unreadable:
        return False
