"""One training job from its claim to its end: guards, fit, evaluation, registration, gate, deployment. A failure ends the job and nothing else."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform import __version__
from seeding_platform.errors import SeedingError, TransientError
from seeding_platform.models.deploying import SPEC_DOCUMENT
from seeding_platform.models.golden import DOCUMENT as GOLDEN
from seeding_platform.models.golden import golden
from seeding_platform.models.kinds import Kind
from seeding_platform.models.operations.acting import acted, gated
from seeding_platform.models.operations.drifting import REFERENCE, reference_of
from seeding_platform.models.operations.early import DOCUMENT as HELD_SCORES
from seeding_platform.models.operations.early import held_scores
from seeding_platform.models.operations.judging import judged_by_figure, judged_by_rows
from seeding_platform.models.operations.rows import DOCUMENT as TRAINED_ON
from seeding_platform.models.operations.rows import POSITIVE, data_sha256, fingerprints, gate_metric, positive_label, written
from seeding_platform.models.operations.settings import promotion_of, retraining_of
from seeding_platform.models.promotion.looks import Held, in_time
from seeding_platform.models.registry import withdrawn
from seeding_platform.models.retraining import Fingerprint, Ready, Skipped, trainable, unchanged
from seeding_platform.storage.ml.jobs import Ended, JobLost
from seeding_platform.storage.ml.standing import Measurement, TrainingData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeding_platform.models.evaluation import Evaluation
    from seeding_platform.models.learning.scored import Scored
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.promotion import Decision
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.jobs import Job

log = logging.getLogger("seeding.models")
_CLASSES = (Kind.CLASSIFICATION, Kind.NEXT_ITEM)
_THERE = "\0there"  # no name of a column
EVALUATION = "evaluation.json"
WEIGHED = "reweighing.json"
WEIGHED_BY = 500
"""Held-out rows by which features are weighed; the card says what is large, not the third digit."""
LOOKED_BACK = 50
"""How many trainings are looked through for the last hold."""
BEAT_S, MOST_BEATS = 60, 360
"""How often a job says that it goes on, and how many times: one that takes longer than six hours hangs."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is carried out with.

    Args:
        spec: the model.
        frame: gives the training frame of its tenant; what it raises ends the job.
        lineage: pinned input versions and run id, written as tags.
        run_id: Dagster's run.
        seed: of the fit.
    """

    spec: ModelSpec
    frame: Callable[[], pl.DataFrame]
    lineage: Mapping[str, str]
    run_id: str
    seed: int = 0


def carry_out(bench: Bench, job: Job, work: Work) -> Job | None:
    """Carry a queued job out; the job as it ended, or None where another process has it, or it counted as dead meanwhile.

    What goes wrong ends this job as failed, with its class, and is told of; it never becomes a figure.
    """
    if not bench.jobs.claim(job.job_id, run_id=work.run_id, now=bench.now()):
        return None
    spec, whose = work.spec, job.whose
    bench.standings.know(whose, kind=str(spec.kind), metric=spec.metric, direction=str(spec.direction), now=bench.now())
    try:
        with _heard_of(bench, job):
            ended = _trained(bench, job, work)
    except JobLost:
        log.warning("training %s of %s stops: it is not this process's any more", job.job_id, whose.registered)
        return None
    except SeedingError as error:
        ended = Ended(state="failed", says=error.without_value(), error="transient" if isinstance(error, TransientError) else "permanent")
    except (OSError, MemoryError) as error:
        ended = Ended(state="failed", says=f"{type(error).__name__}: {error}", error="transient")
    except Exception as error:  # the other models of the cycle go on; this one is failed, in the log and on an alert
        where = "".join(traceback.format_tb(error.__traceback__))  # without its message, which may hold a value of a row
        log.error("training %s of %s failed: %s\n%s", job.job_id, whose.registered, type(error).__name__, where)
        ended = Ended(state="failed", says=f"{type(error).__name__} in training; the log of the run says where", error="permanent")
    if not bench.jobs.end(job.job_id, ended, now=bench.now()):
        return None
    _rested(bench, job, spec, ended)
    _told(bench, job, ended)
    return bench.jobs.one(job.job_id, tenant=job.whose.tenant)


@contextmanager
def _heard_of(bench: Bench, job: Job) -> Iterator[None]:
    """Say every minute that a job goes on: a long fit is no dead process."""
    over = threading.Event()

    def beat() -> None:
        for _ in range(MOST_BEATS):
            if over.wait(BEAT_S):
                return
            try:
                if not bench.jobs.beat(job.job_id, now=bench.now()):
                    return
            except Exception as error:  # a beat that is missed is made up for by the next
                log.warning("training %s could not say that it goes on: %s", job.job_id, type(error).__name__)

    thread = threading.Thread(target=beat, name=f"beat-{job.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _trained(bench: Bench, job: Job, work: Work) -> Ended:
    spec, whose = work.spec, job.whose

    bench.at_stage(job, "frame")
    frame = work.frame()
    bench.at_stage(job, "guards")
    ready = _enough(bench, job, spec, frame)
    if isinstance(ready, Skipped):
        return Ended(state="skipped", says=ready.says)
    data = data_sha256(ready)
    standing = bench.standings.one(whose)
    judged = standing.version if standing else None
    champion = _champion(bench, job, judged)
    made_of = Fingerprint(data, __version__, spec.digest())
    judged_by = _judged_by(bench, spec, champion)
    report: dict[str, Any] = {"made_of": asdict(made_of), "judged_by": judged_by}
    if (same := unchanged(_before(bench, job, champion, judged_by), made_of)) is not None:
        return Ended(state="no_change", says=same.says, version=champion.version if champion else None, data_sha256=data, report=report)
    from seeding_platform.models import evaluate, split_rows, train
    from seeding_platform.models.learning.scored import scored

    bench.at_stage(job, "fit")
    train_rows, held_rows = split_rows(spec, ready)
    model = train(spec, train_rows, seed=work.seed)
    bench.at_stage(job, "evaluate")
    held = scored(model, spec, held_rows)  # once, for figures, documents and gate
    found = evaluate(model, spec, held, seed=work.seed)
    weighed = _weighed(spec, model, train_rows, held_rows, seed=work.seed)
    if champion is None and not found.beats_baseline(spec):
        report |= {"evaluation": found.as_dict()} | ({} if weighed is None else {"reweighing": weighed})
        return Ended(state="succeeded", says=f"not registered: {found.says()}", verdict="refuse", data_sha256=data, report=report)
    bench.at_stage(job, "register")
    version = _registered(bench, job, work, model, found, (train_rows, held), data=data, weighed=weighed, made_from=ready)
    bench.at_stage(job, "gate")
    decision = in_time(_decided(bench, job, spec, model, found, held, champion, seed=work.seed), _last_hold(bench, job))
    report |= {"evaluation": found.as_dict(), "champion": judged} | ({} if weighed is None else {"reweighing": weighed})
    gated(bench, version, decision, report)
    bench.at_stage(job, "deploy")
    says, verdict = acted(bench, job, spec, version, found, decision, report, judged=judged)
    return Ended(state="succeeded", says=says, version=version.version, verdict=verdict, improvement=decision.gain, data_sha256=data, report=report)


def _enough(bench: Bench, job: Job, spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame | Skipped:
    """The rows to train on, made-up ones among them; or why they are too few. What there was goes on record either way."""
    real = frame.filter(~pl.col("synthetic")) if "synthetic" in frame.columns else frame
    made_up = frame.filter(pl.col("synthetic")) if "synthetic" in frame.columns else frame.clear()
    thresholds = retraining_of(bench.adjusted, spec.name)
    bar = max(thresholds.min_training_samples, spec.minimum_rows)  # a specification may ask for more, never for less
    thresholds = thresholds.model_copy(update={"min_training_samples": bar})
    content = [c for c in spec.columns() if c in real.columns]
    ignore = [c for c in real.columns if c not in content]
    if spec.target is None:
        target = _THERE  # whatever has any value at all can be grouped
        real = real.filter(~pl.all_horizontal(pl.col(c).is_null() for c in content)).with_columns(pl.lit(True).alias(_THERE))
    else:
        target = spec.target
    found = trainable(real, target=target, classes=spec.kind in _CLASSES, thresholds=thresholds, ignore=ignore)
    labelled = real[target].drop_nulls().len()
    distinct = found.rows.height if isinstance(found, Ready) else real.drop_nulls(target).unique(content).height
    shares = {c: float(real[c].is_not_null().sum()) / real.height for c in spec.features if c in real.columns} if real.height else {}
    completeness = sum(shares.values()) / len(shares) if shares else None
    least = thresholds.min_completeness
    if spec.minimum_completeness is not None and "min_completeness" not in thresholds.model_fields_set:
        least = spec.minimum_completeness
    says = "" if isinstance(found, Ready) else found.says
    if not says and completeness is not None and completeness < least:
        emptiest = min(shares, key=lambda name: shares[name])
        says = f"features are filled to {completeness:.0%} ({emptiest}: {shares[emptiest]:.0%}), {least:.0%} is asked for"
    bench.standings.trained_on(
        TrainingData(
            job_id=job.job_id, whose=job.whose, rows=frame.height, labelled=labelled, distinct_rows=distinct, good=not says,
            says=says, at=bench.now(), classes=real[target].n_unique() if spec.kind in _CLASSES else None, completeness=completeness,
        )
    )  # fmt: skip
    return pl.concat([found.rows.drop(_THERE, strict=False), made_up]) if isinstance(found, Ready) else found


def _champion(bench: Bench, job: Job, serves: str | None) -> ModelVersion | None:
    """The version that serves; one that must not serve counts as none."""
    found = None if serves is None else bench.registry.version(job.whose.registered, serves)
    return None if found is None or withdrawn(found.tags) else found


def _judged_by(bench: Bench, spec: ModelSpec, champion: ModelVersion | None) -> dict[str, Any]:
    """What a version is judged by beside its rows: the version that serves, and the bars of the gate."""
    return {"against": None if champion is None else champion.version, "bars": promotion_of(bench.adjusted, spec).model_dump(mode="json")}


def _before(bench: Bench, job: Job, champion: ModelVersion | None, judged_by: Mapping[str, Any]) -> list[Fingerprint]:
    """What the model was made of before: the version that serves, and the last training, where its gate would say the same again."""
    standing = bench.standings.one(job.whose)
    if champion is None and standing is not None and standing.version is not None:
        return []  # what serves must not: it is trained anew from whatever there is
    before = [] if champion is None else [Fingerprint(*(champion.tags.get(k, "") for k in ("data_sha256", "code_version", "spec")))]
    last = bench.jobs.last(job.whose)
    if last is None or "made_of" not in last.report or last.report.get("judged_by", judged_by) != judged_by:
        return before
    passed = (last.report.get("gate") or {}).get("verdict") == "deploy"
    if passed and last.verdict == "refuse":
        return before  # it could not be deployed: that may pass
    return [*before, Fingerprint(**last.report["made_of"])]


def _rested(bench: Bench, job: Job, spec: ModelSpec, ended: Ended) -> None:
    """A model rests after a training, whatever came of it; one that failed for now is tried again before."""
    import datetime as dt

    now = bench.now()
    if ended.state in ("succeeded", "no_change"):
        bench.standings.note(job.whose, now=now, trained_at=now)
    if ended.error != "transient":
        hours = retraining_of(bench.adjusted, spec.name).cool_down_hours
        bench.standings.note(job.whose, now=now, cool_until=now + dt.timedelta(hours=hours))


def _weighed(spec: ModelSpec, model: Trained, train_rows: pl.DataFrame, held: pl.DataFrame, *, seed: int) -> dict[str, Any] | None:
    if spec.reweigh is None:
        return None
    from seeding_platform.models.reweighing import reweighing

    found = reweighing(spec, model, train_rows=train_rows, test_rows=held, seed=seed)
    return None if found is None else asdict(found)


def _registered(
    bench: Bench,
    job: Job,
    work: Work,
    model: Trained,
    found: Evaluation,
    parts: tuple[pl.DataFrame, Scored],
    *,
    data: str,
    weighed: Any,
    made_from: pl.DataFrame,
) -> ModelVersion:
    from seeding_platform.models import importance, predict
    from seeding_platform.models.card import model_card

    train_rows, held = parts
    spec, now = work.spec, bench.now()
    time = spec.time or spec.split.column
    span = {"data_from": str(made_from[time].min()), "data_to": str(made_from[time].max())} if time and time in made_from.columns else {}
    tags = {
        "data_sha256": data, "spec": spec.digest(), "code_version": __version__, **span, **work.lineage, "tenant": job.whose.tenant,
        "environment": job.whose.environment, "rows": str(made_from.height), "trigger": job.trigger, "job_id": job.job_id,
        "features": ",".join(spec.features)[:500], "trained_at": now.isoformat(),
    }  # fmt: skip
    if (positive := positive_label(spec, model)) is not None:
        tags[POSITIVE] = positive
    worth = {} if spec.kind is Kind.CLUSTERING else importance(model, spec, held.some(WEIGHED_BY, seed=work.seed), seed=work.seed)
    trained_on = fingerprints(spec, train_rows)
    documents = {
        SPEC_DOCUMENT: spec.model_dump_json(indent=1, exclude_unset=True),
        EVALUATION: json.dumps(found.as_dict(), indent=1),
        GOLDEN: golden(model, spec, made_from, predict),
        TRAINED_ON: written(trained_on),
        "model_card.md": model_card(spec, found, worth, facts={"trigger": job.trigger, "rows": str(made_from.height), "trained at": now.isoformat()}),
    }
    if (reference := reference_of(spec, made_from, trained_on, seed=work.seed)) is not None:
        documents[REFERENCE] = reference
    if (scores := held_scores(spec, model, held, seed=work.seed)) is not None:
        documents[HELD_SCORES] = scores
    if weighed is not None:
        documents[WEIGHED] = json.dumps(weighed, indent=1)
    version = bench.registry.register(
        job.whose.registered,
        model,
        metrics={k.replace("@", "_at_"): f.value for k, f in found.metrics.items() if f.value is not None},
        params={"seed": str(work.seed)},
        tags=tags,
        documents=documents,
    )
    figure = found.metrics[spec.metric]
    if figure.value is not None:
        bench.standings.measured(
            Measurement(
                measurement_id=f"{job.job_id}:holdout", whose=job.whose, version=version.version, source="holdout", metric=spec.metric,
                value=figure.value, ci_low=figure.ci_low, ci_high=figure.ci_high, rows=figure.n, at=now,
            )
        )  # fmt: skip
    return version


def _decided(
    bench: Bench,
    job: Job,
    spec: ModelSpec,
    model: Trained,
    found: Evaluation,
    held: Scored,
    champion: ModelVersion | None,
    *,
    seed: int,
) -> Decision:
    thresholds = promotion_of(bench.adjusted, spec)
    if thresholds.floor is None and found.baseline_value is not None:
        thresholds = thresholds.model_copy(update={"floor": found.baseline_value})  # no worse than what needs no model
    serving = None if champion is None else bench.registry.load(job.whose.registered, champion.version)[1]
    metric = gate_metric(spec, len(model.classes) if model.classes else None)
    seen = None if champion is None else bench.registry.document(champion, TRAINED_ON)
    if metric is not None:
        return judged_by_rows(spec, model, serving, held, thresholds, found, metric, seen=seen, seed=seed)
    return judged_by_figure(spec, model, serving, held, thresholds, found, seen=seen, seed=seed)


def _last_hold(bench: Bench, job: Job) -> Held | None:
    """What the newest hold since what serves was deployed asked for; None where there was none, or nothing serves."""
    standing = bench.standings.one(job.whose)
    if standing is None or standing.version is None or standing.deployed_at is None:
        return None
    for before in bench.jobs.recent(tenant=job.whose.tenant, model=job.whose.model, state="succeeded", limit=LOOKED_BACK):
        if before.whose != job.whose or before.requested_at < standing.deployed_at:
            continue
        gate = before.report.get("gate") or {}
        if before.verdict == "hold" and gate.get("more_rows"):
            return Held(int(gate["n"]), int(gate["more_rows"]))
    return None


def _told(bench: Bench, job: Job, ended: Ended) -> None:
    """Put the end on record, raise or clear what concerns it, and tell whoever waits."""
    whose = job.whose
    outcome = "failed" if ended.state == "failed" else "ok"
    facts = {"job": job.job_id, "trigger": job.trigger, "version": ended.version, "verdict": ended.verdict or None, "state": ended.state}
    bench.record("train", whose, actor=job.requested_by, outcome=outcome, **facts)
    if ended.state == "failed":
        kept = bench.jobs.one(job.job_id, tenant=whose.tenant)
        bench.alert("training_failed", whose, job=job.job_id, run_id=kept.run_id if kept else "", attempt=job.attempt, error=ended.error)
    else:
        if ended.state != "skipped":
            bench.all_clear("training_failed", whose)
        (data,) = bench.standings.training_data(tenant=whose.tenant, model=whose.model, job_id=job.job_id)
        if data.good:
            bench.all_clear("training_data", whose)
        else:
            bench.alert("training_data", whose, job=job.job_id, rows=data.distinct_rows, completeness=round(data.completeness or 0.0, 3))
    if ended.verdict == "deploy":
        bench.all_clear("new_class", whose)
    bench.tell("retraining.finished", whose, mark=job.job_id, job_id=job.job_id, outcome=ended.state, version=ended.version)
    bench.call_back(job, ended)
