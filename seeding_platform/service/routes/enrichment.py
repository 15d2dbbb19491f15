"""Enrichment: how it stands, what waits, every record's story; records sent in, brought back, judged and cancelled by those who may."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from seeding_platform.enrichment.setups import Setup
from seeding_platform.errors import BusyError
from seeding_platform.service import enriched, enriching
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.record_ids import ACTS, LONGEST
from seeding_platform.service.repeats import once
from seeding_platform.service.routes.models import told
from seeding_platform.service.runs import NoSuchRun
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.enrichment.states import ErrorClass, Stage, Status

router = APIRouter(prefix="/api/v1/enrichment/{tenant}", tags=["enrichment"])
aliases = APIRouter(prefix="/api/enrichment", tags=["enrichment"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
Tenant = Annotated[str, Path(max_length=60)]
RecordType = Literal["order", "exception"]
Id = Annotated[str, Path(min_length=1, max_length=LONGEST)]
After = Annotated[str | None, Query(max_length=LONGEST + 20, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
MOST_HOURS = 24 * 366 * 10
HoursTold = Annotated[float | None, Field(ge=0, le=MOST_HOURS, allow_inf_nan=False, description="Dead for longer, or shorter, than this by now")]
Hours = Annotated[float | None, Query(ge=0, le=MOST_HOURS, allow_inf_nan=False, description="Dead for longer, or shorter, than this by now")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Prefix = Annotated[str | None, Query(max_length=LONGEST, description="How the id begins")]
LINES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": 'Lines of JSON: `{"record_type": "order" or "exception", "record_id": "...", ...facts}`',
        "content": {kind: {"schema": {"type": "string"}} for kind in ("application/x-ndjson", "text/plain")},
    }
}
UNREADY = "The run gateway takes no runs: its daemon does not live."


class RedriveWanted(BaseModel, extra="forbid"):
    """Which dead letters are to be tried again; all without more."""

    stage: Stage | None = None
    error: ErrorClass | None = None
    older_hours: HoursTold = None
    younger_hours: HoursTold = None
    records: list[tuple[RecordType, str]] | None = Field(None, max_length=1000, description="Pairs of type and id")
    dry_run: bool = Field(True, strict=True, description="Only say which")


class CancelWanted(BaseModel, extra="forbid"):
    """Why a record is not to be worked on."""

    reason: Reason
    stage: Stage | None = Field(None, description="From this stage on; all without it")


class StageWanted(BaseModel, extra="forbid"):
    """Which stage is meant."""

    stage: Stage | None = Field(None, description="The one that failed without it, else the first")


class PauseWanted(BaseModel, extra="forbid"):
    """What is to be left alone."""

    stage: Stage | None = Field(None, description="All without it")
    reason: Reason


class ReviewGiven(BaseModel, extra="forbid"):
    """What a person says is right."""

    label: str = Field(
        min_length=1, max_length=300, description="A label; of another stage an action, or kinds of problems with + between them, or none"
    )
    stage: Stage = Field(Stage.CLASSIFICATION, description="Of another stage the record goes on as it is: it is what versions are compared by")
    reason: Literal["low_confidence", "sample", "dead"]


class SampleWanted(BaseModel, extra="forbid"):
    """How many accepted answers get a second look."""

    share: float = Field(gt=0, le=1)


class SharingWanted(BaseModel, extra="forbid"):
    """Whether figures are compared with those of others."""

    shared: bool = Field(strict=True)


class VersionWanted(BaseModel, extra="forbid"):
    """What a version is to be."""

    version: str | None = Field(None, min_length=1, max_length=500, description="As `GET versions` names it; or `setup`")
    setup: Setup | None = Field(None, description="A version that was never seen, by what differs in it from what is configured; only as a candidate")
    state: Literal["candidate", "live", "refused", "retired"]
    share: float = Field(0.0, ge=0, le=1, description="Share of records that a candidate is tried on")
    reason: Reason


@aliases.get("/health/{tenant}", name="alias_health")
@router.get("/health")
def get_health(request: Request, actor: Viewer, tenant: Tenant) -> dict[str, Any]:
    """How enrichment stands: its status, alerts that stand, the newest figures, pauses, breakers of providers."""
    return told(enriched.health(service_of(request), enriched.own(actor, tenant)))


@aliases.get("/report/{tenant}", name="alias_report")
@router.get("/report")
def get_report(
    request: Request, actor: Viewer, tenant: Tenant, period: Literal["daily", "weekly"] = "daily", lang: Literal["en", "nl"] = "en"
) -> dict[str, Any]:
    """What became of the records in a day or a week, beside the period before: figures, and a text in English or Dutch."""
    return told(enriched.report(service_of(request), enriched.own(actor, tenant), period, lang))


@aliases.get("/backlog/{tenant}", name="alias_backlog")
@router.get("/backlog")
def get_backlog(request: Request, actor: Viewer, tenant: Tenant) -> dict[str, Any]:
    """What waits, by stage and state, since when the oldest, and when it will be worked off."""
    return told(enriched.backlog(service_of(request), enriched.own(actor, tenant)))


@aliases.post("/process/{tenant}", status_code=202, name="alias_process")
@router.post("/process", status_code=202)
def post_process(request: Request, actor: Operator, tenant: Tenant, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for a run that works through what is due now; it would come by itself within a minute. 409 while another one is under way."""
    service = service_of(request)
    enriched.own(actor, tenant)

    def work() -> Response:
        try:
            run_id = service.runs.start("enrich", tenant=tenant)
        except BusyError as error:
            raise Problem(409, "busy", str(error)) from error
        except NoSuchRun as error:
            raise Problem(503, "runs-not-accepted", UNREADY) from error
        return JSONResponse({"run_id": run_id}, status_code=202, headers={"Location": f"/api/v1/runs/{run_id}"})

    return once(service, tenant, idempotency_key, "enrichment:process", work)


@router.get("/records")
def list_records(
    request: Request,
    actor: Viewer,
    tenant: Tenant,
    status: Status | None = None,
    stage: Stage | None = None,
    error: ErrorClass | None = None,
    dead: bool | None = None,
    begins: Prefix = None,
    after: After = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Records by type and id, with where they are in each stage; those that have a stage for which all that is asked holds."""
    wanted: dict[str, Any] = {"status": status, "stage": stage, "error": error, "dead": dead, "text": begins}
    return told(enriched.records(service_of(request), enriched.own(actor, tenant), **wanted, after=after, limit=limit))


@router.post("/records", status_code=202, openapi_extra=LINES)
async def post_records(request: Request, actor: Analyst, tenant: Tenant) -> Response:
    """Send records in as lines of JSON: 202 with how many are new, changed and unchanged, and every line that is refused, with the reason.

    A record that was sent before under its id and has not changed stays as it is. 422 when not one line is a record.
    """
    lines = enriching.Sent(service_of(request), enriched.own(actor, tenant))
    async for chunk in request.stream():
        if lines.add(chunk):
            await run_in_threadpool(lines.flush)
    done = await run_in_threadpool(lines.done)
    tell(request, **{name: done[name] for name in ("new", "changed", "unchanged", "refused")})
    return JSONResponse(done, status_code=202)


@router.get("/records/{record_type}/{record_id:record}")
def get_record(request: Request, actor: Viewer, tenant: Tenant, record_type: RecordType, record_id: Id) -> dict[str, Any]:
    """The story of a record: its facts, each stage with its output, every attempt, action and label."""
    try:
        return told(enriched.story_told(enriched.story(service_of(request), enriched.own(actor, tenant), record_type, record_id)))
    except Problem as none:
        if none.code == "no-such-record" and record_id.rpartition("/")[2] in ACTS:  # no record is called so: it is the address of a deed
            raise Problem(405, "http-405", "Method Not Allowed", headers={"Allow": "POST"}) from none
        raise


@router.post("/records/{record_type}/{record_id:record}/cancel")
def post_cancel(request: Request, actor: Operator, tenant: Tenant, record_type: RecordType, record_id: Id, asked: CancelWanted) -> dict[str, Any]:
    """Work on a record no more; what is finished stays, and only another input of it brings it back. 409 when all is finished."""
    ended = enriching.cancel(service_of(request), enriched.own(actor, tenant), (record_type, record_id), stage=asked.stage, reason=asked.reason)
    tell(request, did="cancel", reason=asked.reason)
    return {"cancelled": [ref.stage for ref in ended]}


@router.post("/records/{record_type}/{record_id:record}/again", status_code=202)
def post_again(request: Request, actor: Operator, tenant: Tenant, record_type: RecordType, record_id: Id, asked: StageWanted) -> dict[str, Any]:
    """Do a stage of a record anew, and what rests on it; an action that was carried out is not repeated. 409 where that cannot be."""
    done = enriching.again(service_of(request), enriched.own(actor, tenant), (record_type, record_id), stage=asked.stage)
    return {"stage": done.stage}


@router.post("/records/{record_type}/{record_id:record}/replay")
def post_replay(request: Request, actor: Operator, tenant: Tenant, record_type: RecordType, record_id: Id, asked: StageWanted) -> dict[str, Any]:
    """Ask the provider about a record anew and show both answers, with the fields that differ; neither state nor action follows from it."""
    done = enriching.replay(service_of(request), enriched.own(actor, tenant), (record_type, record_id), stage=asked.stage)
    tell(request, stage=done.stage, cost=done.cost)
    differing = [{"field": path, "old": old, "new": new} for path, (old, new) in done.differing.items()]
    return told({**asdict(done), "differing": differing})


@router.get("/dead-letters")
def list_dead_letters(
    request: Request, actor: Viewer, tenant: Tenant, stage: Stage | None = None, error: ErrorClass | None = None, older_hours: Hours = None,
    younger_hours: Hours = None, after: After = None, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """Rows that are not tried again by themselves, with what went wrong; somebody has to look. Filtered as `dead-letters/redrive` does."""
    service, whose = service_of(request), enriched.own(actor, tenant)
    wanted = enriched.aged(service, stage=stage, error=error, older_hours=older_hours, younger_hours=younger_hours)
    return told(enriched.dead_letters(service, whose, wanted, after=after, limit=limit))


@router.post("/dead-letters/redrive")
def post_redrive(request: Request, actor: Operator, tenant: Tenant, asked: RedriveWanted) -> dict[str, Any]:
    """Bring dead letters back as if never tried; without `dry_run: false` it only says which."""
    records = None if asked.records is None else {(kind, name) for kind, name in asked.records}
    service, whose = service_of(request), enriched.own(actor, tenant)
    wanted = enriched.aged(service, **asked.model_dump(include={"stage", "error", "older_hours", "younger_hours"}))
    back = enriching.redrive(service, whose, wanted, records=records, dry_run=asked.dry_run)
    tell(request, dry_run=asked.dry_run, redriven=len(back))
    listed = [{"record_type": r.record_type, "record_id": r.record_id, "stage": r.stage} for r in back[: enriching.MOST_TOLD]]
    return {"dry_run": asked.dry_run, "redriven": len(back), "records": listed}


@router.post("/pauses", status_code=201)
def post_pause(request: Request, actor: Operator, tenant: Tenant, asked: PauseWanted) -> dict[str, Any]:
    """Let a stage, or all of enrichment, be: nothing of it is claimed until the pause ends, and nothing is lost."""
    stage = str(asked.stage or "")
    made = enriching.pause(service_of(request), enriched.own(actor, tenant), stage=stage, reason=asked.reason, actor=actor.key_id)
    tell(request, stage=stage, reason=asked.reason)
    return told(asdict(made))


@router.delete("/pauses", status_code=204)
def delete_pause(request: Request, actor: Operator, tenant: Tenant, stage: Stage | None = None) -> None:
    """End a pause of a stage, or the one of all stages."""
    enriching.resume(service_of(request), enriched.own(actor, tenant), stage=str(stage or ""))


@router.get("/reviews")
def list_reviews(request: Request, actor: Viewer, tenant: Tenant, dead: bool = False, after: After = None, limit: Limit = 50) -> dict[str, Any]:
    """Classifications that wait for a person: unsure ones, samples, and with `dead` those that no machine could answer."""
    return told(enriched.reviews(service_of(request), enriched.own(actor, tenant), dead=dead, after=after, limit=limit))


@router.post("/reviews/{record_type}/{record_id:record}", status_code=201)
def post_review(request: Request, actor: Analyst, tenant: Tenant, record_type: RecordType, record_id: Id, asked: ReviewGiven) -> dict[str, Any]:
    """Say which label a record has: it holds at once, opens the next stage, and is what better models are trained on.

    What is said of another stage changes nothing of the record: versions of the stage are compared and proven by it.
    """
    service, record, whose = service_of(request), (record_type, record_id), enriched.own(actor, tenant)
    if asked.stage is Stage.CLASSIFICATION:
        said = enriching.judge(service, whose, record, label=asked.label, reason=asked.reason, actor=actor.key_id)
    else:
        said = enriching.say(service, whose, record, stage=asked.stage, told=asked.label, reason=asked.reason, actor=actor.key_id)
    tell(request, label=asked.label, machine_label=said.machine_label)
    return told(asdict(said))


@router.post("/samples", status_code=201)
def post_sample(request: Request, actor: Steward, tenant: Tenant, asked: SampleWanted) -> dict[str, Any]:
    """Put a share of accepted answers up for a second look by people."""
    drawn = enriching.sample(service_of(request), enriched.own(actor, tenant), asked.share)
    tell(request, drawn=len(drawn))
    return {"drawn": len(drawn)}


@router.get("/versions")
def list_versions(request: Request, actor: Viewer, tenant: Tenant) -> list[dict[str, Any]]:
    """Versions of each stage, the newest first, with how they did on the golden set; a candidate also beside what is live."""
    return told(enriched.versions(service_of(request), enriched.own(actor, tenant)))


@router.post("/versions/{stage}")
def post_version(request: Request, actor: Steward, tenant: Tenant, stage: Stage, asked: VersionWanted) -> dict[str, Any]:
    """Let a version be live, tried on a share of records, refused or retired, whatever the golden set says; a reason goes on record.

    With `setup` another model, prompt, list of providers or classifier becomes a candidate.
    """
    service, whose = service_of(request), enriched.own(actor, tenant)
    version, setup = asked.version, asked.setup
    if (version is None) == (setup is None) or (setup is not None and asked.state != "candidate"):
        raise Problem(422, "invalid-request", "Name either a version, or a setup of one that is to be a candidate.")
    if setup is not None:
        version = enriching.set_up(service, whose, stage=str(stage), setup=setup, actor=actor.key_id)
    assert version is not None  # noqa: S101
    by = {"actor": actor.key_id, "reason": asked.reason}
    done = enriching.put_version(service, whose, stage=str(stage), version=version, state=asked.state, share_=asked.share, **by)
    tell(request, version=version, state=asked.state, reason=asked.reason)
    return done


@router.get("/comparison")
def get_comparison(request: Request, actor: Viewer, tenant: Tenant) -> dict[str, Any]:
    """Own figures beside the quartiles of at least five others, never names; only for those that share theirs."""
    return told(enriched.comparison(service_of(request), enriched.own(actor, tenant)))


@router.post("/comparison/sharing")
def post_sharing(request: Request, actor: Steward, tenant: Tenant, asked: SharingWanted) -> dict[str, Any]:
    """Share one's figures for comparison, or no longer."""
    enriching.share_figures(service_of(request), enriched.own(actor, tenant), on=asked.shared, actor=actor.key_id)
    tell(request, shared=asked.shared)
    return {"shared": asked.shared}
