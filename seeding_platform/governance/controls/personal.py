"""Checks about personal data: what it is for, how long it is kept, what leaves, and whether people are answered."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.controls.finding import Finding, Status, absent, all_of
from seeding_platform.governance.expiry import ExpiredRows
from seeding_platform.governance.processing import LegalBasis
from seeding_platform.governance.protection.policy import Action
from seeding_platform.governance.subject_rights.certificate import holds_good
from seeding_platform.storage.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.governance.controls.installation import Installation

DECLARED = "<contract>.processing.yaml of the tables with personal data"
CHANGING = ("erase", "rectify", "portability")
"""Kinds of requests for which somebody must be sure who asks."""
_NO = ("", "false", "no", "nee", "0", "n")
HIPAA: tuple[tuple[str, frozenset[str]], ...] = (
    ("names", frozenset({"PERSON"})),
    ("places smaller than a state", frozenset({"ADDRESS", "GEO"})),
    ("dates", frozenset({"DATE"})),
    ("telephone numbers", frozenset({"PHONE"})),
    ("fax numbers", frozenset({"PHONE"})),
    ("e-mail addresses", frozenset({"EMAIL"})),
    ("social security numbers", frozenset({"US_SSN", "BSN", "UK_NINO"})),
    ("medical record numbers", frozenset({"MEDICAL_RECORD"})),
    ("health plan numbers", frozenset({"HEALTH_PLAN"})),
    ("account numbers", frozenset({"IBAN", "CREDIT_CARD"})),
    ("certificate and licence numbers", frozenset({"LICENSE"})),
    ("vehicle identifiers", frozenset({"LICENSE_PLATE"})),
    ("device identifiers", frozenset({"MAC_ADDRESS"})),
    ("web addresses", frozenset({"URL"})),
    ("IP addresses", frozenset({"IP_ADDRESS"})),
    ("biometric identifiers", frozenset({"BIOMETRIC"})),
    ("photographs of faces", frozenset({"PHOTO"})),
    ("other identifying numbers or codes", frozenset({"HANDLE", "SECRET", "VAT_ID", "FREE_TEXT", "TEXTS", "COLUMN"})),
)
"""The 18 identifiers of HIPAA's safe harbour (45 CFR 164.514(b)(2)) and the labels that stand for them here."""


def purpose_declared(at: Installation) -> Finding:
    """Every table with personal data says what it is used for."""
    return all_of(DECLARED, at.personal, [n for n in at.personal if not at.processing[n].purposes], what="tables")


def legal_basis_declared(at: Installation) -> Finding:
    """Every table with personal data says why its processing is lawful; legitimate interests are named."""

    def lacks(name: str) -> bool:
        told = at.processing[name]
        return told.legal_basis is None or (told.legal_basis is LegalBasis.LEGITIMATE_INTERESTS and not told.interests)

    return all_of(DECLARED, at.personal, [n for n in at.personal if lacks(n)], what="tables")


def origin_declared(at: Installation) -> Finding:
    """Every row of a table with personal data names the source that brought it."""
    unnamed = [
        n for n in at.personal if at.rows(f"clean/{n}").filter(pl.col("_source").is_null() | (pl.col("_source") == "")).limit(1).collect().height
    ]
    return all_of("_source of the rows of clean tables", at.personal, unnamed, what="tables")


def owner_named(at: Installation) -> Finding:
    """Every table that holds rows has somebody who answers for it."""
    return all_of("owner of the contracts", at.filled, [n for n, c in at.filled.items() if not c.owner.strip()], what="tables")


def retention_set(at: Installation) -> Finding:
    """Every table with personal data has a limit of days."""
    return all_of("setting governance.retention", at.personal, [n for n in at.personal if at.days[n] is None], what="tables")


def retention_carried_out(at: Installation) -> Finding:
    """Nothing is past its limit but what holds keep."""
    limited = [n for n, days in at.days.items() if days is not None and n in at.filled]
    if not limited:
        return absent("tables with a limit of days: there is none")
    found = ExpiredRows(at.settings, at.state, at.marks, at.now).found(at.tenant)
    return Finding(
        Status.NOT_MET if found else Status.MET,
        "times of the rows of raw, clean and quality, files in the spool",
        {"tables": len(limited), "places": len(found), "rows": sum(found.values())},
        tuple(sorted(found)),
    )


def personal_declared(at: Installation) -> Finding:
    """Every column that looks personal is declared so in its contract."""
    if not at.filled:
        return absent("clean tables: none holds rows")
    return Finding(
        Status.NOT_MET if at.undeclared else Status.MET,
        "quality/personal_columns: names and values of the columns of clean tables",
        {"tables": len(at.filled), "lacking": len(at.undeclared)},
        tuple(at.undeclared),
    )


def personal_protected(at: Installation) -> Finding:
    """No declared personal column leaves the clean tables as it is."""
    columns = [(n, c) for n, contract in at.personal.items() for c, column in contract.columns.items() if column.personal]
    open_ones = [f"{n}.{c}" for n, c in columns if at.policies[n].columns.get(c) is Action.KEEP]
    return all_of("<contract>.personal.yaml: what becomes of declared personal columns", [f"{n}.{c}" for n, c in columns], open_ones, what="columns")


def keys_of_people(at: Installation) -> Finding:
    """Where columns are encrypted, every key is wrapped by one version of the key-encryption key."""
    if not any(a is Action.ENCRYPT for p in at.policies.values() for a in p.columns.values()):
        return absent("policies of personal data: no column is encrypted")
    counted = SubjectKeys(at.state, at.trail.keys, now=lambda: at.now).counted(at.tenant)
    return Finding(
        Status.MET if len(counted.versions) <= 1 else Status.NOT_MET,
        "keys of people in the state database",
        {"keys": counted.live, "shredded": counted.shredded, "versions": len(counted.versions)},
        () if len(counted.versions) <= 1 else ("keys are wrapped by several versions",),
    )


def requests_in_time(days: int) -> Callable[[Installation], Finding]:
    """People's requests are answered within so many days of their receipt."""

    def check(at: Installation) -> Finding:
        late = [r.request_id for r in at.requests if (r.closed_at or at.now) - r.received_at > dt.timedelta(days=days)]
        return all_of(f"people's requests: from receipt to answer, at most {days} days", [r.request_id for r in at.requests], late, what="requests")

    return check


def identity_verified(at: Installation) -> Finding:
    """Of requests that change or hand out data, somebody confirmed who asked."""
    asked = [r for r in at.requests if r.kind in CHANGING]
    unsure = [r.request_id for r in asked if not r.identity or json.loads(r.identity).get("state") != "verified"]
    return all_of("people's requests: who confirmed their identity, and how", [r.request_id for r in asked], unsure, what="requests")


def erasures_certified(at: Installation) -> Finding:
    """Every erasure that is closed has a certificate that holds."""
    closed = [r for r in at.requests if r.kind == "erase" and r.closed_at is not None]

    def holds(request_id: str) -> bool:
        file = at.settings.state / "privacy" / f"{request_id}.json"
        return file.is_file() and holds_good(json.loads(file.read_text(encoding="utf-8")), at.trail.keys)

    return all_of("certificates in <state>/privacy", [r.request_id for r in closed], [r.request_id for r in closed if not holds(r.request_id)],
                  what="erasures")  # fmt: skip


def sale_declared(at: Installation) -> Finding:
    """Every table with personal data says whether it is sold or shared for advertising."""
    return all_of(f"{DECLARED}: sold", at.personal, [n for n in at.personal if at.processing[n].sold is None], what="tables")


def sale_opt_out(at: Installation) -> Finding:
    """Who objected to being sold is not in the tables that others read."""
    sold = [n for n in at.personal if at.processing[n].sold]
    if not sold:
        return absent("tables that are declared sold: there is none")
    counts, lacking = {"tables": len(sold), "objected": 0}, []
    for name in sold:
        column = at.processing[name].opt_out
        if column is None:
            lacking.append(f"{name}: no column says who objected")
        elif at.lake.exists(f"quality/{name}") and column in at.rows(f"quality/{name}").collect_schema():
            told = pl.col(column).cast(pl.String).str.to_lowercase().fill_null("")
            count = int(at.rows(f"quality/{name}").filter(~told.is_in(_NO)).select(pl.len()).collect().item())
            counts["objected"] += count
            lacking += [f"{name}: {count} rows of people who objected are in quality/{name}"] if count else []
    return Finding(Status.NOT_MET if lacking else Status.MET, "declared columns of objection, rows of quality tables", counts, tuple(lacking))


def health_declared(at: Installation) -> Finding:
    """Every table with personal data says whether it holds health data."""
    return all_of(f"{DECLARED}: health", at.personal, [n for n in at.personal if at.processing[n].health is None], what="tables")


def hipaa_identifiers(at: Installation) -> Finding:
    """None of the 18 identifiers stands in what others read of tables with health data."""
    tables = [n for n in at.filled if at.processing[n].health]
    if not tables:
        return absent("tables that are declared to hold health data: there is none")
    found: dict[str, list[str]] = {}
    for name in tables:
        table, labels = f"quality/{name}", at.labels_in(f"quality/{name}")
        if at.lake.exists(table):
            labels |= {c: "DATE" for c, d in at.rows(table).collect_schema().items() if d.is_temporal()}
            labels |= {c: "URL" for c in at.filled[name].columns if c in ("url", "link", "website") and c in at.rows(table).collect_schema()}
        for column, label in labels.items():
            found.setdefault(label, []).append(f"{table}.{column}")
    lacking = []
    for number, (what, kinds) in enumerate(HIPAA, 1):
        if columns := sorted(c for kind in kinds for c in found.get(kind, ())):
            lacking.append(f"{number}. {what}: {', '.join(columns)}")
    counts = {"tables": len(tables), "identifiers": len(HIPAA), "found": len(lacking)}
    return Finding(
        Status.NOT_MET if lacking else Status.MET,
        "names and values of the columns of quality tables; names of people are found by lists of words, and images are none of ours",
        counts,
        tuple(lacking),
    )
