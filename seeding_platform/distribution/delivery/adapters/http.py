"""Push by HTTP: the part of the protocol in which the platform calls a receiver. The form is that of `docs/engine-protocol.md`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from seeding_platform.distribution.delivery.adapters.asked import Came, Holds, Trouble
from seeding_platform.distribution.files import PIECE
from seeding_platform.errors import ConfigError, TransientError
from seeding_platform.exchange.http import Guarded, Line
from seeding_platform.exchange.signing import signed_headers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seeding_platform.distribution.delivery.parcels import Parcel, Part
    from seeding_platform.exchange.http import Answer
    from seeding_platform.storage.delivery.records import Endpoint

    Signing = Callable[[Endpoint], Sequence[bytes]]

ROUNDS = 3
"""How often a receiver may want files of one bundle before it counts as failed."""
LATER = (408, 425, 429)
GONE = 410
PARTIAL_S = 1e-6
"""Seconds a byte that a file may take beyond the time of a call: a megabyte a second."""
LONGEST = 200
STALE = "generation-stale"


class _Travelling(io.BufferedReader):
    """A file that is sent, or the rest of it; whenever a piece is taken somebody is told, so that the claim does not run out meanwhile.

    Args:
        path: of the file.
        alive: is called before each piece.
        begin: where the rest begins.
    """

    def __init__(self, path: Path, alive: Callable[[], None], begin: int = 0) -> None:
        super().__init__(io.FileIO(path))
        self._alive = alive
        self.seek(begin)

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        self._alive()
        return super().read(size)


class HttpPush:
    """Calls receivers; calls of one delivery share a connection, which `close` ends.

    Args:
        signing: keys of an address, the newest first.
        now: the clock.
        private: whether private addresses and plain http are allowed.
        seconds: for one call.
        alive: is called between calls, and while a file is sent; raises where the work is no longer ours.
    """

    def __init__(
        self, signing: Signing, now: Callable[[], dt.datetime], *, private: bool, seconds: float, alive: Callable[[], None] = lambda: None
    ) -> None:
        self._signing, self._now, self._seconds, self._alive = signing, now, seconds, alive
        self._line = Line(Guarded(private=private, seconds=seconds))

    def close(self) -> None:
        """End the connection that its calls share."""
        self._line.close()

    def prepare(self, parcel: Parcel) -> Came:
        """Announce it, send what is wanted, and hear that all is there."""
        body = {
            "delivery_id": parcel.delivery.delivery_id,
            "release": parcel.release_text,
            "release_signature": parcel.release_signature,
            "manifest": parcel.manifest_text,
            "manifest_signature": parcel.manifest_signature,
        }
        sent = 0
        for _ in range(ROUNDS):
            self._alive()
            answer, told = self._posted(parcel, "prepare", body, sent=sent)
            if answer.status == 200:
                return _came(told, ("prepared", "active"), answer.status, sent)
            if answer.status != 202 or told.get("state") != "wanting" or not isinstance(told.get("files"), list):
                raise Trouble("malformed", "its answer to prepare is none of the protocol", code=answer.status, answers=True, final=True, sent=sent)
            for name in told["files"]:
                part = parcel.part(str(name))
                if part is None:
                    raise Trouble("malformed", "it wants a file that the bundle has not", code=answer.status, answers=True, final=True, sent=sent)
                self._alive()
                self._put(parcel, part, sent=sent)
                sent += part.bytes
        raise Trouble("incomplete", f"it wanted files after they were sent {ROUNDS} times", answers=True, sent=sent)

    def activate(self, parcel: Parcel) -> Came:
        """Let the engine use it."""
        answer, told = self._posted(parcel, "activate", _named(parcel))
        return _came(told, ("active",), answer.status, 0)

    def abort(self, parcel: Parcel) -> Came:
        """What was prepared is not to be used."""
        answer, told = self._posted(parcel, "abort", _named(parcel))
        return _came(told, ("aborted",), answer.status, 0)

    def recall(self, parcel: Parcel, *, reason: str, instead: int | None) -> Came:
        """It must not be used any more, nor kept."""
        answer, told = self._posted(parcel, "recall", {**_named(parcel), "reason": reason, "instead": instead})
        return _came(told, ("recalled",), answer.status, 0)

    def status(self, endpoint: Endpoint) -> Holds | None:
        """What the engine uses.

        Raises:
            Trouble: it does not say.
        """
        asked = f"/v1/status?{urlencode({'tenant': endpoint.tenant, 'engine': endpoint.engine})}"
        answer = self._asked(endpoint, "GET", asked, None, b"", f"sts_{endpoint.endpoint_id}-{int(self._now().timestamp())}")
        told = _told(answer)
        if answer.status != 200:
            raise _refusal(answer, told)
        if told.get("state") not in ("none", "active"):
            raise Trouble("malformed", "its status is none of the protocol", code=answer.status, answers=True)
        generation, content = told.get("generation"), told.get("content_id")
        return Holds(
            str(told["state"]), generation if isinstance(generation, int) else None, None if content is None else str(content), answer.took_ms
        )

    def _posted(self, parcel: Parcel, step: str, body: dict[str, Any], *, sent: int = 0) -> tuple[Answer, dict[str, Any]]:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        with _counted(sent):
            answer = self._asked(parcel.endpoint, "POST", f"/v1/{step}", text, text, f"{parcel.delivery.delivery_id}-{step}")
            told = _told(answer)
            if not answer.ok:
                raise _refusal(answer, told)
        return answer, told

    def _put(self, parcel: Parcel, part: Part, *, sent: int) -> None:
        """Send one file; after a broken connection the rest of it, once."""
        path, message = f"/v1/files/{parcel.release.content_id}/{part.path}", f"{parcel.delivery.delivery_id}-{part.path}"
        headers = {"Content-Type": "application/octet-stream", "x-content-sha256": part.sha256, "Content-Length": str(part.bytes)}
        source, seconds = parcel.folder / part.path, self._seconds + part.bytes * PARTIAL_S
        with _counted(sent):
            try:
                with _Travelling(source, self._alive) as body:
                    answer = self._asked(parcel.endpoint, "PUT", path, body, f"sha256:{part.sha256}".encode(), message, headers, seconds=seconds)
            except Trouble as trouble:
                if trouble.answers or trouble.final:
                    raise
                answer = self._rest(parcel, part, path, message, headers, seconds)
            if not answer.ok:
                raise _refusal(answer, _told(answer))

    def _rest(self, parcel: Parcel, part: Part, path: str, message: str, headers: dict[str, str], seconds: float) -> Answer:
        self._alive()
        there = self._asked(parcel.endpoint, "HEAD", path, None, b"", f"{message}-head")
        given = there.headers.get("x-received-bytes", "0")
        begin = int(given) if there.status == 200 and given.isdecimal() and int(given) < part.bytes else 0
        signed, ranged = f"sha256:{part.sha256}", headers
        if begin:
            with _Travelling(parcel.folder / part.path, self._alive, begin) as rest:
                signed = f"sha256:{_digest(rest)}"
            ranged = {**headers, "Content-Length": str(part.bytes - begin), "Content-Range": f"bytes {begin}-{part.bytes - 1}/{part.bytes}"}
        with _Travelling(parcel.folder / part.path, self._alive, begin) as rest:
            return self._asked(parcel.endpoint, "PUT", path, rest, signed.encode(), message, ranged, seconds=seconds)

    def _asked(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        body: Any,
        signed: bytes,
        message_id: str,
        headers: dict[str, str] | None = None,
        *,
        seconds: float | None = None,
    ) -> Answer:
        """One call.

        Raises:
            Trouble: there was no answer, or the address must not be talked to.
        """
        told = {**signed_headers(self._signing(endpoint), message_id, signed, now=self._now()), **(headers or {})}
        try:
            return self._line.ask(method, endpoint.target.rstrip("/") + path, body, told, seconds=seconds)
        except ConfigError as error:
            raise Trouble("address-refused", str(error), final=True) from error
        except TransientError as error:
            raise Trouble("unreachable", error.what) from error


def _digest(file: io.BufferedReader) -> str:
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def _counted(sent: int) -> Any:
    """Trouble knows what was sent before it."""
    try:
        yield
    except Trouble as trouble:
        trouble.sent += sent
        raise


def _named(parcel: Parcel) -> dict[str, Any]:
    release = parcel.release
    told = {"tenant": release.tenant, "engine": release.engine, "generation": release.generation, "content_id": release.content_id}
    return {"delivery_id": parcel.delivery.delivery_id, **told}


def _told(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        told = json.loads(answer.body) if answer.body else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _came(told: dict[str, Any], states: tuple[str, ...], code: int, sent: int) -> Came:
    if told.get("state") not in states:
        raise Trouble("malformed", f"its answer is none of {', '.join(states)}", code=code, answers=True, final=True, sent=sent)
    return Came(str(told["state"]), str(told.get("proof") or ""), str(told.get("via") or "full"), sent, code)


def _refusal(answer: Answer, told: dict[str, Any]) -> Trouble:
    """What an answer that is no yes means."""
    word = str(told.get("code") or "")
    error = word if word and len(word) <= 60 and word.replace("-", "").isalnum() else f"http-{answer.status}"
    said = " ".join(str(told.get("title") or f"it answered {answer.status}").split())[:LONGEST]
    later = answer.status in LATER or answer.status >= 500 or answer.status < 400 or error == "digest-mismatch"
    wait = answer.headers.get("retry-after", "")
    wait_s = float(wait) if wait.isdecimal() and len(wait) < 8 else 0.0
    answers = answer.status < 500 and answer.status not in LATER
    return Trouble(error, said, final=not later, answers=answers, code=answer.status, wait_s=wait_s, gone=answer.status == GONE)
