"""The performance check by each model's own hours, and the sensor that trains what was asked for, by whomever, or again after a failure."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train.assets import QUEUED_ONLY
from seeding_platform.defs.train.drift import told
from seeding_platform.models import ModelSpec
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    from seeding_platform.models.operations.drifting import Drifting

PERFORMANCE_CHECK = "performance_check"
BY_CLOCK = "seeding/by-clock"
"""Tag of a run that looks only at models whose turn it is; one that somebody starts looks at all."""
WATCH_HOURS = 4
"""Hours between two looks at deployments under watch, however seldom models are checked."""
AGAIN_AFTER = dt.timedelta(minutes=15)
"""A job that still waits after this long is asked for by another run: the first may never have begun."""


def check_job(specs: Sequence[ModelSpec]) -> Any:
    """`performance_check`: how each model does, what is due, what was deployed lately; it fits nothing."""
    by_name = {spec.name: spec for spec in specs}

    @dg.op(
        name="check_performance", description="Every model of every tenant against its own first days, its age, its data; deployments under watch."
    )
    def check_performance(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        report = context.instance.report_runless_asset_event
        for line in check_all(platform, by_name, report=report, by_clock=context.run.tags.get(BY_CLOCK) == "true"):
            context.log.info(line)

    @dg.job(name=PERFORMANCE_CHECK, description="Checks every model and asks for the trainings that are due.")
    def performance_check() -> None:
        check_performance()

    return performance_check


def check_all(
    platform: Platform,
    specs: Mapping[str, ModelSpec],
    *,
    report: Callable[[dg.AssetCheckEvaluation], None] | None = None,
    by_clock: bool = False,
) -> list[str]:
    """Check every model of every tenant; what was found, in words. One that cannot be checked is an alert and holds up no other; the end tells of it.

    Args:
        platform: what is checked.
        specs: models by name.
        report: takes the result of the asset check `drift` of each model whose new rows were looked at.
        by_clock: only those whose turn it is.

    Raises:
        dg.Failure: names the models that could not be checked.
    """
    from seeding_platform.models.operations.checking import checked
    from seeding_platform.models.operations.clocks import due_checks
    from seeding_platform.models.operations.data import data_of
    from seeding_platform.models.operations.shadowing import shadows
    from seeding_platform.models.operations.watching import settled, troubled, watched

    bench = platform.bench
    failed: dict[Whose, Exception] = {}
    said = settled(bench, trouble=failed.__setitem__)
    drifted: dict[str, dict[str, Drifting]] = {}
    models = _models(platform, specs)
    for whose in due_checks(bench, models) if by_clock else models:
        spec = specs[whose.model]
        try:
            found = checked(bench, whose, spec, data_of(platform.lake, spec, whose.tenant))
        except Exception as error:  # the other models are checked all the same
            failed[whose] = error
            continue
        said.append(f"{whose.registered}: {found.due or 'not due'}: {found.says}")
        if found.drifted is not None:
            drifted.setdefault(spec.name, {})[whose.tenant] = found.drifted
    for model, by_tenant in drifted.items():
        if report is not None:
            report(dg.AssetCheckEvaluation(asset_key=dg.AssetKey(["model", model]), **told(by_tenant)))
    said += watched(bench, dict(specs), trouble=failed.__setitem__)
    said += shadows(bench, specs, trouble=failed.__setitem__)
    if unchecked := troubled(bench, failed):
        raise dg.Failure("; ".join(unchecked)[:2000], allow_retries=False)
    return said


def _models(platform: Platform, specs: Mapping[str, ModelSpec]) -> list[Whose]:
    """Every model of every tenant whose tables are there."""
    from seeding_platform.models.operations.data import ready

    there = [spec.name for spec in specs.values() if ready(platform.lake, spec)]
    return [Whose(tenant, name) for tenant in platform.tenants() for name in there]


def check_schedule(specs: Sequence[ModelSpec]) -> dg.ScheduleDefinition:
    """The clock of the check: it looks every hour whose turn it is (setting `check_hours`); ticks that were missed while nothing ran are one."""
    by_name = {spec.name: spec for spec in specs}

    @dg.schedule(
        name=PERFORMANCE_CHECK,
        job_name=PERFORMANCE_CHECK,
        cron_schedule="0 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Every hour, and a run only where it is a model's turn by its own hours (setting models.retraining: check_hours, four by default) or a "
            "deployment is under watch: how each model does in real use, what is due for training. Weekly training is decided here too."
        ),
    )
    def performance_check(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.RunRequest | dg.SkipReason:
        from seeding_platform.models.operations.clocks import due_checks

        bench = platform.bench
        watching = context.scheduled_execution_time.hour % WATCH_HOURS == 0 and bool(bench.deployer.ledger.watched())
        if not watching and not due_checks(bench, _models(platform, by_name)):
            return dg.SkipReason("it is no model's turn")
        return dg.RunRequest(tags={BY_CLOCK: "true"})

    return performance_check


def retraining_sensor(specs: Sequence[ModelSpec]) -> dg.SensorDefinition:
    """`retraining`: one run for all that waits, whoever asked for it."""
    names = {spec.name for spec in specs}

    @dg.sensor(
        name="retraining",
        job_name="retrain",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Trains what was asked for: by the check, by a person over the API or the pages, or again after a failure that may pass.",
    )
    def retraining(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        from seeding_platform.models.operations.checking import retried

        del context
        bench = platform.bench
        retried(bench)
        waiting = [job for job in bench.jobs.queued() if job.whose.model in names]
        if not waiting:
            return dg.SkipReason("nobody has asked for a training")
        oldest = min(job.requested_at for job in waiting)
        attempt = int((platform.now() - oldest) / AGAIN_AFTER)
        marked = hashlib.blake2b(",".join(sorted(job.job_id for job in waiting)).encode(), digest_size=8).hexdigest()
        tags = {QUEUED_ONLY: "true", "seeding/because": ", ".join(sorted({f"{j.whose.registered} ({j.trigger})" for j in waiting}))[:200]}
        keys = sorted({dg.AssetKey(["model", job.whose.model]) for job in waiting})
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"retrain:{marked}#{attempt}", asset_selection=keys, tags=tags)])

    return retraining
