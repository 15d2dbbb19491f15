"""Checks by the names that packs use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.governance.controls import personal, records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeding_platform.governance.controls.finding import Finding
    from seeding_platform.governance.controls.installation import Installation

_PERSONAL = (
    personal.purpose_declared,
    personal.legal_basis_declared,
    personal.origin_declared,
    personal.owner_named,
    personal.retention_set,
    personal.retention_carried_out,
    personal.personal_declared,
    personal.personal_protected,
    personal.keys_of_people,
    personal.identity_verified,
    personal.erasures_certified,
    personal.sale_declared,
    personal.sale_opt_out,
    personal.health_declared,
    personal.hipaa_identifiers,
)
_RECORDS = (
    records.audit_intact,
    records.audit_kept,
    records.duties_separated,
    records.settings_reasoned,
    records.restores_reasoned,
    records.access_by_role,
    records.root_key_guarded,
    records.financial_declared,
    records.figures_traceable,
    records.figures_checked,
    records.records_kept,
)
CHECKS: Mapping[str, Callable[[Installation], Finding]] = {
    **{check.__name__: check for check in (*_PERSONAL, *_RECORDS)},
    "requests_within_30_days": personal.requests_in_time(30),
    "requests_within_45_days": personal.requests_in_time(45),
}
