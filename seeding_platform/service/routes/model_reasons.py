"""Reasons of one answer, on demand: what each feature does to it. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models.operations.serving import NothingServes
from seeding_platform.service import modelled
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.routes.models import Analyst, Environment, Model, Scalar

router = APIRouter(prefix="/api/v1/ml", tags=["models"])


class ReasonsWanted(BaseModel, extra="forbid"):
    """One row whose answer is to be explained."""

    model: Model
    row: dict[str, Scalar] = Field(max_length=200, description="Features by name; one that is missing counts as unknown")
    environment: Environment = "prod"


class ReasonAnswer(BaseModel):
    """What one feature did to the answer."""

    feature: str
    value: Scalar
    instead: Scalar = Field(description="What is usual: the training median, or the commonest value")
    effect: float = Field(description="The answer less what it would be with `instead`: in the target's unit, or in probability of `of`")
    of: str | None = Field(description="The label whose probability it is; null of numbers")


class ReasonsAnswer(BaseModel):
    """Reasons of one answer, the largest effect first; of features that work together they do not add up."""

    model: str
    version: str
    reasons: list[ReasonAnswer]


@router.post("/reasons")
def post_reasons(request: Request, actor: Analyst, asked: ReasonsWanted) -> ReasonsAnswer:
    """What each feature does to the answer of the version that serves; nothing of it is kept."""
    service = service_of(request)
    try:
        version, found = modelled.reasons_of(service, modelled.at(actor.tenant, asked.model, asked.environment), asked.row)
    except NothingServes as error:
        raise Problem(409, "nothing-serves", str(error)) from error
    except (ContractBroken, PermanentError) as error:
        raise Problem(422, "invalid-rows", str(error)) from error
    tell(request, model=asked.model, version=version)
    return ReasonsAnswer(model=asked.model, version=version, reasons=[ReasonAnswer.model_validate(asdict(r)) for r in found])
