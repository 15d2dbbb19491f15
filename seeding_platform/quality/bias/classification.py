"""Fairness of a classifier: rates of its confusion matrix by group, and the gaps between groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.estimates import Estimates, reference_group, shares_of
from seeding_platform.quality.bias.findings import NAN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "selection_rate": (("tp", "fp"), ("tp", "fp", "fn", "tn")),
    "true_positive_rate": (("tp",), ("tp", "fn")),
    "false_positive_rate": (("fp",), ("fp", "tn")),
    "false_negative_rate": (("fn",), ("tp", "fn")),
    "accuracy": (("tp", "tn"), ("tp", "fp", "fn", "tn")),
    "precision": (("tp",), ("tp", "fp")),
}
"""Cells of the confusion matrix above and below the line."""


def classification_findings(rows: pl.DataFrame) -> Iterator[Finding]:
    """Figures of boolean `label` and `prediction` by `group`.

    - Each of `RATES` by group and of all, with Wilson's limits (1927); undefined where nothing is below the line.
    - `..._difference` of each: by group, minus the reference group (Newcombe 1998, method 10), and of all, largest minus smallest.
    - `demographic_parity_difference`, `demographic_parity_ratio`: largest minus smallest selection rate, smallest / largest.
    - `equalized_odds_difference`: the larger of the differences of true and of false positive rates; `equalized_odds_ratio`: the smaller of
      their ratios (Hardt, Price and Srebro 2016). Their limits are the larger (smaller) limits of the two, which share the 5 % where either may
      be the worse.

    Equal to fairlearn, but for groups without positives (negatives): their rate is undefined here and left out of the gaps, where fairlearn
    takes it for 0.
    """
    by_group, whole = _rates(rows), _rates(rows.with_columns(group=pl.lit(ALL)))
    selection = by_group["selection_rate"]
    reference = reference_group(selection, selection.n)
    for metric, rates in by_group.items():
        yield from rates.findings(metric)
        yield from whole[metric].findings(metric)
    for metric, rates in by_group.items():
        if metric != "selection_rate":
            yield from rates.differences(f"{metric}_difference", reference)
            yield rates.largest_difference(f"{metric}_difference")
    yield from selection.differences("selection_rate_difference", reference)
    yield selection.largest_difference("demographic_parity_difference")
    yield selection.smallest_ratio("demographic_parity_ratio")
    yield from _equalized_odds(by_group, selection)


def _equalized_odds(by_group: dict[str, Estimates], selection: Estimates) -> Iterator[Finding]:
    odds = [by_group[metric] for metric in ("true_positive_rate", "false_positive_rate")]
    n = int(selection.n.sum())
    for metric, figure, worse in (
        ("equalized_odds_difference", Estimates.largest_difference, max),
        ("equalized_odds_ratio", Estimates.smallest_ratio, min),
    ):
        found = [f for f in (figure(rates, metric) for rates in odds) if not math.isnan(f.value)]
        if not found:
            yield Finding(metric, ALL, NAN, n)
            continue
        if len(found) == 2 and max(f.ci_low for f in found) <= min(f.ci_high for f in found):
            found = [figure(rates, metric, among=2) for rates in odds]
        yield Finding(metric, ALL, worse(f.value for f in found), n, worse(f.ci_low for f in found), worse(f.ci_high for f in found))


def _rates(rows: pl.DataFrame) -> dict[str, Estimates]:
    said, true = pl.col("prediction"), pl.col("label")
    cells = (
        rows.group_by("group")
        .agg(tp=(said & true).sum(), fp=(said & ~true).sum(), fn=(~said & true).sum(), tn=(~said & ~true).sum())
        .sort("group")
        .with_columns(pl.col("tp", "fp", "fn", "tn").cast(pl.Int64))
    )
    groups = tuple(cells["group"])

    def summed(names: tuple[str, ...]) -> pl.Series:
        return cells.select(pl.sum_horizontal(names)).to_series()

    return {metric: shares_of(groups, summed(over).to_numpy(), summed(under).to_numpy()) for metric, (over, under) in RATES.items()}
