"""`seeding alerts` without the service: listed, taken on, muted, ended; on record as the command line's."""

import json

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.errors import PermanentError
from seeding_platform.governance.audit import Trail
from seeding_platform.monitoring import Alert, AlertDesk
from seeding_platform.settings import Settings
from seeding_platform.storage.state import State
from seeding_platform_tests.places import place_in


@pytest.fixture
def place(tmp_path, monkeypatch):
    made = place_in(tmp_path / "place")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def said(*words):
    done = CliRunner().invoke(app, ["alerts", *words], catch_exceptions=False)
    return done.exit_code, done.stdout


def test_alerts_are_listed_and_acted_on(place):
    import datetime as dt

    now = dt.datetime.now(dt.UTC)
    place.settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(place.settings.state_url) as state:
        desk = AlertDesk(state, place.settings)
        first = desk.raise_(Alert(rule="model.drift", tenant="acme", subject="model/churn"), now=now)
        second = desk.raise_(Alert(rule="quality.gate_closed", tenant="", subject="quality/orders"), now=now)
    code, text = said("list")
    assert code == 0
    assert first.alert_id in text
    assert second.alert_id in text
    assert [a["alert_id"] for a in json.loads(said("list", "--json", "--tenant", "-")[1])["alerts"]] == [second.alert_id]
    assert said("list", "--rule", "privacy.")[1] == ""
    assert "is acknowledged" in said("ack", first.alert_id)[1]
    assert "is muted until" in said("mute", first.alert_id, "--hours", "2")[1]
    assert "is resolved" in said("resolve", first.alert_id)[1]
    assert first.alert_id not in said("list")[1]
    assert first.alert_id in said("list", "--state", "all")[1]
    assert said("list", "--state", "nonsense")[0] == 2
    with pytest.raises(PermanentError, match="is over"):
        said("ack", first.alert_id)
    with State.open(Settings().state_url) as state:
        events = Trail(place.settings, state).log.newest(action="alert.", limit=9)
    assert {e.event.actor for e in events if e.event.action != "alert.opened"} == {"cli"}
