"""Labels without anybody's labels: how much a description is like what each label is described as. Never sure: a person has to look."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.enrichment.stages import Stages

CAP = 0.69
"""Below the bar of automation, whatever the likeness says: nobody has measured what it is worth here."""
VERSION = "likeness-1"


@dataclass(frozen=True)
class Likeness:
    """Cosine of words and pieces of words between a description and both languages of each label's description.

    Args:
        stages: labels with their descriptions.
    """

    stages: Stages

    def shares(self, text: str, *, hints: Sequence[str] = ()) -> dict[str, float]:
        """A share for each label, all together 1; labels that the order's facts speak for count as a likeness of a quarter more."""
        terms = self._weighed(_terms(text))
        likes = {label: sum(w * told.get(t, 0.0) for t, w in terms.items()) + 0.25 * (label in hints) for label, told in self._labels.items()}
        weights = {label: math.exp(12 * like) for label, like in likes.items()}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}

    @cached_property
    def _counted(self) -> dict[str, Counter[str]]:
        return {label: _terms(f"{label.replace('_', ' ')} {words.en} {words.nl}") for label, words in self.stages.labels.items()}

    @cached_property
    def _labels(self) -> dict[str, dict[str, float]]:
        return {label: self._weighed(told) for label, told in self._counted.items()}

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Inverse document frequency of a term among the labels."""
        seen = Counter(term for told in self._counted.values() for term in told)
        return {term: math.log((1 + len(self._counted)) / (1 + n)) + 1 for term, n in seen.items()}

    def _weighed(self, terms: Counter[str]) -> dict[str, float]:
        """Terms by weight, together of length 1."""
        weights = {term: (1 + math.log(n)) * self._rarity.get(term, 1.0) for term, n in terms.items()}
        size = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        return {term: w / size for term, w in weights.items()}


def _terms(text: str) -> Counter[str]:
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    pieces = [f"~{word[i : i + 4]}" for word in words for i in range(len(word) - 3)]
    return Counter([*words, *pieces])
