"""One sample file in the making: its records, and which of them are broken or repeated on purpose.

How values are written (dates, numbers) belongs here too; what they mean is the business of the other modules.
"""

# ruff: noqa: S311
from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
SEED = 20261031
SUMMER_TIME_ENDS = datetime(2026, 10, 25, 1)
"""UTC moment at which Amsterdam leaves summer time; the story begins after the start of it."""


def rng_for(name: str) -> random.Random:
    """A generator of its own for each part, so that a change in one leaves the others as they are."""
    return random.Random(f"{SEED}:{name}")


@dataclass
class Record:
    """One record of a file, its place in it and why it was planted (kind "base" = it was not)."""

    values: Row
    order: float
    kind: str = "base"
    reason: str = ""
    label: str = ""


@dataclass
class Sample:
    """One file: contract that it feeds, key in the source's own column names, records."""

    file: str
    contract: str
    key: tuple[str, ...]
    notation: str
    records: list[Record] = field(default_factory=list)

    def add(self, values: Row) -> Record:
        """Append an ordinary record."""
        self.records.append(Record(values, float(len(self.records))))
        return self.records[-1]

    @property
    def rng(self) -> random.Random:
        """Generator for the places of planted records."""
        return rng_for(f"{self.file}:{len(self.records)}")

    def label(self, values: Row) -> str:
        """Key of a record as text; "" for a file without a key."""
        return "|".join("" if values[c] is None else str(values[c]) for c in self.key)

    def repeat(self, indices: list[int], *, kind: str = "strict_duplicate") -> None:
        """Plant the same record again, somewhat later."""
        for index in indices:
            original = self.records[index]
            order = original.order + self.rng.uniform(0.5, 40)
            self.records.append(Record(dict(original.values), order, kind, label=self.label(original.values)))

    def restate(self, indices: list[int], earlier: Callable[[Row], Row], rewrite: Callable[[Row], Row] = dict) -> None:
        """Plant a key twice: the record becomes a poorer version of itself, the whole one follows later (`rewrite`: in another notation)."""
        for index in indices:
            original = self.records[index]
            full = dict(original.values)
            original.values = {**full, **earlier(full)}
            order = original.order + self.rng.uniform(0.5, 40)
            self.records.append(Record(rewrite(full), order, "key_duplicate", label=self.label(full)))

    def break_with(self, reason: str, values: Row, like: int = 0) -> None:
        """Plant a record that must be quarantined for `reason`; what `values` does not name is taken from record `like`."""
        full = {**self.records[like].values, **values}
        order = self.rng.uniform(0, sum(r.kind == "base" for r in self.records))
        self.records.append(Record(full, order, "quarantined", reason, self.label(full)))

    def settle(self) -> None:
        """Put every record in its place; afterwards the position in the list is the row of the file."""
        self.records.sort(key=lambda r: r.order)

    def rows(self) -> list[Row]:
        """The records as they are written."""
        return [r.values for r in self.records]

    def keys_of(self, kind: str, reason: str | None = None) -> list[str]:
        """Where the records of one kind are, as "key@file:row"; row counts from 0 without the header."""
        return [f"{r.label}@{self.file}:{i}" for i, r in enumerate(self.records) if r.kind == kind and reason in (None, r.reason)]

    def reasons(self) -> list[str]:
        """Why records of this file are quarantined."""
        return sorted({r.reason for r in self.records if r.kind == "quarantined"})


@dataclass
class Findings:
    """What is planted beside broken and repeated rows, by kind."""

    flagged: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    outliers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    personal: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    near_duplicates: dict[str, list[list[str]]] = field(default_factory=dict)
    paraphrases: list[list[str]] = field(default_factory=list)
    hard_negatives: list[list[str]] = field(default_factory=list)
    cross_posts: list[list[str]] = field(default_factory=list)
    viral: list[str] = field(default_factory=list)
    exception_labels: dict[str, str] = field(default_factory=dict)
    label_slips: list[str] = field(default_factory=list)

    @staticmethod
    def note(place: dict[str, dict[str, list[str]]], contract: str, what: str, key: str) -> None:
        """Add one key under contract and finding."""
        place.setdefault(contract, {}).setdefault(what, []).append(key)


# --- moments -----------------------------------------------------------------


def to_local(moment: datetime) -> datetime:
    """UTC to the wall clock of Amsterdam, for the months of the story."""
    return moment + timedelta(hours=2 if moment < SUMMER_TIME_ENDS else 1)


def to_utc(local: datetime) -> datetime:
    """Wall clock of Amsterdam to UTC; no time of the story lies in the hour that comes twice."""
    return local - timedelta(hours=2 if local < SUMMER_TIME_ENDS + timedelta(hours=2) else 1)


def iso(moment: datetime | None) -> str | None:
    """UTC moment as ISO 8601 with Z."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def dutch(moment: datetime | None) -> str:
    """UTC moment as dd-mm-yyyy HH:MM on the clock of Amsterdam."""
    return "" if moment is None else to_local(moment).strftime("%d-%m-%Y %H:%M")


def iso_local(moment: datetime) -> str:
    """UTC moment as ISO 8601 with the offset of Amsterdam."""
    return to_local(moment).strftime("%Y-%m-%dT%H:%M:%S") + ("+02:00" if moment < SUMMER_TIME_ENDS else "+01:00")


def mixed(rng: random.Random, moment: datetime | None, iso_share: float = 0.15) -> str:
    """Mostly Dutch notation, sometimes ISO: both are within what the source declares."""
    return iso_local(moment) if moment is not None and rng.random() < iso_share else dutch(moment)


# --- numbers -----------------------------------------------------------------


def dutch_decimal(value: float, digits: int = 2) -> str:
    """1234.5 as "1.234,50"."""
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def dutch_count(rng: random.Random, value: int) -> str:
    """1234 as "1.234" or, in a quarter of the cases, "1234"."""
    return str(value) if rng.random() < 0.25 else f"{value:,}".replace(",", ".")


def poisson(rng: random.Random, mean: float) -> int:
    """Poisson number; normal approximation above 50."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
