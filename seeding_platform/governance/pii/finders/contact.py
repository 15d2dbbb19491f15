"""How somebody is reached: e-mail addresses, telephone numbers, handles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.spans import CERTAIN, LIKELY, POSSIBLE, Finder, Span, after, before, open_numbering, shows_a_form
from seeding_platform.governance.pii.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMAIL = re.compile(
    r"(?<![^\W_])[^\W_](?:[\w.+'’&-]|%(?!40))*(?:@|%40)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:xn--[a-z0-9-]{2,}|[^\W\d_]{2,24})(?![\w@])(?!-[^\W_])"
    r"|(?<=[\s<:;,\"'(=\[])_[\w.+-]*@(?:[a-z0-9-]+\.)+[a-z]{2,24}(?![\w@])",
    re.IGNORECASE,
)
_NO_DOMAIN = frozenset("png jpg jpeg gif svg webp css js ts json yaml yml py local localhost internal lan localdomain invalid".split())  # noqa: SIM905  a list of words reads better

_SAMPLES = re.compile(r"(?:uw|jouw|your|votre|ihr)[._-]?(?:naam|name|nom)|you|voornaam\.achternaam|firstname\.lastname|vorname\.nachname")


def emails(text: str) -> Iterator[Span]:
    """Addresses; `git@host:path` is none."""
    for found in _EMAIL.finditer(text):
        local, _, domain = found[0].replace("%40", "@").rpartition("@")
        if domain.rpartition(".")[2].lower() in _NO_DOMAIN or (local.lower() == "git" and text[found.end() : found.end() + 1] in (":", "/")):
            continue
        if _SAMPLES.fullmatch(local.lower()) or "**" in local or re.search(r"://[^\s/@]*:$", text[: found.start()]):
            continue
        if text[found.start() - 1 : found.start()] == "@" or ".." in local or local.endswith("."):
            continue
        yield Span(found.start(), found.end(), "EMAIL", CERTAIN)


_PHONE = re.compile(
    r"(?:(?<![\w+@#/€$£.,-])|(?<![0-9+])(?=\+[1-9])|(?<=wa\.me/)|(?<=[a-z]\.))(?<![0-9][ :])(?<![A-Z]{4}[ ])"
    r"(?:\+[ ]?[0-9]++|\(\+?[0-9]{1,5}\)|[0-9]++)"
    r"(?:(?:[ ]?[-.–][ ]?|[ ]|/|(?<=[0-9]{2})[ ]/[ ])\(?[0-9]++\)?|\([0-9]++\)|(?<=\))[0-9]++){0,9}(?![\w€%])(?!-[A-Za-z])"
)
_DATE = re.compile(
    r"(?<![0-9])(?:(?:0?[1-9]|[12][0-9]|3[01])([-./])(?:0?[1-9]|1[0-2])\1(?:19|20)?[0-9]{2}|(?:19|20)[0-9]{2}[-./](?:0?[1-9]|1[0-2])[-./][0-3]?[0-9])(?![0-9])"
)
_ASKED = words("called")
_DUTCH = re.compile(r"0(?:6[1-9][0-9]{7}|[1-57][0-9]{8}|8[458][0-9]{7}|97[0-9]{9}|(?:800|900|906|909)[0-9]{4}(?:[0-9]{3})?|85[0-9]{7}|88[0-9]{7})")
_BELGIAN = re.compile(r"0(?:4[5-9][0-9]{7}|[1-9][0-9]{7})")
_FRENCH = re.compile(r"0[1-9][0-9]{8}")
_BRITISH = re.compile(r"0(?:7[0-9]{9}|[1238][0-9]{8,9})")
_GERMAN = re.compile(r"0(?:1[567][0-9]{8,9}|[2-9][0-9]{6,10}|800[0-9]{6,8})")
_GERMAN_MOBILE = re.compile(r"0(?:15[0-9]|16[023]|17[0-9])[0-9]{7,8}")
_AMERICAN_GROUPS = re.compile(r"(?:1[-. ]?)?(?:\([2-9][0-9]{2}\)[ ]?|[2-9][0-9]{2}[-. ])[0-9]{3}[-. ][0-9]{4}")
_AMERICAN = re.compile(r"1?[2-9][0-9]{2}[2-9][0-9]{6}")

_ABROAD = re.compile(r"31[1-9][0-9]{8}|32[0-9]{8,9}|33[1-9][0-9]{8}|44[1-9][0-9]{9}|49[1-9][0-9]{8,10}|1[2-9][0-9]{9}")


def phones(text: str) -> Iterator[Span]:
    """Numbers that can be dialled: with a country code, or of a national form that its separators or its context speak for."""
    for found in _PHONE.finditer(text):
        start, end = found.start(), found.end()
        shown = found[0].rstrip(" -./–(")
        if shown.count("(") < shown.count(")"):
            shown = shown.rstrip(")")
        end = start + len(shown)
        told = _judged(text, shown, start, end)
        while told is None and (cut := _shorter(shown)) is not None:
            shown, end = cut, start + len(cut)
            told = _judged(text, shown, start, end) if _groups(shown) > 1 else None
        if told is not None:
            yield Span(start, end, "PHONE", told)


def _shorter(shown: str) -> str | None:
    """Without its last group, where a space parts it from the rest: what follows a number is often another one."""
    head, space, _ = shown.rpartition(" ")
    return head.rstrip(" -./–(") if space and len(head) > 8 else None


def _groups(shown: str) -> int:
    return len(re.findall(r"[0-9]+", shown))


_RIGHT_BEHIND = re.compile(r"[\s\"'”)]{0,3}(?:bel(?:len|t)?|call|anrufen|appeler|whatsapp|appen)\b")


def _judged(text: str, shown: str, start: int, end: int) -> float | None:
    """How sure it is that this is a telephone number; None when it is none."""
    digits = re.sub(r"[^0-9]", "", shown.replace("(0)", ""))
    told, behind = before(text, start, 60), after(text, end)
    asked, numbered = _last(_ASKED, told[-40:]) + len(told[:-40]), open_numbering(told)
    called = bool(_ASKED.search(told[-40:])) and asked >= numbered
    if shown.startswith(("+", "(+")):
        return _international(digits, valid=False) if 9 <= len(digits) <= 15 else None
    heading = text.partition("\n")[0].lower() if "\n" in text else ""  # the first line of rows names their columns
    called = called or bool(_RIGHT_BEHIND.match(behind)) or (numbered < 0 and bool(_ASKED.search(heading)))
    if _DATE.search(shown) or (numbered >= 0 and not called) or shows_a_form(told):
        return None
    if digits.startswith("00"):
        return _international(digits[2:], valid=not _ABROAD.fullmatch(digits[2:])) if 11 <= len(digits) <= 17 else None
    called = called or bool(_ASKED.search(behind))
    if (called or told.endswith("wa.me/")) and _ABROAD.fullmatch(digits):
        return _international(digits, valid=True)
    if digits.startswith("0"):
        return _national(digits, shown, called=called)
    if _AMERICAN.fullmatch(digits) and (called or _AMERICAN_GROUPS.fullmatch(shown)):
        return LIKELY if called else POSSIBLE
    return None


def _last(words: re.Pattern[str], told: str) -> int:
    """Where the last of the words ends; -1 when there is none."""
    ends = [m.end() for m in words.finditer(told)]
    return ends[-1] if ends else -1


def _national(digits: str, shown: str, *, called: bool) -> float | None:
    """A form of the Netherlands, Belgium, France, Britain or Germany; what nothing speaks for must be grouped as people there do."""
    ten = bool(_DUTCH.fullmatch(digits) or _FRENCH.fullmatch(digits) or _BRITISH.fullmatch(digits))
    if called:
        known = ten or _BELGIAN.fullmatch(digits) or _GERMAN.fullmatch(digits)
        return LIKELY if known else None
    if _GERMAN_MOBILE.fullmatch(digits):
        return POSSIBLE
    groups = [len(g) for g in re.findall(r"[0-9]+", shown)]
    if ten and len(digits) >= 10:
        pairs, tail = all(g == 2 for g in groups[1:]), groups[-1] >= 3
        return POSSIBLE if len(groups) == 1 or pairs or tail or groups[1:] == [3, 2, 2] else None
    if ten and re.fullmatch(r"0[89]00[0-9]{4,7}", digits) and len(groups) > 1:
        return POSSIBLE
    return POSSIBLE if _BELGIAN.fullmatch(digits) and groups in ([2, 3, 2, 2], [3, 2, 2, 2]) else None


def _international(digits: str, *, valid: bool) -> float | None:
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return None
    right = phonenumbers.is_valid_number(number) if valid else phonenumbers.is_possible_number(number)
    return CERTAIN if right else None


_HANDLE = re.compile(r"(?<![\w@+%*-])@\w(?:[\w.]{0,28}\w)?(?:@[a-z0-9-]+(?:\.[a-z0-9-]+)+)?", re.IGNORECASE)
_NO_HANDLE = words("no_handle")

_SENTENCE = frozenset({"", ",", ".", "!", "?", "\n"})
_AMOUNT = re.compile(r"[0-9.]+[a-z]{0,3}$")
_DEFINED = re.compile(r"\s*\n\s*(?:def|class|async|public|private|function|@)")
_CODE = re.compile(r"\(|[-–][a-z]| ?:=|=[\"'{]| [+*] [0-9]")
_ANNOTATION = re.compile(
    r"@(?:[A-Z][a-z]+)+(?:Test|Mapping|Param|Bean|Config|Configuration|Controller|Repository|Service|Entity|Column|Id|Value|Source|Handler)"
)


def handles(text: str) -> Iterator[Span]:
    """@names of accounts; style rules, decorators, package scopes and shouts to everybody are none."""
    for found in _HANDLE.finditer(text):
        start, end, name = found.start(), found.end(), found[0][1:].lower()
        if text[start - 1 : start] == "." and text[max(0, start - 2) : start - 1].isalnum():
            continue
        if _NO_HANDLE.fullmatch(name.partition(".")[0]) or (name[0].isdigit() and _AMOUNT.match(name)):
            continue
        behind = text[end : end + 5]
        if behind[:1] in ("\n", " ") and _DEFINED.match(text, end):
            continue
        if behind[:1] not in _SENTENCE and (_CODE.match(behind) or (behind[:1] == "/" and text[max(0, start - 1) : start] != "/")):
            continue
        if behind.startswith(" ") and (_CODE.match(behind) or _ANNOTATION.fullmatch(found[0])):
            continue
        yield Span(start, end, "HANDLE", LIKELY)


FINDERS = (
    Finder("EMAIL", r"(?:@|%40)[^@\s]*\.", emails),
    Finder("PHONE", r"[0-9](?:[^0-9A-Za-z\n]{0,4}[0-9]){6}", phones),
    Finder("HANDLE", r"@[0-9A-Za-z_\x{80}-\x{10ffff}]", handles),
)
