"""Obligations over the API: a pack with its evidence, of what the asker's tenant has only."""

from seeding_platform.governance.controls.packs import PACKS, load_pack


def test_a_pack_is_held_against_what_there_is(service):
    from seeding_platform.defs.platform import Platform
    from seeding_platform_tests.governance.orders import TENANT, carried, raw

    platform = Platform(service.app.state.service.settings)
    carried(platform, raw(["cust-0001", "cust-0002"]))
    platform.state.close()
    for name in PACKS:
        found = service.get(f"/api/v1/policies/{name}", headers=service.key("steward", TENANT)).json()
        assert [o["obligation"] for o in found["obligations"]] == [o.id for o in load_pack(name).obligations]
        assert found["covers"] == load_pack(name).covers
    gdpr = {o["obligation"]: o for o in service.get("/api/v1/policies/gdpr", headers=service.key("steward", TENANT)).json()["obligations"]}
    assert (gdpr["purpose"]["status"], gdpr["purpose"]["evidence"]["purpose_declared"]["lacking"]) == ("not_met", ["orders"])
    assert "purposes:" in gdpr["purpose"]["fix"]
    other = {o["obligation"]: o for o in service.get("/api/v1/policies/gdpr", headers=service.key("steward", "other")).json()["obligations"]}
    assert other["purpose"]["status"] == "not_applicable", "another tenant has no rows of that table"


def test_there_is_no_other_pack(service):
    steward = service.key("steward")
    assert service.get("/api/v1/policies/nothing", headers=steward).status_code == 404
    assert service.get("/api/v1/policies/..%2Fgdpr", headers=steward).status_code in (404, 422)
