"""Answers of the stages: what they must look like, and what follows from one. One that is not exactly so is none; nothing is filled in."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from seeding_platform.storage.enrichment.states import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.enrichment.stages import Stages

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=600)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Label = Literal[
    "late_delivery", "address_problem", "payment_mismatch", "stock_out", "damaged", "duplicate_order", "missing_data", "carrier_exception",
    "customs_hold", "other",
]  # fmt: skip
Severity = Literal["none", "low", "medium", "high", "critical"]
Kind = Literal[
    "delivered_late", "overdue", "stuck_unshipped", "stuck_in_transit", "amount_mismatch", "unpaid", "missing_fields", "no_country",
    "dates_out_of_order", "status_conflict", "no_carrier", "duplicate",
]  # fmt: skip
ActionName = Literal["notify_customer", "correct_address", "open_carrier_claim", "reship", "partial_refund", "release_hold", "escalate"]
Template = Literal[
    "delay_apology", "delivery_update", "address_request", "payment_request", "stock_notice", "duplicate_notice", "data_request", "customs_notice",
    "received",
]  # fmt: skip
"""Names as `stages.yaml` lists them; a test holds the two together."""
MOST_BYTES = 20_000
NO_PROBLEMS = "none"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Evidence(_Strict):
    """One field that shows a problem, with what it says."""

    field: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    value: Annotated[str, StringConstraints(max_length=200)]


class Problem(_Strict):
    """One thing that is wrong with an order."""

    kind: Kind
    severity: Severity
    evidence: list[Evidence] = Field(max_length=20)


class OrderAnalysis(_Strict):
    """What was found wrong with an order, or with the order of an exception."""

    record_id: Id
    problems: list[Problem] = Field(max_length=30)
    severity: Severity
    confidence: Share


class Classification(_Strict):
    """Under which label an exception belongs."""

    record_id: Id
    ai_label: Label
    ai_confidence: Share
    notes: Text


class Parameters(_Strict):
    """What an action needs; null what it does not."""

    amount: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None
    template: Template | None
    reference: Annotated[str, StringConstraints(max_length=100)] | None


class Resolution(_Strict):
    """What is recommended about an exception."""

    record_id: Id
    resolvable: bool
    action: ActionName
    parameters: Parameters
    confidence: Share
    reason: Text


Output = OrderAnalysis | Classification | Resolution
MODELS: dict[Stage, type[Output]] = {Stage.ORDER_ANALYSIS: OrderAnalysis, Stage.CLASSIFICATION: Classification, Stage.RESOLUTION: Resolution}


@dataclass(frozen=True, slots=True)
class Invalid:
    """An answer that is none.

    Args:
        why: fields and what is wrong with them; no word of the answer itself.
    """

    why: str


def checked(stage: str, raw: Any, *, record_id: str) -> Output | Invalid:
    """An answer as what it must be, or why it is none: NaN, 1.7, "high", an unknown label, a null, text around it, another record's id.

    Args:
        stage: which stage asked.
        raw: a mapping, or JSON as text.
        record_id: of the record that was asked about.
    """
    told = _parsed(raw) if isinstance(raw, str | bytes) else raw
    if isinstance(told, Invalid):
        return told
    if not isinstance(told, dict):
        return Invalid("the answer is no object" if told is not None else "the answer is null")
    try:
        output = MODELS[Stage(stage)].model_validate(told)
    except ValidationError as error:
        return Invalid("; ".join(_fault(e) for e in error.errors()[:5]))
    if output.record_id != record_id:
        return Invalid("record_id: it is another record's")
    return _consistent(output)


def _parsed(raw: str | bytes) -> Any:
    if len(raw) > MOST_BYTES:
        return Invalid(f"the answer is longer than {MOST_BYTES} characters")
    try:
        return json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        return Invalid("the answer is no JSON, or has text around it, a name twice or a number that is none")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a name stands twice")
    return told


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _fault(error: Any) -> str:
    """Where and which rule; pydantic's own message of a literal lists what is allowed, never what was said."""
    place = ".".join(str(p) for p in error["loc"])
    if error["type"] == "extra_forbidden":
        return "a field that nobody asked for"  # its name is the answer's own word
    return f"{place}: {error['msg']}"


def _consistent(output: Output) -> Output | Invalid:
    if isinstance(output, OrderAnalysis):
        if bool(output.problems) != (output.severity != "none"):
            return Invalid("severity: none is said of an order without problems, and of no other")
        if any(p.severity == "none" for p in output.problems):
            return Invalid("problems: one of them has severity none")
    if isinstance(output, Classification) and not output.notes.strip():
        return Invalid("notes: it is empty")
    if isinstance(output, Resolution) and output.action == "partial_refund" and output.parameters.amount is None:
        return Invalid("parameters.amount: a refund has one")
    return output


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What follows from an answer; the fields are those of `states.Completed`.

    Attributes:
        confidence: of the answer.
        label: of a classification.
        skip_rest: why the later stages have nothing to do; empty = they have.
        review_at: from when a person should look.
    """

    confidence: float
    label: str | None = None
    skip_rest: str = ""
    review_at: dt.datetime | None = None


def decide(output: Output, *, record_type: str, stages: Stages, now: dt.datetime) -> Decided:
    """What follows: an order without problems is done with, a classification below the bar waits for a person.

    Args:
        output: a checked answer.
        record_type: order or exception.
        stages: the bar, and how long a review may wait.
        now: the moment, aware.
    """
    if isinstance(output, Classification):
        sure = output.ai_confidence >= stages.bar
        later = None if sure else now + dt.timedelta(hours=stages.review_hours)
        return Decided(confidence=output.ai_confidence, label=output.ai_label, skip_rest="" if sure else "low_confidence", review_at=later)
    if isinstance(output, OrderAnalysis) and record_type == "order" and not output.problems:
        return Decided(confidence=output.confidence, skip_rest="no_problem")
    return Decided(confidence=output.confidence)


def word_of(output: Output) -> str:
    """An answer in a word, by which versions are compared: the label, the action, the kinds of problems in order or `none`."""
    if isinstance(output, Classification):
        return output.ai_label
    if isinstance(output, Resolution):
        return output.action
    return "+".join(sorted({p.kind for p in output.problems})) or NO_PROBLEMS


def confidence_of(output: Output) -> float:
    """How sure an answer is, 0-1."""
    return output.ai_confidence if isinstance(output, Classification) else output.confidence


def word_told(stage: str, told: str, stages: Stages) -> str | None:
    """A person's answer of a stage as `word_of` writes it; None where it is none: a label, an action, or kinds of problems with `+` between them."""
    if stage == Stage.ORDER_ANALYSIS:
        kinds = {kind.strip() for kind in told.split("+")}
        return NO_PROBLEMS if kinds == {NO_PROBLEMS} else "+".join(sorted(kinds)) if kinds and kinds <= set(stages.problems) else None
    return told if told in (stages.labels if stage == Stage.CLASSIFICATION else stages.actions) else None


def plain(output: Output) -> Mapping[str, Any]:
    """An answer as plain JSON, as it is kept."""
    return output.model_dump(mode="json")
