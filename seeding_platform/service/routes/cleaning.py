"""What cleaning did to each table, with examples; rules undone and records told apart by those who may change things for everybody."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.cleaning.policies.edit import PairChange, RuleChange
from seeding_platform.service import cleaned, clustered, decided
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.cleaned import FlagRule, Reject, RejectRule, Repair, RepairedBy, Tables, TableSummary, contract_named
from seeding_platform.service.clustered import Cluster
from seeding_platform.service.decided import ChangeShown, PolicyShown
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/cleaning", tags=["cleaning"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Rule = Annotated[str | None, Query(max_length=200, description="Only what this rule did")]
Record = Annotated[str, Field(min_length=1, max_length=500)]


class TableAnswer(TableSummary):
    """A table with what each rule did to it, and the policy in force."""

    rejects: list[RejectRule]
    repairs: list[RepairedBy]
    flags: list[FlagRule]
    policy: PolicyShown


class RejectsAnswer(BaseModel):
    """A page of cells for which rows were refused."""

    total: int
    items: list[Reject]


class RepairsAnswer(BaseModel):
    """A page of cells that were rewritten, or are suspect."""

    total: int
    items: list[Repair]


class ClustersAnswer(BaseModel):
    """A page of clusters."""

    total: int
    items: list[Cluster]


class RuleWanted(BaseModel, extra="forbid"):
    """Whether a repair rule is to be left out."""

    rule: str = Field(min_length=1, max_length=200)
    undone: bool


class PairWanted(BaseModel, extra="forbid"):
    """What is decided about two records; `none` takes a decision back."""

    one: Record
    other: Record
    decision: Literal["same", "apart", "none"]


def tables_of(request: Request, actor: Actor, contract: str) -> Tables:
    """The tables of a contract as somebody may see them.

    Raises:
        Problem: 404 for a contract that there is not.
    """
    return Tables(service_of(request).lake, contract_named(contract), actor.tenant)


@router.get("")
def list_tables(request: Request, actor: Viewer) -> list[TableSummary]:
    """Every landed table that holds rows of one's own: where they went, and how complete they were before and after."""
    return cleaned.summaries(service_of(request).lake, actor.tenant)


@router.get("/{contract}")
def get_table(request: Request, actor: Viewer, contract: str) -> TableAnswer:
    """One table: what was refused, rewritten and flagged by which rule, and the policy in force. Personal values are masked."""
    service, tables = service_of(request), tables_of(request, actor, contract)
    policy = decided.readable_policy(service, tables, actor)
    return TableAnswer(
        **cleaned.summary(tables).model_dump(),
        rejects=cleaned.rejects(tables),
        repairs=cleaned.repairs(tables, decided.declared_rules(tables, policy)),
        flags=cleaned.flags(tables),
        policy=decided.shown(service, tables, policy),
    )


@router.get("/{contract}/rejects")
def list_rejects(request: Request, actor: Viewer, contract: str, rule: Rule = None, limit: Limit = 50, offset: Offset = 0) -> RejectsAnswer:
    """Cells for which rows were refused, in the order of their files. Personal values are masked."""
    total, items = cleaned.rejected_cells(tables_of(request, actor, contract), rule=rule, limit=limit, offset=offset)
    return RejectsAnswer(total=total, items=items)


@router.get("/{contract}/repairs")
def list_repairs(request: Request, actor: Viewer, contract: str, rule: Rule = None, limit: Limit = 50, offset: Offset = 0) -> RepairsAnswer:
    """Cells that were rewritten or are suspect, in the order of their files. Personal values are masked."""
    service, tables = service_of(request), tables_of(request, actor, contract)
    rules = decided.declared_rules(tables, decided.readable_policy(service, tables, actor))
    total, items = cleaned.repaired_cells(tables, rules, rule=rule, limit=limit, offset=offset)
    return RepairsAnswer(total=total, items=items)


@router.get("/{contract}/clusters")
def list_clusters(
    request: Request,
    actor: Viewer,
    contract: str,
    kind: clustered.Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Offset = 0,
) -> ClustersAnswer:
    """Clusters of rows with the same text, the biggest first; `kind` are those with such a member."""
    total, items = clustered.clusters(tables_of(request, actor, contract), kind=kind, limit=limit, offset=offset)
    return ClustersAnswer(total=total, items=items)


@router.get("/{contract}/changes")
def list_changes(request: Request, actor: Viewer, contract: str) -> list[ChangeShown]:
    """Who of one's own changed the policy of a table, and when, the newest first."""
    return decided.changes(service_of(request), tables_of(request, actor, contract))


@router.post("/{contract}/rules")
def post_rule(request: Request, actor: Operator, contract: str, wanted: RuleWanted) -> PolicyShown:
    """Undo a repair rule, or apply it again. The tables follow when the platform cleans them again."""
    service, tables = service_of(request), tables_of(request, actor, contract)
    policy = decided.change_policy(service, tables, RuleChange(wanted.rule, wanted.undone), actor)
    return decided.shown(service, tables, policy)


@router.post("/{contract}/pairs")
def post_pair(request: Request, actor: Operator, contract: str, wanted: PairWanted) -> PolicyShown:
    """Decide that two records are the same or not, or take the decision back. The tables follow when the platform cleans them again."""
    service, tables = service_of(request), tables_of(request, actor, contract)
    policy = decided.change_policy(service, tables, PairChange((wanted.one, wanted.other), wanted.decision), actor)
    return decided.shown(service, tables, policy)
