"""Reading a labelled set, and counting what was found in it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

MARKED = re.compile(r"\[\[([A-Z_]+):(.*?)\]\]", re.DOTALL)
WEAK = frozenset({"PERSON", "ADDRESS"})


@dataclass(frozen=True)
class Snippet:
    """A text and its spans `(start, end, label)`."""

    line: int
    lang: str
    text: str
    spans: frozenset[tuple[int, int, str]]


def snippets(path: Path) -> list[Snippet]:
    """The snippets of a set."""
    return [_parsed(n, line) for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if line]


def _parsed(number: int, line: str) -> Snippet:
    lang, _, marked = line.partition("\t")
    marked = marked.replace("\\n", "\n")
    text, spans, at = "", set(), 0
    for found in MARKED.finditer(marked):
        text += marked[at : found.start()]
        spans.add((len(text), len(text) + len(found[2]), found[1]))
        text += found[2]
        at = found.end()
    return Snippet(number, lang, text + marked[at:], frozenset(spans))


@dataclass(frozen=True)
class Counted:
    """Found, wanted and right spans of each label; texts without any span in which something was found."""

    right: Counter
    found: Counter
    wanted: Counter
    clean: int
    flagged: int

    def precision(self, *labels: str) -> float:
        found = sum(self.found[label] for label in labels or self.found)
        return sum(self.right[label] for label in labels or self.right) / found if found else 1.0

    def recall(self, *labels: str) -> float:
        wanted = sum(self.wanted[label] for label in labels or self.wanted)
        return sum(self.right[label] for label in labels or self.right) / wanted if wanted else 1.0


def counted(texts: list[Snippet], found: list[set[tuple[int, int, str]]], *, weak: bool = False) -> Counted:
    """Compare; a span is right when start, end and label are."""
    right, all_found, wanted = Counter(), Counter(), Counter()
    clean = flagged = 0
    for snippet, theirs in zip(texts, found, strict=True):
        mine = {s for s in snippet.spans if (s[2] in WEAK) == weak}
        got = {s for s in theirs if (s[2] in WEAK) == weak}
        right.update(label for _, _, label in mine & got)
        all_found.update(label for _, _, label in got)
        wanted.update(label for _, _, label in mine)
        clean += not snippet.spans
        flagged += not snippet.spans and bool(got)
    return Counted(right, all_found, wanted, clean, flagged)
