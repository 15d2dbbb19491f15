"""Who may reach what: every role on every route and every mutation of the real schema, and every way round that we could think of."""

import json
from pathlib import Path

import pytest
from dagster_graphql.schema import create_schema

from seeding_platform.webui.rules import MUTATIONS, ROUTES, STATIC
from seeding_platform_tests.webui.conftest import HOME, forget_key

ROLES = ["viewer", "analyst", "operator", "steward", "admin"]
SAMPLES = {
    "/_next": "/_next/none.js", "/vendor": "/vendor/none.css", "/{path:path}": "/overview/activity",
    "/logs/{path:path}": "/logs/a/compute_logs/b/err",
    "/download_debug/{run_id:str}": "/download_debug/none", "/report_asset_materialization/{asset_key:path}": "/report_asset_materialization/a",
    "/report_asset_check/{asset_key:path}": "/report_asset_check/a", "/report_asset_observation/{asset_key:path}": "/report_asset_observation/a",
}  # fmt: skip
ALIKE = "mutation M($a: String) { %s { __typename nothingOfThisName } }"
"""Passed on by the gate, it fails in Dagster's validation: nothing is done."""


def at_least(role: str, needed: str | None) -> bool:
    return needed is not None and ROLES.index(role) >= ROLES.index(needed)


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_role_on_every_route(ui, route):
    url = SAMPLES.get(route, route)
    for role in [*ROLES, None]:
        headers = ui.key(role) if role else {}
        if route == "/graphql":
            status = ui.ask("{ version }", headers).status_code
        elif route.startswith("/report_"):
            status = ui.client.post(url, json={}, headers=headers).status_code
        elif route.startswith("/download_debug") and at_least(role or "viewer", ROUTES[route]):
            continue  # Dagster's own error on a run that is not there
        else:
            status = ui.client.get(url, headers=headers).status_code
        if role is None:
            assert status == 401
        else:
            assert (status != 403) == at_least(role, ROUTES[route]), (role, status)


@pytest.mark.parametrize("field", sorted(create_schema().graphql_schema.mutation_type.fields))
def test_every_role_on_every_mutation_of_the_real_schema(ui, field):
    for role in ROLES:
        answer = ui.ask(ALIKE % field, ui.key(role))
        if at_least(role, MUTATIONS[field]):
            assert answer.status_code == 400
            assert "nothingOfThisName" in answer.text or "must not have a selection" in answer.text
        else:
            assert answer.status_code == 403, (role, answer.text)
            assert ui.events(1)[0].action == f"ui.{field}"
            assert (ui.events(1)[0].outcome, ui.events(1)[0].actor) == ("refused", f"{role}default")
    assert ui.ask(ALIKE % field, {}).status_code == 401


def test_a_mutation_that_is_in_no_table_is_refused_to_admins_and_its_name_is_not_kept(ui):
    assert ui.ask("mutation { eraseJanJansen }", ui.key("admin")).status_code == 403
    assert ui.events(1)[0].action == "ui.unknown"


HIDDEN = {
    "alias": "mutation { version: deleteRun(runId: 1) { __typename } }",
    "second operation": "query A { version } mutation B { deleteRun(runId: 1) { __typename } }",
    "named after the query": "mutation A { deleteRun(runId: 1) { __typename } } query version { version }",
    "fragment": "mutation { ...F } fragment F on Mutation { deleteRun(runId: 1) { __typename } }",
    "fragment in a fragment": "mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { ...F deleteRun(runId: 1) { __typename } }",
    "inline fragment": "mutation { ... on Mutation { ... { deleteRun(runId: 1) { __typename } } } }",
    "behind an allowed one": "mutation { startRun: logTelemetry(action: 1) { __typename } b: deleteRun(runId: 1) { __typename } }",
    "skipped by a variable": "mutation M($no: Boolean = true) { deleteRun(runId: 1) @skip(if: $no) { __typename } }",
    "comment and commas": "#query\n,,mutation,,{,deleteRun(runId:1){__typename}}",
    "byte order mark": "\ufeffmutation { deleteRun(runId: 1) { __typename } }",
}


@pytest.mark.parametrize("way", sorted(HIDDEN))
@pytest.mark.parametrize("named", [None, "A", "version"])
def test_a_mutation_is_found_wherever_it_is_hidden(ui, way, named):
    assert ui.ask(HIDDEN[way], ui.key("operator"), operationName=named).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b'[{"query": "mutation { deleteRun(runId: 1) { __typename } }"}]',
        b'[{"query": "{ version }"}]',
        b'{"query": {"a": 1}}',
        b'{"query": "{ version }", "variables": "{}"}',
        b'{"query": "{ version }", "operationName": 1}',
        b'{"query": "not graphql"}',
        b'{"query": "fragment F on Query { version }"}',
        b'{"query": "subscription { locationStateChangeEvents { __typename } }"}',
        b'{"query": "' + b"{ a " * 4000 + b'"}',
        b"[" * 100_000,
        b"",
        b"\xff\xfe",
    ],
)
def test_what_is_no_single_request_is_refused_to_everybody(ui, body):
    answer = ui.client.post("/graphql", content=body, headers={**ui.key("admin"), "Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_was_judged_is_what_is_executed(ui):
    """Two readings of one body: of a name that stands twice the last counts, for the gate and for whoever executes it."""
    twice = b'{"query": "mutation { deleteRun(runId: 1) { __typename } }", "query": "{ version }"}'
    headers = {**ui.key("viewer"), "Content-Type": "application/json; charset=latin-1"}
    assert ui.client.post("/graphql", content=twice, headers=headers).json() == {"data": {"version": ""}}
    wide = json.dumps({"query": "mutation { deleteRun(runId: 1) { __typename } }"}).encode("utf-16")
    assert ui.client.post("/graphql", content=wide, headers=headers).status_code == 403


def test_too_much_is_refused(ui):
    assert ui.ask("{ version }" + " " * 4_100_000, ui.key("admin")).status_code == 413
    assert ui.ask("{" + " a" * 40_000 + "}", ui.key("admin")).status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("query", ["mutation { reloadWorkspace { __typename } }", "{ version }"])
def test_graphql_is_asked_by_post_only(ui, method, query):
    for accept in ("*/*", "application/json"):
        answer = ui.client.request(method, "/graphql", params={"query": query}, headers={**ui.key("admin"), "Accept": accept})
        assert answer.status_code == 405
    assert not any(e.action == "ui.reloadWorkspace" and e.outcome == "ok" for e in ui.events())


def test_the_query_page_is_for_operators(ui):
    page = {"Accept": "text/html"}
    assert ui.client.get("/graphql", headers={**ui.key("viewer"), **page}).status_code == 405
    answer = ui.client.get("/graphql?query=mutation{reloadWorkspace{__typename}}", headers={**ui.key("admin"), **page})
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", ""])
def test_other_kinds_of_content_are_refused(ui, kind):
    """Forms of a page elsewhere send these without asking; Dagster would read the query from the address."""
    content = json.dumps({"query": "{ version }"})
    answer = ui.client.post("/graphql?query={version}", content=content, headers={**ui.key("admin"), "Content-Type": kind})
    assert answer.status_code == 415


ORIGINS = [
    ({"Origin": HOME}, True),
    ({"Referer": f"{HOME}/runs"}, True),
    ({"Origin": HOME, "Sec-Fetch-Site": "same-origin"}, True),
    ({}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "http://127.0.0.1:8000"}, False),
    ({"Origin": "http://127.0.0.1:3000.evil.example"}, False),
    ({"Origin": "http://[bad"}, False),
    ({"Referer": "https://evil.example/http://127.0.0.1:3000"}, False),
    ({"Origin": HOME, "Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": HOME, "Sec-Fetch-Site": "same-site"}, False),
]


@pytest.mark.parametrize(("headers", "fine"), ORIGINS)
def test_a_session_is_used_by_our_own_pages_only(ui, headers, fine):
    answer = ui.ask("{ version }", {**ui.session("admin"), **headers})
    assert (answer.status_code == 200) == fine
    report = ui.client.post("/report_asset_materialization/a", json={}, headers={**ui.session("admin"), **headers})
    assert (report.status_code != 403) == fine


def test_a_key_needs_no_page_but_must_not_come_from_another(ui):
    assert ui.ask("{ version }", ui.key("viewer")).status_code == 200
    assert ui.ask("{ version }", {**ui.key("viewer"), "Origin": "https://evil.example"}).status_code == 403


def test_a_page_asks_for_a_key_first_and_comes_back(ui):
    asked = ui.client.get("/runs?q=1", headers={"Accept": "text/html"})
    assert asked.headers["location"] == "/sign-in?next=/runs%3Fq%3D1"
    chosen = ui.client.get(asked.headers["location"], headers={"Accept-Language": "nl"})
    page = ui.client.get(chosen.headers["location"])
    assert "Plak een sleutel" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    for file in ("/static/tokens.css", "/static/base.css", "/static/pages.js", "/static/mark.svg"):
        assert file in page.text
        assert ui.client.get(file).status_code == 200
    key = ui.key("viewer")["Authorization"].removeprefix("Bearer ")
    done = ui.client.post("/nl/sign-in", data={"key": key, "next": "/runs?q=1"})
    assert (done.status_code, done.headers["location"]) == (303, "/runs?q=1")
    assert "HttpOnly" in done.headers["set-cookie"]
    assert "samesite=lax" in done.headers["set-cookie"].lower()
    shown = ui.client.get("/runs", headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert shown.headers["x-frame-options"] == "DENY"
    ui.client.get("/sign-out")
    assert ui.client.get("/runs", headers={"Accept": "text/html"}).status_code == 303
    assert ui.events(1)[0].action == "ui.sign_in"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a//evil.example", "javascript:alert(1)", "/a\r\nb: c"]
)
def test_signing_in_leads_nowhere_else(ui, target):
    key = ui.key("viewer")["Authorization"].removeprefix("Bearer ")
    assert ui.client.post("/en/sign-in", data={"key": key, "next": target}).headers["location"] == "/"


def test_a_wrong_key_opens_nothing(ui):
    assert ui.client.post("/en/sign-in", data={"key": "sp_a_b"}).status_code == 401
    assert ui.client.post("/en/sign-in", content=b"key=" + b"x" * 20_000).status_code == 401
    key = ui.key("admin")["Authorization"].removeprefix("Bearer ")
    assert ui.client.post("/en/sign-in", data={"key": key}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert ui.client.get("/server_info", headers={"Cookie": "sp_session=admindefault.99999999999.00"}).status_code == 401


def test_a_revoked_key_and_an_old_session_are_out(ui):
    headers = ui.key("operator", key_id="leaving")
    cookie = {"Cookie": f"sp_session={ui.door.sessions.started('leaving')}", "Origin": HOME}
    assert ui.ask("{ version }", headers).status_code == ui.ask("{ version }", cookie).status_code == 200
    ui.api.revoke("leaving", now=ui.clock[0])
    assert ui.ask("{ version }", headers).status_code == ui.ask("{ version }", cookie).status_code == 401


def test_the_installation_as_a_whole_is_for_its_own_tenants(ui):
    mine, theirs = ui.key("admin"), ui.key("admin", "acme")
    assert ui.ask("{ version }", mine).status_code == 403, "two tenants, none named: nobody"
    ui.api.revoke("adminacme", now=ui.clock[0])
    assert ui.ask("{ version }", mine).status_code == 403, "what a tenant left is still there"
    del ui.made["adminacme"]
    forget_key(ui, "adminacme")
    assert ui.ask("{ version }", mine).status_code == 200
    ui.door.grouped = frozenset({"acme"})
    assert ui.ask("{ version }", mine).status_code == 403, "an issuer may vouch for people of another"
    ui.door.grouped, theirs = frozenset(), ui.key("admin", "acme")
    ui.door.tenants = frozenset({"default"})
    assert ui.ask("{ version }", mine).status_code == 200
    refused = ui.ask("{ version }", theirs)
    assert (refused.status_code, refused.json()["code"]) == (403, "other-tenant")
    signing = ui.client.post("/en/sign-in", data={"key": theirs["Authorization"].removeprefix("Bearer ")})
    assert signing.status_code == 403
    assert "SEEDING_UI_TENANTS" in signing.text
    assert "set-cookie" not in signing.headers


def test_an_open_door_serves_this_machine_only_and_closes_with_the_first_key(ui):
    ui.door.mode = "off"
    ours = {"Origin": HOME}
    assert ui.client.get("/server_info").status_code == 200
    assert ui.ask("mutation { reloadWorkspace { __typename } }", ours).json() == {"data": {"reloadWorkspace": {"__typename": "Workspace"}}}
    assert (ui.events(1)[0].actor, ui.events(1)[0].action, ui.events(1)[0].outcome) == ("local", "ui.reloadWorkspace", "ok")
    for refused in ({}, {"Origin": "https://evil.example"}, {"Origin": "http://evil.example", "Host": "evil.example"}):
        assert ui.ask("mutation { reloadWorkspace { __typename } }", refused).status_code == 403
    for host, status in (("localhost:3000", 200), ("[::1]:3000", 200), ("evil.example", 403), ("127.0.0.1.evil.example:3000", 403), ("", 403)):
        assert ui.client.get("/server_info", headers={"Host": host}).status_code == status
    ui.door.mode = "auto"
    assert ui.client.get("/server_info").status_code == 401, "there are keys"


@pytest.mark.parametrize(
    "path",
    [
        "/logs/../../state.db",
        "/logs/..%2f..%2fmaster-key",
        "/logs/a/..\\..\\b.err",
        "/static/../../../settings.py",
        "/_next/..%2f..%2f..%2fwebserver.py",
    ],
)
def test_no_address_leads_out_of_its_folder(ui, path):
    answer = ui.client.get(path, headers=ui.key("admin"))
    assert "def " not in answer.text
    assert answer.status_code in (200, 404), path
    assert answer.status_code == 404 or "<!DOCTYPE html>" in answer.text or "<html" in answer.text


def test_of_the_folder_of_logs_nothing_but_logs_is_told(ui):
    """They lie beside databases and landed files, and the last part of the address is taken for the ending."""
    base = Path(ui.context.instance.compute_log_manager._base_dir)
    (base / "run" / "compute_logs").mkdir(parents=True)
    for name in ("run/compute_logs/a.err", "state.db", "run/upload.csv"):
        (base / name).write_text(f"this is {name}")
    assert ui.client.get("/logs/run/compute_logs/a/err", headers=ui.key("operator")).text == "this is run/compute_logs/a.err"
    for path in ("state/db", "run/upload/csv", "state.db", "run/upload.csv", "state/db/", "state/db/out/../../db"):
        answer = ui.client.get(f"/logs/{path}", headers=ui.key("admin"))
        assert answer.status_code == 404, path
        assert "this is" not in answer.text


def test_files_of_the_ui_are_static_routes():
    assert set(ROUTES) >= STATIC
