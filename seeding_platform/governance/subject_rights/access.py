"""What is held about a person, in one file that they can take with them: JSON lines a data set, and what each is for."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.governance.subject_rights.requests import SubjectRights


def export(rights: SubjectRights, matcher: Matcher, *, tenant: str, target: Path) -> dict[str, int]:
    """Write a ZIP of JSON lines; rows by data set.

    Args:
        rights: where to look.
        matcher: whom for.
        tenant: whose data.
        target: the file; written beside and renamed.
    """
    sets: dict[str, list[dict[str, Any]]] = {}
    for store in rights.stores(matcher, tenant=tenant):
        for name, row in store.export():
            sets.setdefault(name, []).append(row)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", json.dumps(_about(sets), indent=1, ensure_ascii=False))
        for name, rows in sorted(sets.items()):
            archive.writestr(f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))
    partial.replace(target)
    return {name: len(rows) for name, rows in sorted(sets.items())}


def _about(sets: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What each data set is, how many rows are about the person, and to whom bundles with them went."""
    told = {name: {"rows": len(rows), "what": _meaning(name)} for name, rows in sorted(sets.items())}
    return {"data_sets": told, "recipients": sorted({row["recipient"] for row in sets.get("bundles", [])})}


def _meaning(name: str) -> str:
    contract = TABLES.get(name.rpartition("/")[2].partition("__")[0])
    return contract.description if contract is not None else ""
