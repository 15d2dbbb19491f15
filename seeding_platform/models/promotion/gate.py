"""Whether a challenger takes the champion's place: both judged on the same rows, every rule with its figure and its bar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.promotion.pairs import difference, discordant, mcnemar, needed_rows
from seeding_platform.models.promotion.resampling import Interval, paired_gain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeding_platform.models.promotion.metrics import Metric
    from seeding_platform.models.promotion.thresholds import PromotionThresholds

BINS = 10


class Verdict(StrEnum):
    """What becomes of a challenger."""

    DEPLOY = "deploy"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule and how it came out.

    Args:
        rule: its name.
        passed: whether it was kept.
        value: what was measured; None where nothing was.
        bar: what it was held against.
        says: one sentence for people.
        final: more rows would not change that it failed.
    """

    rule: str
    passed: bool
    value: float | None
    bar: float | None
    says: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says.

    Args:
        verdict: deploy, hold (more rows may change it) or refuse.
        reasons: every rule that was judged, in order.
        gain: of the challenger over the champion; None where it was not measured.
        ci_low: lower limit of the gain.
        ci_high: upper limit.
        n: rows.
        more_rows: how many more rows would decide, for a hold.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    gain: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    more_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Footprint:
    """What serving a challenger costs; None = not measured."""

    latency_ms: float | None = None
    size_mb: float | None = None


@dataclass(frozen=True, slots=True)
class _Gain:
    interval: Interval
    p: float | None
    worse: bool


def decide(
    champion: pl.DataFrame,
    challenger: pl.DataFrame,
    *,
    metric: Metric,
    thresholds: PromotionThresholds,
    first: bool = False,
    slices: Sequence[str] = (),
    footprint: Footprint = Footprint(),
    seed: int = 0,
) -> Decision:
    """Judge a challenger against the champion, or a first model against its dummy.

    Args:
        champion: score frame of the champion; of the dummy where the model is the first.
        challenger: score frame of the challenger, on the same rows in the same order.
        metric: what they are judged by.
        thresholds: the bars.
        first: nothing serves yet.
        slices: columns of the frames whose values are slices.
        footprint: what was measured of the challenger beside its predictions.
        seed: of the bootstrap.

    Raises:
        ConfigError: the frames are not of the same rows, or lack what the metric needs.
    """
    n = challenger.height
    if thresholds.floor is None:
        refused = Reason("configured", False, None, None, "no threshold configured: set the floor of the metric", final=True)
        return Decision(Verdict.REFUSE, (refused,), None, None, None, n)
    _require_same_rows(champion, challenger, slices)
    if n < thresholds.minimum_rows:
        short = thresholds.minimum_rows - n
        few = Reason("rows", False, n, thresholds.minimum_rows, f"{n} rows judge nothing: {short} more are needed")
        return Decision(Verdict.HOLD, (few,), None, None, None, n, more_rows=short)
    found = _gain(champion, challenger, metric, confidence=thresholds.confidence, seed=seed)
    reasons = (
        Reason("rows", True, n, thresholds.minimum_rows, f"{n} rows"),
        _floor(challenger, metric, thresholds.floor),
        *(_first(found, thresholds) if first else _better(found, thresholds)),
        *_slices(champion, challenger, metric, thresholds, slices, seed=seed),
        *([] if first else _calibration(champion, challenger, thresholds)),
        *within(footprint, thresholds),
    )
    failed = [r for r in reasons if not r.passed]
    verdict = Verdict.DEPLOY if not failed else Verdict.REFUSE if any(r.final for r in failed) else Verdict.HOLD
    more = _more_rows(found.interval, n, thresholds) if verdict is Verdict.HOLD else None
    interval = found.interval
    return Decision(verdict, reasons, interval.value, interval.low, interval.high, n, more)


def _require_same_rows(champion: pl.DataFrame, challenger: pl.DataFrame, slices: Sequence[str]) -> None:
    if champion.height != challenger.height:
        raise ConfigError(f"The champion has {champion.height} rows, the challenger {challenger.height}.", fix="Score both on the same rows.")
    for name in ("truth", *slices):
        absent = [who for who, frame in (("champion", champion), ("challenger", challenger)) if name not in frame.columns]
        if absent:
            raise ConfigError(f"The score frame of the {absent[0]} has no column {name}.", fix="Give truth, prediction and every slice.")
        if not champion[name].equals(challenger[name], check_dtypes=True, null_equal=True):
            raise ConfigError(f"Champion and challenger differ in column {name}.", fix="Score both on the same rows, in the same order.")


def _gain(champion: pl.DataFrame, challenger: pl.DataFrame, metric: Metric, *, confidence: float, seed: int) -> _Gain:
    """Gain with limits; for rows that are right or wrong by the exact test beside an interval, else by paired bootstrap."""
    old, new = scored(champion, metric), scored(challenger, metric)
    if not metric.paired or metric.by_row is None:
        interval = paired_gain(metric, old, new, confidence=confidence, seed=seed)
        return _Gain(interval, None, interval.high < 0)
    won, lost = discordant(metric.by_row(old), metric.by_row(new))
    n = old.rows
    value = (won - lost) / n
    low, high = difference(won, lost, n, confidence=confidence)
    error = (((won + lost) / n - value**2) / n) ** 0.5
    return _Gain(Interval(value, low, high, error), mcnemar(won, lost), high < 0 and mcnemar(lost, won) <= (1 - confidence) / 2)


def _floor(challenger: pl.DataFrame, metric: Metric, floor: float) -> Reason:
    value = metric.value(scored(challenger, metric))
    kept = value >= floor if metric.direction == "up" else value <= floor
    side = "at least" if metric.direction == "up" else "at most"
    return Reason("floor", kept, value, floor, f"{metric.name} is {value:.4f}, {side} {floor:.4f} is asked for", final=True)


def _first(found: _Gain, thresholds: PromotionThresholds) -> Iterator[Reason]:
    gain, bar = found.interval, thresholds.standard_errors
    errors = gain.value / gain.error if gain.error > 0 else bar if gain.value > 0 else 0.0
    says = f"{gain.value:+.4f} over the dummy, {errors:+.1f} standard errors; {bar:g} are asked for"
    yield Reason("dummy", gain.value > 0 and errors >= bar, errors, bar, says)


def _better(found: _Gain, thresholds: PromotionThresholds) -> Iterator[Reason]:
    gain, bar = found.interval, thresholds.minimum_gain
    yield Reason("gain", gain.value >= bar, gain.value, bar, f"gain {gain.value:+.4f}, at least {bar:.4f} is asked for", final=gain.high < bar)
    if found.p is None:
        says = f"the {thresholds.confidence:.0%} interval of the gain is {gain.low:+.4f} to {gain.high:+.4f}; it must lie above 0"
        yield Reason("better", gain.low > 0, gain.low, 0.0, says, final=found.worse)
        return
    alpha = (1 - thresholds.confidence) / 2
    says = f"p = {found.p:.4f} by McNemar's exact test, interval {gain.low:+.4f} to {gain.high:+.4f}; p of at most {alpha:.4f} is asked for"
    yield Reason("better", found.p <= alpha and gain.low > 0, found.p, alpha, says, final=found.worse)


def _slices(
    champion: pl.DataFrame, challenger: pl.DataFrame, metric: Metric, thresholds: PromotionThresholds, slices: Sequence[str], *, seed: int
) -> Iterator[Reason]:
    """Every slice of enough rows that is worse by too much; one reason that says so where none is."""
    judged, kept = 0, True
    for column in slices:
        for value in champion[column].unique().sort().to_list():
            rows = _rows_of(champion[column], value)
            if int(rows.sum()) < thresholds.slice_rows:
                continue
            judged += 1
            old, new = champion.filter(rows), challenger.filter(rows)
            drop = -float(metric.gain(metric.value(scored(old, metric)), metric.value(scored(new, metric))))
            if isfinite(drop) and drop >= thresholds.slice_drop:
                kept = False
                sure = _gain(old, new, metric, confidence=thresholds.confidence, seed=seed).worse
                says = f"{column} {value!r}: worse by {drop:.4f} on {old.height} rows; less than {thresholds.slice_drop:.4f} is allowed"
                yield Reason("slice", False, drop, thresholds.slice_drop, says, final=sure)
    if kept and slices:
        yield Reason(
            "slice", True, None, thresholds.slice_drop, f"none of {judged} slices of {thresholds.slice_rows} rows or more is worse by too much"
        )


def _rows_of(column: pl.Series, value: object) -> pl.Series:
    return column.is_null() if value is None else column == value


def calibration_error(frame: pl.DataFrame) -> float:
    """Mean distance of probability and rate over ten bins of equal rows, by rows; truth is 0 or 1."""
    ordered = frame.select(pl.col("truth").cast(pl.Float64), pl.col("score").cast(pl.Float64)).sort("score")
    bins = ordered.with_row_index("i").with_columns(bin=pl.col("i") * min(BINS, ordered.height) // ordered.height)
    gaps = bins.group_by("bin").agg(n=pl.len(), gap=(pl.col("score").mean() - pl.col("truth").mean()).abs())
    return float((gaps["n"] * gaps["gap"]).sum() / ordered.height)


def _calibration(champion: pl.DataFrame, challenger: pl.DataFrame, thresholds: PromotionThresholds) -> Iterator[Reason]:
    if "score" not in champion.columns or "score" not in challenger.columns:
        return
    yield calibrated(calibration_error(champion), calibration_error(challenger), thresholds)


def calibrated(before: float, after: float, thresholds: PromotionThresholds) -> Reason:
    """Whether the calibration error grew by no more than is allowed."""
    bar = thresholds.calibration_worse
    says = f"calibration error {after:.4f} against {before:.4f}; at most {bar:.4f} more is allowed"
    return Reason("calibration", after - before <= bar, after - before, bar, says, final=True)


def within(footprint: Footprint, thresholds: PromotionThresholds) -> Iterator[Reason]:
    """Whether serving a challenger costs no more than is allowed; nothing where no limit is set."""
    for rule, unit, value, bar in (
        ("latency", "ms", footprint.latency_ms, thresholds.latency_ms),
        ("size", "MB", footprint.size_mb, thresholds.size_mb),
    ):
        if bar is not None:
            says = f"{rule} was not measured" if value is None else f"{rule} {value:.1f} {unit}, at most {bar:.1f} is allowed"
            yield Reason(rule, value is not None and value <= bar, value, bar, says, final=True)


def _more_rows(gain: Interval, n: int, thresholds: PromotionThresholds) -> int:
    """How many more rows would decide: to find the gain that was seen, or the least one that counts."""
    effect = max(gain.value, thresholds.minimum_gain) or 0.01
    wanted = needed_rows(effect, gain.error * n**0.5, confidence=thresholds.confidence, power=thresholds.power)
    return max(wanted - n, 0)
