"""Questions to the version that serves, why it answers so, and what became of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, WithJsonSchema

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models.operations.labelling import brought
from seeding_platform.models.operations.serving import MOST_ROWS, NothingServes
from seeding_platform.service import modelled
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.moments import Moment
from seeding_platform.service.routes.models import Analyst, Environment, Model
from seeding_platform.storage.ml.predictions import Label

router = APIRouter(prefix="/api/v1/ml", tags=["models"])
Text = Annotated[str, Field(max_length=1_000_000), WithJsonSchema({"type": "string"})]
"""With a bound a text is also looked at letter by letter: half a letter (a lone surrogate) is refused. It is far off, and nobody has to try it."""
Scalar = bool | int | float | Text | None


class Question(BaseModel, extra="forbid"):
    """Rows that a model is asked about."""

    model: Model
    rows: list[dict[Text, Scalar]] = Field(min_length=1, max_length=MOST_ROWS, description="Features by name")
    environment: Environment = "prod"


class PredictionAnswer(BaseModel):
    """One answer."""

    prediction_id: str
    value: Scalar
    version: str = Field(description="Whose answer it is: the shadow's where that serves its share")
    probabilities: Mapping[str, float] | None = None


class Predictions(BaseModel):
    """The answers, in the order of the rows."""

    model: str
    version: str
    predictions: list[PredictionAnswer]


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


class LabelGiven(BaseModel, extra="forbid"):
    """What became of what was predicted."""

    prediction_id: str = Field(min_length=1, max_length=100)
    actual: Scalar
    observed_at: Moment


class Labels(BaseModel, extra="forbid"):
    """Labels, late ones too."""

    labels: list[LabelGiven] = Field(min_length=1, max_length=MOST_ROWS)


class RefusedLabel(BaseModel):
    """A label that is none."""

    prediction_id: str
    why: str


class LabelsAnswer(BaseModel):
    """What became of them; ids."""

    taken: int
    repeated: int
    unknown: list[str]
    conflicting: list[str]
    early: list[str] = Field(description="Seen before the prediction was made")
    refused: list[RefusedLabel] = Field(description="No value, no finite number where one is due, or seen in the future; the others are taken")
    new_class: list[str] = Field(description="Taken, and of a class that the version that answered does not know: it counts as wrong")


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
    answers = [
        PredictionAnswer(prediction_id=a.prediction_id, value=a.value, version=a.version, probabilities=a.probabilities) for a in found.answers
    ]
    return Predictions(model=asked.model, version=found.version, predictions=answers)


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


@router.post("/labels")
def post_labels(request: Request, actor: Analyst, given: Labels) -> LabelsAnswer:
    """Tell what became of predictions: how good a model is in real use is measured on these. What is no label is told apart."""
    service = service_of(request)
    labels = [Label(x.prediction_id, x.actual, x.observed_at) for x in given.labels]
    done = brought(service.bench, service.predictor, labels, tenant=actor.tenant)
    kept = done.kept
    tell(request, taken=len(kept.taken), unknown=len(kept.unknown), refused=len(done.refused), new_class=len(done.new_class))
    return LabelsAnswer(
        taken=len(kept.taken), repeated=len(kept.repeated), unknown=list(kept.unknown), conflicting=list(kept.conflicting), early=list(kept.early),
        refused=[RefusedLabel(prediction_id=prediction_id, why=why) for prediction_id, why in done.refused], new_class=list(done.new_class),
    )  # fmt: skip
