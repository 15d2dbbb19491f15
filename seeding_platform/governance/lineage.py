"""Where a column comes from, read off the declarations: mappings of sources, contracts, policies of personal data, fields of engines and models.

Only what they tell is here: a field of an engine that no contract names has no lineage rather than a guessed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.contract import CLEAN_LINEAGE, LINEAGE
from seeding_platform.governance.protection.policy import Action, text_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeding_platform.catalog import TableContract
    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.connectors.spec import FileSourceSpec
    from seeding_platform.governance.protection import PiiPolicy

IDENTITY, TRANSFORMED = "identity", "transformed"
MASKING = frozenset({Action.REDACT, Action.MASK, Action.PSEUDONYMISE, Action.ENCRYPT, Action.GENERALISE, Action.SEARCH, Action.DROP})
"""What hides a value on its way."""
_WITH_ROWS = tuple(LINEAGE)
_TAGS = {"content_posts": {"hashtags": "text", "mentions": "text"}}
"""Lists that cleaning reads out of another column's text."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One column that another is made of.

    Args:
        table: `<layer>/<table>`.
        column: its name.
        how: identity, transformed, or what the policy does with it.
        masking: whether that hides the value.
    """

    table: str
    column: str
    how: str = IDENTITY
    masking: bool = False


Columns = dict[str, tuple[Origin, ...]]
"""For each column of a table what it is made of."""


def raw_columns(contract: TableContract, sources: Iterable[FileSourceSpec]) -> Columns:
    """`raw/<contract>`: fields of the sources that are mapped to it.

    >>> raw_columns(LANDED["orders"], [])
    {}
    """
    found: dict[str, list[Origin]] = {}
    for spec in sources:
        for mapping in (m for m in spec.tables if m.contract == contract.name):
            table = f"raw/{spec.label}"
            for column, field in mapping.columns.items():
                found.setdefault(column, []).append(Origin(table, field))
            hashed = mapping.key_from or (["_source", "_batch", "_row"] if contract.identity == "source_row" else [])
            if mapping.hashed_key not in {*mapping.columns, *mapping.constants}:
                found.setdefault(mapping.hashed_key, []).extend(Origin(table, f, TRANSFORMED) for f in hashed)
            for name in (*_WITH_ROWS, "_op", "_landed_at", "_position"):
                found.setdefault(name, []).append(Origin(table, name))
    return {name: tuple(origins) for name, origins in found.items()}


def clean_columns(contract: TableContract) -> Columns:
    """`clean/<contract>`: each column of its own raw text; derived ones of what their expression reads, flags of what the rules read."""
    table = f"raw/{contract.name}"

    def read(expressions: Iterable[pl.Expr]) -> tuple[Origin, ...]:
        names = dict.fromkeys(n for e in expressions for n in e.meta.root_names())
        return tuple(Origin(table, c, TRANSFORMED) for n in names for c in _bare(n, contract))

    found: Columns = {}
    for name in contract.columns:
        if name in contract.derived:
            found[name] = read([contract.derived[name]])
            continue
        beside = _TAGS.get(contract.name, {}).get(name)
        own = Origin(table, name, IDENTITY if contract.columns[name].dtype in (pl.String, pl.String()) else TRANSFORMED)
        found[name] = (own, *([Origin(table, beside, TRANSFORMED)] if beside else []))
    if contract.flags:
        found["flags"] = read(contract.flags.values())
    return found | {name: (Origin(table, name),) for name in (*_WITH_ROWS, "synthetic")}


def _bare(name: str, contract: TableContract) -> list[str]:
    """Columns of the raw table behind a column that an expression reads; a derived one stands for what it is derived of."""
    if name not in contract.derived:
        return [name] if name in contract.columns or name == "tenant" else []
    return [c for n in contract.derived[name].meta.root_names() for c in _bare(n, contract)]


def quality_columns(contract: TableContract, policy: PiiPolicy) -> Columns:
    """`quality/<contract>`: the clean columns, with what the policy of personal data does on the way; dropped ones are not there."""
    table, searched = f"clean/{contract.name}", set(text_columns(contract, policy))
    found: Columns = {}
    for name, column in contract.columns.items():
        action = policy.columns.get(name, Action.DROP if column.personal else None)
        if column.personal and action is Action.DROP:
            continue
        if action is not None and action is not Action.KEEP:
            beside = [Origin(table, policy.subject, "key of the person")] if action is Action.ENCRYPT and policy.subject else []
            found[name] = (Origin(table, name, str(action), action in MASKING), *beside)
        else:
            found[name] = (Origin(table, name, "searched", masking=True) if name in searched else Origin(table, name),)
    return found | {name: (Origin(table, name),) for name in ("tenant", *CLEAN_LINEAGE)}


def fields_by_name(fields: Iterable[str], contracts: Sequence[str]) -> Columns:
    """Fields of an engine or a model that bear the name of a column of just one of the quality tables that it reads: they are that column."""
    found: Columns = {}
    for name in fields:
        homes = [c for c in contracts if c in LANDED and name in LANDED[c].columns and LANDED[c].columns[name].personal is None]
        if len(homes) == 1:
            found[name] = (Origin(f"quality/{homes[0]}", name),)
    return found


def bundle_columns(engine: EngineContract) -> Columns:
    """`bundle/<engine>`: what its contract tells."""
    return fields_by_name([f.name for f in engine.fields], engine.reads)


def behind(columns: Mapping[str, Columns], table: str, column: str) -> list[Origin]:
    """Everything that a column is made of in the end, step by step towards the sources; each once, the nearest first."""
    found: dict[tuple[str, str], Origin] = {}
    waiting = list(columns.get(table, {}).get(column, ()))
    while waiting:
        origin = waiting.pop(0)
        if (origin.table, origin.column) not in found:
            found[origin.table, origin.column] = origin
            waiting += columns.get(origin.table, {}).get(origin.column, ())
    return list(found.values())
