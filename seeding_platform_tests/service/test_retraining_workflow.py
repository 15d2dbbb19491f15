"""The retraining workflow for n8n against the API's description: ten nodes by name, each reached, every address, action and body known."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from seeding_platform.settings import project_root

PATH = project_root() / "workflows" / "ML_Auto_Retraining_Workflow.json"
MADE = json.loads(PATH.read_text(encoding="utf-8"))
API = json.loads((project_root() / "docs" / "openapi.json").read_text(encoding="utf-8"))
NODES = {n["name"]: n for n in MADE["nodes"]}
TEN = {
    "Cron Trigger", "Manual Webhook", "Performance Check", "Decision Node", "Trigger Retraining", "Validation", "Deploy Models",
    "Success Notification", "Error Handler", "Audit Logger",
}  # fmt: skip
BASE = "={{ $env.API_BASE_URL }}"
CALLS = [n for n in MADE["nodes"] if n["parameters"].get("url", "").startswith(BASE)]
ENVIRONMENT = {"API_BASE_URL", "SEEDING_API_KEY", "DASHBOARD_URL", "SLACK_WEBHOOK", "N8N_WEBHOOK_URL", "WEBHOOK_TOKEN"}


def operation(node: dict) -> dict:
    path = "/api" + node["parameters"]["url"].removeprefix(BASE)
    return API["paths"][path][node["parameters"]["method"].lower()]


def leads_to(name: str) -> set[str]:
    return {link["node"] for out in MADE["connections"].get(name, {}).get("main", []) for link in out}


def test_it_has_the_ten_nodes_and_a_version():
    assert set(NODES) == TEN
    assert len(MADE["nodes"]) == len({n["id"] for n in MADE["nodes"]}) == 10
    assert MADE["versionId"]
    interval = NODES["Cron Trigger"]["parameters"]["rule"]["interval"]
    assert interval == [{"field": "cronExpression", "expression": "0 */4 * * *"}]
    assert NODES["Manual Webhook"]["parameters"]["path"] == "ml-retraining"


def test_every_node_is_reached_and_every_connection_leads_to_one():
    reached, waiting = set(), ["Cron Trigger", "Manual Webhook"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += leads_to(name)
    assert reached == TEN
    assert set(MADE["connections"]) <= TEN
    assert len(MADE["connections"]["Decision Node"]["main"]) == NODES["Decision Node"]["parameters"]["numberOutputs"] == 3


def test_every_call_is_in_the_description():
    assert {n["name"] for n in CALLS} == {"Performance Check", "Trigger Retraining", "Validation", "Deploy Models", "Audit Logger"}
    for node in CALLS:
        told, parameters = operation(node), node["parameters"]
        known = {p["name"]: p["schema"] for p in told["parameters"] if p["in"] == "query"}
        asked = {p["name"]: p["value"] for p in parameters["queryParameters"]["parameters"]}
        assert asked.keys() <= known.keys()
        assert asked["action"] in known["action"]["enum"]
        if parameters["method"] == "POST":
            reference = told["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            sent = set(re.findall(r"[{,] (\w+): ", parameters["jsonBody"]))
            assert sent
            assert sent <= set(API["components"]["schemas"][reference]["properties"]), node["name"]
        headers = {p["name"]: p["value"] for p in parameters["headerParameters"]["parameters"]}
        assert headers["Authorization"] == "=Bearer {{ $env.SEEDING_API_KEY }}"
        if parameters["method"] == "POST":
            assert headers["Idempotency-Key"].startswith("={{ $execution.id }}-")
    keys = [p["value"] for n in CALLS for p in n["parameters"]["headerParameters"]["parameters"] if p["name"] == "Idempotency-Key"]
    assert len(keys) == len(set(keys)) == 4, "one execution asks four things; none is taken for another"


def test_what_fails_is_told_of():
    for node in CALLS:
        if node["name"] == "Audit Logger":
            continue
        assert node["onError"] == "continueErrorOutput"
        good, bad = MADE["connections"][node["name"]]["main"]
        assert good
        assert [b["node"] for b in bad] == ["Error Handler"]
        assert node["retryOnFail"]


def test_addresses_and_secrets_come_from_the_environment():
    text = PATH.read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)
    assert "sp_" not in text
    assert "credentials" not in text
    assert set(re.findall(r"\$env\.(\w+)", text)) == ENVIRONMENT
    told = (project_root() / "docs" / "retraining.md").read_text(encoding="utf-8")
    for name in ENVIRONMENT:
        assert name in told, f"docs/retraining.md says how {name} is set"


def finished(**told) -> dict:
    """What the platform calls back with."""
    return {"event": "retraining.finished", "job_id": "job_1", "model": "churn", "state": "succeeded", "version": "3", "verdict": "deploy"} | told


def evaluated(expression: str, *, hook: dict, environment: dict, answer: dict) -> str:
    """What an expression of a node comes to, by the same language."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH")
    script = (
        f"const hook = {json.dumps(hook)}; const $ = () => ({{isExecuted: hook.isExecuted, first: () => ({{json: hook.json}})}});"
        f"const $env = {json.dumps(environment)}; const $json = {{data: {json.dumps(answer)}}};"
        f"console.log({expression.removeprefix('={{').removesuffix('}}')})"
    )
    return subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("asked", "token", "needs", "way"),
    [
        (None, None, False, 2),
        (None, None, True, 1),
        ({"force": True}, "right", False, 1),
        ({"force": True}, "wrong", False, 2),
        ({"force": True}, None, True, 2),
        ({}, "right", True, 1),
        (finished(), "right", True, 0),
        (finished(verdict="hold"), "right", True, 2),
        (finished(verdict="refuse"), "right", True, 2),
        (finished(verdict="refuse", version=None), "right", True, 2),
        (finished(state="no_change", verdict=None), "right", True, 2),
        (finished(state="failed", verdict=None, version=None), "right", True, 2),
        (finished(), "wrong", True, 2),
    ],
)
def test_the_decision_is_the_right_one(asked, token, needs, way):
    """The expression of the node, by the same language: only whoever knows the token gets further than the check."""
    for secret in ("right", ""):
        hook = {"isExecuted": asked is not None, "json": {"body": asked, "query": {} if token is None else {"token": token}}}
        decision = NODES["Decision Node"]["parameters"]["output"]
        said = evaluated(decision, hook=hook, environment={"WEBHOOK_TOKEN": secret}, answer={"needs_retraining": needs})
        assert said == str(way if secret or asked is None else 2), "without a token set, nobody is let in by the webhook"


def test_what_is_validated_and_deployed_is_the_version_that_was_trained():
    hook = {"isExecuted": True, "json": {"body": finished()}}
    for name in ("Validation", "Deploy Models"):
        body = evaluated(NODES[name]["parameters"]["jsonBody"], hook=hook, environment={}, answer={})
        assert json.loads(body) == {"model_types": ["churn"], "version": "3"}
    says = NODES["Success Notification"]["parameters"]["jsonBody"]
    done = [{"model": "churn", "version": "3", "deployed": True}, {"model": "roi", "version": "2", "deployed": False, "says": "its gate does not"}]
    told = evaluated(says, hook=hook, environment={"DASHBOARD_URL": "here"}, answer={"deployments": done})
    assert json.loads(told)["text"] == "churn version 3 serves; roi: its gate does not here/en/models"


class Answers(http.server.BaseHTTPRequestHandler):
    """As much of the API as the workflow asks for; notes what was asked."""

    def _answer(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.got.append((self.command, self.path.partition("action=")[2] or self.path, self.headers.get("Authorization"), told))
        self.server.heard.set()
        data = {"needs_retraining": False, "model_types": ["churn"], "models": [], "history": [], "jobs": [], "job_id": "job_1", "valid": True}
        body = json.dumps({"success": True, "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_) -> None:
        pass


class RealN8n:
    """A running n8n of its own in which the workflow is active.

    Args:
        program: the command.
        folder: where it keeps everything.
        environment: what the workflow reads.
    """

    def __init__(self, program: str, folder: Path, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        told = {
            "N8N_USER_FOLDER": str(folder), "N8N_PORT": str(self.port), "N8N_LISTEN_ADDRESS": "127.0.0.1", "N8N_SECURE_COOKIE": "false",
            "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false", "N8N_DIAGNOSTICS_ENABLED": "false", **environment,
        }  # fmt: skip
        self.log = folder / "log.txt"
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with self.log.open("w") as log:
            self.process = subprocess.Popen([program, "start"], env={**os.environ, **told}, stdout=log, stderr=subprocess.STDOUT)

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, data=data)
        request.add_header("Content-Type", "application/json")
        request.add_header("browser-id", "test")
        with self.opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")

    def ready(self, seconds: int = 180) -> None:
        for _ in range(seconds):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            try:
                self.ask("GET", "/healthz/readiness")
                self.ask("GET", "/rest/settings")
                return
            except (OSError, ValueError):  # not yet
                time.sleep(1)
        raise AssertionError(self.log.read_text()[-2000:])

    def activate(self) -> None:
        self.ask("POST", "/rest/owner/setup", {"email": "owner@example.org", "firstName": "O", "lastName": "W", "password": "Passw0rdPassw0rd"})
        made = {name: MADE[name] for name in ("name", "nodes", "connections", "settings")}
        kept = self.ask("POST", "/rest/workflows", made | {"active": False})["data"]
        assert self.ask("POST", f"/rest/workflows/{kept['id']}/activate", {"versionId": kept["versionId"]})["data"]["active"] is True

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.got, server.heard = [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def asked_until(api, last: str, seconds: float = 60) -> list[str]:
    """Actions that were asked for, in order, up to the last of a run of the workflow."""
    until = time.monotonic() + seconds
    while last not in [action for _, action, _, _ in api.got]:
        assert api.heard.wait(max(0.1, until - time.monotonic())), api.got
        assert time.monotonic() < until, api.got
        api.heard.clear()
    got = [action for _, action, _, _ in api.got]
    assert {bearer for _, action, bearer, _ in api.got if not action.startswith("/")} == {"Bearer key"}
    api.got.clear()
    return got


@pytest.mark.long
def test_a_real_n8n_takes_it_and_carries_it_out(tmp_path, api):
    program = shutil.which("n8n")
    if program is None:
        pytest.skip("no n8n on the PATH: npm install -g n8n@1.123.0")
    address = f"http://127.0.0.1:{api.server_address[1]}"
    n8n = RealN8n(
        program,
        tmp_path,
        {name: address for name in ENVIRONMENT} | {"API_BASE_URL": f"{address}/api", "SEEDING_API_KEY": "key", "WEBHOOK_TOKEN": "right"},
    )
    try:
        n8n.ready()
        n8n.activate()
        n8n.ask("POST", "/webhook/ml-retraining?token=wrong", {"force": True})
        assert asked_until(api, "history") == ["check_performance", "history"], "whoever does not know the token gets a check"
        n8n.ask("POST", "/webhook/ml-retraining?token=right", {"force": True})
        assert asked_until(api, "history") == ["check_performance", "trigger_retraining", "history"]
        n8n.ask("POST", "/webhook/ml-retraining?token=right", finished(verdict="hold"))
        assert asked_until(api, "history") == ["check_performance", "history"], "what is held is nobody's error"
        n8n.ask("POST", "/webhook/ml-retraining?token=right", finished())
        assert asked_until(api, "history") == ["check_performance", "validate_models", "deploy_model", "history"]
    finally:
        n8n.close()
