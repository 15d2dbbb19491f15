"""What the KPI page shows: tiles, notices, the trend, what moved it, the table; and rows of any answer as a table."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import PROVISIONAL_DAYS, answered
from seeding_platform.analytics.findings import finding_said
from seeding_platform.analytics.insights import Contribution, contributions
from seeding_platform.analytics.metrics import catalogue, metric
from seeding_platform.analytics.plan import Filter, QueryPlan
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages import charts
from seeding_platform.service.pages.render import Speaker, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.findings import Finding
    from seeding_platform.analytics.keeping import Annotation
    from seeding_platform.analytics.plan import Answer


MOST_PARTS = 10


def currency_of(facts: Known) -> str | None:
    """The one currency of the facts, or None."""
    found = facts.values["currency"]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that names the row."""

    name: str
    title: str
    shown: Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of an answer as a template draws them."""

    keys: Sequence[Column]
    metrics: Sequence[str]
    compared: bool
    rows: Sequence[dict[str, Any]]


def table_of(answer: Answer, say: Speaker) -> Table:
    """The rows of an answer."""
    if answer.plan is None:
        raise Problem(500, "no-plan", "An answer without a plan has no rows.")
    plan = answer.plan
    keys = [Column(d, say.dimension(d).capitalize(), lambda row, d=d: row[d] if row[d] is not None else "–") for d in plan.dimensions]  # type: ignore[misc]
    if plan.grain is not None:
        keys.append(Column("period", words(say.lang)["kpis"]["period"], lambda row: say.day(dt.date.fromisoformat(row["period"]))))
    return Table(keys, plan.metrics, plan.compare is not None, answer.rows)


def tops_of(table: Table) -> dict[str, float]:
    """The largest value of each sum, by which bars are drawn; no bars for ratios, whose lengths would say nothing."""
    found: dict[str, float] = {}
    for name in table.metrics:
        values = [row[name]["current"] if table.compared else row[name] for row in table.rows]
        largest = max((v for v in values if v is not None), default=0)
        found[name] = largest if metric(name).kind == "sum" and largest > 0 and table.keys else 0
    return found


DRILL = {"platform": "campaign", "campaign": "ad_group", "ad_group": "ad", "country": "campaign", "device": "campaign"}
"""What a row is opened into."""


def filters_of(only: Sequence[str], facts: Known) -> tuple[Filter, ...]:
    """Filters of an address, `dimension:value` each.

    Raises:
        Problem: 422, there is no such value.
    """
    found = []
    for text in only:
        name, _, value = text.partition(":")
        if value not in facts.values.get(name, ()):
            raise Problem(422, "no-such-value", f"{text!r} is not in the facts.")
        found.append(Filter(dimension=name, values=(value,)))
    return tuple(found)


def findings_shown(found: Sequence[Finding], lang: str, currency: str | None) -> list[dict[str, str]]:
    """Findings as cards: their kind, the sentence, what it rests on."""
    say, k = Speaker(lang, currency), words(lang)["findings"]
    icons = {"moved": "kpi", "stands_out": "warn", "ahead": "clock"}
    return [
        {"title": k[f.kind], "icon": icons[f.kind], "text": finding_said(f, lang, figure=say.figure, day=say.day), "basis": k["basis"].format(n=f.n)}
        for f in found
    ]


def kpis_shown(
    facts: Known, lang: str, *, days: int, by: str, drawn: str, only: Sequence[str] = (), notes: Sequence[Annotation] = ()
) -> dict[str, Any]:
    """What the KPI page shows."""
    filters = filters_of(only, facts)
    w, say = words(lang), Speaker(lang, currency_of(facts))
    window = periods.last(days, "day", facts.as_of)
    before = periods.before(window, complete_through=facts.complete_through)
    names = catalogue().performance
    plan = QueryPlan(metrics=names, window=window, compare=before, filters=filters)
    total = answered(plan, facts, lang=lang)
    kept = urlencode([("only", text) for text in only])
    shared: dict[str, Any] = {"days": days, "by": by, "drawn": drawn, "kept": f"&{kept}" if kept else "", "only": _scopes(only, days, by, say)}
    shared["notes"] = [(say.day(n.day), n.text) for n in sorted(notes, key=lambda n: n.day) if window.start <= n.day <= window.end]
    told = {"start": say.day(window.start), "end": say.day(window.end)}
    if before is not None:
        told |= {"before_start": say.day(before.start), "before_end": say.day(before.end)}
    shared["lead"] = w["kpis"]["lead"].format(**told)
    if total.status != "ok":
        return {**shared, "tiles": [], "nothing": nothing(w, say, facts)}
    whole = total.rows[0][drawn]
    daily = answered(plan.model_copy(update={"grain": "day"}), facts, lang=lang)
    split = answered(plan.model_copy(update={"dimensions": (by,)}), facts, lang=lang)
    table = table_of(split, say)
    provisional = [
        d for d in (window.end - i * periods.DAY for i in range(PROVISIONAL_DAYS)) if d > facts.complete_through - PROVISIONAL_DAYS * periods.DAY
    ]
    query: list[tuple[str, Any]] = [("metrics", ",".join(names)), ("by", by), ("start", window.start), ("end", window.end), ("compare", "previous")]
    query += [("filter", text) for text in only]
    marked = {(n.day - window.start).days: n.text for n in notes}
    return {
        **shared,
        **(moved(facts, drawn, by, plan, say, w) if None not in (whole["current"], whole["previous"]) else {"moved": []}),
        "tiles": [tile(name, total, daily, w) for name in names],
        "notices": notices(total, w, say, provisional),
        "trend_wide": drawing(daily, drawn, say, w, provisional=len(provisional), width=1104, marked=marked),
        "trend_narrow": drawing(daily, drawn, say, w, provisional=len(provisional), width=340, marked=marked),
        "table": table,
        "links": _drilled(split, only, days, by),
        "tops": tops_of(table),
        "download": f"/api/v1/exports?{urlencode(query)}",
        "sql": split.sql,
    }


def _scopes(only: Sequence[str], days: int, by: str, say: Speaker) -> list[tuple[str, str, str]]:
    """What was drilled into: dimension, value, and the address without it."""
    found = []
    for text in only:
        name, _, value = text.partition(":")
        rest = [("days", days), ("by", by), *(("only", other) for other in only if other != text)]
        found.append((say.dimension(name), value, f"?{urlencode(rest)}"))
    return found


def _drilled(answer: Answer, only: Sequence[str], days: int, by: str) -> dict[str, str]:
    """Addresses into which the rows of a breakdown open; a row without a name opens into nothing."""
    deeper = DRILL.get(by)
    if deeper is None:
        return {}
    names = [row[by] for row in answer.rows if row[by] is not None]
    return {name: f"?{urlencode([('days', days), ('by', deeper), *(('only', text) for text in only), ('only', f'{by}:{name}')])}" for name in names}


def moved(facts: Known, name: str, by: str, plan: QueryPlan, say: Speaker, w: dict[str, Any]) -> dict[str, Any]:
    """What each member did to the change of the drawn figure."""
    if plan.compare is None:
        return {"moved": []}
    found = contributions(facts, name, by=by, window=plan.window, compare=plan.compare, filters=plan.filters)

    def signed(value: float) -> str:
        return f"{'+' if value > 0 else '−' if value < 0 else ''}{say.figure(abs(value), name)}"

    better = metric(name).better

    def good(value: float) -> str:
        return "" if better == "neither" or not value else "good" if (value > 0) == (better == "up") else "bad"

    shown, rest = list(found.parts[:MOST_PARTS]), found.parts[MOST_PARTS:]
    if rest:  # so that what is shown still adds up
        sums = {field: sum(getattr(p, field) for p in rest) for field in ("total", "volume", "mix", "rate")}
        shown.append(Contribution(member=w["kpis"]["others"].format(n=len(rest)), current=None, previous=None, **sums))
    parts = [
        {
            "member": p.member,
            "total": signed(p.total),
            "rate": signed(p.rate),
            "mix": signed(p.mix),
            "judged": good(p.total),
            "current": say.figure(p.current, name),
            "previous": say.figure(p.previous, name),
        }
        for p in shown
    ]
    change = signed(found.change)
    lead = w["kpis"]["moved_lead"].format(change=change)
    return {"moved": parts, "moved_total": change, "moved_lead": lead, "ratio": metric(name).kind == "ratio"}


def nothing(w: dict[str, Any], say: Speaker, facts: Known) -> str:
    """Why there is nothing to see."""
    return str(w["kpis"]["nothing"].format(first=say.day(facts.first_day), last=say.day(facts.complete_through)))


def tile(name: str, total: Answer, daily: Answer, w: dict[str, Any]) -> dict[str, Any]:
    """One figure large, with its direction."""
    flag, kind = "", "muted"
    basis = total.basis.get("revenue_basis")
    if metric(name).better == "down":
        flag = w["kpis"]["lower_is_better"]
    elif "revenue" in metric(name).columns() and basis in ("assumed", "mixed"):
        flag, kind = w["kpis"]["assumed" if basis == "assumed" else "part_assumed"], "warn"
    series, before = ([row[name][part] for row in daily.rows] for part in ("current", "previous"))
    return {"name": name, "value": total.rows[0][name], "flag": flag, "flag_kind": kind, "series": series, "before": before}


def notices(answer: Answer, w: dict[str, Any], say: Speaker, provisional: Sequence[dt.date] = ()) -> list[tuple[str, str, str]]:
    """What a reader of the figures must know: kind, icon, sentence."""
    codes = {warning.partition(":")[0] for warning in answer.warnings}
    told = []
    if provisional:
        days = ", ".join(say.day(d, short=True) for d in sorted(provisional))
        told.append(("warn", "clock", w["notices"]["provisional"].format(days=days)))
    known = {"revenue_basis": "assumed", "cac_basis": "cac", "currency_unknown": "currency"}
    told += [("", "info", w["notices"][words_name]) for code, words_name in known.items() if code in codes]
    shown = {*known, "no_data"}
    return told + [("", "info", text.partition(": ")[2]) for text in answer.warnings if text.partition(":")[0] not in shown]


def drawing(daily: Answer, name: str, say: Speaker, w: dict[str, Any], *, provisional: int, width: int, marked: Mapping[int, str]) -> Any:
    """The trend of a figure, with notes at their days."""
    values, before = ([row[name][part] for row in daily.rows] for part in ("current", "previous"))
    days = [say.day(dt.date.fromisoformat(row["period"]), short=True) for row in daily.rows]
    return charts.trend(
        values,
        before,
        days,
        shown=lambda value: say.figure(value, name, short=True),
        named=lambda value: say.figure(value, name),
        names=(w["kpis"]["this"], w["kpis"]["before"]),
        provisional=provisional,
        provisional_name=w["kpis"]["provisional"],
        label=w["kpis"]["spark"].format(metric=say.metric(name)),
        width=width,
        marked=marked,
    )
