"""What a finder gives: a place in a text, a label, how sure it is; and which finders there are to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LABELS = (
    "EMAIL", "PHONE", "IBAN", "CREDIT_CARD", "BSN", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN", "UK_NINO", "SECRET", "LICENSE_PLATE", "VAT_ID", "GEO",
    "HANDLE",
)  # fmt: skip
"""What is found by form, check digit and context."""
WEAK = ("PERSON", "ADDRESS")
"""What is found by lists of words: many are missed, and some are none."""
CERTAIN, LIKELY, POSSIBLE = 0.99, 0.9, 0.6
"""Scores: a check digit or a form that nothing else has; a form that its context speaks for; a form alone."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the text that was read."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds one label.

    Args:
        label: what it finds.
        trigger: ASCII regex without look-around that every text with such a span matches: most texts are never looked at closer.
        find: the spans of one text.
    """

    label: str
    trigger: str
    find: Callable[[str], Iterable[Span]]


def before(text: str, start: int, reach: int = 40) -> str:
    """What stands before a place on its line, lower case."""
    told = text[max(0, start - reach) : start].lower()
    return told[told.rfind("\n") + 1 :]


def after(text: str, end: int, reach: int = 24) -> str:
    """What stands behind a place on its line, lower case."""
    told = text[end : end + reach].lower()
    return told.partition("\n")[0]


_SHOWN = words("form_only")


def shows_a_form(told: str) -> bool:
    """Whether what stands right before a value says that it only shows a form, such as "for example"."""
    return any(re.fullmatch(r"[ :]{1,3}[\"'“‘]?", told[m.end() :]) for m in _SHOWN.finditer(told))


NUMBERED = words("numbered")
"""Words before a number that is something's number, not somebody's."""


def open_numbering(told: str) -> int:
    """Where the last word for something's number ends that has no number yet; -1 when there is none."""
    begin = max((m.end() for m in re.finditer(r"[0-9]{2,}", told)), default=0)
    return max((m.end() for m in NUMBERED.finditer(told, begin)), default=-1)
