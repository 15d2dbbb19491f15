"""The whole product as processes: killed at random moments, and left alone with a new file."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

from seeding_platform.settings import project_root
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.depth import depth
from seeding_platform_tests.places import GOOD_ADS, Place, place_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
KILLS = depth(10, 3)
OF_RUNS = ("quality/scorecard", "quality/monitors", "quality/controls")
"""Tables that tell of the runs themselves: their throughput, what each of them measured and left on record."""


def content(place: Place) -> dict[str, tuple[int, str]]:
    listed = json.loads(place.run("tables", "--json").stdout)["tables"]
    return {
        f"{t['table']} {t['tenant']}": (t["rows"], t["content_sha256"])
        for t in listed
        if t["table"].split("/")[0] in ("raw", "clean", "quality", "kpi") and t["table"] not in OF_RUNS
    }


def test_killed_at_random_moments_it_ends_with_the_same_tables(tmp_path):
    calm, stormy = place_in(tmp_path / "calm"), place_in(tmp_path / "stormy")
    started = time.monotonic()
    assert calm.run("seed").returncode == 0
    whole = time.monotonic() - started
    draw = random.Random(20261123)
    for _ in range(KILLS):
        command = [sys.executable, "-m", "seeding_platform.cli", "seed"]
        run = subprocess.Popen(command, env=stormy.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(draw.uniform(2, whole))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    last = stormy.run("seed")
    assert last.returncode == 0, last.stderr[-3000:]
    assert content(stormy) == content(calm)
    assert len(content(calm)) > 100
    doctor = stormy.run("doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout


def test_a_file_becomes_figures_with_nobody_touching_it(tmp_path):
    place = place_in(tmp_path / "place")
    place.source()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "seeding_platform.cli", "ui", "--port", str(port)]
    with (tmp_path / "ui.log").open("w") as log:
        server = subprocess.Popen(command, env=place.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=project_root())
        try:
            place.drop("ads_september.csv", GOOD_ADS)
            lake = Lake(place.settings.lake)
            deadline = time.monotonic() + 420
            days: dict[str, str] = {}
            while time.monotonic() < deadline and len(days) < 2:
                time.sleep(5)
                if lake.exists("kpi/ads_daily"):
                    rows = lake.read("kpi/ads_daily", tenant="default").collect()
                    days = {str(r["date"]): str(r["spend"]) for r in rows.iter_rows(named=True)}
            assert days == {"2026-09-01": "10.50", "2026-09-02": "40.50"}, (tmp_path / "ui.log").read_text()[-3000:]
        finally:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
