"""Names of things in the facts (platforms, campaigns, countries) as people write them: the snapshot's values and their synonyms."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from seeding_platform.analytics.language.lexicon import LANGUAGES, lexicon
from seeding_platform.analytics.language.text import any_of, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHORT = 2
"""Values this short count only where they are typed in capitals."""


@dataclass(frozen=True)
class Vocabulary:
    """What values may be called.

    Args:
        pattern: any of the names.
        meanings: folded name to (dimension, value); more than one where a name is not clear.
    """

    pattern: re.Pattern[str]
    meanings: Mapping[str, tuple[tuple[str, str], ...]]

    def of(self, text: str) -> tuple[tuple[str, str], ...]:
        """What a matched name may mean."""
        return self.meanings[" ".join(text.split())]


def vocabulary(values: Mapping[str, Iterable[str]]) -> Vocabulary:
    """Names of the values of each dimension, in every language that is understood."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    reserved = _reserved()
    for dimension, members in values.items():
        if dimension in ("ad_group", "ad"):  # too many and too free to be told from words
            continue
        synonyms = _synonyms(dimension)
        for value in members:
            for name in {value, *synonyms.get(value, ())}:
                key = " ".join(folded(name).split())
                if key and key not in reserved:
                    found[key].add((dimension, value))
    return Vocabulary(re.compile(any_of(found)), {key: tuple(sorted(meant)) for key, meant in found.items()})


def _synonyms(dimension: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for lang in LANGUAGES:
        for value, names in lexicon(lang).words["values"].get(dimension, {}).items():
            found[value] |= set(names)
    if dimension == "country":
        for code, names in _countries().items():
            found[code] |= names
    return found


@cache
def _countries() -> dict[str, frozenset[str]]:
    """Names of countries by ISO 3166 code, from the Unicode locale data."""
    from babel import Locale

    found: dict[str, set[str]] = defaultdict(set)
    for lang in LANGUAGES:
        for code, name in Locale(lang).territories.items():
            if len(code) == SHORT and code.isalpha():
                found[code].add(name)
    return {code: frozenset(names) for code, names in found.items()}


@cache
def _reserved() -> frozenset[str]:
    """Words that a value may not take away from the languages."""
    found: set[str] = set()
    for lang in LANGUAGES:
        words = lexicon(lang)
        for kind in ("metric", "dimension", "unit", "month", "adverb", "rank", "operator", "step"):
            found |= set(words.lookups[kind])
        found |= {w for w in words.words["fillers"] if len(w) > SHORT}
    return frozenset(found)
