"""A provider for all stages of which some are answered by others: a version that is live in one stage says nothing of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.providers.protocol import Provider, Question, Reply


@dataclass(frozen=True)
class ByStage:
    """One provider for each stage.

    Args:
        main: who answers what nobody else does.
        others: who answers instead, by stage.
    """

    main: Provider
    others: Mapping[str, Provider]

    @property
    def name(self) -> str:
        """Of the main one."""
        return self.main.name

    def of(self, stage: str) -> Provider:
        """Who answers a stage."""
        return self.others.get(stage, self.main)

    def version_of(self, stage: str) -> tuple[str, str]:
        """Of whoever answers the stage."""
        return self.of(stage).version_of(stage)

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Answer a batch of one stage."""
        return self.of(questions[0].stage).ask(questions, now=now) if questions else []
