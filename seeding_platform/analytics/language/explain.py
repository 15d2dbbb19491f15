"""Plans and refusals in the words of people, in the language of the question."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seeding_platform.analytics.metrics import catalogue, metric

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.periods import Window
    from seeding_platform.analytics.plan import QueryPlan

NAMES = {
    "en": {
        "platform": "platform",
        "account": "account",
        "campaign": "campaign",
        "ad_group": "ad group",
        "ad": "ad",
        "country": "country",
        "device": "device",
        "currency": "currency",
    },
    "nl": {
        "platform": "platform",
        "account": "account",
        "campaign": "campagne",
        "ad_group": "advertentiegroep",
        "ad": "advertentie",
        "country": "land",
        "device": "apparaat",
        "currency": "valuta",
    },
}


@cache
def messages(lang: str) -> dict[str, Any]:
    """Every sentence of a language."""
    return yaml.safe_load((Path(__file__).parent / "messages.yaml").read_text(encoding="utf-8"))[lang]


def metric_name(name: str, lang: str) -> str:
    """What people call a figure."""
    one = metric(name)
    return one.nl if lang == "nl" else one.en


def _day(day: dt.date, lang: str) -> str:
    from babel.dates import format_date

    return str(format_date(day, "d MMM y", locale="nl" if lang == "nl" else "en_GB"))


def _joined(words: list[str], lang: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {messages(lang)['and']} {words[-1]}"


def _window(window: Window, lang: str, form: str = "window") -> str:
    if form == "window" and window.days == 1:
        form = "one_day"
    return str(messages(lang)[form].format(start=_day(window.start, lang), end=_day(window.end, lang)))


def explained(plan: QueryPlan, lang: str, *, assumed: tuple[str, ...] = ()) -> str:
    """A plan in one sentence: figures, rows, filters, days, comparison, and what was assumed."""
    told = messages(lang)
    parts = [_joined([metric_name(m, lang) for m in plan.metrics], lang)]
    if plan.dimensions:
        parts[0] += " " + told["by"].format(names=_joined([NAMES[lang][d] for d in plan.dimensions], lang))
    if plan.grain is not None:
        parts[0] += " " + told["grain"][plan.grain]
    parts += [told["except" if one.exclude else "only"].format(values=_joined(list(one.values), lang)) for one in plan.filters]
    parts += [told["having"].format(metric=metric_name(h.metric, lang), operator=h.operator, value=f"{h.value:g}") for h in plan.having]
    parts.append(_window(plan.window, lang))
    if plan.compare is not None:
        parts.append(_window(plan.compare, lang, "compared"))
    if plan.order is not None:
        parts.append(told["order"][plan.order.descending].format(metric=metric_name(plan.order.metric, lang)))
    if plan.limit < 1000:
        parts.append(told["limit"].format(n=plan.limit))
    text = ", ".join(parts)
    if "window" in assumed and plan.window.source == "default":
        text += f" ({told['of_default']})"
    return text[0].upper() + text[1:] + "."


def refusal(reason: str, words: list[str], lang: str) -> str:
    """Why there is no answer."""
    names = _joined([metric_name(m, lang) for m in catalogue().metrics], lang)
    return str(messages(lang)["reasons"][reason or "words"].format(words=", ".join(words), metrics=names))


def suggestions(facts: Known, lang: str) -> list[str]:
    """Questions that work on these facts."""
    platform = next(iter(facts.values.get("platform") or ["Google"]))
    if lang == "nl":
        return [
            "CAC en ROAS laatste 30 dagen vs de vorige periode",
            "uitgaven per platform vorige maand",
            f"welke campagne op {platform} had de hoogste ROAS vorige maand",
        ]
    return [
        "CAC and ROAS last 30 days vs the previous period",
        "spend by platform last month",
        f"which campaign on {platform} had the highest ROAS last month",
    ]
