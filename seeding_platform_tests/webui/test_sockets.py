"""Websockets: who may open one, and what may be asked over it."""

import datetime as dt

import pytest
from starlette.websockets import WebSocketDisconnect

from seeding_platform_tests.webui.conftest import HOME

START = {"type": "start", "id": "1", "payload": {"query": 'subscription { pipelineRunLogs(runId: "none") { __typename } }'}}


def opened(ui, headers):
    return ui.client.websocket_connect("ws://127.0.0.1:3000/graphql", headers=headers, subprotocols=["graphql-ws"])


@pytest.mark.parametrize("headers", [{}, {"Origin": HOME}, {"Cookie": "sp_session=a.9.b", "Origin": HOME}, {"Authorization": "Bearer sp_a_b"}])
def test_nobody_subscribes_without_signing_in(ui, headers):
    with pytest.raises(WebSocketDisconnect) as refused, opened(ui, headers):
        pass
    assert refused.value.code == 1008


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:8000"}, {"Origin": "null"}])
def test_a_page_elsewhere_cannot_use_a_session(ui, headers):
    with pytest.raises(WebSocketDisconnect) as refused, opened(ui, {**ui.session("admin"), **headers}):
        pass
    assert refused.value.code == 1008


def test_only_graphql_has_a_websocket(ui):
    with pytest.raises(WebSocketDisconnect), ui.client.websocket_connect("/logs/a", headers=ui.key("admin")):
        pass


def test_an_operator_hears_what_a_run_says_and_a_viewer_does_not(ui):
    with opened(ui, {**ui.session("operator"), "Origin": HOME}) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json(START)
        assert socket.receive_json()["payload"]["data"]["pipelineRunLogs"] == {"__typename": "PipelineRunLogsSubscriptionFailure"}
    with opened(ui, ui.key("viewer")) as socket:
        socket.send_json(START)
        told = socket.receive_json()
        assert told["type"] == "error"
        assert "needs the role operator" in told["payload"]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "mutation { deleteRun(runId: 1) { __typename } }",
        "{ version }",
        "subscription A { locationStateChangeEvents { __typename } } mutation B { deleteRun(runId: 1) { __typename } }",
        "not graphql",
        {"a": 1},
        None,
    ],
)
def test_only_subscriptions_are_asked_over_it(ui, query):
    before = ui.log.last()
    with opened(ui, ui.key("admin")) as socket:
        socket.send_json({"type": "start", "id": "7", "payload": {"query": query, "operation_name": "B"}})
        told = socket.receive_json()
        assert (told["type"], told["id"]) == ("error", "7")
        assert "Only subscriptions" in told["payload"]["message"]
    assert ui.log.last() == before


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"a": 1}', '{"type": 1}', "[" * 100_000])
def test_what_is_no_message_ends_it(ui, text):
    with opened(ui, ui.key("admin")) as socket:
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_whoever_has_left_is_told_nothing_more(ui):
    with opened(ui, ui.key("operator", key_id="gone")) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        ui.api.revoke("gone", now=ui.clock[0])
        socket.send_json(START)
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
    with opened(ui, ui.key("operator", key_id="later")) as socket:
        ui.api.revoke("later", now=ui.clock[0])
        ui.clock[0] += dt.timedelta(minutes=1)
        socket.send_json({"type": "connection_init"})  # its answer would be told a minute after the last look
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
