"""What each kind of request does: what stands before the first store is touched, which stores in which order, and what is against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.catalog import LANDED
from seeding_platform.errors import PermanentError
from seeding_platform.governance.subject_rights.derived import PersonsMarks, RecalledBundles, TrainedModels
from seeding_platform.governance.subject_rights.rectification import CorrectedTables
from seeding_platform.governance.subject_rights.restriction import RestrictedTables, rows_about
from seeding_platform.governance.subject_rights.stores import stores_of
from seeding_platform.storage.holds import EVERYTHING, PERSON, TABLE
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import CORRECTED, HELD, RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seeding_platform.catalog.ports import StoreEraser
    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.governance.subject_rights.rectification import Correction
    from seeding_platform.governance.subject_rights.requests import SubjectRights
    from seeding_platform.storage.privacy import PrivacyRequest


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request is carried out.

    Args:
        begins: name of the first step.
        begin: what stands before the first store is touched; a repeat changes nothing.
        stores: each is done once, in this order.
        holds: what is against it, in words; nothing when it may go on.
    """

    begins: str
    begin: Callable[[], object]
    stores: Sequence[StoreEraser]
    holds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Plans:
    """Plans of one installation.

    Args:
        rights: where everything is kept.
    """

    rights: SubjectRights

    def of(self, request: PrivacyRequest, matcher: Matcher, correction: Correction | None) -> Plan:
        """The plan of a request.

        Raises:
            PermanentError: there is none for its kind.
        """
        rights, tenant = self.rights, request.tenant
        named = [(i.label, i.value) for i in matcher.identifiers]
        if request.kind == "erase":
            return Plan(
                "tombstones",
                lambda: rights.tombstones.add(tenant, named, request_id=request.request_id, now=rights.now()),
                self.everywhere(matcher, tenant=tenant, request_id=request.request_id, subject=request.subject),
                self._against(matcher, tenant),
            )
        if request.kind == "restrict":
            return Plan(
                "restriction",
                lambda: rights.marks.put(RESTRICTED, tenant, named, request_id=request.request_id, now=rights.now()),
                self._taken_out(request, matcher),
            )
        if request.kind == "rectify" and correction is not None:
            return Plan(
                "correction",
                lambda: rights.marks.put(CORRECTED, tenant, named, request_id=request.request_id, now=rights.now(), body=correction.body()),
                self._put_right(request, matcher, correction),
            )
        if request.kind == "lift":
            tokens = [rights.marks.token(tenant, *one) for one in named]
            return Plan("lifting", lambda: rights.marks.lift(RESTRICTED, tenant, tokens, now=rights.now()), ())
        raise PermanentError(f"A request for {request.kind} is answered, not carried out.")

    def everywhere(self, matcher: Matcher, *, tenant: str, request_id: str, subject: str) -> list[StoreEraser]:
        """Every store that may hold a person, in the order of an erasure."""
        rights, at = self.rights, self.rights.now().isoformat()
        return [
            TrainedModels(rights.settings, rights.models, tenant, matcher, (), request_id, subject, at),
            PersonsMarks(rights.marks, tenant, matcher),
            *stores_of(rights.settings, rights.state, keys=rights.subject_keys, tenant=tenant, matcher=matcher, request_id=request_id, at=at),
        ]

    def _taken_out(self, request: PrivacyRequest, matcher: Matcher) -> list[StoreEraser]:
        """The stores of a restriction: models first, for they are found by the rows that quality tables still have."""
        rights, lake = self.rights, Lake(self.rights.settings.lake)
        tables = [f"quality/{n}" for n in LANDED if rows_about(lake, n, request.tenant, matcher).height]
        return self._around(request, matcher, tables, "restricted", RestrictedTables(rights.settings, request.tenant, matcher)) if tables else []

    def _put_right(self, request: PrivacyRequest, matcher: Matcher, correction: Correction) -> list[StoreEraser]:
        rights = self.rights
        tables = CorrectedTables(rights.settings, rights.subject_keys, request.tenant, matcher, correction)
        return self._around(request, matcher, [f"quality/{correction.table}"], "rectified", tables)

    def _around(self, request: PrivacyRequest, matcher: Matcher, tables: Sequence[str], reason: str, store: StoreEraser) -> list[StoreEraser]:
        rights, at = self.rights, self.rights.now().isoformat()
        who = (request.request_id, request.subject, at)
        return [
            TrainedModels(rights.settings, rights.models, request.tenant, matcher, tables, *who, reason),
            store,
            RecalledBundles(rights.settings, request.tenant, tables, request.request_id, reason, at),
        ]

    def _against(self, matcher: Matcher, tenant: str) -> list[str]:
        """Holds that keep what is to be erased, in words."""
        rights, lake, found = self.rights, Lake(self.rights.settings.lake), []
        tokens = {rights.marks.token(tenant, i.label, i.value) for i in matcher.identifiers}
        named = {mark.request_id for _, mark in rights.marks.of(HELD, tenant) if mark.token in tokens}
        for hold in rights.holds.standing(tenant):
            person, table = hold.kind == PERSON and hold.hold_id in named, hold.kind == TABLE
            if hold.kind == EVERYTHING or person or (table and _stands_in(lake, hold.target, tenant, matcher)):
                found.append(f"{hold.hold_id} ({hold.kind}{f' {hold.target}' if table else ''}): {hold.reason}")
        return found


def _stands_in(lake: Lake, contract: str, tenant: str, matcher: Matcher) -> bool:
    """Whether a person stands in a table as it came in, as it was cleaned, or in what was refused of it."""
    for table in (f"raw/{contract}", f"clean/{contract}", f"clean/{contract}__quarantine"):
        if lake.exists(table) and matcher.rows(lake.read(table, tenant=tenant).collect()).any():
            return True
    return False
