"""A plan as one SELECT: a sqlglot tree whose values are placeholders, never text. Other dialects come from the same tree.

Shape: `current` (and `previous`) add up the facts of a window by dimension and bucket of time and form the ratios; the outer
query joins them, fills days without facts, applies thresholds, order and limit. The tenant's predicate is written here only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeding_platform.analytics.metrics import metric

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.metrics import Metric
    from seeding_platform.analytics.periods import Window
    from seeding_platform.analytics.plan import QueryPlan

FACTS = "facts"
_COMPARISONS: dict[str, type[exp.Binary]] = {">": exp.GT, ">=": exp.GTE, "<": exp.LT, "<=": exp.LTE, "=": exp.EQ}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement and the values of its placeholders.

    Args:
        tree: the statement.
        params: placeholder to value.
    """

    tree: exp.Select
    params: dict[str, Any]

    def sql(self, dialect: str = "duckdb") -> str:
        """The statement's text; it holds no value that somebody asked with."""
        return self.tree.sql(dialect=dialect)


class _Params:
    """Placeholders, named in the order in which they are asked for."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __call__(self, value: Any, name: str = "") -> exp.Placeholder:
        name = name or f"v{len(self.values)}"
        self.values[name] = value
        return exp.Placeholder(this=name)


def compiled(plan: QueryPlan, *, tenant: str, cac_by: str = "conversions") -> Compiled:
    """The statement of a plan.

    Args:
        plan: what is asked.
        tenant: whose facts; no other's are ever read.
        cac_by: what CAC divides by in this scope: new_customers or conversions.
    """
    params = _Params()
    shared = _scope(plan, params, tenant)
    query = _outer(plan, params).with_("current", _side(plan, plan.window, "", params, shared, cac_by))
    if plan.compare is not None:
        query = query.with_("previous", _side(plan, plan.compare, "c_", params, shared, cac_by))
    if plan.grain is not None and _spine_wanted(plan):
        query = _with_spine(query, plan, params)
    return Compiled(query, params.values)


def scope_query(plan: QueryPlan, *, tenant: str) -> Compiled:
    """What lies in the scope of a plan, before figures are formed: rows, currencies, what revenue and customers are known."""
    params = _Params()
    windows: list[exp.Expr] = [_inside(plan.window, "", params)]
    if plan.compare is not None:
        windows.append(_inside(plan.compare, "c_", params))
    shared = _scope(plan, params, tenant)
    counted = {
        "rows": "count(*)",
        "current_rows": "count(*) FILTER (WHERE date BETWEEN $start AND $end)",
        "currencies": "list(DISTINCT COALESCE(currency, ''))",
        "reported": "count(revenue)",
        "assumed": "count(assumed_revenue)",
        "customers": "count(new_customers)",
        "first": "min(date)",
        "last": "max(date)",
    }
    made = [exp.alias_(exp.maybe_parse(text, dialect="duckdb"), name, quoted=True) for name, text in counted.items()]
    return Compiled(exp.select(*made).from_(FACTS).where(*shared, exp.or_(*windows)), params.values)


def _scope(plan: QueryPlan, params: _Params, tenant: str) -> list[exp.Expr]:
    """The predicates that both windows share."""
    found: list[exp.Expr] = [exp.EQ(this=exp.column("tenant"), expression=params(tenant, "tenant"))]
    for one in plan.filters:
        inside: exp.Expr = exp.In(this=exp.column(one.dimension, quoted=True), expressions=[params(v) for v in one.values])
        if one.exclude:  # a row without a value is not one of those excluded
            inside = exp.or_(exp.not_(inside), exp.Is(this=exp.column(one.dimension, quoted=True), expression=exp.null()))
        found.append(inside)
    return found


def _inside(window: Window, prefix: str, params: _Params) -> exp.Expr:
    return exp.Between(this=exp.column("date"), low=params(window.start, f"{prefix}start"), high=params(window.end, f"{prefix}end"))


def _bucket(day: exp.Expr, grain: str) -> exp.Expr:
    return exp.cast(exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(grain), day]), "date")


def _side(plan: QueryPlan, window: Window, prefix: str, params: _Params, shared: list[exp.Expr], cac_by: str) -> exp.Select:
    """Figures of one window by dimension and, with a grain, by bucket: `n` counts the buckets from the window's first."""
    by: list[exp.Expr] = [exp.column(d, quoted=True) for d in plan.dimensions]
    shown: list[exp.Expr] = list(by)
    if plan.grain is not None:
        bucket = _bucket(exp.column("date"), plan.grain)
        first = _bucket(exp.cast(params(window.start, f"{prefix}start"), "date"), plan.grain)
        number = exp.Anonymous(this="date_diff", expressions=[exp.Literal.string(plan.grain), first, bucket])
        shown += [exp.alias_(bucket, "period", quoted=True), exp.alias_(number, "n", quoted=True)]
        by += [bucket.copy(), number.copy()]
    shown += [exp.alias_(_figure(metric(name), cac_by), name, quoted=True) for name in _computed(plan)]
    where = exp.and_(*(p.copy() for p in shared), _inside(window, prefix, params))
    query = exp.select(*shown).from_(FACTS).where(where)
    return query.group_by(*by) if by else query


def _computed(plan: QueryPlan) -> list[str]:
    """Figures that are needed: those shown, and those of thresholds and order."""
    names = [*plan.metrics, *(h.metric for h in plan.having), *([plan.order.metric] if plan.order else [])]
    return list(dict.fromkeys(names))


def _figure(one: Metric, cac_by: str) -> exp.Expr:
    if one.kind == "sum":
        return _sum(one.name)
    below = one.denominator or ""
    if one.otherwise is not None and cac_by == one.otherwise:
        below = one.otherwise
    top = exp.cast(_sum(one.numerator or ""), "double")
    bottom = exp.Nullif(this=exp.cast(_sum(below), "double"), expression=exp.Literal.number(0))
    value: exp.Expr = exp.Div(this=top, expression=bottom)
    if one.scale != 1:
        value = exp.Mul(this=exp.Literal.number(one.scale), expression=exp.paren(value))
    return exp.Add(this=exp.paren(value), expression=exp.paren(exp.Literal.number(one.offset))) if one.offset else value


def _sum(column: str) -> exp.Expr:
    inner: exp.Expr = exp.column(column)
    if column == "revenue":
        inner = exp.Coalesce(this=inner, expressions=[exp.column("assumed_revenue")])
    return exp.Sum(this=inner)


def _spine_wanted(plan: QueryPlan) -> bool:
    """Days without facts appear, but no row is invented that a threshold or a rank would then pick."""
    return not plan.having and plan.order is None


def _outer(plan: QueryPlan, params: _Params) -> exp.Select:
    """Joined, thresholds applied, sorted, limited."""
    spine = plan.grain is not None and _spine_wanted(plan)
    base = "spine" if spine else "current"
    keys = [*plan.dimensions, *(["n"] if plan.grain is not None else [])]
    shown: list[exp.Expr] = []
    for name in plan.dimensions:
        both = [exp.column(name, base, quoted=True), *([exp.column(name, "previous", quoted=True)] if plan.compare and not spine else [])]
        shown.append(exp.alias_(exp.Coalesce(this=both[0], expressions=both[1:]) if len(both) > 1 else both[0], name, quoted=True))
    if plan.grain is not None:
        shown.append(exp.alias_(exp.column("period", base, quoted=True), "period", quoted=True))
    for name in _computed(plan):
        shown.append(exp.alias_(exp.column(name, "current", quoted=True), name, quoted=True))
        if plan.compare is not None:
            shown.append(exp.alias_(exp.column(name, "previous", quoted=True), f"{name}__previous", quoted=True))
    query = exp.select(*shown).from_(base)
    if spine:
        query = query.join("current", on=_same(keys, base, "current"), join_type="left")
    if plan.compare is not None:
        how = "left" if plan.grain is not None else "full"
        query = query.join("previous", on=_same(keys, base, "previous"), join_type=how)
    for limit in plan.having:
        compared = _COMPARISONS[limit.operator](this=exp.column(limit.metric, "current", quoted=True), expression=params(limit.value))
        query = query.where(compared)
    if ordering := _ordering(plan):
        query = query.order_by(*ordering)
    return query.limit(plan.limit)


def _same(keys: list[str], left: str, right: str) -> exp.Expr:
    if not keys:
        return exp.true()
    return exp.and_(*(exp.NullSafeEQ(this=exp.column(k, left, quoted=True), expression=exp.column(k, right, quoted=True)) for k in keys))


def _ordering(plan: QueryPlan) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    if plan.order is not None:
        by = exp.column(plan.order.metric, quoted=True)
        found.append(exp.Ordered(this=by, desc=plan.order.descending, nulls_first=False))
    names = [*(["period"] if plan.grain is not None else []), *plan.dimensions]
    return found + [exp.Ordered(this=exp.column(n, quoted=True), desc=False, nulls_first=False) for n in names]


def _with_spine(query: exp.Select, plan: QueryPlan, params: _Params) -> exp.Select:
    """Every bucket of the window for every combination of dimensions that occurs in it."""
    grain = plan.grain or "day"
    first, last = (exp.cast(params(d, f"spine_{n}"), "date") for n, d in _ends(plan))
    step = exp.Interval(this=exp.Literal.string("3" if grain == "quarter" else "1"), unit=exp.var("month" if grain == "quarter" else grain))
    series = exp.Anonymous(this="generate_series", expressions=[_bucket(first, grain), last, step])
    day = exp.cast(exp.Anonymous(this="unnest", expressions=[series]), "date")
    buckets = exp.select(exp.alias_(day, "period", quoted=True))
    number: exp.Expr = exp.maybe_parse("row_number() OVER (ORDER BY period) - 1", dialect="duckdb")
    numbered = exp.select("period", exp.alias_(number, "n", quoted=True)).from_(buckets.subquery("b"))
    query = query.with_("buckets", numbered)
    if not plan.dimensions:
        return query.with_("spine", exp.select("*").from_("buckets"))
    members = exp.select(*(exp.column(d, quoted=True) for d in plan.dimensions)).distinct().from_("current")
    query = query.with_("members", members)
    return query.with_("spine", exp.select("*").from_("buckets").join("members", join_type="cross"))


def _ends(plan: QueryPlan) -> tuple[tuple[str, dt.date], tuple[str, dt.date]]:
    return ("start", plan.window.start), ("end", plan.window.end)
