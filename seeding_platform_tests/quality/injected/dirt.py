"""Errors put into true rows, as people and exports make them: which cell, of what kind, and whether it still means the same.

A cell of kind `form` is written otherwise and means the same; every other kind means something else than the truth.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

FORM = "form"
NUMBERS = ("spend", "clicks", "impressions", "conversions", "revenue", "reach", "likes", "comments", "shares", "saves")
WORDS = ("platform", "account", "campaign", "ad_group", "country", "device", "currency")
COUNTRY_NAMES = {"NL": "Nederland", "BE": "België", "DE": "Germany", "FR": "France", "GB": "United Kingdom"}
PLATFORM_NAMES = {"Google": "Google Ads", "Meta": "facebook", "LinkedIn": "linked in", "TikTok": "Tik Tok", "X": "Twitter"}
DEVICE_NAMES = {"Mobile": "mobiel", "Desktop": "computer", "Tablet": "TABLET"}


@dataclass(frozen=True)
class Dirty:
    """A dirty table of texts, and every cell that was touched (`row, column, kind`)."""

    rows: pl.DataFrame
    errors: pl.DataFrame


def with_errors(
    truth: pl.DataFrame, seed: int, *, rows_wrong: float = 0.25, rows_otherwise: float = 0.35, key: tuple[str, ...] = ("row_id",)
) -> Dirty:
    """Put errors of value in this share of the rows (one to three cells each), and other ways of writing in that share.

    Args:
        truth: true rows.
        seed: of everything drawn.
        rows_wrong: share of rows with a wrong value.
        rows_otherwise: share of rows with a value that is only written otherwise.
        key: columns that stay as they are.
    """
    dice = random.Random(seed)
    records = [{name: _plain(value) for name, value in row.items()} for row in truth.iter_rows(named=True)]
    before = [dict(record) for record in records]
    touched: list[tuple[int, str, str]] = []
    columns = [c for c in truth.columns if c not in key]
    for n, record in enumerate(records):
        wrong: list[str] = []
        if dice.random() < rows_wrong:
            for _ in range(dice.choices((1, 2, 3), (70, 22, 8))[0]):
                column = dice.choice([c for c in columns if c not in wrong])
                kind = _spoil(record, column, before, dice)
                if record[column] != before[n][column]:
                    touched.append((n, column, kind))
                    wrong.append(column)
        if dice.random() < rows_otherwise:
            column = dice.choice([c for c in columns if c not in wrong])
            record[column] = _otherwise(column, record[column] or "", dice)
            if record[column] != before[n][column]:
                touched.append((n, column, FORM))
    errors = pl.DataFrame(touched, schema={"row": pl.Int64, "column": pl.String, "kind": pl.String}, orient="row")
    return Dirty(pl.DataFrame(records, schema=dict.fromkeys(truth.columns, pl.String)), errors)


def _plain(value: object) -> str | None:
    if value is None:
        return None
    return f"{value:.2f}" if isinstance(value, float) else f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "hour") else str(value)


def _spoil(record: dict, column: str, rows: list[dict], dice: random.Random) -> str:
    """Make one cell wrong; what kind of error it is."""
    value = record[column] or ""
    if dice.random() < 0.22:
        record[column] = dice.choice((None, "", "N/A", "-"))
        return "missing"
    if column in NUMBERS:
        kind = dice.choices(("slip", "sign", "digits", "elsewhere", "words"), (30, 15, 25, 15, 15))[0]
        record[column] = {
            "slip": lambda: _slipped(value, dice),
            "sign": lambda: f"-{value}",
            "digits": lambda: _swapped(value, dice, str.isdigit),
            "elsewhere": lambda: dice.choice(rows)[column],
            "words": lambda: dice.choice(("n.v.t.", "#REF!", "see note", "??")),
        }[kind]()
        return kind
    if column in WORDS:
        kind = dice.choices(("typo", "elsewhere", "truncated", "neighbour"), (55, 20, 15, 10))[0]
        record[column] = {
            "typo": lambda: _typo(value, dice),
            "elsewhere": lambda: dice.choice(rows)[column],
            "truncated": lambda: value[: max(1, len(value) * 2 // 3)],
            "neighbour": lambda: record[dice.choice([c for c in WORDS if c in record and c != column])],
        }[kind]()
        return kind
    kind = dice.choices(("typo", "elsewhere", "impossible"), (30, 40, 30))[0]
    record[column] = {
        "typo": lambda: _swapped(value, dice, str.isdigit),
        "elsewhere": lambda: dice.choice(rows)[column],
        "impossible": lambda: value.replace("-0", "-3", 1) if column in ("date", "measured_at") else f"{value}?",
    }[kind]()
    return kind


def _slipped(value: str, dice: random.Random) -> str:
    """A unit slip: a hundred or a thousand times as much."""
    return f"{float(value) * dice.choice((100, 1000)):.2f}" if "." in value else f"{value}000"


def _swapped(value: str, dice: random.Random, which: Callable[[str], bool]) -> str:
    places = [i for i in range(len(value) - 1) if which(value[i]) and which(value[i + 1]) and value[i] != value[i + 1]]
    if not places:
        return f"{value}7"
    at = dice.choice(places)
    return value[:at] + value[at + 1] + value[at] + value[at + 2 :]


def _typo(value: str, dice: random.Random) -> str:
    if len(value) < 2:
        return value + dice.choice("aeiou")
    at = dice.randrange(1, len(value))
    letter = dice.choice("aeiknorst")
    swapped = value[: at - 1] + value[at] + value[at - 1] + value[at + 1 :]
    return dice.choice((value[:at] + value[at + 1 :], value[:at] + letter + value[at:], swapped))


def _otherwise(column: str, value: str, dice: random.Random) -> str:
    """The same value, written otherwise."""
    if column in NUMBERS and value:
        whole, _, part = value.partition(".")
        grouped = f"{int(whole):,}" if whole.lstrip("-").isdigit() else whole
        written = grouped + (f".{part}" if part else "")
        return f"€ {written}" if column in ("spend", "revenue") and dice.random() < 0.5 else f" {written} "
    names = {"country": COUNTRY_NAMES, "platform": PLATFORM_NAMES, "device": DEVICE_NAMES}.get(column, {})
    if value in names and dice.random() < 0.7:
        return names[value]
    return f"  {value} " if dice.random() < 0.5 or not value else value.replace(" ", "\u00a0")
