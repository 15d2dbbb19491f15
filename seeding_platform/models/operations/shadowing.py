"""A version that is held answers in the shadow; once enough of those answers have labels it is judged by them, and deployed or let go."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from seeding_platform.models.deploying import log_trouble
from seeding_platform.models.operations import changes
from seeding_platform.models.operations.judging import footprint_of
from seeding_platform.models.operations.rows import POSITIVE, gate_metric, live_frame
from seeding_platform.models.operations.settings import promotion_of, retraining_of
from seeding_platform.models.promotion import Reason, Verdict, decide
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.registry import withdrawn
from seeding_platform.storage.ml.deployments import ChampionChanged, DeploymentUnderWay
from seeding_platform.storage.ml.standing import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.promotion import Decision, PromotionThresholds
    from seeding_platform.models.promotion.metrics import Metric
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.jobs import Job
    from seeding_platform.storage.ml.standing import Standing
    from seeding_platform.storage.ml.whose import Whose

SHADOW = "shadow"
MOST_LOOKS = 2
"""How often a held version is judged by live rows against one champion; together the looks err no more often than one of the gate's."""


def shadows(bench: Bench, specs: Mapping[str, ModelSpec], *, trouble: Callable[[Whose, Exception], None] = log_trouble) -> list[str]:
    """Judge what is held and has the labels that it was held for; what was done, in words.

    Args:
        bench: what work on models shares.
        specs: models by name.
        trouble: is told of each model whose shadow could not be judged; the others are, all the same.
    """
    done = []
    for standing in bench.standings.all():
        spec = specs.get(standing.whose.model)
        if spec is None or standing.version is None or standing.shadow is None:
            continue
        try:
            says = _judged(bench, standing, spec, standing.version, standing.shadow)
        except (ChampionChanged, DeploymentUnderWay):
            continue  # somebody changes what serves right now
        except Exception as error:  # the others are judged all the same
            trouble(standing.whose, error)
            continue
        done += [f"{standing.whose.registered}: {says}"] if says else []
    return done


def _judged(bench: Bench, standing: Standing, spec: ModelSpec, serves: str, shadow: str) -> str | None:
    whose = standing.whose
    version, champion = (bench.registry.version(whose.registered, number) for number in (shadow, serves))
    if version is None or withdrawn(version.tags):
        return _let_go(bench, whose, f"version {shadow} leaves the shadow: it must not serve")
    job = bench.jobs.one(version.tags.get("job_id", ""), tenant=whose.tenant)
    metric = gate_metric(spec, 2 if version.tags.get(POSITIVE) else None)
    if job is None or metric is None or champion is None or not _held(job) or changes.rests_until(bench, whose) is not None:
        return None
    looks = [look for look in job.report.get("live", []) if look["champion"] == serves]
    thresholds = _thresholds(bench, spec, job)
    if looks and (looks[-1]["verdict"] != Verdict.HOLD or len(looks) >= MOST_LOOKS):
        return None  # it waits for a second person
    rows = bench.predictions.both(whose, serves, shadow, scores=metric.needs == "score")
    if rows.height < _wanted(job, looks, thresholds):
        return None
    sides = [
        live_frame(spec, rows.rename({f"{side}_prediction": "prediction", f"{side}_score": "score"}), metric, positive=found.tags.get(POSITIVE))
        for side, found in (("one", champion), ("other", version))
    ]
    evaluated = job.report.get("evaluation") or {}
    footprint = footprint_of(evaluated.get("latency_ms", {}), evaluated.get("size_bytes"))
    decision = decide(*sides, metric=metric, thresholds=thresholds, footprint=footprint)
    decision = _with_what_rows_cannot_tell(job, decision)
    value = metric.value(scored(sides[1], metric))
    return _acted(bench, spec, job, version, serves, decision, value=value, metric=metric, last=len(looks) + 1 >= MOST_LOOKS)


def _held(job: Job) -> bool:
    """Whether it is the gate that holds a version, and not a person's word that it answers in the shadow, or is waited for."""
    return job.verdict == Verdict.HOLD and (job.report.get("gate") or {}).get("verdict") == Verdict.HOLD


def _thresholds(bench: Bench, spec: ModelSpec, job: Job) -> PromotionThresholds:
    """The bars of the gate, each look with its part of what they may err."""
    bars = promotion_of(bench.adjusted, spec)
    dummy = (job.report.get("evaluation") or {}).get("dummy", {}).get(spec.metric) or {}
    floor = dummy.get("value") if bars.floor is None else bars.floor
    return bars.model_copy(update={"floor": floor, "confidence": 1 - (1 - bars.confidence) / MOST_LOOKS})


def _wanted(job: Job, looks: list[dict[str, Any]], thresholds: PromotionThresholds) -> int:
    """On how many rows it is looked at: as many more as the hold asked for, and never on so few that they judge nothing."""
    last = looks[-1] if looks else {"n": 0, "more_rows": job.report["gate"].get("more_rows")}
    return int(last["n"]) + max(int(last["more_rows"] or 0), thresholds.minimum_rows)


def _with_what_rows_cannot_tell(job: Job, decision: Decision) -> Decision:
    """A slice that spoke against a version speaks on: what was asked about is not kept, so that live rows have no slices."""
    slices = [r for r in job.report["gate"]["reasons"] if r["rule"] == "slice" and not r["passed"]]
    if not slices or decision.verdict is not Verdict.DEPLOY:
        return decision
    reasons = [Reason("slice", False, r["value"], r["bar"], str(r["says"])) for r in slices]
    return replace(decision, verdict=Verdict.HOLD, reasons=(*decision.reasons, *reasons))


def _acted(
    bench: Bench, spec: ModelSpec, job: Job, version: ModelVersion, serves: str, decision: Decision, *, value: float, metric: Metric, last: bool
) -> str:
    """Deploy, leave it for another look, or end the shadow; with the evidence in the report of its training and on the audit log."""
    whose, now, number = job.whose, bench.now(), version.version
    look = {**json.loads(json.dumps(asdict(decision), default=str)), "champion": serves, "at": now.isoformat()}
    report = {**job.report, "live": [*job.report.get("live", []), look]}
    bench.standings.measured(
        Measurement(
            measurement_id=f"shadow:{whose.registered}:{number}:{decision.n}", whose=whose, version=number, source="shadow", metric=metric.name,
            value=value, rows=decision.n, at=now,
        )
    )  # fmt: skip
    figures: dict[str, Any] = {"rows": decision.n, "gain": decision.gain, "ci_low": decision.ci_low, "ci_high": decision.ci_high}
    bench.record("shadow.judged", whose, actor=SHADOW, version=number, champion=serves, verdict=str(decision.verdict), **figures)
    failed = "; ".join(r.says for r in decision.reasons if not r.passed)
    on = f"on {decision.n} live rows of both"
    if decision.verdict is Verdict.HOLD and not last:
        bench.jobs.judged_again(job.job_id, verdict="hold", says=f"version {number} stays in the shadow {on}: {failed}", report=report)
        return f"version {number} stays in the shadow {on}: {failed}"
    if decision.verdict is not Verdict.DEPLOY:
        says = f"version {number} leaves the shadow {on}: {failed}"
        bench.jobs.judged_again(job.job_id, verdict="refuse", says=says, report=report)
        return _let_go(bench, whose, says)
    reason = f"gain {decision.gain:+.4f} {on}"
    if promotion_of(bench.adjusted, spec).approval:
        says = f"version {number} passed in the shadow and waits for a second person: {reason}"
        bench.jobs.judged_again(job.job_id, verdict="hold", says=says, report=report)
        return says
    watch = dt.timedelta(hours=retraining_of(bench.adjusted, spec.name).watch_hours)
    done = bench.deployer.deploy(whose, number, actor=SHADOW, reason=reason, expected=serves, report={"gate": look}, watch=watch)
    changes.settled(bench, done)
    if done.state != "verified":
        says = f"version {number} could not be deployed: {done.says}"
        bench.jobs.judged_again(job.job_id, verdict="refuse", says=says, report=report)
        return _let_go(bench, whose, says)
    says = f"version {number} serves: {reason}"
    bench.jobs.judged_again(job.job_id, verdict="deploy", says=says, report=report, improvement=decision.gain)
    return says


def _let_go(bench: Bench, whose: Whose, says: str) -> str:
    bench.standings.note(whose, now=bench.now(), shadow=None, shadow_share=0.0)
    return says
