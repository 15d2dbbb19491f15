"""Settings over the command line: list, set, history, back, export and apply, each on record."""

import pytest
import yaml

from seeding_platform_tests.places import place_in


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_in(tmp_path_factory.mktemp("settings") / "place")


@pytest.mark.long
def test_a_round_of_changes(place):
    done = place.run("settings", "set", "quality.gate", "score=90", "confidence=0.8", "--scope", "orders", "--reason", "asked by jan@example.nl")
    assert done.returncode == 0, done.stderr
    assert "version 1" in done.stdout
    assert "quality/orders" in done.stdout
    exported = yaml.safe_load(place.run("settings", "export").stdout)
    assert exported == {"quality.gate": {"orders": {"score": 90, "confidence": 0.8}}}
    file = place.root / "wanted.yaml"
    file.write_text(yaml.safe_dump({"quality.gate": {"everywhere": {"score": 80}, "orders": {"score": 90, "confidence": 0.8}}}))
    assert "would change quality.gate" in place.run("settings", "apply", str(file), "--reason", "x", "--dry-run").stdout
    assert "changed quality.gate" in place.run("settings", "apply", str(file), "--reason", "x").stdout
    assert "Nothing to change" in place.run("settings", "apply", str(file), "--reason", "x").stdout
    assert place.run("settings", "back", "quality.gate", "--version", "0", "--scope", "orders", "--reason", "y").returncode == 0
    assert place.run("settings", "set", "schedules", "cron=*/5 * * * *", "--scope", "often", "--reason", "z").returncode == 0
    assert place.run("settings", "set", "schedules", "--scope", "often", "--reason", "z").returncode == 0
    assert "often" not in place.run("settings", "export").stdout
    told = place.run("settings", "history", "quality.gate", "--scope", "orders").stdout
    assert "asked by [EMAIL]" in told
    assert "as if nobody had adjusted it" in told
    assert place.run("audit", "list").stdout.count("settings.change") == 5


@pytest.mark.long
def test_a_file_with_one_wrong_value_changes_nothing(place):
    file = place.root / "wrong.yaml"
    file.write_text("quality.gate: {customers: {score: 70}}\nquality.monitors: {everywhere: {far: -1}}\n")
    done = place.run("settings", "apply", str(file), "--reason", "x")
    assert done.returncode != 0
    assert "far" in done.stderr + done.stdout
    assert "customers" not in place.run("settings", "export").stdout
    file.write_text("just a word")
    assert "seeding settings export" in place.run("settings", "apply", str(file), "--reason", "x").stderr


def test_routes_of_alerts_are_given_one_a_line(place):
    done = place.run("settings", "set", "alerts.routes", "routes=critical -> console\n* -> console", "--reason", "x")
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load(place.run("settings", "export").stdout)
    assert told["alerts.routes"] == {"everywhere": {"routes": ["critical -> console", "* -> console"]}}
