"""The figures of enrichment: what each is, to the letter, and how it is measured for one tenant. What is alarming is in `thresholds` and `monitor`.

Rates are in percent (0-100), as the thresholds are; times in seconds. A figure without anything behind it has the value None, never 0 or 100.
`detail` of a rate has its Wilson interval (95 %) as `low` and `high`, in percent.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment.measured import BINS
from seeding_platform.storage.enrichment.measurements import Measurement
from seeding_platform.storage.enrichment.states import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seeding_platform.storage.enrichment.measured import Answered, Judged, Measured, Tried

SLA = dt.timedelta(hours=24)
HIGH = 0.7
"""Confidence from which on an answer is acted upon by itself."""
HOUR, SIX_HOURS, DAY = (dt.timedelta(hours=h) for h in (1, 6, 24))
LABELLED = dt.timedelta(days=90)
PRIOR = 20
"""So many imagined labels stand for the stated confidence, in each bin, against those that people gave."""
DEFERRED = (ErrorClass.RATE_LIMITED, ErrorClass.PROVIDER_DOWN, ErrorClass.BUDGET_EXHAUSTED)
"""Failures that are nobody's fault but the provider's or the budget's: the record waits, its attempt does not count."""


class Metric(StrEnum):
    """The figures, by the names under which they are kept and exported."""

    COMPLETENESS = "enrichment_completeness_rate"
    """Percent of records that have all three stages behind them (COMPLETED, or SKIPPED for a reason), among those whose input last changed between
    24 h and 24 h + `completeness_days` ago. Only records older than the SLA count: one that came a minute ago is not incomplete, it is new.
    Withdrawn records count nowhere. `detail`: `all_n`, `all_value` over everything older than the SLA."""
    BACKLOG = "enrichment_backlog_size"
    """Records with a stage that is ready and PENDING, or FAILED and not dead: what is to be worked on, now or at its next try; each counted once.
    Rows that wait for the stage before are their record's, not more. `n` = the same; `detail`: `due` = now."""
    OLDEST_DUE = "enrichment_oldest_due_age"
    """Seconds for which the oldest record that could be worked on has been due; 0 where none is. `n` = records due."""
    DURATION = "enrichment_processing_duration"
    """Seconds from the claim to the end of a stage, mean over those that completed in the last hour: how long the batch that it was in took.
    `detail`: `p50`, `p95`, and `through_p50`, `through_p95`: from the input to the end of the last stage, over 24 h."""
    QUALITY = "enrichment_quality_score"
    """0-100, over 24 h: see `quality_of`."""
    QUALITY_HOUR = "enrichment_quality_score_hour"
    """The same over the last hour."""
    CONFIDENCE = "ai_confidence_distribution"
    """Mean confidence (0-1) of what machines classified in 24 h. `detail`: `histogram` of 10 bins of a tenth, `sd`, `labels`; calibration against
    what people said in 90 days: `ece`, `labelled`, `bins`; see `calibration_of`."""
    CONFIDENCE_HOUR = "ai_confidence_mean_hour"
    """Mean confidence of the last hour."""
    HIGH_CONFIDENCE = "enrichment_high_confidence_share"
    """Percent of what machines classified in 24 h with a confidence of .7 or more."""
    FAILURE = "enrichment_failure_rate"
    """Percent of attempts of the last hour that failed: time-outs and 5xx, invalid output, refused content, lost workers, of all that ended well or
    so. What was not asked at all (provider down, rate limit, budget) is no failure of an attempt and stands in `detail`, as do the classes."""
    FAILURE_SIX = "enrichment_failure_rate_6h"
    """The same over six hours."""
    FAILURE_DAY = "enrichment_failure_rate_24h"
    """The same over 24 hours."""
    DEFERRED = "enrichment_deferred_rate"
    """Percent of attempts of the last hour that were put off: the provider was down, limited its rate, or the budget was used up."""
    THROUGHPUT = "records_processed_per_hour"
    """Records that came to the end of the last stage in the last hour; `detail`: `day` = the same an hour over 24 h."""
    AVERAGE_TIME = "average_processing_time"
    """Seconds a record of 24 h: time of all attempts, failed ones too, by the records that came to their end. `n` = those."""
    SUCCESS = "pipeline_success_rate"
    """Percent of records that left the pipeline in 24 h at the end of the last stage, not as a dead letter. `detail`: `whole`, `dead`, `unowned` =
    dead letters of any age that nobody has taken on."""


RATES = frozenset(
    {Metric.COMPLETENESS, Metric.HIGH_CONFIDENCE, Metric.FAILURE, Metric.FAILURE_SIX, Metric.FAILURE_DAY, Metric.DEFERRED, Metric.SUCCESS}
)


def wilson(share: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Limits of a share (Wilson 1927), two-sided.

    Args:
        share: 0-1.
        n: how many are behind it, above 0.
        level: how often such limits hold the truth.

    >>> tuple(round(x, 3) for x in wilson(0.1, 100))
    (0.055, 0.174)
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    scale = 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    reach = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return (max(0.0, middle - reach) if share > 0 else 0.0), (min(1.0, middle + reach) if share < 1 else 1.0)


def bounds(made: Measurement, *, level: float) -> tuple[float, float]:
    """Limits of a measurement at a level: Wilson's for a rate, normal ones from `detail.sd` for a mean, the value itself for a count.

    Raises:
        ValueError: it has no value.
    """
    if made.value is None:
        raise ValueError(f"{made.metric} has no value")
    if made.metric in RATES:
        low, high = wilson(made.value / 100, made.n, level=level)
        return 100 * low, 100 * high
    spread = made.detail.get("sd")
    if spread is None:
        return made.value, made.value
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(spread) / max(1, made.n) ** 0.5
    return made.value - reach, made.value + reach


def rate(metric: str, tenant: str, at: dt.datetime, hits: int, n: int, **detail: Any) -> Measurement:
    """A rate in percent with its limits; None where there is nothing to divide by."""
    if not n:
        return Measurement(tenant=tenant, metric=metric, at=at, value=None, n=0, detail=detail)
    low, high = wilson(hits / n, n)
    told = {**detail, "low": round(100 * low, 4), "high": round(100 * high, 4)}
    return Measurement(tenant=tenant, metric=metric, at=at, value=100 * hits / n, n=n, detail=told)


def calibration_of(judged: Sequence[Judged], histogram: Sequence[int]) -> dict[str, Any]:
    """How well stated confidence holds against what people said.

    Expected calibration error (Naeini, Cooper and Hauskrecht 2015) over the bins of the histogram: mean distance of stated confidence and share of
    right answers. People are asked about unsure answers more often; so each bin weighs as much as it does among all answers, where that is known, and
    bins without a label count nowhere (`covered` says how much of the answers has labels).

    Returns:
        `ece` (None without labels), `labelled` (labels), `covered` (0-1, None without answers), `bins`: [from, labels, mean stated, share right].
    """
    cells: list[list[Judged]] = [[] for _ in range(BINS)]
    for one in judged:
        cells[_bin(one.confidence)].append(one)
    seen = [b for b in range(BINS) if cells[b]]
    bins = [[b / BINS, len(cells[b]), *_stated(cells[b])] for b in seen]
    total = sum(histogram)
    weights = [histogram[b] if total else len(cells[b]) for b in seen]
    weight = sum(weights)
    ece = sum(w * abs(stated - right) for w, (_, _, stated, right) in zip(weights, bins, strict=True)) / weight if weight else None
    covered = weight / total if total else None
    return {"ece": ece, "labelled": len(judged), "covered": covered, "bins": bins}


def quality_of(answered: Answered, invalid: int, judged: Sequence[Judged]) -> tuple[float | None, int, float]:
    """The quality score: of 100 answers that were asked for, how many are expected to be usable and right.

    `100 x valid x right`: `valid` is the share of answers that were an answer at all (completed, of completed and invalid output); `right` is the
    mean confidence, where in each bin of a tenth the stated confidence is pulled to what people found: `(20 x stated + right labels) / (20 +
    labels)`. One figure that gets worse with every way in which quality is lost: nulls and malformed answers, unsure answers, and answers surer
    than they should be. Without labels it trusts the stated confidence (`labelled` says how many there are). A score of 85 is: 85 of 100 answers
    are usable and right.

    Returns:
        The score (None without answers), answers behind it, and the standard deviation of one answer's score.
    """
    n = answered.n
    if not n + invalid:
        return None, 0, 0.0
    if not n:
        return 0.0, invalid, 0.0
    labels: dict[int, list[Judged]] = {}
    for one in judged:
        labels.setdefault(_bin(one.confidence), []).append(one)
    pull = 0.0
    for b, group in labels.items():
        stated, right = _stated(group)
        pull += answered.histogram[b] * (right - stated) * len(group) / (PRIOR + len(group))
    mean = min(1.0, max(0.0, (answered.total + pull) / n))
    variance = max(0.0, answered.squares / n - (answered.total / n) ** 2)
    valid = n / (n + invalid)
    spread = 100 * (valid * (variance + mean**2 * (1 - valid))) ** 0.5
    return 100 * valid * mean, n + invalid, spread


def counted_failures(tried: Iterable[Tried]) -> tuple[int, int, int, dict[str, int]]:
    """Attempts that failed, attempts that count, attempts that were put off, and failures by class."""
    failed, well, deferred = 0, 0, 0
    classes: dict[str, int] = {}
    for t in tried:
        if t.outcome in ("failed", "lost"):
            name = t.error or str(ErrorClass.WORKER_LOST)
            classes[name] = classes.get(name, 0) + t.n
            if name in DEFERRED:
                deferred += t.n
            else:
                failed += t.n
        elif t.outcome in ("completed", "skipped"):
            well += t.n
    return failed, failed + well, deferred, classes


def measured_now(source: Measured, tenant: str, *, now: dt.datetime, completeness_days: float = 7) -> list[Measurement]:
    """Every figure of one tenant at a moment.

    Args:
        source: the tables.
        tenant: whose.
        now: the moment.
        completeness_days: how far back completeness looks, beyond the SLA.
    """

    def made(metric: Metric, value: float | None, n: int, **detail: Any) -> Measurement:
        return Measurement(tenant=tenant, metric=metric, at=now, value=value, n=n, detail=detail)

    begin = now - SLA - dt.timedelta(days=completeness_days)
    whole, aged, all_whole, all_n = source.completeness(tenant, after=begin, until=now - SLA)
    waiting = source.waiting(tenant, now=now)
    age = 0.0 if waiting.oldest_due_at is None else (now - waiting.oldest_due_at).total_seconds()
    hour, day = (source.tried(tenant, after=now - window, until=now) for window in (HOUR, DAY))
    ended, dead = source.ended(tenant, after=now - DAY, until=now)
    this_hour, _ = source.ended(tenant, after=now - HOUR, until=now)
    held, through = source.held(tenant, after=now - HOUR, until=now), source.through(tenant, after=now - DAY, until=now)
    found = [
        rate(Metric.COMPLETENESS, tenant, now, whole, aged, all_n=all_n, all_value=100 * all_whole / all_n if all_n else None),
        made(Metric.BACKLOG, waiting.records, waiting.records, due=waiting.due),
        made(Metric.OLDEST_DUE, age, waiting.due),
        made(Metric.DURATION, sum(held) / len(held) if held else None, len(held), **_percentiles(held), **_percentiles(through, "through_")),
        made(Metric.THROUGHPUT, this_hour, this_hour, day=ended / 24),
        made(Metric.AVERAGE_TIME, sum(t.took_ms for t in day) / 1000 / ended if ended else None, ended),
        rate(Metric.SUCCESS, tenant, now, ended, ended + dead, whole=ended, dead=dead, unowned=source.unowned_dead(tenant)),
    ]
    six = source.tried(tenant, after=now - SIX_HOURS, until=now)
    for metric, tried in ((Metric.FAILURE, hour), (Metric.FAILURE_SIX, six), (Metric.FAILURE_DAY, day)):
        failed, n, put_off, classes = counted_failures(tried)
        found.append(rate(metric, tenant, now, failed, n, classes=classes, deferred=put_off))
    failed, n, put_off, _ = counted_failures(hour)
    found.append(rate(Metric.DEFERRED, tenant, now, put_off, n + put_off))
    return found + _of_answers(source, tenant, hour, day, now, made)


def _of_answers(
    source: Measured, tenant: str, hour: list[Tried], day: list[Tried], now: dt.datetime, made: Callable[..., Measurement]
) -> list[Measurement]:
    judged = source.judged(tenant, after=now - LABELLED, until=now)
    found = []
    for window, tried, quality, confidence in (
        (HOUR, hour, Metric.QUALITY_HOUR, Metric.CONFIDENCE_HOUR),
        (DAY, day, Metric.QUALITY, Metric.CONFIDENCE),
    ):
        answered = source.answered(tenant, after=now - window, until=now, bar=HIGH)
        invalid = sum(t.n for t in tried if t.error == ErrorClass.INVALID_OUTPUT and t.stage == "exception_classification")
        score, n, spread = quality_of(answered, invalid, judged)
        found.append(made(quality, score, n, sd=spread, invalid=invalid, labelled=len(judged)))
        mean = answered.total / answered.n if answered.n else None
        sd = max(0.0, answered.squares / answered.n - (mean or 0) ** 2) ** 0.5 if answered.n else 0.0
        shape: Mapping[str, Any] = {"histogram": list(answered.histogram), "labels": dict(answered.labels)}
        calibration = calibration_of(judged, answered.histogram) if window == DAY else {}
        found.append(made(confidence, mean, answered.n, sd=sd, **shape, **calibration))
    return [*found, rate(Metric.HIGH_CONFIDENCE, tenant, now, answered.high, answered.n)]


def _bin(confidence: float) -> int:
    # the edges are those of the database's comparison: b / 10 <= c
    return max(b for b in range(BINS) if b == 0 or confidence >= b / BINS)


def _stated(group: Sequence[Judged]) -> tuple[float, float]:
    return sum(j.confidence for j in group) / len(group), sum(j.right for j in group) / len(group)


def _percentiles(values: list[float], prefix: str = "") -> dict[str, float | None]:
    ordered = sorted(values)
    return {f"{prefix}p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] if ordered else None for p in (50, 95)}
