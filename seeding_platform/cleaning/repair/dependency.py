"""Functional dependencies: what most rows with the same determinant say, the rest should say too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.cleaning.repair.rules import DependencyRule

_KEY = "_key"


def dependency_findings(text: pl.DataFrame, rule: DependencyRule, *, misplaced: pl.Series) -> pl.DataFrame:
    """What the majority says where a row says something else or nothing: `row, before, after, confidence`.

    Args:
        text: the table, all columns text, blanks null.
        rule: what depends on what.
        misplaced: rows whose determinant is what is wrong; they are flagged, not repaired.
    """
    rows = _keyed(text, rule).join(_majorities(text, rule), on=_KEY, how="inner", maintain_order="left")
    differs = pl.col("before").ne_missing(pl.col("winner"))
    clear = pl.col("clear") & ~pl.col("row").is_in(misplaced.implode())
    contested = differs & pl.col("before").is_not_null() | (pl.col("first") == pl.col("second"))
    found = rows.filter((differs & clear) | (contested & ~clear))
    return found.select("row", "before", after=pl.when(clear).then("winner").otherwise("before"), confidence=pl.col("first") / pl.col("votes"))


def misplaced_rows(text: pl.DataFrame, rules: Sequence[DependencyRule]) -> pl.Series:
    """Rows that contradict the clear majority in every dependent column, and say all of what another determinant's majority says.

    Such a row more likely stands under the wrong determinant than has several wrong values: writing the majority into it would break
    correct cells. With one dependent column there is no telling.
    """
    none = pl.Series("row", [], dtype=pl.Int64)
    if len(rules) < 2:
        return none
    said = [f"said{i}" for i in range(len(rules))]
    rows, winners = _keyed(text, rules[0]).select("row", _KEY), None
    for name, rule in zip(said, rules, strict=True):
        rows = rows.with_columns(text[rule.column].gather(rows["row"]).alias(name))
        clear = _majorities(text, rule).filter("clear").select(_KEY, pl.col("winner").alias(name))
        winners = clear if winners is None else winners.join(clear, on=_KEY, how="inner")
    assert winners is not None  # noqa: S101 - there are two rules or more
    judged = rows.join(winners, on=_KEY, how="inner", suffix="_winner")
    astray = judged.filter(pl.all_horizontal(pl.col(name) != pl.col(f"{name}_winner") for name in said))
    return astray.join(winners, on=said, how="semi")["row"] if astray.height else none


def _keyed(text: pl.DataFrame, rule: DependencyRule) -> pl.DataFrame:
    """`row, _key, before` of the rows whose determinant is whole."""
    keys = list(rule.determinant)
    whole = pl.all_horizontal(pl.col(c).is_not_null() for c in keys)
    rows = text.select(pl.int_range(pl.len()).alias("row"), pl.struct(keys).alias(_KEY), pl.col(rule.column).alias("before"), whole.alias("_whole"))
    return rows.filter("_whole").drop("_whole")


def _majorities(text: pl.DataFrame, rule: DependencyRule) -> pl.DataFrame:
    """`_key, winner, first, second, votes, clear`: how many rows say the most and the next frequent value of each determinant."""
    counted = _keyed(text, rule).filter(pl.col("before").is_not_null()).group_by(_KEY, "before").len("n")
    ranked = counted.sort("n", "before", descending=[True, False]).group_by(_KEY, maintain_order=True)
    told = ranked.agg(
        winner=pl.col("before").first(), first=pl.col("n").first(), second=pl.col("n").get(1, null_on_oob=True), votes=pl.col("n").sum()
    )
    second = pl.col("second").fill_null(0)
    clear = (pl.col("first") >= rule.min_support) & (pl.col("first") >= rule.margin * second) & (pl.col("first") > second)
    return told.with_columns(second=second, clear=clear)
