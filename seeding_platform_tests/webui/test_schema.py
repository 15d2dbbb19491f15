"""The rules in the resolvers, asked past the gate: they hold where a document was misjudged, and know what came of each mutation."""

import asyncio

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    execute_sync,
    is_required_argument,
    is_required_input_field,
    parse,
)
from graphql.language import print_ast
from graphql.utilities import ast_from_value
from starlette.requests import Request

from seeding_platform.governance.audit import Trail
from seeding_platform.service.sessions import Actor
from seeding_platform.storage.api_state import Role
from seeding_platform.webui.record import Recorder
from seeding_platform.webui.rules import MUTATIONS, WITHHELD
from seeding_platform.webui.schema import _mutation, guarded_schema, outcome, read_rules
from seeding_platform_tests.webui.conftest import NOW


@pytest.fixture(scope="session")
def schema(ui):
    return guarded_schema(Recorder(Trail(ui.settings, ui.state), lambda: NOW)).graphql_schema


def context_of(ui, role: str | None):
    scope = {"type": "http", "headers": [], "state": {"actor": Actor("k", Role(role), "t")} if role else {}}
    return ui.context.create_request_context(Request(scope))


def some(kind):
    """Any value of an input type, with only what must be given."""
    if isinstance(kind, GraphQLNonNull):
        return some(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [some(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values.values())).value
    if isinstance(kind, GraphQLInputObjectType):
        return {name: some(f.type) for name, f in kind.fields.items() if is_required_input_field(f)}
    return {"Int": 1, "Float": 1.0, "Boolean": True}.get(kind.name, "x")


def call(schema, name: str) -> str:
    """A valid document that calls one mutation."""
    field = schema.mutation_type.fields[name]
    given = ", ".join(f"{a}: {print_ast(ast_from_value(some(arg.type), arg.type))}" for a, arg in field.args.items() if is_required_argument(arg))
    selection = "" if getattr(field.type, "of_type", field.type).name == "Boolean" else " { __typename }"
    return f"mutation {{ {name}{f'({given})' if given else ''}{selection} }}"


@pytest.mark.parametrize("name", sorted(MUTATIONS))
@pytest.mark.parametrize("role", [None, "viewer", "analyst", "operator", "steward"])
def test_no_mutation_is_done_below_its_role(ui, schema, name, role):
    if role is not None and Role(role).may(MUTATIONS[name]):
        return
    before = ui.log.last()
    with context_of(ui, role) as context:
        told = execute_sync(schema, parse(call(schema, name)), context_value=context)
    assert [str(e.message) for e in told.errors] == [f"This needs the role {MUTATIONS[name]}; the key has {role or 'viewer'}."]
    assert ui.log.last() == before + 1
    assert (ui.events(1)[0].action, ui.events(1)[0].outcome) == (f"ui.{name}", "refused")


def test_what_came_of_a_mutation_is_on_record_and_its_variables_are_not(ui):
    ended = ui.ask("mutation T($r: String!) { terminateRun(runId: $r) { __typename } }", ui.key("operator"), variables={"r": "jan@example.nl"})
    assert ended.json()["data"] == {"terminateRun": {"__typename": "RunNotFoundError"}}
    event = ui.events(1)[0]
    assert (event.actor, event.tenant, event.action, event.outcome) == ("operatordefault", "default", "ui.terminateRun", "failed")
    assert dict(event.detail) == {"answer": "RunNotFoundError"}
    both = ui.ask('mutation { a: reloadWorkspace { __typename } b: setConcurrencyLimit(concurrencyKey: "k", limit: 3) }', ui.key("admin"))
    assert both.status_code == 200, both.text
    assert [(e.action, e.outcome) for e in ui.events(2)] == [("ui.setConcurrencyLimit", "ok"), ("ui.reloadWorkspace", "ok")]
    assert not any("jan@example.nl" in str(e) for e in ui.events())
    assert Trail(ui.settings, ui.state).verify().ok


def test_a_mutation_that_breaks_is_on_record_and_its_trace_is_not_told(ui, caplog):
    def breaks(root, info, **arguments):
        raise RuntimeError("password=hunter2")

    recorder = Recorder(Trail(ui.settings, ui.state), lambda: NOW)
    with context_of(ui, "admin") as context, pytest.raises(RuntimeError):
        _mutation("deleteRun", breaks, recorder)(None, type("Info", (), {"context": context}))
    assert (ui.events(1)[0].action, ui.events(1)[0].outcome) == ("ui.deleteRun", "failed")
    webserver = next(r for r in ui.app.routes if r.path == "" and hasattr(r, "app")).app.app.routes[2].endpoint.__self__
    with pytest.raises(RuntimeError) as raised:
        breaks(None, None)
    told = webserver.handle_graphql_errors([GraphQLError("password=hunter2", original_error=raised.value)])
    assert "hunter2" not in str(told)
    assert "hunter2" in caplog.text


def test_an_asynchronous_mutation_is_recorded_when_it_is_over(ui):
    class GrapheneLaunchRunSuccess:
        pass

    async def later(root, info):
        return GrapheneLaunchRunSuccess()

    async def breaks(root, info):
        raise RuntimeError

    recorder = Recorder(Trail(ui.settings, ui.state), lambda: NOW)
    with context_of(ui, "operator") as context:
        info = type("Info", (), {"context": context})
        asyncio.run(_mutation("launchRun", later, recorder)(None, info))
        assert dict(ui.events(1)[0].detail) == {"answer": "LaunchRunSuccess"}
        with pytest.raises(RuntimeError):
            asyncio.run(_mutation("launchRun", breaks, recorder)(None, info))
    assert ui.events(1)[0].outcome == "failed"


@pytest.mark.parametrize("role", ["viewer", "analyst", "operator", "admin", None])
def test_words_of_runs_are_for_operators(ui, schema, role):
    rules = read_rules(schema)
    with context_of(ui, role) as context:
        info = type("Info", (), {"context": context})
        for (owner, name), needed in rules.items():
            field = schema.type_map[owner].fields[name]
            for resolver in filter(None, (field.resolve, field.subscribe)):
                if Role(role or "viewer").may(needed):
                    continue
                with pytest.raises(GraphQLError, match="needs the role"):
                    resolver(None, info)
        error = type("E", (), {"message": "jan@example.nl", "stack": ["jan@example.nl"], "causes": [1], "cause": 1, "errorChain": [1]})()
        for (owner, name), instead in WITHHELD.items():
            resolve = schema.type_map[owner].fields[name].resolve
            if Role(role or "viewer").may(Role.OPERATOR):
                continue
            assert resolve(error, info) == instead


@pytest.mark.parametrize(
    "query",
    [
        '{ x: logsForRun(runId: "a") { __typename } }',
        '{ capturedLogs(logKey: ["a"]) { stdout } }',
        '{ ...F } fragment F on Query { capturedLogsMetadata(logKey: ["a"]) { stdoutDownloadUrl } }',
        "{ instance { info } }",
    ],
)
def test_a_viewer_reads_no_log_and_keeps_the_rest_of_an_answer(ui, query):
    told = ui.ask(query.replace("{", "{ version ", 1), ui.key("analyst"))
    assert told.status_code == 200
    assert "needs the role" in told.json()["errors"][0]["message"]
    needed = "admin" if "info" in query else "operator"
    assert "needs the role" not in ui.ask(query, ui.key(needed)).text


def test_dagster_shows_buttons_only_to_those_who_may_press_them(ui):
    def enabled(role):
        told = ui.ask("{ permissions { permission value disabledReason } }", ui.key(role)).json()["data"]["permissions"]
        return {p["permission"] for p in told if p["value"]}

    assert enabled("viewer") == enabled("analyst") == set()
    assert "launch_pipeline_execution" in enabled("operator")
    assert {"wipe_assets", "delete_pipeline_run", "reload_workspace"} & enabled("operator") == set()
    assert {"wipe_assets", "delete_pipeline_run", "reload_workspace"} <= enabled("admin")


def test_answers_that_did_nothing_are_known_by_their_names(schema):
    """Every answer that a mutation can give, as the audit log calls it."""
    good = set()
    for field in schema.mutation_type.fields.values():
        kind = getattr(field.type, "of_type", field.type)
        for one in getattr(kind, "types", [kind]):
            if outcome(type(f"Graphene{one.name}", (), {})())[0] == "ok":
                good.add(one.name)
    assert good == {
        "AddDynamicPartitionSuccess", "AssetWipeSuccess", "Boolean", "CancelBackfillSuccess", "DeleteAppManagedComponentSuccess",
        "DeleteDynamicPartitionsSuccess", "DeletePipelineRunSuccess", "DryRunInstigationTick", "LaunchBackfillSuccess",
        "LaunchMultipleRunsResult", "LaunchRunSuccess", "LogTelemetrySuccess", "RefreshComponentStateAccepted", "RefreshComponentStateSuccess",
        "ReportAssetCheckEvaluationsSuccess", "ReportRunlessAssetEventsSuccess", "ResumeBackfillSuccess", "ScheduleStateResult", "Sensor",
        "SetAppManagedComponentSuccess", "ShutdownRepositoryLocationSuccess", "StopSensorMutationResult", "TerminateRunSuccess",
        "TerminateRunsResult", "Workspace", "WorkspaceLocationEntry",
    }  # fmt: skip
