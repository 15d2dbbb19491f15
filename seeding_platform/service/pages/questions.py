"""What the page of questions shows: the plan in chips, rows, or the refusal with questions that work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from seeding_platform.analytics import periods
from seeding_platform.analytics.language.explain import suggestions
from seeding_platform.analytics.language.model import asked_with
from seeding_platform.service.pages.figures import currency_of, nothing, notices, table_of, tops_of
from seeding_platform.service.pages.render import Speaker, words

if TYPE_CHECKING:
    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.language.model import LanguageModel
    from seeding_platform.analytics.plan import Answer, QueryPlan


def ask_shown(facts: Known, lang: str, question: str, *, model: LanguageModel | None = None) -> dict[str, Any]:
    """What the page of questions shows."""
    w, say = words(lang), Speaker(lang, currency_of(facts))
    shared: dict[str, Any] = {"question": question, "suggestions": suggestions(facts, lang), "answer": None}
    if not question.strip():
        return shared
    answer = asked_with(model, question, facts, prefer=lang)
    shared["answer"] = answer
    if answer.plan is None:
        return shared
    table = table_of(answer, say) if answer.rows else None
    more: dict[str, Any] = {"chips": chips(answer, say, w), "notices": notices(answer, w, say), "nothing": nothing(w, say, facts), "download": ""}
    if table is not None:
        more |= {"table": table, "tops": tops_of(table), "download": download_of(answer.plan)}
    return {**shared, **more}


def chips(answer: Answer, say: Speaker, w: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """The plan in pieces: key, value, and whether it was assumed."""
    plan, k = answer.plan, w["ask"]["chips"]
    if plan is None:
        return []

    def days(window: periods.Window) -> str:
        return say.day(window.start) if window.days == 1 else f"{say.day(window.start)} – {say.day(window.end)}"

    ranked = any(text.startswith("ranked_by") for text in answer.warnings)
    found = [(k["show"], ", ".join(say.metric(m) for m in plan.metrics), ranked)]
    found += [(k["by"], say.dimension(d), False) for d in plan.dimensions]
    if plan.grain is not None:
        found.append(
            (
                k["per"],
                {"en": {}, "nl": {"day": "dag", "month": "maand", "quarter": "kwartaal", "year": "jaar"}}[say.lang].get(plan.grain, plan.grain),
                False,
            )
        )
    found += [(k["except" if f.exclude else "only"], ", ".join(f.values), False) for f in plan.filters]
    found.append((k["in"], days(plan.window), plan.window.source == "default"))
    if plan.compare is not None:
        found.append((k["compared"], days(plan.compare), False))
    found += [(k["where"], f"{say.metric(h.metric)} {h.operator} {h.value:g}", False) for h in plan.having]
    if plan.order is not None:
        found.append((k["order"], f"{say.metric(plan.order.metric)}, {k['highest' if plan.order.descending else 'lowest']}", False))
    if plan.limit < 1000:
        found.append((k["limit"], k["rows"].format(n=plan.limit), False))
    return found


def download_of(plan: QueryPlan) -> str:
    """The address of the same rows as a file."""
    query: list[tuple[str, Any]] = [
        ("metrics", ",".join(plan.metrics)),
        ("start", plan.window.start),
        ("end", plan.window.end),
        ("limit", plan.limit),
    ]
    if plan.dimensions:
        query.append(("by", ",".join(plan.dimensions)))
    if plan.grain is not None:
        query.append(("grain", plan.grain))
    query += [("filter", f"{f.dimension}:{'!' if f.exclude else ''}{'|'.join(f.values)}") for f in plan.filters]
    if plan.order is not None:
        query.append(("order", f"{'-' if plan.order.descending else ''}{plan.order.metric}"))
    return f"/api/v1/exports?{urlencode(query)}"
