"""One comparison of groups for people: its verdict in sentences, a row a group, charts, and every figure in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from babel import Locale

from seeding_platform.quality.bias.columns import ALL, MISSING
from seeding_platform.quality.bias.estimates import LARGE_ENOUGH
from seeding_platform.service.pages.charts import Whisker, whiskers

if TYPE_CHECKING:
    from markupsafe import Markup

    from seeding_platform.service.pages.render import Speaker

WIDE, NARROW = 1000, 326
MOST_GROUPS = 20
MOST_FIGURES = 300
SHARES = frozenset({"share", "base_rate", "stratum_base_rate", "standardised_rate", "label_missing", "normalised_entropy"})
WHOLE = ("disparate_impact", "demographic_parity_ratio", "simpson_reversal")
"""Figures that compare whole groups; those of single platforms have few rows and are often not to be told."""
TONES = {"biased": "bad", "ok": "good"}


def subject_shown(rows: pl.DataFrame, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """One comparison: its verdict in words, a row a group, two charts, every figure."""
    by = str(rows["subject"][0]).rpartition(" by ")[2]
    groups = group_rows(rows, by, say, k)
    verdict = worst(rows)
    ratios = rows.filter(pl.col("metric").is_in(["disparate_impact", "conditional_disparate_impact"]))
    return {
        "name": k["subjects"].get(by, by),
        "by": by,
        "verdict": verdict,
        "said": said(groups, rows, verdict, by, say, k),
        "groups": groups[:MOST_GROUPS],
        "more": max(0, len(groups) - MOST_GROUPS),
        "conditional": not ratios.filter(pl.col("metric") == "conditional_disparate_impact").is_empty(),
        "chart_wide": rate_chart(groups, rows, by, say, k, WIDE),
        "chart_narrow": rate_chart(groups, rows, by, say, k, NARROW),
        "figures": [figure_shown(r, by, say, k) for r in rows.head(MOST_FIGURES).iter_rows(named=True)],
        "figures_more": max(0, rows.height - MOST_FIGURES),
    }


def worst(rows: pl.DataFrame) -> str:
    """The gravest verdict: biased where any figure is, else what the comparison of whole groups says; not judged where nothing is compared."""
    whole = set(rows.filter(pl.col("metric").is_in(WHOLE))["verdict"])
    there = whole | ({"biased"} & set(rows["verdict"]))
    return next((v for v in ("biased", "insufficient_evidence", "ok") if v in there), "not_judged")


def group_rows(rows: pl.DataFrame, by: str, say: Speaker, k: dict[str, Any]) -> list[dict[str, Any]]:
    """Groups with how many rows they have, how often they engage, and how that compares; small ones are marked, never left out."""

    def one(metric: str) -> dict[str, dict[str, Any]]:
        return {r["group"]: r for r in rows.filter(pl.col("metric") == metric).iter_rows(named=True) if r["group"] != ALL}

    shares, rates, impacts = one("share"), one("base_rate"), one("disparate_impact")
    within = one("conditional_disparate_impact")
    nothing = {"value": None, "ci_low": None, "ci_high": None, "verdict": "not_judged", "n": 0}
    found = []
    for group, share in shares.items():
        rate, impact = rates.get(group, nothing), impacts.get(group, nothing)
        found.append(
            {
                "group": group,
                "name": group_said(group, by, say, k),
                "n": share["n"],
                "count": say.count(share["n"]),
                "small": share["n"] < LARGE_ENOUGH,
                "share": say.share(share["value"]),
                "rate": rate,
                "rate_said": say.share(rate["value"]),
                "rate_range": range_said(rate, say, k, share=True),
                "impact": impact,
                "impact_said": say.number(impact["value"], 2),
                "impact_range": range_said(impact, say, k, share=False),
                "reference": impact["value"] == impact["ci_low"] == impact["ci_high"] == 1.0,
                "within_said": say.number(within.get(group, nothing)["value"], 2),
                "within_range": range_said(within.get(group, nothing), say, k, share=False),
                "within_verdict": within.get(group, nothing)["verdict"],
            }
        )
    return sorted(found, key=lambda g: (-g["n"], g["name"]))


def said(groups: list[dict[str, Any]], rows: pl.DataFrame, verdict: str, by: str, say: Speaker, k: dict[str, Any]) -> list[str]:
    """The verdict in sentences."""
    reference = next((g for g in groups if g["reference"]), None)
    behind = [g for g in groups if g["impact"]["verdict"] == "biased"] if reference is not None else []
    against = {} if reference is None else {"reference": reference["name"], "other": reference["rate_said"], "m": reference["count"]}
    told = [k["behind"].format(group=g["name"], rate=g["rate_said"], n=g["count"], **against) for g in behind]
    inside = [group_said(r, by, say, k) for r in _biased(rows, "conditional_disparate_impact")]
    if inside:
        told.append(k["inside"].format(groups=", ".join(inside)))
    turned = [group_said(r, by, say, k) for r in _biased(rows, "simpson_reversal")]
    if turned:
        told.append(k["turned"].format(groups=", ".join(turned)))
    if verdict == "ok":
        told.append(k["even"])
    open_ones = [g["name"] for g in groups if g["impact"]["verdict"] == "insufficient_evidence"]
    if open_ones:
        told.append(k["open"].format(groups=", ".join(open_ones)))
    if not told:
        told.append(k["judged_none"] if verdict == "not_judged" else k["open_all"] if verdict == "insufficient_evidence" else k["biased_elsewhere"])
    return told


def _biased(rows: pl.DataFrame, metric: str) -> list[str]:
    return rows.filter((pl.col("metric") == metric) & (pl.col("verdict") == "biased"))["group"].to_list()


def rate_chart(groups: list[dict[str, Any]], rows: pl.DataFrame, by: str, say: Speaker, k: dict[str, Any], width: int) -> Markup:
    """How often posts of each group engage, with intervals; the rate of all is marked."""
    drawn = [
        Whisker(
            name=g["name"], value=g["rate"]["value"], low=g["rate"]["ci_low"], high=g["rate"]["ci_high"],
            said=k["at_end"].format(rate=g["rate_said"], n=g["count"]), tone="muted" if g["small"] else TONES.get(g["impact"]["verdict"], ""),
        )
        for g in groups[:MOST_GROUPS]
    ]  # fmt: skip
    known = [w for w in drawn if w.value is not None]
    if not known:
        return whiskers([], end=1.0, shown=str, label="", width=width, marks={})
    whole = rows.filter((pl.col("metric") == "base_rate") & (pl.col("group") == ALL))
    marks = (
        {float(whole["value"][0]): k["of_all"].format(rate=say.share(whole["value"][0]))} if whole.height and whole["value"][0] is not None else {}
    )
    label = k["chart"].format(by=k["subjects"].get(by, by), groups="; ".join(f"{w.name} {w.said}" for w in drawn))
    return whiskers(drawn, end=1.0, shown=lambda v: say.count(100 * v) + "%", label=label, width=width, marks=marks)


def figure_shown(row: dict[str, Any], by: str, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """One figure of the whole list."""
    metric, value = row["metric"], row["value"]
    share = metric in SHARES
    if metric == "simpson_reversal" and value is not None:
        told = k["yes"] if value else k["not"]
    else:
        told = say.count(value) if metric == "smallest_cell" and value is not None else say.share(value) if share else say.number(value, 2)
    return {
        "metric": k["metrics"].get(metric, metric),
        "code": metric,
        "group": k["all_groups"] if row["group"] == ALL else " · ".join(group_said(part, by, say, k) for part in row["group"].split(" | ")),
        "value": told,
        "range": range_said(row, say, k, share=share),
        "n": say.count(row["n"]),
        "verdict": row["verdict"],
    }


def range_said(row: dict[str, Any], say: Speaker, k: dict[str, Any], *, share: bool) -> str:
    """An interval in words; empty where it is not known."""
    if row["ci_low"] is None and row["ci_high"] is None:
        return ""
    low, high = ("?" if x is None else say.share(x) if share else say.number(x, 2) for x in (row["ci_low"], row["ci_high"]))
    return str(k["range"].format(low=low, high=high))


def group_said(group: str, by: str, say: Speaker, k: dict[str, Any]) -> str:
    """What a group is called; a language by its name."""
    if group == MISSING:
        return str(k["missing"])
    if by == "language":
        return language_said(group, say)
    return str(k["groups"].get(by, {}).get(group, group))


def language_said(code: str, say: Speaker) -> str:
    """The name of a language in the language of the page; its code where it has none.

    >>> from seeding_platform.service.pages.render import Speaker
    >>> language_said("de", Speaker("nl", None)), language_said("X", Speaker("en", None))
    ('Duits', 'X')
    """
    return str(Locale.parse(say.locale).languages.get(code, code))
