"""What may be wrong with an order, by rules over its facts. A rule fires on what is known only: a missing moment is no late one.

Limits are those of a shop that ships within Europe; severity follows how late or how much. Labels of problems are in `stages.yaml`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SHIP_WITHIN = dt.timedelta(days=3)
"""From placing an order to shipping it."""
ARRIVE_WITHIN = dt.timedelta(days=10)
"""From shipping an order to its arrival."""
CENT = 0.005
ORDER = ("none", "low", "medium", "high", "critical")
UNDER_WAY = ("created", "paid", "processing", "packed", "shipped", "in_transit")
WAITING = ("created", "paid", "processing", "packed")
NEEDED = ("status", "created_at", "promised_at", "amount", "currency", "customer_ref", "items")


@dataclass(frozen=True, slots=True)
class Found:
    """One problem.

    Args:
        kind: as `stages.yaml` names it.
        severity: low, medium, high or critical.
        evidence: fields that show it, with their values as text.
    """

    kind: str
    severity: str
    evidence: tuple[tuple[str, str], ...]


def problems(order: Mapping[str, Any], *, as_of: dt.datetime) -> list[Found]:
    """Everything that is wrong with an order, the worst first.

    Args:
        order: facts as `payload` makes them; moments as ISO 8601 text, amounts as numbers.
        as_of: the moment at which it is looked at, aware; what is overdue depends on it. `as_of` among the facts goes before it.
    """
    at = moment(order, "as_of") or as_of
    found = [f for rule in RULES for f in rule(order, at)]
    return sorted(found, key=lambda f: (-ORDER.index(f.severity), f.kind))


def severity(found: Iterable[Found]) -> str:
    """The worst of several problems; none of none."""
    return max((f.severity for f in found), key=ORDER.index, default="none")


def milestones(order: Mapping[str, Any], *, as_of: dt.datetime) -> list[str]:
    """Which problems of waiting an order has by now: with them among its facts a record counts as changed when one begins, and only then."""
    return sorted({f.kind for rule in (_overdue, _stuck) for f in rule(order, as_of)})


def moment(order: Mapping[str, Any], name: str) -> dt.datetime | None:
    """A moment of an order, aware; None where it is not known or says nothing that is one."""
    told = order.get(name)
    if not isinstance(told, str):
        return None
    try:
        at = dt.datetime.fromisoformat(told)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)


def number(order: Mapping[str, Any], name: str) -> float | None:
    """A number of an order; None where it is not known."""
    told = order.get(name)
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


def _shown(order: Mapping[str, Any], *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, "missing" if order.get(name) in (None, "") else str(order[name])[:200]) for name in names)


def _by_days(late: dt.timedelta) -> str:
    days = late / dt.timedelta(days=1)
    return "low" if days < 1 else "medium" if days < 3 else "high" if days < 10 else "critical"


def _status(order: Mapping[str, Any]) -> str:
    return str(order.get("status") or "").strip().lower()


def _delivered_late(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    promised, delivered = moment(order, "promised_at"), moment(order, "delivered_at")
    if promised is not None and delivered is not None and delivered > promised:
        yield Found("delivered_late", _by_days(delivered - promised), _shown(order, "promised_at", "delivered_at"))


def _overdue(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    promised = moment(order, "promised_at")
    if promised is not None and moment(order, "delivered_at") is None and _status(order) in UNDER_WAY and at > promised:
        yield Found("overdue", _by_days(at - promised), (*_shown(order, "promised_at", "delivered_at", "status"),))


def _stuck(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    created, shipped = moment(order, "created_at"), moment(order, "shipped_at")
    if created is not None and shipped is None and _status(order) in WAITING and at - created > SHIP_WITHIN:
        yield Found("stuck_unshipped", _by_days(at - created - SHIP_WITHIN), _shown(order, "created_at", "shipped_at", "status"))
    there = moment(order, "delivered_at") is not None
    if shipped is not None and not there and _status(order) in ("shipped", "in_transit") and at - shipped > ARRIVE_WITHIN:
        yield Found("stuck_in_transit", _by_days(at - shipped - ARRIVE_WITHIN), _shown(order, "shipped_at", "delivered_at", "status"))


def _amounts(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    amount, paid = number(order, "amount"), number(order, "paid_amount")
    if amount is None or _status(order) == "cancelled":
        return
    gone = moment(order, "shipped_at") is not None
    if gone and amount > 0 and paid == 0:
        yield Found("unpaid", "high", _shown(order, "amount", "paid_amount", "shipped_at"))
    elif paid is not None and paid > 0 and abs(paid - amount) > CENT:
        share = abs(paid - amount) / max(amount, 1.0)
        how = "low" if share < 0.02 else "medium" if share < 0.25 else "high" if share < 1 else "critical"
        yield Found("amount_mismatch", how, _shown(order, "amount", "paid_amount", "currency"))


def _missing(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    gone = [name for name in NEEDED if order.get(name) in (None, "")]
    if gone:
        yield Found("missing_fields", "low" if len(gone) == 1 else "medium" if len(gone) < 4 else "high", _shown(order, *gone))
    if order.get("ship_country") in (None, ""):
        yield Found("no_country", "medium", _shown(order, "ship_country"))
    if moment(order, "shipped_at") is not None and order.get("carrier") in (None, ""):
        yield Found("no_carrier", "low", _shown(order, "shipped_at", "carrier"))


def _dates(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    for before, after in (
        ("created_at", "shipped_at"),
        ("shipped_at", "delivered_at"),
        ("created_at", "delivered_at"),
        ("created_at", "promised_at"),
    ):
        one, other = moment(order, before), moment(order, after)
        if one is not None and other is not None and one > other:
            yield Found("dates_out_of_order", "medium", _shown(order, before, after))
            return  # one contradiction says it; the others follow from it


def _conflict(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    status, shipped, delivered = _status(order), moment(order, "shipped_at"), moment(order, "delivered_at")
    if status == "delivered" and delivered is None:
        yield Found("status_conflict", "medium", _shown(order, "status", "delivered_at"))
    elif status in WAITING and (delivered is not None or shipped is not None):
        yield Found("status_conflict", "medium", _shown(order, "status", "shipped_at", "delivered_at"))
    elif status == "cancelled" and shipped is not None:
        yield Found("status_conflict", "high", _shown(order, "status", "shipped_at"))


def _duplicate(order: Mapping[str, Any], at: dt.datetime) -> Iterable[Found]:
    if order.get("duplicate_of") not in (None, ""):
        yield Found("duplicate", "high", _shown(order, "duplicate_of"))


RULES: tuple[Callable[[Mapping[str, Any], dt.datetime], Iterable[Found]], ...] = (
    _delivered_late, _overdue, _stuck, _amounts, _missing, _dates, _conflict, _duplicate,
)  # fmt: skip
VERSION = "rules-1"
"""Of these rules; another one makes what they said outdated."""
