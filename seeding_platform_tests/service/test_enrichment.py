"""Enrichment over the API: who sees what, what is taken and refused, and that what people do has happened."""

import dataclasses
import datetime as dt
import json
from html import escape
from urllib.parse import quote

import pytest

from seeding_platform.enrichment.lines import AT_ONCE
from seeding_platform.errors import BusyError
from seeding_platform.service.context import Service
from seeding_platform.service.enriching import Sent
from seeding_platform.service.pages.enrichment_shown import address
from seeding_platform.service.runs import NoSuchRun
from seeding_platform.storage.enrichment.states import Completed, ErrorClass, Failed, Record, Stage
from seeding_platform.storage.enrichment.versions import Versions
from seeding_platform_tests.enrichment.test_working import Scripted, answer
from seeding_platform_tests.service.pages import Pages

BASE = "/api/v1/enrichment/default"
ORDER, CLASSES, RESOLUTION = map(str, Stage)


def line(name="X-1", kind="exception", **facts) -> str:
    return json.dumps({"record_type": kind, "record_id": name, "description": "it came late", **facts})


def sent(service, *lines, role="analyst"):
    return service.post(f"{BASE}/records", content="\n".join(lines), headers=service.key(role) | {"content-type": "application/x-ndjson"})


@pytest.fixture
def house(service, monkeypatch):
    made = service.app.state.service.enrichment
    monkeypatch.setattr(Service, "enrichment", property(lambda _: made))
    made.provider = lambda _: Scripted()
    return made


@pytest.fixture
def worked(service, house):
    """Three records: one through all stages, one unsure, one dead."""
    told = {(CLASSES, "unsure"): lambda q: answer(q, confidence=0.4), "dead": lambda _: (_ for _ in ()).throw(PermissionError)}
    house.provider = lambda _: Scripted(does=told)
    assert sent(service, *map(line, ("good", "unsure", "dead"))).status_code == 202
    house.worked()
    claims = house.store.records("default", stage=ORDER, status="failed")
    assert [r.record_id for r in claims] == ["dead"]
    return service


def test_another_tenant_is_not_there_whoever_asks(service):
    for tenant in ("other", "../default", "%2e%2e%2fdefault", "Default", "default ", "d" * 70, "'; drop table"):
        for role in ("viewer", "admin"):
            for path in ("health", "records", "records/order/1"):
                found = service.get(f"/api/v1/enrichment/{tenant}/{path}", headers=service.key(role))
                assert found.status_code in (404, 422), (tenant, path)
                assert "figures" not in found.text
    of_installation = service.key("admin", "")
    assert service.get(f"{BASE}/health", headers=of_installation).status_code == 404
    assert service.post("/api/enrichment/process/other", headers=service.key("admin")).status_code == 404
    assert service.runs.asked == []


def test_lines_are_taken_in_and_what_is_no_record_is_told_by_its_line(service, house):
    body = ['{"record_type": "exception"}', line("a"), "no json", line("b/1", "order", status="paid"), "", "x" * 1_100_000, line("c")]
    done = sent(service, *body)
    assert done.status_code == 202
    assert {k: done.json()[k] for k in ("new", "changed", "unchanged", "refused")} == {"new": 3, "changed": 0, "unchanged": 0, "refused": 3}
    assert [r["line"] for r in done.json()["refused_lines"]] == [1, 3, 6]
    assert "no json" not in done.text
    assert sent(service, line("a"), line("c", description="another")).json() | {"refused_lines": []} == {
        "new": 0, "changed": 1, "unchanged": 1, "refused": 0, "refused_lines": []
    }  # fmt: skip
    nothing = sent(service, "no json")
    assert (nothing.status_code, nothing.json()["code"], nothing.json()["refused_lines"][0]["line"]) == (422, "no-records", 1)
    assert sent(service, "").status_code == 422
    assert sent(service, line("a"), role="viewer").status_code == 403
    found = service.get(f"{BASE}/records/order/b/1", headers=service.key())
    assert (found.status_code, found.json()["payload"]["status"]) == (200, "paid")


def test_a_body_is_held_a_piece_at_a_time_and_numbered_as_a_whole(service, house):
    lines, many = Sent(service.app.state.service, "default"), 30
    body = "\n".join([line(f"r{n}", note="y" * 200_000) if n != 25 else "wrong" for n in range(many)]).encode()
    flushed = 0
    for begin in range(0, len(body), 65_536):
        if lines.add(body[begin : begin + 65_536]):
            lines.flush()
            flushed += 1
        assert lines.held < AT_ONCE + 2_000_000
    told = lines.done()
    assert flushed >= 1
    assert (told["new"], [r["line"] for r in told["refused_lines"]]) == (many - 1, [26])


def test_a_body_beyond_the_limit_is_refused_while_it_is_read(service):
    def pieces():
        for _ in range(301):
            yield b"x" * 1_000_000

    assert service.post(f"{BASE}/records", content=pieces(), headers=service.key("analyst")).status_code == 413


def test_how_it_stands_is_told(worked):
    viewer = worked.key()
    health = worked.get(f"{BASE}/health", headers=viewer).json()
    assert (health["status"], health["alerts"], health["pauses"]) == ("healthy", [], [])
    assert health["figures"]["enrichment_backlog_size"]["value"] == 1
    report = worked.get(f"{BASE}/report?lang=nl&period=weekly", headers=viewer).json()
    assert report["kind"] == "weekly"
    assert report["now"]["came"] == 3
    assert "verrijking" in report["text"].lower()
    backlog = worked.get(f"{BASE}/backlog", headers=viewer).json()
    assert [c["stage"] for c in backlog["stages"]] == [ORDER, CLASSES, RESOLUTION]
    for c in backlog["stages"]:
        assert c["ingested"] == c["completed"] + c["skipped"] + c["dead"] + c["due"] + c["leased"]
    for what in ("health", "backlog"):
        assert worked.get(f"/api/enrichment/{what}/default", headers=viewer).json().keys() == (health if what == "health" else backlog).keys()
    assert worked.get("/api/enrichment/report/default", headers=viewer).json()["kind"] == "daily"
    assert worked.get(f"{BASE}/comparison", headers=viewer).json() == {"shared": False, "figures": []}


def test_nothing_is_called_healthy_where_there_is_nothing(service):
    assert service.get(f"{BASE}/health", headers=service.key()).json()["status"] == "nothing"


def test_records_are_paged_and_filtered(worked):
    def names(query=""):
        found = worked.get(f"{BASE}/records?{query}", headers=worked.key())
        assert found.status_code == 200, found.text
        return [r["record_id"] for r in found.json()["records"]], found.json()["next"]

    assert names() == (["dead", "good", "unsure"], None)
    assert names("limit=2") == (["dead", "good"], "exception:good")
    assert names("limit=2&after=exception:good") == (["unsure"], None)
    assert names("status=failed") == (["dead"], None)
    assert names(f"stage={RESOLUTION}&status=skipped") == (["unsure"], None)
    assert names("begins=go") == (["good"], None)
    assert worked.get(f"{BASE}/records?after=nonsense", headers=worked.key()).status_code == 422
    assert worked.get(f"{BASE}/records?status=fine", headers=worked.key()).status_code == 422
    assert worked.get(f"{BASE}/records/exception/nobody", headers=worked.key()).status_code == 404


def test_the_story_of_a_record_is_whole(worked):
    story = worked.get(f"{BASE}/records/exception/good", headers=worked.key()).json()
    assert [(s["stage"], s["status"]) for s in story["stages"]] == [(ORDER, "completed"), (CLASSES, "completed"), (RESOLUTION, "completed")]
    assert story["stages"][1]["output"]["ai_label"] == "late_delivery"
    assert [a["outcome"] for a in story["attempts"]] == ["completed"] * 3
    assert [a["mode"] for a in story["actions"]] == ["dry_run"]


def died(service, house):
    sent(service, line("lost"))
    now = house.bench.now()
    [claim] = house.store.claim(ORDER, owner="w", limit=9, lease=dt.timedelta(minutes=1), now=now)
    house.store.fail([Failed(ref=claim.ref, fence=claim.fence, error=ErrorClass.CONTENT_PERMANENT, message="too long", due_at=None)], now=now)


def test_dead_letters_are_listed_and_brought_back_only_when_it_is_meant(service, house):
    died(service, house)
    operator = service.key("operator")
    listed = service.get(f"{BASE}/dead-letters", headers=operator).json()["dead_letters"]
    assert [(d["record_id"], d["stage"], d["error"]) for d in listed] == [("lost", ORDER, "content_permanent")]
    tried = service.post(f"{BASE}/dead-letters/redrive", json={}, headers=operator).json()
    assert (tried["dry_run"], tried["redriven"]) == (True, 1)
    none = {"error": "transient", "dry_run": False}, {"records": [["exception", "other"]], "dry_run": False}, {"stage": CLASSES, "dry_run": False}
    for wanted in none:
        assert service.post(f"{BASE}/dead-letters/redrive", json=wanted, headers=operator).json()["redriven"] == 0
    assert service.get(f"{BASE}/dead-letters", headers=operator).json()["dead_letters"] == listed
    done = service.post(f"{BASE}/dead-letters/redrive", json={"dry_run": False, "records": [["exception", "lost"]]}, headers=operator)
    assert done.json()["records"] == [{"record_type": "exception", "record_id": "lost", "stage": ORDER}]
    assert service.get(f"{BASE}/dead-letters", headers=operator).json()["dead_letters"] == []
    recorded = [r.event for r in service.app.state.service.trail.log.newest(limit=20)]
    [event] = [e for e in recorded if e.detail.get("dry_run") is False and e.detail.get("redriven") == 1]
    assert event.action == "POST /api/v1/enrichment/{tenant}/dead-letters/redrive"


def test_the_list_of_dead_letters_and_their_redrive_have_one_filter(service, house):
    now = house.bench.now()
    ages = {"old": (200, CLASSES, ErrorClass.TRANSIENT), "day": (30, CLASSES, ErrorClass.INVALID_OUTPUT), "new": (0.5, ORDER, ErrorClass.TRANSIENT)}
    for name, (hours, stage, error) in ages.items():
        sent(service, line(name))
        at = now - dt.timedelta(hours=hours)
        for one in [ORDER, CLASSES][: 1 + (stage == CLASSES)]:
            [claim] = house.store.claim(one, owner="w", limit=9, lease=dt.timedelta(minutes=1), now=house.bench.now())
            if one == stage:
                house.store.fail([Failed(ref=claim.ref, fence=claim.fence, error=error, message="no", due_at=None)], now=at)
            else:
                output = {"problems": [], "severity": "none", "confidence": 0.9}
                house.store.complete([Completed(ref=claim.ref, fence=claim.fence, output=output, confidence=0.9)], now=at)
    operator = service.key("operator")
    for wanted, expected in (
        ({}, {"old", "day", "new"}),
        ({"older_hours": 24}, {"old", "day"}),
        ({"younger_hours": 48}, {"day", "new"}),
        ({"older_hours": 1, "younger_hours": 48}, {"day"}),
        ({"older_hours": 1, "error": "transient"}, {"old"}),
        ({"younger_hours": 48, "stage": ORDER}, {"new"}),
        ({"younger_hours": 0}, set()),
    ):
        listed = service.get(f"{BASE}/dead-letters", params=wanted, headers=operator).json()["dead_letters"]
        tried = service.post(f"{BASE}/dead-letters/redrive", json=wanted, headers=operator).json()
        assert {d["record_id"] for d in listed} == {d["record_id"] for d in tried["records"]} == expected, wanted
        assert tried["dry_run"]
    for wrong in ({"older_hours": -1}, {"older_hours": "inf"}, {"younger_hours": "soon"}):
        assert service.get(f"{BASE}/dead-letters", params=wrong, headers=operator).status_code == 422
        assert service.post(f"{BASE}/dead-letters/redrive", json=wrong, headers=operator).status_code == 422
    done = service.post(f"{BASE}/dead-letters/redrive", json={"older_hours": 24, "error": "transient", "dry_run": False}, headers=operator)
    assert [r["record_id"] for r in done.json()["records"]] == ["old"]
    assert {d["record_id"] for d in service.get(f"{BASE}/dead-letters", headers=operator).json()["dead_letters"]} == {"day", "new"}


def test_a_record_is_cancelled_and_nothing_but_its_input_brings_it_back(service, house):
    sent(service, line("a"))
    operator, url = service.key("operator"), f"{BASE}/records/exception/a"
    assert service.post(f"{url}/cancel", json={}, headers=operator).status_code == 422
    done = service.post(f"{url}/cancel", json={"reason": "sent twice"}, headers=operator)
    assert done.json() == {"cancelled": [ORDER, CLASSES, RESOLUTION]}
    assert service.post(f"{url}/cancel", json={"reason": "again"}, headers=operator).status_code == 409
    assert service.post(f"{url}/again", json={}, headers=operator).status_code == 409
    judged = service.post(f"{BASE}/reviews/exception/a", json={"label": "damaged", "reason": "dead"}, headers=operator)
    assert judged.status_code == 409
    assert sum(house.worked().moved.values()) == 0
    sent(service, line("a", description="now it is lost"))
    assert house.worked().moved["default"] == 3


def test_a_stage_is_done_anew_and_its_action_is_not_repeated(worked, house):
    url, operator = f"{BASE}/records/exception/good", worked.key("operator")
    assert worked.post(f"{url}/again", json={"stage": CLASSES}, headers=operator).json() == {"stage": CLASSES}
    assert worked.post(f"{url}/again", json={"stage": CLASSES}, headers=operator).status_code == 409  # it waits already
    house.worked()
    story = worked.get(url, headers=operator).json()
    assert story["stages"][1]["reasked"] == 1
    assert len([a for a in story["attempts"] if a["stage"] == CLASSES and a["outcome"] == "completed"]) == 2
    assert len(story["actions"]) == 1
    assert worked.post(f"{BASE}/records/exception/nobody/again", json={}, headers=operator).status_code == 404


def test_a_replay_shows_what_differs_and_changes_nothing(worked, house):
    url, operator = f"{BASE}/records/exception/good", worked.key("operator")
    before = worked.get(url, headers=operator).json()
    house.provider = lambda _: Scripted(does={"good": lambda q: answer(q) | {"ai_label": "damaged", "ai_confidence": 0.8}})
    told = worked.post(f"{url}/replay", json={"stage": CLASSES}, headers=operator).json()
    assert told["why"] == ""
    assert told["differing"] == [
        {"field": "ai_label", "old": "late_delivery", "new": "damaged"}, {"field": "ai_confidence", "old": 0.9, "new": 0.8}
    ]  # fmt: skip
    house.provider = lambda _: Scripted(does={"good": lambda q: answer(q) | {"ai_label": None}})
    broken = worked.post(f"{url}/replay", json={"stage": CLASSES}, headers=operator).json()
    assert (broken["new"], broken["differing"]) == (None, [])
    assert "ai_label" in broken["why"]
    assert worked.get(url, headers=operator).json() == before
    early = worked.post(f"{BASE}/records/exception/dead/replay", json={"stage": CLASSES}, headers=operator)
    assert (early.status_code, early.json()["code"]) == (409, "nothing-to-ask-with")


def test_what_a_person_says_holds_and_opens_the_next_stage(worked, house):
    analyst = worked.key("analyst")
    assert worked.get(f"{BASE}/reviews", headers=analyst).json() == {"reviews": [], "next": None}  # a day has not gone by
    url = f"{BASE}/reviews/exception/unsure"
    assert worked.post(url, json={"label": "nonsense", "reason": "low_confidence"}, headers=analyst).status_code == 422
    assert worked.post(url, json={"label": "damaged", "reason": "mood"}, headers=analyst).status_code == 422
    said = worked.post(url, json={"label": "damaged", "reason": "low_confidence"}, headers=analyst)
    assert (said.status_code, said.json()["machine_label"], said.json()["actor"]) == (201, "late_delivery", "analystdefault")
    house.worked()
    story = worked.get(f"{BASE}/records/exception/unsure", headers=analyst).json()
    assert [(s["label"], s["status"]) for s in story["stages"]][1:] == [("damaged", "completed"), (None, "completed")]
    assert worked.post(f"{BASE}/samples", json={"share": 1}, headers=analyst).status_code == 403
    assert worked.post(f"{BASE}/samples", json={"share": 1}, headers=worked.key("steward")).json() == {"drawn": 1}
    assert [(r["record_id"], r["reason"]) for r in worked.get(f"{BASE}/reviews", headers=analyst).json()["reviews"]] == [("good", "sample")]


def test_a_pause_holds_what_it_names_and_ends(service, house):
    sent(service, line("a"))
    operator = service.key("operator")
    made = service.post(f"{BASE}/pauses", json={"reason": "the model is being looked at", "stage": CLASSES}, headers=operator)
    assert (made.status_code, made.json()["actor"]) == (201, "operatordefault")
    house.worked()
    assert [c.due for c in house.store.counts("default", now=house.bench.now())] == [0, 1, 1]
    assert [p["stage"] for p in service.get(f"{BASE}/health", headers=operator).json()["pauses"]] == [CLASSES]
    assert service.delete(f"{BASE}/pauses", headers=operator).status_code == 404
    assert service.delete(f"{BASE}/pauses?stage={CLASSES}", headers=operator).status_code == 204
    assert house.worked().moved == {"default": 2}


def test_work_is_asked_for_once(service, house):
    headers = service.key("operator") | {"Idempotency-Key": "k1"}
    first = service.post(f"{BASE}/process", headers=headers)
    assert (first.status_code, first.json()) == (202, {"run_id": "run1"})
    assert service.post("/api/enrichment/process/default", headers=headers).json() == first.json()
    assert service.runs.asked == ["enrich"]
    assert service.get(first.headers["location"], headers=headers).status_code == 200

    def refused(error):
        def start(event, *, tenant):
            raise error

        return start

    service.runs.start = refused(BusyError("Run x is under way.", fix="Wait."))
    assert service.post(f"{BASE}/process", headers=service.key("operator")).status_code == 409
    service.runs.start = refused(NoSuchRun("enrich"))
    answer_ = service.post(f"{BASE}/process", headers=service.key("operator"))
    assert (answer_.status_code, answer_.json()["code"]) == (503, "runs-not-accepted")


def test_versions_are_told_and_put_in_force_by_stewards(service, house):
    versions, now = Versions(house.bench.state), house.bench.now()
    versions.put("default", CLASSES, "m1|p", "live", report={}, now=now)
    versions.put("default", CLASSES, "m2|p", "refused", report={"n": 40}, now=now)
    steward = service.key("steward")
    assert {v["version"]: v["state"] for v in service.get(f"{BASE}/versions", headers=steward).json()} == {"m1|p": "live", "m2|p": "refused"}
    wanted = {"version": "m2|p", "state": "candidate", "share": 0.2, "reason": "to see"}
    assert service.post(f"{BASE}/versions/{CLASSES}", json=wanted, headers=steward).json()["share"] == 0.2
    [candidate] = [v for v in service.get(f"{BASE}/versions", headers=steward).json() if v["version"] == "m2|p"]
    assert (candidate["beside_live"]["accuracy"], candidate["report"]["reason"]) == ("too_few", "to see")
    done = service.post(f"{BASE}/versions/{CLASSES}", json=wanted | {"state": "live"}, headers=steward)
    assert done.json()["state"] == "live"
    assert versions.live("default", CLASSES) == "m2|p"
    assert service.post(f"{BASE}/versions/{CLASSES}", json=wanted | {"version": "m9|p"}, headers=steward).status_code == 404
    assert service.post(f"{BASE}/versions/{CLASSES}", json=wanted, headers=service.key("operator")).status_code == 403


def test_figures_are_shared_when_somebody_says_so(service, house):
    steward = service.key("steward")
    assert service.post(f"{BASE}/comparison/sharing", json={"shared": True}, headers=steward).json() == {"shared": True}
    assert service.get(f"{BASE}/comparison", headers=steward).json() == {"shared": True, "figures": []}


def test_pages_hear_of_it(service, house):
    live = service.app.state.service.live
    sent(service, line("a"))
    house.worked()
    assert [(e.kind, e.body["event"]) for e in live.after(0, tenant="default")] == [("enrichment", "taken"), ("enrichment", "pass")]
    assert live.after(0, tenant="other") == []


ODD = ("X-1/again", "X-1/replay/cancel", "/", "a//b/", "..", "=x", "a\nb", "end\n", "?a=1#b", "50% off", "é ☃", "l" * 900)


def known_as(house, *names):
    records = [Record(tenant="default", record_type="order", record_id=n, payload={"order_id": n}, input_hash="h") for n in ("X-1", *names)]
    house.store.intake(records, now=house.bench.now())


def where(name):
    return f"{BASE}/records/order/{quote(name, safe='').replace('.', '%2E')}"


def test_whatever_a_record_is_called_it_is_reached(service, house):
    known_as(house, *ODD)
    operator = service.key("operator")
    for name in ODD:
        told = service.get(where(name), headers=operator)
        assert (told.status_code, told.json().get("record_id")) == (200, name)
        asked = service.post(f"{where(name)}/replay", json={}, headers=operator)
        assert (asked.status_code, asked.json()["new"]["record_id"]) == (200, name)
    page = Pages(service, "operator")
    for name in ODD:
        assert f"Order {escape(name)}</h1>" in page.get(address("en", "order", name))


@pytest.mark.parametrize("name", ["X-1/cancel", "a\nb/replay"])
def test_whatever_a_record_is_called_things_are_done_about_it(service, house, name):
    known_as(house, name)
    operator, url = service.key("operator"), where(name)
    house.worked()
    assert service.post(f"{url}/again", json={"stage": CLASSES}, headers=operator).status_code == 202
    judged = service.post(url.replace("/records/", "/reviews/"), json={"label": "damaged", "reason": "sample"}, headers=operator)
    assert (judged.status_code, judged.json()["record_id"]) == (201, name)
    assert service.post(f"{url}/cancel", json={"reason": "sent twice"}, headers=operator).json() == {"cancelled": [RESOLUTION]}
    assert house.store.story("default", "order", "X-1").record.withdrawn_at is None
    assert "nothing is unfinished" in Pages(service, "operator").send(address("en", "order", name), step="cancel").text


def test_a_deed_is_asked_for_by_post_alone(service, house):
    sent(service, line("a"))
    told = service.get(f"{BASE}/records/exception/a/cancel", headers=service.key())
    assert (told.status_code, told.headers["allow"]) == (405, "POST")


PROMPT = {"version": "2", "text": "You recommend one action for one exception, with care."}


def test_another_prompt_or_model_is_tried_and_put_in_force(service, house, monkeypatch):
    house.provider = None
    settings = house.bench.settings.model_copy(update={"ai_url": "http://127.0.0.1:1/v1", "ai_model": "small"})
    monkeypatch.setattr(house.bench, "settings", settings)
    versions, now, steward, url = Versions(house.bench.state), house.bench.now(), service.key("steward"), f"{BASE}/versions/{RESOLUTION}"
    sent(service, line("a"))
    house.refreshed()
    live = versions.live("default", RESOLUTION)
    setup = {"model": "large", "prompt": PROMPT, "providers": ["openai"]}
    wanted = {"setup": setup, "state": "candidate", "share": 0.5, "reason": "to see"}
    done = service.post(url, json=wanted, headers=steward)
    assert done.status_code == 200, done.text
    version = done.json()["version"]
    assert (version.startswith("large|2-"), versions.live("default", RESOLUTION)) == (True, live)
    candidate, share = house.candidate("default", RESOLUTION)
    assert (candidate.version_of(RESOLUTION), share, house.candidate("default", CLASSES)) == (tuple(version.split("|")), 0.5, None)
    [told] = [v for v in service.get(f"{BASE}/versions", headers=steward).json() if v["state"] == "candidate"]
    assert (told["report"]["setup"], told["beside_live"]["answered"]) == (setup, 0)
    lived = service.post(url, json={"version": version, "state": "live", "reason": "it does better"}, headers=steward)
    assert lived.status_code == 200
    fresh = dataclasses.replace(house)
    assert fresh.refreshed() == [], "what a person has put in force stays"
    assert fresh.provider_of("default").version_of(RESOLUTION) == tuple(version.split("|"))
    assert fresh.provider_of("default").version_of(CLASSES)[0].startswith("offline:")
    assert service.post(url, json={"version": live, "state": "live", "reason": "back"}, headers=steward).status_code == 200
    assert "|".join(dataclasses.replace(house).provider_of("default").version_of(RESOLUTION)) == live
    assert versions.all("default")[0]["at"] >= now


@pytest.mark.parametrize(("wanted", "status"), [
    ({"setup": {}}, 422), ({"setup": {"providers": ["nobody"]}}, 422), ({"setup": {"providers": ["openai"]}}, 422),
    ({"setup": {"classifier": "3"}}, 422), ({"setup": {"providers": ["offline"]}}, 409), ({}, 422), ({"setup": {"model": "a|b"}}, 422),
    ({"setup": {"model": "m"}, "version": "m|p"}, 422), ({"setup": {"model": "m"}, "state": "live"}, 422),
])  # fmt: skip
def test_a_setup_that_is_none_is_refused(service, house, wanted, status):
    house.provider = None
    sent(service, line("a"))
    house.refreshed()
    asked = {"state": "candidate", "share": 0.5, "reason": "to see"} | wanted
    told = service.post(f"{BASE}/versions/{RESOLUTION}", json=asked, headers=service.key("steward"))
    assert told.status_code == status, told.text
    assert not [v for v in Versions(house.bench.state).all("default") if v["state"] == "candidate"]


def test_what_is_right_of_another_stage_is_kept_and_moves_nothing(worked):
    url, analyst = f"{BASE}/reviews/exception/good", worked.key("analyst")
    before = worked.get(f"{BASE}/records/exception/good", headers=analyst).json()
    said = worked.post(url, json={"label": "unpaid+overdue", "stage": ORDER, "reason": "sample"}, headers=analyst)
    assert (said.status_code, said.json()["label"], said.json()["machine_label"]) == (201, "overdue+unpaid", "overdue")
    assert (
        worked.post(url, json={"label": "reship", "stage": RESOLUTION, "reason": "sample"}, headers=analyst).json()["machine_label"]
        == "notify_customer"
    )
    for stage, label in ((ORDER, "reship"), (ORDER, "none+overdue"), (RESOLUTION, "damaged"), (RESOLUTION, "none")):
        assert worked.post(url, json={"label": label, "stage": stage, "reason": "sample"}, headers=analyst).status_code == 422
    after = worked.get(f"{BASE}/records/exception/good", headers=analyst).json()
    assert [label["stage"] for label in after["labels"]] == [ORDER, RESOLUTION]
    assert {**after, "labels": []} == before
    assert (
        worked.post(f"{BASE}/reviews/exception/none", json={"label": "none", "stage": ORDER, "reason": "sample"}, headers=analyst).status_code == 404
    )
