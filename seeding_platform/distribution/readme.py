"""The page that lies in every bundle: what its rows mean, for the people of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog.engine import EngineContract, EngineField


def readme(engine: EngineContract, *, parts: Sequence[str], rows: int, reason: str | None) -> str:
    """Markdown page of a bundle; follows from the contract, the number of rows and the reason only."""
    groups = engine.k_anonymity
    named = f"`{parts[0]}`" + (f" to `{parts[-1]}`" if len(parts) > 1 else "")
    facts = [
        f"Each row: {engine.grain}",
        f"Key: {', '.join(engine.key)}.",
        f"Rows: {rows} in {named} ({engine.format})." + (f" None, because: {reason}." if reason else ""),
        f"Made of {', '.join(engine.reads)}; only records with a confidence of at least {engine.minimum_confidence:.2f}.",
        *([f"Groups of fewer than {groups.k} ({', '.join(groups.fields)}) are left out."] if groups else []),
        "Rows with `synthetic` = true are made by the platform: train on them if you like, never evaluate on them.",
    ]
    table = ["| field | type | unit | role | may be missing | meaning |", "|---|---|---|---|---|---|", *(_line(field) for field in engine.fields)]
    return "\n".join([f"# {engine.title} {engine.version}", "", engine.description, "", *(f"- {fact}" for fact in facts), "", *table, ""])


def _line(field: EngineField) -> str:
    kind = f"{field.type}({field.scale})" if field.type == "decimal" else str(field.type)
    cells = (field.name, kind, field.unit or "", field.role, "yes" if field.nullable else "no", field.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
