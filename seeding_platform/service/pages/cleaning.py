"""Quality > Cleaning: where each row went, what every rule did, which rows are the same, and what people decided about it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from seeding_platform.errors import ConfigError
from seeding_platform.service import cleaned, clustered, decided
from seeding_platform.service.auth import service_of
from seeding_platform.service.cleaned import Tables, contract_named
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page, signed_in, to_sign_in
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.cleaned import TableSummary
    from seeding_platform.service.context import Service

router = APIRouter(include_in_schema=False)
CELLS_A_PAGE = 25
CLUSTERS_A_PAGE = 10
CHANGES_SHOWN = 20
Rule = Annotated[str, Query(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]


@router.get("/{lang}/quality/cleaning")
def overview_page(request: Request, lang: Locale) -> Response:
    """Every landed table with rows of who looks."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    say, k = Speaker(lang, None), words(lang)["cleaning"]
    found = cleaned.summaries(service_of(request).lake, actor.tenant)
    sums = {name: sum(getattr(t, name) for t in found) for name in ("rows_in", "kept", "merged", "quarantined")}
    total = sum_said(sums, say, k) if found else ""
    tables = [{"t": t, "sum": sum_said(t.model_dump(), say, k), "since": since(t, say, k)} for t in found]
    return page(request, "cleaning", lang, actor, facts_or_none(request, actor), tables=tables, total=total)


@router.get("/{lang}/quality/cleaning/{contract}")
def table_page(request: Request, lang: Locale, contract: str, rejects: Rule = "", repairs: Rule = "", offset: Offset = 0) -> Response:
    """One table: rejects, repairs and flags by rule, the policy and its changes; or every cell of one rule."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["cleaning"]
    tables = Tables(service.lake, contract_named(contract), actor.tenant)
    told = cleaned.summary(tables)
    policy = _policy(service, tables, actor, k)
    more: dict[str, Any] = {
        "inner": f"/{contract}",
        "contract": tables.contract,
        "t": told,
        "sum": sum_said(told.model_dump(), say, k),
        "since": since(told, say, k),
        "personal": ", ".join(tables.personal()),
        **policy,
        "rejects": [],
        "repairs": [],
        "flags": [] if rejects or repairs else cleaned.flags(tables),
        "one": {},
        "changes": decided.changes(service, tables)[:CHANGES_SHOWN],
        "may_change": actor.role.may(Role.OPERATOR),
        "named": lambda rule: rule_said(rule, k),
    }
    if rejects:
        total, cells = cleaned.rejected_cells(tables, rule=rejects, limit=CELLS_A_PAGE, offset=offset)
        more |= {
            "one": pager({"rejects": rejects}, total, offset, CELLS_A_PAGE, say, k),
            "rejects": [{"rule": rejects, "n": total, "examples": cells}],
        }
    elif repairs:
        total, changed = cleaned.repaired_cells(tables, policy["declared"], rule=repairs, limit=CELLS_A_PAGE, offset=offset)
        told_of = {"rule": repairs, "n": total, "suspects": 0, "examples": changed}
        more |= {"one": pager({"repairs": repairs}, total, offset, CELLS_A_PAGE, say, k), "repairs": [told_of]}
    else:
        more["rejects"] = [{"rule": r.rule, "n": r.rows, "examples": r.examples} for r in cleaned.rejects(tables)]
        by_rule = cleaned.repairs(tables, policy["declared"])
        more["repairs"] = [{"rule": r.rule, "n": r.cells, "suspects": r.suspects, "examples": r.examples} for r in by_rule]
    return page(request, "cleaning_table", lang, actor, facts_or_none(request, actor), **more)


@router.get("/{lang}/quality/cleaning/{contract}/clusters")
def clusters_page(request: Request, lang: Locale, contract: str, kind: clustered.Kind | None = None, offset: Offset = 0) -> Response:
    """Clusters of rows with the same text, side by side, and the decisions of people about them."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["cleaning"]
    tables = Tables(service.lake, contract_named(contract), actor.tenant)
    total, found = clustered.clusters(tables, kind=kind, limit=CLUSTERS_A_PAGE, offset=offset)
    policy = _policy(service, tables, actor, k)
    shown = policy["policy"]
    apart = [{p.one, p.other} for p in shown.pairs if p.decision == "apart"] if shown else []
    more: dict[str, Any] = {
        "inner": f"/{contract}/clusters",
        "contract": tables.contract,
        "clusters": found,
        "kind": kind,
        "one": pager({"kind": kind} if kind else {}, total, offset, CLUSTERS_A_PAGE, say, k),
        "total": total,
        **policy,
        "moment": lambda when: moment_said(when, say),
        "decided_apart": lambda one, other: {one, other} in apart,
        "personal": tables.contract.text if tables.contract.text in tables.personal() else "",
        "may_change": actor.role.may(Role.OPERATOR) and shown is not None and shown.duplicates is not None,
    }
    return page(request, "cleaning_clusters", lang, actor, facts_or_none(request, actor), **more)


def _policy(service: Service, tables: Tables, actor: Actor, k: dict[str, Any]) -> dict[str, Any]:
    """The policy in force, or why there is none, which may name anybody's records and is for operators."""
    try:
        policy = decided.policy_of(service, tables)
    except ConfigError as error:
        return {"policy": None, "declared": [], "unusable": str(error) if actor.role.may(Role.OPERATOR) else k["unusable_why"]}
    return {"policy": decided.shown(service, tables, policy), "declared": decided.declared_rules(tables, policy), "unusable": ""}


def sum_said(told: Mapping[str, Any], say: Speaker, k: dict[str, Any]) -> str:
    """Where rows went, as a sum that closes."""
    return str(k["sum"].format(**{name: say.count(told[name]) for name in ("rows_in", "kept", "merged", "quarantined")}))


def since(told: TableSummary, say: Speaker, k: dict[str, Any]) -> str:
    """That the raw table is not the one that was cleaned; empty where it has as many rows."""
    if not told.rows_in:
        return str(k["not_cleaned"].format(n=say.count(told.raw_rows)))
    return "" if told.raw_rows == told.rows_in else str(k["changed_since"].format(n=say.count(told.raw_rows)))


def rule_said(rule: str, k: dict[str, Any]) -> str:
    """What a rule says, in words where it is one of ours; else its name."""
    if rule in k["rules"]:
        return str(k["rules"][rule])
    if rule.startswith("outlier_"):
        above, per, below = rule.removeprefix("outlier_").partition("_per_")
        return str(k["outlier_ratio"].format(above=above, below=below) if per else k["outlier"].format(column=above))
    said = rule.replace("_", " ")
    return said[:1].upper() + said[1:]


def moment_said(when: str | None, say: Speaker) -> str:
    """When a fact was true; as it was written where it could not be read."""
    if not when:
        return "–"
    try:
        return say.moment(dt.datetime.fromisoformat(when))
    except ValueError:
        return when


def pager(kept: dict[str, str], total: int, offset: int, size: int, say: Speaker, k: dict[str, Any]) -> dict[str, str]:
    """Where a page of a list stands, and the addresses of those beside it."""
    last = min(offset + size, total)
    return {
        "where": str(k["page_of"].format(first=say.count(min(offset + 1, total)), last=say.count(last), total=say.count(total))),
        "before": f"?{urlencode({**kept, 'offset': max(0, offset - size)})}" if offset else "",
        "after": f"?{urlencode({**kept, 'offset': offset + size})}" if last < total else "",
    }
