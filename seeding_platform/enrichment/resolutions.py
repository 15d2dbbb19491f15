"""What to do about a classified exception, by a table of label and facts. Only recommended here; whether it may be done is decided in `actions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.problems import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

VERSION = "table-1"
APOLOGY_SHARE = 0.10
"""Part of the amount that is offered for a delay of a week or more."""
LATE_ENOUGH = ("high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A recommendation.

    Attributes:
        action: which.
        confidence: how often this entry is right where the label is, as whoever wrote it judged; nobody has measured it.
        why: one sentence.
        resolvable: whether it can be done without a person.
        amount: money, in `currency`.
        currency: ISO 4217.
        template: text that is sent.
        reference: order concerned.
    """

    action: str
    confidence: float
    why: str
    resolvable: bool = True
    amount: float | None = None
    currency: str | None = None
    template: str | None = None
    reference: str | None = None


def advice(label: str, order: Mapping[str, Any] | None, found: Mapping[str, str]) -> Advice:
    """What the table says.

    Args:
        label: of the classification.
        order: facts of the order, None where they are not known.
        found: severity of each kind of problem of the order.
    """
    return _TABLE[label](order or {}, found)


def _late(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    how = {found[k] for k in ("delivered_late", "overdue") if k in found}
    amount = number(order, "amount")
    if how & set(LATE_ENOUGH) and "delivered_late" in found and amount and order.get("currency"):
        return _money(
            "partial_refund", order, round(APOLOGY_SHARE * amount, 2), 0.8, "It came days late: a part of the amount is offered.", "delay_apology"
        )
    if how:
        return _notice("delay_apology", order, 0.9, "The order's dates show the delay: the customer is told.")
    return _notice("delivery_update", order, 0.75, "The order's dates show no delay: the customer is told how it stands.")


def _payment(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    amount, paid = number(order, "amount"), number(order, "paid_amount")
    if not {"amount_mismatch", "unpaid"} & set(found) or amount is None or paid is None:
        return _person("The amounts of the order do not show what is wrong.")
    if paid > amount:
        return _money(
            "partial_refund", order, round(paid - amount, 2), 0.85, "More was paid than the order costs: the difference is paid back.", None
        )
    return _notice("payment_request", order, 0.85, "Less was paid than the order costs: the customer is asked for the rest.")


def _damaged(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    amount = number(order, "amount")
    if amount is None or not order.get("currency"):
        return _person("What the goods are worth is not known.")
    return _money("reship", order, amount, 0.8, "The goods arrived damaged: they are sent again.", None)


def _missing(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    if "no_country" in found:
        return Advice(action="correct_address", confidence=0.8, why="The country is missing.", template="address_request", reference=_id(order))
    return _notice("data_request", order, 0.75, "What is missing is asked for.")


def _address(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    return Advice(action="correct_address", confidence=0.85, why="The right address is asked for.", template="address_request", reference=_id(order))


def _carrier(order: Mapping[str, Any], found: Mapping[str, str]) -> Advice:
    if not order.get("carrier"):
        return _person("Which carrier it was is not known.")
    return Advice(action="open_carrier_claim", confidence=0.85, why="The carrier answers for what happens on the way.", reference=_id(order))


def _notice(template: str, order: Mapping[str, Any], confidence: float, why: str) -> Advice:
    return Advice(action="notify_customer", confidence=confidence, why=why, template=template, reference=_id(order))


def _money(action: str, order: Mapping[str, Any], amount: float, confidence: float, why: str, template: str | None) -> Advice:
    currency = str(order["currency"]) if order.get("currency") else None
    return Advice(action=action, confidence=confidence, why=why, amount=amount, currency=currency, template=template, reference=_id(order))


def _person(why: str) -> Advice:
    return Advice(action="escalate", confidence=0.9, why=why, resolvable=False)


def _id(order: Mapping[str, Any]) -> str | None:
    return str(order["order_id"])[:100] if order.get("order_id") else None


_TABLE: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Advice]] = {
    "late_delivery": _late,
    "address_problem": _address,
    "payment_mismatch": _payment,
    "stock_out": lambda order, found: _notice("stock_notice", order, 0.8, "The customer chooses between waiting and money back."),
    "damaged": _damaged,
    "duplicate_order": lambda order, found: _notice("duplicate_notice", order, 0.8, "The customer says which of the orders stays."),
    "missing_data": _missing,
    "carrier_exception": _carrier,
    "customs_hold": lambda order, found: _notice("customs_notice", order, 0.75, "The customer is told what customs ask for."),
    "other": lambda order, found: _person("It is none of the known kinds."),
}
LABELS: Set[str] = frozenset(_TABLE)
