"""The command line as scripts use it: forms on stdout, words on stderr, exit codes."""

import json
import random
import socket
import subprocess
import sys

import pytest

from seeding_platform_tests.places import place_in


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_in(tmp_path_factory.mktemp("cli") / "place")


def test_help_names_every_command(place):
    told = place.run("--help")
    assert told.returncode == 0
    for command in ("seed", "land", "tables", "show", "status", "doctor", "source", "bundle"):
        assert command in told.stdout


def test_an_unknown_option_is_usage(place):
    assert place.run("seed", "--colour").returncode == 2


def test_nothing_yet_is_an_empty_list(place):
    told = place.run("tables", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (0, {"tables": []})


def test_a_missing_table_says_so(place):
    told = place.run("show", "clean/nothing")
    assert told.returncode == 1
    assert "no table 'clean/nothing'" in told.stderr
    assert told.stdout == ""


def test_a_broken_source_is_shown_with_line_and_column(place):
    path = place.root / "broken.yaml"
    path.write_text("type: seeding_platform.components.FileSource\nattributes:\n  name: x\n  format: csv\n  colour: red\n")
    told = place.run("source", "check", str(path))
    assert told.returncode == 1
    assert "broken.yaml:5:3" in told.stdout


def test_an_unexpected_error_shows_no_settings(place):
    code = (
        "import sys; from seeding_platform import cli\nfrom seeding_platform.storage import lake\n"
        "lake.Lake.tables = lambda self: 1 / 0\nsys.argv = ['seeding', 'doctor']\ncli.main()"
    )
    environment = {**place.environment, "SEEDING_DATABASE_URL": "postgresql://u:canary-password@127.0.0.1:1/x"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode != 0
    assert "canary-password" not in told.stdout + told.stderr


@pytest.mark.long
def test_a_second_run_at_once_is_busy_and_says_who_works(place):
    code = (
        "import sys, pathlib, time\nfrom seeding_platform.storage.locks import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), holder='the main job'):\n    print('held', flush=True)\n    time.sleep(120)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(place.root / "state" / "seeding.lock")], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        told = place.run("seed")
        assert told.returncode == 3
        assert str(holder.pid) in told.stderr
        assert "the main job" in told.stderr
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.mark.long
def test_too_little_disk_is_said_before_anything_starts(place):
    environment = {**place.environment, "SEEDING_MIN_FREE_MB": "99999999"}
    command = [sys.executable, "-m", "seeding_platform.cli", "seed"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "Nothing was started" in told.stderr


@pytest.mark.timeout(280)
@pytest.mark.long
def test_the_main_job_from_nothing_to_verified_bundles(place):
    told = place.run("seed")
    assert told.returncode == 0, told.stderr[-3000:]
    assert "content_posts" in told.stdout
    assert "DEBUG" not in told.stdout + told.stderr
    listed = {t["table"]: t for t in json.loads(place.run("tables", "--json").stdout)["tables"]}
    assert listed["clean/content_posts"]["rows"] == 248
    assert len(listed["kpi/ads_daily"]["content_sha256"]) == 64
    shown = json.loads(place.run("show", "kpi/ads_daily", "--format", "json", "--limit", "3").stdout)
    assert isinstance(shown[0]["spend"], str)
    status = json.loads(place.run("status", "--json").stdout)
    bare = {k: v for k, v in place.environment.items() if k != "DAGSTER_HOME"}
    plain = subprocess.run(
        [sys.executable, "-m", "seeding_platform.cli", "status"], env=bare, capture_output=True, text=True, timeout=60, check=False
    )
    assert plain.returncode == 0, "status works in a shell that has set nothing for Dagster"
    fed = [b for b in status["bundles"] if b["rows"]]
    assert len({b["engine"] for b in status["bundles"]}) == 17
    assert len(fed) >= 11
    assert all(b["reason"] for b in status["bundles"] if not b["rows"])
    verified = place.run("bundle", "verify", str(place.root / "state" / "bundles" / "demo-3pl" / "navigation_ml"), "--json")
    assert json.loads(verified.stdout)["rows"] == 1776
    part = next((place.root / "state" / "bundles" / "demo-3pl" / "navigation_ml").glob("*/part-*"))
    part.write_bytes(part.read_bytes()[:-1] + b"\x00")
    broken = place.run("bundle", "verify", str(part.parent))
    assert broken.returncode == 1
    assert part.name in broken.stderr
    doctor = place.run("doctor", "--json")
    assert doctor.returncode == 1
    assert [f["what"] for f in json.loads(doctor.stdout)["findings"] if not f["ok"]] == ["bundles"]


def test_rows_of_a_file_with_the_same_text_are_grouped(place):
    import polars as pl

    path, target = place.root / "posts.csv", place.root / "out" / "clusters.parquet"
    path.write_text("nr,post\n007,Our new shop in Leiden opens on Monday\n008,RT @a: our new shop in Leiden opens on monday!\n009,ok\n")
    told = place.run("dedup", str(path), "--id", "nr", "--text", "post", "--mode", "fuzzy", "--out", str(target))
    assert told.returncode == 0, told.stderr
    found = pl.read_parquet(target)
    assert found.columns == ["id", "cluster_id", "duplicate_kind", "similarity"]
    assert found["id"].to_list() == ["007", "008", "009"]
    assert found["cluster_id"][0] == found["cluster_id"][1] != found["cluster_id"][2]


def test_a_file_that_cannot_be_grouped_is_refused_and_nothing_is_written(place):
    path, target = place.root / "posts.csv", place.root / "clusters.parquet"
    path.write_text("nr,post\n1,a\n1,b\n")
    for command in (["--id", "nr", "--text", "body"], ["--id", "nr", "--text", "post"]):
        told = place.run("dedup", str(path), *command, "--out", str(target))
        assert told.returncode == 1
        assert "Traceback" not in told.stderr
        assert told.stderr.strip()
    assert not target.exists()


def test_a_file_is_repaired_by_rules_and_its_log_lies_beside_it(place):
    path, rules, target = place.root / "cities.csv", place.root / "rules.yaml", place.root / "repaired.csv"
    path.write_text("nr,city,state\n007,Bend,OR\n008,Bend,OR\n009,Bend,OR\n010,Bend,\n")
    rules.write_text("rules:\n  - {name: state_of_city, kind: fd, column: state, determinant: [city], min_support: 3}\n")
    told = place.run("repair", str(path), "--rules", str(rules), "--out", str(target))
    assert told.returncode == 0, told.stderr
    assert target.read_text() == "nr,city,state\n007,Bend,OR\n008,Bend,OR\n009,Bend,OR\n010,Bend,OR\n"
    import polars as pl

    log = pl.read_parquet(place.root / "repaired.csv.log.parquet")
    assert log.rows() == [(3, "state", None, "OR", "state_of_city", 1.0)]
    rules.write_text("rules:\n  - {name: broken, kind: format, column: state, pattern: '('}\n")
    told = place.run("repair", str(path), "--rules", str(rules), "--out", str(place.root / "again.csv"))
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "rule broken, pattern" in told.stderr
    assert not (place.root / "again.csv").exists()


def test_two_files_are_linked_by_a_policy(place):
    import polars as pl

    a, b, policy, target = (place.root / name for name in ("a.csv", "b.csv", "policy.yaml", "pairs.parquet"))
    dice = random.Random(1)
    records = [f"{i:03},{''.join(dice.choices('aeiklmnorst', k=9))},06{dice.randrange(10**8):08}\n" for i in range(60)]
    a.write_text("nr,name,phone\n" + "".join(records[:40]))
    b.write_text("nr,name,phone\n" + "".join(records[20:]))
    policy.write_text("id: nr\nfields:\n  name: {kind: name}\n  phone: {kind: code}\n")
    told = place.run("link", str(a), str(b), "--policy", str(policy), "--out", str(target))
    assert told.returncode == 0, told.stderr
    found = pl.read_parquet(target)
    assert found.columns == ["id_a", "id_b", "score"]
    assert sorted(found.select("id_a", "id_b").rows()) == [(f"{i:03}", f"{i:03}") for i in range(20, 40)]
    policy.write_text("id: nr\nfields: {}\n")
    told = place.run("link", str(a), "--policy", str(policy), "--out", str(target))
    assert told.returncode == 1
    assert "policy.yaml: fields" in told.stderr


def test_a_port_that_is_taken_is_said_before_anything_else(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = place.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "SEEDING_PORT" in done.stderr
    assert "Traceback" not in done.stderr
    assert "First admin key" not in done.stdout + done.stderr
