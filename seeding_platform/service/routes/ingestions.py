"""Uploads of ad exports and what became of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, File, Header, Request, Response, UploadFile
from pydantic import BaseModel

from seeding_platform.governance.tenants.quotas import QuotaExceeded
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.repeats import once
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.service.uploads import Uploads
    from seeding_platform.storage.api_state import Ingestion

router = APIRouter(prefix="/api/v1/ingestions", tags=["ingestions"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]


class IngestionAnswer(BaseModel):
    """One upload."""

    ingestion_id: str
    file_name: str
    sha256: str
    bytes: int
    status: str
    actor: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    message: str
    summary: dict[str, Any]

    @classmethod
    def of(cls, ingestion: Ingestion) -> IngestionAnswer:
        """The answer for what is kept."""
        told = {f: getattr(ingestion, f) for f in cls.model_fields if f != "summary"}
        return cls(**told, summary=json.loads(ingestion.summary))


@router.post("", status_code=202, response_model=IngestionAnswer)
def post_ingestion(
    request: Request,
    actor: Analyst,
    file: Annotated[UploadFile, File(description="CSV or xlsx of an ad platform")],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Bring an export in: 202 and landed in the background, 422 with the reason and the way to export again, or 413 beyond the quota."""
    service, uploads = service_of(request), _uploads(request)
    digest = hashlib.file_digest(file.file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.file.seek(0)

    def taken() -> Response:
        try:
            made = uploads.take(file.file, file.filename or "", tenant=actor.tenant, actor=actor.key_id)
        except QuotaExceeded as error:
            raise Problem(413, "quota-exceeded", str(error), more={"of": error.counted, "held": error.held, "quota": error.most}) from error
        told = IngestionAnswer.of(made)
        if made.status == "refused":
            more = {"ingestion_id": made.ingestion_id, **{k: told.summary[k] for k in ("reason", "how_to_export_again")}}
            raise Problem(422, "export-refused", made.message, more=more)
        location = {"Location": f"/api/v1/ingestions/{made.ingestion_id}"}
        return Response(told.model_dump_json(), status_code=202, media_type="application/json", headers=location)

    return once(service, actor.tenant, idempotency_key, f"ingestions:{digest}", taken)


@router.get("")
def list_ingestions(request: Request, actor: Viewer) -> list[IngestionAnswer]:
    """The last hundred uploads, the newest first."""
    return [IngestionAnswer.of(i) for i in service_of(request).api.ingestions(tenant=actor.tenant)]


@router.get("/{ingestion_id}")
def get_ingestion(request: Request, actor: Viewer, ingestion_id: str) -> IngestionAnswer:
    """One upload: queued, running, succeeded, failed or refused."""
    found = service_of(request).api.ingestion(ingestion_id, tenant=actor.tenant)
    if found is None:
        raise Problem(404, "no-such-ingestion", "There is no such upload.")
    return IngestionAnswer.of(found)


def _uploads(request: Request) -> Uploads:
    return request.app.state.uploads
