"""The real thing, as `seeding ui` starts it: a key of each role, an asset made by an operator, nothing done for a viewer, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from seeding_platform.governance.audit import Trail
from seeding_platform.service.serve import new_key
from seeding_platform.settings import project_root
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.state import State
from seeding_platform_tests.places import place_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
LAUNCH = """mutation L($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message } ... on InvalidSubsetError { message } ... on PipelineNotFoundError { message } } }"""
STATUS = "query R($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
PARAMS = {
    "selector": {
        "repositoryLocationName": "seeding_platform",
        "repositoryName": "__repository__",
        "pipelineName": "__ASSET_JOB",
        "assetSelection": [{"path": ["raw", "demo_accounts__main"]}],
    },
    "mode": "default",
    "runConfigData": "{}",
}


class Started:
    """`seeding ui` in a place of its own."""

    def __init__(self, place) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.place, self.log = place, place.root / "ui.log"
        command = [sys.executable, "-m", "seeding_platform.cli", "ui", "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=place.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd=project_root()
            )
        self.until(lambda: "on http://" in self.log.read_text(), 180)

    def until(self, true, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.3)

    def ask(self, query: str, key: str, **variables) -> tuple[int, dict]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        return self.get("/graphql", headers, body)

    def get(self, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, dict]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, {"text": error.read().decode()}

    def free(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def left(self) -> list[int]:
        """Processes that it started and that still live, by the folder that their environment names."""
        mark, found = str(self.place.root / "state").encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                lives = (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
                if lives and mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
        return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def place(tmp_path):
    return place_in(tmp_path / "place")


def test_an_operator_makes_an_asset_and_a_viewer_is_refused(place):
    keys = {role: new_key(place.settings, role=Role(role), tenant="default", label="")[1] for role in ("viewer", "operator", "admin")}
    ui = Started(place)
    try:
        assert "asks for a key" in ui.log.read_text()
        assert ui.get("/server_info", {})[0] == 401
        assert ui.ask(LAUNCH, keys["viewer"], p=PARAMS)[0] == 403
        _, told = ui.ask(LAUNCH, keys["operator"], p=PARAMS)
        assert told["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", told
        run = told["data"]["launchRun"]["run"]["runId"]
        ended = {"SUCCESS", "FAILURE", "CANCELED"}
        ui.until(lambda: ui.ask(STATUS, keys["viewer"], id=run)[1]["data"]["runOrError"]["status"] in ended, 180)
        assert ui.ask(STATUS, keys["viewer"], id=run)[1]["data"]["runOrError"]["status"] == "SUCCESS", ui.log.read_text()[-3000:]
        logs = f'{{ logsForRun(runId: "{run}") {{ __typename ... on EventConnection {{ events {{ __typename }} }} }} }}'
        assert "needs the role operator" in json.dumps(ui.ask(logs, keys["viewer"])[1])
        assert len(ui.ask(logs, keys["operator"])[1]["data"]["logsForRun"]["events"]) > 5
        wiped = "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }"
        assert ui.ask(wiped, keys["operator"])[0] == 403
        assert ui.ask(wiped, keys["admin"])[0] == 200
        with State.open(place.settings.state_url) as state:
            events = [r.event for r in Trail(place.settings, state).log.newest(limit=50)]
            assert [(e.action, e.outcome) for e in events if e.action.startswith("ui.")] == [
                ("ui.wipeAssets", "ok"),
                ("ui.wipeAssets", "refused"),
                ("ui.launchRun", "ok"),
                ("ui.launchRun", "refused"),
            ]
    finally:
        ui.process.send_signal(signal.SIGINT)
        assert ui.process.wait(timeout=90) == 0
    ui.until(lambda: ui.left() == [], 30)
    assert ui.free()


def test_killed_it_leaves_no_port_taken_and_nothing_behind_for_long(place):
    ui = Started(place)
    assert "anybody on this machine may do everything" in ui.log.read_text()
    assert "seeding keys create" in ui.log.read_text()
    assert ui.get("/server_info", {})[0] == 200
    assert len(ui.left()) >= 3
    ui.process.kill()
    ui.process.wait()
    ui.until(ui.free, 5)
    ui.until(lambda: ui.left() == [], 150)


def test_a_taken_port_is_said_before_anything_is_started(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = place.run("ui", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "SEEDING_UI_PORT" in done.stderr
    assert "Traceback" not in done.stderr
