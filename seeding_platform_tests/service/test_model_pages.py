"""Models as pages: what serves and how good it is, gates side by side, and every deed by a form that only operators are given."""

import datetime as dt
import re

import polars as pl
import pytest

from seeding_platform.errors import TransientError
from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.spec import shipped_spec, shipped_specs
from seeding_platform.service import modelled
from seeding_platform.service.pages.measured_chart import Measured, measured_chart
from seeding_platform.service.pages.model_words import came_said, evidence_said, reason_said
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.storage.ml.jobs import Ended, Job
from seeding_platform.storage.ml.standing import Measurement, TrainingData
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.service.pages import Pages
from seeding_platform_tests.service.test_models import customers, trained

CHURN = Whose("default", "churn")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def bench(service):
    return service.app.state.service.bench


def seen(service, url: str, role: str = "viewer") -> str:
    """A page as somebody else sees it, while a person is signed in."""
    answer = service.get(url, headers=service.key(role))
    assert answer.status_code == 200, answer.text[:400]
    return str(answer.text)


def serves(bench) -> str | None:
    return bench.standings.one(CHURN).version


def test_before_anything_is_trained_the_pages_say_so(service):
    page = Pages(service, "viewer")
    text = page.get("/en/models")
    assert f"0 / {len(shipped_specs())}" in text
    for said in ("Nothing is being trained", "Nothing was trained yet", "Nothing was measured yet", "The first check has not taken place yet"):
        assert said in text, said
    assert "Er is nog niets getraind" in page.get("/nl/models")
    one = page.get("/en/models/churn")
    assert "There are no two versions yet" in one
    assert "No version has served yet" in one
    assert "There is no such model" in page.get("/en/models/none", status=404)


def test_a_training_is_followed_stage_by_stage(service, bench):
    operator = Pages(service, "operator")
    assert "<form" not in seen(service, "/en/models").partition('id="clock"')[2]
    sent = operator.send("/en/models", step="train", model=["churn", "roi"], force="on")
    assert sent.headers["location"] == "/en/models"
    assert service.app.state.service.runs.asked == ["retrain"]
    again = operator.send("/en/models", step="train", model="churn", force="on")
    assert (again.status_code, "is being trained already" in again.text) == (409, True)
    assert operator.send("/en/models", step="train").status_code == 422
    assert operator.send("/en/models", step="dance", model="churn").status_code == 422
    assert operator.send("/en/models", step="train", model="churn", csrf="wrong").status_code == 403
    job = bench.jobs.active(CHURN)
    bench.jobs.claim(job.job_id, run_id="run1", now=bench.now())
    bench.at_stage(job, "fit")
    text = seen(service, "/en/models/churn")
    assert re.search(r'<li class="steps__now" aria-current="step"><span>Fit', text)
    assert text.count("steps__done") == 2
    assert 'data-live="model run"' in text
    told = [e.body for e in service.app.state.service.live.after(0, tenant="default") if e.kind == "model"]
    assert told == [{"event": "retraining.stage", "model": "churn", "job_id": job.job_id, "stage": "fit"}]
    assert job.requested_by == "operatordefault"
    events = service.get("/api/v1/audit", headers=service.key("steward")).text
    assert "ml.train.asked" in events


def test_what_cannot_be_done_now_comes_back_as_a_page(service, monkeypatch):
    operator = Pages(service, "operator")

    def busy(*_, **__):
        raise TransientError("The model store is locked.", fix="Try it again.")

    monkeypatch.setattr(modelled, "check_models", busy)
    for lang, words_of in (("en", "It is not possible now"), ("nl", "Het kan nu niet")):
        for where in ("models", "models/churn"):
            said = operator.send(f"/{lang}/{where}", step="check", model="churn")
            assert (said.status_code, said.headers["content-type"]) == (503, "text/html; charset=utf-8")
            assert words_of in said.text
            assert "The model store is locked." in said.text
            assert f'<a href="/{lang}/{where}">' in said.text


def test_no_error_of_a_page_is_json(service, monkeypatch):
    page = Pages(service, "operator")
    for url, status in (("/en/nothing", 404), ("/en/forms", 404), ("/en/", 404), ("/nl/kpis?days=many", 422), ("/en/alerts/a/b/c", 404)):
        answer = service.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), url
    assert service.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"
    monkeypatch.setattr(modelled, "listed", lambda *_: 1 / 0)
    broken = page.get("/en/models", status=500)
    assert "Something went wrong on our side" in broken
    assert "division" not in broken


@pytest.mark.long
def test_what_serves_is_shown_with_its_gate_compared_changed_and_rolled_back(service, bench):
    assert trained(service, customers()).verdict == "deploy"
    second = trained(service, customers(turned=True, seed=2))
    assert (second.verdict, serves(bench)) == ("deploy", "2")
    now = bench.now()
    live = Measurement(measurement_id="live:1", whose=CHURN, version="2", source="live", metric="auc", value=0.8123, rows=150, at=now)
    bench.standings.measured(live)
    bench.alert("performance_drop", CHURN, value=0.8, rows=150)
    listed = Pages(service, "viewer").get("/en/models")
    assert "1 / 10" in listed
    assert "does worse than it did" in listed
    page, here = Pages(service, "operator"), "/en/models/churn"
    text = page.get(here)
    assert "style=" not in text
    assert "0.812" in text
    assert re.search(r'<rect class="fl2"', text), "held-out figures have a shape of their own"
    assert "Better than no model" in text, "the rule by which the first version serves"
    assert re.search(r"Version 2</th>.*Version 1</th>", text, re.S), "what serves stands first"
    turned = page.get(f"{here}?a=1&b=2")
    assert re.search(r"Version 1</th>.*Version 2</th>", turned, re.S)
    assert "/en/settings/models.retraining?scope=churn" in text
    viewer = seen(service, here)
    assert 'method="post" action="/en/models' not in viewer
    # a rollback says why, is looked at first, and is refused when something else serves meanwhile
    assert "Say why" in page.send(here, step="rollback", to="1").text
    asked = page.send(here, step="rollback", to="1", reason=f"worse {HOSTILE}")
    assert asked.status_code == 200
    assert "Roll churn back to version 1?" in asked.text
    assert HOSTILE not in asked.text
    assert serves(bench) == "2", "nothing was done yet"
    stale = page.send(here, step="rollback_confirmed", to="1", reason="worse", expected="1")
    assert (stale.status_code, "Another version serves" in stale.text) == (412, True)
    done = page.send(here, step="rollback_confirmed", to="1", reason="worse", expected="2")
    assert (done.headers["location"], serves(bench)) == (here, "1")
    assert page.send(here, step="rollback", to="7", reason="x").status_code == 404
    # a held version is approved, with what was seen to serve
    assert page.send(here, step="deploy", version="2", expected="1").status_code == 422, "without a reason"
    assert page.send(here, step="deploy", version="2", expected="2", reason="x").status_code == 412
    assert page.send(here, step="deploy", version="../2", expected="1", reason="x").status_code == 422
    assert page.send(here, step="shadow", version="2", percent="20").status_code == 303
    assert "Version 2 serves 20.0% of the requests" in page.get(here)
    for percent in ("80", "x", "-1", "1e3", "nan"):
        assert page.send(here, step="shadow", version="2", percent=percent).status_code == 422, percent
    assert page.send(here, step="shadow", version="1", percent="0").status_code == 409
    assert page.send(here, step="shadow", version="", percent="20").status_code == 303
    assert bench.standings.one(CHURN).shadow is None
    assert page.send(here, step="deploy", version="2", expected="1", reason="checked by hand").status_code == 303
    assert serves(bench) == "2"
    assert "checked by hand" in page.get(here)
    (bench.registry.artefacts / "default.churn" / bench.registry.version("default.churn", "1").run_id / "artifacts" / "model.skops").unlink()
    gone = page.send(here, step="rollback_confirmed", to="1", reason="worse", expected="2")
    assert (gone.status_code, "cannot be loaded" in gone.text, serves(bench)) == (422, True, "2")
    assert page.send(here, step="nonsense").status_code == 422
    assert page.send("/en/models/none", step="train").status_code == 404


@pytest.mark.long
def test_drift_stands_on_the_page_once_a_check_has_found_it(service, bench):
    frame = customers()
    assert trained(service, frame).verdict == "deploy"
    moved = customers(seed=9).with_columns(tenure_months=pl.col("tenure_months") + 500)
    grown = pl.concat([frame, moved])
    checked(bench, CHURN, shipped_spec("churn"), Data("customers@2", lambda: grown.height, lambda: grown), ask=False)
    text = Pages(service, "viewer").get("/nl/models/churn")
    assert "Niet meer zoals ze waren: tenure_months." in text
    assert "Kolmogorov-Smirnov" in text
    assert "600 nieuwe rijen, customers@2; 0 antwoorden." in text
    assert "Controle van de prestatie" in Pages(service, "viewer").get("/nl/models")


def test_an_analyst_asks_why_an_answer_is_as_it_is(service):
    assert "Why this answer?" not in Pages(service, "analyst").get("/en/models/churn"), "nothing serves"
    assert trained(service, customers()).verdict == "deploy"
    page, here = Pages(service, "analyst"), "/nl/models/churn"
    assert "Waarom dit antwoord?" in page.get(here)
    told = page.send(here, step="why", x_plan="basic", x_tickets_90d="6", x_monthly_charges="12,5")
    assert told.status_code == 200
    assert "Versie 1, in kans op true" in told.text
    assert re.search(r'tickets_90d</th><td class="num" data-label="Gegeven">6</td>.*?data-label="Effect">\+0,\d{3}</td>', told.text)
    assert 'value="12.5"' in told.text
    assert 'value="6"' in told.text
    wrong = page.send(here, step="why", x_tickets_90d="many")
    assert (wrong.status_code, "Een waarde is niet te lezen" in wrong.text) == (422, True)
    assert page.send(here, step="train").status_code == 403
    assert Pages(service, "viewer").send(here, step="why").status_code == 403
    assert "Waarom dit antwoord?" not in seen(service, here, "viewer")


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_what_a_gate_says_is_said_by_name_and_figures(lang):
    k, say = words(lang)["models"], Speaker(lang, None)
    gate = [
        {"rule": "rows", "passed": True, "value": 573, "bar": 100, "says": "573 rows"},
        {"rule": "better", "passed": True, "value": 0.00001, "bar": 0.025, "says": "p = 0.0000"},
        {"rule": "slice", "passed": False, "value": 0.07, "bar": 0.05, "says": "plan 'basic': worse by 0.0700 on 40 rows; less than 0.0500"},
        {"rule": "calibration", "passed": True, "value": -0.01, "bar": 0.02, "says": "calibration error"},
        {"rule": "size", "passed": False, "value": None, "bar": 5.0, "says": "size was not measured"},
        {"rule": "floor", "passed": False, "value": float("nan"), "bar": 0.6, "says": "auc is nan"},
        {"rule": "own", "passed": False, "value": 1.0, "bar": 2.0, "says": "a rule of one's own"},
    ]
    said = [reason_said(r, say, k) for r in gate]
    assert said == {
        "en": [
            "573 rows; 100 are needed.", "p < 0.0001 by McNemar's exact test; at most 0.0250 is asked for.",
            "plan 'basic' is worse by 0.070; less than 0.050 is allowed.",
            "Calibration error −0.010 beside what serves; at most 0.020 more is allowed.",
            "It was not measured.", "The figure is –, the floor 0.600.", "a rule of one's own",
        ],
        "nl": [
            "573 rijen; 100 zijn nodig.", "p < 0,0001 met de exacte toets van McNemar; hoogstens 0,0250 is gevraagd.",
            "plan 'basic' gaat 0,070 achteruit; minder dan 0,050 mag.", "Kalibratiefout −0,010 naast wat in gebruik is; hoogstens 0,020 erbij mag.",
            "Het is niet gemeten.", "Het cijfer is –, de ondergrens 0,600.", "a rule of one's own",
        ],
    }[lang]  # fmt: skip
    assert set(k["rules"]) <= set(k["reasons"]), "every rule has a sentence"


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_every_model_and_metric_that_ships_has_words(lang):
    k = words(lang)["models"]
    assert set(k["describes"]) == set(shipped_specs())
    assert {spec.metric for spec in shipped_specs().values()} <= set(k["metrics"])
    if lang == "en":
        assert k["describes"] == {name: spec.description for name, spec in shipped_specs().items()}


@pytest.mark.parametrize(
    ("ended", "data", "said"),
    [
        ({"state": "skipped", "says": "9 labelled rows"}, {"distinct_rows": 9}, ("9 verschillende rijen met een label zijn niet genoeg.", "")),
        ({"state": "skipped", "says": "one"}, {"distinct_rows": 900, "classes": 1}, ("Alle 900 rijen zijn van één klasse.", "")),
        ({"state": "no_change", "says": "data, code"}, {}, ("Gegevens, code en parameters zijn die van de laatste training.", "")),
        ({"state": "failed", "error": "permanent", "says": "no column x"}, {}, ("Het mislukte.", "no column x")),
        ({"state": "succeeded", "verdict": "refuse"}, {}, ("Niet beter dan zonder model, dus er is niets bewaard.", "")),
        ({"state": "succeeded", "verdict": "deploy", "version": "2", "report": {"gate": {"gain": 0.03, "n": 500}}}, {},
         ("Versie 2 is in gebruik. Winst +0,030 op 500 rijen.", "")),
        ({"state": "succeeded", "verdict": "hold", "version": "3"}, {}, ("Versie 3 kwam door de poort en wacht ernaast op een tweede persoon.", "")),
        ({"state": "running", "stage": "fit"}, {}, ("", "")),
    ],
)  # fmt: skip
def test_what_came_of_a_training_is_said_in_the_language_of_the_page(ended, data, said):
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    job = Job(job_id="a", whose=CHURN, trigger="manual", requested_by="k", requested_at=at, **ended)
    told = {"rows": 1000, "labelled": 900, "distinct_rows": 900, "good": False, "says": "", "at": at, "completeness": 0.987, **data}
    assert came_said(job, TrainingData(job_id="a", whose=CHURN, **told), Speaker("nl", None), words("nl")["models"]) == said


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({"asked_by": "key1"}, ""),
        ({"last_success": "2026-11-20T03:00:00+00:00", "days": 7}, "laatst gelukt 20 nov 2026 03:00, toegestane dagen 7"),
        ({"data_version": "c@2", "trained_on": None, "new_labels": 1200, "bar": 100}, "gegevens c@2, nieuwe labels 1.200, gevraagd 100"),
        (
            {"dropped": True, "says": "auc fell", "windows": [[1, {"dropped": True, "metric": "auc", "current": 0.8, "baseline": 0.9}]]},
            "AUC 0,800 over 1 dag(en), 0,900 ervoor",
        ),
    ],
)
def test_what_a_trigger_rests_on_is_said_in_the_language_of_the_page(evidence, said):
    assert evidence_said(evidence, {}, Speaker("nl", None), words("nl")["models"]) == said


def test_what_there_was_to_train_on_and_what_the_clock_does_stand_on_the_pages(service, bench):
    now = bench.now()
    bench.standings.know(CHURN, kind="classification", metric="auc", direction="up", now=now)
    few = TrainingData(
        job_id="a", whose=CHURN, rows=1200, labelled=40, distinct_rows=38, good=False, says="38 labelled rows", at=now, classes=2, completeness=0.987
    )
    bench.standings.trained_on(few)
    bench.jobs.request(Job(job_id="a", whose=CHURN, trigger="manual", requested_by="k", requested_at=now))
    bench.jobs.claim("a", run_id="r", now=now)
    bench.jobs.end("a", Ended(state="skipped", says="38 labelled rows"), now=now)
    hour = dt.timedelta(hours=1)
    bench.standings.scheduled(CHURN, "performance_check", cron="0 */4 * * *", enabled=True, last_run_at=now - 9 * hour, next_run_at=now - 5 * hour)
    bench.standings.scheduled(CHURN, "forced", cron="0 */4 * * *", enabled=True, last_run_at=now - 9 * hour, next_run_at=now)
    page = Pages(service, "viewer")
    one = page.get("/nl/models/churn")
    for told in ("1.200", "98,7", "Niet genoeg", "38 verschillende rijen met een label zijn niet genoeg."):
        assert told in one, told
    assert one.count("data-live-every") == 3
    listed = page.get("/en/models")
    assert "0 of 0; 1 skipped, 0 unchanged" in listed
    assert "schedules run (" in listed
    assert Speaker("en", None).moment(now - 9 * hour + dt.timedelta(days=7)) in listed
    assert Speaker("en", None).moment(now - 5 * hour) not in listed, "what is past is not next"
    assert "At the next check" in listed
    service.runs.clock = False
    still = page.get("/en/models")
    assert "schedules do not run" in still
    assert Speaker("en", None).moment(now + hour) not in still
    scraped = service.get("/metrics", headers=service.key()).text
    assert 'seeding_model_training_data_completeness{model="churn",tenant="default"} 0.987' in scraped
    assert 'seeding_model_active_jobs{model="churn",tenant="default"} 0.0' in scraped
    assert "seeding_model_" not in service.get("/metrics", headers={"cookie": ""}).text
    assert "churn" not in service.get("/metrics", headers=service.key(tenant="other")).text


def test_nobody_sees_anothers_models(service, bench):
    other = Whose("other", "churn")
    bench.standings.know(other, kind="classification", metric="auc", direction="up", now=bench.now())
    bench.jobs.request(Job(job_id="job_theirs", whose=other, trigger="manual", requested_by="secret_person", requested_at=bench.now()))
    bench.alert("drift", other, column="secret_column")
    for url in ("/en/models", "/en/models/churn"):
        text = Pages(service, "viewer").get(url)
        assert "secret" not in text
        assert "has drifted" not in text


def test_the_bars_are_edited_in_the_settings(service, bench):
    here = "/api/v1/settings/models.retraining"
    change = {"values": {"retraining_threshold": 0.05}, "scope": "churn", "reason": "noisy labels"}
    assert service.put(here, json=change, headers=service.key("steward")).status_code == 200
    from seeding_platform.models.operations.settings import retraining_of

    assert retraining_of(bench.adjusted, "churn").retraining_threshold == 0.05
    assert retraining_of(bench.adjusted, "roi").retraining_threshold == 0.03
    assert "Daling die opnieuw traint" in Pages(service, "steward").get("/nl/settings/models.retraining?scope=churn")
    assert "model/churn" in Pages(service, "steward").get("/en/settings/models.promotion?scope=churn")


def test_a_chart_draws_what_was_measured_where_it_lies():
    day = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    points = [Measured(day, 0.8, False, 0.7, 0.9), Measured(day + dt.timedelta(days=1), 0.6, True), Measured(day + dt.timedelta(days=2), 0.9, True)]
    told = {"floor_name": "floor", "shown": str, "day": str, "label": "x & y", "width": 600}
    drawn = str(measured_chart(points, floor=0.6, **told))
    assert drawn.count('class="fl2"') == 1
    assert drawn.count('class="fl1"') == 2
    assert "x &amp; y" in drawn
    floor = float(re.search(r'class="ref" x1="52" x2="586" y1="([\d.]+)"', drawn)[1])
    low = float(re.search(r'class="fl1" cx="[\d.]+" cy="([\d.]+)"', drawn)[1])
    assert floor == low, "a figure at the floor lies on its line"
    assert str(measured_chart([], floor=0.6, **told)) == ""
    assert "NaN" not in str(measured_chart(points[:1], floor=None, **told)).replace("nan", "NaN")


def test_both_languages_have_the_same_words():
    def keys(told) -> object:
        return {k: keys(v) for k, v in told.items()} if isinstance(told, dict) else None

    assert keys(words("en")["models"]) == keys(words("nl")["models"])
