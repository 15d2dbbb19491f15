"""Several providers as one: the cheapest is asked first, a stronger one where it is not sure; an answer that is not valid is asked for once more.

What comes out is checked: a reply has a valid output or an error, and every question has exactly one reply.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.outputs import Invalid, checked, confidence_of, plain
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.errors import ConfigError
from seeding_platform.storage.enrichment.states import ErrorClass, Made

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.outputs import Output
    from seeding_platform.enrichment.providers.protocol import Provider, Question
    from seeding_platform.enrichment.stages import Stages

AWAY = frozenset({ErrorClass.PROVIDER_DOWN, ErrorClass.RATE_LIMITED})
"""A provider that cannot be asked now: such an attempt costs a record nothing but time."""
PATIENCE = 2
"""Attempts in which a provider that failed for now is waited for, where somebody else gave an unsure answer."""


@dataclass
class _Course:
    """One question on its way down."""

    question: Question
    made: Made
    output: Output | None = None
    failed: Reply | None = None
    by: str = ""
    cached: bool = False

    def add(self, reply: Reply, provider: str) -> None:
        cached = reply.made is not None and reply.made.cached
        never = reply.error in (ErrorClass.PROVIDER_DOWN, ErrorClass.BUDGET_EXHAUSTED)
        self.made = dataclasses.replace(
            self.made,
            provider=provider,
            took_ms=self.made.took_ms + reply.took_ms,
            calls=self.made.calls + (not cached and not never),
            tokens=self.made.tokens + reply.tokens,
            cost=self.made.cost + reply.cost,
        )


@dataclass(frozen=True)
class Waterfall:
    """Providers in the order in which `stages.yaml` names them for each stage.

    Args:
        stages: who is asked for a stage, and the bar.
        providers: by name; a stage's providers that are not here (an endpoint that nobody has set) are passed over.
        name: as settings call it.
    """

    stages: Stages
    providers: Mapping[str, Provider]
    name: str = "waterfall"

    def steps(self, stage: str) -> list[Provider]:
        """Who is asked for a stage, in order.

        Raises:
            ConfigError: nobody is.
        """
        found = [self.providers[name] for name in self.stages.of(stage).providers if name in self.providers]
        if not found:
            named = ", ".join(self.stages.of(stage).providers)
            raise ConfigError(f"Nobody answers {stage}: it names {named}.", fix="Name offline among its providers, or set SEEDING_AI_URL.")
        return found

    def version_of(self, stage: str) -> tuple[str, str]:
        """The versions of all who are asked: a stronger model that is new makes outputs of the stage outdated too."""
        versions = [(p.name, *p.version_of(stage)) for p in self.steps(stage)]
        if len(versions) == 1:
            return versions[0][1], versions[0][2]
        return "+".join(f"{name}:{model}" for name, model, _ in versions), "+".join(prompt for _, _, prompt in versions)

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """One checked reply a question, in their order. Where nobody is sure the surest answer counts, where nobody answers the last error.

        An unsure answer does not count while whoever might be surer is only away: the error is the reply then, and the record comes back by itself.
        """
        if not questions:
            return []
        stage = questions[0].stage
        model, prompt = self.version_of(stage)
        courses = [_Course(q, Made(model_version=model, prompt_version=prompt)) for q in questions]
        for provider in self.steps(stage):
            unsure = [c for c in courses if c.output is None or confidence_of(c.output) < self.stages.bar]
            if unsure and not all(c.failed is not None and c.failed.error is ErrorClass.CONTENT_PERMANENT for c in unsure):
                self._step(provider, unsure, now)
        return [_reply(c, waits=self._waits(c)) for c in courses]

    def _waits(self, course: _Course) -> bool:
        """Whether a surer answer is to be had later, of somebody who could not give one now."""
        if course.failed is None or (course.output is not None and confidence_of(course.output) >= self.stages.bar):
            return False
        return course.failed.error in AWAY or (course.failed.error is ErrorClass.TRANSIENT and course.question.asked < PATIENCE)

    def _step(self, provider: Provider, courses: list[_Course], now: dt.datetime) -> None:
        again = self._asked(provider, {c.question.record_id: (c, c.question) for c in courses}, now)
        if again:
            asked = {c.question.record_id: (c, dataclasses.replace(c.question, again=why)) for c, why in again}
            for course, why in self._asked(provider, asked, now):
                course.failed = Reply(record_id=course.question.record_id, error=ErrorClass.INVALID_OUTPUT, message=f"{provider.name}: {why}")

    def _asked(self, provider: Provider, asked: Mapping[str, tuple[_Course, Question]], now: dt.datetime) -> list[tuple[_Course, str]]:
        """Ask, and take what is valid; returns the questions whose answer is not, with why."""
        replies: dict[str, list[Reply]] = {name: [] for name in asked}
        for reply in provider.ask([q for _, q in asked.values()], now=now):
            if reply.record_id in replies:  # an answer to what nobody asked is none
                replies[reply.record_id].append(reply)
        invalid = []
        for name, (course, question) in asked.items():
            found = replies[name]
            for reply in found:
                course.add(reply, provider.name)
            if not found:
                course.made = dataclasses.replace(course.made, calls=course.made.calls + 1, provider=provider.name)
            told = _told(question, found)
            if isinstance(told, Invalid):
                invalid.append((course, told.why))
            elif isinstance(told, Reply):
                course.failed = told
            elif course.output is None or confidence_of(told) > confidence_of(course.output):
                course.output, course.by = told, provider.name
                course.cached = found[0].made is not None and found[0].made.cached
        return invalid


def _told(question: Question, replies: list[Reply]) -> Output | Reply | Invalid:
    if not replies:
        return Invalid("no answer came to this question")
    if len(replies) > 1:
        return Invalid("several answers came to this question")
    [reply] = replies
    if reply.error is ErrorClass.INVALID_OUTPUT:
        return Invalid(reply.message)
    return reply if reply.error is not None else checked(question.stage, reply.output, record_id=question.record_id)


def _reply(course: _Course, *, waits: bool) -> Reply:
    made = course.made if course.output is None or waits else dataclasses.replace(course.made, provider=course.by, cached=course.cached)
    facts: dict[str, Any] = {"took_ms": made.took_ms, "tokens": made.tokens, "cost": made.cost, "made": made}
    name = course.question.record_id
    if course.output is not None and not waits:
        return Reply(record_id=name, output=plain(course.output), **facts)
    failed = course.failed
    if failed is None:  # it cannot be: every step ends in an output or an error
        raise AssertionError("a question without a reply")
    return Reply(record_id=name, error=failed.error, message=failed.message, retry_at=failed.retry_at, **facts)
