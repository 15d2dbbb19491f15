"""The scorecard: each target of the platform with its value, what it was made of, over which time and how; or why it is not measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from seeding_platform.quality.monitors.judge import FEWEST, WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.quality.report import QualityReport

SCORE_TARGET = 85.0
SCORECARD: dict[str, pl.DataType] = {
    "target": pl.String(),
    "wanted": pl.Float64(),
    "bound": pl.String(),
    "value": pl.Float64(),
    "numerator": pl.Float64(),
    "denominator": pl.Float64(),
    "n": pl.Int64(),
    "unit": pl.String(),
    "window": pl.String(),
    "state": pl.String(),
    "method": pl.String(),
}
NOW = "now"
FEW_LABELS = 150
"""Own labels at which the worth of seeding is told."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the report itself does not hold.

    Args:
        cleaned_rows: rows that the latest cleanings took in.
        cleaning_seconds: what they took, one after another.
        engines: engines that have a contract.
        fed_engines: those whose bundle in force holds rows.
    """

    cleaned_rows: int = 0
    cleaning_seconds: float = 0.0
    engines: int = 0
    fed_engines: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the scorecard.

    Args:
        target: its name.
        wanted: the bound.
        method: how it is measured; or, without a value, why it is not.
        value: what is so.
        numerator: what the value was made of, where it is a share or a rate.
        denominator: see `numerator`.
        n: rows, runs or engines that it rests on.
        unit: of value and bound.
        window: over which time.
        bound: whether `wanted` is the least or the most.
    """

    target: str
    wanted: float
    method: str
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    unit: str = "ratio"
    window: str = NOW
    bound: Literal["least", "most"] = "least"

    @property
    def state(self) -> str:
        """met, not_met, not_measured."""
        if self.value is None:
            return "not_measured"
        return "met" if (self.value >= self.wanted if self.bound == "least" else self.value <= self.wanted) else "not_met"


def scorecard(report: QualityReport, observed: Observed | None = None) -> pl.DataFrame:
    """All targets, in the order of the requirements.

    Args:
        report: the quality report.
        observed: throughput and bundles; without it these targets are not measured.

    Returns:
        `SCORECARD`; `state` is met, not_met or not_measured, and `method` then says why.
    """
    seen = observed or Observed()
    targets = [*_of_tables(report), *_over_time(report), *_of_runs(seen), *_of_seeding(report), *_not_yet()]
    rows = [
        (
            t.target,
            t.wanted,
            t.bound,
            None if t.value is None else round(t.value, 4),
            t.numerator,
            t.denominator,
            t.n,
            t.unit,
            t.window if t.value is not None else "",
            t.state,
            t.method,
        )
        for t in targets
    ]
    return pl.DataFrame(rows, schema=SCORECARD, orient="row")


def _share(target: str, wanted: float, part: float, whole: float, method: str, *, n: int | None = None, why_not: str = "no rows yet") -> Target:
    if not whole:
        return Target(target, wanted, why_not)
    return Target(target, wanted, method, part / whole, part, whole, int(whole) if n is None else n)


def _of_tables(report: QualityReport) -> Iterator[Target]:
    tables = report.tables
    kept = sum(t.kept for t in tables)
    filled, cells = (sum(getattr(t.completeness, side) for t in tables) for side in ("numerator", "denominator"))
    yield _share("completeness", 0.80, filled, cells, "filled required cells of kept rows", n=kept)
    confident = [(t.confidence, t.kept) for t in tables if t.confidence is not None]
    learned = sum(t.kept for t in tables if t.curve is not None)
    how = f"mean over kept rows, calibrated for {learned:,} of them, assumed for the others"
    yield _mean("confidence", 0.70, confident, how)
    yield _mean(
        "quality_score", SCORE_TARGET, [(t.score, t.kept) for t in tables if t.score is not None], "mean row score of kept rows", unit="points"
    )
    measured = [t.accuracy for t in tables if t.accuracy.denominator]
    right, compared = sum(a.numerator for a in measured), sum(a.denominator for a in measured)
    none = "no rows that are known to be right to compare with: put them into references/<table>.csv of the folder of policies"
    yield _share("accuracy", 0.95, right, compared, "cells that are those of the reference", why_not=none)
    rows_in, refused = sum(t.rows_in for t in tables), sum(t.quarantined for t in tables)
    yield _share("validation_success", 0.95, rows_in - refused, rows_in, "rows that keep their contract, of all that came in")


def _mean(target: str, wanted: float, parts: list[tuple[float, int]], method: str, *, unit: str = "ratio") -> Target:
    n = sum(rows for _, rows in parts)
    if not n:
        return Target(target, wanted, "no rows yet", unit=unit)
    return Target(target, wanted, method, sum(value * rows for value, rows in parts) / n, n=n, unit=unit)


def _over_time(report: QualityReport) -> Iterator[Target]:
    worst: tuple[float, str, int] | None = None
    for table, points in report.trend.items():
        scores = [p.score for p in points[-WINDOW:] if p.score is not None]
        if len(scores) >= FEWEST:
            mean = sum(scores) / len(scores)
            spread = (sum((s - mean) ** 2 for s in scores) / (len(scores) - 1)) ** 0.5
            if mean and (worst is None or spread / mean > worst[0]):
                worst = (spread / mean, table, len(scores))
    if worst is None:
        yield Target("quality_variance", 0.02, f"needs {FEWEST} runs of one table", bound="most")
    else:
        how = f"standard deviation of the mean score over its mean, of the table that varies most ({worst[1]})"
        yield Target("quality_variance", 0.02, how, worst[0], n=worst[2], window=f"last {worst[2]} runs", bound="most")


def _of_runs(seen: Observed) -> Iterator[Target]:
    if seen.cleaning_seconds > 0 and seen.cleaned_rows:
        rate = 60 * seen.cleaned_rows / seen.cleaning_seconds
        how = "rows in of the latest cleanings over the time that they took, one after another; small tables cost as much as larger ones"
        yield Target(
            "throughput", 10_000, how, rate, seen.cleaned_rows, seen.cleaning_seconds / 60, seen.cleaned_rows, "rows a minute", "latest cleaning"
        )
    else:
        yield Target("throughput", 10_000, "nothing was cleaned by a recorded run yet", unit="rows a minute")
    covered = "engines whose bundle in force holds rows, of all that have a contract"
    yield _share("data_coverage", 0.95, seen.fed_engines, seen.engines, covered, why_not="no bundle was built yet")


def _of_seeding(report: QualityReport) -> Iterator[Target]:
    """Gain and time of models with the seed package against those without, where few own labels are there."""
    if report.seeding is None:
        why = "the job seeding_experiment has not run yet"
    else:
        why = "the seeding experiment could be run for no model; quality/seeding_experiment says why"
    tried = [row for row in report.seeding or () if row["labels"] == FEW_LABELS and row["cold"]]
    if not tried:
        yield Target("accuracy_gain", 0.05, why)
        yield Target("training_time_saved", 0.50, why)
        return
    gains = [row["gain"] / abs(row["cold"]) for row in tried]
    how = f"gain by the seed package as a share of the metric without it, at {FEW_LABELS} own labels, mean over models"
    yield Target("accuracy_gain", 0.05, how, sum(gains) / len(gains), n=len(gains))
    cold, warm = (sum(row[side] for row in tried) for side in ("cold_cpu_s", "warm_cpu_s"))
    how = f"CPU-seconds of a fit with the seed package against one without, at {FEW_LABELS} own labels; more rows take longer"
    yield Target("training_time_saved", 0.50, how, 1 - warm / cold if cold else None, n=len(tried))


def _not_yet() -> Iterator[Target]:
    yield Target("distribution_latency", 2.0, "bundles are written but not yet delivered", unit="seconds", bound="most")
    yield Target("engine_uptime", 0.999, "bundles are written but not yet delivered")
    yield Target("manual_work_saved", 0.60, "nobody has recorded how long the same work takes by hand")
