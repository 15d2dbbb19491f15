"""How an engine asks the platform: its key, tries with growing pauses, the rest of a file, server-sent events.

What is done with an answer is `client`'s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from seeding_platform.errors import PermanentError, TransientError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.distribution.receipt import ToldFile

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
TIMEOUT = httpx.Timeout(30.0, read=60.0)
"""Seconds; a stream has a line at least every 15."""
_GONE = 416


class PlatformRefused(PermanentError):
    """The platform answered with a refusal.

    Args:
        status: of HTTP.
        body: its problem.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"The platform refused ({status}): {body.get('detail') or body.get('title') or 'no reason was given'}")
        self.status, self.body, self.code = status, body, str(body.get("code", ""))


class PlatformSilent(TransientError):
    """The platform did not answer, however often it was asked."""


class _Later(Exception):
    def __init__(self, after: float | None, why: str) -> None:
        super().__init__(why)
        self.after = after


@dataclass
class PlatformLine:
    """Asks the platform.

    Args:
        base_url: of the platform.
        key: of the engine.
        sleep: waits so many seconds.
        rng: spreads the pauses of many engines.
        http: an httpx client of one's own.
        tries: how often something is asked before giving up.
    """

    base_url: str
    key: str = field(repr=False)
    sleep: Callable[[float], None]
    rng: random.Random
    http: Any = None
    tries: int = 6

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self.http = self.http or httpx.Client(timeout=TIMEOUT, follow_redirects=False)

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The key, and what else is said."""
        return {"authorization": f"Bearer {self.key}", "accept-encoding": "identity", **(more or {})}

    def pause(self, failures: int, after: float | None = None) -> float:
        """Seconds before the next try: 1 to 60, doubled each time, jittered; what the platform asks for counts."""
        grown = min(60.0, 2.0 ** min(failures - 1, 6))
        return max(after or 0.0, grown * (0.5 + self.rng.random() / 2))

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, document: Any = None) -> Any:
        """A request and its answer: 2xx or 304.

        Raises:
            PlatformRefused: any other answer that trying again would not change.
            PlatformSilent: no answer.
        """
        return self._trying(lambda: self._once(method, path, headers, document))

    def _once(self, method: str, path: str, headers: Mapping[str, str] | None, document: Any) -> Any:
        more = {} if document is None else {"json": document}
        got = self.http.request(method, self.base_url + path, headers=self.headers(headers), **more)
        if got.status_code != 304:
            _check(got.status_code, got.headers, got.content)
        return got

    def fetch(self, path: str, file: ToldFile, part: Path) -> None:
        """Fetch the bytes of a file, or the rest of them, into a part; a broken connection is gone on with.

        Raises:
            PlatformRefused, PlatformSilent: as `ask`.
        """
        self._trying(lambda: self._fetched(path, file, part))

    def _fetched(self, path: str, file: ToldFile, part: Path) -> None:
        had = part.stat().st_size if part.is_file() else 0
        if had > file.bytes:
            part.unlink()
            had = 0
        if had == file.bytes and had:
            return
        wanted = {"range": f"bytes={had}-", "if-range": f'"{file.sha256}"'} if had else {}
        with self.http.stream("GET", self.base_url + path, headers=self.headers(wanted)) as got:
            if got.status_code == _GONE:
                part.unlink()
                raise _Later(None, "the part fits no more")
            if got.status_code >= 300:
                _check(got.status_code, got.headers, got.read())
            with part.open("ab" if got.status_code == 206 else "wb") as stream:
                for piece in got.iter_bytes():
                    stream.write(piece)
                    if stream.tell() > file.bytes:
                        break
        if part.stat().st_size < file.bytes:
            raise _Later(None, "the connection broke off")

    def _trying(self, work: Callable[[], Any]) -> Any:
        failures = 0
        while True:
            try:
                return work()
            except (_Later, httpx.TransportError) as error:
                failures += 1
                if failures >= self.tries:
                    why = str(error) if isinstance(error, _Later) else type(error).__name__
                    raise PlatformSilent(f"The platform was asked {failures} times without success ({why}).", fix="Try again later.") from error
                self.sleep(self.pause(failures, error.after if isinstance(error, _Later) else None))

    def events(self, path: str, since: int | None) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
        """Events of a stream without end: kind, number, data. Connects again by itself, and goes on where it was.

        Raises:
            PlatformRefused: the platform will not tell.
        """
        failures, last = 0, since
        while True:
            after = None
            try:
                asked = path if last is None else f"{path}?since={last}"
                with self.http.stream("GET", self.base_url + asked, headers=self.headers({"accept": "text/event-stream"})) as got:
                    if got.status_code != 200:
                        _check(got.status_code, got.headers, got.read())
                    for kind, number, data in parsed_events(got.iter_lines()):
                        failures, last = 0, last if number is None else number
                        if kind:
                            yield kind, number, data
            except _Later as error:
                after = error.after
            except httpx.TransportError:
                after = None  # it hung up, or fell silent: connect again
            failures += 1
            self.sleep(self.pause(failures, after))


def parsed_events(lines: Iterable[str]) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Server-sent events of lines; comments are left out. A number without data, where a stream begins, has no kind.

    >>> list(parsed_events(["retry: 9", "id: 7", "", "event: release", "id: 8", 'data: {"seq":', "data: 8}", "", ": quiet", ""]))
    [('', 7, {}), ('release', 8, {'seq': 8})]
    """
    kind, number = "message", None
    data: list[str] = []
    for line in lines:
        if line == "":
            if data:
                yield kind, number, json.loads("\n".join(data))
            elif number is not None:
                yield "", number, {}
            kind, number, data = "message", None, []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "id" and value.isascii() and value.isdigit():
            number = int(value)
        elif name == "data":
            data.append(value)


def _check(status: int, headers: Mapping[str, str], content: bytes) -> None:
    if 200 <= status < 300:
        return
    if status in AGAIN:
        told = headers.get("retry-after", "")
        raise _Later(float(told) if told.isascii() and told.isdigit() else None, f"it answered {status}")
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    raise PlatformRefused(status, body if isinstance(body, dict) else {})
