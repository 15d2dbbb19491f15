"""Carrying out what was recommended: checked, written down before it goes out, sent once under its key, or refused with the reason."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from seeding_platform.enrichment.allowance import refusal
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.errors import ConfigError
from seeding_platform.exchange.addresses import AddressRefused
from seeding_platform.exchange.http import Guarded, NoAnswer
from seeding_platform.exchange.signing import key_of, signed_headers
from seeding_platform.storage.enrichment.states import ErrorClass, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.allowance import ActionPolicy
    from seeding_platform.enrichment.outputs import Resolution
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.exchange.http import Answer
    from seeding_platform.storage.enrichment.states import Claimed

SECONDS = 15.0


class Ledger(Protocol):
    """What the executor needs of `storage.enrichment.actions.ActionLedger`."""

    def plan(self, entries: Sequence[Any]) -> list[Any]:
        """Write plans down; gives what stands for each."""
        ...

    def sent(self, key: str, fence: int) -> bool:
        """Say that it goes out now."""
        ...

    def done(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it was done."""
        ...

    def failed(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it was not done."""
        ...

    def refused(self, key: str, outcome: str, *, now: dt.datetime) -> bool:
        """Say that it must not be done."""
        ...

    def spent(self, tenant: str, since: dt.datetime) -> float:
        """EUR that executed actions moved, what is under way included."""
        ...


class Sender(Protocol):
    """Who sends a body to an address; `exchange.http.Guarded`."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of a recommendation.

    Attributes:
        key: of the action in the ledger, and its idempotency key.
        action: which.
        mode: dry_run or executed.
        state: done (in a dry run: would be), sent (nobody knows yet), failed, refused.
        outcome: for people.
        error: where it makes sense to try again, which class of failure it is; the key stays the same.
    """

    key: str
    action: str
    mode: str
    state: str
    outcome: str
    error: ErrorClass | None = None


def carried_out(
    claimed: Claimed,
    resolution: Resolution,
    *,
    policy: ActionPolicy,
    ledger: Ledger,
    now: dt.datetime,
    rates: Mapping[str, float] | None = None,
    sender: Sender | None = None,
    stages: Stages | None = None,
) -> Carried:
    """Carry out what was recommended for a record, as far as the policy allows.

    The plan is written before anything goes out, with `sent` just before it does: whoever dies in between is followed by somebody who sends the same
    key again, and a receiver that keeps keys does it once. The limit of the day is looked at with this action counted, so that two workers at once
    may both be refused and never both be let through.

    Args:
        claimed: the record, with its facts and what the stages before said.
        resolution: checked output of the last stage.
        policy: of the tenant.
        ledger: where actions are written down.
        now: the moment, aware.
        rates: EUR for one unit of a currency.
        sender: in place of a guarded client.
        stages: in place of those that ship.

    Raises:
        ConfigError: actions are to be executed and the policy names no address.
    """
    from seeding_platform.storage.enrichment.actions import Action

    before, order = claimed.upstream[Stage.CLASSIFICATION], _order(claimed)
    eur, told = _eur(resolution, rates), resolution.parameters.model_dump(mode="json")
    if policy.mode == "executed" and not policy.url.get_secret_value():
        raise ConfigError("Actions are to be executed and nobody is named who does.", fix="Set the policy's url, or its mode to dry_run.")
    why = refusal(
        resolution,
        label=before["ai_label"],
        label_confidence=float(before["ai_confidence"]),
        order=order,
        eur=eur,
        policy=policy,
        stages=stages or shipped_stages(),
    )
    plan = Action(
        tenant=claimed.ref.tenant, record_type=claimed.ref.record_type, record_id=claimed.ref.record_id, action=resolution.action, parameters=told,
        policy_version=policy.version, planned_at=now, mode=policy.mode, amount=eur, fence=claimed.fence,
    )  # fmt: skip
    [entry] = ledger.plan([plan])
    if entry.state in ("done", "refused"):
        return _carried(entry, entry.state, entry.outcome)
    if entry.state == "sent" and (entry.action, dict(entry.parameters), entry.policy_version) != (plan.action, told, plan.policy_version):
        return _carried(entry, "sent", "another one for the same record is under way")
    if why:
        ledger.refused(entry.key, why, now=now)
        return _carried(entry, "refused", why)
    if policy.mode == "dry_run":
        return _dry(entry, ledger, policy, eur, now)
    return _sent(claimed, entry, ledger, policy, sender or Guarded(private=policy.private, seconds=SECONDS), now)


def _dry(entry: Any, ledger: Ledger, policy: ActionPolicy, eur: float | None, now: dt.datetime) -> Carried:
    if eur and ledger.spent(entry.tenant, _day(now)) + eur > policy.most_eur_day:
        ledger.refused(entry.key, "the limit of the day would be passed", now=now)
        return _carried(entry, "refused", "the limit of the day would be passed")
    ledger.done(entry.key, "would be done", now=now)
    return _carried(entry, "done", "would be done")


def _sent(claimed: Claimed, entry: Any, ledger: Ledger, policy: ActionPolicy, sender: Sender, now: dt.datetime) -> Carried:
    if not ledger.sent(entry.key, claimed.fence):
        return _carried(entry, entry.state, "somebody else has this record by now")
    if entry.amount and ledger.spent(entry.tenant, _day(now)) > policy.most_eur_day:  # it counts as sent: this one is in the sum
        ledger.failed(entry.key, "the limit of the day is reached", now=now)
        return _carried(entry, "failed", "the limit of the day is reached", ErrorClass.BUDGET_EXHAUSTED)
    body = json.dumps(
        {
            "key": entry.key, "tenant": entry.tenant, "record_type": entry.record_type, "record_id": entry.record_id, "action": entry.action,
            "parameters": dict(entry.parameters), "policy_version": entry.policy_version,
        },
        sort_keys=True,
    ).encode()  # fmt: skip
    headers = {"Idempotency-Key": entry.key}
    if policy.secret.get_secret_value():
        headers |= signed_headers([key_of(policy.secret.get_secret_value())], entry.key, body, now=now)
    try:
        answer = sender.post(policy.url.get_secret_value(), body, headers)
    except AddressRefused as error:
        ledger.failed(entry.key, str(error), now=now)
        return _carried(entry, "failed", str(error), ErrorClass.PROVIDER_DOWN)
    except NoAnswer as error:  # it may have got there: it stays sent, and goes out again under the same key
        return _carried(entry, "sent", str(error), ErrorClass.TRANSIENT)
    if answer.ok:
        ledger.done(entry.key, f"taken with {answer.status}", now=now)
        return _carried(entry, "done", f"taken with {answer.status}")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return _carried(entry, "sent", f"answered with {answer.status}", ErrorClass.TRANSIENT)
    ledger.failed(entry.key, f"answered with {answer.status}", now=now)
    return _carried(entry, "failed", f"answered with {answer.status}")


def _carried(entry: Any, state: str, outcome: str, error: ErrorClass | None = None) -> Carried:
    return Carried(key=entry.key, action=entry.action, mode=entry.mode, state=state, outcome=outcome, error=error)


def _eur(resolution: Resolution, rates: Mapping[str, float] | None) -> float | None:
    amount, currency = resolution.parameters.amount, resolution.parameters.currency
    if amount is None or currency is None:
        return None
    rate = 1.0 if currency == "EUR" else (rates or {}).get(currency)
    return None if rate is None else round(amount * rate, 2)


def _order(claimed: Claimed) -> Mapping[str, Any] | None:
    told = claimed.payload if claimed.ref.record_type == "order" else claimed.payload.get("order")
    return told or None


def _day(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
