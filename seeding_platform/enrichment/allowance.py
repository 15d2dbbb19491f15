"""Whether a recommended action may be done: an allow-list, money limits, what the order bears out. Whatever a text or a model says, this decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from seeding_platform.enrichment.problems import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.enrichment.outputs import Resolution
    from seeding_platform.enrichment.stages import Stages

FITTING: dict[str, frozenset[str]] = {
    "late_delivery": frozenset({"notify_customer", "partial_refund"}),
    "address_problem": frozenset({"notify_customer", "correct_address"}),
    "payment_mismatch": frozenset({"notify_customer", "partial_refund"}),
    "stock_out": frozenset({"notify_customer"}),
    "damaged": frozenset({"notify_customer", "reship", "open_carrier_claim"}),
    "duplicate_order": frozenset({"notify_customer"}),
    "missing_data": frozenset({"notify_customer", "correct_address"}),
    "carrier_exception": frozenset({"notify_customer", "open_carrier_claim"}),
    "customs_hold": frozenset({"notify_customer"}),
    "other": frozenset(),
}
"""What a label may lead to at most; `release_hold` is for people."""


class ActionPolicy(BaseModel):
    """What may be done without a person, of one tenant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field("1", pattern=r"^[A-Za-z0-9._-]{1,40}$", description="Part of the key of every action")
    mode: Literal["dry_run", "executed"] = Field("dry_run", description="dry_run only says what would be done")
    allowed: frozenset[str] = Field(frozenset({"notify_customer", "correct_address", "open_carrier_claim"}), description="Actions that may be done")
    most_eur: dict[str, float] = Field(
        default_factory=dict, description="Most EUR of one action, by its name; one that moves money and is not here is refused"
    )
    most_eur_day: float = Field(0.0, ge=0, allow_inf_nan=False, description="Most EUR of all actions of the tenant in a day (UTC)")
    most_share: float = Field(0.25, ge=0, le=1, description="Most of the order's amount that is paid back for a delay")
    least_confidence: float = Field(0.7, ge=0, le=1, description="Of the classification and of the recommendation")
    url: SecretStr = Field(SecretStr(""), description="Webhook (n8n, say) that does what is sent to it; needed to execute")
    secret: SecretStr = Field(SecretStr(""), description="Signs what is sent there")
    private: bool = Field(False, description="Whether that address may be private, and plain http")


def refusal(
    resolution: Resolution,
    *,
    label: str,
    label_confidence: float,
    order: Mapping[str, Any] | None,
    eur: float | None,
    policy: ActionPolicy,
    stages: Stages,
) -> str:
    """Why an action must not be done; empty where it may, as far as one action goes. The limit of a day is the ledger's business.

    Args:
        resolution: what is recommended.
        label: of the classification.
        label_confidence: of the classification.
        order: facts of the order.
        eur: what it moves in EUR, None where it moves nothing or that cannot be told.
        policy: of the tenant.
        stages: which actions move money.
    """
    action, parameters = resolution.action, resolution.parameters
    if action == "escalate" or not resolution.resolvable:
        return "it is for a person"
    if action not in policy.allowed:
        return f"{action} is not on the list of what may be done"
    if action not in FITTING[label]:
        return f"{action} does not follow from {label}"
    if min(label_confidence, resolution.confidence) < policy.least_confidence:
        return f"confidence is below {policy.least_confidence:g}"
    if order is None or not order.get("order_id"):
        return "its order is not known"
    if parameters.reference is not None and parameters.reference != order["order_id"]:
        return "it refers to another order"
    if not stages.actions[action].moves_money:
        return "an amount is named for what moves no money" if parameters.amount is not None else ""
    return _money(action, label, parameters.amount, parameters.currency, order, eur, policy)


def _money(
    action: str, label: str, amount: float | None, currency: str | None, order: Mapping[str, Any], eur: float | None, policy: ActionPolicy
) -> str:
    worth, paid = number(order, "amount"), number(order, "paid_amount")
    if amount is None or amount <= 0:
        return "it moves money and names no amount"
    if currency is None or currency != order.get("currency"):
        return "its currency is not that of the order"
    if eur is None:
        return "what it costs in EUR is not known"
    if worth is None:
        return "what the order is worth is not known"
    bound = worth if action == "reship" else (paid or 0.0) - worth if label == "payment_mismatch" else min(policy.most_share * worth, paid or 0.0)
    if amount > bound + 0.005:
        return "it is more than the order bears out"
    limit = policy.most_eur.get(action)
    if limit is None or eur > limit:
        return f"it is more than {action} may cost" if limit is not None else f"no limit is set for {action}"
    return ""
