"""While nobody asks: an alert is told once for each time it is passed, a report at its hour; what cannot be sent is tried again."""

import datetime as dt
import http.server
import json
import socketserver
import threading

import pytest
from pydantic import SecretStr

from seeding_platform.service.watch import Watch
from seeding_platform_tests.monitoring.conftest import Mails
from seeding_platform_tests.service.conftest import LEARN


class Slack(http.server.BaseHTTPRequestHandler):
    """Takes messages; refuses as long as it is told to."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if self.server.broken else 200)
        self.end_headers()
        if not self.server.broken:
            self.server.got.append(json.loads(body)["text"])

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def outside():
    """(mail server, Slack), on the loopback."""
    servers = [socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mails), http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slack)]
    for server in servers:
        server.got, server.broken = [], False
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def watch(service, outside):
    """(watch, clock) of a service whose channels are set up."""
    mails, slack = outside
    shared = service.app.state.service
    shared.settings = shared.settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{mails.server_address[1]}"),
            "mail_from": "seeding@example.org",
            "slack_webhook": SecretStr(f"http://127.0.0.1:{slack.server_address[1]}/x"),
            "public_url": "https://figures.example.org",
        }
    )
    clock = {"now": dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)}
    shared.now = lambda: clock["now"]
    return Watch(shared), clock


def test_an_alert_is_mailed_once(service, watch, outside):
    mails, _ = outside
    body = {"metric": "spend", "operator": ">", "value": 1, "channel": "email", "target": "ann@example.org, bob@example.org"}
    assert service.post("/api/v1/alert-rules", json=body, headers=service.key("analyst")).status_code == 201
    for _ in range(3):
        watch[0].due()
    Watch(watch[0].service).due()  # a second service looks at the same
    (mail,) = mails.got
    assert "To: ann@example.org, bob@example.org" in mail
    assert "Subject: spend is above 1.00" in mail
    assert "https://figures.example.org" in mail
    (kept,) = service.get("/api/v1/messages", headers=service.key("analyst")).json()
    assert (kept["attempts"], kept["error"], kept["sent_at"] is None) == (1, "", False)
    assert service.get("/api/v1/messages", headers=service.key("analyst", "other")).json() == []


def test_what_is_worth_telling_is_worked_out_when_the_facts_change_and_not_before(service, watch, monkeypatch):
    asked = []
    monkeypatch.setattr(Watch, "learn", LEARN)
    monkeypatch.setattr(type(watch[0].service), "findings", lambda _, facts, *, wait=False: asked.append((facts.tenant, wait)))
    service.key("analyst")
    service.key("analyst", "nobody")
    for _ in range(3):
        watch[0].due()
    assert asked == [("default", True)]


def test_an_alert_that_does_not_hold_is_not_told(service, watch, outside):
    body = {"metric": "spend", "operator": "<", "value": 0, "channel": "slack"}
    service.post("/api/v1/alert-rules", json=body, headers=service.key("analyst"))
    watch[0].due()
    assert outside[1].got == []
    assert service.get("/api/v1/messages", headers=service.key("analyst")).json() == []


def test_a_report_goes_out_at_its_hour_and_again_the_next_day_only(service, watch, outside):
    body = {"title": "Morning", "questions": ["spend by platform last 7 days", "why did spend rise"], "channel": "slack", "at": "07:00"}
    assert service.post("/api/v1/reports", json=body, headers=service.key("analyst")).status_code == 201
    watch[0].due()
    assert outside[1].got == []  # it was made after today's seven o'clock
    watch[1]["now"] += dt.timedelta(hours=19, minutes=1)
    for _ in range(3):
        watch[0].due()
    (text,) = outside[1].got
    assert text.startswith("*Morning*")
    assert "Google" in text
    assert "Not understood" in text
    watch[1]["now"] += dt.timedelta(days=1)
    watch[0].due()
    assert len(outside[1].got) == 2


def test_what_cannot_be_sent_is_tried_again_and_arrives_once(service, watch, outside):
    slack = outside[1]
    slack.broken = True
    service.post("/api/v1/alert-rules", json={"metric": "spend", "operator": ">", "value": 1, "channel": "slack"}, headers=service.key("analyst"))
    watch[0].due()
    (kept,) = service.get("/api/v1/messages", headers=service.key("analyst")).json()
    assert (kept["attempts"], kept["sent_at"]) == (1, None)
    assert "500" in kept["error"]
    watch[0].due()
    assert service.get("/api/v1/messages", headers=service.key("analyst")).json()[0]["attempts"] == 1  # not before its time
    slack.broken = False
    watch[1]["now"] += dt.timedelta(seconds=31)
    watch[0].due()
    watch[0].due()
    assert len(slack.got) == 1


def test_what_happens_is_heard_by_those_who_listen_from_where_they_were(service, watch):
    key = service.key()
    service.runs.add("r", "running")
    watch[0].happened()
    watch[0].happened()
    service.runs.shown["r"] = service.runs.shown["r"].model_copy(update={"status": "succeeded"})
    watch[0].happened()
    text = service.get("/api/v1/events?seconds=0.1", headers={**key, "Last-Event-ID": "0"}).text
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    ids = [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")]
    assert names == ["snapshot", "run", "run"]
    later = service.get("/api/v1/events?seconds=0.1", headers={**key, "Last-Event-ID": ids[1]}).text
    assert later.count("event: run") == 1
    assert "event:" not in service.get("/api/v1/events?seconds=0.1", headers=key).text


def test_another_tenants_alert_is_not_heard(service, watch):
    service.post("/api/v1/alert-rules", json={"metric": "spend", "operator": ">", "value": 1}, headers=service.key("analyst", "other"))
    watch[0].due()
    heard = {t: service.get("/api/v1/events?seconds=0.1", headers={**service.key(tenant=t), "Last-Event-ID": "0"}).text for t in ("default", "other")}
    assert ("event: alert" in heard["default"], "event: alert" in heard["other"]) == (False, True)


def test_one_that_cannot_be_judged_holds_no_other(service, watch, outside):
    shared = service.app.state.service
    shared.kept.add("alert", {"metric": "spend", "operator": "from another version"}, tenant="default", actor="k", item_id="broken", now=shared.now())
    service.post("/api/v1/alert-rules", json={"metric": "spend", "operator": ">", "value": 1, "channel": "slack"}, headers=service.key("analyst"))
    watch[0].due()
    assert len(outside[1].got) == 1


def test_a_suspended_tenant_tells_nobody_anything_until_it_is_served_again(service, watch, outside):
    analyst, whole = service.key("analyst"), service.key("admin", "")
    service.post("/api/v1/alert-rules", json={"metric": "spend", "operator": ">", "value": 1, "channel": "slack"}, headers=analyst)
    body = {"title": "Morning", "questions": ["spend by platform last 7 days"], "channel": "slack", "at": "07:00"}
    assert service.post("/api/v1/reports", json=body, headers=analyst).status_code == 201
    assert service.post("/api/v1/tenants/default/suspend", json={"reason": "unpaid"}, headers=whole).status_code == 200
    for _ in range(3):
        watch[0].due()
        watch[1]["now"] += dt.timedelta(days=1)
    assert outside[1].got == []
    assert service.post("/api/v1/tenants/default/resume", json={"reason": "paid"}, headers=whole).status_code == 200
    watch[0].due()
    assert sorted(text.split("\n")[0].startswith("*Morning*") for text in outside[1].got) == [False, True], "one report, not one a day"
