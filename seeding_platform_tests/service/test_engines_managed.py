"""Engines over the API and the command line: how they stand, generations side by side, and every deed, for one's own organisation only."""

import json

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app as commands
from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.delivery.comparing import compared
from seeding_platform.distribution.delivery.standing import registered
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.storage.delivery.records import DeliveryState, EndpointKind, Trace
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.test_bundle import BY_FORMAT, INPUTS, build, measured, more_posts

ENGINE = "content_performance_ml"
AT = f"/api/v1/engines/{ENGINE}"
TENANT = "t1"
WHY = {"reason": "a test"}


class Managed:
    """Engines of an organisation, and keys of its people."""

    def __init__(self, service):
        self.service, self.inside = service, service.app.state.service
        self.publisher = self.inside.delivering.publisher

    def publish(self, number=None, engine=ENGINE):
        made = build(self.publisher.root, engine, **({} if number is None else {"inputs": more_posts(number)}))
        return made, self.publisher.published(TENANT, engine, now=self.inside.now())

    def address(self, target="http://127.0.0.1:9/in", kind=EndpointKind.HTTP, engine=ENGINE, named="ep_1"):
        return registered(
            self.publisher, TENANT, engine, kind=kind, target=target, endpoint_id=named, actor="test", now=self.inside.now(), private=True
        )[0]  # fmt: skip

    def tried(self, *, dead=True, named="ep_1"):
        """What is due is tried once: it arrives, or is given up."""
        queue, now = self.publisher.queue, self.inside.now()
        (claim,) = [c for c in queue.claim(owner="w", limit=9, lease=self.publisher.rules.lease, now=now) if c.endpoint_id == named]
        if dead:
            return queue.failed(claim, Trace("validation-failed", "column plan: unknown", 422, 12, 40), again_at=None, now=now)
        return queue.acknowledged(claim, Trace(took_ms=7, sent=100), via="full", now=now)

    def get(self, path, role="viewer", tenant=TENANT, status=200):
        answer = self.service.get(f"/api/v1/{path}", headers=self.service.key(role, tenant))
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path, body=None, role="operator", tenant=TENANT, status=200, **headers):
        answer = self.service.post(f"/api/v1/{path}", json=body, headers=self.service.key(role, tenant) | headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def managed(service):
    return Managed(service)


def one_of(told):
    return next(e for e in told if e["engine"] == ENGINE)


def test_every_engine_is_listed_and_one_is_told_whole(managed):
    before = managed.get("engines")
    assert len(before) == 17
    assert {(e["desired"], e["state"]) for e in before} == {(None, "unbuilt")}
    managed.publish()
    managed.address()
    managed.inside.delivering.publisher.health.count(TENANT, ENGINE, "ep_1", "up", now=managed.inside.now())
    mine = one_of(managed.get("engines"))
    assert (mine["desired"], mine["acknowledged"], mine["endpoints"], mine["up_to_date"], mine["rows"]) == (1, None, 1, 0, 1)
    assert mine["lag_s"] >= 0
    assert (mine["uptime_share"], len(mine["uptime"])) == (1.0, 30)
    managed.tried(dead=False)
    mine = managed.get(f"engines/{ENGINE}")
    assert (mine["acknowledged"], mine["lag_s"], mine["up_to_date"]) == (1, 0.0, 1)
    assert [f["name"] for f in mine["fields"]][:1] == ["post_id"]
    assert mine["policy"]["pii_policy"] == "drop-1"
    assert mine["rules"]["quorum"] == 0.5
    assert mine["contract"]["maximum_lag_seconds"] == mine["policy"]["maximum_lag_seconds"]
    assert managed.get("engines/no_such", status=404)["code"] == "no-such-engine"
    (bundle,) = managed.get("bundles")
    assert (bundle["engine"], bundle["generation"], bundle["rows"], bundle["problem"]) == (ENGINE, 1, 1, None)


def test_nothing_of_another_organisation_is_told_or_done(managed):
    managed.publish()
    managed.address()
    dead = managed.tried().delivery_id
    assert one_of(managed.get("engines", tenant="other"))["desired"] is None
    assert managed.get("bundles", tenant="other") == []
    assert managed.get("deliveries", tenant="other")["deliveries"] == []
    assert managed.get(f"engines/{ENGINE}/generations", tenant="other") == []
    assert managed.get(f"engines/{ENGINE}", tenant="other")["addresses"] == []
    assert managed.get(f"engines/{ENGINE}/generations/1/diff/1", tenant="other", status=404)
    assert managed.get(f"deliveries/{dead}", tenant="other", status=404)
    assert managed.post(f"deliveries/{dead}/replay", tenant="other", status=404)
    assert managed.post(f"engines/{ENGINE}/rollback", WHY, tenant="other", status=404)
    assert managed.post(f"engines/{ENGINE}/redistribute", WHY, tenant="other", status=404)
    assert managed.post("engines/redistribute", WHY, tenant="other") == []
    assert managed.get(f"engines/{ENGINE}/endpoints", "admin", "other") == []
    for act in ("enable", "disable", "rotate-secret"):
        assert managed.post(f"engines/{ENGINE}/endpoints/ep_1/{act}", {}, role="admin", tenant="other", status=404)
    gone = managed.service.delete(f"{AT}/endpoints/ep_1", headers=managed.service.key("admin", "other"))
    assert gone.status_code == 404
    assert managed.publisher.queue.one(dead).state == DeliveryState.DEAD


def test_two_generations_are_laid_side_by_side(managed):
    managed.publish()
    managed.publish(3)
    changed = {**more_posts(3), "content_analytics": [*INPUTS["content_analytics"], measured("p3", 24, 4)]}
    build(managed.publisher.root, inputs=changed)
    managed.publisher.published(TENANT, ENGINE, now=managed.inside.now())
    told = managed.get(f"engines/{ENGINE}/generations/1/diff/2")
    assert [told[n] for n in ("added", "removed", "changed", "unchanged")] == [1, 0, 0, 1]
    assert told["examples_added"] == [{"post_id": "p3"}]
    assert (told["a"]["rows"], told["b"]["rows"]) == (1, 2)
    assert told["a"]["quality"]["confidence"]["content_posts"] == {"lowest": 1.0, "mean": 1.0}
    back = managed.get(f"engines/{ENGINE}/generations/2/diff/1")
    assert (back["removed"], back["examples_removed"]) == (1, [{"post_id": "p3"}])
    other = managed.get(f"engines/{ENGINE}/generations/2/diff/3")
    assert (other["changed"], other["unchanged"]) == (1, 1)
    (row,) = other["examples_changed"]
    assert row["key"] == {"post_id": "p3"}
    assert set(row["fields"]) == set(other["by_field"]) != set()
    assert managed.get(f"engines/{ENGINE}/generations/1/diff/9", status=404)["code"] == "no-such-generation"
    recall(
        engine_folder(managed.publisher.root, TENANT, ENGINE) / told["a"]["content_id"][:32],
        request="r",
        reason="erased",
        at="2026-11-27T06:00:00+00:00",
    )
    assert managed.get(f"engines/{ENGINE}/generations/1/diff/2", status=410)["code"] == "bundle-gone"


@pytest.mark.parametrize("kind", BY_FORMAT)
def test_rows_are_compared_in_every_format_that_has_keys(tmp_path, kind):
    first = build(tmp_path, BY_FORMAT[kind])
    empty = build(tmp_path, BY_FORMAT[kind], inputs={})
    sides = [(made.path, read_manifest(made.path)) for made in (first, empty)]
    found = compared(sides[0], sides[1])
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, first.rows, 0, 0)
    assert (compared(sides[1], sides[0]).added, compared(sides[0], sides[0]).unchanged) == (first.rows, first.rows)


def test_a_dead_letter_is_sent_again_once(managed):
    managed.publish()
    managed.address()
    dead = managed.tried().delivery_id
    page = managed.get("deliveries?state=dead")
    assert [d["delivery_id"] for d in page["deliveries"]] == [dead]
    one = managed.get(f"deliveries/{dead}")
    assert [(t["outcome"], t["code"], t["error"]) for t in one["tries"]] == [("dead", 422, "validation-failed")]
    first = managed.post(f"deliveries/{dead}/replay", **{"Idempotency-Key": "k"})
    assert (first["delivery_id"], first["state"]) == (dead, "waiting")
    assert managed.post(f"deliveries/{dead}/replay", **{"Idempotency-Key": "k"}) == first
    assert managed.post(f"deliveries/{dead}/replay", status=409)["code"] == "not-replayable"
    assert managed.get("deliveries?state=nonsense", status=422)
    managed.address("http://127.0.0.1:9/two", named="ep_2")
    page = managed.get("deliveries?limit=1")
    assert (len(page["deliveries"]), page["next_offset"]) == (1, 1)
    rest = managed.get("deliveries?limit=1&offset=1")
    assert rest["next_offset"] is None
    assert {rest["deliveries"][0]["delivery_id"], page["deliveries"][0]["delivery_id"]} > {dead}


def test_a_content_is_put_back_and_sent_again_under_new_numbers(managed):
    first, _ = managed.publish()
    assert managed.post(f"engines/{ENGINE}/rollback", WHY, status=409)["code"] == "nothing-to-put-back"
    managed.publish(3)
    assert managed.post(f"engines/{ENGINE}/rollback", {"reason": "x", "seen": 1}, status=409)["code"] == "overtaken"
    assert managed.post(f"engines/{ENGINE}/rollback", {}, status=422)
    back = managed.post(f"engines/{ENGINE}/rollback", WHY, **{"Idempotency-Key": "k"})
    assert (back["generation"], back["content_id"], back["kind"], back["reason"]) == (3, first.content_id, "rolled_back", "a test")
    assert managed.post(f"engines/{ENGINE}/rollback", WHY, **{"Idempotency-Key": "k"}) == back
    assert managed.post(f"engines/{ENGINE}/redistribute", WHY, status=422, **{"Idempotency-Key": "k"})["code"] == "idempotency-key-reused"
    assert managed.post(f"engines/{ENGINE}/redistribute", WHY)["generation"] == 4
    assert managed.post("engines/redistribute", WHY) == [{"engine": ENGINE, "generation": 5, "problem": None}]
    assert [g["generation"] for g in managed.get(f"engines/{ENGINE}/generations?limit=3")] == [5, 4, 3]
    assert managed.post("engines/analytics/rollback", WHY, status=404)["code"] == "no-generation"
    audit = managed.service.get("/api/v1/audit", headers=managed.service.key("steward", TENANT)).text
    assert [did for did in ("engines.rollback", "engines.redistribute", "engines.redistribute-all") if f'"{did}"' not in audit] == []


def test_an_address_is_kept_with_its_secret_shown_once(managed):
    wanted = {"kind": "webhook", "target": "https://engine.example/in?token=t0p"}
    made = managed.post(f"engines/{ENGINE}/endpoints", wanted, role="admin", status=201, **{"Idempotency-Key": "k"})
    assert made["secret"].startswith("whsec_")
    again = managed.post(f"engines/{ENGINE}/endpoints", wanted, role="admin", status=201, **{"Idempotency-Key": "k"})
    assert (again["endpoint_id"], again["secret"]) == (made["endpoint_id"], None)
    assert managed.post(f"engines/{ENGINE}/endpoints", wanted | {"target": "https://x.example"}, role="admin", status=422, **{"Idempotency-Key": "k"})
    (listed,) = managed.get(f"engines/{ENGINE}/endpoints", "admin")
    assert (listed["target"], listed["secret"]) == (wanted["target"], None)
    (seen,) = managed.get(f"engines/{ENGINE}")["addresses"]
    assert (seen["place"], seen["target"]) == ("engine.example", None)
    path = f"engines/{ENGINE}/endpoints/{made['endpoint_id']}"
    assert managed.post(f"{path}/disable", role="admin")["enabled"] is False
    assert managed.post(f"{path}/enable", role="admin")["enabled"] is True
    other = managed.post(f"{path}/rotate-secret", {"seen": 1}, role="admin")
    assert other["secret"] not in (None, made["secret"])
    assert managed.post(f"{path}/rotate-secret", {"seen": 1}, role="admin", status=409)
    assert managed.post(f"engines/analytics/endpoints/{made['endpoint_id']}/enable", role="admin", status=404)
    assert managed.service.delete(f"/api/v1/{path}", headers=managed.service.key("admin", TENANT)).status_code == 204
    assert managed.get(f"engines/{ENGINE}/endpoints", "admin") == []
    assert managed.post(f"engines/{ENGINE}/endpoints", wanted, role="admin", status=409, **{"Idempotency-Key": "k"})["code"] == "taken-away"
    audit = managed.service.get("/api/v1/audit", headers=managed.service.key("steward", TENANT)).text
    assert "engines.endpoint.add" in audit
    assert "t0p" not in audit


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"kind": "http", "target": "http://169.254.169.254/in"}, "address-refused"),
        ({"kind": "http", "target": "https://127.0.0.1/in"}, "address-refused"),
        ({"kind": "webhook", "target": "ftp://engine.example"}, "address-refused"),
        ({"kind": "folder", "target": "../elsewhere"}, "address-refused"),
        ({"kind": "s3", "target": "bucket"}, "address-refused"),
        ({"kind": "pull", "target": "m"}, "invalid-request"),
        ({"kind": "folder", "target": "in", "schedule": "whenever"}, "schedule-refused"),
    ],
)
def test_where_bundles_must_not_go_is_refused(managed, wanted, code):
    assert managed.post(f"engines/{ENGINE}/endpoints", wanted, role="admin", status=422)["code"] == code
    assert managed.get(f"engines/{ENGINE}/endpoints", "admin") == []


def test_roles(managed):
    managed.publish()
    for path in ("engines/redistribute", f"engines/{ENGINE}/redistribute", f"engines/{ENGINE}/rollback"):
        assert managed.post(path, WHY, role="analyst", status=403)
    assert managed.get(f"engines/{ENGINE}/endpoints", "steward", status=403)
    assert managed.publisher.ledger.newest(TENANT, ENGINE).generation == 1


def test_the_same_from_the_command_line(managed, monkeypatch, place):
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    managed.publish()
    managed.publish(3)
    managed.address()
    dead = managed.tried().delivery_id

    def run(*words, code=0):
        done = CliRunner().invoke(commands, ["engine", *words])
        assert done.exit_code == code, done.output
        return done.stdout

    mine = ("--tenant", TENANT)
    assert json.loads(run("list", *mine, "--json"))["engines"][0]["desired"] == 2
    assert "wants     2" in run("list", *mine)
    assert dead in run("deliveries", "--state", "dead", "--tries", *mine)
    assert run("deliveries", "--state", "dead") == ""
    assert "waiting" in run("replay", dead, *mine)
    run("replay", dead, *mine, code=1)
    assert json.loads(run("rollback", ENGINE, "--reason", "x", *mine, "--json"))["generation"] == 3
    assert "generation 4" in run("redistribute", "--reason", "x", *mine)
    assert [g["generation"] for g in json.loads(run("generations", ENGINE, *mine, "--json"))["generations"]] == [4, 3, 2, 1]
    secret = run("endpoint", "add", ENGINE, "folder", "trainer/in", *mine).splitlines()[0]
    assert secret.startswith("whsec_")
    made = next(e for e in json.loads(run("endpoint", "list", ENGINE, *mine, "--json"))["endpoints"] if e["kind"] == "folder")
    run("endpoint", "remove", made["endpoint_id"], code=1)
    run("endpoint", "remove", made["endpoint_id"], *mine)
    assert "trainer/in" not in run("endpoint", "list", *mine)
