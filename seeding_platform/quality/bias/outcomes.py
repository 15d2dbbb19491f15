"""Outcome: how often each group gets the good outcome, overall and among comparable rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.columns import ALL, chosen, hits
from seeding_platform.quality.bias.counts import counted, left_out
from seeding_platform.quality.bias.estimates import reference_group
from seeding_platform.quality.bias.findings import table
from seeding_platform.quality.bias.strata import conditional_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeding_platform.quality.bias.findings import Finding


def outcome(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    group: str | Sequence[str],
    label: str,
    positive: Any,
    strata: str | Sequence[str] = (),
    weights: str | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Whether groups get the good outcome at the same rate.

    The reference of every comparison is the most favoured group of at least 30 rows (the largest group where none has so many). Its own rows
    are 0 and 1.

    Args:
        frame: any table.
        group: column, or columns whose values together make the groups (joined by " x "); a null is group "(missing)".
        label: column of the outcome. Rows without one are left out and counted.
        positive: the value of `label` that is the good outcome.
        strata: columns whose values together make rows comparable, such as the department that was applied to.
        weights: column of the rows' weights, not negative; all rates are weighted by it, and the intervals take it as given.
        seed: not used, for all intervals here are in closed form (`intervals`).

    Returns:
        Rows `metric, group, value, n, ci_low, ci_high, verdict`:

        - `label_missing`: share of rows without a label; n is their number.
        - `base_rate` by group and of all, with Wilson's limits (1927).
        - `statistical_parity_difference` by group: its rate minus that of the reference (limits: Newcombe 1998, method 10).
        - `disparate_impact` by group: its rate / that of the reference (limits: Donner and Zou 2012).
        - `demographic_parity_difference`, `demographic_parity_ratio` of all: largest minus smallest rate, smallest / largest, as in fairlearn.
        - with `strata`: `stratum_base_rate`, `stratum_parity_difference`, `stratum_disparate_impact` of "group | stratum", and
          `conditional_parity_difference`, `conditional_disparate_impact` by group over all strata (Mantel and Haenszel 1959).

    Raises:
        ConfigError: a column is missing, `positive` does not fit the label, or a weight is null or negative.

    >>> frame = pl.DataFrame({"sex": ["f"] * 100 + ["m"] * 100, "hired": [1] * 20 + [0] * 80 + [1] * 50 + [0] * 50})
    >>> found = outcome(frame, group="sex", label="hired", positive=1)
    >>> found.filter(pl.col("metric") == "disparate_impact").select("group", "value", pl.col("ci_high").round(2), "verdict").rows()
    [('f', 0.4, 0.61, 'biased'), ('m', 1.0, 1.0, 'ok')]
    """
    rows = chosen(frame, group=group, label=label, stratum=strata, **({} if weights is None else {"weight": weights}))
    if weights is not None:
        _require_weights(rows["weight"], weights)
    rows = rows.with_columns(hit=hits(rows["label"], positive, name=label))
    return table(_findings(rows))


def _findings(rows: pl.DataFrame) -> Iterator[Finding]:
    counts = counted(rows)
    rates = counts.rates()
    whole = counted(rows.with_columns(group=pl.lit(ALL))).rates()
    reference = reference_group(rates, rates.n)
    yield left_out(rows["hit"].is_null(), "label_missing")
    yield from rates.findings("base_rate")
    yield from whole.findings("base_rate")
    yield from rates.differences("statistical_parity_difference", reference)
    yield from rates.ratios("disparate_impact", reference)
    yield rates.largest_difference("demographic_parity_difference")
    yield rates.smallest_ratio("demographic_parity_ratio")
    if "stratum" in rows.columns:
        yield from conditional_findings(counted(rows, by_stratum=True), reference)


def _require_weights(weight: pl.Series, name: str) -> None:
    numeric = weight.dtype.is_numeric()
    if not numeric or weight.null_count() or not bool((weight.is_finite() & (weight >= 0)).all()):
        raise ConfigError(f"weights: column {name} holds {'nulls or negative values' if numeric else weight.dtype}.", fix="Give every row a weight.")
