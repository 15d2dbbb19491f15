"""Repair of mistyped words: only long ones, only where one word alone is near enough, and never one that means something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SHORTEST, LONG = 5, 9


def distance(a: str, b: str, *, most: int = 2) -> int:
    """Optimal string alignment distance: insertions, deletions, changes and swaps of neighbours; `most + 1` when it is larger.

    >>> distance("platfrom", "platform"), distance("spend", "spain"), distance("abc", "wxyz")
    (1, 3, 3)
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], most + 1)


def repaired(word: str, known: Mapping[str, object], *, never: Collection[str]) -> str | None:
    """The one known word that a mistyped word must be, or None.

    Args:
        word: folded.
        known: words to what they mean; two words near enough that mean the same are no doubt.
        never: words that mean something else and are left as they are.

    >>> repaired("germny", {"germany": "DE", "german": "DE"}, never=()), repaired("reach", {"reash": 1}, never=("reach",))
    ('germany', None)
    """
    if len(word) < SHORTEST or word in never or word in known or not word.isalpha():
        return None
    most = 2 if len(word) >= LONG else 1
    near = sorted((distance(word, other, most=most), other) for other in known if len(other) >= SHORTEST and abs(len(other) - len(word)) <= most)
    near = [item for item in near if item[0] <= most]
    nearest = [other for away, other in near if away == near[0][0]]
    return nearest[0] if nearest and len({str(known[other]) for other in nearest}) == 1 else None
