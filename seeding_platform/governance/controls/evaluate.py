"""Obligations held against an installation: each with its status, the findings of its checks, and what to do where it is not met."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.governance.controls.checks import CHECKS
from seeding_platform.governance.controls.finding import Status, absent
from seeding_platform.governance.controls.packs import PACKS, load_pack
from seeding_platform.governance.controls.schema import CONTROLS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeding_platform.governance.controls.finding import Finding
    from seeding_platform.governance.controls.installation import Installation
    from seeding_platform.governance.controls.packs import Obligation


@dataclass(frozen=True, slots=True)
class Control:
    """One obligation and what was found.

    Args:
        pack: name of the pack.
        obligation: what is asked.
        status: not met where one check fails; not applicable where none applies.
        findings: by check.
    """

    pack: str
    obligation: Obligation
    status: Status
    findings: Mapping[str, Finding]

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "pack": self.pack,
            "obligation": self.obligation.id,
            "cites": self.obligation.cites,
            "says": self.obligation.says,
            "status": str(self.status),
            "fix": self.obligation.fix if self.status is Status.NOT_MET else "",
            "evidence": {name: found.told() for name, found in self.findings.items()},
        }


def controls(at: Installation, packs: Iterable[str] = PACKS) -> list[Control]:
    """Every obligation of some packs, held against an installation; a check is made once.

    Raises:
        ConfigError: there is no such pack.
    """
    known: dict[str, Finding] = {}
    found = []
    for name in packs:
        for obligation in load_pack(name).obligations:
            if obligation.where is not None and not any(getattr(at.processing[n], obligation.where) for n in at.filled):
                findings = {"where": absent(f"tables that are declared `{obligation.where}: true`: there is none")}
            else:
                for check in obligation.checks:
                    if check not in known:
                        known[check] = CHECKS[check](at)
                findings = {check: known[check] for check in obligation.checks}
            found.append(Control(name, obligation, _status(list(findings.values())), findings))
    return found


def _status(findings: Sequence[Finding]) -> Status:
    statuses = {f.status for f in findings}
    if Status.NOT_MET in statuses:
        return Status.NOT_MET
    return Status.MET if Status.MET in statuses else Status.NOT_APPLICABLE


def controls_frame(found: Sequence[Control]) -> pl.DataFrame:
    """The same as a table (`CONTROLS_SCHEMA`)."""
    rows = [
        {
            **{name: told[name] for name in ("pack", "obligation", "status", "cites", "says", "fix")},
            "lacking": [f"{check}: {what}" for check, finding in control.findings.items() for what in finding.lacking],
            "evidence": json.dumps(told["evidence"], ensure_ascii=False, sort_keys=True),
        }
        for control in found
        for told in [control.told()]
    ]
    return pl.DataFrame(rows, schema=CONTROLS_SCHEMA)
