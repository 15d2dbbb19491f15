"""What people keep over the API: versions, tenants, forms that cannot work; alerts judged, targets paced, links shared, ratios asked for."""

import datetime as dt

import pytest

from seeding_platform.analytics.keeping import Report
from seeding_platform_tests.service.test_api import is_problem

BODIES = {
    "questions": {"title": "Spend", "question": "spend last month"},
    "dashboards": {"title": "Monday", "questions": ["spend last month", "CAC by platform last 30 days"]},
    "alert-rules": {"metric": "cac", "operator": ">", "value": 40},
    "targets": {"title": "June", "metric": "spend", "amount": 100_000, "start": "2025-06-01", "end": "2025-06-30"},
    "annotations": {"day": "2025-06-11", "text": "Sale began"},
    "ratios": {"name": "clicks_per_euro", "numerator": "clicks", "denominator": "spend", "en": "clicks per euro", "nl": "klikken per euro"},
}
REFUSED = [
    ("questions", {"title": "", "question": "spend"}),
    ("dashboards", {"title": "x", "questions": []}),
    ("dashboards", {"title": "x", "questions": ["spend"] * 13}),
    ("alert-rules", {"metric": "nonsense", "operator": ">", "value": 1}),
    ("alert-rules", {"metric": "cac", "operator": "!=", "value": 1}),
    ("alert-rules", {"metric": "cac", "operator": ">", "value": 1, "channel": "email", "target": "not an address"}),
    ("alert-rules", {"metric": "cac", "operator": ">", "value": 1, "channel": "email", "target": "a@example.org"}),  # not set up here
    ("targets", {**BODIES["targets"], "metric": "cac"}),
    ("targets", {**BODIES["targets"], "end": "2025-05-01"}),
    ("targets", {**BODIES["targets"], "amount": -1}),
    ("annotations", {"day": 20250611, "text": "x"}),
    ("reports", {"title": "x", "questions": ["spend"], "channel": "none"}),
    ("reports", {"title": "x", "questions": ["spend"], "channel": "slack", "zone": "Mars/Olympus"}),
    ("ratios", {**BODIES["ratios"], "numerator": "ctr"}),
    ("ratios", {**BODIES["ratios"], "name": "spend"}),
    ("ratios", {**BODIES["ratios"], "en": "last month"}),
    ("ratios", {**BODIES["ratios"], "nl": "uitgaven"}),
    ("ratios", {**BODIES["ratios"], "extra": 1}),
]


@pytest.mark.parametrize("kind", BODIES)
def test_a_thing_is_kept_changed_and_removed_and_its_history_stays(service, kind):
    key = service.key("analyst")
    made = service.post(f"/api/v1/{kind}", json=BODIES[kind], headers=key)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    assert made.json()["body"].items() >= BODIES[kind].items()
    read = service.get(place, headers=key)
    assert read.headers["etag"] == '"1"'
    changed = service.put(place, json=BODIES[kind], headers={**key, "If-Match": '"1"'})
    assert changed.json()["version"] == 2
    assert is_problem(service.put(place, json=BODIES[kind], headers={**key, "If-Match": '"1"'}), 412, "changed-meanwhile")
    assert [i["item_id"] for i in service.get(f"/api/v1/{kind}", headers=key).json()] == [made.json()["item_id"]]
    for other in (service.get(place, headers=service.key(tenant="other")), service.delete(place, headers=service.key("analyst", "other"))):
        assert other.status_code == 404
    assert service.get(f"/api/v1/{kind}", headers=service.key(tenant="other")).json() == []
    assert service.delete(place, headers=key).status_code == 204
    assert service.get(place, headers=key).status_code == 404
    history = service.get(f"{place}/history", headers=key).json()
    assert [(v["version"], v["body"] is None) for v in history] == [(1, False), (2, False), (3, True)]
    assert service.get(f"{place}/history", headers=service.key(tenant="other")).status_code == 404


@pytest.mark.parametrize(("kind", "body"), REFUSED)
def test_a_form_that_cannot_work_is_refused(service, kind, body):
    assert service.post(f"/api/v1/{kind}", json=body, headers=service.key("analyst")).status_code == 422
    assert service.get(f"/api/v1/{kind}", headers=service.key()).json() == []


def test_an_alert_holds_since_the_day_its_limit_was_passed(service):
    key = service.key("analyst")
    kpis = service.get("/api/v1/kpis?metrics=cac&start=2025-06-24&end=2025-06-30", headers=key).json()["rows"][0]["cac"]

    def state(value: float, operator: str = ">") -> dict:
        made = service.post("/api/v1/alert-rules", json={"metric": "cac", "operator": operator, "value": value}, headers=key)
        return service.get(f"{made.headers['location']}/state", headers=key).json()

    assert state(kpis - 0.01) | {"since": None} == {"holds": True, "value": kpis, "since": None, "start": "2025-06-24", "end": "2025-06-30"}
    assert state(kpis + 0.01)["holds"] is False
    assert state(kpis + 0.01, "<")["holds"] is True
    assert dt.date.fromisoformat(state(0)["since"]) == dt.date(2025, 6, 30) - dt.timedelta(days=60)


def test_a_target_is_paced_by_its_even_days(service):
    key = service.key("analyst")
    body = {"title": "x", "metric": "spend", "amount": 1000, "start": "2025-06-21", "end": "2025-07-10"}
    made = service.post("/api/v1/targets", json=body, headers=key)
    told = service.get(f"{made.headers['location']}/pace", headers=key).json()["pace"]
    done = service.get("/api/v1/kpis?metrics=spend&start=2025-06-21&end=2025-06-30", headers=key).json()["rows"][0]["spend"]
    assert told["done"] == pytest.approx(done)
    assert (told["expected"], told["days_left"]) == (500, 10)
    assert told["projected"] == pytest.approx(2 * done)
    assert told["ahead"] == pytest.approx(done - 500)


def test_a_ratio_of_ones_own_answers_like_any_other_and_only_in_its_house(service):
    key = service.key("analyst")
    place = service.post("/api/v1/ratios", json=BODIES["ratios"], headers=key).headers["location"]
    rows = service.get("/api/v1/kpis?metrics=clicks_per_euro,clicks,spend&by=platform", headers=key).json()["rows"]
    assert rows
    assert all(row["clicks_per_euro"] == pytest.approx(row["clicks"] / row["spend"]) for row in rows)
    for question, lang in (("clicks per euro by platform last 30 days", "en"), ("klikken per euro per platform laatste 30 dagen", "nl")):
        told = service.post("/api/v1/nlq", json={"question": question, "lang": lang}, headers=key).json()
        assert told["status"] == "ok", told
        assert told["plan"]["metrics"] == ["clicks_per_euro"]
        assert {r["platform"]: r["clicks_per_euro"] for r in told["rows"]} == {r["platform"]: r["clicks_per_euro"] for r in rows}
    other = service.key(tenant="other")
    assert service.get("/api/v1/kpis?metrics=clicks_per_euro", headers=other).status_code == 422
    assert service.post("/api/v1/nlq", json={"question": "clicks per euro by platform"}, headers=other).json()["status"] == "not_understood"
    page = service.get("/en/ask?question=clicks+per+euro+by+platform", headers=key)
    assert "Clicks per euro" in page.text
    service.delete(place, headers=key)
    assert service.get("/api/v1/kpis?metrics=clicks_per_euro", headers=key).status_code == 422


def test_an_alert_may_watch_a_ratio_of_ones_own_which_then_stays(service):
    key = service.key("analyst")
    ratio = service.post("/api/v1/ratios", json=BODIES["ratios"], headers=key).headers["location"]
    made = service.post("/api/v1/alert-rules", json={"metric": "clicks_per_euro", "operator": ">", "value": 0.0001}, headers=key)
    assert made.status_code == 201, made.text
    alert = made.headers["location"]
    assert service.get(f"{alert}/state", headers=key).json()["holds"] is True
    assert "Clicks per euro" in service.get("/en/watch", headers=key).text
    service.app.state.watch.due()
    heard = service.get("/api/v1/events?seconds=0.1", headers={**key, "Last-Event-ID": "0"}).text
    assert "clicks per euro is above" in heard
    assert is_problem(service.delete(ratio, headers=key), 409, "in-use")
    assert is_problem(service.put(ratio, json={**BODIES["ratios"], "name": "another_name"}, headers=key), 409, "in-use")
    assert service.delete(alert, headers=key).status_code == 204
    assert service.delete(ratio, headers=key).status_code == 204
    gone = service.post("/api/v1/alert-rules", json={"metric": "clicks_per_euro", "operator": ">", "value": 1}, headers=key)
    assert is_problem(gone, 422, "no-such-metric")


def test_a_shared_link_shows_one_dashboard_at_one_version_until_its_end(service):
    key = service.key("analyst")
    place = service.post("/api/v1/dashboards", json=BODIES["dashboards"], headers=key).headers["location"]
    path = service.post(f"{place}/share?days=2", headers=key).json()["path"]
    shown = service.get(path)
    assert shown.status_code == 200
    assert "Monday" in shown.text
    assert "Secret_Campaign" not in shown.text
    assert "/en/kpis" not in shown.text  # nothing else is offered to a stranger
    wrong = path[:-1] + ("0" if path[-1] != "0" else "1")
    assert service.get(wrong).status_code == 404
    assert service.get("/api/v1/kpis", headers={"Authorization": f"Bearer {path.split('/')[-1]}"}).status_code == 401
    service.put(place, json=BODIES["dashboards"], headers=key)
    assert service.get(path).status_code == 404
    assert is_problem(service.post(f"{place}/share?days=400", headers=key), 422, "invalid-days")


def test_a_report_is_due_at_its_hour_in_its_zone():
    report = Report(title="x", questions=("spend",), channel="slack", every="week", on=1, at="07:00", zone="Europe/Amsterdam")
    tuesday = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    assert report.due(tuesday) == dt.datetime(2026, 11, 23, 6, tzinfo=dt.UTC)
    assert report.due(dt.datetime(2026, 11, 23, 5, 59, tzinfo=dt.UTC)) == dt.datetime(2026, 11, 16, 6, tzinfo=dt.UTC)
    summer = report.model_copy(update={"every": "month", "on": 28})
    assert summer.due(dt.datetime(2026, 7, 1, tzinfo=dt.UTC)) == dt.datetime(2026, 6, 28, 5, tzinfo=dt.UTC)
