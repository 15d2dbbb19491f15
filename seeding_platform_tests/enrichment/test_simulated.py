"""A short version of `benchmarks/enrichment_alerts.py`: no false alert on healthy days, every incident found; once through the database too."""

import dataclasses

import numpy as np
import pytest

from seeding_platform.enrichment.monitor import EnrichmentMonitor
from seeding_platform.settings import Settings
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.simulated import A_DAY, A_HOUR, KINDS, WARM, Days, drawn_incident, minutes_to_alert, watched


@pytest.mark.parametrize("an_hour", [100.0, 8.0])
def test_a_healthy_day_is_quiet(an_hour):
    days = Days(an_hour, 1, np.random.default_rng(7))
    looks = [raised for _, raised in watched(days)]
    assert len(looks) == A_DAY
    assert sum(map(bool, looks)) <= 0.01 * len(looks)
    assert sum(days.naive(i) for i in range(WARM, days.n)) > 0.01 * len(looks)  # the bars alone cry wolf


@pytest.mark.parametrize("kind", KINDS)
def test_every_incident_is_found(kind):
    rng = np.random.default_rng(11)
    minutes = [minutes_to_alert(Days(100.0, 1, rng, drawn_incident(rng, 0, kind))) for _ in range(2)]
    assert None not in minutes
    assert max(minutes) <= {"outage": 60, "decay": 600, "backlog": 60, "failures": 30}[kind]


def test_an_outage_through_the_database(tmp_path):
    rng = np.random.default_rng(11)
    days = Days(100.0, 1, rng, drawn_incident(rng, 0, "outage"))
    with State.open(f"sqlite:///{tmp_path / 'state.db'}") as state:
        monitor = EnrichmentMonitor(state, Settings(_env_file=None, state=tmp_path))
        looks, ended = {}, []
        for i in range(days.incident.first - 6, days.incident.last + 2 * A_HOUR):
            made = [dataclasses.replace(m, tenant="t") for m in days.measured(i).values()]
            checked = monitor.took("t", made, now=days.at(i))
            looks[i - days.incident.first] = {rule for rule, _ in checked.raised}
            ended += [i - days.incident.first for rule in checked.ended if rule == "enrichment.stalled"]
        still = [step for step, rules in looks.items() if "enrichment.stalled" in rules]
        assert still == list(range(still[0], still[-1] + 1))  # one alert, from its first look to its last
        assert 0 < still[0] <= A_HOUR
        assert ended == [still[-1] + 1]
        assert still[-1] > days.incident.last - days.incident.first
        assert set().union(*looks.values()) <= {"enrichment.stalled", "enrichment.failure_rate"}  # the probes of a provider that is down fail
        assert monitor.desk.alerts.standing() == []
