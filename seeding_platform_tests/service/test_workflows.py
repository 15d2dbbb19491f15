"""The n8n workflows against the API's description: every address, method, body and header that they use exists."""

import json
import re

import pytest

from seeding_platform.settings import project_root

FOLDER = project_root() / "workflows"
API = json.loads((project_root() / "docs" / "openapi.json").read_text(encoding="utf-8"))
NAMES = ["Ads_Ingestion", "Ask_KPI", "KPI_Daily_Report"]


def workflow(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def calls(name: str) -> list[dict]:
    """Nodes that ask the API."""
    return [n for n in workflow(name)["nodes"] if "SEEDING_URL" in str(n["parameters"].get("url", ""))]


def operation(node: dict) -> dict:
    path = re.sub(r"\{\{ \$\(.*?\}\}", "{ingestion_id}", node["parameters"]["url"].split("SEEDING_URL }}")[1])
    return API["paths"][path][node["parameters"]["method"].lower()]


def test_these_are_the_workflows():
    assert sorted(p.stem for p in FOLDER.glob("*.json")) == sorted([*NAMES, "ML_Auto_Retraining_Workflow"])


@pytest.mark.parametrize("name", NAMES)
def test_every_call_is_in_the_description(name):
    assert calls(name)
    for node in calls(name):
        told, parameters = operation(node), node["parameters"]
        known = {p["name"] for p in told.get("parameters", []) if p["in"] == "query"}
        asked = {p["name"] for p in parameters.get("queryParameters", {}).get("parameters", [])}
        assert asked <= known
        if parameters.get("contentType") == "json":
            reference = told["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            sent = set(re.findall(r"(\w+): ", parameters["jsonBody"]))
            assert sent <= set(API["components"]["schemas"][reference]["properties"])
        if parameters.get("contentType") == "multipart-form-data":
            assert "multipart/form-data" in told["requestBody"]["content"]
            assert [p["name"] for p in parameters["bodyParameters"]["parameters"]] == ["file"]
            assert {"name": "Idempotency-Key", "value": "={{ $execution.id }}"} in parameters["headerParameters"]["parameters"]


@pytest.mark.parametrize("name", NAMES)
def test_every_call_has_an_error_branch_and_secrets_come_from_the_environment(name):
    made = workflow(name)
    assert made["versionId"]
    nodes = {n["name"]: n for n in made["nodes"]}
    for node in calls(name):
        assert node["onError"] == "continueErrorOutput"
        good, bad = made["connections"][node["name"]]["main"]
        assert good
        assert bad
        assert any("NOTIFY_WEBHOOK_URL" in str(nodes[b["node"]]["parameters"]) for b in bad)
        assert {"name": "Authorization", "value": "=Bearer {{ $env.SEEDING_KEY }}"} in node["parameters"]["headerParameters"]["parameters"]
    text = json.dumps(made)
    assert "sp_" not in text
    assert not re.search(r"https?://", text)


@pytest.mark.parametrize("name", NAMES)
def test_connections_lead_to_nodes(name):
    made = workflow(name)
    names = {n["name"] for n in made["nodes"]}
    assert len(names) == len(made["nodes"]) == len({n["id"] for n in made["nodes"]})
    reached = {link["node"] for told in made["connections"].values() for out in told["main"] for link in out}
    assert reached <= names
    triggers = {n["name"] for n in made["nodes"] if "rigger" in n["type"] or n["type"].endswith("webhook")}
    assert names - reached == triggers


def test_what_the_report_reads_is_in_the_answer(service):
    answer = service.get("/api/v1/kpis?metrics=spend,cac&compare=previous", headers=service.key()).json()
    assert set(answer["rows"][0]["spend"]) >= {"current", "change_pct"}
    assert {"explanation", "warnings"} <= set(answer)
