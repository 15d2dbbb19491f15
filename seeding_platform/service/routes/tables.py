"""Versions of tables: which there are, what differs between two, and putting an old one in force again.

Differences are counted over the rows of one's own tenant; values are shown only of columns that name nobody, but to stewards. Putting a version in
force concerns the rows of every tenant: where there are others in it, an admin may.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.catalog.layers import BELOW, key_of, plain_columns
from seeding_platform.errors import BusyError, PermanentError
from seeding_platform.service import audited
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.cleaned import MASK
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.changes import Difference, RowChange, difference, row_changes
from seeding_platform.storage.lake import Lake, VersionGone

router = APIRouter(prefix="/api/v1/tables", tags=["tables"])
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
Layer = Annotated[str, Path(pattern=r"^[a-z]+$", max_length=20)]
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]+$", max_length=120)]
Number = Annotated[int, Query(ge=0, le=2**62)]
EXAMPLES = 10
LONGEST_VALUE = 200


class VersionAnswer(BaseModel):
    """One version; `changed_rows` is false for housekeeping, which leaves the rows as they were."""

    version: int
    at: dt.datetime
    operation: str
    changed_rows: bool


class VersionsAnswer(BaseModel):
    """Versions, the newest first; `next_before` leads to older ones."""

    table: str
    in_force: int
    items: list[VersionAnswer]
    next_before: int | None


class CellAnswer(BaseModel):
    """A cell before and after; `masked` says that its values are not shown to this role."""

    column: str
    before: str | None
    after: str | None
    masked: bool


class RowAnswer(BaseModel):
    """A row that differs, by its key."""

    kind: Literal["added", "removed", "changed"]
    key: dict[str, str]
    cells: list[CellAnswer]


class DifferenceAnswer(BaseModel):
    """From one version to another, counted in rows of one's own tenant; `examples` are some of them."""

    table: str
    version: int
    against: int
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    added_columns: list[str]
    removed_columns: list[str]
    examples: list[RowAnswer]


class RestoreWanted(BaseModel, extra="forbid"):
    """A version to put in force again; `preview` only says what would change."""

    version: int = Field(ge=0, le=2**62, strict=True)
    reason: str = Field("", max_length=500)
    preview: bool = Field(False, strict=True)


class RestoreAnswer(BaseModel):
    """What changes in the rows of everybody, and what lies below and follows; `restored` is the version that it has now, none for a preview."""

    table: str
    version: int
    restored: int | None
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    below: str
    tenants: int


@router.get("/{layer}/{table}/versions")
def list_versions(
    request: Request,
    actor: Operator,
    layer: Layer,
    table: Name,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> VersionsAnswer:
    """The versions of a table that are still there; a week of them stays."""
    lake, name = _there(request, layer, table)
    found = [c for c in lake.history(name) if before is None or c.version < before]
    items = [VersionAnswer(version=c.version, at=c.at, operation=c.operation, changed_rows=c.changed_rows) for c in found[:limit]]
    return VersionsAnswer(table=name, in_force=lake.version(name), items=items, next_before=items[-1].version if len(found) > limit else None)


@router.get("/{layer}/{table}/diff")
def get_difference(request: Request, actor: Operator, layer: Layer, table: Name, version: Number, against: Number | None = None) -> DifferenceAnswer:
    """What changed from a version to another, or to the one in force."""
    lake, name = _there(request, layer, table)
    other = lake.version(name) if against is None else against
    tenant = _own_rows(lake, name, actor)
    with refusals():
        found = difference(lake, name, version, other, key=key_of(name), tenant=tenant)
        examples = row_changes(lake, name, version, other, key=key_of(name), tenant=actor.tenant, limit=EXAMPLES) if tenant else []
    told = {n: getattr(found, n) for n in ("added", "removed", "changed")}
    return DifferenceAnswer(
        table=name, version=version, against=other, **told, columns=dict(found.columns), added_columns=list(found.added_columns),
        removed_columns=list(found.removed_columns), examples=[_row(r, name, actor) for r in examples],
    )  # fmt: skip


@router.post("/{layer}/{table}/restore")
def post_restore(request: Request, actor: Operator, layer: Layer, table: Name, wanted: RestoreWanted) -> RestoreAnswer:
    """Put a version in force again, or say what that would change; what lies below follows when the platform runs."""
    lake, name = _there(request, layer, table)
    if not wanted.preview and not wanted.reason.strip():
        raise Problem(422, "no-reason", "Say why; it goes on record.")
    with refusals():
        others = tenants_of(lake, name, wanted.version)
        if not may_restore(actor, others):
            raise Problem(403, "rows-of-others", "The table holds rows of other organisations, and a restore concerns them all. An admin may.")
        found = difference(lake, name, lake.version(name), wanted.version, key=key_of(name))
        restored = None if wanted.preview else _restored(request, name, wanted, actor, found, others)
    told = {n: getattr(found, n) for n in ("added", "removed", "changed")}
    return RestoreAnswer(
        table=name, version=wanted.version, restored=restored, **told, columns=dict(found.columns), below=BELOW.get(layer, "nothing"),
        tenants=len(others),
    )  # fmt: skip


def tenants_of(lake: Lake, table: str, version: int) -> frozenset[str]:
    """Whose rows the version in force and another one hold; empty where rows are nobody's in particular."""
    found: set[str] = set()
    for number in (lake.version(table), version):
        frame = lake.read(table, version=number)
        if "tenant" in frame.collect_schema():
            found |= {str(t) for t in _collected(frame.select("tenant").unique(), table, number)["tenant"]}
    return frozenset(found)


def may_restore(actor: Actor, tenants: frozenset[str]) -> bool:
    """Who may put a version in force: an admin, and an operator where all its rows are of their own tenant."""
    return actor.role.may(Role.ADMIN) or (actor.role.may(Role.OPERATOR) and tenants == {actor.tenant})


@contextmanager
def refusals() -> Iterator[None]:
    """Say why a version cannot be compared or put in force.

    Raises:
        Problem: 409 for what is not there any more or holds what is in force, or while something else writes.
    """
    try:
        yield
    except BusyError as error:
        raise Problem(409, "busy", str(error)) from error
    except PermanentError as error:
        raise Problem(409, "not-possible", str(error)) from error


def _restored(request: Request, table: str, wanted: RestoreWanted, actor: Actor, found: Difference, tenants: frozenset[str]) -> int:
    service = service_of(request)
    if service.restorer is None:
        raise Problem(503, "no-restorer", "This service restores no tables.")
    audited.tell(request, version=wanted.version, reason=wanted.reason, added=found.added, removed=found.removed, changed=found.changed)
    owner = next(iter(tenants)) if len(tenants) == 1 else ""
    return service.restorer.restore(table, wanted.version, actor=actor.key_id, tenant=owner, reason=wanted.reason)


def _there(request: Request, layer: str, table: str) -> tuple[Lake, str]:
    """The lake and the table's name.

    Raises:
        Problem: 404 for a table that there is not.
    """
    lake, name = service_of(request).lake, f"{layer}/{table}"
    if not lake.exists(name):
        raise Problem(404, "no-such-table", f"There is no table {name!r}.")
    return lake, name


def _own_rows(lake: Lake, table: str, actor: Actor) -> str | None:
    """Whose rows somebody compares: their own tenant's; where rows are nobody's in particular, an admin compares all.

    Raises:
        Problem: 403 for rows of everybody.
    """
    if "tenant" in lake.read(table).collect_schema():
        return actor.tenant
    if not actor.role.may(Role.ADMIN):
        raise Problem(403, "rows-of-everybody", "The rows of this table are nobody's in particular. An admin may compare them.")
    return None


def _collected(frame: pl.LazyFrame, table: str, version: int) -> pl.DataFrame:
    try:
        return frame.collect()
    except FileNotFoundError as error:
        raise VersionGone(table, version) from error


def _row(change: RowChange, table: str, actor: Actor) -> RowAnswer:
    """A row that differs, without the values that this role may not see."""
    plain = None if actor.role.may(Role.STEWARD) else plain_columns(table)

    def shown(column: str, value: Any) -> str | None:
        return None if value is None else MASK if plain is not None and column not in plain else str(value)[:LONGEST_VALUE]

    cells = [
        CellAnswer(column=c, before=shown(c, a), after=shown(c, b), masked=plain is not None and c not in plain) for c, (a, b) in change.cells.items()
    ]
    return RowAnswer(kind=change.kind, key={c: shown(c, v) or "" for c, v in change.key.items()}, cells=cells)
