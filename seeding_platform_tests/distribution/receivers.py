"""Receivers in this process, and how the kit speaks to them: every request runs in an event loop of its own."""

import asyncio
import base64
import dataclasses
import datetime as dt
import json
import os
from contextlib import suppress
from urllib.parse import unquote

from seeding_platform.distribution.conformance.caller import Reply
from seeding_platform.distribution.conformance.publisher import public_keys
from seeding_platform.distribution.receiver import Receiver
from seeding_platform.distribution.signing import trusted_keys
from seeding_platform.storage.keyring import Keyring

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
KEYS = Keyring(bytes(range(32)))
fresh = os.urandom


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def receiver_in(folder, kind=Receiver, **more):
    return kind(folder, trusted_keys(public_keys(KEYS, now=now())), SECRET, now=now, **more)


@dataclasses.dataclass
class AsgiLine:
    """A line to an ASGI application."""

    app: object

    def send(self, method, path, headers, body):
        return self._sent(method, path, headers, [{"type": "http.request", "body": body, "more_body": False}])

    def cut(self, method, path, headers, body, *, length):
        pieces = [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
        with suppress(ConnectionError):
            self._sent(method, path, {"content-length": str(length), **headers}, pieces)

    def _sent(self, method, path, headers, messages):
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
        }
        left, sent = list(messages), []

        async def receive():
            return left.pop(0) if left else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        try:
            asyncio.run(self.app(scope, receive, send))
        except Exception:  # as a server does
            return Reply(500)
        content = b"".join(m.get("body", b"") for m in sent[1:])
        told = {n.decode(): v.decode() for n, v in sent[0]["headers"]}
        return Reply(sent[0]["status"], json.loads(content) if content else {}, told)
