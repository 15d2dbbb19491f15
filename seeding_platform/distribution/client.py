"""The client of an engine that fetches its bundles itself: *Pull* in `docs/engine-protocol.md`.

It runs in an engine's own process: importing it needs httpx, polars, pydantic and cryptography, and nothing of the platform's service.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution import receipt, taken
from seeding_platform.distribution.files import file_sha256, proof_of
from seeding_platform.distribution.holdings import WHOLE_ONLY, Held, Holdings, chosen, counted, is_here, manifest_in, proof_files
from seeding_platform.distribution.local_bundle import LocalBundle
from seeding_platform.distribution.platform_line import PlatformLine, PlatformRefused, PlatformSilent
from seeding_platform.distribution.receipt import Refused, keys_in
from seeding_platform.distribution.release import Release
from seeding_platform.errors import PermanentError
from seeding_platform.storage.durable import synced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.distribution.holdings import Known
    from seeding_platform.distribution.receipt import Announced, ToldFile
    from seeding_platform.distribution.signing import TrustedKey

__all__ = ["EngineClient", "Event", "LocalBundle", "NothingReleased", "Offer", "PlatformRefused", "PlatformSilent", "Recalled", "Refused", "keys_in"]


UNTAKEN = ("generation-stale", "proof-does-not-fit", "group-waits", "group-stopped")
"""What the platform says of an acknowledgement that does not count, and what the engine can do something about."""


class NothingReleased(PermanentError):
    """There is no release for this engine yet, or not the one that was asked for."""


class Recalled(PermanentError):
    """A bundle was recalled; what was here of it is deleted.

    Args:
        generation: its number.
        instead: number to take; None until the next one is made.
    """

    def __init__(self, generation: int, instead: int | None) -> None:
        super().__init__(f"Generation {generation} was recalled.", fix=f"Pull generation {instead}." if instead else "Wait for the next release.")
        self.generation, self.instead = generation, instead


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that the platform offers; its signature counts.

    Args:
        seq: number for `subscribe(since=...)`.
        release: the release.
        decided: of a release of a group, whether its engines are to use it (activate) or not (abort); None while nothing was decided.
    """

    seq: int
    release: Release
    decided: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What the platform told.

    Args:
        kind: release, recalled, activate, abort, or reset: ask `latest`.
        seq: its number; None for reset.
        generation: of the bundle.
        content_id: its name.
        reason: why it was recalled.
        instead: generation to take in place of a recalled one.
    """

    kind: str
    seq: int | None
    generation: int | None = None
    content_id: str | None = None
    reason: str | None = None
    instead: int | None = None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class EngineClient:
    """Fetches the bundles of one engine into a folder.

    Args:
        base_url: of the platform, `https://...`.
        key: made for this engine, `sp_...`.
        engine: its name.
        trusted: public keys whose signatures count, by id: `keys_in(Path("keys.json").read_bytes())`.
        folder: where bundles are kept; one process at a time works in it.
        receiver: names this machine among several of the same engine.
        now: the clock.
        sleep: waits so many seconds.
        http: an httpx client of one's own.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        engine: str,
        *,
        trusted: Mapping[str, TrustedKey],
        folder: Path,
        receiver: str = "main",
        now: Callable[[], dt.datetime] = _now,
        sleep: Callable[[float], None] = time.sleep,
        http: Any = None,
    ) -> None:
        self.engine, self.trusted, self.receiver, self.now = engine, trusted, receiver, now
        self.line = PlatformLine(base_url, key, sleep, random.Random(f"{engine} {receiver}"), http)  # noqa: S311  it spreads pauses
        self.holdings = Holdings(folder)
        self._etag = ""
        self._kept: Offer | None = None

    @property
    def _at(self) -> str:
        return f"/api/v1/engines/{self.engine}"

    def close(self) -> None:
        """Close its connections."""
        self.line.http.close()

    def published_keys(self) -> dict[str, TrustedKey]:
        """The keys that the platform publishes; trust them only when they came over TLS from a platform that you know."""
        return keys_in(self.line.ask("GET", "/api/v1/engines/keys").content)

    def latest(self) -> Offer | None:
        """What the platform wants this engine to hold; None before the first release.

        Raises:
            Refused: its signature does not count, or it is another engine's.
        """
        try:
            got = self.line.ask("GET", f"{self._at}/release", headers={"if-none-match": self._etag} if self._etag else None)
        except PlatformRefused as error:
            if error.status == 404:
                return None
            raise
        if got.status_code == 304 and self._kept is not None:
            return self._kept
        told = got.json()
        release = receipt.checked_release(told["release"], told["release_signature"], self.trusted, now=self.now())
        if release.engine != self.engine:
            raise Refused("malformed", "The release is of another engine.")
        self._etag, self._kept = got.headers.get("etag", ""), Offer(told["seq"], release, told.get("decided"))
        return self._kept

    def pull(self, generation: int | None = None) -> LocalBundle:
        """Fetch the bundle that is wanted, check it, and put it in use here; what is here already is not fetched again.

        A release of a group is only prepared (`waits`): acknowledge it as prepared, and `activate` it when the event comes, or pull again: once the
        group may go on, that puts it in use.

        Args:
            generation: the one that is meant; default: whichever is wanted.

        Raises:
            NothingReleased: there is no release, or another generation is wanted.
            Refused: a signature, the fence, a digest or the rows do not hold, or its group was stopped (`group-stopped`); what was in use stays.
            Recalled: it was recalled meanwhile.
            PlatformRefused, PlatformSilent: the platform does not give it.
        """
        offer = self.latest()
        if offer is None or (generation is not None and generation != offer.release.generation):
            there = f"; {offer.release.generation} is wanted" if offer else " yet"
            raise NothingReleased(f"There is no release {generation or ''} for {self.engine}{there}.".replace("  ", " "))
        release = offer.release
        place = self.holdings.engine(release.tenant, release.engine)
        known = self.holdings.known(place)
        receipt.check_fence(release.generation, release.content_id, highest=known.highest, highest_content=known.highest_content)
        held = next((h for h in (known.active, known.prepared) if h and h.generation == release.generation), None)
        goes = release.group is None or offer.decided == "activate"
        if offer.decided == "abort" and (held is None or held != known.active):
            self.abort(release.tenant, release.generation, release.content_id)
            raise Refused("group-stopped", f"The group of generation {release.generation} was stopped: what is in use stays in use.")
        if held is not None and is_here(place, held):
            held = self._again(place, known, held, release)
            bundle = self._local(release.tenant, held, waits=held != known.active)
            return self.activate(bundle) if bundle.waits and goes else bundle
        if release.generation <= known.recalled.get(release.content_id, 0):
            raise Recalled(release.generation, None)
        receipt.check_expiry(release, now=self.now())
        held = self._taken(place, release)
        known = self.holdings.known(place)
        known.raise_fence(release.generation, release.content_id)
        known.prepared = held
        if goes:
            known.active, known.prepared = held, None
        self.holdings.keep(place, known)
        self.holdings.prune(place, known)
        return self._local(release.tenant, held, waits=not goes)

    def _again(self, place: Path, known: Known, held: Held, release: Release) -> Held:
        """What is here already; with a proof of this release, where it was signed anew."""
        if held.nonce == release.nonce:
            return held
        bundle = place / held.content_id
        proof = proof_of(bundle, release.nonce, proof_files(manifest_in(bundle), held.via))
        fresh = held.model_copy(update={"proof": proof, "nonce": release.nonce})
        known.proved(fresh)
        self.holdings.keep(place, known)
        return fresh

    def _taken(self, place: Path, release: Release) -> Held:
        """All files of a release, checked."""
        bundle, at = place / release.content_id, f"{self._at}/bundles/{release.generation}"
        try:
            text = self.line.ask("GET", f"{at}/manifest").content.decode()
            signature = self.line.ask("GET", f"{at}/manifest.sig").json()
            announced = receipt.checked_manifest(release, text, signature, self.trusted, now=self.now())
            self.holdings.announce(bundle, text)
            files, via, rows = self._fetched(place, bundle, at, announced)
        except PlatformRefused as error:
            if error.status != 410:
                raise
            self.forget(release.tenant, release.generation, release.content_id)
            raise Recalled(release.generation, error.body.get("instead")) from error
        proof = proof_of(bundle, release.nonce, (f.path for f in files))
        return Held(generation=release.generation, content_id=release.content_id, rows=rows, proof=proof, via=via, nonce=release.nonce)

    def _fetched(self, place: Path, bundle: Path, at: str, announced: Announced) -> tuple[tuple[ToldFile, ...], str, int]:
        files, via = chosen(place, bundle, announced)
        for file in files:
            self._fetch(place, bundle, at, file)
        try:
            return files, via, counted(place, bundle, announced, via)
        except Refused:
            if via == "full":
                raise
        (bundle / WHOLE_ONLY).touch()  # the delta does not fit what is here: take the whole
        return self._fetched(place, bundle, at, announced)

    def _fetch(self, place: Path, bundle: Path, at: str, file: ToldFile) -> None:
        """One file, in its place only when it is whole; one that lies in another bundle already is not fetched."""
        target, part = bundle / file.path, bundle / f".{file.path}.part"
        if taken.as_told(bundle, file):
            return
        twin = next((path for path in place.glob(f"*/{file.path}") if taken.as_told(path.parent, file)), None)
        if twin is not None:
            target.unlink(missing_ok=True)
            os.link(twin, target)
            return
        for _ in range(2):  # a part from before may be of other bytes: then once more from the start
            self.line.fetch(f"{at}/files/{file.path}", file, part)
            if part.stat().st_size == file.bytes and file_sha256(part) == file.sha256:
                synced(part)
                part.replace(target)
                synced(bundle)
                return
            part.unlink()
        raise Refused("digest-mismatch", f"{file.path} is not as the manifest says.")

    def _local(self, tenant: str, held: Held, *, waits: bool) -> LocalBundle:
        path = self.holdings.engine(tenant, self.engine) / held.content_id
        return LocalBundle(path, tenant, self.engine, held.generation, held.content_id, held.rows, held.via, held.proof, waits, manifest_in(path))

    def current(self, tenant: str = "default") -> LocalBundle | None:
        """What is in use here, without asking the platform."""
        held = self.holdings.known(self.holdings.engine(tenant, self.engine)).active
        return None if held is None else self._local(tenant, held, waits=False)

    def activate(self, bundle: LocalBundle) -> LocalBundle:
        """Use a bundle of a group, when the event `activate` came.

        Raises:
            Refused: `not-prepared`: it is not prepared here any more.
        """
        place = self.holdings.engine(bundle.tenant, self.engine)
        known = self.holdings.known(place)
        held = next((h for h in (known.active, known.prepared) if h and h.generation == bundle.generation), None)
        if held is None:
            raise Refused("not-prepared", f"Generation {bundle.generation} is not prepared here.")
        if held == known.prepared:
            known.active, known.prepared = held, None
            self.holdings.keep(place, known)
        return self._local(bundle.tenant, held, waits=False)

    def abort(self, tenant: str, generation: int, content_id: str) -> None:
        """Do not use what is prepared: its group was stopped. Nothing older is taken any more; its files stay until others take their place."""
        place, known = self._known(tenant, content_id)
        known.abort(generation, content_id)
        self.holdings.keep(place, known)

    def acknowledge(self, bundle: LocalBundle | Release, state: str = "active", *, code: str | None = None, title: str | None = None) -> int:
        """Tell the platform what became of a bundle; returns the generation that is wanted now.

        Args:
            bundle: which; of one that could not be taken the release (`latest`), to say that it is refused.
            state: prepared, active or refused.
            code: why it was refused, for programs.
            title: why it was refused, for people; no rows in it.

        Raises:
            Refused: `generation-stale`: a newer one is wanted, pull it; `proof-does-not-fit`: the files are not those of the bundle; `group-waits`:
                wait for the event `activate`; `group-stopped`: it is not to be used, and is not prepared here any more.
            PermanentError: a release alone proves nothing.
        """
        if isinstance(bundle, Release) and state != "refused":
            raise PermanentError(f"A release alone cannot be acknowledged as {state}.", fix="Pull it, and acknowledge the bundle.")
        told: dict[str, Any] = {"generation": bundle.generation, "content_id": bundle.content_id, "state": state, "receiver": self.receiver}
        if isinstance(bundle, LocalBundle) and state != "refused":
            more = {"rows": bundle.rows, "proof": bundle.proof, "via": bundle.via}
        else:
            more = {name: said for name, said in (("code", code), ("title", title)) if said is not None}
        try:
            return int(self.line.ask("POST", f"{self._at}/acknowledgements", document={**told, **more}).json()["desired"])
        except PlatformRefused as error:
            if error.code not in UNTAKEN:
                raise
            if error.code == "group-stopped":
                self.abort(bundle.tenant, bundle.generation, bundle.content_id)
            raise Refused(error.code, str(error), desired=error.body.get("desired")) from error

    def subscribe(self, since: int | None = None) -> Iterator[Event]:
        """What the platform tells, as it happens, without end; connects again by itself.

        What is recalled is deleted here before it is told, and what is not to be used (`abort`) is not prepared any more.

        Args:
            since: number of the last event that is known; default: what comes next.

        Raises:
            PlatformRefused: the platform will not tell.
        """
        for kind, seq, data in self.line.events(f"{self._at}/stream", since):
            if kind == "recalled":
                self.forget(data["tenant"], data["generation"], data["content_id"])
            elif kind == "abort":
                self.abort(data["tenant"], data["generation"], data["content_id"])
            yield Event(kind, seq, *(data.get(name) for name in ("generation", "content_id", "reason", "instead")))

    def _known(self, tenant: str, content_id: str) -> tuple[Path, Known]:
        """Where bundles of a tenant are and what is known of them; names that come from outside are checked first."""
        receipt.named(tenant, self.engine)
        receipt.content(content_id)
        place = self.holdings.engine(tenant, self.engine)
        return place, self.holdings.known(place)

    def forget(self, tenant: str, generation: int, content_id: str) -> None:
        """Delete a bundle that was recalled, and take it no more under any number up to now."""
        place, known = self._known(tenant, content_id)
        known.recall(generation, content_id)
        self.holdings.keep(place, known)
        self.holdings.forget(place / content_id)
