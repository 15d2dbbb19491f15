"""A question as text that rules consume: each takes the words that it understands, and what is left over was not understood.

Folding keeps every position, so that the letters as typed can still be looked at (`NL` is a country, `nl` is not).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TAKEN = "\u00a6"
MOST_CHARACTERS = 500
_WORD = re.compile(rf"[^\s{TAKEN},.;:?!()\[\]\"'“”„]+")


def folded(text: str) -> str:
    """Lower case, apostrophes and joining signs as blanks; as long as the text itself.

    >>> folded("Year-over-year: Google’s Brand_Search, 2025-06-01")
    'year over year: google   brand search, 2025-06-01'
    """
    straight = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u00a0", " ").replace("\u2011", "-")
    lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in straight)
    lower = re.sub(r"'s\b", "  ", lower)
    lower = re.sub(r"(?<=[^\W\d_])[-_](?=\w)|(?<=\d)[-_](?=[^\W\d_])|_", " ", lower)
    return re.sub(r"\.(?=\s|$|,)", " ", lower)


def phrase(text: str) -> str:
    """A phrase of a lexicon as a pattern: folded, blanks of any length."""
    return r"\s+".join(re.escape(word) for word in folded(text).split())


def any_of(phrases: Iterable[str]) -> str:
    """Alternatives, the longest first; bounded where a phrase begins or ends in a letter or digit."""
    listed = sorted({p for p in phrases if folded(p).split()}, key=lambda p: (-len(p), p))
    return "(?:" + "|".join(_bounded(p) for p in listed) + ")" if listed else r"(?!)"


def _bounded(text: str) -> str:
    bare = folded(text).strip()
    return (r"(?<!\w)" if re.match(r"\w", bare) else "") + phrase(text) + (r"(?!\w)" if re.search(r"\w$", bare) else "")


@dataclass(frozen=True, slots=True)
class Mark:
    """What some words mean.

    Args:
        kind: metric, dimension, grain, value, window, ...
        value: what it is.
        start: position of the first letter.
        end: position after the last.
        note: what else the words say (one or many, which dimension).
    """

    kind: str
    value: Any
    start: int
    end: int
    note: Any = None


@dataclass(slots=True)
class Reading:
    """A question while it is read.

    Args:
        asked: as typed, in Unicode's compatibility form.
        left: folded; what is understood is blanked out with `TAKEN`.
        marks: what was understood.
    """

    asked: str
    left: str = ""
    marks: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.left:
            self.left = folded(self.asked)

    def take(self, match: re.Match[str]) -> None:
        """Words of a match are understood."""
        self.blank(match.start(), match.end())

    def blank(self, start: int, end: int) -> None:
        """Words between two positions are understood."""
        covered = "".join(c if c == " " else TAKEN for c in self.left[start:end])
        self.left = self.left[:start] + covered + self.left[end:]

    def mark(self, kind: str, value: Any, match: re.Match[str], note: Any = None) -> Mark:
        """Take the words of a match and keep what they mean."""
        made = Mark(kind, value, match.start(), match.end(), note)
        self.take(match)
        self.marks.append(made)
        return made

    def each(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Matches of a pattern in what is left, one after the other while words are taken."""
        at = 0
        while (match := pattern.search(self.left, at)) is not None:
            yield match
            at = max(match.end(), match.start() + 1)

    def of(self, *kinds: str) -> list[Mark]:
        """Marks of some kinds, in the order of the words."""
        return sorted((m for m in self.marks if m.kind in kinds), key=lambda m: m.start)

    def between(self, start: int, end: int) -> str:
        """What is left between two positions, without what is understood."""
        return self.left[start:end].replace(TAKEN, " ").strip()

    def leftovers(self) -> list[str]:
        """Words that no rule has taken."""
        return [w for w in _WORD.findall(self.left) if any(c.isalnum() for c in w) or w not in "-–—&/+*…"]


def unreadable(question: str) -> str | None:
    """Why a question cannot be read at all, or None: empty, too long, or in letters other than Latin ones."""
    if not question.strip():
        return "empty"
    if len(question) > MOST_CHARACTERS:
        return "too_long"
    foreign = [c for c in question if c.isalpha() and not unicodedata.name(c, "").startswith(("LATIN", "MODIFIER", "FEMININE", "MASCULINE"))]
    return "letters" if foreign else None


def typed(question: str) -> str:
    """A question in Unicode's compatibility form, without invisible characters."""
    return (
        "".join(c for c in unicodedata.normalize("NFKC", question) if unicodedata.category(c) not in ("Cf", "Cc") or c in "\n\t")
        .replace("\n", " ")
        .replace("\t", " ")
    )
