"""The sensor behind the monitor of enrichment: it measures, tells and heals without a run; and what a person may ask for by name is the job's run."""

import dagster as dg

from seeding_platform.defs import asked_for
from seeding_platform.defs.enrich.sensors import ENRICH, enrichment_monitor
from seeding_platform.defs.platform import Platform
from seeding_platform.storage.enrichment.breakers import BreakerRow, Breakers
from seeding_platform.storage.enrichment.measurements import Measurements
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform_tests.enrichment.rows import fill


def looked(platform) -> str:
    with dg.build_sensor_context(resources={"platform": platform}) as context:
        done = enrichment_monitor(context)
    assert isinstance(done, dg.SkipReason)
    return done.skip_message


def test_nothing_to_measure_is_no_trouble(place):
    assert looked(Platform(place.settings)) == "0 organisations were measured, 0 alerts stand, 0 ended"


def test_it_measures_when_that_is_due_and_brings_back_what_an_outage_killed(place):
    platform = Platform(place.settings)
    now = platform.now()
    fill(platform.state, now=now)
    breakers = Breakers(platform.state)
    breakers.changed("openai", lambda _: BreakerRow("open", "", now, 0, now), now=now)
    assert looked(platform).startswith("1 organisations were measured")
    assert Measurements(platform.state).newest("t")["t"]["enrichment_backlog_size"].value == 23
    breakers.changed("openai", lambda _: BreakerRow("closed", "", None, 0, now), now=now)
    assert looked(platform) == "0 organisations were measured, 0 alerts stand, 0 ended; openai answers again: 3 dead letters are tried again"
    assert sum(c.dead for c in EnrichmentStore(platform.state).counts("t", now=now)) == 0


def test_what_is_asked_for_by_name_is_the_job_that_the_sensor_looks_for(place, monkeypatch):
    begun = []
    monkeypatch.setattr(asked_for, "run_job", lambda defs, job, instance, **told: begun.append((job, told["tags"], told["run_id"])))
    asked_for.asked_for(place.settings, None, "enrich", run_id="r1", says=print)
    assert begun == [(ENRICH, {"dagster/max_retries": "0"}, "r1")]
