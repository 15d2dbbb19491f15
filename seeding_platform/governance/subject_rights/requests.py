"""Requests of people about their data, carried out step by step: whatever dies in between, the next run goes on where it ended.

received -> identity_verified -> planned -> executing -> purged -> recipients_notified -> verified -> closed. Each store is erased once and says on
a receipt what it did; a repeat finds nothing left to do. Tombstones stand before the first store is touched.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.pseudonyms import Pseudonyms
from seeding_platform.governance.subject_rights.certificate import certified, holds_good
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
from seeding_platform.governance.subject_rights.stores import stores_of
from seeding_platform.storage.audit import Event
from seeding_platform.storage.durable import synced
from seeding_platform.storage.privacy import PrivacyRequest, PrivacyState, Tombstones
from seeding_platform.storage.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seeding_platform.catalog.ports import StoreEraser
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State

STATES = ("received", "identity_verified", "planned", "executing", "purged", "recipients_notified", "verified", "closed")
DUE = dt.timedelta(days=30)
"""Within a month of its receipt (GDPR, article 12(3))."""
RESIDUE = "residue"


class ResidueLeft(PermanentError):
    """A person still stands somewhere after every store was erased.

    Args:
        places: where.
    """

    def __init__(self, places: Sequence[str]) -> None:
        shown = "; ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
        super().__init__(f"The person still stands in {shown}.", fix="End whatever writes there, then run the same request again.")
        self.places = tuple(places)


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of a request: its state, receipts by store, and the certificate's file once it is closed."""

    request_id: str
    state: str
    stores: dict[str, dict[str, Any]]
    certificate: Path | None


class SubjectRights:
    """Answers people about their data.

    Args:
        settings: where things are kept.
        state: the state database.
        now: the clock.
        step: called with the name of each step before it is taken; what it raises ends the work there.
    """

    def __init__(self, settings: Settings, state: State, *, now: Callable[[], dt.datetime], step: Callable[[str], None] = lambda name: None) -> None:
        self.settings, self.state, self.now, self.step = settings, state, now, step
        self.kept = PrivacyState(state)

    @cached_property
    def trail(self) -> Trail:
        """The audit log."""
        return Trail(self.settings, self.state)

    @cached_property
    def tombstones(self) -> Tombstones:
        """Who must not come in again."""
        return Tombstones(self.state, self.trail.keys)

    @cached_property
    def subject_keys(self) -> SubjectKeys:
        """The keys of people whose values are encrypted."""
        return SubjectKeys(self.state, self.trail.keys, now=self.now)

    def receive(self, kind: str, identifiers: Sequence[Identifier], *, tenant: str, actor: str, request_id: str = "") -> PrivacyRequest:
        """Take a request down; one with this id that stands already is given back as it is.

        Raises:
            PermanentError: the id is taken by another kind or tenant.
        """
        if request_id and (found := self.kept.one(request_id)) is not None:
            if (found.kind, found.tenant, found.subject) != (kind, tenant, self._subject(identifiers, tenant)):
                raise PermanentError(f"The id {request_id} is taken by another request.", fix="Give another id.")
            return found
        matcher, now = Matcher(identifiers), self.now()
        request = PrivacyRequest(
            request_id=request_id or f"p{os.urandom(6).hex()}",
            tenant=tenant,
            kind=kind,
            state=STATES[0],
            subject=self._subject(identifiers, tenant),
            sealed=self._seal(matcher.identifiers),
            actor=actor,
            received_at=now,
            due_at=now + DUE,
        )
        self.kept.add(request)
        self._record(request, "received")
        return request

    def erase(self, request: PrivacyRequest) -> Erased:
        """Carry an erasure out, from wherever it stands.

        Raises:
            ResidueLeft: something still writes the person somewhere; run it again.
        """
        request = self.kept.one(request.request_id) or request  # another process may have gone on with it meanwhile
        at = STATES.index(request.state)
        if request.sealed is None:
            return self._erased(request.request_id)
        matcher = Matcher(self._unseal(request.sealed))
        stores = self.stores(matcher, tenant=request.tenant, request_id=request.request_id)
        if at < STATES.index("executing"):
            self.step("tombstones")
            stones = [(i.label, i.value) for i in matcher.identifiers]
            self.tombstones.add(request.tenant, stones, request_id=request.request_id, now=self.now())
            self.kept.move(request.request_id, "executing")
        done = self.kept.receipts(request.request_id)
        for store in stores:
            if store.name not in done:
                self.step(f"erase {store.name}")
                self._erase_in(request, store)
        self.kept.move(request.request_id, "purged")
        self.step("recipients")
        recalled = self.kept.receipts(request.request_id).get("bundles", {}).get("changed", {})
        self.kept.keep_receipt(request.request_id, "recipients", {"recalled": sorted(recalled)}, now=self.now())
        self.kept.move(request.request_id, "recipients_notified")
        self._verify_and_close(request, matcher)
        return self._erased(request.request_id)

    def residue(self, matcher: Matcher, *, tenant: str) -> dict[str, list[str]]:
        """Where a person still stands, by store; nothing when they are gone."""
        return {store.name: found for store in self.stores(matcher, tenant=tenant) if (found := store.residue())}

    def held(self, matcher: Matcher, *, tenant: str) -> dict[str, dict[str, int]]:
        """What is held about a person: rows or files, by store and place."""
        return {store.name: found for store in self.stores(matcher, tenant=tenant) if (found := store.find())}

    def answered(self, request: PrivacyRequest) -> None:
        """Close a request for access: the answer has been given."""
        self._record(request, "answered")
        self.kept.move(request.request_id, "closed", closed_at=self.now())

    def stores(self, matcher: Matcher, *, tenant: str, request_id: str = "") -> list[StoreEraser]:
        """Every store, looking for a person."""
        return stores_of(self.settings, self.state, keys=self.subject_keys, tenant=tenant, matcher=matcher, request_id=request_id)

    def certificate_file(self, request_id: str) -> Path:
        """Where the certificate of a request lies."""
        return self.settings.state / "privacy" / f"{request_id}.json"

    def certificate_holds(self, request_id: str) -> bool:
        """Whether a request's certificate is there, ours and as it was signed.

        Raises:
            PermanentError: there is none.
        """
        file = self.certificate_file(request_id)
        if not file.is_file():
            raise PermanentError(f"Request {request_id} has no certificate.", fix="Run the erasure to its end.")
        return holds_good(json.loads(file.read_text(encoding="utf-8")), self.trail.keys)

    def _erase_in(self, request: PrivacyRequest, store: StoreEraser) -> None:
        changed = store.erase()
        left = store.residue()
        if left:
            raise ResidueLeft([f"{store.name}: {place}" for place in left])
        self.kept.keep_receipt(request.request_id, store.name, {"changed": changed}, now=self.now())

    def _verify_and_close(self, request: PrivacyRequest, matcher: Matcher) -> None:
        self.step("verify")
        left = self.residue(matcher, tenant=request.tenant)
        if left:
            for store in left:
                self.kept.forget_receipt(request.request_id, store)  # the next run erases there once more
            raise ResidueLeft([f"{store}: {place}" for store, places in left.items() for place in places])
        now = self.now()
        self.kept.keep_receipt(request.request_id, RESIDUE, {"found": 0}, now=now)
        self.kept.move(request.request_id, "verified")
        self.step("certificate")
        names = Pseudonyms(self.trail.keys, request.tenant)
        told = {
            "request": request.request_id,
            "tenant": request.tenant,
            "subject": [names.token(i.value, i.label) for i in matcher.identifiers],
            "received_at": request.received_at.isoformat(),
            "verified_at": now.isoformat(),
            "stores": self.kept.receipts(request.request_id),
            "residue": 0,
        }
        self._write_certificate(request.request_id, certified(told, self.trail.keys))
        self.step("close")
        self._record(request, "closed")
        self.kept.move(request.request_id, "closed", closed_at=self.now())
        self.trail.seal(now=self.now())

    def _write_certificate(self, request_id: str, certificate: dict[str, Any]) -> None:
        file = self.certificate_file(request_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}.part")
        partial.write_text(json.dumps(certificate, indent=1, ensure_ascii=False), encoding="utf-8")
        synced(partial)
        partial.replace(file)
        synced(file.parent)

    def _erased(self, request_id: str) -> Erased:
        found = self.kept.one(request_id)
        file = self.certificate_file(request_id)
        return Erased(request_id, found.state if found else "", self.kept.receipts(request_id), file if file.is_file() else None)

    def _record(self, request: PrivacyRequest, what: str) -> None:
        action = f"privacy.{request.kind}.{what}"
        event = Event(at=self.now(), tenant=request.tenant, actor=request.actor, action=action, subject=request.subject)
        self.trail.record(event)

    def _subject(self, identifiers: Sequence[Identifier], tenant: str) -> str:
        """The pseudonym of the first identifier."""
        first = Matcher(identifiers).identifiers[0]
        return Pseudonyms(self.trail.keys, tenant).token(first.value, first.label)

    def _seal(self, identifiers: Sequence[Identifier]) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        told = json.dumps([[i.label, i.value] for i in identifiers]).encode()
        return base64.b64encode(AESSIV(self.trail.keys.derived("privacy-request", size=64)).encrypt(told, None)).decode()

    def _unseal(self, sealed: str) -> list[Identifier]:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        told = AESSIV(self.trail.keys.derived("privacy-request", size=64)).decrypt(base64.b64decode(sealed), None)
        return [Identifier(label, value) for label, value in json.loads(told)]
