"""The reference receiver: an engine's side of *Push* in `docs/engine-protocol.md`, as a plain ASGI application that another team can copy.

It knows how to take bundles; what the engine does with one is the function `use`. Whoever serves it gives it folder, keys, secret and clock.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from seeding_platform.distribution import receipt, taken
from seeding_platform.distribution.files import proof_of
from seeding_platform.distribution.holdings import WHOLE_ONLY, Held, Holdings, chosen, counted, is_here, manifest_in, proof_files
from seeding_platform.distribution.receipt import Refused
from seeding_platform.distribution.uploads import Broken, Upload, mismatch, received
from seeding_platform.exchange.signing import SignatureWrong, verified

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
    from pathlib import Path

    from seeding_platform.distribution.holdings import Known
    from seeding_platform.distribution.receipt import Announced, ToldFile
    from seeding_platform.distribution.release import Release
    from seeding_platform.distribution.signing import TrustedKey

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Answer = tuple[int, dict[str, Any]]

log = logging.getLogger("seeding.receiver")
MOST_BODY_BYTES = 5_000_000
STATUS = {
    "malformed": 400,
    "unauthenticated": 401,
    "signature-refused": 403,
    "not-found": 404,
    "not-announced": 404,
    "generation-stale": 409,
    "generation-conflict": 409,
    "release-expired": 409,
    "bundle-recalled": 409,
    "not-prepared": 409,
    "too-large": 413,
    "digest-mismatch": 422,
    "validation-failed": 422,
    "activation-failed": 422,
    "later": 503,
}
_FILE = re.compile(r"/v1/files/([0-9a-f]{64})/([A-Za-z0-9_][A-Za-z0-9._-]{0,199})")


class Receiver:
    """An engine's receiver.

    Args:
        folder: where bundles and what is known of them are kept.
        trusted: public keys whose signatures count, by key id.
        secret: shared with the platform, `whsec_...`.
        now: the clock.
        use: puts a bundle in use: told its folder and manifest, before the answer; where it raises, what was in use stays.
    """

    def __init__(
        self,
        folder: Path,
        trusted: Mapping[str, TrustedKey],
        secret: str,
        *,
        now: Callable[[], dt.datetime],
        use: Callable[[Path, Announced], None] = lambda folder, manifest: None,
    ) -> None:
        self.holdings, self.trusted, self.secret, self.now, self.use = Holdings(folder), trusted, secret, now, use
        self._locks: dict[str, threading.Lock] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await _lifespan(receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        more: dict[str, str] = {}
        try:
            status, body = await self._answer(scope, headers, receive)
        except Refused as error:
            status, body = STATUS[error.code], {"code": error.code, "title": error.title, **error.more}
        except (Broken, OSError) as error:  # the other side hung up, or a full disk: what is whole stays whole, and it may try again
            log.warning("not possible now: %s", type(error).__name__)
            status, body = 503, {"code": "later", "title": "Not possible now."}
        if status == 503:
            more["retry-after"] = "5"
        if "received" in body:
            more["x-received-bytes"] = str(body["received"])
        content = b"" if status == 204 or scope["method"] == "HEAD" else json.dumps(body).encode()
        sent = more if status == 204 else {"content-type": "application/json", "content-length": str(len(content)), **more}
        await send({"type": "http.response.start", "status": status, "headers": [(n.encode(), v.encode()) for n, v in sent.items()]})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Message, headers: Mapping[str, str], receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        does = {f"/v1/{name}": getattr(self, name) for name in ("prepare", "activate", "abort", "recall")}.get(path)
        if method == "POST" and does is not None:
            body = await _body(receive)
            self.authenticate(headers, body)
            return await asyncio.to_thread(does, _document(body))
        if method == "GET" and path == "/v1/status":
            self.authenticate(headers, b"")
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            return self.status(asked.get("tenant", [""])[0], asked.get("engine", [""])[0])
        found = _FILE.fullmatch(path)
        if found is not None and method == "PUT":
            return await self.put(found[1], found[2], headers, receive)
        if found is not None and method == "HEAD":
            self.authenticate(headers, b"")
            bundles, file = self.wanted(found[1], found[2])
            size = received(bundles[0], file)
            return (404, {"code": "not-found", "title": "Nothing of it is here."}) if size is None else (200, {"received": size})
        raise Refused("not-found", "There is nothing here.")

    def authenticate(self, headers: Mapping[str, str], body: bytes) -> None:
        """Nothing where the platform sent this within the last five minutes; `unauthenticated` else."""
        try:
            verified(self.secret, headers, body, now=self.now())
        except SignatureWrong as error:
            raise Refused("unauthenticated", error.what) from error

    def prepare(self, told: dict[str, Any]) -> Answer:
        """Check a release and its manifest; want its files, or check them and be ready."""
        release = self.release(_text(told, "release"), _object(told, "release_signature"))
        place = self.holdings.engine(release.tenant, release.engine)
        with self._alone(place):
            known = self.holdings.known(place)
            self.fence(known, release.generation, release.content_id)
            if release.generation <= known.recalled.get(release.content_id, 0):
                raise Refused("bundle-recalled", "This bundle was recalled.")
            done = next((h for h in (known.active, known.prepared) if h and h.generation == release.generation), None)
            if done is None:
                self.expiry(release)
            manifest = _text(told, "manifest")
            announced = self.manifest(release, manifest, _object(told, "manifest_signature"))
            if done is not None and is_here(place, done):
                state = "active" if done == known.active else "prepared"
                return 200, {"state": state, **self._again(place, known, done, release, announced).told()}
            bundle = place / release.content_id
            self.holdings.announce(bundle, manifest)
            files, via = chosen(place, bundle, announced)
            missing = [file.path for file in files if not taken.has_all(bundle, [file])]
            if missing:
                return 202, {"state": "wanting", "files": missing}
            return self._prepared(place, known, release, announced, files, via)

    def _again(self, place: Path, known: Known, done: Held, release: Release, announced: Announced) -> Held:
        """What is done already; with a proof of this release, where it was signed anew."""
        if done.nonce == release.nonce:
            return done
        files = tuple(announced.everything[name] for name in proof_files(announced, done.via))
        fresh = done.model_copy(update={"proof": self.proof(place / done.content_id, release, files), "nonce": release.nonce})
        known.proved(fresh)
        self.keep(place, known)
        return fresh

    def _prepared(self, place: Path, known: Known, release: Release, announced: Announced, files: tuple[ToldFile, ...], via: str) -> Answer:
        bundle = place / release.content_id
        broken = [file.path for file in files if not taken.as_told(bundle, file)]
        if broken:
            for name in broken:
                (bundle / name).unlink()
            return 202, {"state": "wanting", "files": broken}
        try:
            rows = self.rows(place, bundle, announced, via)
        except Refused:
            if via != "delta":
                raise
            (bundle / WHOLE_ONLY).touch()
            return 202, {"state": "wanting", "files": [file.path for file in announced.files]}
        proof = self.proof(bundle, release, files)
        held = Held(generation=release.generation, content_id=release.content_id, rows=rows, proof=proof, via=via, nonce=release.nonce)
        in_use = known.active is not None and known.active.generation == release.generation  # its files were lost, and are here again
        known.active, known.prepared = (held, known.prepared) if in_use else (known.active, held)
        known.raise_fence(release.generation, release.content_id)
        self.keep(place, known)
        return 200, {"state": "active" if in_use else "prepared", **held.told()}

    def release(self, text: str, signature: dict[str, Any]) -> Release:
        """The release, when its signature counts."""
        return receipt.checked_release(text, signature, self.trusted, now=self.now())

    def fence(self, known: Known, generation: int, content_id: str) -> None:
        """Nothing lower than what was known before, and no other bundle under its number."""
        receipt.check_fence(generation, content_id, highest=known.highest, highest_content=known.highest_content)

    def expiry(self, release: Release) -> None:
        """Nothing that is over."""
        receipt.check_expiry(release, now=self.now())

    def manifest(self, release: Release, text: str, signature: dict[str, Any]) -> Announced:
        """The manifest, when it is the release's and can be used."""
        return receipt.checked_manifest(release, text, signature, self.trusted, now=self.now())

    def rows(self, place: Path, bundle: Path, announced: Announced, via: str) -> int:
        """How many rows there really are."""
        return counted(place, bundle, announced, via)

    def proof(self, bundle: Path, release: Release, files: tuple[ToldFile, ...]) -> str:
        """What shows that the files are here."""
        return proof_of(bundle, release.nonce, (f.path for f in files))

    def activate(self, told: dict[str, Any]) -> Answer:
        """Put what is prepared in use."""
        place, generation, content_id = self._named(told)
        with self._alone(place):
            known = self.holdings.known(place)
            self.fence(known, generation, content_id)
            if known.active is None or (known.active.generation, known.active.content_id) != (generation, content_id):
                if known.prepared is None or (known.prepared.generation, known.prepared.content_id) != (generation, content_id):
                    raise Refused("not-prepared", f"Generation {generation} is not prepared here.")
                self._use(place / content_id)
                known.active, known.prepared = known.prepared, None
                self.keep(place, known)
                self.holdings.prune(place, known)
            if not is_here(place, known.active):
                raise Refused("activation-failed", "Its files are not here any more.")
            return 200, {"state": "active", **known.active.told()}

    def _use(self, bundle: Path) -> None:
        try:
            self.use(bundle, manifest_in(bundle))
        except Exception as error:  # whatever the engine raises: it goes on with what it had
            log.error("the engine did not take the bundle in use: %s", type(error).__name__)  # its text may quote a row
            raise Refused("activation-failed", "The engine did not take it in use; it goes on with what it had.") from error

    def abort(self, told: dict[str, Any]) -> Answer:
        """Do not use what is prepared; the generation counts for the fence all the same."""
        place, generation, content_id = self._named(told)
        with self._alone(place):
            known = self.holdings.known(place)
            known.abort(generation, content_id)
            self.keep(place, known)
        return 200, {"state": "aborted"}

    def recall(self, told: dict[str, Any]) -> Answer:
        """Use a bundle no more, and delete it, under whatever number it came."""
        place, generation, content_id = self._named(told)
        with self._alone(place):
            known = self.holdings.known(place)
            known.recall(generation, content_id)
            self.keep(place, known)
            self.holdings.forget(place / content_id)
        return 200, {"state": "recalled"}

    def status(self, tenant: str, engine: str) -> Answer:
        """What is in use."""
        receipt.named(tenant, engine)
        place = self.holdings.engine(tenant, engine)
        known = self.holdings.known(place)
        active = known.active if known.active is not None and is_here(place, known.active) else None
        told = {name: getattr(active, name, None) for name in ("generation", "content_id", "rows")}
        return 200, {"protocol": "1", "state": "active" if active else "none", **told, "highest": known.highest}

    def wanted(self, content_id: str, name: str) -> tuple[list[Path], ToldFile]:
        """Where a file belongs; `not-announced` where nobody told of it."""
        told = [(path, manifest_in(path).everything.get(name)) for path in self.holdings.announced(content_id)]
        file = next((file for _, file in told if file is not None), None)
        if file is None:
            raise Refused("not-announced", "No release told of this file.")
        return [path for path, theirs in told if theirs == file], file

    async def put(self, content_id: str, name: str, headers: Mapping[str, str], receive: Receive) -> Answer:
        """Take a file, or the rest of one."""
        whole, span = headers.get("x-content-sha256", ""), headers.get("content-range")
        if span is None:
            self.authenticate(headers, f"sha256:{whole}".encode())
        bundles, file = self.wanted(content_id, name)
        if whole != file.sha256:
            raise mismatch(file)
        with self._alone(bundles[0] / name, wait=False):
            upload = Upload(bundles[0], file, span)
            came = await upload.body(receive)
            if span is not None:
                try:
                    self.authenticate(headers, f"sha256:{came}".encode())
                except Refused:
                    upload.drop_rest()
                    raise
            await asyncio.to_thread(upload.finish, bundles[1:])
        return 204, {}

    def keep(self, place: Path, known: Known) -> None:
        """Write down what is known before it is told."""
        self.holdings.keep(place, known)

    def _named(self, told: dict[str, Any]) -> tuple[Path, int, str]:
        tenant, engine, content_id, generation = _text(told, "tenant"), _text(told, "engine"), _text(told, "content_id"), told.get("generation")
        receipt.named(tenant, engine)
        receipt.content(content_id)
        if type(generation) is not int or generation < 1:
            raise Refused("malformed", "generation is none.")
        return self.holdings.engine(tenant, engine), generation, content_id

    @contextmanager
    def _alone(self, place: Path, *, wait: bool = True) -> Iterator[None]:
        """One at a time for an engine, or for a file."""
        lock = self._locks.setdefault(str(place), threading.Lock())
        if not lock.acquire(blocking=wait):
            raise Refused("later", "Somebody is sending this already.")
        try:
            yield
        finally:
            lock.release()


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Broken
        body += message.get("body", b"")
        if len(body) > MOST_BODY_BYTES:
            raise Refused("too-large", f"At most {MOST_BODY_BYTES} bytes are taken.")
        if not message.get("more_body", False):
            return body


def _document(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", "The body is not JSON.") from error
    if not isinstance(told, dict):
        raise Refused("malformed", "The body is no JSON object.")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):  # half a pair has no bytes
        raise Refused("malformed", f"{name} is no text.")
    return value


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    value = told.get(name)
    if not isinstance(value, dict):
        raise Refused("malformed", f"{name} is no object.")
    return value


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
