"""Quality for people: scores with their runs, how complete every column is, what was refused, and whether confidence holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from seeding_platform.service.auth import service_of
from seeding_platform.service.judged import POINTS, recommendations, standings, targets
from seeding_platform.service.pages.charts import bar, reliability, spark
from seeding_platform.service.pages.cleaning import rule_said
from seeding_platform.service.pages.forms import looking
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.service.judged import Recommendation, Standing, Target, Unusual

router = APIRouter(include_in_schema=False)
LOW, FROM = 85.0, 50.0
"""Score below which a bar is amber, and at which bars begin."""
STEPS, HALF = 7, 0.5
RULES_SHOWN, THINGS_SHOWN = 10, 10
STATES = {"met": "ok", "not_met": "failed", "not_measured": "plain"}


@router.get("/{lang}/quality")
def quality_page(request: Request, lang: Locale) -> Response:
    """One's own tables; operators also see the scorecard of the installation and what would help most."""
    actor = looking(request, lang, Role.VIEWER)
    if isinstance(actor, Response):
        return actor
    lake, say, k = service_of(request).lake, Speaker(lang, None), words(lang)["quality"]
    found = standings(lake, actor.tenant)
    runs_it = actor.role.may(Role.OPERATOR)
    more: dict[str, Any] = {
        "lead": lead(found, say, k),
        "tables": [table_shown(s, say, k) for s in found],
        "rules": rules_shown(found, say, words(lang)["cleaning"]),
        "heat": [heat_shown(s, say) for s in found],
        "curves": [curve_shown(s, say, k) for s in found if s.calibration is not None],
        "assumed": [s.table for s in found if s.calibration is None],
        "targets": [target_shown(t, say, k) for t in targets(lake)] if runs_it else [],
        "things": [thing_shown(r, say, k) for r in recommendations(lake, limit=THINGS_SHOWN)] if runs_it else [],
        "runs": POINTS,
    }
    return page(request, "quality", lang, actor, facts_or_none(request, actor), **more)


def lead(found: Sequence[Standing], say: Speaker, k: dict[str, Any]) -> str:
    """What is so, in a sentence."""
    if not found:
        return str(k["none"])
    low = [s.table for s in found if s.score is not None and s.score < LOW]
    odd = sum(len(s.unusual) for s in found)
    said = k["low"].format(names=", ".join(low), limit=say.count(LOW)) if low else k["all_good"].format(n=say.count(len(found)), limit=say.count(LOW))
    return f"{said} {k['odd'].format(n=say.count(odd)) if odd else k['calm']}"


def table_shown(s: Standing, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of tables."""
    scores = [r.score for r in s.runs]
    before = next((x for x in reversed(scores[:-1]) if x is not None), None)
    moved = None if s.score is None or before is None else s.score - before
    told = say.number(s.score, 1) if s.score is not None else "–"
    return {
        "name": s.table,
        "score": told,
        "bar": "" if s.score is None else bar(max(0.0, (s.score - FROM) / (100 - FROM)), "warn" if s.score < LOW else "good"),
        "moved": "–" if moved is None else say.number(moved, 1),
        "spark": spark(scores, [], label=k["runs_of"].format(table=s.table, n=len(scores), last=told)) if len(scores) > 1 else "",
        "confidence": "–" if s.confidence is None else say.number(s.confidence, 2),
        "completeness": "–" if s.completeness is None else say.share(s.completeness),
        "validity": "–" if s.validity is None else say.share(s.validity),
        "rows": say.count(s.rows),
        "odd": [odd_said(u, say, k) for u in s.unusual],
    }


def odd_said(u: Unusual, say: Speaker, k: dict[str, Any]) -> str:
    """A figure that is unlike those before, in words."""
    named = str(k["metrics"].get(u.metric, u.metric))
    what = f"{u.column}: {named}" if u.column else named
    return str(k["unusual"].format(what=what, value=say.number(u.value, 2), usual=say.number(u.usual, 2)))


def rules_shown(found: Sequence[Standing], say: Speaker, cleaning: dict[str, Any]) -> list[dict[str, Any]]:
    """Refused rows by rule over all tables, the most first."""
    totals: dict[str, int] = {}
    for s in found:
        for r in s.refused:
            totals[r.rule] = totals.get(r.rule, 0) + r.rows
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:RULES_SHOWN]
    most = ordered[0][1] if ordered else 1
    return [{"name": rule_said(rule, cleaning), "rows": say.count(rows), "bar": bar(rows / most, "wide")} for rule, rows in ordered]


def heat_shown(s: Standing, say: Speaker) -> dict[str, Any]:
    """How complete each column of a table is: in percent rounded down, and one of seven steps from half to all."""
    cells = [{"name": c, "said": say.count(int(share * 100 + 1e-6)), "step": step_of(share)} for c, share in s.columns.items()]
    return {"name": s.table, "rows": say.count(s.rows), "cells": cells}


def step_of(share: float) -> int:
    """1 for half or less, 7 only where nothing is missing.

    >>> [step_of(x) for x in (0.2, 0.5, 0.75, 0.999, 1.0)]
    [1, 1, 4, 6, 7]
    """
    return STEPS if share >= 1 else max(1, min(STEPS - 1, 1 + int((share - HALF) / HALF * (STEPS - 1))))


def curve_shown(s: Standing, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A reliability plot and its figures."""
    assert s.calibration is not None  # noqa: S101  asked for only where there is one
    bins = [(b.stated, b.observed, b.n) for b in s.calibration.bins]
    n = sum(b.n for b in s.calibration.bins)
    said = k["error"].format(error=say.number(s.calibration.error, 3), n=say.count(n))
    rows = [(say.number(stated, 2), say.number(observed, 2), say.count(many)) for stated, observed, many in bins]
    return {"name": s.table, "said": said, "chart": reliability(bins, label=f"{s.table}: {said}"), "rows": rows}


def target_shown(t: Target, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A line of the scorecard; methods stand in English as the report has them."""

    def amount(value: float | None) -> str:
        if value is None:
            return "–"
        if t.target == "confidence":
            return say.number(value, 2)
        return say.share(value) if t.unit == "ratio" else say.number(value, 1) if value < 1000 else say.count(value)

    sign = "≥" if t.bound == "least" else "≤"
    state = str(k["states"].get(t.state, t.state))
    named = str(k["targets"].get(t.target, t.target))
    return {
        "name": named,
        "value": amount(t.value),
        "wanted": f"{sign} {amount(t.wanted)}",
        "state": state,
        "tone": STATES[t.state],
        "method": t.method,
    }


def thing_shown(r: Recommendation, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A line of what would help."""
    return {
        "table": r.table,
        "says": r.says,
        "where": k["where"].get(r.kind, r.kind),
        "add": r.add,
        "rows": say.count(r.rows),
        "cells": say.count(r.cells),
    }
