"""How a version of a stage answers where that differs from what is configured: another model, another prompt, other providers, another classifier.

What a person tries as a candidate is described so, and so it is asked again for as long as it is a candidate or live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seeding_platform.enrichment.stages import Prompt
from seeding_platform.storage.enrichment.states import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.enrichment.stages import Stages

NAME = "setup"
"""Under which it stands in the report of a version."""


class Setup(BaseModel):
    """What differs; what is not said is as it is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, min_length=1, max_length=100, pattern=r"^[^|\s]+$", description="Of the endpoint, in place of SEEDING_AI_MODEL")
    prompt: Prompt | None = Field(None, description="In place of the one of the stage; its text is at least 20 letters")
    providers: tuple[str, ...] | None = Field(None, min_length=1, max_length=5, description="Who is asked, the cheapest first: offline, openai")
    classifier: str | None = Field(None, pattern=r"^\d{1,12}$", description="Number of a version of exception_classification in the registry")

    @model_validator(mode="after")
    def _something(self) -> Setup:
        if self == Setup.model_construct():
            raise ValueError("it says nothing that differs")
        return self

    def stages(self, stages: Stages, stage: str) -> Stages:
        """The stages with what differs in one of them."""
        told = {"prompt": self.prompt, "providers": self.providers}
        spec = stages.of(stage).model_copy(update={name: value for name, value in told.items() if value is not None})
        return stages.model_copy(update={"stages": {**stages.stages, Stage(stage): spec}})


def setup_of(report: Mapping[str, Any]) -> Setup | None:
    """The setup in a version's report; None where there is none, or one that is not understood any more."""
    told = report.get(NAME)
    if told is None:
        return None
    try:
        return Setup.model_validate(told)
    except ValidationError:
        return None
