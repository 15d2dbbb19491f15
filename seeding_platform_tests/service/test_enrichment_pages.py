"""Enrichment as pages: what is so, what waits for a person, one record's story; every deed by a form that only some roles are given."""

import datetime as dt
import re
from html import unescape
from typing import get_args

import pytest

from seeding_platform.enrichment.monitor import SUBJECT
from seeding_platform.enrichment.outputs import ActionName, Label
from seeding_platform.enrichment.outputs import Severity as Bad
from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.rules import Severity
from seeding_platform.service.pages import enrichment_chart as chart
from seeding_platform.service.pages.enrichment_shown import long_said, money
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.storage.enrichment.actions import ActionState, Mode
from seeding_platform.storage.enrichment.pauses import ALL, Pause
from seeding_platform.storage.enrichment.reviews import REASONS
from seeding_platform.storage.enrichment.states import STAGES, ErrorClass, Status
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform_tests.service.enriched_records import CLASSES, RESOLUTION, VERSION, Worker, dead, filled, record, unsure
from seeding_platform_tests.service.pages import Pages

HOSTILE = "<script>alert(1)</script>"
HERE, REVIEW = "/en/enrichment", "/en/enrichment/review"


@pytest.fixture
def bench(service):
    return service.app.state.service.bench


@pytest.fixture
def store(bench):
    return EnrichmentStore(bench.state)


def at(name: str) -> str:
    return f"{HERE}/records/exception/{name}"


def row(store, name, stage=CLASSES, tenant="default"):
    return next(s for s in store.story(tenant, "exception", name).record.stages if s.stage == stage)


def hidden(text: str, name: str) -> str:
    return unescape(re.search(rf'name="{name}" value="([^"]*)"', text)[1])


def test_before_anything_came_the_pages_say_what_to_do(service):
    viewer = Pages(service, "viewer")
    text = viewer.get(HERE)
    for said in ("No record of your organisation has come in yet", "Orders and exceptions come here by themselves", "Nothing is paused"):
        assert said in text, said
    assert 'class="tile"' not in text
    assert "Er is nog geen record" in viewer.get("/nl/enrichment")
    assert "There is no such record" in viewer.get(at("none"), status=404)
    assert "Nothing waits for a person" in Pages(service, "analyst").get(REVIEW)


def test_a_day_is_shown_with_figures_flow_failures_and_a_report(service, bench):
    store, now = filled(bench.state, bench.settings, bench.now(), looks=1), bench.now()
    service.app.state.service.desk.raise_(
        Alert(rule="enrichment.quality", tenant="default", subject=SUBJECT, severity=Severity.WARNING, evidence={"value": 70.0}), now=now
    )
    text = Pages(service, "viewer").get(f"{HERE}?report=daily")
    counts = {c.stage: c for c in store.counts("default", now=now)}
    assert "756 records came in, and every one is accounted for" in text
    assert f"{counts[CLASSES].completed} completed" in text
    assert text.count('class="tile"') == 8
    assert "€0.42" in text
    assert re.search(r"Waiting records</span></h3><p class=\"tile__value\">95</p>", text)
    assert "Nothing is lost" in text
    assert re.search(r"Invalid answer</th><td class=\"num\">6<", text)
    assert "The quality of enrichment is low" in text
    assert "Records that came</th><td" in text
    assert 'data-live-every="30000"' in text
    assert "Stated confidence is off by" in text
    assert "style=" not in text
    assert 'method="post" action="/en/enrichment' not in text, "a viewer is given no form"
    assert "/en/enrichment/review" not in text
    dutch = Pages(service, "viewer").get("/nl/enrichment?report=weekly")
    assert "Weekrapport" in dutch
    assert "Er is niets verloren" in dutch


def test_dead_letters_are_found_looked_at_and_tried_again(service, bench, store):
    dead(bench.state, bench.now(), "a", "b", "c")
    dead(bench.state, bench.now(), "d", error=ErrorClass.INVALID_OUTPUT)
    dead(bench.state, bench.now(), "theirs", tenant="other")
    page = Pages(service, "operator")
    text = page.get(f"{HERE}?stage={CLASSES}&error=invalid_output")
    assert 'value="exception/d"' in text
    assert 'value="exception/a"' not in text
    assert "theirs" not in page.get(HERE)
    assert "None of this stage and reason" in page.get(f"{HERE}?stage={RESOLUTION}")
    assert page.send(HERE, step="redrive").status_code == 422, "nothing was chosen"
    look = page.send(HERE, step="redrive", record=["exception/a", "exception/b", "exception/theirs"])
    assert (look.status_code, "Try 2 again?" in look.text, "Nothing was done yet" in look.text) == (200, True, True)
    assert row(store, "a").dead, "a look does nothing"
    chosen = {"record": re.findall(r'name="record" value="([^"]+)"', look.text), "expected": hidden(look.text, "expected")}
    store.redrive("default", records=[("exception", "b")], dry_run=False, now=bench.now())
    stale = page.send(HERE, step="redriven", **chosen)
    assert (stale.status_code, "is not what you looked at any more" in stale.text, row(store, "a").dead) == (409, True, True)
    again = page.send(HERE, step="redriven", record=chosen["record"], expected=hidden(stale.text, "expected"))
    assert again.headers["location"] == f"{HERE}#dead"
    assert (row(store, "a").status, row(store, "a").redrives, row(store, "c").dead) == ("pending", 1, True)
    some = {"all": "on", "stage": CLASSES, "error": "invalid_output"}
    every = page.send(HERE, step="redrive", **some)
    assert "Try 1 again?" in every.text
    assert page.send(HERE, step="redriven", **some, expected=hidden(every.text, "expected")).status_code == 303
    assert not row(store, "d").dead
    assert row(store, "theirs", tenant="other").dead
    assert page.send(HERE, step="redrive", all="on", csrf="wrong").status_code == 403
    assert page.send(HERE, step="dance").status_code == 422


def test_dead_letters_are_narrowed_down_by_age_and_only_those_are_tried_again(service, bench, store):
    dead(bench.state, bench.now(), "new")
    dead(bench.state, bench.now() - dt.timedelta(days=3), "old")
    page = Pages(service, "operator")
    text = page.get(f"{HERE}?age=over_day")
    assert ('value="exception/old"' in text, 'value="exception/new"' in text, hidden(text, "age")) == (True, False, "over_day")
    assert 'value="exception/new"' in page.get(f"{HERE}?age=day")
    assert "None of this stage and reason" in page.get(f"{HERE}?age=hour")
    assert 'value="exception/new"' in page.get(f"{HERE}?age=nonsense")
    look = page.send(HERE, step="redrive", all="on", age="over_day")
    assert ("Try 1 again?" in look.text, hidden(look.text, "age")) == (True, "over_day")
    assert page.send(HERE, step="redriven", all="on", age="over_day", expected=hidden(look.text, "expected")).status_code == 303
    assert (row(store, "old").dead, row(store, "new").dead) == (False, True)


def test_work_is_paused_with_a_reason_and_resumed(service, bench, store):
    page = Pages(service, "operator")
    assert "Say why" in page.send(HERE, step="pause", stage=CLASSES).text
    assert page.send(HERE, step="pause", stage="none", reason="x").status_code == 422
    assert store.pauses("default") == []
    assert page.send(HERE, step="pause", stage=CLASSES, reason=f"prompt {HOSTILE}").status_code == 303
    (pause,) = store.pauses("default")
    assert (pause.stage, pause.actor) == (CLASSES, "operatordefault")
    store.pause(Pause(tenant=ALL, stage=ALL, reason="of the house", actor="root of others", at=bench.now()))
    text = page.get(HERE)
    assert "Work is paused" not in text, "nothing has come in, so the sentence is that one"
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert "whoever runs the installation" in text
    assert "of the house" not in text
    assert "root of others" not in text
    assert text.count('value="resume"') == 1, "a pause of the whole installation is no organisation's to end"
    assert page.send(HERE, step="resume", stage="").status_code == 409
    assert page.send(HERE, step="resume", stage=CLASSES).status_code == 303
    assert [p.tenant for p in store.pauses("default")] == [ALL]


def test_a_label_moves_the_record_on_and_can_be_changed(service, bench, store):
    now = bench.now()
    unsure(bench.state, now, "a", "b", text=f"It never came {HOSTILE}")
    unsure(bench.state, now, "theirs", tenant="other")
    page = Pages(service, "analyst")
    text = page.get(REVIEW)
    assert HOSTILE not in text
    assert "It never came &lt;script&gt;" in text
    assert "theirs" not in text
    assert "the classifier learns from it" in text
    assert "It says Late delivery, 61.0% sure; 70.0% are needed." in text
    assert " checked" not in text, "nobody is led to the machine's own answer"
    form = {"record": hidden(text, "record"), "seen": hidden(text, "seen")}
    assert form["record"] == "exception/a"
    assert "Choose a label first" in page.send(REVIEW, **form).text
    assert page.send(REVIEW, **form, label="<b>").status_code == 422
    assert page.send(REVIEW, record="exception/theirs", seen=form["seen"], label="damaged").status_code == 409
    assert page.send(REVIEW, record=form["record"], seen="old", label="damaged").status_code == 409
    assert row(store, "a").provider == "offline"
    sent = page.send(REVIEW, **form, label="damaged")
    assert (sent.status_code, sent.headers["location"]) == (303, f"{REVIEW}?after=exception%2Fa&done=exception%2Fa#queue")
    judged = row(store, "a")
    assert (judged.label, judged.confidence, judged.provider) == ("damaged", 1.0, "human")
    assert (row(store, "a", RESOLUTION).status, row(store, "a", RESOLUTION).ready) == ("pending", True)
    (kept,) = store.labels("default")
    assert (kept.actor, kept.machine_label, kept.reason) == ("analystdefault", "late_delivery", "low_confidence")
    after = page.get(sent.headers["location"].partition("#")[0])
    assert "a is now: Damaged." in after
    assert hidden(after, "record") == "exception/b"
    # sent twice, it is done once; changed, the newest counts
    assert page.send(REVIEW, **form, label="other").status_code == 409
    undo = page.get(f"{REVIEW}?record=exception/a")
    assert "What should it be instead?" in undo
    assert page.send(REVIEW, record="exception/a", seen=hidden(undo, "seen"), label="stock_out").status_code == 303
    assert row(store, "a").label == "stock_out"
    colleague = Pages(service, "operator")
    assert hidden(colleague.get(f"{REVIEW}?record=exception/a"), "record") == "exception/b", "what another person said is theirs to change"
    assert "does not wait any more" in colleague.get(f"{REVIEW}?record=exception/theirs")
    assert Pages(service, "viewer").send(REVIEW, **form, label="other").status_code == 403


def test_the_queue_walks_on_and_begins_anew(service, bench):
    unsure(bench.state, bench.now(), *(f"r{i:02}" for i in range(40)))
    page = Pages(service, "analyst")
    text = page.get(f"{REVIEW}?record=exception/r20")
    assert "Waiting: 40." in text
    listed = re.findall(r"record=exception%2F(r\d\d)#queue", text)
    assert (len(set(listed)) == 25, "r20" in listed) == (True, True)
    assert 'data-before="/en/enrichment/review?record=exception%2Fr19#queue"' in text
    assert 'data-below="/en/enrichment/review?record=exception%2Fr21#queue"' in text
    assert hidden(page.get(f"{REVIEW}?after=exception/r20"), "record") == "exception/r21"
    assert hidden(page.get(f"{REVIEW}?after=exception/r39"), "record") == "exception/r00"


def test_a_record_tells_its_whole_story_and_is_cancelled_for_good(service, bench, store):
    now = bench.now()
    worker = Worker(bench.state)
    worker.store.intake([record("k/1 a", f"Broken {HOSTILE}")], now=now - dt.timedelta(hours=3))
    worker.analysed(now - dt.timedelta(hours=2.9))
    worker.failed(CLASSES, now - dt.timedelta(hours=2.8), ErrorClass.TRANSIENT, 1, dead=False)
    worker.classified(now - dt.timedelta(hours=2.5), sure=0.93, label="damaged")
    where = at("k%2F1%20a")
    text = Pages(service, "viewer").get(where)
    assert HOSTILE not in text
    order = [text.index(said) for said in ("Order analysis: completed", "Classification: failed", "Classification: completed")]
    assert order == sorted(order)
    for said in ("HTTP 503 after 30 s", "Damaged, 93.0% sure", "order.promised_at", "exception_classification:3", "No action was planned"):
        assert said in text, said
    assert 'value="cancel"' not in text
    page = Pages(service, "operator")
    assert "no stage has given up" in page.send(where, step="redrive").text
    look = page.send(where, step="cancel")
    assert ("Cancel k/1 a?" in look.text, "cannot be taken back" in look.text, row(store, "k/1 a", RESOLUTION).status) == (True, True, "pending")
    expected = hidden(look.text, "expected")
    assert page.send(where, step="cancel_confirmed", expected=expected).status_code == 422, "without a reason"
    (held,) = worker.claim(RESOLUTION, now)
    assert page.send(where, step="cancel_confirmed", expected=expected, reason="wrong").status_code == 409, "it has moved on"
    store.release([held], now=now)
    expected = hidden(page.send(where, step="cancel").text, "expected")
    done = page.send(where, step="cancel_confirmed", expected=expected, reason="sent by mistake")
    assert (done.status_code, row(store, "k/1 a", RESOLUTION).status) == (303, "skipped")
    assert "sent by mistake" in page.get(where)
    assert page.send(at("none"), step="cancel").status_code == 404
    assert Pages(service, "operator", "other").get(where, status=404)


def test_a_dead_record_is_tried_again_and_an_outdated_one_done_again(service, bench, store):
    now = bench.now()
    dead(bench.state, now, "a")
    worker = Worker(bench.state)
    worker.store.intake([record("b")], now=now)
    worker.analysed(now)
    worker.classified(now, sure=0.9)
    worker.resolved(now)
    page = Pages(service, "operator")
    look = page.send(at("a"), step="redrive")
    assert page.send(at("a"), step="redrive_confirmed", expected=hidden(look.text, "expected")).status_code == 303
    assert row(store, "a").status == "pending"
    assert "The same version says the same" in page.send(at("b"), step="again").text
    Versions(bench.state).put("default", CLASSES, joined(("exception_classification:4", VERSION[1])), "live", report={}, now=now)
    look = page.send(at("b"), step="again")
    assert "Have b done again?" in look.text
    assert page.send(at("b"), step="again_confirmed", expected=hidden(look.text, "expected")).status_code == 303
    assert (row(store, "b").status, row(store, "b").output) == ("pending", None)
    assert "dry run: nothing went out" in page.get(at("b")), "its action stays on record"


def test_words_are_complete_for_whatever_may_be_told():
    for lang in ("en", "nl"):
        k = words(lang)["enrichment"]
        assert set(get_args(Label)) == set(k["labels"])
        assert set(get_args(ActionName)) == set(k["actions"])
        assert {*get_args(Bad), *map(str, Severity)} == set(k["severities"])
        assert set(map(str, STAGES)) == set(k["stages"])
        assert {*map(str, Status), "dead", "gated"} == set(k["statuses"])
        assert set(get_args(ActionState)) == set(k["record"]["states"])
        assert set(get_args(Mode)) == set(k["record"]["modes"])
        assert set(REASONS) == set(k["review"]["why"])
        assert len(k["flow"]["columns"]) == 7


def test_times_and_amounts_as_people_say_them():
    k = words("nl")["enrichment"]
    assert [long_said(s, k) for s in (0, 59, 60, 3600, 15_125, 90_000)] == ["0 s", "59 s", "1 min", "1 u", "4 u 12 min", "1 d 1 u"]
    say = Speaker("en", None)
    assert [money(v, say) for v in (0, 0.0004, 0.42, 1234.5)] == ["€0.00", "< €0.01", "€0.42", "€1,234.50"]


def test_the_flow_escapes_its_words_and_draws_nothing_out_of_nothing():
    stage = chart.Passage("A & B", 3, (chart.Part("<dead>", 1, "f-bad"), chart.Part("gone", 0, "f5")))
    args = {"came_in": ("in", "4"), "through": ("out", "3"), "completed": "{n} done", "count": str, "label": "<all>"}
    for width in chart.WIDTHS:
        drawn = chart.flow([stage], 4, width=width, **args)
        assert "<dead>" not in drawn
        assert "A &amp; B" in drawn
        assert 'aria-label="&lt;all&gt;"' in drawn
        assert chart.flow([chart.Passage("A", 0, ())], 0, width=width, **args)
    assert chart.confidences([0] * 10, bar=0.7, bar_name="", count=str, share=str, label="", width=300) == ""
    columns = chart.confidences([0, 0, 0, 0, 0, 0, 5, 9, 0, 1], bar=0.7, bar_name="bar", count=str, share=str, label="x", width=300)
    assert (columns.count("f-warn"), columns.count('class="fl1"')) == (1, 2), "what is below the bar is amber"


def test_versions_are_shown_and_what_is_right_is_said_on_a_record(service, bench, store):
    filled(bench.state, bench.settings, bench.now(), looks=1)
    versions, report = Versions(bench.state), {"verdict": "not_worse", "n": 40, "right": [0.5, 0.75]}
    versions.put("default", CLASSES, "exception_classification:4|1", "candidate", report=report, share=0.2, now=bench.now())
    text = Pages(service, "viewer").get(HERE)
    for said in (
        "exception_classification:<wbr>4|<wbr>1<wbr>",
        "on 20.0% of the records",
        "Not worse. 75.0% of 40 records right; the version before, 50.0%.",
        "No record was answered by both yet.",
    ):
        assert said in text, said
    assert "Versies" in Pages(service, "viewer").get("/nl/enrichment")
    name = store.records("default", stage=RESOLUTION, status="completed", limit=1)[0].record_id
    assert "What is right" not in Pages(service, "viewer").get(at(name))
    page = Pages(service, "analyst")
    assert "What is right" in page.get(at(name))
    sent = page.send(REVIEW, record=f"exception/{name}", stage=STAGES[0], label=["unpaid", "overdue"])
    assert (sent.status_code, sent.headers["location"]) == (303, at(name))
    assert page.send(REVIEW, record=f"exception/{name}", stage=RESOLUTION, label="reship").status_code == 303
    assert page.send(REVIEW, record=f"exception/{name}", stage=RESOLUTION).status_code == 422
    assert page.send(REVIEW, record=f"exception/{name}", stage="none", label="reship").status_code == 422
    assert [(x.stage, x.label) for x in store.labels("default") if x.record_id == name][-2:] == [
        (STAGES[0], "overdue+unpaid"),
        (RESOLUTION, "reship"),
    ]
    text = page.get(at(name))
    assert "Resolution: a person has said what is right" in text
    assert "It was promised for a day that is over and has not arrived. Nothing was paid for what was shipped." in text
