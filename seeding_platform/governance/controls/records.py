"""Checks about records and duties: the audit log, who may do what and who did, changes with their reasons, figures that can be traced."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.controls.finding import Finding, Status, absent, all_of
from seeding_platform.governance.retention import RETENTION
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.governance.controls.installation import Installation

DEPLOYS = ("POST /api/v1/runs", "table.restore")
SETTINGS = ("PUT /api/v1/settings", "POST /api/v1/settings")
MOST_ADMINS = 3
_SETTING_KIND = "setting"


def audit_intact(at: Installation) -> Finding:
    """The audit log is as it was written: every event and every seal holds."""
    found = at.verdict
    if not found.events:
        return absent("the audit log: nothing is recorded yet")
    counts = {"events": found.events, "seals": found.seals, "unsealed": found.unsealed}
    return Finding(Status.MET if found.ok else Status.NOT_MET, "the audit log and its signed checkpoints", counts, tuple(found.problems))


def audit_kept(at: Installation) -> Finding:
    """Nothing was ever taken out of the audit log: it begins with its first event and has no gap."""
    found = at.verdict
    if not found.events:
        return absent("the audit log: nothing is recorded yet")
    gaps = [f"events {first} to {last} are missing" for first, last in found.missing]
    oldest = next(iter(at.trail.log.between(1, 1)), None)
    told = f"numbers of the audit log, from {oldest.event.at:%Y-%m-%d}" if oldest else "numbers of the audit log"
    lacking = (*gaps, *(() if oldest else ("its first event is missing",)))
    return Finding(Status.NOT_MET if lacking else Status.MET, told, {"events": found.events, "missing": len(found.missing)}, lacking)


def duties_separated(at: Installation) -> Finding:
    """Nobody both changed settings and put something into operation (started runs, restored tables)."""
    done: dict[str, set[str]] = {}
    for recorded in at.events:
        event = recorded.event
        if event.outcome == "ok":
            kinds = [kind for kind, actions in (("deploys", DEPLOYS), ("settings", SETTINGS)) if event.action.startswith(actions)]
            done.setdefault(event.actor, set()).update(kinds)
    concerned = sorted(actor for actor, kinds in done.items() if kinds)
    return all_of("actors in the audit log: changes of settings, runs and restored tables", concerned,
                  [a for a in concerned if len(done[a]) > 1], what="actors")  # fmt: skip


def settings_reasoned(at: Installation) -> Finding:
    """Every change of a setting says who made it and why."""
    adjusted = Adjusted(at.state)
    changes = [(i.item_id, v) for i in adjusted.kept.all(_SETTING_KIND, tenant="") for v in adjusted.kept.history(i.item_id, tenant="")]
    bare = [f"{name} version {v.version}" for name, v in changes if not v.actor or not str((v.body or {}).get("reason", "")).strip()]
    return all_of("versions of the settings", [f"{name} {v.version}" for name, v in changes], bare, what="changes")


def restores_reasoned(at: Installation) -> Finding:
    """Every table that was put back says why."""
    events = [e for e in at.events if e.event.action == "table.restore"]
    bare = [f"event {e.seq}" for e in events if not str(e.event.detail.get("reason", "")).strip()]
    return all_of("restored tables in the audit log", [str(e.seq) for e in events], bare, what="restores")


def access_by_role(at: Installation) -> Finding:
    """Keys are named, and few of them may do everything."""
    if not at.keys:
        return absent("keys in force: there is none")
    admins = [k for k in at.keys if k.role is Role.ADMIN]
    lacking = [f"key {k.key_id} has no name" for k in at.keys if not (k.label.strip() or k.holder.strip())]
    lacking += [f"{len(admins)} keys are admin's, more than {MOST_ADMINS}"] if len(admins) > MOST_ADMINS else []
    return Finding(
        Status.NOT_MET if lacking else Status.MET, "keys in force and their roles", {"keys": len(at.keys), "admin": len(admins)}, tuple(lacking)
    )


def root_key_guarded(at: Installation) -> Finding:
    """The root of all keys is readable by its owner only."""
    file = at.settings.state / "master-key"
    if at.settings.master_key.get_secret_value():
        return Finding(Status.MET, "SEEDING_MASTER_KEY: the root key is not kept in a file of ours")
    if not file.is_file():
        return absent("the root key: none was made yet")
    mode = stat.S_IMODE(file.stat().st_mode)
    lacking = (f"its mode is {mode:o}, not 600",) if mode & 0o077 else ()
    return Finding(Status.NOT_MET if lacking else Status.MET, "mode of <state>/master-key", {}, lacking)


def financial_declared(at: Installation) -> Finding:
    """Every table that holds rows says whether figures of the books are made of it."""
    return all_of("<contract>.processing.yaml: financial", at.filled, [n for n in at.filled if at.processing[n].financial is None], what="tables")


def figures_traceable(at: Installation) -> Finding:
    """Every row of a table of the books can be followed to the batch of a source."""
    tables = [n for n in at.filled if at.processing[n].financial]
    lost = [
        n
        for n in tables
        if at.rows(f"clean/{n}").filter(pl.any_horizontal(pl.col(c).is_null() for c in ("_source", "_batch", "_row"))).limit(1).collect().height
    ]
    return all_of("_source, _batch and _row of tables that are declared financial", tables, lost, what="tables")


def figures_checked(at: Installation) -> Finding:
    """Every table of the books has rules that its rows must keep, or a closed form of its numbers."""
    tables = [n for n in at.filled if at.processing[n].financial]
    bare = [n for n in tables if not at.filled[n].rules and not any(c.minimum is not None or c.values for c in at.filled[n].columns.values())]
    return all_of("rules and limits of the contracts of tables that are declared financial", tables, bare, what="tables")


def records_kept(at: Installation) -> Finding:
    """No table of the books loses rows before seven years."""
    tables = [n for n in at.filled if at.processing[n].financial]
    short = [f"{n}: {at.days[n]} days" for n in tables if (days := at.days[n]) is not None and days < SEVEN_YEARS]
    return all_of(f"setting {RETENTION.name} of tables that are declared financial", tables, short, what="tables")


SEVEN_YEARS = 2557
"""Days (17 CFR 210.2-06)."""
