"""How much of a file's own words is told: messages end up in logs that are kept, and a cell that could not be read may hold anything, a person too.

What was there to the letter stands in the rejects of the raw table and in the quarantine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LETTERS, MOST_SMALL, MOST_DIGITS, MOST_SHOWN = 6, 12, 8, 40
"""What fits is no name (more letters are told when all of them are small), no telephone number and no account number."""
MOST_HEADER, MOST_HEADER_DIGITS = 60, 5


def shown(value: str) -> str:
    """A cell for a message: as it stands when nobody can be meant by it, else its notation, with `a` for letters and `9` for digits.

    >>> shown("12k"), shown("1.20253E+17"), shown("jan@example.nl"), shown("06-12 34 56 78")
    ('12k', '1.20253E+17', 'aaa@aaaaaaa.aa', '99-99 99 99 99')
    """
    if "@" in value or wordy(value) or sum(c.isdigit() for c in value) > MOST_DIGITS:
        value = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in value)
    return value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}…"


def wordy(value: str) -> bool:
    """Whether a cell has so many letters that somebody may be meant.

    >>> wordy("some day"), wordy("Jan de Vries")
    (False, True)
    """
    letters = sum(c.isalpha() for c in value)
    return letters > (MOST_SMALL if value.islower() else MOST_LETTERS)


def headers_shown(names: Sequence[str], *, most: int = 40) -> str:
    """The columns of a file for a message; only how many when a row of data stands where the header should.

    >>> headers_shown(["id", "Conversion value (EUR)"])
    "'id', 'Conversion value (EUR)'"
    >>> headers_shown(["7", "jan@example.nl"])
    '2 columns whose names look like a row of data (is the header missing?)'
    """
    if any("@" in n or len(n) > MOST_HEADER or len(re.sub(r"\D", "", n)) > MOST_HEADER_DIGITS or not n.strip("_ 0123456789.,") for n in names):
        return f"{len(names)} columns whose names look like a row of data (is the header missing?)"
    return ", ".join(map(repr, names[:most]))
