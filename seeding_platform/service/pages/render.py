"""How pages are written: templates, words of two languages, numbers and days as people of that language read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seeding_platform.analytics.language.explain import NAMES, metric_name
from seeding_platform.analytics.metrics import metric
from seeding_platform.service.pages import charts

if TYPE_CHECKING:
    import datetime as dt

HERE = Path(__file__).parent
LOCALES = {"en": "en_GB", "nl": "nl"}
ICONS = {
    "kpi": "M4 17V11M8.5 17V5M13 17v-7M17 17V8",
    "ask": "M3.5 4h13v9.5H10L6 17v-3.5H3.5z",
    "upload": "M10 13V3.5M6.5 7 10 3.5 13.5 7M3.5 13v3.5h13V13",
    "home": "M3 9.500 10 3.500l7 6V17h-4.500v-5h-5v5H3z",
    "runs": "M2.500 10h3.500l2.500-6 4 12 2.500-6h3",
    "board": "M3 3.500h6v7H3zM11 3.500h6v4h-6zM11 9.500h6v7h-6zM3 12.500h6v4H3z",
    "watch": "M2.500 10S5.500 5 10 5s7.500 5 7.500 5-3 5-7.500 5-7.500-5-7.500-5M10 7.800a2.200 2.200 0 1 0 0 4.400 2.200 2.200 0 1 0 0-4.400",
    "clean": "M10 2.500l6.500 2.500v4.500c0 4-2.700 6.700-6.500 8-3.800-1.300-6.500-4-6.500-8V5zM7 9.800l2.200 2.200 3.800-4.300",
    "lock": "M4.500 9h11v8h-11zM7 9V6.500a3 3 0 0 1 6 0V9",
    "list": "M7 5h10M7 10h10M7 15h10M3.500 5h.2M3.500 10h.2M3.500 15h.2",
    "rules": "M3 6h8M15 6h2M13 4v4M3 14h2M9 14h8M7 12v4",
    "tables": "M3 4h14v12.500H3zM3 8.500h14M8 8.500v8",
    "scale": "M10 3v14M6 17h8M4 6h12M4 6l-2 5.500h4zM16 6l-2 5.500h4z",
    "people": "M7.500 4a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 1 0 0-5.600M2.500 16.500a5 5 0 0 1 10 0"
    "M13 4.500a2.600 2.600 0 0 1 0 5M14.500 12a5 5 0 0 1 3 4.500",
    "models": "M10 3l7 3.700-7 3.700-7-3.700zM3 10.200l7 3.700 7-3.700M3 13.600l7 3.700 7-3.700",
    "engines": "M3 4h6v5H3zM11.500 4h5.500v5h-5.500zM7 12.500h6V17H7zM6 9v2h8V9M10 11v1.500",
    "enrich": "M3 5h14M3 10h8M3 15h6M14.500 11v7M11 14.500h7",
    "hook": "M8 12.500l4-5M6.500 10.500L4.500 13a2.600 2.600 0 1 0 4.100 3.200M13.500 9.500l2-2.500a2.600 2.600 0 1 0-4.100-3.200",
    "ok": "M4 10.500l4 4 8-9",
    "menu": "M3 6h14M3 10h14M3 14h14",
    "sun": "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7M10 2v1.5M10 16.5"
    "V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
    "moon": "M16 12.5A7 7 0 0 1 7.5 4a7 7 0 1 0 8.5 8.5z",
    "auto": "M3 4h14v9.5H3zM7 17h6M10 13.5V17",
    "warn": "M10 3l7.5 13.5h-15zM10 8v4M10 14.3v.2",
    "info": "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 1 0 0-15M10 9v5M10 6.2v.2",
    "clock": "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 1 0 0-15M10 5.5V10l3 2",
    "empty": "M3 11l2.5-7h9L17 11v5.5H3zM3 11h4.5l1 2.5h3l1-2.5H17",
}


@cache
def words(lang: str) -> dict[str, Any]:
    """Every word of the pages in a language: `words/<lang>.yaml` and, by what they are about, `words/<lang>_*.yaml`."""
    files = [HERE / "words" / f"{lang}.yaml", *sorted((HERE / "words").glob(f"{lang}_*.yaml"))]
    return {name: said for file in files for name, said in yaml.safe_load(file.read_text(encoding="utf-8")).items()}


class Templates(Environment):
    """Jinja's environment in which `words.keys` is the word of that name before it is what a dictionary can do."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a template writes after a dot."""
        return obj[attribute] if isinstance(obj, dict) and attribute in obj else super().getattr(obj, attribute)


@cache
def environment() -> Environment:
    """The templates; an unknown name in one of them is an error."""
    env = Templates(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.globals.update(icons=ICONS, bar=charts.bar, spark=charts.spark)
    return env


class Speaker:
    """Numbers, days and names in one language and currency.

    Args:
        lang: en or nl.
        currency: ISO 4217 code; None where it is not known, and amounts carry no sign.
    """

    def __init__(self, lang: str, currency: str | None) -> None:
        self.lang, self.currency, self.locale = lang, currency, LOCALES[lang]

    def figure(self, value: float | None, name: str, *, short: bool = False) -> str:
        """A figure as people read it: money with its sign, shares in percent, nothing as a dash."""
        if value is None:
            return "–"
        unit = metric(name).unit
        if unit == "share":
            return str(format_percent(value, format="#,##0.00%" if not short else "#,##0%", locale=self.locale))
        if unit == "money":
            if short:
                return self.money(value, 0 if float(value).is_integer() else 1)
            return self.money(value, 0 if metric(name).kind == "sum" else 2)
        pattern = "#,##0" if unit == "count" else "#,##0.0" if short else "#,##0.00"
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def money(self, value: float, digits: int) -> str:
        """An amount."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        if self.currency is None:
            return str(format_decimal(value, format=pattern, locale=self.locale))
        sign = "¤ " + pattern if self.lang == "nl" else "¤" + pattern
        return str(format_currency(value, self.currency, format=sign, locale=self.locale, currency_digits=False))

    def change(self, told: dict[str, float | None], name: str) -> str:
        """A change with its sign: percent, or points for shares."""
        value = told["change"] if metric(name).unit == "share" else told["change_pct"]
        if value is None:
            return "–"
        unit = " pt" if metric(name).unit == "share" else "%"
        text = str(format_decimal(abs(value), format="#,##0.0", locale=self.locale))
        return f"{'+' if value > 0 else '−' if value < 0 else ''}{text}{unit}"

    def count(self, value: float) -> str:
        """A whole number."""
        return str(format_decimal(value, format="#,##0", locale=self.locale))

    def share(self, value: float | None) -> str:
        """A share in percent; only what is complete is 100%."""
        if value is None:
            return "–"
        return str(format_percent(value if value >= 1 else min(value, 0.999), format="#,##0.0%", locale=self.locale))

    def number(self, value: float | None, digits: int = 1) -> str:
        """A plain number."""
        return "–" if value is None else str(format_decimal(value, format="#,##0." + "0" * digits, locale=self.locale))

    def day(self, day: dt.date, *, short: bool = False) -> str:
        """A day, such as 20 Nov 2026."""
        return str(format_date(day, "d MMM" if short else "d MMM y", locale=self.locale))

    def moment(self, moment: dt.datetime) -> str:
        """A day and the time in UTC."""
        return f"{self.day(moment.date())} {moment:%H:%M}"

    def metric(self, name: str) -> str:
        """What people call a figure, as a title."""
        said = metric_name(name, self.lang)
        return said[0].upper() + said[1:]

    def dimension(self, name: str) -> str:
        """What people call a dimension."""
        return NAMES[self.lang][name]


def judged(told: dict[str, float | None], name: str) -> str:
    """good, bad or nothing: whether a change is for the better."""
    value, better = told["change"], metric(name).better
    if value is None or better == "neither" or abs(told["change_pct"] or 0) < 0.05:
        return ""
    return "good" if (value > 0) == (better == "up") else "bad"
