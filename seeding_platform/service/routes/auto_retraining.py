"""The eight actions of the auto-retraining API at its own address, for workflows that were written against it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from seeding_platform.service import modelled
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.repeats import once
from seeding_platform.service.routes.models import IdempotencyKey, Model, Models, Operator, Version, Viewer, checked_told, told
from seeding_platform.storage.ml.whose import Whose

router = APIRouter(prefix="/api/workflows/ml/auto-retraining", tags=["models"])


class Asked(BaseModel, extra="forbid"):
    """The bodies of all four actions."""

    force: bool = Field(False, strict=True, description="trigger_retraining: also models that rest")
    model_types: Models | None = Field(None, description="All without it")
    webhook_url: str = Field("", max_length=2000, description="trigger_retraining: is told of the end")
    threshold: float | None = Field(None, gt=0, le=1, description="check_performance: drop that counts")
    time_window: int | None = Field(None, ge=1, le=90, strict=True, description="check_performance: days")
    model_id: Model | None = Field(None, description="deploy_model: which model")
    version: Version | None = Field(None, description="deploy_model, validate_models: which version; what is held, or the newest, without it")


@router.post("")
def post_action(
    request: Request,
    actor: Operator,
    asked: Asked,
    action: Annotated[Literal["trigger_retraining", "check_performance", "validate_models", "deploy_model"], Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Train, check, validate or deploy."""
    service = service_of(request)

    def work() -> Response:
        if action == "check_performance":
            found = modelled.check_models(
                service, actor.tenant, asked.model_types, threshold=asked.threshold, time_window=asked.time_window, by=actor.key_id, retrain=False
            )
            due = [f for f in found if f.due not in (None, "drift")]
            return _answer({"models": [checked_told(f) for f in found], "needs_retraining": bool(due), "model_types": [f.whose.model for f in due]})
        if action == "trigger_retraining":
            made, active = modelled.ask(service, actor.tenant, asked.model_types, by=actor.key_id, force=asked.force, callback=asked.webhook_url)
            return _answer({"jobs": [modelled.job_told(j) for j in made], "active": active}, status=202)
        specs = modelled.wanted([asked.model_id] if asked.model_id else asked.model_types)
        if action == "validate_models":
            checks = [modelled.validated(service, Whose(actor.tenant, s.name), asked.version if len(specs) == 1 else None) for s in specs]
            may = [c for c in checks if not c["serves"] and modelled.kept_from(service, c, Whose(actor.tenant, c["model"])) is None]
            deployable = [c["model"] for c in may]
            return _answer({"models": checks, "deployable": deployable, "valid": all(c["valid"] for c in checks if c["version"] is not None)})
        return _answer({"deployments": [_deployed(request, actor.tenant, actor.key_id, s.name, asked.version, len(specs) == 1) for s in specs]})

    return once(service, actor.tenant, idempotency_key, f"{action}:{asked.model_dump_json()}", work)


@router.get("")
def get_action(
    request: Request,
    actor: Viewer,
    action: Annotated[Literal["status", "metrics", "models", "history"], Query()],
) -> Response:
    """How it stands, figures, models, or what was done."""
    service = service_of(request)
    if action == "status":
        return _answer(modelled.status(service, actor.tenant))
    if action == "metrics":
        return _answer(modelled.metrics(service, actor.tenant))
    if action == "models":
        return _answer({"models": modelled.listed(service, actor.tenant)})
    jobs = service.bench.jobs.recent(tenant=actor.tenant)
    return _answer({"history": [modelled.job_told(j) for j in jobs]})


def _deployed(request: Request, tenant: str, by: str, model: str, version: str | None, alone: bool) -> dict[str, Any]:
    """Deploy what passed its gate; a version that serves already, did not pass, or was rolled back is left and said: that is no error.

    Raises:
        Problem: where one model is asked for alone and its version cannot answer.
    """
    service, whose = service_of(request), Whose(tenant, model)
    found = modelled.validated(service, whose, version)
    if found["serves"]:
        return {"model": model, "version": found["version"], "deployed": True, "says": "it serves already"}
    if (says := modelled.kept_from(service, found, whose)) is not None:
        if alone and found["version"] is not None and not found["valid"]:
            raise Problem(422, "not-deployable", f"{model} version {found['version']}: {says}")
        verdict = (found["gate"] or {}).get("verdict")
        return {"model": model, "version": found["version"], "deployed": False, "verdict": verdict, "says": says}
    done = modelled.deploy(service, whose, str(found["version"]), by=by, reason=modelled.WORKFLOW, expected=found["champion"])
    return {"model": model, "version": done.version, "deployed": True, "deployment_id": done.deployment_id}


def _answer(data: dict[str, Any], *, status: int = 200) -> Response:
    return JSONResponse({"success": True, "data": told(data)}, status_code=status)
