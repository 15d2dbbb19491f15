"""A text as a detector reads it: nothing that hides a value, and where each character stood in the original."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

ODD = (
    "[\u00a0\u00ad\u061c\u1680\u180e\u2000-\u2012\u202a-\u202f\u2043\u205f-\u206f\u2212\u2460-\u249b\u24b6-\u24e9\u3000\ufe63\ufeff\uff01-\uff5e"
    "\U0001d400-\U0001d7ff]"
)
"""What hides a value from a pattern: other spaces and hyphens, full-width and mathematical letters and digits, what is not seen at all."""
_ODD = re.compile(ODD)
_DASHES = frozenset("\u2010\u2011\u2012\u2043\u2212\ufe63\uff0d")


@dataclass(frozen=True, slots=True)
class Plain:
    """The text as it is read.

    Args:
        text: without invisible characters; hyphens, spaces, letters and digits of other widths as in ASCII.
        origin: place in the original of each character, and the original's length at the end; None where the two are the same.
    """

    text: str
    origin: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a span of `text` stands in the original."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def plain(text: str) -> Plain:
    """Bring a text into the form that it is read in.

    >>> plain("jan\u200b＠x.nl").text, plain("jan\u200b＠x.nl").span(3, 5)
    ('jan@x.nl', (4, 6))
    """
    if not _ODD.search(text):
        return Plain(text, None)
    forms = [_form(character) if character > "~" else character for character in text]
    origin = [place for place, form in enumerate(forms) for _ in form]
    return Plain("".join(forms), (*origin, len(text)))


@cache
def _form(character: str) -> str:
    """What a character is read as; nothing for what is not seen."""
    if not _ODD.match(character):
        return character
    if character in _DASHES:
        return "-"
    form = unicodedata.normalize("NFKC", character)
    return "" if unicodedata.category(character) == "Cf" else " " if form.isspace() else form
