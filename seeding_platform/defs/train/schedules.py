"""Every four hours: train again where the training data changed."""

from collections.abc import Sequence

import dagster as dg

from seeding_platform.models import ModelSpec


def retraining_schedule(spec: ModelSpec) -> dg.ScheduleDefinition:
    """The schedule; a tick without new data asks for nothing and says so."""

    @dg.schedule(
        name="retrain",
        job_name="retrain",
        cron_schedule="0 */4 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Trains again when a table of the training data has a new version since the last training.",
    )
    def retrain(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        trained = context.instance.get_latest_materialization_event(dg.AssetKey(["model", spec.name]))
        newer = [
            name for name in spec.inputs if changed_since(context.instance, dg.AssetKey(["quality", name]), trained.timestamp if trained else None)
        ]
        if not newer:
            return dg.SkipReason("the training data is unchanged since the last training" if trained else "there is no training data yet")
        return dg.RunRequest(
            run_key=f"retrain@{context.scheduled_execution_time.isoformat()}", tags={"seeding/trigger": "data changed: " + ", ".join(newer)}
        )

    return retrain


def changed_since(instance: dg.DagsterInstance, key: dg.AssetKey, moment: float | None) -> bool:
    """True when a run after the moment wrote other rows into the table; a run that found it unchanged does not count."""
    records = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key, after_timestamp=moment), limit=50).records
    return any(_changed(r.asset_materialization) for r in records)


def _changed(event: dg.AssetMaterialization | None) -> bool:
    said = event.metadata.get("changed") if event is not None else None
    return said is None or bool(said.value)


def schedules(specs: Sequence[ModelSpec]) -> list[dg.ScheduleDefinition]:
    """One schedule a model."""
    return [retraining_schedule(spec) for spec in specs]
