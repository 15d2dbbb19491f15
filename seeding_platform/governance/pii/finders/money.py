"""How somebody pays or is taxed: accounts, cards, VAT numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.numbers import IBAN_LENGTHS, card, iban
from seeding_platform.governance.pii.spans import CERTAIN, LIKELY, NUMBERED, Finder, Span, before
from seeding_platform.governance.pii.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ ]?[0-9]{2}(?:[ .\-\u2013]{0,2}[A-Za-z0-9]){11,40}")
_SIGN = re.compile(r"[A-Za-z0-9]")


def ibans(text: str) -> Iterator[Span]:
    """Account numbers of a country's length with the right check digits, in groups or in one piece."""
    at = 0
    while found := _IBAN.search(text, at):
        at = found.start() + 2
        length = IBAN_LENGTHS.get(found[0][:2].upper())
        places = [found.start() + m.start() for m in _SIGN.finditer(found[0])]
        if length is None or len(places) < length:
            continue
        end = places[length - 1] + 1
        signs = "".join(text[p] for p in places[:length]).upper()
        if iban(signs) and not text[end : end + 1].isalnum():
            yield Span(found.start(), end, "IBAN", CERTAIN)
            at = end


_CARD = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.,:/-])(?<!\+)[1-6](?:[ .\-–\n]{0,2}[0-9]){11,18}(?![0-9A-Za-z])(?![-.,:/][0-9])")
_PAID = words("paid")
_SHORT = 14
_EAN = words("barcode")


def cards(text: str) -> Iterator[Span]:
    """Card numbers of a known network with the right check digit; numbers of other things only where the text speaks of a card."""
    for found in _CARD.finditer(text):
        digits = re.sub(r"[^0-9]", "", found[0])
        if not card(digits) or len(set(digits)) < 2:
            continue
        told = before(text, found.start(), 70)
        paid = bool(_PAID.search(told)) or bool(_PAID.search(text[found.end() : found.end() + 40].lower()))
        numbered = bool(NUMBERED.search(told)) or bool(_EAN.search(told))
        common = digits[0] in "2345" or digits[:2] in ("60", "62", "64", "65")
        if paid or _as_on_a_card(found[0]):
            numbered = bool(NUMBERED.search(told[-15:])) and not paid
        if not paid and (numbered or len(digits) < _SHORT or not common or _uneven(found[0])):
            continue
        yield Span(found.start(), found.end(), "CREDIT_CARD", CERTAIN if paid else LIKELY)


def _as_on_a_card(shown: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{5}", shown))


def _uneven(shown: str) -> bool:
    """Groups that nobody writes a card in."""
    groups = [len(g) for g in re.findall(r"[0-9]+", shown)]
    return len(groups) > 1 and groups not in ([4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [4, 4, 4, 4, 3], [6, 13], [8, 8], [4, 4, 4, 4, 2], [4, 4, 5])


_G = "[ .-]?"
_VAT = re.compile(
    rf"(?<![A-Za-z0-9])(?:NL(?:{_G}[0-9]){{9}}{_G}B(?:{_G}[0-9]){{2}}|FR{_G}[0-9A-HJ-NP-Z]{{2}}(?:{_G}[0-9]){{9}}|AT{_G}U(?:{_G}[0-9]){{8}}|ES{_G}[A-Z0-9](?:{_G}[0-9]){{7}}{_G}[A-Z0-9]"
    rf"|IE(?:{_G}[0-9]){{7}}{_G}[A-W][A-I]?|CHE(?:{_G}[0-9]){{9}}|(?:IT|HR|LV)(?:{_G}[0-9]){{11}}|SE(?:{_G}[0-9]){{12}}|(?:BE|PL|SK|BG|LT)(?:{_G}[0-9]){{9,10}}"
    rf"|(?:DE|PT|EL|EE|GB)(?:{_G}[0-9]){{9}}|(?:LU|DK|FI|HU|MT|SI)(?:{_G}[0-9]){{8}}|CZ(?:{_G}[0-9]){{8,10}}|RO(?:{_G}[0-9]){{6,10}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_TAXED = words("taxed")
_ARTICLE = words("article")


def vat_ids(text: str) -> Iterator[Span]:
    """VAT numbers: of a form that nothing else has, with the right check digits, or where the text speaks of VAT."""
    for found in _VAT.finditer(text):
        digits = re.sub(r"[^0-9]", "", found[0][2:])
        around = before(text, found.start(), 60) + " " + text[found.end() : found.end() + 30].lower()
        taxed = bool(_TAXED.search(around))
        if len(set(digits)) < 2:
            continue
        right = _checked(found[0])
        if right and (taxed or not _ARTICLE.search(before(text, found.start(), 20))):
            yield Span(found.start(), found.end(), "VAT_ID", CERTAIN if taxed else LIKELY)


def _checked(shown: str) -> bool:
    """Whether a number keeps its country's own check (python-stdnum knows them all); the Swiss one is not of the EU."""
    from stdnum.ch import uid
    from stdnum.eu import vat
    from stdnum.gb import vat as british

    bare = re.sub(r"[ .-]", "", shown).upper()
    if bare.startswith("CHE"):
        return bool(uid.is_valid(bare))
    return bool(british.is_valid(bare[2:])) if bare.startswith("GB") else bool(vat.is_valid(bare))


FINDERS = (
    Finder("IBAN", r"[A-Za-z]{2} ?[0-9]{2}[^A-Za-z0-9\n]{0,3}[A-Za-z0-9]", ibans),
    Finder("CREDIT_CARD", r"[1-6](?:[^0-9A-Za-z]{0,4}[0-9]){11}", cards),
    Finder(
        "VAT_ID",
        r"(?i)(?:nl|be|de|fr|at|lu|it|pl|es|gb|sk|bg|lt|hr|lv|ee|mt|si|se|dk|fi|ie|pt|cz|hu|ro|el|ch)[^\n]{0,6}[0-9](?:[ .-]?[0-9]){5}",
        vat_ids,
    ),
)
