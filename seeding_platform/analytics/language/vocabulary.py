"""Names of things in the facts (platforms, campaigns, countries) as people write them: the snapshot's values and their synonyms."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from seeding_platform.analytics.language.lexicon import LANGUAGES, lexicon
from seeding_platform.analytics.language.text import TAKEN, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHORT = 2
"""Values this short count only where they are typed in capitals."""


@dataclass(frozen=True)
class Vocabulary:
    """What values may be called.

    Args:
        meanings: words of a name to (dimension, value); more than one where a name is not clear.
        longest: words of the longest name.
    """

    meanings: Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]
    longest: int

    def names(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Names as text, with what they mean."""
        return {" ".join(key): meant for key, meant in self.meanings.items()}

    def found(self, text: str) -> Iterator[tuple[int, int, tuple[tuple[str, str], ...]]]:
        """Names in a folded text: start, end, meanings; the longest at each place, none within another."""
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            taken = 1
            for count in range(min(self.longest, len(words) - at), 0, -1):
                part = words[at : at + count]
                meant = self.meanings.get(tuple(w[0] for w in part))
                if meant is not None and all(_joined(text[a.end() : b.start()]) for a, b in pairwise(part)):
                    end = part[-1].end()
                    while end < len(text) and text[end] in _CLOSING:
                        end += 1
                    yield part[0].start(), end, meant
                    taken = count
                    break
            at += taken


_WORD = re.compile(r"\w+")
MOST_BETWEEN = 3
_CLOSING = ")%]+*"
"""Signs at the end of a name that belong to it."""


def _joined(between: str) -> bool:
    """Whether two words can belong to one name: little stands between them, and none of it is taken by another rule."""
    return len(between) <= MOST_BETWEEN and TAKEN not in between and "?" not in between


def vocabulary(values: Mapping[str, Iterable[str]]) -> Vocabulary:
    """Names of the values of each dimension, in every language that is understood."""
    found: dict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    for dimension, members in values.items():
        if dimension in ("ad_group", "ad"):  # too many and too free to be told from words
            continue
        synonyms = _synonyms(dimension)
        for value in members:
            for name in {value, *synonyms.get(value, ())}:
                key = tuple(_WORD.findall(folded(name)))
                if key and not _means_something_else(" ".join(key)):
                    found[key].add((dimension, value))
    return Vocabulary({key: tuple(sorted(meant)) for key, meant in found.items()}, max(map(len, found), default=0))


@cache
def _means_something_else(name: str) -> bool:
    """A campaign called "Q1", "May" or "Clicks" is not told from the words: those keep their meaning, and it cannot be asked for by name."""
    if name in _reserved() or name.isdigit():
        return True
    return any(rule.pattern.fullmatch(name) for lang in LANGUAGES for rule in lexicon(lang).periods)


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
