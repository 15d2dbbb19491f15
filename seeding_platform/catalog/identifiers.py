"""Values that name a person, in one way of writing: what pseudonyms, tombstones and searches agree on."""

from __future__ import annotations

import re
import unicodedata

_COMPACT = frozenset({"IBAN", "CREDIT_CARD", "BSN", "US_SSN", "UK_NINO", "VAT_ID", "LICENSE_PLATE", "MAC_ADDRESS"})
_NO_SIGN = re.compile(r"[^0-9A-Z]")
_NO_DIGIT = re.compile(r"[^0-9]")


def normalised(value: str, label: str) -> str:
    """One way of writing a value, so that it has one token however it was written.

    >>> normalised(" Jan@Example.NL ", "EMAIL"), normalised("nl91 abna 0417 1643 00", "IBAN"), normalised("+31 (0)6 1234-5678", "PHONE")
    ('jan@example.nl', 'NL91ABNA0417164300', '+31612345678')
    """
    plain = unicodedata.normalize("NFKC", value).strip()
    if label in _COMPACT:
        return _NO_SIGN.sub("", plain.upper())
    if label == "PHONE":
        digits = _NO_DIGIT.sub("", plain.replace("(0)", ""))
        return f"+{digits[2:]}" if digits.startswith("00") else f"+{digits}" if plain.startswith("+") else digits
    if label == "HANDLE":
        return plain.lstrip("@").casefold()
    return " ".join(plain.casefold().split())
