"""The pages without a browser: who may see them, what they say in both languages, that they keep their policy."""

import datetime as dt
import re

import pytest
import yaml

from seeding_platform.analytics.facts import read_fact_table
from seeding_platform.analytics.findings import Finding
from seeding_platform.service.pages.render import HERE, Speaker, words
from seeding_platform.settings import project_root
from seeding_platform.storage import snapshots
from seeding_platform_tests.service.conftest import NOW

EXPORTS = project_root() / "data" / "samples" / "exports"


@pytest.fixture
def signed_in(service):
    """Sign in with a role."""

    def sign(role: str = "analyst", tenant: str = "default"):
        key = service.key(role, tenant)["Authorization"].removeprefix("Bearer ")
        response = service.post("/en/sign-in", data={"key": key}, follow_redirects=False)
        assert response.status_code == 303
        return service

    return sign


def keys_of(tree: object, at: str = "") -> set[str]:
    return {p for k, v in tree.items() for p in keys_of(v, f"{at}/{k}")} if isinstance(tree, dict) else {at}


def test_both_languages_have_every_word():
    assert keys_of(words("en")) == keys_of(words("nl"))
    for lang in ("en", "nl"):
        for place in keys_of(words(lang)):
            text = words(lang)
            for part in place.split("/")[1:]:
                text = text[part]
            assert isinstance(text, str), f"{lang}{place} is no text (YAML reads yes, no and on as something else)"


@pytest.mark.parametrize("path", ["kpis", "ask", "upload"])
def test_nobody_sees_a_page_without_a_key(service, path):
    response = service.get(f"/en/{path}?x=1", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == f"/en/sign-in?next=/en/{path}%3Fx%3D1"
    wrong = service.post("/en/sign-in", data={"key": "sp_a_b"})
    assert wrong.status_code == 401
    assert "not known" in wrong.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/nl/kpis", "/en/\\evil", "/en//evil.example"])
def test_signing_in_leads_nowhere_else(service, target):
    key = service.key()["Authorization"].removeprefix("Bearer ")
    response = service.post("/en/sign-in", data={"key": key, "next": target}, follow_redirects=False)
    assert response.headers["location"] == "/en/overview"


@pytest.mark.parametrize("lang", ["en", "nl"])
@pytest.mark.parametrize(
    "path", ["kpis", "ask?question=spend+by+country+last+month", "ask?question=profit", "upload", "sign-in", "kpis?days=7&by=device&draw=cac"]
)
def test_pages_keep_their_policy(signed_in, lang, path):
    response = signed_in().get(f"/{lang}/{path}")
    assert response.status_code == 200
    assert f'<html lang="{lang}">' in response.text
    assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style", response.text)
    assert not re.findall(r"(?:src|href|action)=\"https?:", response.text)
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "private, no-store"


def test_the_page_shows_what_the_api_says(signed_in):
    service = signed_in()
    rows = service.get("/api/v1/kpis?metrics=spend,cac&compare=previous").json()["rows"][0]
    page = service.get("/en/kpis").text
    say = Speaker("en", None)
    assert say.figure(rows["spend"]["current"], "spend") in page
    assert say.figure(rows["cac"]["previous"], "cac") in page
    assert say.change(rows["cac"], "cac") in page


def test_a_refusal_is_in_the_language_of_the_page(signed_in):
    page = signed_in().get("/nl/ask?question=winst+per+platform").text
    assert "Niet begrepen: winst." in page
    assert "uitgaven per platform vorige maand" in page


def test_what_somebody_typed_stays_text(signed_in):
    page = signed_in().get("/en/ask", params={"question": "<img src=x onerror=alert(1)> spend"}).text
    assert "<img" not in page
    assert "&lt;img" in page


def test_a_page_may_only_bring_files_in_by_its_own_token(signed_in):
    service = signed_in("analyst")
    data = {"file": ("a.csv", (EXPORTS / "plain_weekly.csv").read_bytes())}
    assert service.post("/api/v1/ingestions", files=data).json()["code"] == "csrf"
    token = re.search(r'name="csrf" content="([0-9a-f]+)"', service.get("/en/upload").text)[1]
    assert service.post("/api/v1/ingestions", files=data, headers={"X-CSRF-Token": token}).json()["code"] == "export-refused"
    page = service.get("/en/upload").text
    assert "was not loaded" in page
    assert "add the segment or breakdown Day" in page


def test_a_viewer_sees_no_place_to_drop_files(signed_in):
    page = signed_in("viewer").get("/en/upload").text
    assert 'class="drop"' not in page
    assert "may look" in page


@pytest.mark.parametrize("told", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_nobody_is_signed_in_from_elsewhere(service, told):
    key = service.key("viewer")["Authorization"].removeprefix("Bearer ")
    refused = service.post("/en/sign-in", data={"key": key}, headers=told, follow_redirects=False)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    own = {"Origin": str(service.base_url), "Sec-Fetch-Site": "same-origin"}
    assert service.post("/en/sign-in", data={"key": key}, headers=own, follow_redirects=False).status_code == 303


def test_a_session_ends(signed_in):
    service = signed_in()
    assert service.get("/en/kpis", follow_redirects=False).status_code == 200
    service.get("/en/sign-out")
    assert service.get("/en/kpis", follow_redirects=False).status_code == 303
    service.cookies.set("sp_session", "admin.99999999999.0000")
    assert service.get("/en/kpis", follow_redirects=False).status_code == 303


def test_numbers_are_those_of_the_language():
    assert Speaker("en", "EUR").figure(198308.4, "spend") == "€198,308"
    assert Speaker("nl", "EUR").figure(198308.4, "spend").replace("\u00a0", " ") == "€ 198.308"
    assert Speaker("nl", "EUR").figure(55.381, "cac").replace("\u00a0", " ") == "€ 55,38"
    assert Speaker("en", None).figure(0.0213, "ctr") == "2.13%"
    assert Speaker("nl", None).figure(3.8612, "roas") == "3,86"


def test_without_facts_a_page_says_so(place):
    from fastapi.testclient import TestClient

    from seeding_platform.service.app import create_app
    from seeding_platform.storage.api_state import Role

    app = create_app(place.settings)
    with TestClient(app) as client:
        key = app.state.service.api.create_key(role=Role.VIEWER, tenant="t", label="", secret="s", key_id="k", now=app.state.service.now())
        client.post("/en/sign-in", data={"key": key})
        page = client.get("/en/kpis")
        assert page.status_code == 503
        assert "no facts to answer from yet" in page.text
        assert client.get("/api/v1/kpis").json()["code"] == "no-facts-yet"


def test_words_files_are_plain():
    for lang in ("en", "nl"):
        assert yaml.safe_load((HERE / "words" / f"{lang}.yaml").read_text(encoding="utf-8"))


def test_more_parts_than_fit_still_add_up(service):
    from seeding_platform.analytics import periods
    from seeding_platform.analytics.plan import QueryPlan
    from seeding_platform.service.pages import figures

    facts = service.app.state.service.facts("default")
    window = periods.last(30, "day", facts.as_of)
    plan = QueryPlan(metrics=("spend",), window=window, compare=periods.before(window, complete_through=facts.complete_through))
    whole = figures.moved(facts, "spend", "country", plan, Speaker("en", None), words("en"))
    few, figures.MOST_PARTS = figures.MOST_PARTS, 2
    try:
        cut = figures.moved(facts, "spend", "country", plan, Speaker("en", None), words("en"))
    finally:
        figures.MOST_PARTS = few
    assert [p["member"] for p in cut["moved"]][2] == f"{len(whole['moved']) - 2} others"
    assert cut["moved_total"] == whole["moved_total"]


def test_a_first_week_has_nothing_to_compare_with(service, tmp_path):
    """Every page works on the first export that somebody brings in: the period before is empty."""
    path = tmp_path / "first.csv"
    days = "".join(f"2026-09-0{d},Google,A,NL,5.00,10,100,1\n" for d in range(1, 7))
    path.write_text("date,platform,campaign,country,spend,clicks,impressions,conversions\n" + days)
    facts = read_fact_table(path, tenant="fresh")
    snapshots.publish(facts, service.app.state.service.settings.serving, now=NOW)
    key = service.key("viewer", "fresh")["Authorization"].removeprefix("Bearer ")
    service.post("/en/sign-in", data={"key": key})
    for draw in ("spend", "revenue", "cac"):
        for days_shown in (7, 30, 90):
            page = service.get(f"/en/kpis?draw={draw}&days={days_shown}")
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            assert "What moved" not in page.text


@pytest.mark.parametrize("lang", ["en", "nl"])
@pytest.mark.parametrize("path", ["overview", "runs", "watch", "dashboards"])
def test_every_page_is_in_its_language_and_shows_what_is_kept(signed_in, lang, path):
    service = signed_in("operator")
    key = service.key("operator")
    service.runs.add("abcdef0123", "failed", message="the disk was full")
    service.post("/api/v1/alert-rules", json={"metric": "cac", "operator": ">", "value": 0.01}, headers=key)
    service.post("/api/v1/targets", json={"title": "June", "metric": "spend", "amount": 10, "start": "2025-06-01", "end": "2025-07-30"}, headers=key)
    service.post("/api/v1/dashboards", json={"title": "Monday", "questions": ["spend last month"]}, headers=key)
    text = service.get(f"/{lang}/{path}").text
    shown = {"overview": "the disk was full", "runs": "abcdef01", "watch": "June", "dashboards": "Monday"}
    assert shown[path] in text
    assert {"en": "Watching", "nl": "Bewaken"}[lang] in text
    if path == "overview":
        assert {"en": "3 things wait", "nl": "Er wachten 3 dingen"}[lang] in text
    if path == "runs":
        assert 'data-send="/api/v1/runs"' in text
        assert "data-send" not in service.get("/en/runs", headers=service.key("analyst")).text


def test_a_page_drilled_into_adds_up_to_its_row(signed_in):
    service = signed_in("viewer")
    key = service.key()
    whole = service.get("/api/v1/kpis?metrics=spend&filter=platform:Google", headers=key).json()["rows"][0]["spend"]
    page = service.get("/en/kpis?by=campaign&only=platform:Google").text
    assert f"{whole:,.0f}" in page
    assert "only=platform%3AGoogle" in page
    assert service.get("/en/kpis?only=campaign:Secret_Campaign").status_code == 422


def test_findings_are_cards_once_they_are_known(signed_in):
    service = signed_in("viewer")
    shared = service.app.state.service
    assert "Worth knowing" not in service.get("/en/kpis").text
    day = dt.date(2025, 6, 28)
    told = Finding("stands_out", "spend", day.isoformat(), 900.0, 700.0, 1100.0, 90, day, day, None, {"value": 1000.0, "expected": 100.0})
    facts = shared.facts("default")
    shared._findings = {("default", facts.snapshot.id): [told]}
    for path, sentence in (("/en/kpis", "Spend was"), ("/nl/overview", "is gewoon op die weekdag")):
        assert sentence in service.get(path).text
    assert "Worth knowing" not in service.get("/en/kpis?only=platform:Google").text  # they are about all of it
    assert service.get("/api/v1/insights/findings", headers=service.key()).json()[0]["segment"] == "2025-06-28"
