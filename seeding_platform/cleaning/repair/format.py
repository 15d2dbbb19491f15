"""Format rules: rewrite by pattern, case and number; flag what does not match."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.notation import number_text
from seeding_platform.connectors.spec import Notation

if TYPE_CHECKING:
    from seeding_platform.cleaning.repair.rules import FormatRule

_GROUP = re.compile(r"\$\{(\w+)\}|\$(\d+)|\\(\d+)|\\g<(\w+)>")


def format_findings(text: pl.DataFrame, rule: FormatRule) -> pl.DataFrame:
    """What a format rule writes and what it doubts: `row, before, after, confidence`."""
    column = text[rule.column]
    read = text[rule.source] if rule.source else column
    told = read.to_frame("value").group_by("value").agg(row=pl.int_range(pl.len())).select("value")
    told = _written(told["value"], rule)
    rows = pl.DataFrame({"row": pl.int_range(text.height, eager=True), "before": column, "value": read})
    rows = rows.join(told, on="value", how="left", nulls_equal=True, maintain_order="left")
    if rule.source:
        rows = rows.filter(pl.col("before").is_null() & pl.col("matches") & pl.col("after").is_not_null())
        return rows.with_columns(confidence=1.0)
    changed = pl.col("before").ne_missing(pl.col("after"))
    return rows.filter(changed | pl.col("doubt")).with_columns(confidence=pl.when(changed).then(1.0).otherwise(0.0))


def _written(values: pl.Series, rule: FormatRule) -> pl.DataFrame:
    """`value, after, matches, doubt` of each distinct value."""
    text = values.fill_null("")
    after, matches, doubt = text, pl.repeat(True, len(text), eager=True), pl.repeat(False, len(text), eager=True)
    if rule.pattern is not None and rule.replace is not None:
        matches, after = _replaced(text, rule.pattern, rule.replace)
    elif rule.pattern is not None:
        whole = re.compile(rule.pattern)
        doubt = pl.Series([value != "" and not whole.fullmatch(value) for value in text], dtype=pl.Boolean)
    if rule.case:
        after = after.str.to_lowercase() if rule.case == "lower" else after.str.to_uppercase()
    if rule.number:
        after, unread = _numbers(after, rule)
        doubt = doubt | unread
    if rule.source:
        after = pl.Series(pl.select(pl.when(matches).then(after)).to_series())
    blank = pl.select(pl.when(after != "").then(after)).to_series()
    return pl.DataFrame({"value": values, "after": blank, "matches": matches, "doubt": doubt})


def _replaced(text: pl.Series, pattern: str, replace: str) -> tuple[pl.Series, pl.Series]:
    """Which texts match, and what they become; patterns that need to look around are left to Python's engine."""
    try:
        matches = text.str.contains(pattern)
        return matches, text.str.replace_all(pattern, _GROUP.sub(lambda m: f"${{{_name(m)}}}", replace))
    except pl.exceptions.ComputeError:
        compiled, template = re.compile(pattern), _GROUP.sub(lambda m: f"\\g<{_name(m)}>", replace)
        matches = pl.Series([compiled.search(value) is not None for value in text], dtype=pl.Boolean)
        return matches, pl.Series([compiled.sub(template, value) for value in text], dtype=pl.String)


def _name(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _numbers(text: pl.Series, rule: FormatRule) -> tuple[pl.Series, pl.Series]:
    """Numbers in their shortest form, and which texts are none; those stay as they are."""
    canonical = text.to_frame("x").select(number_text(pl.col("x").str.strip_chars(), Notation(decimal=rule.decimal_mark))).to_series()
    after = [value if number is None else _shortest(number, rule.decimals) for value, number in zip(text, canonical, strict=True)]
    unread = (text != "") & canonical.is_null()
    return pl.Series(after, dtype=pl.String), unread


def _shortest(number: str, decimals: int | None) -> str:
    value = Decimal(number)
    if decimals is not None:
        value = round(value, decimals)
    plain = f"{value:f}"
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"
