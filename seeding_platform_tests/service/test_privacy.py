"""Requests of people over the API: taken, carried out in the background, certified; seen by their own tenant's stewards only."""

import io
import json
import zipfile

import polars as pl

from seeding_platform.storage.lake import Lake
from seeding_platform_tests.governance.orders import ORDERS, TENANT, raw

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


REF = {"subject": [{"label": "CUSTOMER_REF", "value": "cust-0001"}]}


def orders_of(service):
    from seeding_platform.defs.platform import Platform
    from seeding_platform_tests.governance.orders import carried

    platform = Platform(service.app.state.service.settings)
    carried(platform, raw(["cust-0001", "cust-0002"]))
    platform.state.close()
    return platform.lake


def test_values_are_put_right_and_a_person_left_out_and_taken_in_again(service):
    lake, steward = orders_of(service), service.key("steward", TENANT)
    identity = {"confirmed_by": "desk", "how": "showed a letter"}

    def asked(kind, **told):
        taken = service.post("/api/v1/privacy/requests", json=REF | {"kind": kind, "request_id": kind} | told, headers=steward)
        assert taken.status_code == 202, taken.text
        service.app.state.watch.answer_people()
        return service.get(f"/api/v1/privacy/requests/{kind}", headers=steward).json()

    done = asked("rectify", table="orders", corrections={"carrier": "PostNL"}, identity=identity)
    assert (done["state"], done["identity"]) == ("closed", {"state": "verified", "by": "desk", "how": "showed a letter"})
    assert "PostNL" in lake.read("quality/orders").collect()["carrier"].to_list()
    done = asked("restrict")
    assert (done["state"], done["identity"]["state"]) == ("closed", "not_verified")
    assert lake.read("quality/orders").collect().height == 0
    assert asked("lift")["state"] == "closed"
    wrong = REF | {"kind": "rectify", "table": "orders", "corrections": {"order_id": "x"}}
    assert service.post("/api/v1/privacy/requests", json=wrong, headers=steward).status_code == 422
    assert service.post("/api/v1/privacy/requests", json=REF | {"kind": "rectify"}, headers=steward).status_code == 422


def test_what_is_held_can_be_taken_along(service):
    orders_of(service)
    steward = service.key("steward", TENANT)
    found = service.post("/api/v1/privacy/requests", json=REF | {"kind": "portability", "request_id": "p1"}, headers=steward).json()
    assert (found["state"], found["about"]["clean/orders"]["what"]) == ("closed", ORDERS.description)
    package = service.get("/api/v1/privacy/requests/p1/package", headers=steward)
    assert package.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        assert "clean/orders.csv" in {f["path"] for f in json.loads(archive.read("manifest.json"))["files"]}
    events = service.app.state.service.trail.log.newest(action="GET /api/v1/privacy")
    assert [e.event.subject for e in events] == ["p1"]
    assert service.get("/api/v1/privacy/requests/p1/package", headers=service.key("steward", "other")).status_code == 404
    assert service.get("/api/v1/privacy/requests/none/package", headers=steward).status_code == 404


def test_an_encrypted_value_is_read_by_a_steward_and_on_record(service):
    from seeding_platform.governance.encryption import ColumnCipher
    from seeding_platform.storage.subject_keys import SubjectKeys

    held = service.app.state.service
    keys = SubjectKeys(held.state, held.trail.keys, now=held.now)
    cipher = ColumnCipher(keys, TENANT, "content_posts", "author_email", "EMAIL")
    token = cipher.encrypted(pl.Series(["jan@planted.example"]))[0]
    wanted = {"table": "content_posts", "column": "author_email", "values": [token], "reason": "asked to be called"}
    answer = service.post("/api/v1/privacy/reveals", json=wanted, headers=service.key("steward", TENANT))
    assert answer.json() == {"values": ["jan@planted.example"]}
    assert service.post("/api/v1/privacy/reveals", json=wanted, headers=service.key("steward", "other")).status_code == 422
    keys.shred(TENANT, [cipher.subject_of(token)])
    assert service.post("/api/v1/privacy/reveals", json=wanted, headers=service.key("steward", TENANT)).status_code == 410
    events = held.trail.log.newest(action="privacy.reveal")
    assert [e.event.outcome for e in events] == ["refused", "refused", "ok"]
    assert "planted" not in str([e.body for e in held.trail.log.newest()])


def test_a_held_erasure_says_by_what_and_goes_on_when_it_is_lifted(service):
    from seeding_platform.governance.holding import Holding

    lake_of(service)
    held, steward = service.app.state.service, service.key("steward")
    holding = Holding(held.state, held.trail, held.now)
    placed = holding.place(tenant="", reason="claim 7", actor="k")
    service.post("/api/v1/privacy/requests", json=JAN, headers=steward)
    service.app.state.watch.answer_people()
    found = service.get("/api/v1/privacy/requests/r1", headers=steward).json()
    assert (found["state"], found["held_by"]) == ("held", [f"{placed.hold_id} (everything): claim 7"])
    at = found["stores"]["hold"]["at"]
    service.app.state.watch.answer_people()
    assert service.get("/api/v1/privacy/requests/r1", headers=steward).json()["stores"]["hold"]["at"] == at, "it is not looked at again for nothing"
    holding.place(tenant="other", reason="something else", actor="k")
    holding.release(placed.hold_id, actor="k")
    service.app.state.watch.answer_people()
    assert service.get("/api/v1/privacy/requests/r1", headers=steward).json()["state"] == "closed"


def test_requests_are_told_by_the_page(service):
    steward = service.key("steward")
    for n in range(3):
        service.post("/api/v1/privacy/requests", json=JAN | {"kind": "access", "request_id": f"q{n}"}, headers=steward)
    url = "/api/v1/privacy/requests"
    every = service.get(url, headers=steward).json()
    parts = [service.get(f"{url}?limit=2&offset={n}", headers=steward).json() for n in (0, 2)]
    assert [len(part) for part in parts] == [2, 1]
    assert parts[0] + parts[1] == every
    assert every == [service.get(f"{url}/{one['request_id']}", headers=steward).json() for one in every]
    assert all(one["stores"] for one in every)
    assert [service.get(f"{url}?limit={n}", headers=steward).status_code for n in (0, 501)] == [422, 422]
