"""The cleaning policy in force as the service shows it, and what people decide about it: each decision on record, with who and when.

A policy cleans the rows of every tenant of an installation; the keys in its pinned decisions are shown to those who have such rows.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from seeding_platform.cleaning.policies import adjusted_policy, fingerprint
from seeding_platform.cleaning.policies.edit import CannotChange, RuleChange, with_change
from seeding_platform.errors import ConfigError
from seeding_platform.service.cleaned import repaired_by
from seeding_platform.service.clustered import known_records, together
from seeding_platform.service.errors import Problem
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.kept import VersionConflict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.cleaning.policies.edit import Change, Decision
    from seeding_platform.cleaning.policy import CleaningPolicy
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.cleaned import Tables
    from seeding_platform.service.context import Service
    from seeding_platform.storage.kept import Item

KIND = "cleaning"


class RuleShown(BaseModel, frozen=True):
    """A repair rule that somebody declared.

    Args:
        name: stands beside each cell that it changed.
        kind: format, fd or snap.
        column: what it repairs.
        declared_in: the contract or the policy.
        undone: a person has undone it.
        cells: cells that it rewrote in the tables in force.
        waits: undone, but the tables in force were still cleaned with it.
    """

    name: str
    kind: str
    column: str
    declared_in: Literal["contract", "policy"]
    undone: bool
    cells: int
    waits: bool


class PairShown(BaseModel, frozen=True):
    """A decision about two records; `waits` says that the tables in force do not follow it yet."""

    one: str
    other: str
    decision: Literal["same", "apart"]
    waits: bool


class DuplicatesShown(BaseModel, frozen=True):
    """How duplicates by text are sought."""

    text: str
    mode: str
    by: list[str]
    action: Literal["mark", "merge"]


class PolicyShown(BaseModel, frozen=True):
    """The policy in force; `fingerprint` names it together with the contract."""

    contract: str
    fingerprint: str
    rules: list[RuleShown]
    duplicates: DuplicatesShown | None
    pairs: list[PairShown]


class ChangeShown(BaseModel, frozen=True):
    """One change of a policy by one's own organisation, and the policy that it made."""

    at: dt.datetime
    actor: str
    rule: str | None
    undone: bool | None
    records: tuple[str, str] | None
    decision: Literal["same", "apart", "none"] | None
    fingerprint: str


def policy_of(service: Service, tables: Tables) -> CleaningPolicy:
    """The policy in force.

    Raises:
        ConfigError: the user's file is no policy.
    """
    return adjusted_policy(tables.contract, service.settings.policies, Adjusted(service.state))


def readable_policy(service: Service, tables: Tables, actor: Actor) -> CleaningPolicy:
    """The policy in force, for whoever reads.

    Raises:
        Problem: 503 where the user's file is no policy; what is wrong with it is for operators, as it may name anybody's records.
    """
    try:
        return policy_of(service, tables)
    except ConfigError as error:
        why = str(error) if actor.role.may(Role.OPERATOR) else "Operators see why."
        raise Problem(503, "policy-unusable", f"The policy file of {tables.contract.name} cannot be used. {why}") from error


def declared_rules(tables: Tables, policy: CleaningPolicy) -> list[dict[str, Any]]:
    """Repair rules of the contract and of the policy, also those that are undone."""
    return [dict(rule) for rule in (*tables.contract.repairs, *policy.repairs)]


def shown(service: Service, tables: Tables, policy: CleaningPolicy) -> PolicyShown:
    """A policy for people: rules with what they did, how duplicates are sought, pinned decisions."""
    cells = repaired_by(tables)
    own = len(tables.contract.repairs)
    rules = [
        RuleShown(
            name=str(rule["name"]),
            kind=str(rule["kind"]),
            column=str(rule["column"]),
            declared_in="contract" if place < own else "policy",
            undone=rule["name"] in policy.without,
            cells=cells.get(str(rule["name"]), 0),
            waits=rule["name"] in policy.without and cells.get(str(rule["name"]), 0) > 0,
        )
        for place, rule in enumerate(declared_rules(tables, policy))
    ]
    how = policy.duplicates
    return PolicyShown(
        contract=tables.contract.name,
        fingerprint=fingerprint(tables.contract, policy),
        rules=rules,
        duplicates=None if how is None else DuplicatesShown(text=how.text, mode=how.mode, by=list(how.by), action=how.action),
        pairs=_pairs(service, tables, policy),
    )


def _pairs(service: Service, tables: Tables, policy: CleaningPolicy) -> list[PairShown]:
    """Pinned decisions about records of the tenant's, and those that it made itself."""
    if policy.duplicates is None:
        return []
    pinned: list[tuple[tuple[str, str], Decision]] = [
        *((pair, "same") for pair in policy.duplicates.merge),
        *((pair, "apart") for pair in policy.duplicates.never_merge),
    ]
    if not pinned:
        return []
    known = known_records(tables, {record for pair, _ in pinned for record in pair})
    decided = {tuple(sorted(change.records)) for change in changes(service, tables) if change.records is not None}
    joined = together(tables, [pair for pair, _ in pinned])
    return [
        PairShown(one=pair[0], other=pair[1], decision=decision, waits=(pair in joined) != (decision == "same"))
        for pair, decision in pinned
        if set(pair) <= known or tuple(sorted(pair)) in decided
    ]


def change_policy(service: Service, tables: Tables, change: Change, actor: Actor) -> CleaningPolicy:
    """Make and record a change; the platform cleans the tables again by the new policy.

    Raises:
        Problem: 404 for a rule that there is not, 409 where no duplicates are sought, 412 when somebody else was faster, 422 for records that
            the tenant does not have.
        ConfigError: the user's file is no policy.
    """
    if not isinstance(change, RuleChange):
        _check_records(service, tables, change.pair, undecided=change.decision == "none")

    def record(policy: CleaningPolicy) -> None:
        _recorded(service, tables, change, policy, actor)

    try:
        return with_change(service.settings.policies, tables.contract, change, before_write=record)
    except CannotChange as error:
        status, code = (404, "no-such-rule") if isinstance(change, RuleChange) else (409, "no-duplicates-sought")
        raise Problem(status, code, str(error)) from error
    except VersionConflict as conflict:
        raise Problem(412, "changed-meanwhile", "Somebody else changed the policy at this moment; look again.") from conflict


def _check_records(service: Service, tables: Tables, pair: Iterable[str], *, undecided: bool) -> None:
    """Records of a decision must be the tenant's own.

    A decision of its own may be taken back when its rows are gone.
    """
    records = tuple(sorted(set(pair)))
    if len(records) < 2:
        raise Problem(422, "one-record", "A decision needs two records.")
    if undecided and any(c.records is not None and tuple(sorted(c.records)) == records for c in changes(service, tables)):
        return
    missing = sorted(set(records) - known_records(tables, records))
    if missing:
        raise Problem(422, "no-such-record", f"{tables.contract.name} has no record {', '.join(map(repr, missing))}.")


def _item_id(tables: Tables) -> str:
    return f"{KIND}:{tables.contract.name}:{tables.tenant}"


def _recorded(service: Service, tables: Tables, change: Change, policy: CleaningPolicy, actor: Actor) -> None:
    """Keep who changed what; versions of one thing a table and tenant."""
    decided = (
        {"rule": change.rule, "undone": change.undone} if isinstance(change, RuleChange) else {"records": change.pair, "decision": change.decision}
    )
    body = {**decided, "fingerprint": fingerprint(tables.contract, policy)}
    before = service.kept.history(_item_id(tables), tenant=tables.tenant)
    if before:
        service.kept.change(before[-1], body, actor=actor.key_id, now=service.now())
    else:
        service.kept.add(KIND, body, tenant=tables.tenant, actor=actor.key_id, item_id=_item_id(tables), now=service.now())


def changes(service: Service, tables: Tables) -> list[ChangeShown]:
    """Changes of the tenant's to the policy of a table, the newest first."""
    return [_change(item) for item in reversed(service.kept.history(_item_id(tables), tenant=tables.tenant))]


def _change(item: Item) -> ChangeShown:
    body = item.body or {}
    told = {name: body.get(name) for name in ("rule", "undone", "records", "decision")}
    return ChangeShown(at=item.written_at, actor=item.actor, fingerprint=body["fingerprint"], **told)
