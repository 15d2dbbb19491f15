"""Check digits: what makes a number a card, an account or a citizen's number rather than any digits."""

from __future__ import annotations

IBAN_LENGTHS = {
    country: int(length)
    for country, length in (
        entry.split(":")
        for entry in [
            "AD:24",
            "AE:23",
            "AL:28",
            "AT:20",
            "AZ:28",
            "BA:20",
            "BE:16",
            "BG:22",
            "BH:22",
            "BR:29",
            "BY:28",
            "CH:21",
            "CR:22",
            "CY:28",
            "CZ:24",
            "DE:22",
            "DK:18",
            "DO:28",
            "EE:20",
            "EG:29",
            "ES:24",
            "FI:18",
            "FO:18",
            "FR:27",
            "GB:22",
            "GE:22",
            "GI:23",
            "GL:18",
            "GR:27",
            "GT:28",
            "HR:21",
            "HU:28",
            "IE:22",
            "IL:23",
            "IQ:23",
            "IS:26",
            "IT:27",
            "JO:30",
            "KW:30",
            "KZ:20",
            "LB:28",
            "LC:32",
            "LI:21",
            "LT:20",
            "LU:20",
            "LV:21",
            "MC:27",
            "MD:24",
            "ME:22",
            "MK:19",
            "MR:27",
            "MT:31",
            "MU:30",
            "NL:18",
            "NO:15",
            "PK:24",
            "PL:28",
            "PS:29",
            "PT:25",
            "QA:29",
            "RO:24",
            "RS:22",
            "SA:24",
            "SC:31",
            "SE:24",
            "SI:19",
            "SK:24",
            "SM:27",
            "ST:25",
            "SV:28",
            "TL:23",
            "TN:24",
            "TR:26",
            "UA:29",
            "VA:22",
            "VG:24",
            "XK:20",
        ]
    )
}
"""Characters of an account number by country (SWIFT, IBAN registry)."""


def luhn(digits: str) -> bool:
    """The check digit of cards (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card(digits: str) -> bool:
    """A number of a known network with its length and check digit.

    >>> card("371449635398431"), card("9111111111111111")
    (True, False)
    """
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    n = len(digits)
    network = (
        (digits[0] == "4" and n in (13, 16, 19))
        or (n == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))
        or (n == 15 and two in (34, 37))
        or (n in (16, 17, 18, 19) and (four == 6011 or two == 65 or 644 <= three <= 649))
        or (n in (16, 17, 18, 19) and 3528 <= four <= 3589)
        or (n == 14 and (two in (36, 38, 39) or 300 <= three <= 305))
        or (n in (16, 17, 18, 19) and two == 62)
        or (n in (12, 13, 14, 15, 16, 17, 18, 19) and (two in (50, 56, 57, 58) or two == 63 or two == 67))
    )
    return network and luhn(digits)


def iban(text: str) -> bool:
    """An account number: its country's length and remainder 1 by 97 (ISO 13616, ISO/IEC 7064 MOD 97-10).

    >>> iban("NL91ABNA0417164300"), iban("NL91ABNA0417164301")
    (True, False)
    """
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return mod97(text[4:] + text[:4]) == 1


def mod97(text: str) -> int:
    """The remainder by 97, letters read as 10 to 35."""
    return int("".join(str(int(c, 36)) for c in text)) % 97


def bsn(digits: str) -> bool:
    """The Dutch citizen service number: nine digits (or eight, a leading zero dropped) that pass the eleven test.

    >>> bsn("111222333"), bsn("123456782"), bsn("123456789")
    (True, True, False)
    """
    if len(digits) not in (8, 9) or len(set(digits)) == 1:
        return False
    nine = digits.zfill(9)
    return sum(int(d) * w for d, w in zip(nine, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
