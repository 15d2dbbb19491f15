"""Pages of privacy requests: deadlines, a request taken and carried out, and nothing that was typed in an address or shown again."""

import datetime as dt
import re

import pytest

from seeding_platform.governance.subject_rights.matcher import KNOWN, Identifier
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.service.pages.deadlines import clock
from seeding_platform.service.pages.privacy import KINDS, steps
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.storage.privacy import PrivacyRequest
from seeding_platform_tests.governance.test_subject_rights import NoModels
from seeding_platform_tests.service.pages import Pages
from seeding_platform_tests.service.test_privacy import JAN, lake_of

VALUE = "jan@planted.example"
NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


@pytest.fixture
def pages(service) -> Pages:
    return Pages(service)


def test_an_erasure_is_confirmed_carried_out_and_certified(service, pages):
    lake_of(service)
    asked = pages.send("/en/privacy", kind="erase", label="EMAIL", value=VALUE)
    assert asked.status_code == 200
    for said in ("Erase this person?", "What changes", "What stays", "Who is told", "clean/orders"):
        assert said in asked.text
    assert service.get("/api/v1/privacy/requests", headers=service.key("steward")).json() == [], "nothing is taken before it is confirmed"
    taken = pages.send("/en/privacy", kind="erase", label="EMAIL", value=VALUE, step="confirmed", request_id="p1")
    assert (taken.status_code, taken.headers["location"]) == (303, "/en/privacy/p1")
    waiting = pages.get("/en/privacy/p1")
    assert "No store has reported yet" in waiting
    assert "data-look-again" in waiting
    service.app.state.watch.answer_people()
    closed = pages.get("/en/privacy/p1")
    for said in ("The signature is ours and holds", "Replaced: 1", "Answered within a day", "/api/v1/privacy/requests/p1/certificate"):
        assert said in closed
    assert "data-look-again" not in closed
    assert VALUE not in closed + waiting + pages.get("/en/privacy")


def test_access_is_answered_with_stores_and_places(service, pages):
    lake_of(service)
    answer = pages.send("/nl/privacy", kind="access", label=["EMAIL", "PHONE"], value=[VALUE, ""])
    assert answer.status_code == 200
    assert "Tabellen" in answer.text
    assert "clean/orders" in answer.text
    assert VALUE not in answer.text
    assert [r["state"] for r in service.get("/api/v1/privacy/requests", headers=service.key("steward")).json()] == ["closed"]


def test_the_same_form_sent_twice_is_one_request(service, pages):
    lake_of(service)
    for _ in range(2):
        assert pages.send("/en/privacy", kind="erase", label="EMAIL", value=VALUE, step="confirmed", request_id="p1").status_code == 303
    assert len(service.get("/api/v1/privacy/requests", headers=service.key("steward")).json()) == 1
    other = pages.send("/en/privacy", kind="erase", label="EMAIL", value="an@planted.example", step="confirmed", request_id="p1")
    assert other.status_code == 409
    assert "has this number already" in other.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": "erase", "label": "EMAIL", "value": ""}, "at least one value"),
        ({"kind": "erase", "label": "EMAIL", "value": "x"}, "too short or too plain"),
        ({"kind": "erase", "label": "nonsense", "value": VALUE}, "Choose what this is"),
        ({"kind": "nonsense", "label": "EMAIL", "value": VALUE}, "Choose what the person asks for"),
    ],
)
def test_a_form_that_is_wrong_comes_back_as_typed(service, pages, typed, said):
    answer = pages.send("/en/privacy", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    if typed["value"]:
        assert f'value="{typed["value"]}"' in answer.text
    if typed["kind"] == "erase":
        assert 'aria-invalid="true" aria-describedby="v-0-e"' in answer.text
    assert service.get("/api/v1/privacy/requests", headers=service.key("steward")).json() == []


def test_more_rows_keep_what_was_typed(pages):
    answer = pages.send("/en/privacy", kind="erase", label=["EMAIL"] * 3, value=[VALUE, "", ""], step="more").text
    assert answer.count('name="value"') == 6
    assert f'value="{VALUE}"' in answer
    full = pages.send("/en/privacy", kind="erase", label=["EMAIL"] * 40, value=["v"] * 40, step="more").text
    assert full.count('name="value"') == 20
    assert 'value="more"' not in full


def test_only_stewards_and_only_from_a_page_of_ours(service, pages):
    refused = service.get("/en/privacy", headers=service.key("operator"))
    assert refused.status_code == 403
    assert "for the role steward" in refused.text
    foreign = service.post("/en/privacy", data={"kind": "access", "label": "EMAIL", "value": VALUE, "csrf": "0"})
    assert foreign.status_code == 403
    assert "does not come from a page of ours" in foreign.text
    assert service.get("/api/v1/privacy/requests", headers=service.key("steward")).json() == []
    assert "/en/privacy" not in service.get("/en/overview", headers=service.key("operator")).text
    assert 'href="/en/privacy"' in pages.get("/en/overview")


def test_another_tenants_request_is_not_there(service, pages):
    service.post("/api/v1/privacy/requests", json=JAN, headers=service.key("steward", "other"))
    assert service.get("/en/privacy/r1").status_code == 404
    assert "r1" not in pages.get("/en/privacy")
    assert "Nobody has asked yet" in pages.get("/en/privacy")


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_it_keeps_the_policy_of_pages(service, pages, lang):
    lake_of(service)
    service.post("/api/v1/privacy/requests", json=JAN, headers=service.key("steward"))
    confirm = pages.send(f"/{lang}/privacy", kind="erase", label="EMAIL", value=VALUE).text
    for text in (pages.get(f"/{lang}/privacy"), pages.get(f"/{lang}/privacy/r1"), confirm):
        assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style|(?:src|href|action)=\"https?:", text)
        assert f'<html lang="{lang}">' in text


@pytest.mark.parametrize(
    ("received", "closed", "tone", "text"),
    [
        (0, None, "ok", "30 days left"),
        (23, None, "ok", "7 days left"),
        (24, None, "warn", "6 days left"),
        (29.5, None, "warn", "Less than a day left"),
        (30.5, None, "bad", "Late since today"),
        (33, None, "bad", "Late by 3 days"),
        (20, 18, "ok", "Answered after 2 days"),
        (40, 1, "bad", "Answered after 39 days (too late)"),
    ],
)
def test_the_clock_of_a_deadline(received, closed, tone, text):
    came = NOW - dt.timedelta(days=received)
    ended = None if closed is None else NOW - dt.timedelta(days=closed)
    request = PrivacyRequest(
        request_id="r", tenant="t", kind="erase", state="received", subject="s", sealed=None, actor="a", received_at=came,
        due_at=came + dt.timedelta(days=30), closed_at=ended,
    )  # fmt: skip
    told = clock(request, NOW, Speaker("en", None), words("en")["privacy"])
    assert (told["tone"], told["text"]) == (tone, text)
    assert 0 <= told["share"] <= 1


def test_every_kind_and_identifier_has_its_words():
    for lang in ("en", "nl"):
        k = words(lang)["privacy"]
        assert set(KINDS) <= set(k["kinds"])
        assert set(KNOWN) <= set(k["labels"])


def test_steps_of_a_request():
    assert steps("access", "received") == [("received", "now"), ("closed", "ahead")]
    assert {state for _, state in steps("erase", "closed")} == {"done"}
    assert [state for _, state in steps("erase", "purged")] == ["done"] * 2 + ["now"] + ["ahead"] * 3
    assert ("identity_verified", "now") in steps("erase", "identity_verified"), "a state that is reached is shown, others of its sort are not"
    assert "identity_verified" not in dict(steps("erase", "purged"))


def test_the_overview_names_requests_that_are_due_to_stewards(service, pages):
    shared = service.app.state.service

    def taken(days: float, request_id: str, tenant: str = "default") -> None:
        rights = SubjectRights(shared.settings, shared.state, models=NoModels(), now=lambda: dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
        rights.receive("erase", [Identifier("EMAIL", f"{request_id}@planted.example")], tenant=tenant, actor="k", request_id=request_id)

    for days, request_id in ((2, "early"), (26.5, "soon"), (33.5, "late")):
        taken(days, request_id)
    taken(40, "theirs", "other")
    shown = pages.get("/en/overview")
    assert "Somebody asked to be forgotten. 3 days left, due" in shown
    assert "Somebody asked to be forgotten. Late by 3 days, due" in shown
    assert 'href="/en/privacy/late"' in shown
    assert "2 things wait" in shown
    assert "privacy/early" not in shown
    assert "privacy/theirs" not in shown
    assert "Er is een verzoek: vergeten worden. 3 dagen te laat" in pages.get("/nl/overview")
    assert "Somebody asked" not in service.get("/en/overview", headers=service.key("operator")).text


def test_a_correction_is_shown_confirmed_and_taken_with_who_confirmed_the_person(service, pages):
    lake_of(service)
    what = {"kind": "rectify", "label": "EMAIL", "value": VALUE, "table": "orders", "column": ["carrier", "", ""], "right": ["DHL", "", ""]}
    who = {"confirmed_by": "the desk", "how": "saw a passport"}
    shown = pages.send("/en/privacy", **what, **who)
    assert shown.status_code == 200
    for said in ("Correct this person", "orders.carrier", "DHL"):
        assert said in shown.text
    taken = pages.send("/en/privacy", **what, **who, step="confirmed", request_id="p9")
    assert taken.status_code == 303, taken.text[:500]
    told = service.get("/api/v1/privacy/requests/p9", headers=service.key("steward")).json()
    assert told["kind"] == "rectify"
    assert "the desk" in str(told["identity"])
    wrong = pages.send("/en/privacy", **(what | {"column": ["no_such", "", ""]}), step="confirmed", request_id="p10")
    assert wrong.status_code == 422
    assert "no_such" in wrong.text


def test_a_package_can_be_fetched_from_its_page(service, pages):
    lake_of(service)
    answer = pages.send("/en/privacy", kind="portability", label="EMAIL", value=VALUE, request_id="p11")
    assert answer.status_code == 200
    assert "/api/v1/privacy/requests/p11/package" in answer.text
    assert service.get("/api/v1/privacy/requests/p11/package", headers=service.key("steward")).status_code == 200
