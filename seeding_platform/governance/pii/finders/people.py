"""The weak tier: names and addresses, by lists of given names and of words for streets. Many are missed, and some are none."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.spans import POSSIBLE, Finder, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIVEN = Path(__file__).with_name("given_names.txt")
_PARTICLE = r"(?:van[ ](?:de|der|den|het|’t|'t)|van|de|den|der|ten|ter|te|von|zu|del|della|di|da|dos|du|la|le|el|al|bin|ben|in[ ]’t|op[ ]de|[A-Z]\.)"
_FAMILY = rf"(?:{_PARTICLE}[ ]){{0,3}}[A-ZÀ-Þ][\w’'-]{{1,}}(?:-[A-ZÀ-Þ]\w+)?"
_NAME = re.compile(rf"(?<![\w@.#-])([A-ZÀ-Þ][a-zà-ÿ]+(?:-[A-ZÀ-Þ][a-zà-ÿ]+)?)[ ]{_FAMILY}(?![\w@])")
_STREET = (
    r"(?:straat|laan|weg|plein|kade|gracht|singel|dreef|hof|pad|steeg|dijk|markt|plantsoen|park|baan|wal|haven|burg|veld|straße|strasse|str\."
    r"|gasse|allee|platz|ring|damm|ufer)"
)
_TOWN = r"[A-ZÀ-Þ][\w’'-]+(?:[ ][A-ZÀ-Þ][\w’'-]+)?"
_STREET_FIRST = (
    rf"(?:[A-ZÀ-Þ][\w.’'-]*[ ]){{0,3}}[A-ZÀ-Þ]?[\w’'-]*{_STREET}[ ][0-9]{{1,4}}(?:[ -]?[a-zA-Z0-9]{{1,3}}(?![\w]))?"
    rf"(?:,?[ ][1-9][0-9]{{3}}[ ]?[A-Z]{{2}}(?:,?[ ]{_TOWN})?)?"
)
_BRITISH = (
    r"[0-9]{1,4}[a-zA-Z]?,?[ ](?:[A-Z][\w’'-]+[ ]){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Way|Square|Terrace|Place|Crescent|Gardens|Boulevard|Blvd)\b"
    r"(?:,[ ][A-Z][\w]+(?:,?[ ][A-Z]{1,2}[0-9][0-9A-Z]?[ ][0-9][A-Z]{2})?)?"
)
_FRENCH = (
    r"[0-9]{1,4}(?:[ ](?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|impasse|quai|allée|route)[ ](?:(?:de|du|des|la|le|les|l’|l')[ ]?){0,2}"
    rf"{_TOWN}(?:,?[ ][0-9]{{5}}[ ][A-ZÀ-Þ][\w’'-]+)?"
)
_ADDRESS = re.compile(rf"(?<![\w])(?:{_STREET_FIRST}|{_BRITISH}|{_FRENCH})")


@cache
def given_names() -> frozenset[str]:
    """Given names of the list, lower case."""
    return frozenset(_GIVEN.read_text(encoding="utf-8").split())


def people(text: str) -> Iterator[Span]:
    """A given name of the list and a family name with a capital."""
    for found in _NAME.finditer(text):
        if found[1].lower() in given_names() or found[1].partition("-")[0].lower() in given_names():
            yield Span(found.start(), found.end(), "PERSON", POSSIBLE)


def addresses(text: str) -> Iterator[Span]:
    """A street and a house number, with postcode and town where they follow."""
    for found in _ADDRESS.finditer(text):
        yield Span(found.start(), found.end(), "ADDRESS", POSSIBLE)


FINDERS = (
    Finder("PERSON", r"[A-Z\x{c0}-\x{de}][^\s]+ [^\n]*[A-Z\x{c0}-\x{de}]", people),
    Finder("ADDRESS", r"[0-9]", addresses),
)
