"""Findings: figures with their interval, gathered into the table that every function of this room gives back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from seeding_platform.quality.bias.verdicts import Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = {
    "metric": pl.String(),
    "group": pl.String(),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "verdict": pl.String(),
}
NAN = float("nan")


class Finding(NamedTuple):
    """One figure; NaN is undefined, and an infinite limit is a limit that is not known.

    Args:
        metric: what was computed.
        group: for whom: a group, "group | stratum", or "(all)".
        value: the figure.
        n: rows that the figure is made of.
        ci_low: lower limit of the 95 % interval.
        ci_high: upper limit.
        judged: False where the rule of the metric does not apply.
    """

    metric: str
    group: str
    value: float
    n: int
    ci_low: float = NAN
    ci_high: float = NAN
    judged: bool = True


def table(findings: Iterable[Finding]) -> pl.DataFrame:
    """The findings as rows `metric, group, value, n, ci_low, ci_high, verdict`, in the order given.

    >>> table([Finding("disparate_impact", "b", 0.5, 90, 0.4, 0.6), Finding("disparate_impact", "c", float("nan"), 0)])["verdict"].to_list()
    ['biased', 'insufficient_evidence']
    """
    return pl.DataFrame([_row(f) for f in findings], schema=SCHEMA, orient="row")


def _row(finding: Finding) -> tuple[str, str, float | None, int, float | None, float | None, str]:
    value, low, high = (float(x) if math.isfinite(x) else None for x in (finding.value, finding.ci_low, finding.ci_high))
    judged = finding.judged or value is None
    said = verdict(finding.metric, value, low, high) if judged else Verdict.NOT_JUDGED
    return finding.metric, finding.group, value, int(finding.n), low, high, said.value
