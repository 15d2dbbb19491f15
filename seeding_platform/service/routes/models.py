"""Models: what serves and how good it is; trained, checked, deployed and rolled back by those who may; questions, and what became of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models.operations.serving import MOST_ROWS, NothingServes
from seeding_platform.service import modelled
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.moments import Moment
from seeding_platform.service.repeats import once
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.ml.deployments import ANY
from seeding_platform.storage.ml.predictions import Label

if TYPE_CHECKING:
    from seeding_platform.models.operations.checking import Checked

router = APIRouter(prefix="/api/v1/ml", tags=["models"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
Environment = Literal["dev", "staging", "prod"]
Model = Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[str, Field(max_length=12, pattern=r"^[1-9]\d*$")]
Named = Annotated[str, Query(max_length=60)]
Scalar = bool | int | float | str | None


class CheckWanted(BaseModel, extra="forbid"):
    """Which models are to be checked, and by which bars."""

    models: list[Model] | None = Field(None, max_length=100, description="All without it")
    threshold: float | None = Field(None, gt=0, le=1, description="Drop that counts, for this check only")
    time_window: int | None = Field(None, ge=1, le=90, strict=True, description="Days of the window, for this check only")
    retrain: bool = Field(True, strict=True, description="Ask for the trainings that are due")


class TrainingWanted(BaseModel, extra="forbid"):
    """Which models are to be trained."""

    models: list[Model] | None = Field(None, max_length=100, description="All without it")
    force: bool = Field(True, strict=True, description="Without it, a model that rests after a training is left alone")
    webhook_url: str = Field("", max_length=2000, description="Is told of the end of each training")


class ValidationWanted(BaseModel, extra="forbid"):
    """Which versions are to prove that they could serve."""

    models: list[Model] | None = Field(None, max_length=100, description="All without it")
    version: Version | None = Field(None, description="Of the one model that is named; else what is held, or the newest")
    environment: Environment = "prod"


class DeploymentWanted(BaseModel, extra="forbid"):
    """Which version is to serve."""

    model: Model
    version: Version
    reason: str = Field(min_length=1, max_length=500)
    environment: Environment = "prod"
    expected_champion: Version | None = Field(None, description="Refused with 412 when another version serves")


class RollbackWanted(BaseModel, extra="forbid"):
    """Which model is to go back."""

    model: Model
    reason: str = Field(min_length=1, max_length=500)
    to: Version | None = Field(None, description="A version that served; the one before without it")
    environment: Environment = "prod"
    expected_champion: Version | None = Field(None, description="Refused with 412 when another version serves")


class ShadowWanted(BaseModel, extra="forbid"):
    """What answers beside what serves."""

    version: Version | None = Field(description="None ends it")
    share: float = Field(0.0, ge=0, le=0.5, description="Share of requests that it serves (A/B); 0 = none, its answers are only kept")
    environment: Environment = "prod"


class PromotionWanted(BaseModel, extra="forbid"):
    """Which version goes from one environment to another."""

    model: Model
    version: Version
    source: Environment
    target: Environment
    reason: str = Field(min_length=1, max_length=500)


class Question(BaseModel, extra="forbid"):
    """Rows that a model is asked about."""

    model: Model
    rows: list[dict[str, Scalar]] = Field(min_length=1, max_length=MOST_ROWS, description="Features by name")
    environment: Environment = "prod"


class PredictionAnswer(BaseModel):
    """One answer."""

    prediction_id: str
    value: Scalar
    probabilities: Mapping[str, float] | None = None


class Predictions(BaseModel):
    """The answers, in the order of the rows."""

    model: str
    version: str
    predictions: list[PredictionAnswer]


class LabelGiven(BaseModel, extra="forbid"):
    """What became of what was predicted."""

    prediction_id: str = Field(min_length=1, max_length=100)
    actual: Scalar
    observed_at: Moment


class Labels(BaseModel, extra="forbid"):
    """Labels, late ones too."""

    labels: list[LabelGiven] = Field(min_length=1, max_length=MOST_ROWS)


class LabelsAnswer(BaseModel):
    """What became of them; ids."""

    taken: int
    repeated: int
    unknown: list[str]
    conflicting: list[str]
    early: list[str] = Field(description="Seen before the prediction was made")


@router.post("/predictions")
def post_predictions(request: Request, actor: Analyst, asked: Question) -> Predictions:
    """Ask the version that serves; each answer is kept with a hash of its row, so that its label finds it."""
    service = service_of(request)
    try:
        found = service.predictor.answer(modelled.at(actor.tenant, asked.model, asked.environment), asked.rows)
    except NothingServes as error:
        raise Problem(409, "nothing-serves", str(error)) from error
    except (ContractBroken, PermanentError) as error:
        raise Problem(422, "invalid-rows", str(error)) from error
    tell(request, model=asked.model, version=found.version, rows=len(asked.rows))
    answers = [PredictionAnswer(prediction_id=a.prediction_id, value=a.value, probabilities=a.probabilities) for a in found.answers]
    return Predictions(model=asked.model, version=found.version, predictions=answers)


@router.post("/labels")
def post_labels(request: Request, actor: Analyst, given: Labels) -> LabelsAnswer:
    """Tell what became of predictions: how good a model is in real use is measured on these."""
    service = service_of(request)
    labels = [Label(x.prediction_id, x.actual, x.observed_at) for x in given.labels]
    done = service.bench.predictions.label(labels, tenant=actor.tenant, now=service.now())
    tell(request, taken=len(done.taken), unknown=len(done.unknown))
    return LabelsAnswer(
        taken=len(done.taken), repeated=len(done.repeated), unknown=list(done.unknown), conflicting=list(done.conflicting), early=list(done.early)
    )


@router.get("/models")
def list_models(request: Request, actor: Viewer) -> list[dict[str, Any]]:
    """Every model: what it predicts from what, which version serves, how good it is."""
    return told(modelled.listed(service_of(request), actor.tenant))


@router.get("/models/{model}")
def get_model(request: Request, actor: Viewer, model: str) -> dict[str, Any]:
    """One model."""
    modelled.known(model)
    return told(next(m for m in modelled.listed(service_of(request), actor.tenant) if m["model"] == model))


@router.get("/models/{model}/versions")
def list_versions(request: Request, actor: Viewer, model: str, environment: Environment = "prod") -> list[dict[str, Any]]:
    """Every version with its figures, its gate's report and its lineage, the newest first."""
    return told(modelled.versions_told(service_of(request), modelled.at(actor.tenant, model, environment)))


@router.get("/models/{model}/versions/{version}/card", response_class=Response, responses={200: {"content": {"text/markdown": {}}}})
def get_card(request: Request, actor: Viewer, model: str, version: str, environment: Environment = "prod") -> Response:
    """The model card of a version."""
    service, whose = service_of(request), modelled.at(actor.tenant, model, environment)
    found = service.bench.registry.version(whose.registered, version) if version.isdigit() and len(version) <= 12 else None
    card = None if found is None else service.bench.registry.document(found, "model_card.md")
    if card is None:
        raise Problem(404, "no-such-version", f"{model} has no version {version[:20]} with a card.")
    return Response(card, media_type="text/markdown")


@router.get("/models/{model}/lineage")
def get_lineage(request: Request, actor: Viewer, model: str, environment: Environment = "prod") -> dict[str, Any]:
    """Where the version that serves comes from."""
    service, whose = service_of(request), modelled.at(actor.tenant, model, environment)
    standing = service.bench.standings.one(whose)
    found = service.bench.registry.version(whose.registered, standing.version) if standing and standing.version else None
    return {"model": model, "version": None if found is None else found.version, "lineage": {} if found is None else modelled.lineage_of(found.tags)}


@router.put("/models/{model}/shadow")
def put_shadow(request: Request, actor: Operator, model: str, asked: ShadowWanted) -> dict[str, Any]:
    """Let a version answer beside what serves, or serve a share of the requests."""
    service, whose = service_of(request), modelled.at(actor.tenant, model, asked.environment)
    standing = service.bench.standings.one(whose)
    if standing is None or (asked.version is not None and service.bench.registry.version(whose.registered, asked.version) is None):
        raise Problem(404, "no-such-version", f"{model} has no version {asked.version}.")
    if asked.version is not None and asked.version == standing.version:
        raise Problem(409, "serves-already", f"Version {asked.version} serves; it cannot stand beside itself.")
    service.bench.standings.note(whose, now=service.now(), shadow=asked.version, shadow_share=asked.share if asked.version else 0.0)
    service.bench.record("shadow", whose, actor=actor.key_id, version=asked.version, share=asked.share)
    return {"model": model, "version": standing.version, "shadow": asked.version, "share": asked.share if asked.version else 0.0}


@router.post("/performance-checks")
def post_check(request: Request, actor: Operator, asked: CheckWanted) -> list[dict[str, Any]]:
    """Check models now: how they do in real use, and what they are due for."""
    bars: dict[str, Any] = {"threshold": asked.threshold, "time_window": asked.time_window, "retrain": asked.retrain}
    found = modelled.check_models(service_of(request), actor.tenant, asked.models, by=actor.key_id, **bars)
    return told([checked_told(f) for f in found])


@router.post("/retraining-jobs", status_code=202)
def post_training(request: Request, actor: Operator, asked: TrainingWanted, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for trainings; 409 when every model is being trained already."""
    service = service_of(request)

    def work() -> Response:
        made, active = modelled.ask(service, actor.tenant, asked.models, by=actor.key_id, force=asked.force, callback=asked.webhook_url)
        return JSONResponse({"jobs": told([modelled.job_told(j) for j in made]), "active": active}, status_code=202)

    return once(service, actor.tenant, idempotency_key, f"train:{asked.model_dump_json()}", work)


@router.get("/retraining-jobs")
def list_jobs(
    request: Request,
    actor: Viewer,
    model: Named = "",
    state: Literal["", "queued", "running", "succeeded", "failed", "skipped", "no_change"] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[Moment | None, Query(description="Only what was asked for before this moment")] = None,
) -> list[dict[str, Any]]:
    """Trainings, the newest wish first: trigger and evidence, how far they are, how they ended."""
    found = service_of(request).bench.jobs.recent(tenant=actor.tenant, model=model, state=state, limit=limit, before=before)
    return told([modelled.job_told(j) for j in found])


@router.get("/retraining-jobs/{job_id}")
def get_job(request: Request, actor: Viewer, job_id: str) -> dict[str, Any]:
    """One training with its whole report."""
    found = service_of(request).bench.jobs.one(job_id, tenant=actor.tenant)
    if found is None:
        raise Problem(404, "no-such-job", "There is no such job.")
    return told({**modelled.job_told(found), "report": dict(found.report)})


@router.post("/validations")
def post_validation(request: Request, actor: Operator, asked: ValidationWanted) -> list[dict[str, Any]]:
    """Whether versions could serve: loaded from the registry, checked, asked their golden rows; with their gate's report."""
    service = service_of(request)
    if asked.version is not None and len(asked.models or ()) != 1:
        raise Problem(422, "invalid-request", "A version is one of one model: name that model alone.")
    specs = modelled.wanted(asked.models)
    return told([modelled.validated(service, modelled.at(actor.tenant, s.name, asked.environment), asked.version) for s in specs])


@router.post("/deployments", status_code=201)
def post_deployment(request: Request, actor: Operator, asked: DeploymentWanted) -> dict[str, Any]:
    """Let a version serve, on a person's word; what it must show is that it loads and answers as it did when it was made."""
    whose = modelled.at(actor.tenant, asked.model, asked.environment)
    done = modelled.deploy(
        service_of(request), whose, asked.version, by=actor.key_id, reason=asked.reason, expected=_expected(asked.expected_champion)
    )
    tell(request, model=asked.model, version=done.version, deployment=done.deployment_id)
    return told(modelled.deployment_told(done))


@router.get("/deployments")
def list_deployments(request: Request, actor: Viewer, model: Named = "", limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[dict[str, Any]]:
    """Changes of what serves, the newest first."""
    return told(
        [modelled.deployment_told(d) for d in service_of(request).bench.deployer.ledger.recent(tenant=actor.tenant, model=model, limit=limit)]
    )


@router.post("/rollback", status_code=201)
def post_rollback(request: Request, actor: Operator, asked: RollbackWanted) -> dict[str, Any]:
    """Let the version before serve again, or another one that has served."""
    whose = modelled.at(actor.tenant, asked.model, asked.environment)
    done = modelled.deploy(
        service_of(request), whose, asked.to or "", by=actor.key_id, reason=asked.reason, expected=_expected(asked.expected_champion), back=True
    )
    tell(request, model=asked.model, version=done.version, deployment=done.deployment_id)
    return told(modelled.deployment_told(done))


@router.post("/promotions", status_code=201)
def post_promotion(request: Request, actor: Operator, asked: PromotionWanted) -> dict[str, Any]:
    """Take a version from one environment to another, where it serves from then on."""
    if asked.source == asked.target:
        raise Problem(422, "invalid-request", "Source and target are the same environment.")
    service, source = service_of(request), modelled.at(actor.tenant, asked.model, asked.source)
    target, spec = modelled.at(actor.tenant, asked.model, asked.target), modelled.known(asked.model)
    found = service.bench.registry.version(source.registered, asked.version)
    if found is None:
        raise Problem(404, "no-such-version", f"{asked.model} has no version {asked.version} in {asked.source}.")
    copied = service.bench.registry.copied(found, target.registered)
    service.bench.standings.know(target, kind=str(spec.kind), metric=spec.metric, direction=str(spec.direction), now=service.now())
    done = modelled.deploy(service, target, copied.version, by=actor.key_id, reason=asked.reason)
    service.bench.record("promote", target, actor=actor.key_id, source=asked.source, version=asked.version, to=copied.version)
    return told(modelled.deployment_told(done))


@router.get("/status")
def get_status(request: Request, actor: Viewer) -> dict[str, Any]:
    """How many models serve, what is being trained, how often training ends well."""
    return told(modelled.status(service_of(request), actor.tenant))


@router.get("/metrics")
def get_metrics(request: Request, actor: Viewer, model: Named = "") -> dict[str, Any]:
    """Performance and training summaries, and every figure of the last 90 days."""
    return told(modelled.metrics(service_of(request), actor.tenant, model=model))


@router.get("/history")
def get_history(request: Request, actor: Viewer, model: Named = "", limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """Trainings and deployments, the newest first."""
    service = service_of(request)
    jobs = service.bench.jobs.recent(tenant=actor.tenant, model=model, limit=limit)
    changes = service.bench.deployer.ledger.recent(tenant=actor.tenant, model=model, limit=limit)
    return told({"jobs": [modelled.job_told(j) for j in jobs], "deployments": [modelled.deployment_told(d) for d in changes]})


@router.get("/schedules")
def get_schedules(request: Request, actor: Viewer) -> list[dict[str, Any]]:
    """When each model is checked, and when it is trained for its age at the latest. What people set is in the settings `models.retraining`."""
    return told(service_of(request).bench.standings.schedules(tenant=actor.tenant))


def _expected(version: str | None) -> str | None:
    return ANY if version is None else version


def checked_told(found: Checked) -> dict[str, Any]:
    """One check for whoever asks."""
    return {
        "model": found.whose.model, "due": found.due, "says": found.says, "job_id": found.job_id, "value": found.value, "rows": found.rows,
        "evidence": found.evidence,
    }  # fmt: skip


def told(value: Any) -> Any:
    """JSON that has no NaN in it: a figure that could not be measured is null."""
    finite = {float: lambda v: v if math.isfinite(v) else None, dt.datetime: dt.datetime.isoformat}
    return jsonable_encoder(value, custom_encoder=finite)
