"""What people and other systems may ask for by name: `ingest`, `clean`, `seed`, `kpi`, `retrain`, `enrich`; each one run of this process."""

import dagster as dg

from seeding_platform.connectors.landing import fingerprinted, landing_files, matches
from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
from seeding_platform.defs.enrich.sensors import ENRICH, OWN_RETRIES
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.run import RunResult, Says, land, run_job, seed
from seeding_platform.defs.train.assets import QUEUED_ONLY
from seeding_platform.settings import Settings
from seeding_platform.storage.state import LandingStatus

LAYERS = {"clean": ("clean", "quality"), "kpi": ("kpi",), "retrain": ("model",)}


def asked_for(settings: Settings, instance: dg.DagsterInstance, event: str, *, run_id: str | None, says: Says) -> RunResult:
    """Run what an event stands for.

    Args:
        settings: where things are kept.
        instance: Dagster's instance.
        event: ingest (what waits in the landing folder, and what lies below it), clean, seed, kpi, retrain (the trainings that were asked for) or
            enrich (what is due).
        run_id: id of the run that people see.
        says: takes progress.
    """
    if event == "ingest":
        return _ingest(settings, instance, run_id=run_id, says=says)
    if event == "enrich":
        from seeding_platform.definitions import build_definitions

        # the job of that name: the sensor looks for it, so that there is one at a time
        return run_job(build_definitions(settings), ENRICH, instance, says=says, tags=OWN_RETRIES, run_id=run_id)
    tags = {QUEUED_ONLY: "true"} if event == "retrain" else {}
    return seed(settings, instance, says=says, layers=LAYERS.get(event), run_id=run_id, tags=tags)


def _ingest(settings: Settings, instance: dg.DagsterInstance, *, run_id: str | None, says: Says) -> RunResult:
    platform = Platform(settings)
    specs = {s.name: s for s in load_sources([*shipped_files(), *user_files(settings.sources)]).valid if s.files is not None}
    landed, failures = set(), []
    for match in matches(landing_files(settings.landing), list(specs.values())):
        if match.source is None:
            says(f"  {match.path.name} matches no source, or two")
            continue
        spec = specs[match.source]
        file = fingerprinted(match.path)
        key = file.batch(spec.tenant, spec)
        if any(i.partition_key == key and i.status is LandingStatus.LANDED for i in platform.state.landings(spec.label)):
            continue
        result = land(settings, instance, spec.label, key, says=says)
        landed.add(dg.AssetKey(["raw", spec.label]))
        failures += [f"{match.path.name}: {f}" for f in result.failures]
    below = (
        seed(settings, instance, says=says, below=landed, run_id=run_id)
        if landed
        else seed(settings, instance, says=says, layers=("kpi",), run_id=run_id)
    )
    return RunResult(below.run_id, below.success and not failures, (*failures, *below.failures), below.failed_checks, below.seconds)
