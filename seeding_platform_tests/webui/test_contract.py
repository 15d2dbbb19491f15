"""What we rely on in the pinned Dagster. Where one of these fails, a new version has something that no rule speaks of, or works another way."""

import inspect
import re

import dagster_webserver
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.permissions import Permissions
from dagster_graphql.schema import create_schema
from dagster_webserver.graphql import GraphQLServer
from dagster_webserver.webserver import DagsterWebserver
from graphql import get_named_type, is_interface_type, is_object_type

from seeding_platform.webui.rules import FIELDS, LOG_TYPES, MUTATIONS, PERMISSIONS, ROUTES, WITHHELD
from seeding_platform.webui.schema import read_rules

SAID = {("LogsCapturedEvent", "externalStderrUrl"), ("LogsCapturedEvent", "externalStdoutUrl")}
"""Addresses elsewhere, in events that only operators read; we set none."""
FAILURE = {"message", "className", "stack", "cause", "causes", "errorChain"}


@pytest.fixture(scope="module")
def schema():
    return create_schema().graphql_schema


def routes_of(ui):
    gate = next(r for r in ui.app.routes if r.path == "" and hasattr(r, "app")).app
    return gate.app.routes


def test_every_route_has_a_rule_and_every_rule_a_route(ui):
    assert {r.path for r in routes_of(ui)} == set(ROUTES)
    assert {tuple(sorted(r.methods or ())) for r in routes_of(ui) if r.path == "/graphql" and hasattr(r, "methods")} == {("GET", "HEAD", "POST")}


def test_writes_by_route_are_the_reports_only(ui):
    writes = {r.path for r in routes_of(ui) if "POST" in (getattr(r, "methods", None) or ())} - {"/graphql"}
    assert writes == {p for p in ROUTES if p.startswith("/report_")}


def test_every_mutation_has_a_role(schema):
    assert set(schema.mutation_type.fields) == set(MUTATIONS)


def test_subscriptions_are_known(schema):
    assert set(schema.subscription_type.fields) == {"pipelineRunLogs", "capturedLogs", "locationStateChangeEvents"}


def test_every_permission_has_a_role():
    assert {str(p) for p in Permissions} == set(PERMISSIONS)


def test_fields_that_give_words_of_runs_are_known(schema):
    assert set(read_rules(schema)) == {
        ("Query", "logsForRun"), ("Query", "capturedLogs"), ("Query", "capturedLogsMetadata"),
        ("Subscription", "pipelineRunLogs"), ("Subscription", "capturedLogs"),
        ("Run", "capturedLogs"), ("Run", "eventConnection"), ("PipelineRun", "capturedLogs"), ("PipelineRun", "eventConnection"),
        ("InstigationTick", "logEvents"), ("InstigationTick", "logKey"), ("PartitionBackfill", "logEvents"),
        ("LogsCapturedEvent", "shellCmd"), ("Instance", "info"),
    }  # fmt: skip
    assert set(schema.type_map) >= LOG_TYPES
    for owner, name in {*FIELDS, *WITHHELD}:
        assert name in schema.type_map[owner].fields


def test_no_other_field_is_called_a_log(schema):
    """A new field that gives a log in a type of its own would be called so."""
    rules, said = read_rules(schema), set()
    for owner, kind in schema.type_map.items():
        if owner.startswith("__") or owner in LOG_TYPES or not (is_object_type(kind) or is_interface_type(kind)):
            continue
        for name, field in kind.fields.items():
            words = f"{name} {get_named_type(field.type).name}".lower()
            if (owner, name) not in rules and any(w in words for w in ("stdout", "stderr", "rawlog", "capturedlog", "computelog", "runlog", "logs")):
                said.add((owner, name))
    assert said == SAID


def test_a_failure_says_no_more_than_we_know(schema):
    assert set(schema.type_map["PythonError"].fields) == FAILURE


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (DagsterWebserver, "build_graphql_schema"), (DagsterWebserver, "build_routes"), (DagsterWebserver, "_make_request_context"),
        (GraphQLServer, "handle_graphql_errors"), (GraphQLServer, "_determine_status_code"), (GraphQLServer, "create_asgi_app"),
        (WorkspaceProcessContext, "create_request_context"), (WorkspaceRequestContext, "permissions"),
        (WorkspaceRequestContext, "permissions_for_location"), (WorkspaceRequestContext, "show_instance_config"),
        (WorkspaceRequestContext, "get_viewer_tags"), (WorkspaceRequestContext, "get_reporting_user_tags"),
        (WorkspaceRequestContext, "reload_code_location"), (WorkspaceRequestContext, "reload_workspace"),
    ],
)  # fmt: skip
def test_what_we_override_is_there(owner, name):
    assert hasattr(owner, name)


def test_the_schema_that_is_executed_is_the_one_that_we_guard():
    source = inspect.getsource(GraphQLServer)
    assert source.count("self._graphene_schema = self.build_graphql_schema()") == 1
    for used in ("schema=self._graphene_schema.graphql_schema", "self._graphene_schema.subscribe("):
        assert used in source
    assert set(re.findall(r"_graphene_schema\.(\w+)", source)) == {"graphql_schema", "subscribe"}


def test_the_version_is_the_one_that_was_looked_at():
    assert dagster_webserver.__version__.startswith("1.13.")
