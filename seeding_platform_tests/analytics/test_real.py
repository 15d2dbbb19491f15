"""The known figures of the real ad file, by every way of asking."""

import datetime as dt
import json
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient

from seeding_platform.analytics import read_export
from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.language import asked
from seeding_platform.service.app import create_app
from seeding_platform.service.pages.render import Speaker
from seeding_platform.service.serve import new_key
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.snapshots import Snapshot
from seeding_platform_tests.places import place_in
from seeding_platform_tests.real import real_data

pytestmark = pytest.mark.real
QUESTIONS = [
    "spend, conversions, CAC and ROAS last 30 days vs prior 30 days",
    "uitgaven, conversies, CAC en ROAS laatste 30 dagen vs de vorige periode",
]


def is_known(row: dict) -> bool:
    told = {name: (round(v["current"], 4), round(v["previous"], 4), round(v["change_pct"], 2)) for name, v in row.items()}
    assert told["spend"][:2] == (285036.15, 270822.66)
    assert told["conversions"][:2] == (9562, 8392)
    assert told["cac"] == (29.8093, 32.2715, -7.63)
    assert told["roas"] == (3.3547, 3.0987, 8.26)
    return True


@pytest.fixture(scope="module")
def ads():
    return real_data("ads_spend.csv")


def test_by_question_in_both_languages(ads):
    facts = known(Snapshot.of(read_fact_table(ads)))
    assert facts.as_of == dt.date(2025, 7, 1)
    for question in QUESTIONS:
        assert is_known(asked(question, facts).rows[0])


def test_by_command_line(ads, tmp_path):
    place = place_in(tmp_path / "place")
    environment = {**place.environment, "SEEDING_FACTS": str(ads)}
    program = [sys.executable, "-m", "seeding_platform.cli"]
    for command in (["ask", QUESTIONS[0]], ["kpis", "--metrics", "spend,conversions,cac,roas", "--compare", "previous"]):
        done = subprocess.run([*program, *command, "--json"], env=environment, capture_output=True, text=True, check=True)
        assert is_known(json.loads(done.stdout)["rows"][0])


@pytest.mark.long
def test_by_api_and_page(ads, tmp_path):
    place = place_in(tmp_path / "place")
    snapshots.publish(read_fact_table(ads), place.settings.serving, now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
    _, key = new_key(place.settings, role=Role.VIEWER, tenant="default", label="")
    with TestClient(create_app(place.settings)) as client:
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.get("/api/v1/kpis?metrics=spend,conversions,cac,roas&compare=previous", headers=headers).json()
        assert is_known(answer["rows"][0])
        assert is_known(client.post("/api/v1/nlq", json={"question": QUESTIONS[0]}, headers=headers).json()["rows"][0])
        client.post("/en/sign-in", data={"key": key})
        page = client.get("/en/kpis").text
    say = Speaker("en", None)
    for value, name in ((285036.15, "spend"), (270822.66, "spend"), (9562, "conversions"), (29.8093, "cac"), (3.3547, "roas"), (3.0987, "roas")):
        assert f">{say.figure(value, name)}<" in page or f"from {say.figure(value, name)}<" in page
    assert "−7.6%" in page
    assert "+8.3%" in page


def test_the_file_reads_as_a_plain_export(ads):
    told = read_export(ads).summary()
    assert told["rows"] == 2000
    assert told["sums"] == {"spend": 1690764.32, "clicks": 931552, "impressions": 51379827, "conversions": 54917, "revenue": None}
    assert (told["currency"], told["currency_basis"], told["rejects"]) == (None, "unknown", [])
