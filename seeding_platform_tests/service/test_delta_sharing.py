"""Bundles over Delta Sharing: the official client reads them; addresses of files are good for one file, one key and some minutes."""

import datetime as dt
import json
import random
import subprocess
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.platform_line import PlatformLine
from seeding_platform.distribution.receipt import ToldFile
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.test_bundle import BY_FORMAT, build, more_posts
from seeding_platform_tests.service.served import served

AT = "/api/v1/delta-sharing/shares"
ENGINE = "content_performance_ml"
TABLE = f"{AT}/t1/schemas/content/tables/{ENGINE}"


@pytest.fixture
def root(service):
    return service.app.state.service.settings.bundles


@pytest.fixture
def made(root):
    return build(root)


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def asked(service, viewer, **body):
    return service.post(f"{TABLE}/query", json=body, headers=viewer)


def address(service, viewer):
    return lines(asked(service, viewer))[2]["file"]["url"].removeprefix("http://testserver")


OFFICIAL = """
import sys
import delta_sharing
profile, out, engine = sys.argv[1:]
client = delta_sharing.SharingClient(profile)
share = client.list_shares()[0]
print([(t.share, t.schema, t.name) for t in client.list_all_tables()])
print([s.name for s in client.list_schemas(share)])
name = f"{profile}#t1.content.{engine}"
print(delta_sharing.get_table_version(name), len(delta_sharing.load_as_pandas(name, limit=1)))
delta_sharing.load_as_pandas(name).to_pickle(out)
"""


def test_the_official_client_reads_a_bundle(service, root, tmp_path):
    """In a process of its own: it leaves its connections open."""
    bundle = build(root, inputs=more_posts())
    for engine in set(BY_FORMAT.values()) - {ENGINE}:
        build(root, engine)
    key = service.key("viewer", "t1")["Authorization"].removeprefix("Bearer ")
    profile, out = tmp_path / "reader.share", tmp_path / "read.pickle"
    with served(service.app) as url:
        profile.write_text(json.dumps({"shareCredentialsVersion": 1, "endpoint": f"{url}/api/v1/delta-sharing", "bearerToken": key}))
        done = subprocess.run([sys.executable, "-c", OFFICIAL, str(profile), str(out), ENGINE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str([("t1", "content", ENGINE)]), "['content']", "1 1"]
    read, part = pd.read_pickle(out), pl.read_parquet(bundle.path / "part-00000.parquet")
    assert len(read) == bundle.rows == part.height == 2
    theirs = pq.read_table(bundle.path / "part-00000.parquet").to_pandas(date_as_object=True)
    pd.testing.assert_frame_equal(read, theirs)


def test_a_file_of_the_running_service_is_gone_on_with(service, made, tmp_path):
    file = next(f for f in read_manifest(made.path).files if f.rows is not None)
    told, part = ToldFile(path=file.path, bytes=file.bytes, sha256=file.sha256, rows=file.rows), tmp_path / "part"
    whole = (made.path / file.path).read_bytes()
    part.write_bytes(whole[:100])
    with served(service.app) as url:
        key = service.key("viewer", "t1")["Authorization"].removeprefix("Bearer ")
        line = PlatformLine(url, key, lambda seconds: None, random.Random(1))
        line.fetch(f"/api/v1/engines/{ENGINE}/bundles/1/files/{file.path}", told, part)
        line.http.close()
    assert part.read_bytes() == whole


def test_metadata_version_and_query(service, made, root):
    viewer = service.key("viewer", "t1")
    version = service.get(f"{TABLE}/version", headers=viewer)
    assert (version.status_code, version.headers["delta-table-version"]) == (200, "1")
    metadata = service.get(f"{TABLE}/metadata", headers=viewer)
    protocol, meta = lines(metadata)
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    fields = json.loads(meta["metaData"]["schemaString"])["fields"]
    manifest = read_manifest(made.path)
    assert [(f["name"], f["nullable"]) for f in fields] == [(f.name, f.nullable) for f in manifest.fields]
    second = build(root, inputs=more_posts())
    answer = asked(service, viewer, predicateHints=["a = 1"], jsonPredicateHints="{}", limitHint=1)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["delta-table-version"] == "2"
    file = lines(answer)[2]["file"]
    assert json.loads(file["stats"]) == {"numRecords": second.rows}
    assert len(lines(asked(service, viewer, limitHint=0))) == 2
    assert asked(service, viewer, version=1).headers["delta-table-version"] == "1"
    assert asked(service, viewer, version=7).status_code == 404
    for body in ({"timestamp": "2026-01-01T00:00:00Z"}, {"startingVersion": 1}):
        refused = asked(service, viewer, **body)
        assert (refused.status_code, refused.json()["errorCode"]) == (400, "NOT_SUPPORTED")
    only_delta = viewer | {"delta-sharing-capabilities": "responseformat=delta;readerfeatures=deletionvectors"}
    assert service.get(f"{TABLE}/metadata", headers=only_delta).status_code == 400


def test_lists_are_of_the_own_tenant_and_come_in_pages(service, made, root):
    viewer, other = service.key("viewer", "t1"), service.key("viewer", "other")
    assert [s["name"] for s in service.get(AT, headers=viewer).json()["items"]] == ["t1"]
    assert service.get(f"{AT}/t1", headers=viewer).json()["share"]["name"] == "t1"
    first = service.get(f"{AT}/t1/all-tables?maxResults=0", headers=viewer).json()
    assert first == {"items": [], "nextPageToken": "0"}
    assert [t["name"] for t in service.get(f"{AT}/t1/all-tables?pageToken=0", headers=viewer).json()["items"]] == [ENGINE]
    for path in (f"{AT}/t1", f"{AT}/t1/schemas", f"{AT}/t1/all-tables", f"{AT}/t1/schemas/content/tables", f"{TABLE}/version", f"{TABLE}/metadata"):
        assert service.get(path, headers=other).status_code == 404, path
    assert asked(service, other).status_code == 404
    for engine in ("analytics", "nothing"):
        build(root, "analytics")
        assert service.get(f"{AT}/t1/schemas/analytics/tables/{engine}/version", headers=viewer).status_code == 404
    assert service.get(f"{AT}/t1/schemas/research/tables/{ENGINE}/version", headers=viewer).status_code == 404


def test_a_damaged_bundle_hides_no_other_table(service, made, root):
    viewer = service.key("viewer", "t1")
    damaged = build(root, "content_recommendations")
    assert len(service.get(f"{AT}/t1/all-tables", headers=viewer).json()["items"]) == 2
    (damaged.path / "manifest.json").write_text("{")
    assert [t["name"] for t in service.get(f"{AT}/t1/all-tables", headers=viewer).json()["items"]] == [ENGINE]


def changed(url, **values):
    parts = urlsplit(url)
    told = {name: value[0] for name, value in parse_qs(parts.query).items()} | values
    return f"{parts.path}?{urlencode(told)}"


def test_an_address_is_good_for_one_file_only_and_not_for_long(service, made, root, monkeypatch):
    viewer = service.key("viewer", "t1")
    url = address(service, viewer)
    whole = (made.path / "part-00000.parquet").read_bytes()
    got = service.get(url)
    assert (got.content, got.headers["cache-control"]) == (whole, "private, no-store")
    assert service.head(url).headers["content-length"] == str(len(whole))
    assert service.get(url, headers={"Range": "bytes=-8"}).content == whole[-8:]
    build(root, inputs=more_posts())
    for wrong in (
        url.replace("/1/", "/2/"), url.replace("part-00000.parquet", "README.md"), url.replace("/t1/", "/other/"),
        url.replace(ENGINE, "analytics"), changed(url, expires=9_999_999_999), changed(url, key="viewerother"),
        changed(url, signature="0" * 64), changed(url, signature="ü"), urlsplit(url).path,
    ):  # fmt: skip
        assert service.get(wrong).status_code == 403, wrong
    inside = service.app.state.service
    monkeypatch.setattr(inside, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=16))
    assert service.get(url).status_code == 403


def test_an_address_ends_with_its_key_and_with_its_bundle(service, made):
    viewer, admin = service.key("viewer", "t1"), service.key("admin", "t1")
    url = address(service, viewer)
    assert service.delete("/api/v1/keys/viewert1", headers=admin).status_code == 204
    assert service.get(url).status_code == 403
    url = address(service, admin)
    recall(made.path, request="r", reason="erased", at="2026-03-01T12:00:00+00:00")
    gone = service.get(url)
    assert (gone.status_code, gone.json()["code"]) == (410, "bundle-recalled")
    for path in ("version", "metadata"):
        assert service.get(f"{TABLE}/{path}", headers=admin).status_code == 410
    assert asked(service, admin).status_code == 410
    assert service.get(f"{AT}/t1/all-tables", headers=admin).json() == {"items": []}


def test_who_read_what_is_on_record(service, made):
    viewer = service.key("viewer", "t1")
    service.get(address(service, viewer))
    seen = [(r.event.action.split("/")[-1], r.event.actor, r.event.outcome) for r in service.app.state.service.trail.log.newest(tenant="t1", limit=9)]
    assert ("query", "viewert1", "ok") in seen
    assert ("{name}", "viewert1", "ok") in seen


def test_a_key_for_one_engine_reads_that_engine_only(service, made, tmp_path, monkeypatch):
    from seeding_platform.cli import app as commands

    settings = service.app.state.service.settings
    monkeypatch.setenv("SEEDING_STATE", str(settings.state))
    file = tmp_path / "reader.share"
    told = ["engine", "share-profile", "--out", str(file), "--tenant", "t1", "--engine", ENGINE, "--endpoint", "https://platform.example/"]
    assert CliRunner().invoke(commands, told).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    profile = json.loads(file.read_text())
    assert profile["endpoint"] == "https://platform.example/api/v1/delta-sharing"
    key = {"Authorization": f"Bearer {profile['bearerToken']}"}
    assert service.get(f"{TABLE}/metadata", headers=key).status_code == 200
    assert service.get(f"{AT}/t1/schemas/content/tables/self_learning_analytics/metadata", headers=key).status_code == 403
    assert isinstance(CliRunner().invoke(commands, told).exception, Exception)
