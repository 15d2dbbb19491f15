"""Answers without anybody outside: rules over the facts of an order, a classifier that was learned from labelled history, a table of what to do.

Where nothing was learned yet a label is a guess from its description and from the order, never sure enough to be acted upon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment import problems, resolutions
from seeding_platform.enrichment.payload import unworkable
from seeding_platform.enrichment.providers.likeness import CAP, VERSION, Likeness
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.storage.enrichment.states import ErrorClass, Stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.providers.classifier import Classifier
    from seeding_platform.enrichment.providers.protocol import Question
    from seeding_platform.enrichment.stages import Stages

BY_RULES = 0.95
"""Confidence in rules over known facts; what is unknown takes from it."""
_WEIGHT = {"low": 1.0, "medium": 2.0, "high": 4.0, "critical": 8.0}
_FACTS = ("status", "created_at", "promised_at", "amount", "paid_amount", "currency")


@dataclass(frozen=True)
class Offline:
    """The provider of the house, for one tenant.

    Args:
        stages: labels, and which of them a kind of problem speaks for.
        classifier: of the tenant; None while nothing serves.
        name: as settings and spending call it.
    """

    stages: Stages
    classifier: Classifier | None = None
    name: str = field(default="offline")

    def version_of(self, stage: str) -> tuple[str, str]:
        """Version of the model, and of the rules."""
        if stage == Stage.CLASSIFICATION:
            return (self.classifier.version if self.classifier is not None else VERSION), problems.VERSION
        return (resolutions.VERSION if stage == Stage.RESOLUTION else problems.VERSION), problems.VERSION

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Answer a batch of one stage."""
        workable = [q for q in questions if not unworkable(q.facts)]
        refused = {
            q.record_id: Reply(record_id=q.record_id, error=ErrorClass.CONTENT_PERMANENT, message=unworkable(q.facts))
            for q in questions
            if unworkable(q.facts)
        }
        told = dict(zip((q.record_id for q in workable), self._answers(workable, now), strict=True))
        return [refused.get(q.record_id) or Reply(record_id=q.record_id, output=told[q.record_id]) for q in questions]

    def _answers(self, questions: Sequence[Question], now: dt.datetime) -> list[dict[str, Any]]:
        if not questions:
            return []
        stage = Stage(questions[0].stage)
        if stage is Stage.CLASSIFICATION:
            return self._classified(questions, now)
        return [self._analysed(q, now) if stage is Stage.ORDER_ANALYSIS else self._resolved(q, now) for q in questions]

    def _analysed(self, question: Question, now: dt.datetime) -> dict[str, Any]:
        order = order_of(question)
        found = problems.problems(order, as_of=now) if order is not None else []
        known = sum(order.get(name) not in (None, "") for name in _FACTS) / len(_FACTS) if order is not None else 0.0
        told = [{"kind": f.kind, "severity": f.severity, "evidence": [{"field": name, "value": value} for name, value in f.evidence]} for f in found]
        return {"record_id": question.record_id, "problems": told, "severity": problems.severity(found), "confidence": round(BY_RULES * known, 4)}

    def _classified(self, questions: Sequence[Question], now: dt.datetime) -> list[dict[str, Any]]:
        texts = [str(q.facts.get("description") or "").strip() for q in questions]
        learned: dict[int, dict[str, float]] = {}
        if self.classifier is not None:
            places = [i for i, text in enumerate(texts) if text]
            learned = dict(zip(places, self.classifier.shares([texts[i] for i in places]), strict=True))
        return [self._label(q, text, learned.get(i), now) for i, (q, text) in enumerate(zip(questions, texts, strict=True))]

    def _label(self, question: Question, text: str, learned: Mapping[str, float] | None, now: dt.datetime) -> dict[str, Any]:
        found = self._found(question, now)
        hints = self._hints(found)
        if learned is not None:
            shares, cap, how = learned, 1.0, "by labelled history"
        elif not text and hints:
            shares, how = hints, "by the order's facts"
            cap = BY_RULES if self.classifier is not None and question.record_type == "order" else CAP
        else:
            shares, cap, how = self._likeness.shares(text, hints=tuple(hints)), CAP, "by likeness to the description of the label"
        ranked = sorted(shares.items(), key=lambda s: (-s[1], s[0]))
        label, share = ranked[0]
        beside = f"; next {ranked[1][0]} {ranked[1][1]:.2f}" if len(ranked) > 1 else ""
        shown = f"; the order shows {', '.join(sorted(found))}" if found else ""
        return {
            "record_id": question.record_id,
            "ai_label": label,
            "ai_confidence": round(min(share, cap), 4),
            "notes": f"{how}: {label} {share:.2f}{beside}{shown}"[:600],
        }

    @cached_property
    def _likeness(self) -> Likeness:
        return Likeness(self.stages)

    def _found(self, question: Question, now: dt.datetime) -> dict[str, str]:
        """Severity by kind of problem: what the stage before found, or what the rules do where it is not at hand."""
        before = question.upstream.get(Stage.ORDER_ANALYSIS)
        if before is not None:
            return {p["kind"]: p["severity"] for p in before["problems"]}
        order = order_of(question)
        return {f.kind: f.severity for f in problems.problems(order, as_of=now)} if order is not None else {}

    def _hints(self, found: Mapping[str, str]) -> dict[str, float]:
        """Share of each label that the problems speak for, by their severity."""
        weights: dict[str, float] = {}
        for kind, how in found.items():
            label = self.stages.problems[kind].label
            weights[label] = weights.get(label, 0.0) + _WEIGHT[how]
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}

    def _resolved(self, question: Question, now: dt.datetime) -> dict[str, Any]:
        told = question.upstream[Stage.CLASSIFICATION]
        found = resolutions.advice(told["ai_label"], order_of(question), self._found(question, now))
        parameters = {"amount": found.amount, "currency": found.currency, "template": found.template, "reference": found.reference}
        return {
            "record_id": question.record_id,
            "resolvable": found.resolvable,
            "action": found.action,
            "parameters": parameters,
            "confidence": round(found.confidence * float(told["ai_confidence"]), 4),
            "reason": found.why,
        }


def order_of(question: Question) -> Mapping[str, Any] | None:
    """Facts of the order that a record is, or is about; None where they are not known."""
    told = question.facts if question.record_type == "order" else question.facts.get("order")
    return told if told else None
