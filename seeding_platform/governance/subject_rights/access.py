"""What is held about a person, in one file that they can take with them: JSON lines and CSV a data set, a manifest, and what each set is for."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog import TABLES
from seeding_platform.governance.processing import load_processing
from seeding_platform.governance.retention import kept_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.governance.subject_rights.requests import SubjectRights

ABOUT, MANIFEST = "about.json", "manifest.json"
FORM = "seeding-personal-data/1"
"""Names the form of the package, so that a program can tell what it reads."""
_NO_TABLE = frozenset({"landed files", "state files", "models", "bundles", "trained models", "subject keys"})


def export(rights: SubjectRights, matcher: Matcher, *, tenant: str, target: Path) -> dict[str, int]:
    """Write the package; rows by data set.

    Args:
        rights: where to look.
        matcher: whom for.
        tenant: whose data.
        target: the file, a ZIP; written beside and renamed.
    """
    sets: dict[str, list[dict[str, Any]]] = {}
    for store in rights.stores(matcher, tenant=tenant):
        for name, row in store.export():
            sets.setdefault(name, []).append(row)
    files = {ABOUT: json.dumps(told_about(rights, sets, tenant), indent=1, ensure_ascii=False)}
    for name, rows in sorted(sets.items()):
        files[f"{name}.jsonl"] = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        files[f"{name}.csv"] = _csv(rows)
    files[MANIFEST] = json.dumps(_manifest(rights, files, sets, tenant), indent=1, ensure_ascii=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    partial.replace(target)
    return {name: len(rows) for name, rows in sorted(sets.items())}


def told_about(rights: SubjectRights, sets: Mapping[str, Sequence[Mapping[str, Any]]], tenant: str) -> dict[str, Any]:
    """What each data set is, why and how long it is kept, where it came from and who got it (GDPR, article 15(1))."""
    engines = sorted({str(row["recipient"]) for row in sets.get("bundles", [])})
    told = {name: {"rows": len(rows), **_told(rights, name, rows, tenant)} for name, rows in sorted(sets.items())}
    return {"form": FORM, "data_sets": told, "recipients": engines}


def held_with_reasons(rights: SubjectRights, held: Mapping[str, Mapping[str, int]], tenant: str) -> dict[str, Any]:
    """For each data set in which a person stands: purposes, recipients, retention and origin."""
    places = [place for store, found in held.items() for place in found if store == "lake"]
    return {place: _told(rights, place, (), tenant) for place in sorted(places)}


def _told(rights: SubjectRights, name: str, rows: Sequence[Mapping[str, Any]], tenant: str) -> dict[str, Any]:
    """What a data set is for; what nobody has declared is said to be so."""
    layer, _, rest = name.partition("/")
    contract = TABLES.get(rest.partition("__")[0])
    sources = sorted({str(row["_source"]) for row in rows if row.get("_source")})
    if contract is None:
        return {"what": "" if name in _NO_TABLE else "as it came in" if layer == "raw" else "", "origin": sources}
    declared = load_processing(contract, rights.settings.policies)
    engines = rights.recipients_of(contract.name, tenant)
    return {
        "what": contract.description,
        **declared.told(),
        "recipients": [*engines, *declared.recipients],
        "retention": kept_for(rights.state, contract.name),
        "origin": [*sources, *([declared.origin] if declared.origin else [])],
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v, ensure_ascii=False, default=str) if isinstance(v, list | dict) else v for k, v in row.items()})
    return out.getvalue()


def _manifest(rights: SubjectRights, files: Mapping[str, str], sets: Mapping[str, Sequence[Any]], tenant: str) -> dict[str, Any]:
    told = [
        {
            "path": name,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "bytes": len(text.encode()),
            "media_type": {"jsonl": "application/x-ndjson", "csv": "text/csv", "json": "application/json"}[name.rpartition(".")[2]],
            "rows": len(sets[name.rpartition(".")[0]]) if name != ABOUT else None,
        }
        for name, text in files.items()
    ]
    return {"form": FORM, "made_at": rights.now().isoformat(), "tenant": tenant, "encoding": "utf-8", "files": told}
