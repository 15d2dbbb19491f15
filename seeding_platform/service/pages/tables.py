"""Versions of tables for people: which there are, what differs, and putting an old one in force again after a look at what that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.cleaning import Offset, pager
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.tables import (
    Layer,
    Name,
    RestoreWanted,
    get_difference,
    list_versions,
    may_restore,
    post_restore,
    refusals,
    tenants_of,
)
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.tables import DifferenceAnswer, RestoreAnswer

router = APIRouter(include_in_schema=False)
TABLES_A_PAGE = 40
VERSIONS_A_PAGE = 25
MOST_COMMITS = 200
MOST_CELLS = 12
"""Cells of a row that a page shows; the API gives them all."""
MOST_REASON = 500
Version = Annotated[int | None, Query(ge=0, le=2**62)]


@router.get("/{lang}/tables")
def tables_page(request: Request, lang: Locale, offset: Offset = 0) -> Response:
    """Every table of the lake, with when it last changed."""
    actor = looking(request, lang, Role.OPERATOR)
    if isinstance(actor, Response):
        return actor
    lake, say = service_of(request).lake, Speaker(lang, None)
    names = lake.tables()
    shown = [{"table": n, "commit": lake.history(n, limit=1)[0]} for n in names[offset : offset + TABLES_A_PAGE]]
    one = pager({}, len(names), offset, TABLES_A_PAGE, say, words(lang)["cleaning"])
    return page(request, "tables", lang, actor, facts_or_none(request, actor), tables=shown, one=one)


@router.get("/{lang}/tables/{layer}/{table}/history")
def history_page(
    request: Request, lang: Locale, layer: Layer, table: Name, version: Version = None, against: Version = None, before: Version = None
) -> Response:
    """The versions of a table; one that was chosen, compared with the one in force or with another."""
    actor = looking(request, lang, Role.OPERATOR)
    if isinstance(actor, Response):
        return actor
    return _history(request, lang, actor, (layer, table), version=version, against=against, before=before)


@router.post("/{lang}/tables/{layer}/{table}/history")
def restore_version(request: Request, lang: Locale, layer: Layer, table: Name, form: Form) -> Response:
    """Put a version in force again."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    chosen, reason = typed(form, "version"), typed(form, "reason")[:MOST_REASON]
    if not chosen.isdecimal() or len(chosen) > 18:
        return told_off(request, lang, actor, words(lang)["tables"]["no_such"], status=404)
    if not reason:
        wrong = words(lang)["forms"]["no_reason"]
        return _history(request, lang, actor, (layer, table), version=int(chosen), wrong=wrong, status=422)
    try:
        post_restore(request, actor, layer, table, RestoreWanted(version=int(chosen), reason=reason))
    except Problem as problem:
        return _history(request, lang, actor, (layer, table), version=int(chosen), reason=reason, said=problem, status=problem.status)
    return RedirectResponse(f"/{lang}/tables/{layer}/{table}/history#versions", status_code=303)


def _history(
    request: Request,
    lang: str,
    actor: Actor,
    table: tuple[str, str],
    *,
    version: int | None = None,
    against: int | None = None,
    before: int | None = None,
    reason: str = "",
    wrong: str = "",
    said: Problem | None = None,
    status: int = 200,
) -> Response:
    k, say = words(lang)["tables"], Speaker(lang, None)
    try:
        listed = list_versions(request, actor, *table, limit=MOST_COMMITS, before=before)
    except Problem as problem:
        return told_off(request, lang, actor, k["no_such"], status=problem.status)
    rows = [v for v in listed.items if v.changed_rows or v.version == listed.in_force]
    more: dict[str, Any] = {
        "layer": table[0],
        "name": table[1],
        "in_force": listed.in_force,
        "holds": rows[0].version if rows else listed.in_force,
        "versions": [{"v": v, "said": k["operations"].get(v.operation, v.operation)} for v in rows[:VERSIONS_A_PAGE]],
        "older": _older(rows, listed.next_before),
        "newest": before is not None,
        "chosen": version,
        "against": listed.in_force if against is None else against,
        "problem": None if said is None else problem_said(said, k),
        "reason": reason,
        "wrong": wrong,
        "inner": f"/{table[0]}/{table[1]}/history",
        **(_compared(request, actor, table, version, against, say, k) if version is not None else {"diff": None, "restore": None, "refused": ""}),
    }
    return page(request, "table_history", lang, actor, facts_or_none(request, actor), status=status, **more)


def _older(rows: list[Any], next_before: int | None) -> int | None:
    """Before which version the next page begins."""
    return rows[VERSIONS_A_PAGE - 1].version if len(rows) > VERSIONS_A_PAGE else next_before


def _compared(
    request: Request, actor: Actor, table: tuple[str, str], version: int, against: int | None, say: Speaker, k: dict[str, Any]
) -> dict[str, Any]:
    """What differs, in rows of one's own; and what a restore would change in everybody's, for who may do it."""
    told: dict[str, Any] = {"diff": None, "restore": None, "refused": ""}
    lake, name = service_of(request).lake, "/".join(table)
    try:
        other = lake.version(name) if against is None else against
        told["diff"] = difference_shown(get_difference(request, actor, *table, version=other, against=version), say, k)
    except Problem as problem:
        told["refused"] = problem_said(problem, k)
    if against is not None:
        return told
    try:
        with refusals():
            tenants = tenants_of(lake, name, version)
        if not may_restore(actor, tenants):
            told["refused"] = told["refused"] or k["others"]
            return told
        found = post_restore(request, actor, *table, RestoreWanted(version=version, preview=True))
        told["restore"] = {"said": sum_said(found, say, k), "nothing": not (found.added or found.removed or found.changed), "tenants": found.tenants}
    except Problem as problem:
        told["refused"] = problem_said(problem, k)
    return told


def difference_shown(found: DifferenceAnswer, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A difference for people, from the version that is compared with to the one that was chosen."""
    columns = sorted(found.columns.items(), key=lambda item: (-item[1], item[0]))
    return {
        "said": sum_said(found, say, k),
        "figures": [(k[name], say.count(getattr(found, name))) for name in ("added", "removed", "changed")],
        "columns": [(name, say.count(n)) for name, n in columns],
        "added_columns": found.added_columns,
        "removed_columns": found.removed_columns,
        "examples": [{"r": r, "cells": r.cells[:MOST_CELLS], "more": max(0, len(r.cells) - MOST_CELLS)} for r in found.examples],
        "masked": any(c.masked for r in found.examples for c in r.cells),
        "nothing": not (found.added or found.removed or found.changed or found.added_columns or found.removed_columns),
    }


def sum_said(found: DifferenceAnswer | RestoreAnswer, say: Speaker, k: dict[str, Any]) -> str:
    """How many rows come, go and change, in a sentence."""
    return str(k["sum"].format(**{name: say.count(getattr(found, name)) for name in ("added", "removed", "changed")}))


def problem_said(problem: Problem, k: dict[str, Any]) -> str:
    """Why something cannot be compared or restored, in the words of the page where it has some."""
    return str(k["problems"].get(problem.code, problem.detail))
