"""Recognising a person's identifiers wherever they stand: in a cell, a text, a file's bytes; and nobody else's that only look like them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.identifiers import normalised
from seeding_platform.errors import ConfigError
from seeding_platform.governance.pii.spans import LABELS, WEAK

if TYPE_CHECKING:
    from collections.abc import Sequence

ERASED = "[ERASED]"
"""What stands in place of a value that was erased."""
_SEPARATORS = "[ .()/\u00a0-]{0,3}"
_DIGITS = frozenset({"PHONE", "IBAN", "CREDIT_CARD", "BSN", "US_SSN", "UK_NINO", "VAT_ID", "LICENSE_PLATE", "MAC_ADDRESS"})
FEWEST, FEWEST_OTHERS = 4, 6
"""Signs that an identifier must have: a shorter one stands everywhere by chance. One of no known label must also have a digit: words name nobody."""
KNOWN = frozenset(LABELS) | frozenset(WEAK)


@dataclass(frozen=True, slots=True)
class Identifier:
    """One value that names a person.

    Args:
        label: what it is: EMAIL, PHONE, ..., or any name in capitals for others, such as CUSTOMER_REF.
        value: as it was given.
    """

    label: str
    value: str

    @classmethod
    def parsed(cls, text: str) -> Identifier:
        """`LABEL=VALUE`.

        Raises:
            ConfigError: it is not in that form, or too short to be told from chance.
        """
        label, sign, value = text.partition("=")
        if not sign or not re.fullmatch(r"[A-Z][A-Z0-9_]*", label) or not value.strip():
            raise ConfigError(f"{text!r} is no identifier.", fix="Give LABEL=VALUE, such as EMAIL=jan@example.nl.")
        signs = re.sub(r"[\W_]", "", value)
        if len(signs) < FEWEST or (label not in KNOWN and (len(signs) < FEWEST_OTHERS or not re.search(r"[0-9]", signs))):
            what = f"{label}: {value!r} is too short or too plain to name one person."
            raise ConfigError(
                what, fix=f"An identifier has at least {FEWEST} letters or digits; one of a kind of your own {FEWEST_OTHERS}, with a digit."
            )
        return cls(label, value.strip())

    @property
    def normalised(self) -> str:
        """One way of writing it."""
        return normalised(self.value, self.label)


class Matcher:
    """Finds and replaces the identifiers of one person.

    Args:
        identifiers: at least one.
    """

    def __init__(self, identifiers: Sequence[Identifier]) -> None:
        if not identifiers:
            raise ConfigError("No identifier is given.", fix="Give at least one, such as EMAIL=jan@example.nl.")
        self.identifiers = tuple(identifiers)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All ways of writing any of them; bounded, so that nobody's longer value is taken for it."""
        return re.compile("|".join(_ways(i) for i in self.identifiers), re.IGNORECASE)

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return re.compile(self.pattern.pattern.encode(), re.IGNORECASE)

    def in_bytes(self, data: bytes) -> bool:
        """Whether an identifier stands in bytes: as a text in UTF-8, else as bytes, as Latin-1 and as UTF-16."""
        try:
            if self.found(data.decode("utf-8")):
                return True
        except UnicodeDecodeError:
            if self._in_bytes.search(data) or self.found(data.decode("latin-1")):
                return True
        return b"\x00" in data and any(self.found(data[start:].decode("utf-16-le", "ignore")) for start in (0, 1))

    @cached_property
    def _quick(self) -> str:
        """An expression without look-around that every text with an identifier meets."""
        parts = [_SEPARATORS.join(map(re.escape, _core(i))) if i.label in _DIGITS else _loose(i) for i in self.identifiers]
        return "(?i)" + "|".join(parts)

    def found(self, text: str) -> bool:
        """Whether an identifier stands in a text."""
        return bool(self.pattern.search(text))

    def replaced(self, text: str) -> str:
        """The text with each identifier replaced."""
        return self.pattern.sub(ERASED, text)

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """True for rows in which an identifier stands in any text, lists of texts included."""
        hit = pl.Series("hit", [False]).new_from_index(0, frame.height)
        for name in searched_columns(frame):
            hit = hit | self._in_column(_flat(frame[name]))
        return hit

    def owns(self, frame: pl.DataFrame, columns: Sequence[str] | None = None) -> pl.Series:
        """True for rows in which a whole cell is one of the identifiers: rows about the person, not those of others that only mention them.

        Args:
            frame: any rows.
            columns: where to look; every column in which a person may stand where none are given.
        """
        hit = pl.Series("hit", [False]).new_from_index(0, frame.height)
        for name in searched_columns(frame) if columns is None else columns:
            texts = _flat(frame[name])
            rows = self._in_column(texts).arg_true()
            whole = [row for row, text in zip(rows.to_list(), texts.gather(rows).to_list(), strict=True) if self.without(text) is None]
            hit = hit.scatter(whole, True) if whole else hit
        return hit

    def erased(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The frame with each identifier replaced, and the number of cells that changed; a cell that is nothing else becomes null."""
        changed, columns = 0, []
        for name in searched_columns(frame):
            column = frame[name]
            hit = self._in_column(_flat(column)).arg_true()
            if not hit.len():
                continue
            changed += hit.len()
            if column.dtype == pl.String:
                values = [self.without(v) for v in column.gather(hit).to_list()]
                columns.append(column.clone().scatter(hit, pl.Series(values, dtype=pl.String)))
            elif column.dtype.is_integer():
                columns.append(column.clone().scatter(hit, None))
            else:
                cells = column.to_list()
                for row in hit.to_list():
                    cells[row] = [self.replaced(v) if v is not None else None for v in cells[row]]
                columns.append(pl.Series(name, cells, dtype=column.dtype))
        return frame.with_columns(columns), changed

    def without(self, value: str) -> str | None:
        """A cell with each identifier replaced; None where it is nothing else."""
        made = self.replaced(value)
        return None if made.strip() == ERASED else made

    def _in_column(self, texts: pl.Series) -> pl.Series:
        possible = texts.str.contains(self._quick).fill_null(value=False).arg_true()
        sure = [row for row, text in zip(possible.to_list(), texts.gather(possible).to_list(), strict=True) if self.found(text)]
        return pl.Series("hit", [False]).new_from_index(0, texts.len()).scatter(sure, True) if sure else texts.is_null() & False


def text_columns(frame: pl.DataFrame) -> list[str]:
    """Columns of texts, and of lists of texts."""
    return [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.List(pl.String))]


def searched_columns(frame: pl.DataFrame) -> list[str]:
    """Columns in which a person may stand: texts, lists of texts and whole numbers; not whose rows they are."""
    return [name for name, dtype in frame.schema.items() if name != "tenant" and (dtype in (pl.String, pl.List(pl.String)) or dtype.is_integer())]


def _flat(column: pl.Series) -> pl.Series:
    return column.list.join("\n", ignore_nulls=True) if column.dtype == pl.List(pl.String) else column.cast(pl.String)


def _core(identifier: Identifier) -> str:
    """The signs that every way of writing has; of a telephone number, those of the national number."""
    if identifier.label != "PHONE":
        return re.sub(r"[^0-9A-Za-z]", "", identifier.normalised)
    return _phone_parts(identifier)[1]


def _phone_parts(identifier: Identifier) -> tuple[str, str]:
    """Country code and national number; no code where the number names none that is known."""
    import phonenumbers

    try:
        number = phonenumbers.parse(identifier.normalised, None)
    except phonenumbers.NumberParseException:
        return "", re.sub(r"[^0-9]", "", identifier.normalised).lstrip("0")
    return str(number.country_code), str(phonenumbers.national_significant_number(number))


def _loose(identifier: Identifier) -> str:
    return r"\s+".join("".join(_letter(c) for c in part) for part in identifier.value.lower().split())


def _letter(character: str) -> str:
    """A letter as it may stand in a text, an address or JSON."""
    if character == "@":
        return "(?:@|%40)"
    if character.isascii():
        return re.escape(character)
    ways = {character, character.upper(), unicodedata.normalize("NFD", character)}
    escaped = {f"\\u{ord(c):04x}" for c in (character, character.upper()) if len(c) == 1 and ord(c) < 0x10000}
    return f"(?:{'|'.join(re.escape(way) for way in sorted(ways | escaped))})"


def _ways(identifier: Identifier) -> str:
    """All ways of writing an identifier."""
    if identifier.label == "PHONE":
        code, national = _phone_parts(identifier)
        inside = _SEPARATORS.join(national)
        abroad = rf"(?:\+|00)?{_SEPARATORS.join(code)}{_SEPARATORS}(?:\(0\){_SEPARATORS})?" if code else ""
        return rf"(?<![0-9])(?:{abroad}|\(?0\)?{_SEPARATORS})?{inside}(?![0-9])"
    if identifier.label in _DIGITS:
        return rf"(?<![0-9A-Za-z]){_SEPARATORS.join(map(re.escape, _core(identifier)))}(?![0-9A-Za-z])"
    if identifier.label == "EMAIL":
        return rf"(?<![\w.+%-]){_loose(identifier)}(?![\w-])(?!\.\w)"
    return rf"(?<!\w){_loose(identifier)}(?!\w)"
