"""Bundles fetched by engines themselves: the manifest and the files of one number; one that was recalled is gone, and says why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse

from seeding_platform.distribution.pull import BundleRecalled, Fetched, NoSuchBundle, fetched
from seeding_platform.distribution.signers import PublishedKeys, published_keys
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/engines/{engine}/bundles/{generation}", tags=["bundles"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Engine = Annotated[str, Path(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
Generation = Annotated[int, Path(ge=1, le=1_000_000_000)]
Name = Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
keys = APIRouter(prefix="/api/v1/engines", tags=["bundles"])
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Unchanged"},
}


@keys.get("/keys")
def get_keys(request: Request, actor: Viewer) -> PublishedKeys:
    """The public keys that sign bundles and releases, and until when each counts; nothing in it is secret."""
    service = service_of(request)
    return PublishedKeys(keys=tuple(published_keys(service.state, service.trail.keys)))


@router.get("/manifest", responses={200: {"content": {"application/json": {}}}, 304: {"description": "Unchanged"}}, response_class=Response)
def get_manifest(request: Request, actor: Viewer, engine: Engine, generation: Generation) -> Response:
    """The manifest of a bundle, byte by byte as it was made; 410 once the bundle was recalled."""
    found = _found(request, actor, engine, generation)
    etag = f'"{found.manifest.content_id}"'
    if _has(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return Response(found.manifest_file.read_bytes(), media_type="application/json", headers={"ETag": etag, "Cache-Control": "private, no-cache"})


@router.get("/manifest.sig", responses={200: {"content": {"application/json": {}}}}, response_class=Response)
def get_signature(request: Request, actor: Viewer, engine: Engine, generation: Generation) -> Response:
    """The signature of a manifest, by one of the keys at `/api/v1/engines/keys`; it changes when the platform signs anew."""
    try:
        text = _found(request, actor, engine, generation).signature_file.read_bytes()
    except NoSuchBundle as error:
        raise Problem(404, "no-such-file", str(error)) from error
    return Response(text, media_type="application/json", headers={"Cache-Control": "private, no-cache"})


@router.get("/files/{name}", responses=_BYTES, response_class=FileResponse)
def get_file(request: Request, actor: Viewer, engine: Engine, generation: Generation, name: Name) -> Response:
    """A file of a bundle, whole or in part (`Range`); its ETag is its sha256."""
    try:
        path, sha256 = _found(request, actor, engine, generation).file(name)
    except NoSuchBundle as error:
        raise Problem(404, "no-such-file", str(error)) from error
    etag = f'"{sha256}"'
    if _has(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return FileResponse(path, media_type="application/octet-stream", headers={"ETag": etag, "Cache-Control": "private, no-cache"})


def _found(request: Request, actor: Actor, engine: str, generation: int) -> Fetched:
    """The bundle of the actor's tenant.

    Raises:
        Problem: 404 where there is none, 410 with the number to take instead where it was recalled.
    """
    service = service_of(request)
    try:
        content_id = service.delivering.content_of(actor.tenant, engine, generation)
        return fetched(service.settings.bundles, actor.tenant, engine, generation, content_id=content_id)
    except BundleRecalled as error:
        more = {"generation": generation, "reason": error.recall.reason, "recalled_at": error.recall.at, "instead": error.instead}
        raise Problem(410, "bundle-recalled", str(error), more=more) from error
    except NoSuchBundle as error:
        raise Problem(404, "no-such-bundle", str(error)) from error


def _has(request: Request, etag: str) -> bool:
    """Whether whoever asks has these bytes already."""
    return etag in [given.strip() for given in request.headers.get("if-none-match", "").split(",")]
