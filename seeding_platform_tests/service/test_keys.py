"""Keys over the API, the page and the command line: shown once, rotated, revoked with a warning, each on record."""

import datetime as dt
import json
import re
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.service.pages.keys import GRACES_H
from seeding_platform.service.serve import first_admin_key
from seeding_platform.storage.api_keys import MOST_GRACE, ApiKeys, KeyRefused, LastAdmin
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.state import State
from seeding_platform_tests.service.pages import Pages

SECRET = re.compile(r"sp_[0-9a-f]{12}_[0-9a-f]{48}")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def taken(service, headers: dict[str, str]) -> bool:
    """Whether a key by itself is taken, whoever is signed in at the pages."""
    return service.app.state.service.sessions.bearer(headers["Authorization"]) is not None


def make(service, **told) -> dict:
    answer = service.post("/api/v1/keys", json={"role": "viewer", **told}, headers=service.key("admin"))
    assert answer.status_code == 201, answer.text
    return answer.json()


def actions(service) -> list[tuple[str, dict]]:
    found = service.get("/api/v1/audit", headers=service.key("steward")).json()["items"]
    return [(e["action"], e["detail"]) for e in found]


def test_a_key_tells_whom_it_is_for_and_when_it_was_used(service):
    ends = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).isoformat()
    made = make(service, holder="till of the shop", label="orders", expires_at=ends)
    assert (made["holder"], made["made_by"], made["last_used_at"]) == ("till of the shop", "admindefault", None)
    assert service.get("/api/v1/metrics", headers=bearer(made["key"])).status_code == 200
    listed = {k["key_id"]: k for k in service.get("/api/v1/keys", headers=service.key("admin")).json()}
    assert listed[made["key_id"]]["last_used_at"] is not None
    assert listed[made["key_id"]]["key"] is None
    assert len(service.get("/api/v1/keys?limit=1&offset=1", headers=service.key("admin")).json()) == 1


@pytest.mark.parametrize("ends", ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00", "soon"])
def test_an_end_that_is_past_or_without_a_zone_is_refused(service, ends):
    answer = service.post("/api/v1/keys", json={"role": "viewer", "expires_at": ends}, headers=service.key("admin"))
    for wrong in (0, "0", "1795689600", "2026-12-01"):
        assert service.post("/api/v1/keys", json={"role": "viewer", "expires_at": wrong}, headers=service.key("admin")).status_code == 422
    assert answer.status_code == 422


def test_rotating_over_the_api(service):
    made, admin = make(service), service.key("admin")
    url = f"/api/v1/keys/{made['key_id']}/rotate"
    turned = service.post(url, json={"grace_hours": 2, "seen": 1}, headers=admin)
    assert turned.status_code == 200
    fresh = turned.json()
    assert fresh["revision"] == 2
    assert fresh["old_until"] is not None
    assert [service.get("/api/v1/metrics", headers=bearer(k)).status_code for k in (made["key"], fresh["key"])] == [200, 200]
    assert service.post(url, json={"seen": 1}, headers=admin).status_code == 409
    last = service.post(url, json={"grace_hours": 0}, headers=admin).json()
    assert [service.get("/api/v1/metrics", headers=bearer(k["key"])).status_code for k in (made, fresh, last)] == [401, 401, 200]
    assert service.post(url, json={"grace_hours": 25}, headers=admin).status_code == 422
    assert service.post(url, json={}, headers=service.key("admin", "other")).status_code == 404


def test_a_session_ends_with_the_secret_that_opened_it(service):
    Pages(service, "viewer")
    api, seen = service.app.state.service.api, []
    for secret in ("", "new", "newer"):
        if secret:
            api.rotate("viewerdefault", secret=secret, grace=dt.timedelta(hours=1), now=dt.datetime.now(dt.UTC))
        seen.append(service.get("/en/upload", follow_redirects=False).status_code)
    assert seen == [200, 200, 303]


def test_the_last_admin_key_is_not_revoked(service):
    admin = service.key("admin")
    second = make(service, role="admin")
    assert service.delete("/api/v1/keys/admindefault", headers=bearer(second["key"])).status_code == 204
    refused = service.delete(f"/api/v1/keys/{second['key_id']}", headers=bearer(second["key"]))
    assert (refused.status_code, refused.json()["code"]) == (409, "own-key")
    assert service.get("/api/v1/keys", headers=admin).status_code == 401


def test_each_change_is_on_record_and_no_secret(service):
    made, admin = make(service, holder="Jan Jansen"), service.key("admin")
    turned = service.post(f"/api/v1/keys/{made['key_id']}/rotate", json={"grace_hours": 3}, headers=admin).json()
    service.delete(f"/api/v1/keys/{made['key_id']}", headers=admin)
    told = [(d["did"], d.get("grace_hours"), d.get("role")) for _, d in actions(service) if "did" in d]
    assert told == [("keys.revoke", None, "viewer"), ("keys.rotate", 3, None), ("keys.create", None, "viewer")]
    text = str([r.body for r in service.app.state.service.trail.log.newest(limit=100)])
    for secret in (made["key"], turned["key"], "Jansen"):
        assert secret not in text


# pages


@pytest.fixture
def pages(service) -> Pages:
    return Pages(service, "admin")


def field(text: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


def test_a_key_is_made_on_the_page_and_shown_once(service, pages):
    form = {"step": "create", "new_id": field(pages.get("/en/people"), "new_id"), "role": "analyst", "holder": "Desk & co", "label": "", "days": "7"}
    answer = pages.send("/en/people", **form)
    assert answer.status_code == 200
    key = SECRET.search(answer.text)[0]
    assert answer.headers["cache-control"] == "private, no-store"
    assert service.get("/api/v1/metrics", headers=bearer(key)).status_code == 200
    listed = pages.get("/en/people")
    assert key not in listed
    assert "Desk &amp; co" in listed
    kept = service.app.state.service.api.named_key(form["new_id"])
    assert (kept.role, kept.made_by) == (Role.ANALYST, "admindefault")
    assert dt.timedelta(days=6, hours=23) < kept.expires_at - kept.created_at <= dt.timedelta(days=7)
    again = pages.send("/en/people", **form)
    assert (again.status_code, SECRET.search(again.text)) == (409, None)


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"holder": ""}, "Say for whom"), ({"role": "king"}, "Choose a role"), ({"days": "0"}, "whole number"), ({"days": "³"}, "whole number")],
)
def test_a_form_that_is_wrong_makes_nothing(service, pages, typed, said):
    form = {"step": "create", "new_id": "0" * 12, "role": "viewer", "holder": "x", "days": "", **typed}
    answer = pages.send("/en/people", **form)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert 'aria-invalid="true"' in answer.text
    assert service.app.state.service.api.named_key("0" * 12) is None


def test_rotating_on_the_page_asks_first_and_once(service, pages):
    key = service.key("viewer")
    asked = pages.send("/en/people", step="rotate", key_id="viewerdefault").text
    assert "Give this key a new secret?" in asked
    assert taken(service, key)
    form = {"step": "rotated", "key_id": "viewerdefault", "seen": field(asked, "seen"), "grace_hours": "0"}
    done = pages.send("/en/people", **form)
    fresh = re.search(r"sp_viewerdefault_[0-9a-f]{48}", done.text)[0]
    assert "no longer taken" in done.text
    assert [taken(service, h) for h in (key, bearer(fresh))] == [False, True]
    assert pages.send("/en/people", **form).status_code == 409
    assert pages.send("/en/people", **{**form, "grace_hours": "48"}).status_code == 422
    assert all(dt.timedelta(hours=hours) <= MOST_GRACE for hours in GRACES_H)


def test_revoking_on_the_page_says_what_stops(service, pages):
    key = service.key("operator")
    asked = pages.send("/nl/people", step="revoke", key_id="operatordefault").text
    assert "Wat ophoudt te werken" in asked
    assert taken(service, key)
    assert pages.send("/nl/people", step="revoked", key_id="operatordefault").status_code == 303
    assert not taken(service, key)
    assert pages.send("/nl/people", step="revoke", key_id="operatordefault").status_code == 404
    own = pages.send("/en/people", step="revoke", key_id="admindefault").text
    assert "You are signed in with this key" in own
    assert 'value="revoked"' not in own
    assert pages.send("/en/people", step="revoked", key_id="admindefault").status_code == 409


def test_keys_of_others_are_not_there(service, pages):
    service.key("viewer", "other")
    assert "viewerother" not in pages.get("/en/people")
    assert pages.send("/en/people", step="revoke", key_id="viewerother").status_code == 404
    foreign = service.post("/en/people", data={"step": "revoked", "key_id": "viewerdefault"}, follow_redirects=False)
    assert foreign.status_code == 403


# the command line


def test_keys_on_the_command_line(place, monkeypatch):
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke

    def told(*words: str) -> dict:
        done = run(app, ["keys", *words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    admin = told("create", "--role", "admin", "--tenant", "t", "--for", "Kim", "--days", "10")
    turned = told("rotate", admin["id"], "--grace-hours", "2")
    assert turned["key"] != admin["key"]
    listed = told("list", "--tenant", "t")["keys"]
    assert [(k["key_id"], k["holder"], k["made_by"], k["revision"], k["valid"]) for k in listed] == [(admin["id"], "Kim", "cli", 2, True)]
    assert "sha" not in str(listed)
    assert isinstance(run(app, ["keys", "revoke", admin["id"]]).exception, LastAdmin)
    told("create", "--role", "admin", "--tenant", "t")
    assert "is revoked" in run(app, ["keys", "revoke", admin["id"]]).stdout
    assert isinstance(run(app, ["keys", "revoke", admin["id"]]).exception, KeyRefused)
    assert f"{admin['id']:<14} admin    t            revoked" in run(app, ["keys", "list"]).stdout
    assert run(app, ["keys", "rotate", admin["id"], "--grace-hours", "25"]).exit_code == 2


def test_a_first_admin_key_is_made_when_the_last_has_ended(place):
    settings = place.settings
    settings.state.mkdir(parents=True, exist_ok=True)
    long_ago = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with State.open(settings.state_url) as state:
        ends = {"expires_at": long_ago + dt.timedelta(days=1)}
        ApiState(state).create_key(role=Role.ADMIN, tenant="t", label="", secret="s", key_id="old", now=long_ago, **ends)
    said: list[str] = []
    first_admin_key(settings, tenant="t", says=said.append)
    assert len(said) == 1
    first_admin_key(settings, tenant="t", says=said.append)
    assert len(said) == 1


def test_an_id_that_no_key_has_is_not_asked_for():
    nowhere = ApiKeys(SimpleNamespace(engine=None))
    assert nowhere.key("sp_a\0b_secret", now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)) is None
    assert nowhere.named_key("a\0b") is nowhere.named_key("") is nowhere.named_key("A-b") is None
