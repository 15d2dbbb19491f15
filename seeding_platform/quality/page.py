"""The quality report as one page for people: what the template needs to say it, in words and lengths."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog import TABLES
from seeding_platform.quality.charts import gain_bar, reliability_plot, seeding_verdict, spark, whisker

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.quality.report import QualityReport, TableQuality

TEMPLATES = Path(__file__).parent / "templates"
NARROW = "\u202f"
"""A narrow no-break space, before a unit."""
RULES_SHOWN, RULE_LENGTH, NAMED = 10, 60, 3
BAR_FROM = HEAT_FROM = 50.0
PARTS = ("completeness", "validity", "uniqueness", "consistency")
RULES = {
    "missing": "A value is missing",
    "not_allowed": "Not in the closed list",
    "too_small": "Below its minimum",
    "too_large": "Above its maximum",
    "not_a_number": "Not a number",
    "not_a_time": "Not a time",
    "not_a_date": "Not a date",
    "not_yes_or_no": "Neither yes nor no",
}
"""Words for the rules that every column has; the others say what must hold by their name."""
TARGETS = {
    "validation_success": "Rows that keep their contract",
    "quality_variance": "Variation of the score",
    "throughput": "Rows cleaned a minute",
    "data_coverage": "Engines with rows",
    "distribution_latency": "Seconds to an engine",
    "engine_uptime": "Uptime of engines",
    "accuracy_gain": "Gain in accuracy by seeding",
    "training_time_saved": "Training time saved",
    "manual_work_saved": "Manual work saved",
}
WHERE = {
    "snap": "rule of repair",
    "fd": "rule of repair",
    "slip": "rule of repair",
    "format": "notation of the source",
    "mapping": "mapping of the source",
    "reference": "rows to land",
}
STATES = {"met": ("ok", "met"), "not_met": ("failed", "not met"), "not_measured": ("waiting", "not measured")}


@dataclass(frozen=True, slots=True)
class Bar:
    """A name, its amount, and the amount's share of the largest in percent."""

    name: str
    rows: int
    length: float
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a table in the heat map; `step` is 1 (half or less is filled) to 7 (all)."""

    name: str
    shown: str
    step: int
    required: bool


def rendered(report: QualityReport, card: Sequence[Mapping[str, Any]], *, now: dt.datetime) -> str:
    """One HTML file with its style inside: no script, no outside request."""
    from jinja2 import Environment, FileSystemLoader

    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    page = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page.filters.update(count=count, percent=percent, words=words, plural=plural)
    ordered = sorted(report.tables, key=lambda t: (t.score is not None, t.score or 0.0, t.table))
    return page.get_template("report.html.j2").render(
        css=css,
        css_hash=digest,
        now=now,
        made_at=f"{now.day} {now:%b %Y, %H:%M} {now:%Z}".strip(),
        answer=answer(report),
        tables=[_row(t) | {"spark": spark(report.trend.get(t.table, ()))} for t in ordered],
        sums=_sums(report.tables),
        rules=bars(report.tables),
        card=[_target(row) for row in card],
        wanted_score=next((row["wanted"] for row in card if row["target"] == "quality_score"), None),
        heat=[(t, cells(t)) for t in report.tables],
        dangling=[(t.table, *_reference(said), rows) for t in report.tables for said, rows in t.dangling.items()],
        waiting=[(name, TABLES[name].description if name in TABLES else "") for name in report.waiting],
        unusual=report.unusual,
        recommendations=report.recommendations,
        where=WHERE,
        curves=[(t.table, reliability_plot(t.curve)) for t in ordered if t.curve is not None],
        assumed=[t.table for t in report.tables if t.curve is None and t.kept],
        bias=[{"row": row, "bar": whisker(row)} for row in report.bias],
        bias_counts=report.bias_counts,
        seeding=None if report.seeding is None else [{"row": row, "verdict": seeding_verdict(row), "bar": gain_bar(row)} for row in report.seeding],
        tenants=sorted({tenant for t in report.tables for tenant in t.tenants}),
    )


def answer(report: QualityReport) -> str:
    """The page's first line: what is so."""
    if not report.tables:
        return "No rows have come in yet, so there is nothing to judge."
    closed = [t.table for t in report.tables if not t.passed]
    every = len(report.tables)
    if not closed:
        return "The one table with rows passed its gate." if every == 1 else f"All {every} tables with rows passed their gates."
    if every == 1:
        return f"The one table with rows, {closed[0]}, did not pass its gate."
    named = f"{listed(closed)} did not" if len(closed) <= NAMED else f"{len(closed)} did not"
    return f"{every - len(closed)} of {every} tables passed their gates; {named}."


def listed(names: Sequence[str]) -> str:
    """Names as people say them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def count(value: int) -> str:
    """A count with thousands marked and a true minus.

    >>> count(-1234)
    '−1,234'
    """
    return f"{value:,}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent, rounded down: only what is whole is 100.

    >>> percent(0.99999), percent(1.0), percent(None)
    ('99.9\u202f%', '100\u202f%', '–')
    """
    if value is None:
        return "–"
    if value >= 1:
        return f"100{NARROW}%"
    scale = 10**digits
    return f"{math.floor(round(value * 100 * scale, 6)) / scale:.{digits}f}{NARROW}%".replace("-", "−")


def words(rule: str) -> str:
    """A rule's name as words.

    >>> words("too_small"), words("likes_not_above_impressions")
    ('Below its minimum', 'Likes not above impressions')
    """
    said = RULES.get(rule) or rule.replace("_", " ").strip()
    said = said[:1].upper() + said[1:]
    return said if len(said) <= RULE_LENGTH else f"{said[: RULE_LENGTH - 1]}…"


def plural(value: int, one: str, many: str = "") -> str:
    r"""A count and its noun.

    >>> plural(1, "row"), plural(1200, "row")
    ('1\xa0row', '1,200\xa0rows')
    """
    return f"{count(value)}\u00a0{one if value == 1 else many or one + 's'}"


def bars(tables: Sequence[TableQuality]) -> list[Bar]:
    """Rows set aside by rule over all tables, most first; the tail is one bar."""
    totals: dict[str, int] = {}
    for table in tables:
        for rule, rows in table.rejects.items():
            totals[rule] = totals.get(rule, 0) + rows
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = (ordered, []) if len(ordered) <= RULES_SHOWN + 1 else (ordered[:RULES_SHOWN], ordered[RULES_SHOWN:])
    entries = [(words(rule), rows, False) for rule, rows in shown]
    if rest:
        entries.append((f"{len(rest)} other rules", sum(rows for _, rows in rest), True))
    longest = max((rows for _, rows, _ in entries), default=1)
    return [Bar(name, rows, round(100 * rows / longest, 1), other) for name, rows, other in entries]


def cells(table: TableQuality) -> list[Cell]:
    """The columns of a table, required ones first."""
    contract = TABLES.get(table.table)
    required = set(contract.required_columns()) if contract else set()
    found = [Cell(name, _filled(share), _step(share), name in required) for name, share in table.columns.items()]
    return sorted(found, key=lambda cell: not cell.required)


def _filled(share: float) -> str:
    whole = math.floor(round(share * 100, 6))
    return "<1" if share > 0 and whole == 0 else str(whole)


def _step(share: float) -> int:
    if share >= 1:
        return 7
    return max(1, min(6, int((share * 100 - HEAT_FROM) / (100 - HEAT_FROM) * 6) + 1))


def _row(table: TableQuality) -> dict[str, Any]:
    """What the two tables of tables say about one."""
    parts = [(name, value) for name in PARTS if (value := getattr(table, name).value) is not None]
    name, value = min(parts, key=lambda part: part[1], default=("", None))
    weakest = "Nothing below 100" if value is not None and value >= 1 else f"{name.capitalize()} {percent(value)}"
    rule = next(iter(table.rejects.items()), None)
    return {
        "of": table,
        "bar": 0.0 if table.score is None else round(max(0.0, table.score - BAR_FROM) / (100 - BAR_FROM) * 100, 1),
        "weakest": weakest if parts else "–",
        "rule": None if rule is None else f"{count(rule[1])}\u00a0× {words(rule[0]).lower()}",
    }


def _sums(tables: Sequence[TableQuality]) -> dict[str, Any]:
    """Totals; `lost` is what does not add up."""
    total = {name: sum(getattr(t, name) for t in tables) for name in ("kept", "merged", "quarantined", "rows_in", "repairs")}
    whole = total["rows_in"] or 1
    kept, merged = (100 * total[name] / whole for name in ("kept", "merged"))
    return {
        **total,
        "lost": total["rows_in"] - total["kept"] - total["merged"] - total["quarantined"],
        "kept_share": total["kept"] / whole,
        "bar": {"kept": round(kept, 2), "merged": round(merged, 2), "quarantined": round(100 * total["quarantined"] / whole, 2)},
    }


def _target(row: Mapping[str, Any]) -> dict[str, Any]:
    """One target: what is wanted, what is so, on what basis."""
    kind, state = STATES[row["state"]]
    name, top, bottom, n = str(row["target"]), row["numerator"], row["denominator"], row["n"]
    counted = top is not None and row["unit"] == "ratio"
    basis = "" if row["value"] is None else f"{count(round(top))} of {count(round(bottom))}" if counted else f"n {count(n)}" if n is not None else ""
    over = row["window"] if row["value"] is not None and row["window"] not in ("", "now") else ""
    return {
        "name": TARGETS.get(name, words(name)),
        "wanted": ("≤\u00a0" if row["bound"] == "most" else "≥\u00a0") + _amount(name, row["wanted"], row["unit"], wanted=True),
        "value": _amount(name, row["value"], row["unit"]),
        "kind": kind,
        "state": state,
        "basis": ", ".join(filter(None, [basis, over])),
        "method": str(row["method"])[:1].upper() + str(row["method"])[1:],
    }


def _amount(name: str, value: float | None, unit: str, *, wanted: bool = False) -> str:
    if value is None:
        return "–"
    if name == "confidence":
        return f"{value:.2f}"
    if unit == "ratio":
        return percent(value, 0 if wanted and round(100 * value, 6) == round(100 * value) else 1)
    return count(round(value)) if wanted or value >= 1000 else f"{value:.1f}"


def _reference(said: str) -> tuple[str, str]:
    column, _, target = said.partition(" -> ")
    return column, target
