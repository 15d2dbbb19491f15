"""The check of every four hours: how each model does in real use, what it is due for, whether a deployment is kept. It fits nothing."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.models.operations.clocks import scheduled
from seeding_platform.models.operations.drifting import drifting, evaluated, with_answers
from seeding_platform.models.operations.early import estimated
from seeding_platform.models.operations.rows import POSITIVE, live_frame, live_metric
from seeding_platform.models.operations.settings import retraining_of
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.promotion.resampling import standard_error
from seeding_platform.models.registry import withdrawn
from seeding_platform.models.retraining import Action, Due, ModelState, check, decide
from seeding_platform.models.retraining.calendar import slot
from seeding_platform.models.retraining.performance import SPELL_DAYS
from seeding_platform.storage.ml.jobs import GONE, Job, JobActive
from seeding_platform.storage.ml.predictions import MOST_LABELS
from seeding_platform.storage.ml.standing import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from seeding_platform.models.drift import Estimate
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.operations.drifting import Drifting
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.retraining import Performance, RetrainingThresholds
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.standing import Standing
    from seeding_platform.storage.ml.whose import Whose

log = logging.getLogger("seeding.models")
CHECK = "check"
MOST_ATTEMPTS, BACKOFF_S = 3, (60, 600)
"""How often a training that failed for now is tried in all, and how long after each failure."""
MOST_TOLD = 20
"""Drifted columns that an alert names."""
SPELL = dt.timedelta(days=90)
"""Labels older than this are not looked at, but for the first days of a version: no window reaches further."""
INTERVAL = 1.96
"""Standard errors on each side of a figure that make its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Data:
    """What a model would be trained on now, told without building it where that can be.

    Args:
        version: of its inputs.
        labelled: counts the distinct labelled rows that are not made up; called only when the version is another than the champion's.
        frame: builds the rows, likewise; None where drift is not looked for.
    """

    version: str
    labelled: Callable[[], int]
    frame: Callable[[], pl.DataFrame] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one model came to.

    Args:
        whose: the model.
        says: one sentence.
        due: what it is due for, if anything.
        job_id: the job that was asked for.
        evidence: the figures.
        value: of the metric in the newest window; None without labels.
        rows: labels in that window.
        drifted: how far new rows and answers are from those of when the version was made; None where nothing was looked at.
    """

    whose: Whose
    says: str
    due: str | None
    job_id: str | None
    evidence: dict[str, Any]
    value: float | None = None
    rows: int = 0
    drifted: Drifting | None = None


def checked(
    bench: Bench,
    whose: Whose,
    spec: ModelSpec,
    data: Data,
    *,
    threshold: float | None = None,
    time_window: int | None = None,
    asked_by: str | None = None,
    ask: bool = True,
) -> Checked:
    """Check one model, and ask for a training where it is due.

    Args:
        bench: what work on models shares.
        whose: the model.
        spec: its specification.
        data: what it would be trained on.
        threshold: another drop for this check only.
        time_window: days of the window for this check only.
        asked_by: who wants this check, if it is not the clock.
        ask: whether what is due is asked for.
    """
    now, thresholds = bench.now(), retraining_of(bench.adjusted, spec.name)
    standing = bench.standings.know(whose, kind=str(spec.kind), metric=spec.metric, direction=str(spec.direction), now=now)
    champion = None if standing.version is None else bench.registry.version(whose.registered, standing.version)
    unfit = champion is not None and withdrawn(champion.tags)
    fit = champion is not None and not unfit
    rows = _live(bench, spec, standing, champion, thresholds) if fit and champion is not None else None
    performance = _performance(spec, standing, rows, now, thresholds, threshold, time_window)
    value, counted = _measured(bench, whose, spec, standing, rows, now, days=time_window or 1)
    version = champion.tags.get("data_version", "") if champion is not None and fit else None
    fresh = 0 if version == data.version else max(0, data.labelled() - _trained_on(bench, whose, champion))
    drifted = None
    if champion is not None and version is not None and version != data.version and data.frame is not None:
        drifted = drifting(bench, spec, champion, data.frame, data.version)
    if champion is not None and fit:
        looks = SPELL_DAYS * 24 // thresholds.check_hours
        drifted = with_answers(bench, spec, standing, champion, drifted, data.version, looks=looks)
    columns = drifted.columns if drifted is not None else ()
    state = ModelState(whose.registered, None if unfit else standing.trained_at, data.version, version, fresh, performance, columns, None)
    found = decide(state, now, thresholds)
    scheduled(bench, whose, standing, thresholds, now, by_clock=asked_by is None)
    bench.standings.note(whose, now=now, checked_at=now)
    told = {"value": value, "rows": counted, "threshold": threshold, "time_window": time_window, **dict(found.evidence)}
    estimate = estimated(bench, spec, standing, champion) if champion is not None and fit else None
    told |= {} if estimate is None else {"estimate": _plain(asdict(estimate))}
    if threshold is None and time_window is None:  # what stands is decided by the bars that stand
        _alarmed(bench, whose, spec, performance, value, counted)
        _floored(bench, whose, spec, rows, now, thresholds)
    _warned(bench, whose, spec, drifted, estimate, serves=champion is not None)
    evaluate = isinstance(found, Due) and found.action is Action.EVALUATE and version != data.version
    if champion is not None and data.frame is not None and evaluate:
        told["evaluated"] = evaluated(bench, whose, spec, champion, data.frame, data.version)
    job_id = _asked(bench, whose, standing, found, now, asked_by) if ask and isinstance(found, Due) and found.action is Action.RETRAIN else None
    due = str(found.trigger) if isinstance(found, Due) else None
    bench.record("check", whose, actor=asked_by or CHECK, due=due, job=job_id, value=value, rows=counted, threshold=threshold, days=time_window)
    return Checked(whose, found.says, due, job_id, told, value, counted, drifted)


def _alarmed(bench: Bench, whose: Whose, spec: ModelSpec, performance: Performance | None, value: float | None, counted: int) -> None:
    """Raise or clear what labels say of a drop."""
    if performance is not None and performance.dropped:
        bench.alert("performance_drop", whose, metric=spec.metric, value=value, rows=counted, baseline=performance.windows[0][1].baseline)
    elif performance is not None and performance.windows:
        bench.all_clear("performance_drop", whose)


def _floored(bench: Bench, whose: Whose, spec: ModelSpec, rows: pl.DataFrame | None, now: dt.datetime, thresholds: RetrainingThresholds) -> None:
    """Raise or clear what labels say of the floor: enough of them, and the whole 95 % interval below it; it ends at the floor."""
    metric = live_metric(spec)
    if rows is None or metric is None or spec.floor is None:
        return
    newest = _newest(rows, now, thresholds)
    if newest.height < thresholds.window_rows:
        return
    found = scored(newest, metric)
    value = metric.value(found)
    if value != value:  # labels of one class only: nothing to tell apart
        return
    if spec.meets_floor(value):
        bench.all_clear("below_floor", whose)
    elif abs(spec.floor - value) > INTERVAL * standard_error(metric, found, seed=0):
        bench.alert("below_floor", whose, metric=spec.metric, value=value, floor=spec.floor, rows=newest.height)


def _newest(rows: pl.DataFrame, now: dt.datetime, thresholds: RetrainingThresholds) -> pl.DataFrame:
    """The labels of the newest day; where those are too few to judge, as many of the newest of four weeks as are needed."""
    import polars as pl

    day = rows.filter(pl.col("at") >= now - dt.timedelta(days=1))
    if day.height >= thresholds.window_rows:
        return day
    return rows.filter(pl.col("at") >= now - dt.timedelta(days=SPELL_DAYS)).sort("at").tail(thresholds.window_rows)


def _warned(bench: Bench, whose: Whose, spec: ModelSpec, drifted: Drifting | None, estimate: Estimate | None, *, serves: bool) -> None:
    """Raise or clear what can be told without labels."""
    if drifted is not None and drifted.columns:
        bench.alert("drift", whose, **drifted.worst, columns=list(drifted.columns)[:MOST_TOLD], rows=drifted.rows, answers=drifted.given)
    elif serves:
        bench.all_clear("drift", whose)
    if estimate is not None and estimate.alert:
        bench.alert("estimated_drop", whose, metric=spec.metric, value=estimate.estimate, reference=estimate.reference, rows=estimate.n)
    elif estimate is not None:
        bench.all_clear("estimated_drop", whose)


def retried(bench: Bench) -> list[Job]:
    """Ask again for what failed for now, while attempts are left; jobs without a process any more count as such."""
    for job in bench.jobs.bury(now=bench.now()):
        bench.call_back(job, GONE)
    asked = []
    for standing in bench.standings.all():
        last = bench.jobs.last(standing.whose, states=("succeeded", "no_change", "skipped", "failed"))
        if last is None or last.state != "failed" or last.error != "transient" or last.attempt >= MOST_ATTEMPTS or last.finished_at is None:
            continue
        if bench.now() < last.finished_at + dt.timedelta(seconds=BACKOFF_S[min(last.attempt, len(BACKOFF_S)) - 1]):
            continue
        again = Job(
            job_id=f"job_{bench.new_id()}", whose=last.whose, trigger=last.trigger, requested_by=last.requested_by, requested_at=bench.now(),
            evidence=last.evidence, forced=last.forced, attempt=last.attempt + 1, callback=last.callback,
        )  # fmt: skip
        try:
            asked.append(bench.jobs.request(again))
        except JobActive:
            continue  # somebody asked for it meanwhile
    return asked


def ask_for(bench: Bench, whose: Whose, spec: ModelSpec, *, by: str, trigger: str = "manual", forced: bool = True, callback: str = "") -> Job:
    """Ask for a training by hand.

    Raises:
        JobActive: the model is being trained already.
    """
    now = bench.now()
    bench.standings.know(whose, kind=str(spec.kind), metric=spec.metric, direction=str(spec.direction), now=now)
    asked = {"asked_by": by}
    job = Job(
        job_id=f"job_{bench.new_id()}",
        whose=whose,
        trigger=trigger,
        requested_by=by,
        requested_at=now,
        evidence=asked,
        forced=forced,
        callback=callback,
    )
    kept = bench.jobs.request(job)
    bench.record("train.asked", whose, actor=by, job=job.job_id, trigger=trigger)
    return kept


def _trained_on(bench: Bench, whose: Whose, champion: ModelVersion | None) -> int:
    """Distinct labelled rows, made-up ones not counted, behind the version that serves; where none does, behind the newest training."""
    job_id = "" if champion is None else champion.tags.get("job_id", "")
    last = bench.standings.training_data(tenant=whose.tenant, model=whose.model, job_id=job_id, limit=1)
    if champion is not None and (not job_id or not last):
        return int(champion.tags.get("rows", "0"))  # nothing is kept of its training: all of its rows
    return last[0].distinct_rows if last else 0


def _live(bench: Bench, spec: ModelSpec, standing: Standing, version: ModelVersion, thresholds: RetrainingThresholds) -> pl.DataFrame | None:
    """Labelled answers of the version that serves: the newest, and those of its first days where they are not among them."""
    import polars as pl

    metric = live_metric(spec)
    if metric is None:
        return None
    whose, begun = standing.whose, standing.deployed_at
    end = bench.now() + dt.timedelta(microseconds=1)
    since = end - SPELL
    rows = bench.predictions.scores(whose, version.version, since=since, until=end, limit=MOST_LABELS)
    if begun is not None and (rows.height == MOST_LABELS or begun < since):
        first_days = min(begun + dt.timedelta(days=thresholds.baseline_days), end)
        first = bench.predictions.scores(whose, version.version, since=begun, until=first_days, limit=MOST_LABELS, first=True)
        rows = pl.concat([first, rows]).unique("prediction_id", keep="first", maintain_order=True)
    return live_frame(spec, rows, metric, positive=version.tags.get(POSITIVE))


def _performance(
    spec: ModelSpec,
    standing: Standing,
    rows: pl.DataFrame | None,
    now: dt.datetime,
    thresholds: RetrainingThresholds,
    threshold: float | None,
    time_window: int | None,
) -> Performance | None:
    metric = live_metric(spec)
    if rows is None or metric is None or standing.deployed_at is None:
        return None
    return check(rows, metric, deployed_at=standing.deployed_at, now=now, thresholds=thresholds, threshold=threshold, time_window=time_window)


def _measured(
    bench: Bench, whose: Whose, spec: ModelSpec, standing: Standing, rows: pl.DataFrame | None, now: dt.datetime, *, days: int
) -> tuple[float | None, int]:
    """The metric over the newest days of labels, kept as a live measurement."""
    import polars as pl

    metric = live_metric(spec)
    if rows is None or metric is None or rows.is_empty() or standing.version is None:
        return None, 0
    since = now - dt.timedelta(days=days)
    newest = rows.filter(pl.col("at") >= since)
    if newest.height < 2:
        return None, newest.height
    value = metric.value(scored(newest, metric))
    if value != value:  # one class only: nothing to tell apart
        return None, newest.height
    at = slot(now)
    bench.standings.measured(
        Measurement(
            measurement_id=f"live:{whose.registered}:{standing.version}:{days}:{at.isoformat()}", whose=whose, version=standing.version,
            source="live", metric=spec.metric, value=value, rows=newest.height, from_at=since, to_at=now, at=now,
        )
    )  # fmt: skip
    return value, newest.height


def _asked(bench: Bench, whose: Whose, standing: Standing, found: Due, now: dt.datetime, asked_by: str | None) -> str | None:
    """Ask for what is due; None while the model rests, or is being trained."""
    if standing.cool_until is not None and now < standing.cool_until:
        return None
    by, evidence = asked_by or CHECK, _plain(found.evidence)
    job = Job(job_id=f"job_{bench.new_id()}", whose=whose, trigger=str(found.trigger), requested_by=by, requested_at=now, evidence=evidence)
    try:
        return bench.jobs.request(job).job_id
    except JobActive:
        return None


def _plain(evidence: Any) -> dict[str, Any]:
    import json

    kept: dict[str, Any] = json.loads(json.dumps(dict(evidence), default=str))
    return kept
