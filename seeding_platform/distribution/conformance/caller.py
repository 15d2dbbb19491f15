"""The platform's side of a conversation with a receiver, for the kit: requests signed as the protocol says, or wrong in one way."""

from __future__ import annotations

import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

from seeding_platform.errors import TransientError
from seeding_platform.exchange.signing import key_of, signed_headers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from seeding_platform.distribution.conformance.publisher import Published

TIMEOUT_S = 30.0
TOGETHER = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = {name: self.body[name] for name in ("state", "code", "generation", "rows", "files") if name in self.body}
        return f"{self.status} {json.dumps(told)}" if told else str(self.status)


class Line(Protocol):
    """How requests reach a receiver."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """A request and its answer."""

    def cut(self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, length: int) -> None:
        """A request of a length, of which less is sent before the connection is cut."""


class HttpLine:
    """Over the network.

    Args:
        url: base address of the receiver.
    """

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url.rstrip("/")
        # each request has a connection of its own: the receiver may be started again in between
        self.client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0))

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """A request and its answer.

        Raises:
            TransientError: nobody answers.
        """
        import httpx

        try:
            got = self.client.request(method, self.url + path, headers=dict(headers), content=body)
        except httpx.TransportError as error:
            raise TransientError(f"{self.url} does not answer ({type(error).__name__}).", fix="Start the receiver, then run it again.") from error
        return Reply(got.status_code, _object(got.content), {name.lower(): value for name, value in got.headers.items()})

    def cut(self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, length: int) -> None:
        """A request of which only the beginning is sent."""
        at = urlsplit(self.url)
        if at.scheme == "https":
            import ssl

            context = ssl.create_default_context()
            plain = socket.create_connection((at.hostname or "", at.port or 443), timeout=TIMEOUT_S)
            connection: socket.socket = context.wrap_socket(plain, server_hostname=at.hostname)
        else:
            connection = socket.create_connection((at.hostname or "", at.port or 80), timeout=TIMEOUT_S)
        told = {"host": at.netloc, "content-length": str(length), **headers}
        head = f"{method} {at.path}{path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items()) + "\r\n"
        with connection:
            connection.sendall(head.encode("latin-1") + body)


class Caller:
    """Speaks to a receiver.

    Args:
        line: how.
        secret: shared with it, `whsec_...`.
        now: the clock.
        fresh: source of chance.
    """

    def __init__(self, line: Line, secret: str, *, now: Callable[[], dt.datetime], fresh: Callable[[int], bytes]) -> None:
        self.line, self.key, self.now, self.fresh = line, key_of(secret), now, fresh

    def signed(self, body: bytes, *, key: bytes | None = None, at: dt.datetime | None = None) -> dict[str, str]:
        """The three headers."""
        return signed_headers([self.key if key is None else key], f"msg_{self.fresh(8).hex()}", body, now=at or self.now())

    def post(self, what: str, document: Any, *, headers: Mapping[str, str] | None = None) -> Reply:
        """A message; a document of bytes is sent as it is."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.line.send(
            "POST", f"/v1/{what}", {"content-type": "application/json", **(self.signed(body) if headers is None else headers)}, body
        )

    def prepare(self, published: Published, **changes: Any) -> Reply:
        """Ask to prepare."""
        return self.post("prepare", self.preparing(published) | changes)

    def preparing(self, published: Published) -> dict[str, Any]:
        """The message that asks to prepare."""
        return {
            "delivery_id": f"dlv_{self.fresh(8).hex()}",
            "release": published.release,
            "release_signature": published.release_signature.model_dump(),
            "manifest": published.manifest,
            "manifest_signature": published.manifest_signature.model_dump(),
        }

    def prepare_together(self, published: Published) -> list[Reply]:
        """The same several times at once."""
        with ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(lambda _: self.prepare(published), range(TOGETHER)))

    def about(self, what: str, published: Published, **more: Any) -> Reply:
        """Activate, abort or recall."""
        facts = {name: published.facts[name] for name in ("tenant", "engine", "generation", "content_id")}
        return self.post(what, {"delivery_id": f"dlv_{self.fresh(8).hex()}", **facts, **more})

    def put(
        self,
        published: Published,
        name: str,
        body: bytes | None = None,
        *,
        whole: str | None = None,
        span: str | None = None,
        key: bytes | None = None,
        signed: bytes | None = None,
    ) -> Reply:
        """Send a file.

        Args:
            published: of which.
            name: of the file.
            body: in place of the right bytes.
            whole: digest of the whole file, in place of the right one.
            span: the `Content-Range` of a part.
            key: that signs, in place of the secret; empty: nothing is signed.
            signed: what is signed, in place of the right digest.
        """
        content = published.files.get(name, b"") if body is None else body
        headers = {"x-content-sha256": hashlib.sha256(published.files.get(name, content)).hexdigest() if whole is None else whole}
        if key != b"":
            said = f"sha256:{hashlib.sha256(content).hexdigest()}".encode() if signed is None else signed
            headers |= self.signed(said, key=key)
        if span is not None:
            headers["content-range"] = span
        return self.line.send("PUT", f"/v1/files/{published.content_id}/{name}", headers, content)

    def cut(self, published: Published, name: str, sent: int) -> None:
        """Begin to send a file, and hang up."""
        content = published.files[name]
        digest = hashlib.sha256(content).hexdigest()
        headers = {"x-content-sha256": digest, **self.signed(f"sha256:{digest}".encode())}
        self.line.cut("PUT", f"/v1/files/{published.content_id}/{name}", headers, content[:sent], length=len(content))

    def head(self, published: Published, name: str) -> Reply:
        """Ask how much of a file is there."""
        return self.line.send("HEAD", f"/v1/files/{published.content_id}/{name}", self.signed(b""), b"")

    def status(self, tenant: str, engine: str, *, signed: bool = True) -> Reply:
        """Ask what is in use."""
        return self.line.send("GET", f"/v1/status?{urlencode({'tenant': tenant, 'engine': engine})}", self.signed(b"") if signed else {}, b"")


def _object(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content) if content else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
