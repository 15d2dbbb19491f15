"""What each check sees to beside its figures: changes left half-way, versions under watch, models that it cannot get through with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from seeding_platform.errors import SeedingError
from seeding_platform.models.deploying import log_trouble
from seeding_platform.models.operations import changes
from seeding_platform.models.operations.rows import POSITIVE, gate_metric, live_frame
from seeding_platform.models.operations.settings import retraining_of
from seeding_platform.models.retraining import watch
from seeding_platform.storage.ml.deployments import ChampionChanged, DeploymentUnderWay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.deployments import Deployment
    from seeding_platform.storage.ml.whose import Whose


def settled(bench: Bench, *, trouble: Callable[[Whose, Exception], None] = log_trouble) -> list[str]:
    """Settle what a dead process left or storage held up, and tell of it as if nothing had come between; what was done, in words.

    Args:
        bench: what work on models shares.
        trouble: is told of each model that could not be settled.
    """
    left = bench.deployer.ledger.unsettled()
    done = bench.deployer.reconcile(trouble=trouble)
    for change in left:
        here = bench.deployer.ledger.one(change.deployment_id, tenant=change.whose.tenant)
        if here is not None and here.state in ("verified", "rolled_back"):
            changes.settled(bench, here)
    return done


def watched(bench: Bench, specs: dict[str, ModelSpec], *, trouble: Callable[[Whose, Exception], None] = log_trouble) -> list[str]:
    """Look after what was deployed lately: keep it, roll it back, or watch on; what was done, in words.

    Args:
        bench: what work on models shares.
        specs: models by name.
        trouble: is told of each model that could not be watched; the others are, all the same.
    """
    done = []
    for change in bench.deployer.ledger.watched():
        spec = specs.get(change.whose.model)
        if spec is None:
            continue
        try:
            says = _watched(bench, change, spec)
        except (ChampionChanged, DeploymentUnderWay):
            continue  # somebody changes what serves right now
        except Exception as error:  # the others are watched all the same
            trouble(change.whose, error)
            continue
        done += [says] if says else []
    return done


def troubled(bench: Bench, found: Mapping[Whose, Exception]) -> list[str]:
    """Tell of the models that a check could not get through with, and end the alerts of the others; one line a model."""
    said = []
    for whose, error in found.items():
        log_trouble(whose, error)
        bench.alert("check_failed", whose, error=type(error).__name__)
        said.append(f"{whose.registered}: {error if isinstance(error, SeedingError) else f'{type(error).__name__}; the log says where'}")
    for standing in bench.standings.all():
        if standing.whose not in found:
            bench.all_clear("check_failed", standing.whose)
    return said


def _watched(bench: Bench, change: Deployment, spec: ModelSpec) -> str | None:
    now, whose, thresholds = bench.now(), change.whose, retraining_of(bench.adjusted, spec.name)
    since = change.verified_at or change.planned_at
    if change.previous_version is None:
        if change.watched_until is not None and now >= change.watched_until:
            bench.deployer.ledger.watch_over(change.deployment_id)
        return None
    before, after = _both(bench, change, spec, since, since - dt.timedelta(days=thresholds.baseline_days), now)
    requests, failures = bench.predictions.answered(whose, change.version, since=since)
    found = watch(
        before, after, gate_metric(spec), requests=requests, failures=failures, deployed_at=since, now=now, thresholds=thresholds,
    )  # fmt: skip
    if found.standing == "watching":
        return None
    if found.standing == "kept":
        bench.deployer.ledger.watch_over(change.deployment_id)
        bench.record("watch.kept", whose, actor="watch", deployment=change.deployment_id)
        return f"{whose.registered}: version {change.version} is kept: {found.says}"
    try:
        back = bench.deployer.roll_back(whose, actor="watch", reason=found.says, expected=change.version)
    except SeedingError as error:
        facts = {"version": change.previous_version, "previous": change.version, "deployment": change.deployment_id}
        bench.alert("rollback_failed", whose, error=type(error).__name__, **facts)
        bench.record("watch.rollback", whose, actor="watch", outcome="failed", says=error.without_value(), **facts)
        return f"{whose.registered}: version {change.version} could not be rolled back ({found.says}): {error}"
    changes.settled(bench, back)
    if back.state != "verified":
        return f"{whose.registered}: version {change.version} could not be rolled back to {back.version} ({found.says}): {back.says}"
    told = {"deployment": back.deployment_id, "rows": after.height, "failures": failures}
    bench.alert("rolled_back", whose, version=change.version, previous=back.version, **told)
    return f"{whose.registered}: version {change.version} is rolled back to {back.version}: {found.says}"


def _both(
    bench: Bench, change: Deployment, spec: ModelSpec, since: dt.datetime, first: dt.datetime, now: dt.datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labelled answers of the version before, from its last days, and of the new one; none where the metric is not made of rows."""
    import polars as pl

    metric, whose = gate_metric(spec), change.whose
    if metric is None:
        return pl.DataFrame(), pl.DataFrame()
    version = bench.registry.version(whose.registered, change.version)
    positive = None if version is None else version.tags.get(POSITIVE)
    after = bench.predictions.scores(whose, change.version, since=since, until=now + dt.timedelta(microseconds=1))
    before = bench.predictions.scores(whose, str(change.previous_version), since=first, until=since)
    return live_frame(spec, before, metric, positive=positive), live_frame(spec, after, metric, positive=positive)
