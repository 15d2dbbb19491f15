"""The audit log as a page: newest first, by its filters, a page at a time; one event whole; verified by an admin, told when it is broken."""

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from seeding_platform.service.pages.audit import action_said
from seeding_platform.service.pages.render import words
from seeding_platform.storage.audit import Event
from seeding_platform.storage.schema import audit_events
from seeding_platform_tests.service.pages import Pages

START = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def trail(service):
    """A log of 120 events of four days, by two actors."""
    found = service.app.state.service.trail
    events = [
        Event(
            at=START + dt.timedelta(hours=n % 96), tenant="default", actor=f"k{n % 2}", action=f"room{n % 3}.did", subject=f"thing{n}",
            outcome=("ok", "refused", "failed")[n % 3],
        )
        for n in range(120)
    ]  # fmt: skip
    found.record(*events)
    return found


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r'href="/en/audit/(\d+)"', text)]


def test_the_newest_first_and_a_page_at_a_time(service, trail):
    pages = Pages(service)
    seen, address = [], "/en/audit?action=room"
    while address:
        text = pages.get(address)
        seen += numbers(text)
        older = re.search(r'href="(\?[^"]*before=\d+)"', text)
        address = f"/en/audit{older[1].replace('&amp;', '&')}" if older else ""
        assert "action=room" in address or not address, "filters stay in the address"
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 120


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("by=k1&action=room", lambda e: e.actor == "k1"),
        ("outcome=refused&action=room", lambda e: e.outcome == "refused"),
        ("action=room2.&outcome=", lambda e: e.action == "room2.did"),
        ("from=2026-11-02&to=2026-11-02&action=room", lambda e: e.at.date() == dt.date(2026, 11, 2)),
        ("from=2026-11-04&action=room", lambda e: e.at.date() >= dt.date(2026, 11, 4)),
    ],
)
@pytest.mark.long
def test_filters_are_in_the_address(service, trail, query, wanted):
    pages = Pages(service)
    expected = [r.seq for r in trail.log.newest(limit=500) if r.event.action.startswith("room") and wanted(r.event)]
    assert 0 < len(expected) < 120
    assert numbers(pages.get(f"/en/audit?{query}")) == expected[:25]
    by_api = service.get(f"/api/v1/audit?limit=500&{query}", headers=service.key("steward")).json()["items"]
    assert [e["seq"] for e in by_api] == expected


@pytest.mark.parametrize(("query", "said"), [("from=yesterday", "Write a day as"), ("from=2026-11-03&to=2026-11-01", "lies before the other")])
def test_a_wrong_day_comes_back_with_its_message(service, trail, query, said):
    text = Pages(service).get(f"/en/audit?action=room1&{query}", status=422)
    assert said in text
    assert 'value="room1"' in text
    assert 'aria-invalid="true"' in text
    assert numbers(text) == []


def test_an_empty_list_says_why(service, trail):
    pages = Pages(service)
    assert "No event fits" in pages.get("/en/audit?by=nobody")
    assert "Toon alles" in pages.get("/nl/audit?by=nobody")


@pytest.mark.long
def test_one_event_whole(service, trail):
    pages = Pages(service)
    seq = numbers(pages.get("/en/audit?action=room1.did"))[0]
    text = pages.get(f"/en/audit/{seq}")
    told = next(trail.log.between(seq, seq))
    for said in ("room1.did", told.event.subject, told.mac, "It is as it was written", "No seal covers it yet"):
        assert said in text
    trail.seal(now=START)
    assert "A seal covers it" in pages.get(f"/en/audit/{seq}")
    pages.get("/en/audit/99999", status=404)


def test_it_is_verified_now_and_said_in_words(service, trail):
    service.app.state.watch.due()
    admin = Pages(service, "admin")
    assert "All 121 events" not in admin.get("/en/audit")
    done = admin.send("/en/audit")
    assert (done.status_code, done.headers["location"]) == (303, "/en/audit#seals")
    text = admin.get("/en/audit")
    assert "are as they were written" in text
    assert "by test" in text, "the key is called by its label"
    assert "kloppen" in admin.get("/nl/audit")
    last = service.get("/api/v1/audit/seals", headers=service.key("steward")).json()
    assert (last["verified"]["found"]["ok"], last["verified"]["actor"], last["seals"]) == (True, "admindefault", 1)


@pytest.mark.long
def test_a_broken_log_is_told_on_the_page_and_on_the_overview(service, trail):
    trail.seal(now=START)
    with service.app.state.service.state.engine.begin() as connection:
        connection.execute(sa.update(audit_events).where(audit_events.c.seq == 7).values(actor="somebody"))
        connection.execute(sa.delete(audit_events).where(audit_events.c.seq == 9))
    service.app.state.watch.verify_daily()
    text = Pages(service).get("/en/audit")
    assert "The log is not as it was written" in text
    assert "Event 7 is the first" in text
    assert "Missing: 9." in text
    assert "altered" in Pages(service).get("/en/audit?action=room0.did&by=somebody")
    assert "The audit log is not as it was written" in Pages(service).get("/en/overview")
    assert 'href="/nl/audit#seals"' in Pages(service).get("/nl/overview")
    assert "audit log" not in service.get("/en/overview", headers=service.key("operator")).text


def test_it_is_verified_once_a_day_by_itself(service, trail):
    watch = service.app.state.watch
    watch.verify_daily()
    watch.verify_daily()
    found = trail.log.newest(tenant="", action="audit.verify")
    assert [r.event.actor for r in found] == ["service"]


def test_a_changed_verification_does_not_hide_that_the_log_is_broken(service, trail):
    trail.verified(actor="k", now=START)
    with service.app.state.service.state.engine.begin() as connection:
        connection.execute(sa.update(audit_events).where(audit_events.c.action == "audit.verify").values(body="{}"))
    told = service.get("/api/v1/audit/seals", headers=service.key("steward")).json()["verified"]["found"]
    assert (told["ok"], told["first_bad"]) == (False, trail.last_verified().seq)


def test_who_may_look_and_who_may_verify(service, trail):
    assert service.get("/en/audit", headers=service.key("operator")).status_code == 403
    steward = Pages(service)
    assert "Verify now" not in steward.get("/en/audit")
    assert steward.send("/en/audit").status_code == 403
    assert trail.last_verified() is None


def test_other_tenants_and_the_installation(service, trail):
    trail.record(Event(at=START, tenant="", actor="cli", action="table.restore", subject="clean/orders"))
    seq = trail.log.last()
    theirs = Pages(service, "steward", "other")
    assert numbers(theirs.get("/en/audit?action=room")) == []
    theirs.get(f"/en/audit/{seq}", status=404)
    assert seq in numbers(Pages(service, "admin").get("/en/audit?action=table"))
    assert service.get(f"/api/v1/audit/{seq}", headers=service.key("steward")).status_code == 404
    assert service.get(f"/api/v1/audit/{seq}", headers=service.key("admin")).json()["subject"] == "clean/orders"


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_actions_are_said_in_words(lang):
    k = words(lang)["audit"]
    said = {a: action_said(a, k) for a in ("PUT /api/v1/settings/{name}", "POST /{lang}/privacy", "POST /api/v1/audit/verify", "audit.verify")}
    assert all(a not in words_of for a, words_of in said.items())
    assert action_said("room.unheard", k) == "room.unheard"
    assert action_said("POST /api/v1/unheard/{x}", k).endswith(": unheard")


@pytest.mark.parametrize("seq", ["9" * 30, str(2**63), "0", "-1"])
def test_a_number_that_no_event_has(service, seq):
    assert service.get(f"/en/audit/{seq}", headers=service.key("steward")).status_code == 422
