"""A plan answered: the statement run, rows in their one form, and every warning that the figures need."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeding_platform.analytics.compile import compiled, scope_query
from seeding_platform.analytics.facts import VALUE_PER_CONVERSION
from seeding_platform.analytics.metrics import metric
from seeding_platform.analytics.plan import Answer

if TYPE_CHECKING:
    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.plan import QueryPlan

PROVISIONAL_DAYS = 3
"""Platforms restate conversions for some days after."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What lies in the scope of a plan.

    Args:
        rows: facts in the window.
        currencies: currency codes; an empty one is unknown.
        revenue_basis: measured, assumed or mixed; None without facts.
        cac_by: what CAC divides by.
    """

    rows: int
    currencies: tuple[str, ...]
    revenue_basis: str | None
    cac_by: str


def answered(plan: QueryPlan, facts: Known, *, lang: str = "en", warnings: tuple[str, ...] = (), explanation: str = "") -> Answer:
    """Run a plan on a tenant's facts.

    Args:
        plan: what is asked.
        facts: where.
        lang: en or nl, for words of the answer.
        warnings: what is known already.
        explanation: the plan in a sentence.
    """
    scope = _scope(plan, facts)
    told = list(warnings)
    if scope.rows == 0:
        told.append(f"no_data: no facts from {plan.window.start} to {plan.window.end}; they run from {facts.first_day} to {facts.complete_through}")
        return Answer(status="no_data", plan=plan, warnings=told, explanation=explanation, snapshot=facts.snapshot.id, lang=_lang(lang))
    money = any(metric(name).unit == "money" or "spend" in metric(name).columns() for name in plan.metrics)
    if money and len(scope.currencies) > 1 and "currency" not in plan.dimensions:
        plan = plan.model_copy(update={"dimensions": (*plan.dimensions, "currency")})
        told.append("grouped_by_currency: amounts of different currencies are never added")
    statement = compiled(plan, tenant=facts.tenant, cac_by=scope.cac_by)
    sql = statement.sql()
    rows = [_row(row, plan) for row in facts.snapshot.rows(sql, statement.params)]
    told += _warnings(plan, facts, scope)
    return Answer(
        status="ok" if rows else "no_data",
        rows=rows,
        plan=plan,
        explanation=explanation,
        warnings=told,
        sql=sql,
        snapshot=facts.snapshot.id,
        basis=_basis(plan, scope),
        lang=_lang(lang),
    )


def _lang(lang: str) -> Any:
    return "nl" if lang == "nl" else "en"


def _scope(plan: QueryPlan, facts: Known) -> Scope:
    query = scope_query(plan, tenant=facts.tenant)
    row = facts.snapshot.rows(query.sql(), query.params)[0]
    both = row["reported"] and row["assumed"]
    basis = "mixed" if both else "measured" if row["reported"] else "assumed" if row["assumed"] else None
    customers = row["rows"] > 0 and row["customers"] == row["rows"]
    return Scope(row["current_rows"], tuple(sorted(row["currencies"] or [])), basis, "new_customers" if customers else "conversions")


def _basis(plan: QueryPlan, scope: Scope) -> dict[str, str | None]:
    columns = {c for name in plan.metrics for c in metric(name).columns()}
    found: dict[str, str | None] = {"currency": scope.currencies[0] or None if len(scope.currencies) == 1 else None}
    if "revenue" in columns:
        found["revenue_basis"] = scope.revenue_basis
    if "cac" in plan.metrics:
        found["cac_basis"] = scope.cac_by
    return found


def _warnings(plan: QueryPlan, facts: Known, scope: Scope) -> list[str]:
    told = []
    columns = {c for name in plan.metrics for c in metric(name).columns()}
    if "revenue" in columns and scope.revenue_basis in ("assumed", "mixed"):
        told.append(f"revenue_basis: {scope.revenue_basis}; a conversion counts as {VALUE_PER_CONVERSION:g} where a file reports no revenue")
    if "cac" in plan.metrics and scope.cac_by == "conversions":
        told.append("cac_basis: conversions; not every row reports new customers")
    if scope.currencies == ("",):
        told.append("currency_unknown: the files do not say which currency")
    if plan.window.start < facts.first_day:
        told.append(f"partial_window: facts begin on {facts.first_day}")
    if plan.window.end > facts.complete_through:
        told.append(f"partial_window: facts are complete through {facts.complete_through}")
    told += [f"partial_source: {name} has facts through {last}" for name, last in _behind(plan, facts).items()]
    if plan.compare is not None and plan.compare.start < facts.first_day:
        told.append(f"partial_comparison: facts begin on {facts.first_day}")
    if plan.window.kind == "to_date" and plan.compare is not None:
        told.append("aligned_to_date: as many complete days of the period before")
    if plan.grain in ("week", "month", "quarter", "year") and _cut_buckets(plan):
        told.append(f"partial_bucket: the first or last {plan.grain} is not whole")
    return told


def _behind(plan: QueryPlan, facts: Known) -> dict[str, dt.date]:
    """Platforms in the scope of a plan whose facts end before its window does."""
    own = [f for f in plan.filters if f.dimension == "platform"]
    end = min(plan.window.end, facts.complete_through)
    return {
        name: last
        for name, last in facts.through.items()
        if last < end and last >= plan.window.start and all((name in f.values) != f.exclude for f in own)
    }


def _cut_buckets(plan: QueryPlan) -> bool:
    from seeding_platform.analytics.periods import start_of

    grain = plan.grain or "day"
    after = plan.window.end + dt.timedelta(days=1)
    return start_of(grain, plan.window.start) != plan.window.start or start_of(grain, after) != after


def _row(row: dict[str, Any], plan: QueryPlan) -> dict[str, Any]:
    found: dict[str, Any] = {name: row[name] for name in plan.dimensions}
    if plan.grain is not None:
        found["period"] = row["period"].isoformat()
    for name in plan.metrics:
        value = _number(row[name], name, spine=plan.grain is not None)
        found[name] = value if plan.compare is None else compared(value, _number(row[f"{name}__previous"], name), name)
    return found


def _number(value: Any, name: str, *, spine: bool = False) -> float | int | None:
    """A figure as a number; a sum over a bucket without facts is 0."""
    if value is None:
        return 0 if spine and metric(name).kind == "sum" else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and metric(name).unit != "money" else float(value)
    return value


def compared(current: float | None, previous: float | None, name: str) -> dict[str, float | None]:
    """A figure beside the one before: absolute change, and change in percent; null where there is nothing to compare with.

    A share (CTR) changes in percentage points: `change` is given so.

    >>> compared(30.0, 40.0, "cac")
    {'current': 30.0, 'previous': 40.0, 'change': -10.0, 'change_pct': -25.0}
    """
    if current is None or previous is None:
        return {"current": current, "previous": previous, "change": None, "change_pct": None}
    change = current - previous
    points = 100 * change if metric(name).unit == "share" else change
    return {"current": current, "previous": previous, "change": points, "change_pct": 100 * change / previous if previous else None}
