"""The one way out by HTTP: the address is looked up once and checked, redirects are not followed, time and size have limits.

An answer is an answer, whatever its status; only what gives none is an error. No error says the path of an address: it may hold a secret.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from seeding_platform.errors import TransientError
from seeding_platform.exchange.addresses import checked_addresses, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeding_platform.exchange.addresses import Place

SECONDS = 10.0
MOST_BYTES = 64_000
BLOCK = 256 * 1024
"""Bytes of a file that are read and sent at a time."""
AGENT = "seeding-platform"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: of the answer; a redirect is told, not followed.
        headers: names in small letters.
        body: at most as many bytes as the client takes; more are cut off.
        took_ms: from the look-up to the last byte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: int

    @property
    def ok(self) -> bool:
        """Whether the other side took it."""
        return 200 <= self.status < 300


class NoAnswer(TransientError):
    """Nobody answered, or not in time; worth another try later."""


@dataclass(frozen=True)
class Guarded:
    """A client that only talks to who may be talked to.

    Args:
        private: whether private addresses and plain http are allowed.
        seconds: for everything together.
        most_bytes: of an answer that is read.
        lookup: numbers of a host; the system's own without it.
    """

    private: bool = False
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES
    lookup: Callable[[str, int], list[str]] | None = field(default=None, compare=False)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a body; `Content-Type` is JSON unless the headers say otherwise.

        Raises:
            AddressRefused: the address must not be talked to.
            NoAnswer: there was none in time.
        """
        return self.ask("POST", url, body, headers)

    def ask(self, method: str, url: str, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Any request; the length of a file is said in the headers.

        Raises:
            AddressRefused: the address must not be talked to.
            NoAnswer: there was none in time.
        """
        with Line(self) as line:
            return line.ask(method, url, body, {"Connection": "close", **(headers or {})})

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Who is trusted to vouch for the other side."""
        return ssl.create_default_context()


class Line:
    """What is asked of one place in a row goes over one connection, as long as the other side keeps it; not for several threads.

    The number that was looked up and checked for it holds as long as it does. A request that finds it ended is made once more over another: a line is
    only for what may come twice.

    Args:
        client: says who may be talked to, and how long everything may take.
    """

    def __init__(self, client: Guarded) -> None:
        self._client = client
        self._held: _Held | None = None

    def __enter__(self) -> Line:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the connection."""
        self.close()

    def close(self) -> None:
        """End the connection, where there is one."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def ask(
        self, method: str, url: str, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None, *, seconds: float | None = None
    ) -> Answer:
        """Any request, as of `Guarded.ask`.

        Raises:
            AddressRefused: the address must not be talked to.
            NoAnswer: there was none in time.
        """
        began, place, most = time.monotonic(), place_of(url, private=self._client.private), seconds or self._client.seconds
        told = {"Content-Type": "application/json", "User-Agent": AGENT, "Accept": "*/*", **(headers or {})}
        try:
            status, found, content = self._asked(method, place, body, {"Host": _host(place), **told}, until=began + most)
        except (OSError, http.client.HTTPException) as error:
            late = time.monotonic() - began >= most
            why = f"did not answer within {most:g} s" if late or isinstance(error, TimeoutError) else f"gave no answer ({_kind(error)})"
            raise NoAnswer(f"{place.host} {why}.", fix="Check that it is up; it is tried again later.") from error
        return Answer(status, found, content, round(1000 * (time.monotonic() - began)))

    def _asked(
        self, method: str, place: Place, body: bytes | BinaryIO | None, headers: Mapping[str, str], *, until: float
    ) -> tuple[int, dict[str, str], bytes]:
        if self._held is not None and not self._held.good_for(place):
            self.close()
        if self._held is not None:
            try:
                return self._once(self._held, method, place, body, headers, until=until)
            except ConnectionError:  # the other side had ended it; a file is sent anew by whoever reads it
                if not isinstance(body, bytes | None) or time.monotonic() >= until:
                    raise
        numbers = checked_addresses(place.host, place.port, private=self._client.private, lookup=self._client.lookup)
        self._held = _Held(place, _reached(numbers, place.port, until))
        return self._once(self._held, method, place, body, headers, until=until)

    def _once(
        self, held: _Held, method: str, place: Place, body: bytes | BinaryIO | None, headers: Mapping[str, str], *, until: float
    ) -> tuple[int, dict[str, str], bytes]:
        # who sends a byte now and then never runs into the socket's own limit: at the end of all time the line is cut
        left = max(0.001, until - time.monotonic())
        cut = threading.Timer(left, _cut, (held.sockets,))
        cut.daemon = True
        cut.start()
        kept = False
        try:
            held.sockets[-1].settimeout(left)
            if place.scheme == "https" and len(held.sockets) == 1:
                held.secure(self._client.context)
            held.http.request(method, place.target, body, dict(headers))
            held.hurry()
            answer = held.http.getresponse()
            content = answer.read(self._client.most_bytes)
            kept = answer.isclosed() and not answer.will_close  # all of it was read, and there may be another
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
        finally:
            cut.cancel()
            if not kept:
                self.close()


class _Held:
    """A connection to a place.

    Args:
        place: where to.
        reached: the connection, not secured yet.
    """

    def __init__(self, place: Place, reached: socket.socket) -> None:
        self.place, self.sockets = place, [reached]
        self.http = http.client.HTTPConnection(place.host, place.port, blocksize=BLOCK)
        self.http.sock = reached
        self.http.auto_open = 0  # it would look the name up again, and nobody would check what it finds

    def secure(self, context: ssl.SSLContext) -> None:
        """Make it a secure one, before anything is said."""
        secured = context.wrap_socket(self.sockets[0], server_hostname=self.place.host, do_handshake_on_connect=False)
        self.sockets.append(secured)
        self.http.sock = secured
        secured.do_handshake()

    def hurry(self) -> None:
        """Acknowledge what comes at once: who sends head and body apart waits for that, 40 ms each time. It holds for a while only."""
        if hasattr(socket, "TCP_QUICKACK"):
            self.sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def good_for(self, place: Place) -> bool:
        """Whether it leads to a place, and the other side has not ended it, nor said anything unasked."""
        same = (place.scheme, place.host, place.port) == (self.place.scheme, self.place.host, self.place.port)
        if not same:
            return False
        waiting = select.poll()
        waiting.register(self.sockets[-1], select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        """End it."""
        self.http.close()
        self.sockets[-1].close()


def _reached(numbers: list[str], port: int, until: float) -> socket.socket:
    """A connection to the first of the checked numbers that takes one: a name is not looked up again, it may have changed."""
    last: OSError = OSError("no address")
    for number in numbers:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            made = socket.create_connection((number, port), timeout=left)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two writes: the second is not to wait for an answer
            return made
        except OSError as error:
            last = error
    raise last


def _host(place: Place) -> str:
    name = f"[{place.host}]" if ":" in place.host else place.host
    return name if place.port == {"https": 443, "http": 80}[place.scheme] else f"{name}:{place.port}"


def _cut(held: list[socket.socket]) -> None:
    """End a connection from outside; of a secure one the line below it, so that whoever reads from it is told."""
    try:
        socket.socket.shutdown(held[-1], socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _kind(error: BaseException) -> str:
    """What kind of trouble, without the words of the other side."""
    return "its certificate is not trusted" if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
