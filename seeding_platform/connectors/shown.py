"""How much of a file's own words is told: messages end up in logs that are kept, and a cell that could not be read may hold anything, a person too.

What was there to the letter stands in the rejects of the raw table and in the quarantine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LETTERS, MOST_SMALL, MOST_DIGITS, MOST_SHOWN = 6, 12, 8, 40
"""What fits is no sentence (more letters are told when all of them are small) and no account number."""
MOST_SHORT = 3
"""Letters of a word that is told whatever it is: `12k`, `n/b`, `EUR`."""
UNITS = frozenset(
    (
        *("euro", "euros", "dollar", "dollars", "cent", "cents", "pond", "percent", "procent", "hundred", "thousand", "duizend"),
        *("million", "miljoen", "billion", "miljard", "mille", "views", "clicks", "null", "none", "true", "false", "value"),
    )
)
"""Longer words that stand beside or in place of a number."""
_DAY = re.compile(r"(?<!\d)(?:\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2}))(?!\d)")
_RUN = re.compile(r"\d{6}")
MOST_HEADER, MOST_HEADER_DIGITS = 60, 5


def shown(value: str) -> str:
    """A cell for a message: as it stands when it is short of a name, a day and a number of somebody's, else its notation.

    Notation is `a` for letters and `9` for digits. Told as they stand are one word of at most three letters or of `UNITS`, and numbers without
    six digits in a row.

    >>> shown("12k"), shown("1.20253E+17"), shown("5 euro"), shown("jan@example.nl"), shown("06-12 34 56 78")
    ('12k', '1.20253E+17', '5 euro', 'aaa@aaaaaaa.aa', '99-99 99 99 99')
    >>> shown("Jan Vos"), shown("06123456"), shown("1980-01-31")
    ('Aaa Aaa', '99999999', '9999-99-99')
    """
    if "@" in value or _named(value) or _DAY.search(value) or _RUN.search(value) or sum(c.isdigit() for c in value) > MOST_DIGITS:
        value = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in value)
    return value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}…"


def _named(value: str) -> bool:
    """Whether a cell has two words, or one that is neither short nor a unit."""
    words = ["".join(c for c in part if c.isalpha()) for part in value.split()]
    words = [word for word in words if word]
    return len(words) > 1 or any(len(word) > MOST_SHORT and word.lower() not in UNITS for word in words)


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
