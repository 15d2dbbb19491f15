"""A provider that misbehaves as a script says: what simulations and tests are run against, in process and in virtual time."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.enrichment.providers.script import Outcome, drawn
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.storage.enrichment.states import ErrorClass, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seeding_platform.enrichment.providers.protocol import Provider, Question
    from seeding_platform.enrichment.providers.script import Script
    from seeding_platform.enrichment.stages import Stages

LOWEST, BAR, HIGHEST = 0.2, 0.7, 0.99
PROMPT = "fake"


class Chance:
    """Labels that depend on nothing but the words: valid, cheap, and the same every time.

    Args:
        stages: the labels.
    """

    version = "chance"

    def __init__(self, stages: Stages) -> None:
        self.labels = sorted(stages.labels)

    def shares(self, descriptions: Sequence[str]) -> list[dict[str, float]]:
        """All of the share to one label."""
        return [{self.labels[int(len(self.labels) * drawn(text))]: 1.0} for text in descriptions]


class WorkerKilled(BaseException):
    """Ends a worker as a signal would: nothing that catches errors catches it."""


def killed() -> None:
    """What `kill_worker` does by default."""
    raise WorkerKilled


class Fake:
    """Answers as a script says.

    Args:
        script: what it does to whom.
        start: from when the times of the script count.
        inner: who makes the right answers; without it the rules of the house, with a label by chance. Confidence is the script's own.
        kill: what `kill_worker` does; `os.kill` of oneself, say, where workers are processes.
        passed: told of seconds that a question takes, so that a clock can go on; nothing is waited for without it.
        name: as settings and spending call it.
    """

    def __init__(
        self,
        script: Script,
        *,
        start: dt.datetime,
        inner: Provider | None = None,
        kill: Callable[[], None] = killed,
        passed: Callable[[float], None] | None = None,
        name: str = "fake",
    ) -> None:
        self.script, self.start, self.kill, self.passed, self.name = script, start, kill, passed, name
        self.inner = inner if inner is not None else Offline(shipped_stages(), Chance(shipped_stages()))
        self.calls = 0
        """How many questions were asked."""
        self.met: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        """How often each outcome came up."""
        self._now = start

    def version_of(self, stage: str) -> tuple[str, str]:
        """The model that answers at the moment that it was last asked at, or told of by `tick`."""
        return self.script.model_at(self._now, self.start), PROMPT

    def tick(self, now: dt.datetime) -> None:
        """Tell it the moment, so that its version follows the script between questions."""
        self._now = now

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Answer a batch; the order of the replies is that of the questions, but for those that the script leaves out or says twice."""
        self._now = now
        told = {r.record_id: r.output for r in self.inner.ask(questions, now=now)}
        replies: list[Reply] = []
        for place, question in enumerate(questions):
            outcome = self.script.outcome(
                question.stage, question.record_id, question.asked + 1, now=now, start=self.start, again=bool(question.again)
            )
            self.calls += 1
            self.met[outcome] += 1
            other = questions[(place + 1) % len(questions)].record_id
            replies += self._replies(question, outcome, told.get(question.record_id), other, now)
        return replies

    def _replies(self, question: Question, outcome: Outcome, right: Any, other: str, now: dt.datetime) -> list[Reply]:
        script, name = self.script, question.record_id
        if outcome is Outcome.KILL_WORKER:
            self.kill()
        slow = {Outcome.TIMEOUT: script.timeout_seconds, Outcome.LATE: script.late_seconds}.get(outcome, script.latency_ms / 1000)
        if self.passed is not None:
            self.passed(slow)
        took = round(1000 * slow)
        failed = failure(outcome, name, script, now=now, took_ms=took)
        if failed is not None:
            return [failed]
        if outcome is Outcome.PARTIAL_BATCH:
            return []
        facts: dict[str, Any] = {"took_ms": took, "tokens": script.tokens, "cost": script.cost}
        return [Reply(record_id=name, output=said, **facts) for said in outputs(question, outcome, right, other, script)]


def failure(outcome: Outcome, record_id: str, script: Script, *, now: dt.datetime, took_ms: int) -> Reply | None:
    """The reply to a question that gets no answer; None where it gets one."""
    if outcome is Outcome.TIMEOUT:
        return Reply(record_id=record_id, error=ErrorClass.TRANSIENT, message=f"no answer within {script.timeout_seconds:g} s", took_ms=took_ms)
    if outcome is Outcome.SERVER_ERROR:
        return Reply(record_id=record_id, error=ErrorClass.TRANSIENT, message="answered with 500", took_ms=took_ms)
    if outcome is Outcome.RATE_LIMITED:
        later = now + dt.timedelta(seconds=script.retry_after_seconds)
        return Reply(record_id=record_id, error=ErrorClass.RATE_LIMITED, message="answered with 429", retry_at=later, took_ms=took_ms)
    return None


def outputs(question: Question, outcome: Outcome, right: Any, other: str, script: Script) -> list[Any]:
    """What is said, one output or two; the right one with a confidence of the script's own, or one that is spoilt as the outcome says.

    Args:
        question: what was asked.
        outcome: what comes of it.
        right: a valid output, or None where even the inner provider has none.
        other: id of another record.
        script: whose seed draws the confidence.
    """
    if not isinstance(right, dict):
        return [right]
    share = drawn(script.seed, "confidence", question.record_id, str(question.stage))
    low = outcome is Outcome.LOW_CONFIDENCE
    confidence = round(LOWEST + share * (BAR - 0.01 - LOWEST) if low else BAR + share * (HIGHEST - BAR), 4)
    name, label = ("ai_confidence", "ai_label") if question.stage == Stage.CLASSIFICATION else ("confidence", "")
    told = {**right, name: confidence}
    if outcome is Outcome.NULLS:
        return [{**told, name: None, **({label: None} if label else {})}]
    if outcome is Outcome.MALFORMED:
        return ["Sure! Here you are: " + json.dumps(told)]
    if outcome is Outcome.WRONG_ENUM:
        wrong = {Stage.CLASSIFICATION: "ai_label", Stage.RESOLUTION: "action", Stage.ORDER_ANALYSIS: "severity"}[Stage(question.stage)]
        return [{**told, wrong: "unicorn"}]
    if outcome is Outcome.DUPLICATE_IDS:
        return [told, {**told, name: round(1 - confidence, 4)}]
    if outcome is Outcome.SWAPPED_IDS:
        return [{**told, "record_id": other if other != question.record_id else f"{other}-other"}]
    return [told]
