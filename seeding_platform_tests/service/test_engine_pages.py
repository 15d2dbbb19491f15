"""Engines as pages: what is so, first; every deed after a question and by a form that only those who may are given."""

import re

import pytest

from seeding_platform.service.pages.engine_shown import duration_said, place_told, up_said
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.storage.delivery.records import DeliveryState
from seeding_platform_tests.service.fed_engines import BACK, BEHIND, DEAD, ENGINE, TENANT, UNADDRESSED, UNBUILT, addressed, filled, published
from seeding_platform_tests.service.pages import Pages

HOSTILE = "<script>alert(1)</script>"
AT = f"/en/engines/{ENGINE}"


@pytest.fixture
def inside(service):
    return service.app.state.service


@pytest.fixture
def publisher(inside):
    return inside.delivering.publisher


def row(text: str, engine: str) -> str:
    """The row of an engine, without its marks."""
    found = re.search(rf'<tr id="engine-{engine}">(.*?)</tr>', text, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def seen(service, url: str, role: str = "viewer", tenant: str = TENANT) -> str:
    answer = service.get(url, headers=service.key(role, tenant))
    assert answer.status_code == 200, answer.text[:400]
    return str(answer.text)


def test_before_anything_is_built_the_pages_say_what_to_do(service):
    text = seen(service, "/en/engines")
    assert "No engine has a bundle yet. A run builds them" in text
    assert "No bundle" in row(text, ENGINE)
    assert "Nog geen engine heeft een bundel" in seen(service, "/nl/engines")
    one = seen(service, AT)
    for said in ("Nothing was published yet", "There are no two generations yet", "Nothing was delivered yet", "It has no address yet. An admin"):
        assert said in one, said
    assert "Platform id of the post" in one
    assert "There is none. What is given up stands here" in seen(service, "/en/engines/dead-letters")
    assert service.get("/en/engines/none", headers=service.key("viewer", TENANT)).status_code == 404


@pytest.mark.long
def test_the_answer_stands_first_and_every_engine_is_told(service, inside, publisher):
    filled(publisher, now=inside.now())
    text = seen(service, "/en/engines")
    assert "12 of 15 engines have acknowledged what they should hold. 3 are behind." in text
    assert re.search(r"Put back today</dt><dd>1 <span[^>]*>1 by itself", text)
    assert re.search(r"Dead letters</a></dt><dd>1</dd>", text)
    assert "Watched" in row(text, ENGINE)
    assert re.search(r"Given up: validation-failed\. Given up 2 1 9 min", row(text, DEAD))
    assert re.search(r"tries failed: unreachable\. Next \d\d:\d\d\. No answer 2 1", row(text, BEHIND))
    assert "the new rows halve its precision. Put back 3 3" in row(text, BACK)
    assert "No address 1 –" in row(text, UNADDRESSED)
    assert "No bundle" in row(text, UNBUILT)
    assert text.count('class="uptime"') == 15
    assert 'data-live="engine run" data-live-every="10000"' in text
    assert "12 van de 15 engines" in seen(service, "/nl/engines")
    other = seen(service, "/en/engines", tenant="other")
    assert "No engine has a bundle yet" in other
    assert "halve its precision" not in other
    dead = seen(service, f"/en/engines/{DEAD}")
    assert "column plan: unknown value" in dead
    assert "422, 41 ms, validation-failed" in dead


def test_what_a_reader_may_not_do_is_not_offered(service, inside, publisher):
    addressed(publisher, ENGINE, now=inside.now(), target="https://engine.example/in?token=t0p")
    published(publisher, ENGINE, now=inside.now())
    for url in ("/en/engines", AT):
        text = seen(service, url).partition("<main")[2]
        assert 'method="post"' not in text
        assert "t0p" not in text
    operator = seen(service, AT, "operator").partition("<main")[2]
    assert 'value="rollback"' in operator
    assert 'action="/en/engines/content_performance_ml/endpoints"' not in operator
    assert "t0p" not in operator
    assert "engine.example" in operator
    admin = seen(service, AT, "admin")
    assert "token=t0p" in admin
    assert 'value="add"' in admin
    page = Pages(service, "steward", TENANT)
    assert page.send(f"{AT}/endpoints", step="add", kind="folder", target="in").status_code == 403
    assert Pages(service, "analyst", TENANT).send(AT, step="rollback").status_code == 403


def test_content_is_put_back_only_after_a_question_and_with_a_reason(service, inside, publisher):
    published(publisher, ENGINE, now=inside.now())
    operator = Pages(service, "operator", TENANT)
    none = operator.send(AT, step="rollback", seen="1")
    assert "There is no earlier content" in none.text
    assert "rollback_confirmed" not in none.text
    published(publisher, ENGINE, now=inside.now(), number=3)
    asked = operator.send(AT, step="rollback", seen="2")
    assert "Roll back ContentPerformanceML?" in asked.text
    assert "Nothing has been done yet" in asked.text
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 2
    silent = operator.send(AT, step="rollback_confirmed", seen="2", to="", reason=" ")
    assert (silent.status_code, "Say why in a few words" in silent.text) == (422, True)
    late = operator.send(AT, step="rollback_confirmed", seen="1", to="", reason="x")
    assert (late.status_code, "Another generation came in force" in late.text) == (409, True)
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 2
    assert operator.send(AT, step="rollback_confirmed", seen="2", to="1", reason=HOSTILE).headers["location"] == AT
    made = publisher.ledger.newest(TENANT, ENGINE)
    assert (made.generation, made.kind, made.actor) == (3, "rolled_back", "operatort1")
    text = seen(service, AT)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text
    assert HOSTILE not in seen(service, "/nl/engines")
    assert operator.send(AT, step="redistribute", seen="3").status_code == 200
    assert operator.send(AT, step="redistribute_confirmed", reason="x").status_code == 303
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 4
    assert operator.send(AT, step="dance").status_code == 422
    assert operator.send(AT, step="redistribute_confirmed", reason="x", csrf="wrong").status_code == 403


def test_all_are_sent_again_after_a_question(service, inside, publisher):
    published(publisher, ENGINE, now=inside.now())
    operator = Pages(service, "operator", TENANT)
    asked = operator.send("/en/engines", step="redistribute_all")
    assert "1 engines receive what is in force" in asked.text
    assert operator.send("/en/engines", step="redistribute_all_confirmed", reason="").status_code == 422
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 1
    assert operator.send("/en/engines", step="redistribute_all_confirmed", reason="x").headers["location"] == "/en/engines"
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 2
    assert Pages(service, "operator", "other").send("/en/engines", step="redistribute_all_confirmed", reason="x").status_code == 303
    assert publisher.ledger.newest(TENANT, ENGINE).generation == 2


def test_two_generations_stand_side_by_side(service, inside, publisher):
    published(publisher, ENGINE, now=inside.now())
    published(publisher, ENGINE, now=inside.now(), number=3)
    text = seen(service, AT)
    assert re.search(r"Rows added</dt><dd>1</dd>", text)
    assert "used of content_posts" in text
    back = seen(service, f"{AT}?a=2&b=1")
    assert re.search(r"Rows removed</dt><dd>1</dd>", back)
    assert "There is no such generation" in seen(service, f"{AT}?a=9&b=1")
    assert "Both have the same content" in seen(service, f"{AT}?a=1&b=1")
    assert "side by side" in seen(service, f"{AT}?a=x&b=²")


def test_a_secret_is_shown_once_and_an_address_taken_away_after_a_question(service, publisher):
    admin = Pages(service, "admin", TENANT)
    wrong = admin.send(f"{AT}/endpoints", step="add", kind="http", target="http://169.254.169.254/")
    assert (wrong.status_code, "This address is not taken" in wrong.text) == (422, True)
    assert "Say where the bundles go" in admin.send(f"{AT}/endpoints", step="add", kind="http", target="").text
    assert "This is no schedule" in admin.send(f"{AT}/endpoints", step="add", kind="folder", target="in", schedule="x").text
    made = admin.send(f"{AT}/endpoints", step="add", kind="webhook", target="https://engine.example/<b>")
    secret = re.search(r"whsec_[\w+/=]+", made.text)[0]
    assert secret not in admin.get(AT)
    assert "<b>" not in made.text
    (kept,) = publisher.endpoints.all(tenant=TENANT)
    at = {"endpoint": kept.endpoint_id}
    assert "Give this address a new secret?" in admin.send(f"{AT}/endpoints", step="renew", **at).text
    other = admin.send(f"{AT}/endpoints", step="rotate", overlap_hours="24", seen="1", **at)
    assert "The old secret signs too until" in other.text
    assert secret not in other.text
    assert admin.send(f"{AT}/endpoints", step="rotate", overlap_hours="24", seen="1", **at).status_code == 409
    assert admin.send(f"{AT}/endpoints", step="disable", **at).status_code == 303
    assert "Off: by hand" in admin.get(AT)
    assert admin.send(f"{AT}/endpoints", step="enable", **at).status_code == 303
    assert "Take this address away?" in admin.send(f"{AT}/endpoints", step="remove", **at).text
    assert publisher.endpoints.all(tenant=TENANT) != []
    assert Pages(service, "admin", "other").send(f"{AT}/endpoints", step="removed", **at).status_code == 404
    admin = Pages(service, "admin", TENANT)
    assert admin.send(f"{AT}/endpoints", step="removed", **at).status_code == 303
    assert publisher.endpoints.all(tenant=TENANT) == []


def test_dead_letters_are_sent_again_together(service, inside, publisher):
    from seeding_platform.storage.delivery.records import Trace

    for named in ("ep_1", "ep_2", "ep_3"):
        addressed(publisher, ENGINE, now=inside.now(), named=named)
    published(publisher, ENGINE, now=inside.now())
    for claim in publisher.queue.claim(owner="w", limit=9, lease=publisher.rules.lease, now=inside.now()):
        publisher.queue.failed(claim, Trace("refused", HOSTILE), again_at=None, now=inside.now())
    operator = Pages(service, "operator", TENANT)
    text = operator.get("/en/engines/dead-letters")
    ids = re.findall(r'name="delivery" value="(\w+)"', text)
    assert len(ids) == 3
    assert HOSTILE not in text
    assert "Choose at least one" in operator.send("/en/engines/dead-letters", step="replay").text
    sent = operator.send("/en/engines/dead-letters", step="replay", delivery=[ids[0], ids[1], "none"])
    assert "2 were sent again." in sent.text
    assert "1 were not" in sent.text
    states = {i: publisher.queue.one(i).state for i in ids}
    assert states == {ids[0]: DeliveryState.WAITING, ids[1]: DeliveryState.WAITING, ids[2]: DeliveryState.DEAD}
    assert operator.send(AT, step="replay", delivery=ids[2]).status_code == 200
    assert publisher.queue.one(ids[2]).state == DeliveryState.WAITING
    assert operator.send("/en/engines/dead-letters", step="replay", delivery=ids[2]).status_code == 409


def test_what_is_past_cannot_be_chosen(service, inside, publisher):
    from seeding_platform.storage.delivery.records import Trace

    addressed(publisher, ENGINE, now=inside.now())
    published(publisher, ENGINE, now=inside.now())
    (claim,) = publisher.queue.claim(owner="w", limit=9, lease=publisher.rules.lease, now=inside.now())
    publisher.queue.failed(claim, Trace("refused", ""), again_at=None, now=inside.now())
    published(publisher, ENGINE, now=inside.now(), number=3)
    text = seen(service, "/en/engines/dead-letters", "operator")
    assert "a newer generation is wanted" in text
    assert 'name="delivery"' not in text
    assert re.search(r"Dead letters</a></dt><dd>0</dd>", seen(service, "/en/engines"))


@pytest.mark.parametrize(("seconds", "said"), [(None, "–"), (0.94, "0,9 s"), (42, "42 s"), (840, "14 min"), (7300, "2 u"), (400_000, "5 d")])
def test_times_are_said_as_people_say_them(seconds, said):
    assert duration_said(seconds, Speaker("nl", None), words("nl")["engines"]) == said


def test_only_what_is_complete_is_complete():
    assert up_said(0.99999, Speaker("en", None)) == "99.99%"
    assert up_said(1.0, Speaker("en", None)) == "100.00%"
    assert place_told("folder", "trainer/in") == "trainer/in"
