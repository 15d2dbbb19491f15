"""`seeding enrichment` without the service: records taken in, worked through, told of, brought back from the dead."""

import datetime as dt
import json

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.governance.audit import Trail
from seeding_platform.storage.enrichment.states import ErrorClass, Failed, Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.live import Live
from seeding_platform.storage.state import State
from seeding_platform_tests.places import place_in


@pytest.fixture
def place(tmp_path, monkeypatch):
    made = place_in(tmp_path / "place")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def lines(tmp_path):
    def written(*told):
        path = tmp_path / "records.ndjson"
        path.write_text("\n".join(t if isinstance(t, str) else json.dumps({"record_type": "exception", **t}) for t in told))
        return str(path)

    return written


def said(*words):
    done = CliRunner().invoke(app, ["enrichment", *words], catch_exceptions=False)
    return done.exit_code, done.stdout


def test_lines_are_taken_in_and_refused_ones_are_named(place, lines):
    assert said("status") == (0, "No records of enrichment.\n")
    code, text = said("take", lines({"record_id": "a", "description": "late"}, "no json", {"record_id": "b"}), "--tenant", "acme", "--json")
    assert code == 1
    told = json.loads(text)
    assert (told["new"], told["refused_lines"]) == (2, [{"line": 2, "why": "it is no JSON"}])
    assert said("take", lines({"record_id": "a", "description": "late"}), "--tenant", "acme") == (
        0, "0 records are new, 0 have changed, 1 are as they were.\n",
    )  # fmt: skip
    assert said("take", lines({"record_id": "a"}), "--tenant", "../x")[0] == 2
    counts = json.loads(said("status", "--json")[1])["stages"]
    assert (counts[0]["stage"], counts[0]["ingested"], counts[0]["due"]) == ("order_analysis", 2, 2)
    assert "acme" in said("status")[1]
    assert said("status", "--tenant", "other")[1] == "No records of enrichment.\n"


def test_a_story_is_told_and_the_dead_come_back_only_when_it_is_meant(place, lines):
    said("take", lines({"record_id": "a", "description": "secret words"}), "--tenant", "acme")
    now = dt.datetime.now(dt.UTC)
    with State.open(place.settings.state_url) as state:
        store = EnrichmentStore(state)
        [claim] = store.claim(Stage.ORDER_ANALYSIS, owner="w", limit=5, lease=dt.timedelta(minutes=1), now=now)
        store.fail([Failed(ref=claim.ref, fence=claim.fence, error=ErrorClass.TRANSIENT, message="no answer", due_at=None)], now=now)
    code, text = said("story", "exception", "a", "--tenant", "acme")
    assert code == 0
    assert "failed: transient no answer, given up" in text
    assert "secret" not in text
    assert json.loads(said("story", "exception", "a", "--tenant", "acme", "--json")[1])["payload"]["description"] == "secret words"
    assert said("story", "exception", "b", "--tenant", "acme")[0] == 1
    assert "1 dead letters would be tried again" in said("redrive", "--tenant", "acme", "--dry-run")[1]
    assert "0 dead letters would be" in said("redrive", "--tenant", "acme", "--error", "worker_lost")[1]
    assert "0 dead letters would be" in said("redrive", "--tenant", "acme", "--older-hours", "1")[1]
    assert "1 dead letters would be" in said("redrive", "--tenant", "acme", "--younger-hours", "1")[1]
    assert json.loads(said("redrive", "--tenant", "acme", "--do", "--json")[1])["redriven"] == 1
    assert "0 dead letters" in said("redrive", "--tenant", "acme")[1]
    with State.open(place.settings.state_url) as state:
        events = [r.event for r in Trail(place.settings, state).log.newest(action="enrichment.", limit=9)]
        assert [(e.action, e.actor) for e in events] == [("enrichment.redriven", "cli"), ("enrichment.taken", "cli")]
        assert [e.body["event"] for e in Live(state).after(0, tenant="acme")] == ["taken", "redriven"]


def test_a_report_is_a_text_in_either_language(place, lines):
    said("take", lines({"record_id": "a"}), "--tenant", "acme")
    assert said("report", "--tenant", "acme")[1].startswith("# ")
    assert json.loads(said("report", "--tenant", "acme", "--period", "weekly", "--json")[1])["now"]["came"] == 1
    assert said("report", "--tenant", "acme", "--lang", "nl")[1] != said("report", "--tenant", "acme")[1]
    assert said("report", "--lang", "fr")[0] == 2


def test_what_is_due_is_worked_through_here_and_now(place, lines):
    said("take", lines(*({"record_id": f"r{n}", "description": "the parcel is late"} for n in range(20))), "--tenant", "acme")
    code, text = said("process", "--minutes", "1", "--json")
    assert code == 0
    told = json.loads(text)
    assert (told["claimed"]["order_analysis"], told["failed"], told["out_of_time"]) == (20, [], False)
    assert all(c["due"] == c["leased"] == c["dead"] == 0 for c in json.loads(said("status", "--json")[1])["stages"])
    assert said("process", "--tenant", "acme")[1] == "0 stages completed, 0 skipped, 0 failed.\n"
