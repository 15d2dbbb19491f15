"""Whether a provider is asked at all: after failures in a row it is left alone for a while, then tried with a few questions.

A probe that fails tells two things apart by one more question, the canary: whether nothing gets an answer, or only this record gets none.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seeding_platform.enrichment.providers.protocol import Question, Reply
from seeding_platform.storage.enrichment.breakers import BreakerRow
from seeding_platform.storage.enrichment.states import STAGES, ErrorClass, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.storage.enrichment.breakers import Breakers

IN_A_ROW = 5
WINDOW = 20
OPEN_FOR = dt.timedelta(minutes=5)
PROBES = 20
DOWN = (ErrorClass.TRANSIENT, ErrorClass.PROVIDER_DOWN)
"""What speaks against the provider; an answer that is not valid, or a request for patience, is an answer."""


def admitted(row: BreakerRow, wanted: int, *, now: dt.datetime) -> tuple[int, BreakerRow]:
    """How many of some questions may be asked, and what is to be kept.

    Closed lets all through, open none for five minutes; then it is half open and lets 20 through until it is known how they went. Where they are
    not heard of for another five minutes (their worker is gone) as many more may go.
    """
    if row.state == "closed":
        return wanted, row
    if row.state == "open":
        if row.opened_at is None or now < row.opened_at + OPEN_FOR:
            return 0, row
        row = BreakerRow("half_open", "", row.opened_at, 0, now)
    elif row.probes >= PROBES and now >= row.moved_at + OPEN_FOR:
        row = dataclasses.replace(row, probes=len(row.recent), moved_at=now)
    let = max(0, min(wanted, PROBES - row.probes))
    return let, dataclasses.replace(row, probes=row.probes + let)


def told(row: BreakerRow, went_well: Sequence[bool], *, now: dt.datetime) -> BreakerRow:
    """What is to be kept after questions, in the order in which they ended.

    It opens after 5 failures in a row, or more than half of 20; half open it closes after 5 answers in a row, or 20 of which at most half failed.
    """
    for well in went_well:
        if row.state == "open":
            return row  # what was asked before it opened changes nothing any more
        recent = (row.recent + ("o" if well else "x"))[-WINDOW:]
        row = dataclasses.replace(row, recent=recent, moved_at=now)
        whole = len(recent) == WINDOW
        if recent.endswith("x" * IN_A_ROW) or (whole and recent.count("x") * 2 > WINDOW):
            row = BreakerRow("open", "", now, 0, now)
        elif row.state == "half_open" and (whole or recent.endswith("o" * IN_A_ROW)):
            row = BreakerRow("closed", "", None, 0, now)
    return row


def reopens_at(row: BreakerRow, now: dt.datetime) -> dt.datetime:
    """When it makes sense to ask again."""
    return max(now + dt.timedelta(seconds=30), row.opened_at + OPEN_FOR if row.state == "open" and row.opened_at is not None else now)


def canary(stage: str, tenant: str, *, now: dt.datetime) -> Question:
    """A small question about no record of anybody: whoever answers at all answers it."""
    name = f"canary-{now:%Y%m%dT%H%M%S}"
    order = {"order_id": name, "status": "delivered", "promised_at": "2026-01-05T00:00:00Z", "delivered_at": "2026-01-07T00:00:00Z"}
    problem = {"kind": "delivered_late", "severity": "medium", "evidence": []}
    outputs = {
        Stage.ORDER_ANALYSIS: {"record_id": name, "problems": [problem], "severity": "medium", "confidence": 0.9},
        Stage.CLASSIFICATION: {"record_id": name, "ai_label": "late_delivery", "ai_confidence": 0.9, "notes": "Two days late."},
    }
    before = {str(s): outputs[s] for s in STAGES[: STAGES.index(Stage(stage))]}
    facts = {"description": "The parcel came two days late.", "order": order}
    return Question(stage=stage, tenant=tenant, record_type="exception", record_id=name, facts=facts, upstream=before, idempotency_key=name)


@dataclass(frozen=True)
class Breaking:
    """A provider behind a breaker that all workers share.

    Args:
        inner: who is asked.
        breakers: where it is kept.
        slice_: questions that are asked before the breaker is looked at again.
    """

    inner: Provider
    breakers: Breakers
    slice_: int = WINDOW

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.inner.name

    def version_of(self, stage: str) -> tuple[str, str]:
        """Of the provider."""
        return self.inner.version_of(stage)

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Ask as many as the breaker lets through; the others are told that the provider is down, which costs them no attempt."""
        replies: list[Reply] = []
        left = list(questions)
        while left:
            let = 0

            def change(row: BreakerRow, wanted: int = len(left)) -> BreakerRow:
                nonlocal let
                # half open, a few at a time: with the canary they are enough to know that it is still down
                let, kept = admitted(row, min(wanted, self.slice_ if row.state == "closed" else IN_A_ROW - 1), now=now)
                return kept

            row = self.breakers.changed(self.name, change, now=now)
            if not let:
                later = reopens_at(row, now)
                return replies + [
                    Reply(record_id=q.record_id, error=ErrorClass.PROVIDER_DOWN, message=f"{self.name} is down", retry_at=later) for q in left
                ]
            probing, answers = row.state == "half_open", self.inner.ask(left[:let], now=now)
            went = [r.error not in DOWN for r in answers]
            answers, heard = self._heard(left[0], answers, now) if probing and not any(went) else (answers, None)
            told_ = went if heard is None else [*went, heard]
            row = self.breakers.changed(self.name, partial(told, went_well=told_, now=now), now=now)
            replies += [self._probed(r, row, now) for r in answers] if probing and not any(told_) else answers
            left = left[let:]
        return replies

    def _heard(self, question: Question, answers: list[Reply], now: dt.datetime) -> tuple[list[Reply], bool | None]:
        """Whether it answers what has nothing to do with the records that got no answer, with the price of asking; None where none timed out."""
        place = next((i for i, r in enumerate(answers) if r.error is ErrorClass.TRANSIENT), None)
        if place is None:
            return answers, None
        asked = self.inner.ask([canary(question.stage, question.tenant, now=now)], now=now)
        more = {"tokens": sum(r.tokens for r in asked), "cost": sum(r.cost for r in asked), "took_ms": sum(r.took_ms for r in asked)}
        charged = dataclasses.replace(answers[place], **{name: getattr(answers[place], name) + n for name, n in more.items()})
        return [*answers[:place], charged, *answers[place + 1 :]], all(r.error not in DOWN for r in asked)

    def _probed(self, reply: Reply, row: BreakerRow, now: dt.datetime) -> Reply:
        """The reply to a probe while nothing gets an answer; it costs no attempt: where few records wait, they would be probes until they are dead.

        Where something else got an answer the failure is the record's own and counts, so that a record that never gets one comes to its end.
        """
        if reply.error is not ErrorClass.TRANSIENT:
            return reply
        return dataclasses.replace(reply, error=ErrorClass.PROVIDER_DOWN, retry_at=reopens_at(row, now))
