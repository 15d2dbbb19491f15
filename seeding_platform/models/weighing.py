"""What the weights of registered models did, read from their artefacts: without the registry, which takes seconds to import."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.models.reweighing import GroupFigures, Reweighing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DOCUMENT = "reweighing.json"


def latest_reweighing(artefacts: Path, tenant: str) -> dict[str, Reweighing]:
    """Figures with and without weights of the newest version of each of a tenant's models that was trained with weights.

    Args:
        artefacts: the registry's folder, `<tenant>.<model>/<run>/artifacts/`.
        tenant: whose models.

    Returns:
        By name of the model, without its tenant; a document that cannot be read is left out.
    """
    found: dict[str, Reweighing] = {}
    if not artefacts.is_dir():
        return found
    for folder in sorted(p for p in artefacts.iterdir() if p.is_dir() and p.name.startswith(f"{tenant}.")):
        documents = sorted(folder.glob(f"*/artifacts/{DOCUMENT}"), key=lambda path: path.stat().st_mtime)
        read = _read(documents[-1]) if documents else None
        if read is not None:
            found[folder.name.removeprefix(f"{tenant}.")] = read
    return found


def told(document: Mapping[str, Any]) -> Reweighing:
    """A document's content as figures.

    Raises:
        KeyError, TypeError: it is none.
    """
    return Reweighing(str(document["feature"]), tuple(GroupFigures(**figures) for figures in document["figures"]))


def _read(document: Path) -> Reweighing | None:
    """A document as it was written; None for one that an erasure emptied."""
    try:
        return told(json.loads(document.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        return None
