"""From the pointer to the ledger: what is in force is signed, written down with its deliveries, and told of.

The pointer file is the truth: everything here is worked out from it, so that doing it again, also after a kill, has no further effect.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.delivery.gathering import Waits, gathered
from seeding_platform.distribution.delivery.hours import next_hour
from seeding_platform.distribution.delivery.rules import DeliveryRules, rules_for
from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid
from seeding_platform.distribution.release import Release, ReleaseKind
from seeding_platform.distribution.signing import Kind, Signer
from seeding_platform.distribution.verify import CURRENT, read_pointer
from seeding_platform.storage.delivery.endpoints import Endpoints
from seeding_platform.storage.delivery.events import EngineEvents
from seeding_platform.storage.delivery.health import EngineHealth
from seeding_platform.storage.delivery.ledger import Ledger
from seeding_platform.storage.delivery.queue import Queue
from seeding_platform.storage.delivery.records import Generation, GenerationState
from seeding_platform.storage.recalls import RECALLED, recalled
from seeding_platform.storage.signing_keys import SigningKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State

log = logging.getLogger("seeding.engines")
PLATFORM = "platform"
TRIED_AGAIN = dt.timedelta(seconds=5)
"""After how long a pointer is looked at again that could not be published."""


@dataclass(frozen=True)
class Publisher:
    """What publishing needs.

    Args:
        state: the database.
        root: folder of all bundles.
        keys: the installation's keyring.
        nonce: 32 unguessable hex digits.
        rules: of the delivery.
    """

    state: State
    root: Path
    keys: Keyring
    nonce: Callable[[], str]
    rules: DeliveryRules = field(default_factory=DeliveryRules)

    def rules_for(self, engine: str) -> DeliveryRules:
        """The rules of one engine as people have adjusted them by now."""
        return rules_for(self.rules, self.state, engine)

    @property
    def ledger(self) -> Ledger:
        """Generations."""
        return Ledger(self.state)

    @property
    def queue(self) -> Queue:
        """Deliveries."""
        return Queue(self.state)

    @property
    def endpoints(self) -> Endpoints:
        """Addresses."""
        return Endpoints(self.state)

    @property
    def events(self) -> EngineEvents:
        """What listeners are told."""
        return EngineEvents(self.state)

    @property
    def health(self) -> EngineHealth:
        """Whether engines answer."""
        return EngineHealth(self.state)

    def signed(self, kind: Kind, text: bytes, *, now: dt.datetime) -> str:
        """The signature of a text, as JSON, by the key that signs now."""
        version = SigningKeys(self.state).active(now=now).version
        return Signer(self.keys, version).signed(kind, text).to_bytes().decode()

    def published(self, tenant: str, engine: str, *, now: dt.datetime) -> Generation | None:
        """Write down what the pointer of an engine says, once; None where nothing is in force, or it waits for others of its group.

        Called right after a bundle was put in force, and by whoever finds that a killed publisher did not come to it.

        Raises:
            BundleInvalid: the pointer cannot be read.
        """
        folder = engine_folder(self.root, tenant, engine)
        pointer = read_pointer(folder)
        if pointer is None:
            return None
        ledger = self.ledger
        known = ledger.one(tenant, engine, pointer.generation)
        if known is not None:
            return known
        bundle = folder / pointer.folder
        try:
            manifest = (bundle / MANIFEST).read_bytes()
        except FileNotFoundError:
            if recalled(bundle) is None:
                raise
            return None
        together = pointer.group
        if together is None and pointer.kind is ReleaseKind.BUILT:
            try:
                together = gathered(self, tenant, engine, now=now)
            except Waits:
                return None
        rules = self.rules_for(engine)
        before = ledger.of(tenant, engine, limit=1, before=pointer.generation)
        release = Release(
            tenant=tenant,
            engine=engine,
            generation=pointer.generation,
            content_id=pointer.content_id,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            kind=pointer.kind,
            reason=pointer.reason,
            previous=before[0].generation if before else None,
            nonce=self.nonce(),
            issued_at=now,
            expires_at=None if rules.expires is None else now + rules.expires,
            group=together,
        )
        text = release.to_bytes()
        watched = pointer.kind is not ReleaseKind.ROLLED_BACK and rules.soak.total_seconds() > 0
        made = Generation(
            tenant=tenant,
            engine=engine,
            generation=pointer.generation,
            content_id=pointer.content_id,
            kind=str(pointer.kind),
            reason=pointer.reason,
            previous=release.previous,
            release=text.decode(),
            signature=self.signed(Kind.RELEASE, text, now=now),
            issued_at=now,
            actor=pointer.actor or PLATFORM,
            group_id=together.id if together else None,
            state=GenerationState.SOAKING if watched else GenerationState.PUBLISHED,
            soak_until=now + rules.soak if watched else None,
        )
        held = next_hour(rules.batch, now, zone=rules.zone) if rules.batch and pointer.kind is ReleaseKind.BUILT else None
        ledger.enter(made, now=now, hour=next_hour, held_until=held)
        for other in together.engines if together is not None and pointer.group is None else ():
            if other != engine:
                self.published(tenant, other, now=now)
        return ledger.one(tenant, engine, pointer.generation)

    def current_signature(self, made: Generation, *, now: dt.datetime) -> str:
        """The signature of a release; made anew when the key that signed it was revoked."""
        keys = SigningKeys(self.state).all()
        revoked = {Signer(self.keys, k.version).key_id for k in keys if k.revoked_at is not None}
        if json.loads(made.signature).get("key_id") not in revoked:
            return made.signature
        fresh = self.signed(Kind.RELEASE, made.release.encode(), now=now)
        self.ledger.sign(made, fresh)
        return fresh


class Reconciler:
    """Finds pointers that moved and bundles that were recalled, whoever did it.

    Args:
        publisher: writes them down.
    """

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self._pointers: dict[Path, tuple[int, int]] = {}
        self._broken: dict[Path, tuple[tuple[int, int], dt.datetime]] = {}
        self._waiting: dict[Path, tuple[tuple[int, int], dt.datetime]] = {}
        self._markers: set[tuple[Path, int]] = set()

    def moved(self, *, now: dt.datetime, broken: Callable[[str, str, Exception], None]) -> list[Generation]:
        """Publish what is in force and is not written down. Cheap when nothing moved: a look at each pointer's time.

        Args:
            now: the moment.
            broken: is told of an engine whose pointer or bundle cannot be read; the others go on.
        """
        found = []
        for path in sorted(self.publisher.root.glob(f"*/*/{CURRENT}")):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            mark = (stat.st_mtime_ns, stat.st_ino)
            looked = [at for seen, at in (self._broken.get(path, (None, now)), self._waiting.get(path, (None, now))) if seen == mark]
            if self._pointers.get(path) == mark or any(now - at < TRIED_AGAIN for at in looked):
                continue
            tenant, engine = path.parent.parent.name, path.parent.name
            try:
                made = self.publisher.published(tenant, engine, now=now)
            except Exception as error:  # one engine's broken folder holds up no other; it is told once, and tried again
                if self._broken.get(path, (None, now))[0] != mark:
                    broken(tenant, engine, error)
                self._broken[path] = (mark, now)
                continue
            if made is None:  # it waits for its group, or was recalled
                self._waiting[path] = (mark, now)
                continue
            self._pointers[path] = mark
            found.append(made)
        return found

    def withdrawn(self, *, now: dt.datetime) -> int:
        """Write down recalls; returns how many generations went."""
        gone = 0
        for marker in sorted(self.publisher.root.glob(f"*/*/*/{RECALLED}")):
            seen = (marker, marker.stat().st_mtime_ns)
            if seen in self._markers:
                continue
            folder = marker.parent.parent
            try:
                told = recalled(marker.parent)
            except (ValueError, AttributeError) as error:  # the recalls of others go on; it is told once
                log.error("the marker of a recalled bundle of %s cannot be read: %s", folder.name, type(error).__name__)
                self._markers.add(seen)
                continue
            instead = _in_force_besides(folder, marker.parent.name)
            if told is not None:
                gone += self.publisher.ledger.recall(
                    folder.parent.name, folder.name, marker.parent.name, reason=told.reason, instead=instead, now=now
                )
                self._markers.add(seen)
        return gone


def _in_force_besides(folder: Path, name: str) -> int | None:
    """Number of the bundle in force, where that is another one; None also where the pointer cannot be read: a recall does not wait for that."""
    try:
        pointer = read_pointer(folder)
    except BundleInvalid:
        return None
    return None if pointer is None or pointer.folder == name else pointer.generation
