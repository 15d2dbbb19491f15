"""Requests of people about their data, carried out step by step: whatever dies in between, the next run goes on where it ended.

received -> identity_verified -> planned -> executing -> purged -> recipients_notified -> verified -> closed. Each store is done once and says on
a receipt what it did; a repeat finds nothing left to do. Marks stand before the first store is touched. What a hold keeps waits as `held`.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.pseudonyms import Pseudonyms
from seeding_platform.governance.subject_rights.certificate import certified, holds_good
from seeding_platform.governance.subject_rights.identity import Identity
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
from seeding_platform.governance.subject_rights.plans import Plans
from seeding_platform.governance.subject_rights.rectification import Correction
from seeding_platform.storage.audit import Event
from seeding_platform.storage.durable import synced
from seeding_platform.storage.holds import Holds
from seeding_platform.storage.marks import Marks
from seeding_platform.storage.privacy import PrivacyRequest, PrivacyState, Tombstones
from seeding_platform.storage.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seeding_platform.catalog.ports import ModelTags, StoreEraser
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State

STATES = ("received", "identity_verified", "planned", "executing", "purged", "recipients_notified", "verified", "closed")
HELD = "held"
"""Beside these: a hold keeps what is to be erased; lifted, the request goes on."""
CARRIED = ("erase", "rectify", "restrict", "lift")
"""Kinds that change something; the others are answered."""
ANSWERED = ("access", "portability")
DUE = dt.timedelta(days=30)
"""Within a month of its receipt (GDPR, article 12(3))."""
RESIDUE, HOLD, RECIPIENTS = "residue", "hold", "recipients"


class ResidueLeft(PermanentError):
    """Something is left after every store was done.

    Args:
        places: where.
    """

    def __init__(self, places: Sequence[str]) -> None:
        shown = "; ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
        super().__init__(f"The person still stands in {shown}.", fix="End whatever writes there, then run the same request again.")
        self.places = tuple(places)


@dataclass(frozen=True, slots=True)
class Done:
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
        models: the registry of models.
        now: the clock.
        step: called with the name of each step before it is taken; what it raises ends the work there.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        *,
        models: ModelTags,
        now: Callable[[], dt.datetime],
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.settings, self.state, self.models, self.now, self.step = settings, state, models, now, step
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

    @cached_property
    def marks(self) -> Marks:
        """Whom to leave out, what to put right."""
        return Marks(self.state, self.trail.keys)

    @cached_property
    def holds(self) -> Holds:
        """What must be kept."""
        return Holds(self.state)

    @cached_property
    def plans(self) -> Plans:
        """What each kind of request does."""
        return Plans(self)

    def receive(
        self,
        kind: str,
        identifiers: Sequence[Identifier],
        *,
        tenant: str,
        actor: str,
        request_id: str = "",
        identity: Identity | None = None,
        correction: Correction | None = None,
    ) -> PrivacyRequest:
        """Take a request down; one with this id that stands already is given back as it is.

        Args:
            kind: one of `CARRIED` or `ANSWERED`.
            identifiers: how the person can be recognised.
            tenant: whose data it concerns.
            actor: who takes it.
            request_id: names it; made where none is given.
            identity: who confirmed who the person is, and how; without it the actor answers for that.
            correction: what is to be put right, for `rectify`.

        Raises:
            PermanentError: the id is taken by another kind or tenant.
            ConfigError: nothing is said of what to put right.
        """
        if kind not in (*CARRIED, *ANSWERED) or (kind == "rectify") != (correction is not None):
            raise ConfigError(f"{kind} cannot be done so.", fix="A rectification, and it only, says which values are to be put right.")
        if request_id and (found := self.kept.one(request_id)) is not None:
            if (found.kind, found.tenant, found.subject) != (kind, tenant, self._subject(identifiers, tenant)):
                raise PermanentError(f"The id {request_id} is taken by another request.", fix="Give another id.")
            if found.sealed and self._unseal(found.sealed)[1] != correction:
                raise PermanentError(f"The request {request_id} puts other values right.", fix="Give another id.")
            return found
        matcher, now = Matcher(identifiers), self.now()
        identity = identity or Identity.not_verified(actor)
        request = PrivacyRequest(
            request_id=request_id or f"p{os.urandom(6).hex()}",
            tenant=tenant,
            kind=kind,
            state=STATES[1] if identity.verified else STATES[0],
            subject=self._subject(identifiers, tenant),
            sealed=self._seal(matcher.identifiers, correction),
            actor=actor,
            received_at=now,
            due_at=now + DUE,
            identity=identity.text(),
        )
        self.kept.add(request)
        self._record(request, "received")
        if identity.verified:
            self._record(request, "identity_verified")
        return request

    def erase(self, request: PrivacyRequest) -> Done:
        """Carry an erasure out; see `carry_out`."""
        return self.carry_out(request)

    def carry_out(self, request: PrivacyRequest) -> Done:
        """Carry a request out, from wherever it stands; one that a hold is against stays `held`.

        Raises:
            ResidueLeft: something still writes what is to go; run it again.
        """
        request = self.kept.one(request.request_id) or request  # another process may have gone on with it meanwhile
        if request.sealed is None:
            return self._done(request.request_id)
        identifiers, correction = self._unseal(request.sealed)
        matcher = Matcher(identifiers)
        plan = self.plans.of(request, matcher, correction)
        if plan.holds and request.state in (*STATES[: STATES.index("purged")], HELD):
            self.kept.keep_receipt(request.request_id, HOLD, {"held_by": plan.holds}, now=self.now())
            self._state(request, HELD)
            return self._done(request.request_id)
        self.kept.forget_receipt(request.request_id, HOLD)
        if request.state in (*STATES[: STATES.index("executing")], HELD):
            self.step(plan.begins)
            plan.begin()
            self._state(request, "executing")
        done = self.kept.receipts(request.request_id)
        for store in plan.stores:
            if store.name not in done:
                self.step(f"{request.kind} {store.name}")
                self._do_in(request, store)
        self._state(request, "purged")
        self.step("recipients")
        recalled = self.kept.receipts(request.request_id).get("bundles", {}).get("changed", {})
        self.kept.keep_receipt(request.request_id, RECIPIENTS, {"recalled": sorted(recalled)}, now=self.now())
        self._state(request, "recipients_notified")
        self._verify_and_close(request, matcher, plan.stores)
        return self._done(request.request_id)

    def waits(self, request: PrivacyRequest) -> bool:
        """Whether a request is held by a hold that still stands: there is no use in looking again."""
        standing = {hold.hold_id for hold in self.holds.standing(request.tenant)}
        held_by = self.kept.receipts(request.request_id).get(HOLD, {}).get("held_by", [])
        return request.state == HELD and any(told.partition(" ")[0] in standing for told in held_by)

    def residue(self, matcher: Matcher, *, tenant: str) -> dict[str, list[str]]:
        """Where a person still stands, by store; nothing when they are gone."""
        return {store.name: found for store in self.stores(matcher, tenant=tenant) if (found := store.residue())}

    def held(self, matcher: Matcher, *, tenant: str) -> dict[str, dict[str, int]]:
        """What is held about a person: rows or files, by store and place."""
        return {store.name: found for store in self.stores(matcher, tenant=tenant) if (found := store.find())}

    def recipients_of(self, contract: str, tenant: str) -> list[str]:
        """Engines that have got bundles made of a table of a tenant."""
        from seeding_platform.catalog.engine import shipped_engines

        got, shipped = self.settings.bundles / tenant, shipped_engines()
        own = {path.parts[-3] for path in got.glob("[!.]*/*/manifest.json") if path.parts[-3] not in shipped and contract in _made_of(path)}
        return sorted([*(name for name, engine in shipped.items() if contract in engine.reads and (got / name).is_dir()), *own])

    def package_file(self, request_id: str) -> Path:
        """Where the package of a request for portability lies."""
        return self.settings.state / "packages" / f"{request_id}.zip"

    def answered(self, request: PrivacyRequest, found: Mapping[str, int] | None = None) -> None:
        """Close a request for access or portability: the answer has been given; `found` says how much by data set."""
        self.kept.keep_receipt(request.request_id, "answer", {"found": dict(found or {})}, now=self.now())
        self._record(request, "answered")
        self.kept.move(request.request_id, "closed", closed_at=self.now())

    def stores(self, matcher: Matcher, *, tenant: str) -> list[StoreEraser]:
        """Every store, looking for a person."""
        return self.plans.everywhere(matcher, tenant=tenant, request_id="", subject="")

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

    def _state(self, request: PrivacyRequest, state: str) -> None:
        if request.state != state:
            self.kept.move(request.request_id, state)

    def _do_in(self, request: PrivacyRequest, store: StoreEraser) -> None:
        changed = store.erase()
        left = store.residue()
        if left:
            raise ResidueLeft([f"{store.name}: {place}" for place in left])
        self.kept.keep_receipt(request.request_id, store.name, {"changed": changed}, now=self.now())

    def _verify_and_close(self, request: PrivacyRequest, matcher: Matcher, stores: Sequence[StoreEraser]) -> None:
        self.step("verify")
        left = {store.name: found for store in stores if (found := store.residue())}
        if left:
            for store in left:
                self.kept.forget_receipt(request.request_id, store)  # the next run does it once more there
            raise ResidueLeft([f"{store}: {place}" for store, places in left.items() for place in places])
        now = self.now()
        self.kept.keep_receipt(request.request_id, RESIDUE, {"found": 0}, now=now)
        self.kept.move(request.request_id, "verified")
        self.step("certificate")
        names = Pseudonyms(self.trail.keys, request.tenant)
        told = {
            "request": request.request_id,
            "kind": request.kind,
            "identity": self._identity(request.request_id),
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

    def _identity(self, request_id: str) -> dict[str, str] | None:
        """Who confirmed the identity, as it is kept by now: an erasure rewrites that, too."""
        found = self.kept.one(request_id)
        return None if found is None or not found.identity else json.loads(found.identity)

    def _write_certificate(self, request_id: str, certificate: dict[str, Any]) -> None:
        file = self.certificate_file(request_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}.part")
        partial.write_text(json.dumps(certificate, indent=1, ensure_ascii=False), encoding="utf-8")
        synced(partial)
        partial.replace(file)
        synced(file.parent)

    def _done(self, request_id: str) -> Done:
        found = self.kept.one(request_id)
        file = self.certificate_file(request_id)
        return Done(request_id, found.state if found else "", self.kept.receipts(request_id), file if file.is_file() else None)

    def _record(self, request: PrivacyRequest, what: str) -> None:
        action = f"privacy.{request.kind}.{what}"
        event = Event(at=self.now(), tenant=request.tenant, actor=request.actor, action=action, subject=request.subject)
        self.trail.record(event)

    def _subject(self, identifiers: Sequence[Identifier], tenant: str) -> str:
        """The pseudonym of the first identifier."""
        first = Matcher(identifiers).identifiers[0]
        return Pseudonyms(self.trail.keys, tenant).token(first.value, first.label)

    def _seal(self, identifiers: Sequence[Identifier], correction: Correction | None) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        named = [[i.label, i.value] for i in identifiers]
        told = json.dumps({"identifiers": named, "correction": correction.body() if correction else None}).encode()
        return base64.b64encode(AESSIV(self.trail.keys.derived("privacy-request", size=64)).encrypt(told, None)).decode()

    def _unseal(self, sealed: str) -> tuple[list[Identifier], Correction | None]:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        told = json.loads(AESSIV(self.trail.keys.derived("privacy-request", size=64)).decrypt(base64.b64decode(sealed), None))
        if isinstance(told, list):  # as requests were kept when there were erasures only
            told = {"identifiers": told, "correction": None}
        correction = told["correction"]
        return [Identifier(label, value) for label, value in told["identifiers"]], Correction(**correction) if correction else None


def _made_of(manifest: Path) -> frozenset[str]:
    """Tables that a bundle was made of, as its manifest says; for engines of the user's own, whose contracts are not known here."""
    return frozenset(json.loads(manifest.read_text(encoding="utf-8")).get("inputs", {}))
