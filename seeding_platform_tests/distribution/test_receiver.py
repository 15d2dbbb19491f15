"""What the reference receiver does beside what the kit can see: limits, a full disk, an engine that will not, who shares a bundle, what is kept."""

import asyncio
import errno
import json

import pytest

from seeding_platform.distribution import holdings, receiver
from seeding_platform.distribution.conformance.caller import Caller
from seeding_platform.distribution.conformance.publisher import Publisher, rows
from seeding_platform.distribution.taken import MERGED, rows_of
from seeding_platform_tests.distribution.receivers import KEYS, SECRET, AsgiLine, fresh, now, receiver_in

ENGINE, PART = "parcels", "part-00000.parquet"


@pytest.fixture
def used():
    return []


@pytest.fixture
def app(tmp_path, used):
    return receiver_in(tmp_path, use=lambda folder, manifest: used.append((folder.name, manifest.rows)))


@pytest.fixture
def caller(app):
    return Caller(AsgiLine(app), SECRET, now=now, fresh=fresh)


@pytest.fixture
def publisher():
    return Publisher(KEYS, tenant="t1", now=now, fresh=fresh)


def delivered(caller, made):
    first = caller.prepare(made)
    for name in first.body.get("files", []):
        assert caller.put(made, name).status == 204
    assert caller.prepare(made).body["state"] == "prepared"
    return caller.about("activate", made)


def test_the_engine_is_told_once_and_may_refuse(caller, publisher, app, used, caplog):
    first, second = (publisher.release(ENGINE, g, rows(5 + g)) for g in (1, 2))
    assert delivered(caller, first).status == 200
    assert caller.about("activate", first).status == 200
    assert used == [(first.content_id, 6)]

    def will_not(folder, manifest):
        raise RuntimeError("row 17 of anna@example.com")

    app.use = will_not
    refused = delivered(caller, second)
    assert (refused.status, refused.body["code"]) == (422, "activation-failed")
    assert "anna" not in json.dumps(refused.body) + caplog.text
    assert "RuntimeError" in caplog.text
    assert caller.status("t1", ENGINE).body["generation"] == 1
    app.use = lambda folder, manifest: None
    assert caller.about("activate", second).body["generation"] == 2


def test_nothing_is_told_that_is_not_on_disk(caller, publisher, monkeypatch, tmp_path):
    made = publisher.release(ENGINE, 1, rows(5))
    for name in caller.prepare(made).body["files"]:
        caller.put(made, name)
    whole = holdings.durable

    def full(path, content):
        if path.name == holdings.STATE:
            raise OSError(errno.ENOSPC, "no space")
        whole(path, content)

    monkeypatch.setattr(holdings, "durable", full)
    reply = caller.prepare(made)
    assert (reply.status, reply.body["code"], reply.headers["retry-after"]) == (503, "later", "5")
    assert caller.about("activate", made).status == 409
    monkeypatch.undo()
    assert caller.prepare(made).body["state"] == "prepared"
    assert json.loads((tmp_path / "t1" / ENGINE / "state.json").read_text())["highest"] == 1


def test_limits(caller, publisher, monkeypatch):
    monkeypatch.setattr(receiver, "MOST_BODY_BYTES", 1000)
    reply = caller.post("prepare", b" " * 1001)
    assert (reply.status, reply.body["code"]) == (413, "too-large")
    monkeypatch.undo()
    huge = publisher.release(ENGINE, 1, rows(5), told={"files": [{"path": PART, "bytes": 10**13, "sha256": "0" * 64, "rows": 5}]})
    assert caller.prepare(huge).body["code"] == "validation-failed"
    many = [{"path": f"p{i}", "bytes": 1, "sha256": "0" * 64, "rows": None} for i in range(1001)]
    assert caller.prepare(publisher.release(ENGINE, 1, rows(5), told={"files": many})).status == 400
    half = caller.preparing(publisher.release(ENGINE, 1, rows(5))) | {"release": "\ud800"}
    assert caller.post("prepare", half).body["code"] == "malformed"


def test_who_shares_a_bundle_gets_its_files_once_and_keeps_them_after_the_others_recall(caller, publisher, app, tmp_path):
    table, content = rows(8), {}
    mine = publisher.release(ENGINE, 1, table)
    theirs = publisher.release("parcels_too", 1, table, told={"content_id": mine.content_id}, facts={"content_id": mine.content_id})
    for made in (mine, theirs):
        content[made.facts["engine"]] = caller.prepare(made).body["files"]
    for name in content[ENGINE]:
        assert caller.put(mine, name).status == 204
    for made in (mine, theirs):
        assert caller.prepare(made).body["state"] == "prepared"
        assert caller.about("activate", made).status == 200
    assert caller.about("recall", mine, reason="erased", instead=None).status == 200
    assert not (tmp_path / "t1" / ENGINE / mine.content_id).exists()
    assert caller.status("t1", "parcels_too").body["state"] == "active"
    assert app.holdings.announced(mine.content_id) == [tmp_path / "t1" / "parcels_too" / mine.content_id]


def test_only_the_last_bundles_are_kept(caller, publisher, tmp_path):
    made = [publisher.release(ENGINE, g, rows(5 + g)) for g in range(1, 6)]
    for one in made:
        assert delivered(caller, one).status == 200
    kept = {p.name for p in (tmp_path / "t1" / ENGINE).iterdir() if p.is_dir()}
    assert kept == {one.content_id for one in made[2:]}


@pytest.mark.parametrize("kind", ["parquet", "arrow", "ndjson", "json", "csv"])
def test_a_delta_is_applied_in_every_format(caller, publisher, tmp_path, kind):
    base = publisher.release(ENGINE, 1, rows(60), kind=kind)
    delivered(caller, base)
    after = rows(62, shift=0).filter(rows(62)["stops"] != 3)
    made = publisher.release(ENGINE, 2, after, kind=kind, base=base)
    assert sorted(caller.prepare(made).body["files"]) == sorted(made.names("delta"))
    assert delivered(caller, made).body["via"] == "delta"
    folder = tmp_path / "t1" / ENGINE / made.content_id
    assert (folder / MERGED).is_file()
    assert rows_of(folder, holdings.manifest_in(folder)).collect().sort("ref").equals(after.sort("ref"))


def test_a_server_may_start_and_stop_it(app):
    told, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def receive():
        return told.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert app.holdings.root.is_dir()


def test_addresses_that_are_none(caller):
    for method, path in (
        ("GET", "/"),
        ("GET", "/v1/prepare"),
        ("DELETE", "/v1/status"),
        ("POST", "/v1/files/x/y"),
        ("GET", f"/v1/files/{'0' * 64}/a"),
    ):
        assert caller.line.send(method, path, caller.signed(b""), b"").status == 404
    assert caller.status("..", ENGINE).status == 400
    assert caller.status("t1", "").status == 400


def test_files_that_were_lost_are_wanted_again_and_not_said_to_be_in_use(caller, publisher, tmp_path):
    made = publisher.release(ENGINE, 1, rows(5))
    assert delivered(caller, made).status == 200
    part = next(tmp_path.glob(f"t1/{ENGINE}/*/{PART}"))
    part.unlink()
    assert caller.status("t1", ENGINE).body["state"] == "none"
    lost = caller.about("activate", made)
    assert (lost.status, lost.body["code"]) == (422, "activation-failed")
    assert caller.prepare(made).body == {"state": "wanting", "files": [PART]}
    assert caller.put(made, PART).status == 204
    again = caller.prepare(made)
    assert (again.body["state"], again.body["proof"]) == ("active", made.proof("full"))
    assert caller.status("t1", ENGINE).body["generation"] == 1


def test_a_release_that_was_signed_anew_is_proved_anew(caller, publisher):
    first = publisher.release(ENGINE, 1, rows(5))
    delivered(caller, first)
    second = publisher.release(ENGINE, 1, rows(5))
    assert (second.content_id, second.release == first.release) == (first.content_id, False)
    told = caller.prepare(second)
    assert (told.body["state"], told.body["proof"]) == ("active", second.proof("full"))
    assert second.proof("full") != first.proof("full")
    assert caller.about("activate", second).body["proof"] == second.proof("full")
