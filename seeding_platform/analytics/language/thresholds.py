"""Limits in words: which rows are asked for by a figure that they must meet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.analytics.language.refusals import Unclear
from seeding_platform.analytics.language.text import Mark, any_of
from seeding_platform.analytics.metrics import metric

if TYPE_CHECKING:
    from seeding_platform.analytics.language.lexicon import Lexicon
    from seeding_platform.analytics.language.text import Reading

_OPENING = r"(?:(?:a|an|the|our|is|we|they|de|het|een|onze|wij|ligt|lag)\s+)*"
_LINKING = r"(?:\s+(?:is|are|was|were|that|which|of|a|an|the|with|van|een|de|zijn|waren|die|ligt|lag|liggen|lagen|met))*"


def thresholds(reading: Reading, words: Lexicon) -> None:
    """Limits beside their figure: "CAC above 40", "more than 500 clicks", "CPA between 20 and 40"."""
    operator, named = words.patterns["operator"].pattern, words.patterns["metric"].pattern
    start = rf"(?:{words.patterns['where'].pattern}\s+{_OPENING})?(?P<metric>{named}){_LINKING}\s*"
    end = rf"(?!\w)(?!\s*(?:{words.patterns['unit'].pattern})(?!\s+to))(?:\s+(?:ligt|lag|liggen|lagen|is|was)(?!\w))?"
    between = rf"{words.patterns['range'].pattern}\s*{_number(words)}\s+(?:and|en)\s+{_number(words, '_2')}"
    for match in reading.each(re.compile(start + between + end)):
        name = words.meaning("metric", match["metric"])
        reading.mark("having", (name, ">=", _limit(words, match, name)), match)
        reading.marks.append(Mark("having", (name, "<=", _limit(words, match, name, "_2")), match.start(), match.end()))
    after = re.compile(rf"{start}(?P<operator>{operator})\s*{_number(words)}{end}")
    ahead = re.compile(
        rf"(?P<operator>{operator})\s*{_number(words)}(?!\w)\s*(?:(?:of|in|aan|op|in total|we|were|zijn|werden)\s+)*(?P<metric>{named})"
    )
    for pattern in (after, ahead):
        for match in reading.each(pattern):
            name = words.meaning("metric", match["metric"])
            limit = (name, words.meaning("operator", match["operator"]), _limit(words, match, name))
            reading.mark("having", limit, match)


def loose_thresholds(reading: Reading, words: Lexicon) -> None:
    """A limit in money that stands apart from its figure: "gaven vorige maand meer dan € 500 uit"."""
    sums = [m for m in reading.of("metric") if metric(m.value).unit == "money" and metric(m.value).kind == "sum"]
    if len({m.value for m in sums}) != 1:
        return
    operator = words.patterns["operator"].pattern
    for match in reading.each(re.compile(rf"(?P<operator>{operator})\s*{_number(words)}(?!\w)(?!\s*(?:{words.patterns['unit'].pattern}))")):
        limit = (sums[0].value, words.meaning("operator", match["operator"]), _limit(words, match, sums[0].value))
        reading.mark("having", limit, match)


def _number(words: Lexicon, suffix: str = "") -> str:
    money, percent = any_of(words.words["money"]), any_of(words.words["percent"])
    magnitude = "|".join(sorted((re.escape(k) for k in words.words["magnitudes"]), key=len, reverse=True))
    number = rf"(?:{money})?\s*(?P<number{suffix}>\d[\d.,]*)(?:\s*(?P<magnitude{suffix}>{magnitude})(?!\w))?"
    return rf"{number}(?:\s*(?P<percent{suffix}>{percent}))?(?:\s*(?:{money}))?"


def _limit(words: Lexicon, match: re.Match[str], name: str, suffix: str = "") -> float:
    decimal, thousands = words.words["decimal"], words.words["thousands"]
    text = match[f"number{suffix}"].rstrip(".,")
    if re.fullmatch(rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(decimal)}\d+)?", text):
        text = text.replace(thousands, "")
    elif re.fullmatch(rf"[1-9]\d{{0,2}}{re.escape(decimal)}\d{{3}}", text):
        raise Unclear("number")  # 1.000 is one to the English and a thousand to the Dutch
    elif thousands in text and not re.fullmatch(rf"\d+{re.escape(thousands)}\d{{1,2}}", text):
        raise Unclear("number")
    value = float(text.replace(",", ".")) if text.count(",") + text.count(".") <= 1 else _refused("number")
    if match[f"magnitude{suffix}"]:
        value *= words.meaning("magnitude", match[f"magnitude{suffix}"])
    unit = metric(name).unit
    if match[f"percent{suffix}"]:
        return value / 100 if unit in ("share", "ratio") else _refused("percent")
    return value if unit != "share" or value < 1 else _refused("percent")


def _refused(reason: str) -> float:
    raise Unclear(reason)
