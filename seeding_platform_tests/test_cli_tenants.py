"""Tenants over the command line: added, limited, suspended, resumed, listed; each on record, and what cannot be is said in one line."""

import json

import pytest

from seeding_platform_tests.places import place_in

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_in(tmp_path_factory.mktemp("tenants") / "place")


def listed(place) -> dict[str, dict]:
    return {one["tenant"]: one for one in json.loads(place.run("tenants", "list", "--json").stdout)["tenants"]}


def test_a_tenant_from_first_to_suspended_and_back(place):
    assert place.run("tenants", "add", "acme", "--label", "Acme", "--rows", "1000").returncode == 0
    assert listed(place)["acme"]["quota"] == {"rows": 1000, "bytes": None, "requests_a_minute": None}
    assert place.run("tenants", "quota", "acme", "--requests", "60").returncode == 0
    assert listed(place)["acme"]["quota"] == {"rows": None, "bytes": None, "requests_a_minute": 60}
    assert "is suspended" in place.run("tenants", "suspend", "acme", "--reason", "asked by jan@example.nl").stderr
    assert listed(place)["acme"]["state"] == "suspended"
    assert place.run("tenants", "resume", "acme", "--reason", "paid").returncode == 0
    assert listed(place)["acme"]["state"] == "active"
    assert "at most requests_a_minute 60" in place.run("tenants", "list").stdout
    record = place.run("audit", "list").stdout
    assert record.count(" tenants.") >= 4
    assert "jan@example.nl" not in record


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("add", "../x"), "tenant"),
        (("suspend", "nobody"), "--reason"),
        (("quota", "acme", "--rows", "-1"), "--rows"),
        (("remove", "acme", "--confirm", "acne", "--reason", "x"), "once more"),
    ],
)
def test_what_cannot_be_is_said_without_a_trace(place, command, said):
    done = place.run("tenants", *command)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
