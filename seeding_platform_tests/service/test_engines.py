"""Engines that pull: the release, the stream, acknowledgements with their proof, and keys that are made for one engine."""

import json
import threading
import time

import httpx
import pytest
import uvicorn
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from seeding_platform.distribution.release import proof, read_release
from seeding_platform.service.acknowledging import MOST_METRICS
from seeding_platform.service.bulletin import MOST_WAITING
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.delivery.records import DeliveryState
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.test_bundle import build, more_posts
from seeding_platform_tests.service.conftest import NOW

ENGINE = "content_performance_ml"
AT = f"/api/v1/engines/{ENGINE}"


class Pulling:
    """An engine with a key of its own."""

    def __init__(self, service):
        self.service, self.inside = service, service.app.state.service
        self.root = self.inside.settings.bundles
        key = self.inside.api.create_key(
            role=Role.VIEWER, tenant="t1", label="engine", secret="s", key_id="engine1", now=NOW, grants=[f"engine:{ENGINE}"]
        )  # fmt: skip
        self.key = {"Authorization": f"Bearer {key}"}

    def publish(self, number=None):
        made = build(self.root, **({} if number is None else {"inputs": more_posts(number)}))
        return made, self.inside.delivering.publisher.published("t1", ENGINE, now=self.inside.now())

    def said(self, made, state="active", **told):
        release = read_release(self.service.get(f"{AT}/release", headers=self.key).json()["release"].encode())
        names = sorted(f["path"] for f in json.loads((made.path / "manifest.json").read_text())["files"])
        right = proof(release.nonce, ([(made.path / n).read_bytes()] for n in names))
        return {"generation": release.generation, "content_id": release.content_id, "state": state, "rows": 1, "proof": right, "via": "full", **told}

    def say(self, body):
        return self.service.post(f"{AT}/acknowledgements", json=body, headers=self.key)


@pytest.fixture
def engine(service):
    return Pulling(service)


def test_the_release_is_told_and_unchanged_is_not_told_twice(service, engine):
    assert service.get(f"{AT}/release", headers=engine.key).status_code == 404
    made, _ = engine.publish()
    got = service.get(f"{AT}/release", headers=engine.key)
    assert read_release(got.json()["release"].encode()).content_id == made.content_id
    assert got.json()["seq"] >= 1
    assert service.get(f"{AT}/release", headers=engine.key | {"If-None-Match": got.headers["etag"]}).status_code == 304
    assert service.get(f"{AT}/release", headers=service.key("viewer", "other")).status_code == 404


def test_an_acknowledgement_counts_once_and_only_with_its_proof(engine):
    made, _ = engine.publish()
    wrong = engine.say(engine.said(made, proof="0" * 64))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "proof-does-not-fit")
    assert engine.say(engine.said(made, "prepared")).json() == {"accepted": True, "desired": 1}
    for _ in range(2):
        assert engine.say(engine.said(made)).json() == {"accepted": True, "desired": 1}
    queue = engine.inside.delivering.publisher.queue
    (done,) = queue.some(tenant="t1")
    assert (done.state, [a.outcome for a in queue.attempts(done.delivery_id)]) == ("acknowledged", ["prepared", "acknowledged"])
    assert engine.say(engine.said(made, receiver="second")).status_code == 200
    assert len(engine.inside.delivering.publisher.endpoints.all(tenant="t1")) == 2


def test_what_is_old_unknown_or_recalled_does_not_count(engine):
    made, _ = engine.publish()
    old = engine.said(made)
    assert engine.say({**old, "generation": 7}).json()["code"] == "no-such-generation"
    assert engine.say({**old, "content_id": "f" * 64}).json()["code"] == "generation-conflict"
    newer, _ = engine.publish(3)
    stale = engine.say(old)
    assert (stale.status_code, stale.json()["code"], stale.json()["desired"]) == (409, "generation-stale", 2)
    body = engine.said(newer)
    recall(newer.path, request="r", reason="erased", at="2026-11-27T06:00:00+00:00")
    assert engine.say(body).status_code == 410, "also before anybody has noticed"
    for wrong in ({}, {**body, "state": "x"}, {**body, "proof": "0" * 65}, {**body, "receiver": "a b"}, {**body, "generation": 0}):
        assert engine.say(wrong).status_code == 422


def test_a_refusal_is_told_to_people(engine):
    made, _ = engine.publish()
    assert engine.say(engine.said(made, "refused", code="validation-failed", title="column plan: unknown")).status_code == 200
    (dead,) = engine.inside.delivering.publisher.queue.some(tenant="t1")
    assert (dead.state, dead.error) == ("dead", "validation-failed")
    assert [a.rule for a in engine.inside.desk.alerts.standing() if a.tenant == "t1"] == ["engine.undelivered"]


def test_a_key_of_an_engine_sees_nothing_else_and_others_may_not_speak_for_it(service, engine):
    made, _ = engine.publish()
    body = engine.said(made)
    assert service.get("/api/v1/engines/analytics/release", headers=engine.key).status_code == 403
    assert service.get("/api/v1/kpis", headers=engine.key).status_code == 403
    assert service.get(f"{AT}/bundles/1/manifest", headers=engine.key).status_code == 200
    assert service.post(f"{AT}/acknowledgements", json=body, headers=service.key("viewer", "t1")).status_code == 403
    assert service.post(f"{AT}/acknowledgements", json=body, headers=service.key("operator", "t1")).status_code == 200
    assert service.post(f"{AT}/acknowledgements", json=body, headers=service.key("operator", "other")).status_code == 404


def test_a_figure_is_kept_for_the_generation_that_is_in_use(service, engine):
    figure = {"metric": "auc", "value": 0.8}
    assert service.post(f"{AT}/health", json=figure, headers=engine.key).status_code == 404
    made, _ = engine.publish()
    engine.say(engine.said(made))
    assert service.post(f"{AT}/health", json=figure, headers=engine.key).json() == {"accepted": True, "generation": 1}
    assert engine.inside.delivering.publisher.health.metrics("t1", ENGINE, 1) == {"auc": 0.8}
    for n in range(MOST_METRICS - 1):
        engine.inside.delivering.publisher.health.tell("t1", ENGINE, 1, f"m{n}", 1.0, now=engine.inside.now())
    assert service.post(f"{AT}/health", json={"metric": "one_more", "value": 1}, headers=engine.key).json()["code"] == "too-many-metrics"
    assert service.post(f"{AT}/health", json=figure, headers=engine.key).status_code == 200
    for wrong in ({"metric": "A B", "value": 1}, {"metric": "auc", "value": "NaN"}, {"metric": "auc"}):
        assert service.post(f"{AT}/health", json=wrong, headers=engine.key).status_code == 422


def events(text):
    return [
        (dict(line.split(": ", 1) for line in block.splitlines())) for block in text.split("\n\n") if block.startswith(("id:", "event:"))
    ]  # fmt: skip


def test_the_stream_goes_on_from_where_one_was(service, engine):
    engine.publish()
    engine.publish(3)
    heard = events(service.get(f"{AT}/stream?since=0&seconds=0.3", headers=engine.key).text)
    assert [(e["event"], json.loads(e["data"])["generation"]) for e in heard] == [("release", 1), ("release", 2)]
    last = {"Last-Event-ID": heard[0]["id"]}
    assert [e["id"] for e in events(service.get(f"{AT}/stream?since=0&seconds=0.3", headers=engine.key | last).text)] == [heard[1]["id"]]
    assert events(service.get(f"{AT}/stream?seconds=0.2", headers=engine.key).text) == []
    assert [e["event"] for e in events(service.get(f"{AT}/stream?since=999&seconds=0.2", headers=engine.key).text)] == ["reset"]
    assert service.get(f"{AT}/stream?since=x", headers=engine.key).status_code == 422


def test_the_socket_tells_of_several_engines(service, engine):
    engine.publish()
    with service.websocket_connect("/api/v1/engines/stream", headers=engine.key) as socket:
        socket.send_text(json.dumps({"engines": [ENGINE], "since": 0}))
        told = socket.receive_json()
        assert (told["event"], told["engine"], told["generation"]) == ("release", ENGINE, 1)
        engine.publish(3)
        assert socket.receive_json()["generation"] == 2


@pytest.mark.parametrize(
    ("headers", "first", "code"),
    [
        ({}, {"engines": [ENGINE]}, 4401),
        (None, {"engines": ["analytics"]}, 4403),
        (None, {"engines": []}, 4400),
        (None, [], 4400),
        (None, {"engines": ["A"]}, 4400),
    ],
)
def test_the_socket_is_closed_to_others(service, engine, headers, first, code):
    with service.websocket_connect("/api/v1/engines/stream", headers=engine.key if headers is None else headers) as socket:
        socket.send_text(json.dumps(first))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == code


@pytest.fixture
def served(service, engine):
    """The same app behind a real server."""
    server = uvicorn.Server(uvicorn.Config(service.app, log_level="error", lifespan="off", port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    engine.inside.delivering.bulletin.close()
    thread.join(timeout=5)


def test_who_listens_hears_of_a_release_of_another_process_at_once(served, engine):
    heard = []
    with httpx.stream("GET", f"{served}{AT}/stream", headers=engine.key, timeout=10) as answer:
        lines = answer.iter_lines()
        next(lines)
        time.sleep(0.3)
        _, made = engine.publish()
        began = time.monotonic()
        for line in lines:
            if line.startswith("data:"):
                heard.append((json.loads(line[5:])["generation"], time.monotonic() - began))
                break
    assert heard[0][0] == made.generation
    assert heard[0][1] < 2


def test_a_listener_that_does_not_keep_up_is_cut_off_and_the_others_are_not(engine):
    import asyncio

    from seeding_platform.service.bulletin import Listener
    from seeding_platform.storage.delivery.records import EngineEvent

    async def listen():
        slow, quick = Listener("t1", [ENGINE]), Listener("t1", [ENGINE])
        for seq in range(1, MOST_WAITING + 2):
            event = EngineEvent(
                seq=seq, tenant="t1", engine=ENGINE, event="release", generation=seq, content_id="", reason=None, instead=None, at=NOW
            )
            slow.offer(event)
            quick.offer(event)
            assert (await quick.next(1)).seq == seq
        return slow.cut, quick.cut

    assert asyncio.run(listen()) == (True, False)


def test_the_worker_delivers_what_another_process_built_and_stops_at_once(service, engine):
    from seeding_platform.distribution.delivery.standing import registered
    from seeding_platform.storage.delivery.records import EndpointKind
    from seeding_platform_tests.distribution.delivery.receiver import Receiver

    receiver = Receiver(clock=engine.inside.now)
    delivering = engine.inside.delivering
    object.__setattr__(engine.inside, "settings", engine.inside.settings.model_copy(update={"private_addresses": True}))
    _, receiver.secret = registered(
        delivering.publisher, "t1", ENGINE, kind=EndpointKind.HTTP, target=receiver.url, endpoint_id="ep_1", actor="t", now=engine.inside.now(),
        private=True,
    )  # fmt: skip
    delivering.start()
    try:
        made = build(engine.root)
        until = time.monotonic() + 10
        while not any(d.state == DeliveryState.ACKNOWLEDGED for d in delivering.publisher.queue.some()) and time.monotonic() < until:
            time.sleep(0.02)
        assert receiver.active.content_id == made.content_id
    finally:
        began = time.monotonic()
        delivering.stop()
        took = time.monotonic() - began
        receiver.close()
    assert took < 2


def test_who_hears_nothing_knows_from_where_to_go_on(service, engine):
    engine.publish()
    first = service.get(f"{AT}/stream?seconds=0.1", headers=engine.key).text
    newest = engine.inside.delivering.publisher.events.span()[1]
    assert f"id: {newest}\n\n" in first
    engine.publish(3)
    heard = events(service.get(f"{AT}/stream?since={newest}&seconds=0.2", headers=engine.key).text)
    assert [json.loads(e["data"])["generation"] for e in heard if "data" in e] == [2]


def test_a_socket_that_is_hung_up_is_no_listener_any_more(served, engine):
    listeners = engine.inside.delivering.bulletin._listeners
    with connect(f"{served.replace('http', 'ws', 1)}/api/v1/engines/stream", additional_headers=engine.key) as socket:
        socket.send(json.dumps({"engines": [ENGINE]}))
        assert wait(lambda: len(listeners) == 1)
    assert wait(lambda: not listeners)


def test_a_first_message_that_is_no_text_is_malformed(served, engine):
    with connect(f"{served.replace('http', 'ws', 1)}/api/v1/engines/stream", additional_headers=engine.key) as socket:
        socket.send(b"\x00")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=5)
    assert closed.value.rcvd.code == 4400


def wait(until):
    ends = time.monotonic() + 10
    while not until() and time.monotonic() < ends:
        time.sleep(0.01)
    return until()
