"""What follows the gate of a training: its version is deployed, held in the shadow, put off, or left as it is."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import TransientError
from seeding_platform.models.operations import changes
from seeding_platform.models.operations.settings import promotion_of, retraining_of
from seeding_platform.models.promotion import Reason, Verdict
from seeding_platform.storage.ml.deployments import ChampionChanged, DeploymentUnderWay

if TYPE_CHECKING:
    from seeding_platform.models.evaluation import Evaluation
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.promotion import Decision
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.jobs import Job


def gated(bench: Bench, version: ModelVersion, decision: Decision, report: dict[str, Any]) -> None:
    """Keep what the gate says, with the version and in the report."""
    report["gate"] = json.loads(json.dumps(asdict(decision), default=str))
    bench.registry.tag(version.name, version.version, {"gate": str(decision.verdict)})


def acted(
    bench: Bench,
    job: Job,
    spec: ModelSpec,
    version: ModelVersion,
    found: Evaluation,
    decision: Decision,
    report: dict[str, Any],
    *,
    judged: str | None,
) -> tuple[str, str]:
    """Deploy over the version that it was judged against, hold in the shadow, or leave as it is; what happened in words, and the verdict."""
    whose = job.whose
    if decision.verdict == "hold":
        return _held(bench, job, version, decision)
    if decision.verdict == "deploy" and promotion_of(bench.adjusted, spec).approval:
        bench.standings.note(whose, now=bench.now(), shadow=version.version, shadow_share=0.0)
        return f"version {version.version} passed its gate and waits for a second person, in the shadow", "hold"
    if decision.verdict == "refuse":
        return f"version {version.version} is not deployed: {_failed(decision)}", "refuse"
    if job.trigger != "manual" and (rests := changes.rests_until(bench, whose)) is not None:
        says = f"the model was rolled back and rests until {rests.isoformat()}"
        return _put_off(bench, job, version, decision, report, Reason("cool_down", False, None, None, says))
    watch = dt.timedelta(hours=retraining_of(bench.adjusted, spec.name).watch_hours)
    reason = f"gain {decision.gain:+.4f} on {decision.n} rows" if decision.gain is not None else found.says()
    try:
        done = bench.deployer.deploy(
            whose, version.version, actor=f"job:{job.job_id}", reason=reason, expected=judged, report=report, watch=watch if judged else None
        )
    except (ChampionChanged, DeploymentUnderWay) as other:
        serves = f"version {other.serves or 'none'} serves since" if isinstance(other, ChampionChanged) else "another change is under way"
        says = f"it was judged against version {judged or 'none'}, and {serves}"
        return _put_off(bench, job, version, decision, report, Reason("champion", False, None, None, says))
    except TransientError as error:
        if not any(change.version == version.version for change in bench.deployer.ledger.unsettled(whose)):
            raise
        return f"version {version.version} passed its gate, and the next check puts it in force: {error}", "deploy"
    changes.settled(bench, done)
    if done.state != "verified":
        return f"version {version.version} could not be deployed: {done.says}", "refuse"
    return f"version {version.version} serves: {reason}", "deploy"


def _put_off(bench: Bench, job: Job, version: ModelVersion, decision: Decision, report: dict[str, Any], reason: Reason) -> tuple[str, str]:
    """Hold what would be deployed, for a reason that is none of its own."""
    decision = replace(decision, verdict=Verdict.HOLD, reasons=(*decision.reasons, reason))
    gated(bench, version, decision, report)
    return _held(bench, job, version, decision)


def _held(bench: Bench, job: Job, version: ModelVersion, decision: Decision) -> tuple[str, str]:
    """Let a version answer in the shadow, without a share of the requests, until more is known."""
    bench.standings.note(job.whose, now=bench.now(), shadow=version.version, shadow_share=0.0)
    more = f"; about {decision.more_rows} more rows would decide" if decision.more_rows else ""
    return f"version {version.version} is held in the shadow: {_failed(decision)}{more}", "hold"


def _failed(decision: Decision) -> str:
    return "; ".join(r.says for r in decision.reasons if not r.passed)
