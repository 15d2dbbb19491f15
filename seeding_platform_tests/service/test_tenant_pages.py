"""The page of organisations: the installation's admin adds, limits and suspends; others see their own and nothing of anybody else."""

import re

import pytest

HERE = "/en/tenants"


@pytest.fixture
def whole(service):
    """Key of the installation's admin."""
    return service.key("admin", "")


def sent(service, key, **form):
    return service.post(HERE, data=form, headers=key, follow_redirects=False)


def test_one_is_added_limited_suspended_and_resumed(service, whole):
    assert sent(service, whole, step="create", tenant="acme", label="Acme & co", rows="5000", megabytes="10").status_code == 303
    shown = service.get(HERE, headers=whole).text
    assert "Acme &amp; co" in shown
    assert ">Keys</th>" in shown, "a word that is named like something a dictionary can do"
    assert "method" not in re.sub(r"<[^>]*>", "", shown)
    assert "Rows in all tables: at most 5,000" in shown
    assert "MB in all tables: at most 10" in shown
    assert sent(service, whole, step="limit", tenant="acme", requests_a_minute="60").status_code == 303
    shown = service.get(HERE, headers=whole).text
    assert "Requests a minute: at most 60" in shown
    assert "at most 5,000" not in shown, "a limit is given whole"
    theirs = service.key("viewer", "acme")
    assert service.get("/api/v1/runs", headers=theirs).status_code == 200
    asked = sent(service, whole, step="suspend", tenant="acme")
    assert "Suspend this organisation?" in asked.text
    assert service.get("/api/v1/runs", headers=theirs).status_code == 200, "nothing has been done yet"
    assert sent(service, whole, step="suspended", tenant="acme", reason="").status_code == 422
    assert sent(service, whole, step="suspended", tenant="acme", reason="unpaid").status_code == 303
    assert service.get("/api/v1/runs", headers=theirs).status_code in (401, 403)
    assert sent(service, whole, step="resumed", tenant="acme", reason="paid").status_code == 303
    assert service.get("/api/v1/runs", headers=theirs).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tenant": "../x"}, "Give a name of small letters"),
        ({"tenant": "fine", "rows": "many"}, "Rows must be a whole number"),
        ({"tenant": "fine", "megabytes": "1.5"}, "MB must be a whole number"),
        ({"tenant": "fine", "requests_a_minute": "0"}, "Requests a minute must be a whole number"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_added(service, whole, wrong, said):
    answer = sent(service, whole, step="create", **wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert "fine" not in [one["tenant"] for one in service.get("/api/v1/tenants", headers=whole).json()]


def test_others_see_their_own_and_change_nothing(service, whole):
    sent(service, whole, step="create", tenant="acme", label="")
    mine = service.key("admin", "acme")
    service.key("admin", "other")
    shown = service.get(HERE, headers=mine).text
    assert "acme" in shown
    assert "other" not in shown.split("<main", 1)[1].split("</main>", 1)[0]
    assert 'name="step"' not in shown
    assert sent(service, mine, step="suspended", tenant="acme", reason="me").status_code == 403
    assert sent(service, mine, step="suspend", tenant="default").status_code == 404
    assert sent(service, mine, step="create", tenant="second").status_code == 403
    assert sent(service, service.key("steward"), step="create", tenant="second").status_code == 403
