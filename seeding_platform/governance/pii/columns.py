"""Which columns of a table are personal data: judged by their name and by what stands in them, with the evidence.

A verdict says what it rests on, so that a person can agree or not; a column whose name says one thing and whose values say nothing is a suspicion.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.pii.detect import detect_pii
from seeding_platform.governance.pii.finders.people import given_names
from seeding_platform.governance.pii.numbers import bsn, card
from seeding_platform.governance.pii.verdicts import TABLE_VERDICTS, VERDICTS
from seeding_platform.governance.pii.words import headers

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 5000
"""Distinct values of a column that are looked at."""

SURE, SOME = 0.6, 0.005
"""Share of the values that must be of one label for a column to be of it; share of the texts that makes one that holds personal data."""

_LOSSY = r"^[0-9][.,][0-9]+[eE]\+?1[2-8]$"


def judged_columns(frame: pl.DataFrame, *, declared: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Judge every text column of a table; columns of whole numbers too, for they may be citizens' or card numbers.

    Args:
        frame: any table.
        declared: labels of columns that a contract declares personal: their verdict is `personal` whatever stands in them.

    Returns:
        As in `VERDICTS`, in the order of the columns.
    """
    rows = []
    for name, dtype in frame.schema.items():
        if dtype == pl.String or dtype.is_integer():
            values = frame[name].drop_nulls().cast(pl.String).unique().sort().head(MOST)
            verdict = _judged(name, values.filter(values != ""), (declared or {}).get(name, ""))
            rows.append({"column": name, **verdict, "detector": detector_version()})
    return pl.DataFrame(rows, schema=VERDICTS)


def _judged(name: str, values: pl.Series, declared: str) -> dict[str, object]:
    said = header_label(name)
    label, share, count, found = _by_values(values, said)
    told = {"label": label, "share": share, "values": count, "of": values.len(), "header": said}
    if declared:
        return {**told, "verdict": "personal", "label": declared, "evidence": "declared in the contract"}
    if values.len() and values.str.contains(_LOSSY).sum() >= max(1, SURE * values.len()):
        why = "card numbers that a spreadsheet has rounded: their last digits are lost"
        return {**told, "verdict": "suspected", "label": "CREDIT_CARD", "evidence": why}
    if label and share >= SURE:
        return {**told, "verdict": "personal", "evidence": f"{count:,} of {values.len():,} distinct values are {label}"}
    if found and share >= SOME:
        return {**told, "verdict": "texts", "evidence": f"{count:,} of {values.len():,} distinct texts hold {label}"}
    if said:
        return {**told, "verdict": "suspected", "label": said, "evidence": f"its name says {said}, its values do not show it"}
    return {**told, "verdict": "none", "evidence": "neither name nor values"}


def _by_values(values: pl.Series, said: str) -> tuple[str, float, int, bool]:
    """The commonest label among the values, its share and number, and whether it stands within longer texts."""
    if not values.len():
        return "", 0.0, 0, False
    if said == "BSN" or said == "CREDIT_CARD":
        check = bsn if said == "BSN" else card
        digits = values.str.replace_all(r"[ .-]", "")
        right = sum(check(d) for d in digits.to_list() if d.isascii() and d.isdigit() and 8 <= len(d) <= 19)
        if right:
            return said, right / values.len(), right, False
    if said == "PERSON":
        named = sum(bool(set(re.findall(r"[a-zà-ÿ]+", v.lower())[:2]) & given_names()) for v in values.to_list())
        return "PERSON", named / values.len(), named, False
    spans = detect_pii(values)
    if spans.is_empty():
        return "", 0.0, 0, False
    sized = spans.with_columns(size=values.str.strip_chars().str.len_chars().gather(spans["row"]))
    whole = sized.filter((pl.col("end") - pl.col("start")) >= pl.col("size") - 2).group_by("label").agg(n=pl.col("row").n_unique())
    if whole.height:
        label, count = whole.sort("n", "label", descending=[True, False]).row(0)
        if count / values.len() >= SURE:
            return label, count / values.len(), count, False
    label, count = spans.group_by("label").agg(n=pl.col("row").n_unique()).sort("n", "label", descending=[True, False]).row(0)
    return label, count / values.len(), count, True


def header_label(name: str) -> str:
    """What the name of a column says about its values; nothing for names such as `email_opened` or `phone_model`.

    >>> [header_label(name) for name in ("customerEmail", "e-mailadres", "email_opens", "Achternaam", "campaign_name")]
    ['EMAIL', 'EMAIL', '', 'PERSON', '']
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    tokens = " ".join(re.findall(r"[a-zà-ÿ0-9]+", spaced.lower()))
    if headers()["denied"].search(tokens):
        return ""
    return next((label for label, pattern in headers().items() if label != "denied" and pattern.search(tokens)), "")


@cache
def detector_version() -> str:
    """Names the code and the words that judge: a change of either is a reason to judge again."""
    told = hashlib.blake2b(digest_size=6)
    for file in sorted(Path(__file__).parent.rglob("*")):
        if file.suffix in (".py", ".yaml", ".txt"):
            told.update(file.read_bytes())
    return told.hexdigest()


def judged_tables(tables: Mapping[str, tuple[int, pl.DataFrame]], *, declared: Mapping[str, Mapping[str, str]], before: pl.DataFrame) -> pl.DataFrame:
    """Verdicts on the columns of many tables; those of a version that this detector has judged are taken over.

    Args:
        tables: version and rows by table.
        declared: labels that contracts declare, by table and column.
        before: what was found the last time (`TABLE_VERDICTS`).
    """
    parts = []
    for table, (version, rows) in sorted(tables.items()):
        known = before.filter((pl.col("table") == table) & (pl.col("version") == version) & (pl.col("detector") == detector_version()))
        if known.height:
            parts.append(known)
        else:
            found = judged_columns(rows.drop([c for c in rows.columns if c.startswith("_") or c == "tenant"]), declared=declared.get(table))
            parts.append(found.select(pl.lit(table).alias("table"), pl.lit(version, dtype=pl.Int64).alias("version"), pl.all()))
    return pl.concat([pl.DataFrame(schema=TABLE_VERDICTS), *parts])
