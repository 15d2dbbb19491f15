"""The words of one language, read from its YAML file and compiled into patterns; nothing here knows what a plan is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from seeding_platform.analytics.language.text import any_of, folded
from seeding_platform.analytics.metrics import own_ratios

LANGUAGES = ("en", "nl")
_FIXED = {
    "date": r"(?P<date>\d{4}-\d{2}-\d{2})",
    "year": r"(?P<year>20\d{2})",
    "day": r"(?P<day>\d{1,2})(?:st|nd|rd|th|e|ste|de)?",
    "q": r"q(?P<q>[1-4])",
    "h": r"h(?P<h>[12])",
    "weekno": r"(?P<weekno>\d{1,2})",
    "lastyear": r"(?P<lastyear>(?:last|previous) year|(?:vorig|verleden|afgelopen) jaar)",
    "thisyear": r"(?P<thisyear>(?:this|the current) year|dit jaar)",
}


@dataclass(frozen=True)
class PeriodRule:
    """Words of a period, and the name of the rule that says which days they mean."""

    pattern: re.Pattern[str]
    name: str


@dataclass(frozen=True)
class Lexicon:
    """One language.

    Args:
        lang: en or nl.
        words: the file as read.
        periods: period rules, the special before the general.
        patterns: compiled lists, by name.
        lookups: folded phrase to meaning, by list.
        templates: patterns compiled so far.
    """

    lang: str
    words: dict[str, Any]
    periods: tuple[PeriodRule, ...]
    patterns: dict[str, re.Pattern[str]]
    lookups: dict[str, dict[str, Any]]
    templates: dict[str, re.Pattern[str]] = field(default_factory=dict)

    def meaning(self, kind: str, text: str) -> Any:
        """What a matched phrase of a list means."""
        return self.lookups[kind][" ".join(text.split())]

    def template(self, text: str) -> re.Pattern[str]:
        """A pattern with `{name}` for classes of words, compiled."""
        if text not in self.templates:
            self.templates[text] = _compiled(text, self.words, self.lookups)
        return self.templates[text]


def lexicon(lang: str) -> Lexicon:
    """The words of a language, with the names of ratios that somebody defined."""
    return _lexicon(lang, tuple((ratio.name, getattr(ratio, lang)) for ratio in own_ratios()))


@lru_cache(maxsize=32)
def _lexicon(lang: str, own: tuple[tuple[str, str], ...]) -> Lexicon:
    words = yaml.safe_load((Path(__file__).parent / f"{lang}.yaml").read_text(encoding="utf-8"))
    words["fillers"] = words["fillers"].split()
    words["metrics"] |= {name: [said, name.replace("_", " ")] for name, said in own}
    lookups = _lookups(words)
    periods = tuple(PeriodRule(_compiled(text, words, lookups), name) for text, name in words["periods"])
    return Lexicon(lang, words, periods, _patterns(words, lookups), lookups)


def _lookups(words: dict[str, Any]) -> dict[str, dict[str, Any]]:
    def flat(table: dict[Any, list[str]]) -> dict[str, Any]:
        return {" ".join(folded(p).split()): meaning for meaning, phrases in table.items() for p in phrases}

    dimensions: dict[str, tuple[str, str]] = {}
    for name, forms in words["dimensions"].items():
        dimensions |= {" ".join(folded(p).split()): (name, "one") for p in forms["one"]}
        dimensions |= {" ".join(folded(p).split()): (name, "many") for p in forms["many"]}
    rank = words["rank"]
    return {
        "unit": flat(words["units"]),
        "month": flat(words["months"]),
        "number": {" ".join(folded(str(k)).split()): v for k, v in words["numbers"].items()},
        "ordinal": {str(k): v for k, v in words["ordinals"].items()},
        "metric": flat(words["metrics"]),
        "dimension": dimensions,
        "adverb": flat(words["adverbs"]),
        "rank": flat({k: rank[k] for k in ("best", "worst", "high", "low", "cheap", "dear")}),
        "operator": flat(words["operators"]),
        "magnitude": {folded(str(k)): v for k, v in words["magnitudes"].items()},
        "step": flat(words["compare"]["steps"]),
        "compound": flat(words.get("compounds", {})),
    }


def _patterns(words: dict[str, Any], lookups: dict[str, dict[str, Any]]) -> dict[str, re.Pattern[str]]:
    lists = {
        "metric": lookups["metric"],
        "dimension": lookups["dimension"],
        "adverb": lookups["adverb"],
        "rank": lookups["rank"],
        "operator": lookups["operator"],
        "step": lookups["step"],
        "compound": lookups["compound"],
        "unit": lookups["unit"],
        "vs": words["compare"]["vs"],
        "verb": words["compare"]["verb"],
        "joins": words["compare"]["joins"],
        "change": words["compare"]["change"],
        "filler": words["fillers"],
        **{
            name: words[name]
            for name in (
                "polite",
                "trend",
                "performance",
                "performance_weak",
                "averages",
                "counting",
                "by",
                "together",
                "all",
                "not",
                "not_after",
                "where",
                "range",
            )
        },
        **{f"rank_{name}" if name == "verb" else name: words["rank"][name] for name in ("sorted", "verb", "ascending", "descending")},
    }
    return {name: re.compile(any_of(phrases)) for name, phrases in lists.items()}


def _compiled(text: str, words: dict[str, Any], lookups: dict[str, dict[str, Any]]) -> re.Pattern[str]:
    """`{name}` becomes a class of words; captured ones are numbered from their second occurrence (`day`, `day_2`)."""
    captured = {
        **_FIXED,
        "n": f"(?P<n>\\d{{1,4}}|{any_of(lookups['number'])})",
        "unit": f"(?P<unit>{any_of(lookups['unit'])})",
        "month": f"(?P<month>{any_of(lookups['month'])})",
        "ordinal": f"(?P<ordinal>{any_of(lookups['ordinal'])})",
    }
    plain = {**{k: any_of(v) for k, v in words["classes"].items()}, "vs": any_of(words["compare"]["vs"])}
    seen: dict[str, int] = {}

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name in plain and name not in captured:
            return plain[name]
        seen[name] = seen.get(name, 0) + 1
        made = captured[name]
        return made if seen[name] == 1 else made.replace(f"?P<{name}>", f"?P<{name}_{seen[name]}>", 1)

    filled = re.sub(r"\{([a-z]+)\}", put, text)
    blanks = re.sub(r"(?<!\\) (?!\*)", r"\\s+", filled)
    return re.compile(rf"(?<![\w/.]){blanks}(?![\w/]|\.\d)")
