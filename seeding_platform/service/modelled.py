"""What the API, its alias and the pages say and do about models; who may do it is theirs."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import BusyError, ConfigError, PermanentError, TransientError
from seeding_platform.exchange.addresses import AddressRefused
from seeding_platform.models.kinds import SHARES
from seeding_platform.models.operations import changes
from seeding_platform.models.operations.checking import ask_for, checked
from seeding_platform.models.operations.clocks import clocks
from seeding_platform.models.operations.data import data_of, ready
from seeding_platform.models.operations.serving import NothingServes
from seeding_platform.models.operations.settings import promotion_of, retraining_of
from seeding_platform.models.spec import shipped_specs
from seeding_platform.monitoring.callbacks import checked_callback, host_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.runs import NoSuchRun
from seeding_platform.storage.ml.deployments import ANY, ChampionChanged, Deployment, DeploymentUnderWay
from seeding_platform.storage.ml.jobs import Job, JobActive
from seeding_platform.storage.ml.whose import PRODUCTION, Whose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.models.learning.reasons import Reason
    from seeding_platform.models.operations.checking import Checked
    from seeding_platform.models.registry import ModelVersion
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.service.context import Service
    from seeding_platform.storage.ml.standing import Standing

SERIES = dt.timedelta(days=90)
GAINS = 500
"""How many trainings the average gain looks back over."""
WORKFLOW = "asked for by a workflow"
"""Why a version serves where the alias of the API was asked."""
LINEAGE = (
    "data_version", "data_sha256", "spec", "code_version", "features", "rows", "data_from", "data_to", "snapshot_id", "dagster_run_id", "job_id"
)  # fmt: skip


def known(model: str) -> ModelSpec:
    """The specification of a model.

    Raises:
        Problem: 404 for one that there is not.
    """
    found = shipped_specs().get(model)
    if found is None:
        raise Problem(404, "no-such-model", f"There is no model {model[:60]!r}; there are {', '.join(shipped_specs())}.")
    return found


def wanted(models: Sequence[str] | None) -> list[ModelSpec]:
    """The specifications that a request names; all where it names none."""
    return [known(name) for name in models] if models else list(shipped_specs().values())


def at(tenant: str, model: str, environment: str = PRODUCTION) -> Whose:
    """A model of a tenant, known and well named.

    Raises:
        Problem: 404, 422.
    """
    known(model)
    try:
        return Whose(tenant, model, environment)
    except ConfigError as error:
        raise Problem(422, "invalid-request", str(error)) from error


def check_models(
    service: Service, tenant: str, models: Sequence[str] | None, *, threshold: float | None, time_window: int | None, by: str, retrain: bool = True
) -> list[Checked]:
    """Check models now, and ask for the trainings that are due."""
    found = []
    for spec in wanted(models):
        if ready(service.lake, spec):
            data = data_of(service.lake, spec, tenant)
            whose = Whose(tenant, spec.name)
            found.append(checked(service.bench, whose, spec, data, threshold=threshold, time_window=time_window, asked_by=by, ask=retrain))
    if any(f.job_id for f in found):
        begin(service, tenant)
    return found


def ask(service: Service, tenant: str, models: Sequence[str] | None, *, by: str, force: bool, callback: str = "") -> tuple[list[Job], dict[str, str]]:
    """Ask for trainings by hand; the jobs that were made, and by model the job that was active already.

    Without `force` a model that rests after a training is left alone.

    Raises:
        Problem: 409 when every model is being trained already, or rests; 422 when the callback is an address that is not talked to.
    """
    if callback:
        try:
            checked_callback(callback, private=service.settings.private_addresses)
        except AddressRefused as refused:
            raise Problem(422, "address-refused", f"webhook_url: {refused}") from refused
    made, active = [], {}
    for spec in wanted(models):
        whose = Whose(tenant, spec.name)
        standing = service.bench.standings.one(whose)
        if not force and standing is not None and standing.cool_until is not None and service.now() < standing.cool_until:
            active[spec.name] = f"rests until {standing.cool_until.isoformat()}"
            continue
        try:
            made.append(ask_for(service.bench, whose, spec, by=by, forced=force, callback=callback))
        except JobActive as busy:
            active[spec.name] = busy.job_id
    if not made:
        raise Problem(409, "job-active", "Every model that was asked for is being trained already, or rests.", more={"active": active})
    begin(service, tenant)
    return made, active


def begin(service: Service, tenant: str) -> str | None:
    """Start the run that trains what waits; where another run is under way, the sensor does it afterwards."""
    try:
        return service.runs.start("retrain", tenant=tenant)
    except (BusyError, NoSuchRun):
        return None


def deploy(service: Service, whose: Whose, version: str, *, by: str, reason: str, expected: str | None = ANY, back: bool = False) -> Deployment:
    """Let a version serve, or one that served before.

    Raises:
        Problem: 404 no such version; 409 another change is under way; 412 another version serves than expected; 422 it did not prove itself;
            503 the registry or its storage does not answer.
    """
    bench = service.bench
    if not back:
        by_a_second_person(service, whose, version, by=by)
    watch = dt.timedelta(hours=retraining_of(bench.adjusted, whose.model).watch_hours)
    try:
        if back:
            done = bench.deployer.roll_back(whose, to=version or None, actor=by, reason=reason, expected=expected)
        else:
            done = bench.deployer.deploy(whose, version, actor=by, reason=reason, expected=expected, watch=watch)
    except ChampionChanged as other:
        raise Problem(412, "champion-changed", f"Version {other.serves or 'none'} serves.", more={"serves": other.serves}) from other
    except DeploymentUnderWay as other:
        raise Problem(
            409, "deployment-under-way", "Another change of this model is not settled yet.", more={"deployment": other.deployment_id}
        ) from other
    except PermanentError as error:
        raise Problem(404, "no-such-version", str(error)) from error
    except TransientError as error:
        raise Problem(503, "not-now", str(error)) from error
    changes.settled(bench, done)
    if done.state != "verified":
        raise Problem(422, "did-not-prove-itself", done.says, more={"deployment": done.deployment_id})
    if back:
        bench.alert("taken_back", whose, version=done.previous_version, previous=done.version, deployment=done.deployment_id)
    return done


def reasons_of(service: Service, whose: Whose, row: Mapping[str, Any]) -> tuple[str, list[Reason]]:
    """What each feature does to the answer for one row, and the version that answers.

    Raises:
        NothingServes: no version serves.
        PermanentError: a name is no feature of it.
        ContractBroken: a value is none of its feature's kind.
    """
    from seeding_platform.models import reasons

    standing = service.bench.standings.one(whose)
    if standing is None or standing.version is None:
        raise NothingServes(f"No version of {whose.registered} serves.", fix="Train it, and see what its gate says.")
    spec, model = service.predictor.loaded(whose, standing.version)
    unknown = sorted(set(row) - set(spec.features))
    if unknown:
        raise PermanentError(f"{spec.name} has no feature {unknown[0]!r}.", fix=f"Its features are {', '.join(spec.features)}.")
    return standing.version, reasons(model, spec, {name: row.get(name) for name in spec.features})


def by_a_second_person(service: Service, whose: Whose, version: str, *, by: str) -> None:
    """Refuse whoever asked for the training of a version, where settings want another one to let it serve.

    Raises:
        Problem: 403.
    """
    if not promotion_of(service.bench.adjusted, known(whose.model)).approval:
        return
    job = _job_of(service, whose, service.bench.registry.version(whose.registered, version))
    if job is not None and job.requested_by == by:
        raise Problem(403, "second-person", "Whoever asked for the training of a version does not let it serve: another person does.")


def validated(service: Service, whose: Whose, version: str | None) -> dict[str, Any]:
    """Whether a version could serve: loaded, its golden rows asked, with its gate's report."""
    standing = service.bench.standings.one(whose)
    versions = service.bench.registry.versions(whose.registered)
    number = version or (standing.shadow if standing else None) or (versions[0].version if versions else None)
    if number is None:
        return {
            "model": whose.model,
            "version": None,
            "champion": None,
            "valid": False,
            "fault": "there is no version yet",
            "gate": None,
            "live": None,
            "serves": False,
            "outdated": False,
            "rolled_back": False,
        }
    version_of = next((v for v in versions if v.version == number), None)
    if version_of is None:
        raise Problem(404, "no-such-version", f"{whose.model} has no version {number}.")
    fault = service.bench.deployer.fault(whose, number)
    job = _job_of(service, whose, version_of)
    champion = standing.version if standing else None
    report: Mapping[str, Any] = {} if job is None else job.report
    return {
        "model": whose.model, "version": number, "champion": champion, "valid": fault is None, "fault": fault, "gate": report.get("gate"),
        "live": (report.get("live") or [None])[-1], "serves": champion == number,
        "outdated": job is not None and champion not in (number, _judged_against(job)),
        "rolled_back": number in service.bench.deployer.ledger.chain(whose).left,
    }  # fmt: skip


def _judged_against(job: Job) -> str | None:
    """The version that served when a job's version was judged for the last time."""
    against: str | None = (job.report.get("live") or [job.report])[-1].get("champion")
    return against


def kept_from(service: Service, found: Mapping[str, Any], whose: Whose) -> str | None:
    """Why nothing but a person's word lets a validated version serve; None where its gate does, and no rollback speaks against it."""
    if found["version"] is None or not found["valid"]:
        return str(found["fault"])
    if "deploy" not in {(judged or {}).get("verdict") for judged in (found["gate"], found["live"])}:
        return "its gate does not let it serve; a person may deploy it over /api/v1/ml/deployments"
    if found["rolled_back"]:
        return "it was rolled back; a person may deploy it over /api/v1/ml/deployments, with the reason"
    if found["outdated"]:
        return "another version serves than the one it was judged against; a person may deploy it over /api/v1/ml/deployments"
    rests = changes.rests_until(service.bench, whose)
    return None if rests is None else f"the model was rolled back and rests until {rests.isoformat()}"


def status(service: Service, tenant: str) -> dict[str, Any]:
    """Models, active jobs, share of trainings that ended well, average gain of what took another version's place, where the figure is a share."""
    standings = service.bench.standings.all(tenant=tenant)
    stats = service.bench.jobs.stats(tenant=tenant)
    jobs = {state: sum(int(s[state]) for s in stats) for state in ("succeeded", "failed", "skipped", "no_change")}
    ended = jobs["succeeded"] + jobs["failed"]
    shares = {name for name, spec in shipped_specs().items() if spec.metric in SHARES}
    deployed = [j for j in service.bench.jobs.recent(tenant=tenant, state="succeeded", limit=GAINS) if j.verdict == "deploy" and j.trigger != "first"]
    gains = [j.improvement for j in deployed if j.improvement is not None and j.whose.model in shares]
    active = [j for state in ("running", "queued") for j in service.bench.jobs.recent(tenant=tenant, state=state, limit=100)]
    return {
        "models": len(shipped_specs()),
        "serving": sum(1 for s in standings if s.version is not None and s.whose.environment == PRODUCTION),
        "active_jobs": [job_told(j) for j in active],
        "jobs": jobs,
        "success_rate": jobs["succeeded"] / ended if ended else None,
        "average_improvement": sum(gains) / len(gains) if gains else None,
        "checked_at": max((s.checked_at for s in standings if s.checked_at), default=None),
        "schedules": clocks(service.bench, tenant=tenant),
    }


def metrics(service: Service, tenant: str, *, model: str = "") -> dict[str, Any]:
    """Summaries of performance and of jobs, and what was measured in the last 90 days."""
    since = service.now() - SERIES
    series = {}
    for standing in service.bench.standings.all(tenant=tenant):
        if standing.whose.environment == PRODUCTION and model in ("", standing.whose.model):
            found = service.bench.standings.measurements(standing.whose, since=since)
            series[standing.whose.model] = [_flat(m) for m in reversed(found)]
    keep = [r for r in service.bench.standings.performance(tenant=tenant) if model in ("", r["model"])]
    jobs = [r for r in service.bench.jobs.stats(tenant=tenant) if model in ("", r["model"])]
    quality = [_flat(d) for d in service.bench.standings.training_data(tenant=tenant, model=model)]
    return {"performance": keep, "jobs": jobs, "series": series, "training_data": quality}


def listed(service: Service, tenant: str) -> list[dict[str, Any]]:
    """Every model with how it stands."""
    standings = {s.whose.model: s for s in service.bench.standings.all(tenant=tenant) if s.whose.environment == PRODUCTION}
    return [model_told(spec, standings.get(name)) for name, spec in shipped_specs().items()]


def model_told(spec: ModelSpec, standing: Standing | None) -> dict[str, Any]:
    """One model for whoever asks."""
    told: dict[str, Any] = {
        "model": spec.name, "description": spec.description, "kind": str(spec.kind), "metric": spec.metric, "direction": str(spec.direction),
        "floor": spec.floor, "inputs": list(spec.inputs), "features": {k: str(v) for k, v in spec.features.items()}, "positive": spec.positive,
    }  # fmt: skip
    if standing is None:
        return {**told, "status": "untrained", "version": None}
    kept = {k: v for k, v in asdict(standing).items() if k not in ("whose", "kind", "metric", "direction")}
    state = "serving" if standing.version else "held" if standing.shadow else "trained" if standing.trained_at else "untrained"
    return {**told, **kept, "status": state}


def versions_told(service: Service, whose: Whose) -> list[dict[str, Any]]:
    """Every version of a model with its gate's report, the newest first."""
    standing = service.bench.standings.one(whose)
    told = []
    for version in service.bench.registry.versions(whose.registered):
        job = _job_of(service, whose, version)
        evaluation = job.report.get("evaluation") if job else None
        told.append(
            {
                "version": version.version, "created_at": dt.datetime.fromtimestamp(version.created_ms / 1000, dt.UTC), "run_id": version.run_id,
                "gate": job.report.get("gate") if job else None, "live": job.report.get("live", []) if job else [],
                "verdict": version.tags.get("gate", ""), "trigger": version.tags.get("trigger", ""),
                "metrics": (evaluation or {}).get("metrics", {}), "slices": (evaluation or {}).get("slices", {}),
                "serves": standing is not None and standing.version == version.version,
                "shadow": standing is not None and standing.shadow == version.version,
                "withdrawn": version.tags.get("subject_erased") == "true", "lineage": lineage_of(version.tags),
            }
        )  # fmt: skip
    return told


def lineage_of(tags: Any) -> dict[str, str]:
    """Where a version comes from: versions of its tables, hashes of data, specification and code, run and job."""
    names = (
        "data_version",
        "data_sha256",
        "spec",
        "code_version",
        "features",
        "rows",
        "data_from",
        "data_to",
        "snapshot_id",
        "dagster_run_id",
        "job_id",
    )
    return {k: v for k, v in tags.items() if k in names or k.startswith("input ")}


def job_told(job: Job) -> dict[str, Any]:
    """One job for whoever asks; the report is told apart, and of its callback only the host: the rest of an address may hold a secret."""
    told = {k: v for k, v in asdict(job).items() if k not in ("whose", "report")}
    gate = job.report.get("gate")
    named = {"model": job.whose.model, "environment": job.whose.environment}
    return {**told, **named, "gate": gate, "callback": host_of(job.callback)}


def deployment_told(deployment: Deployment) -> dict[str, Any]:
    """One change of what serves."""
    told = {k: v for k, v in asdict(deployment).items() if k not in ("whose", "report")}
    return {**told, "model": deployment.whose.model, "environment": deployment.whose.environment}


def _job_of(service: Service, whose: Whose, version: ModelVersion | None) -> Job | None:
    """The job that a version came of."""
    return None if version is None else service.bench.jobs.one(version.tags.get("job_id", ""), tenant=whose.tenant)


def _flat(kept: Any) -> dict[str, Any]:
    return {k: v for k, v in asdict(kept).items() if k != "whose"} | {"model": kept.whose.model}
