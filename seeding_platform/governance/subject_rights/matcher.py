"""Recognising a person's identifiers wherever they stand: in a cell, a text, a file's bytes; and nobody else's that only look like them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.identifiers import normalised
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

ERASED = "[ERASED]"
"""What stands in place of a value that was erased."""
_SEPARATORS = "[ .()/\u00a0-]{0,3}"
_DIGITS = frozenset({"PHONE", "IBAN", "CREDIT_CARD", "BSN", "US_SSN", "UK_NINO", "VAT_ID", "LICENSE_PLATE"})
FEWEST = 4
"""Signs that an identifier must have: a shorter one stands everywhere by chance."""


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
        if len(re.sub(r"\W", "", value)) < FEWEST:
            raise ConfigError(f"{label}: {value!r} is too short to name anybody.", fix=f"An identifier has at least {FEWEST} letters or digits.")
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
        """Whether an identifier stands in bytes, as UTF-8 or UTF-16."""
        if self._in_bytes.search(data):
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
        for name in text_columns(frame):
            hit = hit | self._in_column(_flat(frame[name]))
        return hit

    def erased(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The frame with each identifier replaced, and the number of cells that changed; a cell that is nothing else becomes null."""
        changed, columns = 0, []
        for name in text_columns(frame):
            column = frame[name]
            hit = self._in_column(_flat(column)).arg_true()
            if not hit.len():
                continue
            changed += hit.len()
            if column.dtype == pl.String:
                values = [self._cell(v) for v in column.gather(hit).to_list()]
                columns.append(column.clone().scatter(hit, pl.Series(values, dtype=pl.String)))
            else:
                cells = column.to_list()
                for row in hit.to_list():
                    cells[row] = [self.replaced(v) if v is not None else None for v in cells[row]]
                columns.append(pl.Series(name, cells, dtype=column.dtype))
        return frame.with_columns(columns), changed

    def _cell(self, value: str) -> str | None:
        made = self.replaced(value)
        return None if made.strip() == ERASED else made

    def _in_column(self, texts: pl.Series) -> pl.Series:
        possible = texts.str.contains(self._quick).fill_null(value=False).arg_true()
        sure = [row for row, text in zip(possible.to_list(), texts.gather(possible).to_list(), strict=True) if self.found(text)]
        return pl.Series("hit", [False]).new_from_index(0, texts.len()).scatter(sure, True) if sure else texts.is_null() & False


def text_columns(frame: pl.DataFrame) -> list[str]:
    """Columns of texts, and of lists of texts."""
    return [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.List(pl.String))]


def _flat(column: pl.Series) -> pl.Series:
    return column if column.dtype == pl.String else column.list.join("\n", ignore_nulls=True)


def _core(identifier: Identifier) -> str:
    """The signs that every way of writing has; of a telephone number, those behind the country's code or the zero."""
    signs = re.sub(r"[^0-9A-Za-z]", "", identifier.normalised)
    return signs[-9:] if identifier.label == "PHONE" and len(signs) >= 9 else signs


def _loose(identifier: Identifier) -> str:
    return r"\s+".join(re.escape(part).replace("@", "(?:@|%40)") for part in identifier.value.lower().split())


def _ways(identifier: Identifier) -> str:
    """All ways of writing an identifier."""
    if identifier.label == "PHONE":
        inside = _SEPARATORS.join(_core(identifier))
        return rf"(?<![0-9])(?:\+?[0-9]{{1,3}}{_SEPARATORS}|00[0-9]{{1,3}}{_SEPARATORS})?(?:\(?0\)?{_SEPARATORS})?{inside}(?![0-9])"
    if identifier.label in _DIGITS:
        return rf"(?<![0-9A-Za-z]){_SEPARATORS.join(map(re.escape, _core(identifier)))}(?![0-9A-Za-z])"
    if identifier.label == "EMAIL":
        return rf"(?<![\w.+%-]){_loose(identifier)}(?![\w-])(?!\.\w)"
    return rf"(?<!\w){_loose(identifier)}(?!\w)"
