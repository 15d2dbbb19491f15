"""Bundles over the API: byte by byte, in parts, unchanged, gone; one's own tenant's only."""

import datetime as dt
import hashlib

import pytest

from seeding_platform.distribution.delivery.putting_back import rolled_back
from seeding_platform.distribution.signers import PublishedKeys, signer_of
from seeding_platform.distribution.signing import Kind, check_signature, read_signature, trusted_keys
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.test_bundle import build, more_posts

AT = "/api/v1/engines/content_performance_ml/bundles"


@pytest.fixture
def made(service):
    root = service.app.state.service.settings.bundles
    return [build(root), build(root, inputs=more_posts())]


def test_a_manifest_and_its_files(service, made):
    viewer = service.key("viewer", "t1")
    manifest = service.get(f"{AT}/2/manifest", headers=viewer)
    assert manifest.content == (made[1].path / "manifest.json").read_bytes()
    for file in manifest.json()["files"]:
        got = service.get(f"{AT}/2/files/{file['path']}", headers=viewer)
        assert hashlib.sha256(got.content).hexdigest() == file["sha256"] == got.headers["etag"].strip('"')
        part = service.get(f"{AT}/2/files/{file['path']}", headers=viewer | {"Range": "bytes=2-5"})
        assert (part.status_code, part.content) == (206, got.content[2:6])
        assert service.get(f"{AT}/2/files/{file['path']}", headers=viewer | {"If-None-Match": got.headers["etag"]}).status_code == 304
    assert service.get(f"{AT}/2/manifest", headers=viewer | {"If-None-Match": manifest.headers["etag"]}).status_code == 304
    assert service.get(f"{AT}/1/manifest", headers=viewer).json()["generation"] == 1


def test_a_recalled_one_says_why_and_what_to_take(service, made):
    viewer = service.key("viewer", "t1")
    recall(made[0].path, request="r", reason="erased", at="2026-03-01T12:00:00+00:00")
    for path in ("manifest", "files/README.md"):
        gone = service.get(f"{AT}/1/{path}", headers=viewer)
        assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json")
        assert {k: gone.json()[k] for k in ("code", "reason", "instead", "generation")} == {
            "code": "bundle-recalled", "reason": "erased", "instead": 2, "generation": 1,
        }  # fmt: skip
        assert "Take generation 2" in gone.json()["detail"]
    assert service.get(f"{AT}/2/manifest", headers=viewer).status_code == 200


def test_what_was_put_back_is_there_under_its_number_after_the_next(service):
    inside, viewer = service.app.state.service, service.key("viewer", "t1")
    publisher, now = inside.delivering.publisher, inside.now()
    made = []
    for inputs in ({}, {"inputs": more_posts()}):
        made.append(build(publisher.root, **inputs))
        publisher.published("t1", "content_performance_ml", now=now)
    for to in (1, 2):
        rolled_back(publisher, "t1", "content_performance_ml", reason="looks wrong", actor="me", now=now, to=to)
    third, fourth = (service.get(f"{AT}/{n}/manifest", headers=viewer) for n in (3, 4))
    assert [answer.content for answer in (third, fourth)] == [(m.path / "manifest.json").read_bytes() for m in made]
    recall(made[0].path, request="r", reason="erased", at="2026-03-01T12:00:00+00:00")
    gone = service.get(f"{AT}/3/manifest", headers=viewer)
    assert (gone.status_code, gone.json()["generation"], gone.json()["instead"]) == (410, 3, 4)


def test_nobody_elses_and_nothing_outside(service, made):
    viewer = service.key("viewer", "t1")
    assert service.get(f"{AT}/2/manifest", headers=service.key("viewer", "other")).status_code == 404
    for path in ("2/files/..%2F..%2FCURRENT", "2/files/%2e%2e", "2/files/nothing", "2/files/manifest.json", "9/manifest", "0/manifest", "x/manifest"):
        assert service.get(f"{AT}/{path}", headers=viewer).status_code in (404, 422), path
    assert service.get("/api/v1/engines/%2e%2e/bundles/2/manifest", headers=viewer).status_code in (404, 422)


def test_the_keys_and_the_signature_are_enough_to_check_a_manifest(service):
    inside = service.app.state.service
    signer = signer_of(inside.state, inside.trail.keys, now=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    signed = build(inside.settings.bundles, signer=signer)
    viewer = service.key("viewer", "t1")
    limited = service.app.state.service.api.create_key(
        role=Role.VIEWER, tenant="t1", label="engine", secret="limited", key_id="limited", now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        grants=["bundle/content_performance_ml"],
    )  # fmt: skip
    keys = service.get("/api/v1/engines/keys", headers={"Authorization": f"Bearer {limited}"}).json()
    assert set(keys["keys"][0]) == {"key_id", "algorithm", "public_key", "status", "not_before", "not_after"}
    trusted = trusted_keys(PublishedKeys.model_validate(keys).keys)
    manifest = service.get(f"{AT}/1/manifest", headers=viewer).content
    signature = service.get(f"{AT}/1/manifest.sig", headers=viewer)
    check_signature(Kind.MANIFEST, manifest, read_signature(signature.content, Kind.MANIFEST), trusted, now=dt.datetime(2026, 4, 1, tzinfo=dt.UTC))
    (signed.path / "manifest.sig").unlink()
    assert service.get(f"{AT}/1/manifest.sig", headers=viewer).status_code == 404
    recall(signed.path, request="r", reason="erased", at="2026-03-01T12:00:00+00:00")
    assert service.get(f"{AT}/1/manifest.sig", headers=viewer).status_code == 410
