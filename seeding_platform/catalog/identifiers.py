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
        return _phone(plain)
    if label == "HANDLE":
        return plain.lstrip("@").casefold()
    return " ".join(plain.casefold().split())


HOME = "NL"
"""The country of a telephone number that names none."""


def _phone(text: str) -> str:
    """A telephone number as E.164 where it can be read as one, else its digits."""
    import phonenumbers

    digits = _NO_DIGIT.sub("", text.replace("(0)", ""))
    for way in (text, f"+{digits}"):
        try:
            number = phonenumbers.parse(way.replace("(0)", ""), HOME)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number) and (way is text or phonenumbers.is_valid_number(number)):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return digits
