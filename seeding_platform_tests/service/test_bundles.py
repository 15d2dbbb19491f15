"""Bundles over the API: byte by byte, in parts, unchanged, gone; one's own tenant's only."""

import hashlib

import pytest

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


def test_nobody_elses_and_nothing_outside(service, made):
    viewer = service.key("viewer", "t1")
    assert service.get(f"{AT}/2/manifest", headers=service.key("viewer", "other")).status_code == 404
    for path in ("2/files/..%2F..%2FCURRENT", "2/files/%2e%2e", "2/files/nothing", "2/files/manifest.json", "9/manifest", "0/manifest", "x/manifest"):
        assert service.get(f"{AT}/{path}", headers=viewer).status_code in (404, 422), path
    assert service.get("/api/v1/engines/%2e%2e/bundles/2/manifest", headers=viewer).status_code in (404, 422)
