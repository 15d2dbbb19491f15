"""Numbers that states give: citizens' numbers and plates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.numbers import bsn
from seeding_platform.governance.pii.spans import CERTAIN, LIKELY, NUMBERED, POSSIBLE, Finder, Span, after, before
from seeding_platform.governance.pii.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_BSN = re.compile(r"(?:(?<![0-9A-Za-z+])|(?<=[bB][sS][nN])|(?<=mmer))(?<![0-9][.,:/-])[0-9](?:[ .-]?[0-9]){7,8}(?![0-9A-Za-z])(?![-.,:/][0-9])")
_CITIZEN = words("citizen")


def citizen_numbers(text: str) -> Iterator[Span]:
    """Dutch citizens' numbers that pass the eleven test, where the text speaks of one: one of eleven other numbers passes it too."""
    for found in _BSN.finditer(text):
        digits = re.sub(r"[^0-9]", "", found[0])
        around = before(text, found.start(), 60)
        heading = text.partition("\n")[0].lower() if "\n" in text else ""  # the first line of rows names their columns
        context = any(_CITIZEN.search(told) for told in (around, after(text, found.end(), 40), heading))
        if context and bsn(digits) and "rsin" not in around:
            yield Span(found.start(), found.end(), "BSN", CERTAIN)


_SSN = re.compile(r"(?<![0-9A-Za-z-])(?!000|666|9)[0-9]{3}([-–. ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![0-9A-Za-z-])")
_BARE_SSN = re.compile(
    r"(?i)(?<![a-z])(?:ssn|social security(?: number| no\.?)?)[\"']?(?: is|:|=)?[ \"']{0,3}"
    r"(?P<number>(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4})(?![0-9])"
)
_SOCIAL = words("social_security")


def social_security_numbers(text: str) -> Iterator[Span]:
    """US social security numbers in ranges that are given out; with spaces only where the text speaks of one."""
    for found in _SSN.finditer(text):
        told = before(text, found.start(), 60)
        social = bool(_SOCIAL.search(told))
        if social or (found[1] == "-" and not NUMBERED.search(told) and not NUMBERED.search(after(text, found.end()))):
            yield Span(found.start(), found.end(), "US_SSN", CERTAIN if social else LIKELY)
    for found in _BARE_SSN.finditer(text):
        yield Span(found.start("number"), found.end("number"), "US_SSN", LIKELY)


_NINO = re.compile(
    r"(?<![0-9A-Za-z])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]([ -]?)[0-9]{2}([ -]?)[0-9]{2}\2[0-9]{2}([ -]?)[A-D](?![0-9A-Za-z])",
    re.IGNORECASE,
)
_INSURED = words("national_insurance")


def insurance_numbers(text: str) -> Iterator[Span]:
    """British national insurance numbers; lower case only where the text speaks of one."""
    for found in _NINO.finditer(text):
        told = before(text, found.start())
        insured = bool(_INSURED.search(told))
        if insured or (found[0] == found[0].upper() and not NUMBERED.search(told)):
            yield Span(found.start(), found.end(), "UK_NINO", CERTAIN if insured else LIKELY)


_N, _L = "[0-9]", "[A-Z]"
_CODES = (
    "LL-99-99", "99-99-LL", "99-LL-99", "LL-99-LL", "LL-LL-99", "99-LL-LL", "99-LLL-9", "9-LLL-99", "LL-999-L", "L-999-LL", "LLL-99-L",
    "L-99-LLL", "9-LL-999", "999-LL-9",
)  # fmt: skip
_PLATE = re.compile(
    r"(?<![0-9A-Za-z-])(?:" + "|".join(code.replace("9", _N).replace("L", _L) for code in _CODES) + r")(?![0-9A-Za-z])(?!-[0-9A-Za-z])", re.IGNORECASE
)
_DRIVEN = words("driven")
_NAMED_AS = words("article")
_PLATED = words("plated")
_LOOSE_PLATE = re.compile(
    r"(?<![0-9A-Za-z-])(?:" + "|".join(code.replace("-", " ?").replace("9", _N).replace("L", _L) for code in _CODES) + r")(?![0-9A-Za-z-])",
    re.IGNORECASE,
)
_MADE = words("place_or_article")


def plates(text: str) -> Iterator[Span]:
    """Dutch number plates: in capitals with letters that are given out, or where the text speaks of a vehicle."""
    for found in _PLATE.finditer(text):
        shown, told = found[0], before(text, found.start(), 50)
        driven = [m.end() for m in _DRIVEN.finditer(told)]
        made = [m.end() for m in _MADE.finditer(told)]
        behind = after(text, found.end(), 30)
        if re.fullmatch(r"[X9-]+", shown.upper()) or _NAMED_AS.search(behind):
            continue
        if driven and (not made or made[-1] < driven[-1]):
            yield Span(found.start(), found.end(), "LICENSE_PLATE", LIKELY)
            continue
        used = _DRIVEN.search(behind)
        if made or shown != shown.upper():
            if used and not made:
                yield Span(found.start(), found.end(), "LICENSE_PLATE", LIKELY)
            continue
        letters = re.sub(r"[^A-Z]", "", shown)
        if used or not set(letters) & set("AEIOUCMQWY"):
            yield Span(found.start(), found.end(), "LICENSE_PLATE", LIKELY if used else POSSIBLE)
    for found in _LOOSE_PLATE.finditer(text):
        told = before(text, found.start(), 25)
        if (_PLATED.search(told) or _PLATED.search(after(text, found.end(), 60))) and re.search(r"[A-Za-z]", found[0]) and not _MADE.search(told):
            yield Span(found.start(), found.end(), "LICENSE_PLATE", LIKELY)


FINDERS = (
    Finder("BSN", r"[0-9](?:[^0-9A-Za-z\n]?[0-9]){7}", citizen_numbers),
    Finder("US_SSN", r"[0-9]{3}[^0-9A-Za-z]{0,3}[0-9]{2}[^0-9A-Za-z]{0,3}[0-9]{4}", social_security_numbers),
    Finder("UK_NINO", r"[A-Za-z]{2}[- ]?[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{2}[- ]?[A-Da-d]", insurance_numbers),
    Finder(
        "LICENSE_PLATE",
        r"[0-9A-Za-z]{1,3}-[0-9A-Za-z]{2,3}-[0-9A-Za-z]{1,3}|(?i)kenteken|plate|licen[sc]e|"
        r"registration|kennzeichen|plaat|plaque|immatricul",
        plates,
    ),
)
