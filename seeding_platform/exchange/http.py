"""The one way out by HTTP: the address is looked up once and checked, redirects are not followed, time and size have limits.

An answer is an answer, whatever its status; only what gives none is an error. No error says the path of an address: it may hold a secret.
"""

from __future__ import annotations

import http.client
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
        began, place = time.monotonic(), place_of(url, private=self.private)
        numbers = checked_addresses(place.host, place.port, private=self.private, lookup=self.lookup)
        told = {"Content-Type": "application/json", "User-Agent": AGENT, "Accept": "*/*", "Connection": "close", **(headers or {})}
        try:
            status, found, content = self._asked(method, place, numbers, body, told, until=began + self.seconds)
        except (OSError, http.client.HTTPException) as error:
            late = time.monotonic() - began >= self.seconds
            why = f"did not answer within {self.seconds:g} s" if late or isinstance(error, TimeoutError) else f"gave no answer ({_kind(error)})"
            raise NoAnswer(f"{place.host} {why}.", fix="Check that it is up; it is tried again later.") from error
        return Answer(status, found, content, round(1000 * (time.monotonic() - began)))

    def _asked(
        self, method: str, place: Place, numbers: list[str], body: bytes | BinaryIO | None, headers: Mapping[str, str], *, until: float
    ) -> tuple[int, dict[str, str], bytes]:
        held = [self._reached(numbers, place.port, until)]
        # who sends a byte now and then never runs into the socket's own limit: at the end of all time the line is cut
        cut = threading.Timer(max(0.0, until - time.monotonic()), _cut, (held,))
        cut.daemon = True
        cut.start()
        try:
            if place.scheme == "https":
                held.append(self._context.wrap_socket(held[0], server_hostname=place.host, do_handshake_on_connect=False))
                held[-1].do_handshake()  # type: ignore[attr-defined]  # an SSLSocket
            line = http.client.HTTPConnection(place.host, place.port)
            line.sock = held[-1]
            line.request(method, place.target, body, {"Host": _host(place), **headers})
            answer = line.getresponse()
            content = answer.read(self.most_bytes)
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
        finally:
            cut.cancel()
            held[-1].close()

    def _reached(self, numbers: list[str], port: int, until: float) -> socket.socket:
        """A connection to the first of the checked numbers that takes one: a name is not looked up again, it may have changed."""
        last: OSError = OSError("no address")
        for number in numbers:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                return socket.create_connection((number, port), timeout=left)
            except OSError as error:
                last = error
        raise last

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


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
