"""Unit slips: an amount that is ten, a hundred or a thousand times what the amounts beside it speak for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.cleaning.repair.rules import SlipRule

SCHEMA = {"row": pl.Int64(), "before": pl.String(), "after": pl.String(), "confidence": pl.Float64()}
GROUP_ROWS = 30
_NORMAL = 1.4826  # MAD of a normal distribution times this is its standard deviation
_USUAL, _FAR = 3.0, 4.0  # standard deviations within which a quotient is usual, and beyond which it is not
_PRIOR = 0.01  # share of cells with a slip, before anything is known
_SURE = 0.95


def slip_findings(text: pl.DataFrame, rule: SlipRule) -> pl.DataFrame:
    """Amounts that one factor brings back among their like: `row, before, after, confidence`.

    The logarithm of the quotient with each witness is judged by median and MAD among the rows with the same `by` (all rows where those are
    fewer than 30). A slip must be unusual for two witnesses at least, and with one and the same factor usual for all that the row has.
    Confidence is the posterior of the slip with a prior of .01, under normal logarithms, for the witness that speaks least for it.
    """
    amount = pl.col(rule.column).cast(pl.Float64, strict=False)
    rows = text.with_row_index("row").with_columns(pl.when(amount > 0).then(amount).alias("_x"))
    for n, witness in enumerate(rule.per):
        beside = pl.col(witness).cast(pl.Float64, strict=False)
        rows = rows.with_columns((pl.col("_x") / pl.when(beside > 0).then(beside)).log10().alias(f"_q{n}"))
        rows = rows.with_columns(_distance(f"_q{n}", rule.by))
    fits = [_fit(rows, factor, len(rule.per)) for factor in rule.factors]
    best = pl.concat(fits).sort("row", "confidence", descending=[False, True]).unique("row", keep="first", maintain_order=True)
    if not best.height:
        return pl.DataFrame(schema=SCHEMA)
    cells = best.join(text.select(before=pl.col(rule.column)).with_row_index("row"), on="row", how="left", maintain_order="left")
    after = [_divided(value, factor) for value, factor in cells.select("before", "factor").iter_rows()]
    found = cells.with_columns(after=pl.Series(after, dtype=pl.String))
    sure = (pl.col("confidence") >= _SURE) & pl.col("after").is_not_null()
    return found.select(pl.col("row").cast(pl.Int64), "before", pl.when(sure).then("after").otherwise("before").alias("after"), "confidence")


def _distance(quotient: str, by: tuple[str, ...]) -> list[pl.Expr]:
    """How far a quotient lies from its median, and the spread around it."""
    every = pl.col(quotient)
    among = [pl.col(c) for c in by]

    def told(what: pl.Expr) -> pl.Expr:
        return pl.when(every.count().over(among) >= GROUP_ROWS).then(what.over(among)).otherwise(what) if by else what

    middle = told(every.median())
    spread = told((every - every.median()).abs().median()) * _NORMAL
    return [(every - middle).alias(f"{quotient}_from"), spread.alias(f"{quotient}_spread")]


def _fit(rows: pl.DataFrame, factor: float, witnesses: int) -> pl.DataFrame:
    """Rows that `factor` explains: `row, factor, confidence`."""
    shift = math.log10(factor)
    unusual, usual, odds = [], [], []
    for n in range(witnesses):
        spread = pl.when(pl.col(f"_q{n}_spread") > 0).then(pl.col(f"_q{n}_spread"))
        now, then = pl.col(f"_q{n}_from") / spread, (pl.col(f"_q{n}_from") - shift) / spread
        unusual.append((now.abs() > _FAR).fill_null(False))
        usual.append((then.abs() <= _USUAL).fill_null(True))
        odds.append((now**2 - then**2) / 2 + math.log(_PRIOR / (1 - _PRIOR)))
    fits = (pl.sum_horizontal(unusual) >= min(2, witnesses)) & pl.all_horizontal(usual)
    posterior = 1 / (1 + (-pl.min_horizontal(odds)).exp())
    return rows.filter(fits).select("row", factor=pl.lit(float(factor)), confidence=posterior)


def _divided(value: str, factor: float) -> str | None:
    """The amount without the slip, written with as many decimals as it has; None where that would lose something."""
    from decimal import Decimal

    amount = Decimal(value)
    places = max(0, -int(amount.as_tuple().exponent))
    made = amount / Decimal(str(factor))
    rounded = round(made, places)
    return str(rounded) if rounded == made else None
