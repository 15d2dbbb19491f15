"""Bias for people: whether posts of every kind reach people alike, each figure with its rows, interval and verdict; what weights did about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi import APIRouter, Request, Response

from seeding_platform.errors import PermanentError
from seeding_platform.models.weighing import latest_reweighing
from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.estimates import LARGE_ENOUGH
from seeding_platform.quality.bias.verdicts import FOUR_FIFTHS
from seeding_platform.service.auth import service_of
from seeding_platform.service.pages.bias_words import NARROW, TONES, WIDE, group_said, subject_shown
from seeding_platform.service.pages.charts import Whisker, axis_end, whiskers
from seeding_platform.service.pages.forms import looking
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.models.reweighing import GroupFigures, Reweighing
    from seeding_platform.storage.lake import Lake

router = APIRouter(include_in_schema=False)
TABLE = "quality/bias"
RUNS = 8
BADGES = {"biased": "failed", "ok": "ok", "insufficient_evidence": "warn", "not_judged": "plain"}
RATIO = "demographic_parity_ratio"
"""What is followed over the runs: smallest rate divided by the largest."""


@router.get("/{lang}/quality/bias")
def bias_page(request: Request, lang: Locale) -> Response:
    """Each comparison with its groups, the weights of models, and how it went over the runs that are kept."""
    actor = looking(request, lang, Role.VIEWER)
    if isinstance(actor, Response):
        return actor
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["bias"]
    there = service.lake.exists(TABLE)
    found = service.lake.read(TABLE, tenant=actor.tenant).collect() if there else pl.DataFrame()
    subjects = [subject_shown(part, say, k) for part in _by_subject(found)]
    weighed = latest_reweighing(service.settings.state / "mlflow" / "artefacts", actor.tenant)
    more: dict[str, Any] = {
        "lead": _lead(subjects, k),
        "empty": k["none_of_yours"] if there else k["none"],
        "subjects": subjects,
        "weighed": [weighed_shown(name, told, say, k) for name, told in weighed.items()],
        "trend": trend_shown(service.lake, actor.tenant, say, k) if there else [],
        "badges": BADGES,
        "few": LARGE_ENOUGH,
    }
    return page(request, "bias", lang, actor, facts_or_none(request, actor), **more)


def _by_subject(found: pl.DataFrame) -> list[pl.DataFrame]:
    """The figures of each comparison, in the order in which they were made."""
    return found.partition_by("subject", maintain_order=True) if found.height else []


def _lead(subjects: list[dict[str, Any]], k: dict[str, Any]) -> str:
    biased = [s["name"] for s in subjects if s["verdict"] == "biased"]
    if not subjects:
        return str(k["lead"])
    form = k["none_biased"] if not biased else k["one_biased"] if len(biased) == 1 else k["some_biased"]
    told = form.format(n=len(biased), all=len(subjects), names=", ".join(biased).lower())
    return f"{told} {k['lead']}"


def trend_shown(lake: Lake, tenant: str, say: Speaker, k: dict[str, Any]) -> list[dict[str, Any]]:
    """How each comparison went over the newest versions that are kept; nothing while there is one only."""
    kept = list(_ratios(lake, tenant, say))
    if len(kept) < 2:
        return []
    subjects = {s for _, ratios in kept for s in ratios}
    found = []
    for subject in sorted(subjects):
        by = subject.rpartition(" by ")[2]
        drawn = [
            Whisker(
                name=at, value=ratio["value"], low=ratio["ci_low"], high=ratio["ci_high"],
                said=k["at_end_ratio"].format(ratio=say.number(ratio["value"], 2), n=say.count(ratio["n"])), tone=TONES.get(ratio["verdict"], ""),
            )
            for at, ratios in kept
            if (ratio := ratios.get(subject)) is not None
        ]  # fmt: skip
        end = axis_end(max([1.0, *(w.value for w in drawn if w.value is not None)]))
        name = k["subjects"].get(by, by)
        label = k["trend_chart"].format(by=name, runs="; ".join(f"{w.name} {w.said}" for w in drawn))
        charts = [
            whiskers(drawn, end=end, shown=lambda v: say.number(v, 2), label=label, width=width, marks={FOUR_FIFTHS: k["four_fifths"]})
            for width in (WIDE, NARROW)
        ]
        found.append({"name": name, "wide": charts[0], "narrow": charts[1]})
    return found


def _ratios(lake: Lake, tenant: str, say: Speaker) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """When, and the followed figure by comparison, of each kept version, the oldest first; a version whose files are gone is passed over."""
    commits = [c for c in lake.history(TABLE, limit=10 * RUNS) if c.changed_rows][:RUNS]
    for commit in reversed(commits):
        try:
            rows = lake.rows(TABLE, version=commit.version, tenant=tenant)
        except PermanentError:
            continue
        yield say.moment(commit.at), {r["subject"]: r for r in rows.filter(pl.col("metric") == RATIO).iter_rows(named=True)}


def weighed_shown(name: str, told: Reweighing, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """What the weights of a model did: each group before and after, side by side."""
    pairs: dict[str, dict[bool, GroupFigures]] = {}
    for f in told.figures:
        pairs.setdefault(f.group, {})[f.weighted] = f
    rows = [_before_after(group, pair[False], pair[True], told.feature, say, k) for group, pair in pairs.items() if len(pair) == 2]
    return {"model": name, "by": k["subjects"].get(told.feature, told.feature), "rows": rows}


def _before_after(group: str, plain: GroupFigures, weighted: GroupFigures, by: str, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    def sides(named: str, digits: int) -> tuple[str, str]:
        return say.number(getattr(plain, named), digits), say.number(getattr(weighted, named), digits)

    return {
        "name": k["all_groups"] if group == ALL else group_said(group, by, say, k),
        "n": say.count(weighted.n),
        "small": weighted.n < LARGE_ENOUGH,
        "impact": sides("disparate_impact", 2),
        "error": sides("mae", 3),
        "verdicts": (plain.verdict, weighted.verdict),
    }
