"""Requests of people over the API: taken, carried out in the background, certified; seen by their own tenant's stewards only."""

import polars as pl

from seeding_platform.storage.lake import Lake

JAN = {"kind": "erase", "subject": [{"label": "EMAIL", "value": "jan@planted.example"}], "request_id": "r1"}


def lake_of(service):
    lake = Lake(service.app.state.service.settings.lake)
    lake.overwrite(
        "clean/orders", pl.DataFrame({"tenant": "default", "order_id": ["1", "2"], "note": ["for jan@planted.example", "for an@planted.example"]})
    )
    return lake


def test_an_erasure_is_carried_out_in_the_background(service):
    lake, steward = lake_of(service), service.key("steward")
    taken = service.post("/api/v1/privacy/requests", json=JAN, headers=steward)
    assert (taken.status_code, taken.json()["state"], taken.json()["days_left"]) == (202, "received", 29)
    assert "planted" not in taken.text
    service.app.state.watch.answer_people()
    found = service.get("/api/v1/privacy/requests/r1", headers=steward).json()
    assert (found["state"], found["days_left"], found["stores"]["lake"]["changed"]) == ("closed", None, {"clean/orders": 1})
    assert lake.read("clean/orders").collect()["note"].sort().to_list() == ["for [ERASED]", "for an@planted.example"]
    certificate = service.get("/api/v1/privacy/requests/r1/certificate", headers=steward).json()
    assert certificate["residue"] == 0
    assert [r["request_id"] for r in service.get("/api/v1/privacy/requests", headers=steward).json()] == ["r1"]
    assert service.post("/api/v1/privacy/requests", json=JAN, headers=steward).json()["state"] == "closed"


def test_it_waits_while_a_run_holds_the_lock(service):
    from seeding_platform.storage.locks import exclusive

    lake_of(service)
    service.post("/api/v1/privacy/requests", json=JAN, headers=service.key("steward"))
    with exclusive(service.app.state.service.settings.state / "seeding.lock", holder="a run"):
        service.app.state.watch.answer_people()
    assert service.get("/api/v1/privacy/requests/r1", headers=service.key("steward")).json()["state"] == "received"
    service.app.state.watch.answer_people()
    assert service.get("/api/v1/privacy/requests/r1", headers=service.key("steward")).json()["state"] == "closed"


def test_access_says_what_is_held(service):
    lake_of(service)
    found = service.post("/api/v1/privacy/requests", json=JAN | {"kind": "access", "request_id": ""}, headers=service.key("steward")).json()
    assert found["held"]["lake"] == {"clean/orders": 1}
    assert found["state"] == "closed"


def test_other_tenants_do_not_see_it(service):
    lake_of(service)
    service.post("/api/v1/privacy/requests", json=JAN, headers=service.key("steward"))
    theirs = service.key("steward", "other")
    assert service.get("/api/v1/privacy/requests", headers=theirs).json() == []
    assert service.get("/api/v1/privacy/requests/r1", headers=theirs).status_code == 404
    assert service.get("/api/v1/privacy/requests/r1/certificate", headers=theirs).status_code == 404
    assert service.post("/api/v1/privacy/requests", json=JAN, headers=theirs).status_code == 409


def test_what_names_nobody_is_refused(service):
    steward = service.key("steward")
    for subject in ([], [{"label": "EMAIL", "value": "x"}], [{"label": "email", "value": "jan@x.nl"}]):
        assert service.post("/api/v1/privacy/requests", json=JAN | {"subject": subject}, headers=steward).status_code == 422
    assert service.get("/api/v1/privacy/requests/none", headers=steward).status_code == 404


def test_nothing_of_the_person_stands_in_the_audit_log(service):
    service.post("/api/v1/privacy/requests", json=JAN, headers=service.key("steward"))
    assert "planted" not in str([r.body for r in service.app.state.service.trail.log.newest()])
