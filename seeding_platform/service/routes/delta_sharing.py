"""Bundles over Delta Sharing (delta-io/delta-sharing, PROTOCOL.md): any client of it reads them with one of our keys as bearer token.

Addresses of files are good for one file, for minutes, and as long as the key that asked for them is; they are fetched without a key.
"""

from __future__ import annotations

import hmac
import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.distribution.pull import BundleRecalled, Fetched, NoSuchBundle, fetched
from seeding_platform.distribution.sharing import Table, described, file_lines, row_files, shared_tables, stable_id, table_bundle, url_signature
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

PREFIX = "/api/v1/delta-sharing"
URL_SECONDS = 900
MOST_LISTED = 500
router = APIRouter(prefix=PREFIX, tags=["delta-sharing"])
files = APIRouter(prefix=PREFIX, tags=["delta-sharing"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Share = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Name = Annotated[str, Path(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
Most = Annotated[int, Query(alias="maxResults", ge=0, le=MOST_LISTED)]
Page = Annotated[str | None, Query(alias="pageToken", max_length=10, pattern=r"^[0-9]+$")]
_NDJSON = "application/x-ndjson; charset=utf-8"
_LINES: dict[int | str, dict[str, Any]] = {200: {"content": {_NDJSON: {"schema": {"type": "string"}}}}}
_TABLE = "/shares/{share}/schemas/{schema}/tables/{table}"


class QueryTable(BaseModel):
    """What is asked of a table; hints about rows may be ignored, and are."""

    model_config = ConfigDict(extra="ignore")
    limitHint: int | None = Field(None, ge=0, le=2**53)
    version: int | None = Field(None, ge=1, le=1_000_000_000)
    timestamp: str | None = Field(None, max_length=100)
    startingVersion: int | None = None
    predicateHints: list[str] | None = None
    jsonPredicateHints: str | None = None


@router.get("/shares")
def get_shares(actor: Viewer, most: Most = MOST_LISTED, page: Page = None) -> dict[str, Any]:
    """The one share of the key: its tenant."""
    return _page([{"name": actor.tenant, "id": stable_id(actor.tenant)}], most, page)


@router.get("/shares/{share}")
def get_share(actor: Viewer, share: Share) -> dict[str, Any]:
    """A share."""
    _own(actor, share)
    return {"share": {"name": share, "id": stable_id(share)}}


@router.get("/shares/{share}/schemas")
def get_schemas(request: Request, actor: Viewer, share: Share, most: Most = MOST_LISTED, page: Page = None) -> dict[str, Any]:
    """Families of engines of which there are tables."""
    return _page([{"name": name, "share": share} for name in sorted({t.schema for t in _tables(request, actor, share)})], most, page)


@router.get("/shares/{share}/schemas/{schema}/tables")
def get_tables(request: Request, actor: Viewer, share: Share, schema: Name, most: Most = MOST_LISTED, page: Page = None) -> dict[str, Any]:
    """Tables of a family."""
    found = [t.as_item() for t in _tables(request, actor, share) if t.schema == schema]
    if not found:
        raise _problem(404, "no-such-table", f"There is no schema {schema} with tables.")
    return _page(found, most, page)


@router.get("/shares/{share}/all-tables")
def get_all_tables(request: Request, actor: Viewer, share: Share, most: Most = MOST_LISTED, page: Page = None) -> dict[str, Any]:
    """All tables of a share."""
    return _page([t.as_item() for t in _tables(request, actor, share)], most, page)


@router.get(f"{_TABLE}/version", response_class=Response)
def get_version(
    request: Request, actor: Viewer, share: Share, schema: Name, table: Name, since: Annotated[str | None, Query(alias="startingTimestamp")] = None
) -> Response:
    """The version of a table, in a header: the generation in force."""
    if since is not None:
        raise _problem(400, "not-supported", "Versions are not looked up by time here.")
    found = _bundle(request, actor, Table(share, schema, table))
    return Response(status_code=200, headers={"Delta-Table-Version": str(found.generation)})


@router.get(f"{_TABLE}/metadata", responses=_LINES, response_class=Response)
def get_metadata(request: Request, actor: Viewer, share: Share, schema: Name, table: Name) -> Response:
    """Protocol and schema of a table, a JSON line each."""
    shared = Table(share, schema, table)
    found = _bundle(request, actor, shared)
    return _lines(found, described(shared, found.manifest))


@router.post(f"{_TABLE}/query", responses=_LINES, response_class=Response)
def post_query(request: Request, actor: Viewer, share: Share, schema: Name, table: Name, asked: QueryTable) -> Response:
    """Protocol, schema and files of a table, a JSON line each; addresses of files are good for fifteen minutes."""
    if asked.timestamp is not None or asked.startingVersion is not None:
        raise _problem(400, "not-supported", "Ask for a version; neither moments nor changes are shared.")
    service, shared = service_of(request), Table(share, schema, table)
    found = _bundle(request, actor, shared, asked.version)
    expires = int(service.now().timestamp()) + URL_SECONDS
    base = (service.settings.public_url or str(request.base_url)).rstrip("/")

    def url(name: str) -> str:
        signature = url_signature(service.session_secret, table, share, found.generation, name, actor.key_id, expires)
        told = urlencode({"key": actor.key_id, "expires": expires, "signature": signature})
        return f"{base}{PREFIX}/files/{share}/{table}/{found.generation}/{name}?{told}"

    told = list(file_lines(found.manifest, limit=asked.limitHint, url=url, expires_ms=expires * 1000))
    tell(request, generation=found.generation, content_id=found.manifest.content_id, files=len(told))
    return _lines(found, [*described(shared, found.manifest), *told])


@files.get("/files/{share}/{table}/{generation}/{name}", response_class=FileResponse, operation_id="get_shared_file")
@files.head("/files/{share}/{table}/{generation}/{name}", include_in_schema=False)
def get_shared_file(
    request: Request,
    share: Share,
    table: Name,
    generation: Annotated[int, Path(ge=1, le=1_000_000_000)],
    name: Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")],
    key: Annotated[str, Query(max_length=100)] = "",
    expires: Annotated[int, Query(ge=0, le=10**11)] = 0,
    signature: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """A file of which `query` gave the address; 403 when its time is over, 410 once its bundle was recalled."""
    service = service_of(request)
    right = url_signature(service.session_secret, table, share, generation, name, key, expires)
    if not hmac.compare_digest(right.encode(), signature.encode()) or expires < service.now().timestamp():
        raise _problem(403, "address-over", "This address is not good, or not any more; query the table again.")
    holder = service.api.named_key(key)
    if holder is None or not holder.valid(service.now()) or holder.tenant != share or not service.tenant_of(share).served:
        raise _problem(403, "address-over", "The key that asked for this address is not taken any more.")
    request.state.actor = Actor(holder.key_id, holder.role, holder.tenant)
    if "range" not in request.headers:  # a reader that asks piece by piece would fill the log; its query is on record
        tell(request, generation=generation)
    found = _known(
        lambda: fetched(service.settings.bundles, share, table, generation, content_id=service.delivering.content_of(share, table, generation))
    )
    if name not in {file.path for file in row_files(found.manifest)}:
        raise _problem(404, "no-such-file", "There is no such file.")
    path, sha256 = found.file(name)
    return FileResponse(path, media_type="application/octet-stream", headers={"ETag": f'"{sha256}"', "Cache-Control": "private, no-store"})


def _bundle(request: Request, actor: Actor, table: Table, version: int | None = None) -> Fetched:
    _own(actor, table.share)
    capable = request.headers.get("delta-sharing-capabilities", "").lower()
    formats = next((part.partition("=")[2] for part in capable.split(";") if part.strip().startswith("responseformat=")), "parquet")
    if "parquet" not in formats:
        raise _problem(400, "not-supported", "Only the response format parquet is given.")
    service = service_of(request)
    content_id = None if version is None else service.delivering.content_of(table.share, table.name, version)
    return _known(lambda: table_bundle(service.settings.bundles, table, version, content_id=content_id))


def _known(find: Any) -> Fetched:
    try:
        found: Fetched = find()
    except BundleRecalled as error:
        raise _problem(410, "bundle-recalled", str(error), instead=error.instead) from error
    except NoSuchBundle as error:
        raise _problem(404, "no-such-table", str(error)) from error
    return found


def _own(actor: Actor, share: str) -> None:
    if share != actor.tenant:
        raise _problem(404, "no-such-share", "There is no such share for this key.")


def _tables(request: Request, actor: Actor, share: str) -> list[Table]:
    _own(actor, share)
    return shared_tables(service_of(request).settings.bundles, share)


def _page(items: list[dict[str, str]], most: int, page: str | None) -> dict[str, Any]:
    begin = int(page or 0)
    end = begin + most
    return {"items": items[begin:end], **({"nextPageToken": str(end)} if end < len(items) else {})}


def _lines(found: Fetched, lines: list[dict[str, Any]]) -> Response:
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return Response(content, media_type=_NDJSON, headers={"Delta-Table-Version": str(found.generation), "Cache-Control": "private, no-store"})


def _problem(status: int, code: str, detail: str, **more: Any) -> Problem:
    """A problem that clients of Delta Sharing understand, too."""
    return Problem(status, code, detail, more={"errorCode": code.replace("-", "_").upper(), "message": detail, **more})
