"""Answers: what is exactly right passes, anything else is no answer, and none of its words are repeated."""

import datetime as dt
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.enrichment.outputs import Invalid, checked, decide, plain
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform_tests.enrichment.conftest import NOW

GOOD = {
    Stage.ORDER_ANALYSIS: {
        "record_id": "X-1",
        "problems": [{"kind": "overdue", "severity": "low", "evidence": [{"field": "promised_at", "value": "2026-10-01"}]}],
        "severity": "low",
        "confidence": 0.9,
    },
    Stage.CLASSIFICATION: {"record_id": "X-1", "ai_label": "damaged", "ai_confidence": 0.8, "notes": "The glass is broken."},
    Stage.RESOLUTION: {
        "record_id": "X-1",
        "resolvable": True,
        "action": "partial_refund",
        "parameters": {"amount": 5, "currency": "EUR", "template": None, "reference": "O-1"},
        "confidence": 0.75,
        "reason": "More was paid.",
    },
}


def but(stage, **values):
    return {**GOOD[stage], **values}


@pytest.mark.parametrize("stage", list(Stage))
def test_what_is_right_passes_as_a_mapping_and_as_text(stage):
    told = checked(stage, GOOD[stage], record_id="X-1")
    assert not isinstance(told, Invalid)
    assert checked(stage, json.dumps(GOOD[stage]), record_id="X-1") == told
    assert checked(stage, plain(told), record_id="X-1") == told


C, R, A = Stage.CLASSIFICATION, Stage.RESOLUTION, Stage.ORDER_ANALYSIS


@pytest.mark.parametrize(
    ("stage", "raw", "why"),
    [
        (C, None, "null"),
        (C, [GOOD[C]], "no object"),
        (C, but(C, ai_confidence=math.nan), "ai_confidence"),
        (C, but(C, ai_confidence=math.inf), "ai_confidence"),
        (C, but(C, ai_confidence=1.7), "ai_confidence"),
        (C, but(C, ai_confidence=-0.1), "ai_confidence"),
        (C, but(C, ai_confidence="high"), "ai_confidence"),
        (C, but(C, ai_confidence="0.8"), "ai_confidence"),
        (C, but(C, ai_confidence=True), "ai_confidence"),
        (C, but(C, ai_confidence=None), "ai_confidence"),
        (C, but(C, ai_label=None), "ai_label"),
        (C, but(C, ai_label="Damaged"), "ai_label"),
        (C, but(C, ai_label="broken"), "ai_label"),
        (C, but(C, notes=" "), "notes"),
        (C, but(C, record_id="X-2"), "another record"),
        (C, but(C, record_id=1), "record_id"),
        (C, but(C, surprise="x"), "nobody asked"),
        (C, {k: v for k, v in GOOD[C].items() if k != "notes"}, "notes"),
        (C, "Sure! " + json.dumps(GOOD[C]), "no JSON"),
        (C, json.dumps(GOOD[C]) + "\nHope this helps", "no JSON"),
        (C, json.dumps(but(C, ai_confidence=math.nan)), "number that is none"),
        (C, json.dumps(GOOD[C])[:-1] + ', "ai_label": "other"}', "name twice"),
        (C, json.dumps(but(C, notes="x" * 30_000)), "longer"),
        (C, b"\xff\xfe", "no JSON"),
        (A, but(A, severity="none"), "severity"),
        (A, but(A, problems=[]), "severity"),
        (A, but(A, problems=[{"kind": "ufo", "severity": "low", "evidence": []}]), "problems.0.kind"),
        (R, but(R, resolvable="yes"), "resolvable"),
        (R, but(R, action="refund_everything"), "action"),
        (R, but(R, parameters={**GOOD[R]["parameters"], "amount": None}), "a refund has one"),
        (R, but(R, parameters={**GOOD[R]["parameters"], "amount": -1}), "parameters.amount"),
        (R, but(R, parameters={**GOOD[R]["parameters"], "template": "ransom"}), "parameters.template"),
        (R, but(R, parameters={**GOOD[R]["parameters"], "url": "https://example.org"}), "nobody asked"),
    ],
)
def test_anything_else_is_no_answer(stage, raw, why):
    told = checked(stage, raw, record_id="X-1")
    assert isinstance(told, Invalid)
    assert why in told.why


def test_words_of_an_answer_are_not_repeated():
    told = checked(C, but(C, ai_label="jan@example.nl", **{"jan@example.nl": 1}), record_id="X-1")
    assert isinstance(told, Invalid)
    assert "jan" not in told.why


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c)
    )
)
def test_nothing_raises_and_nothing_slips_through(raw):
    for stage in Stage:
        assert isinstance(checked(stage, raw, record_id="X-1"), Invalid)


@given(st.floats(min_value=0, max_value=1))
def test_what_is_below_the_bar_waits_for_a_person(stages, confidence):
    told = decide(checked(C, but(C, ai_confidence=confidence), record_id="X-1"), record_type="exception", stages=stages, now=NOW)
    assert (told.confidence, told.label) == (confidence, "damaged")
    if confidence < 0.7:
        assert (told.skip_rest, told.review_at) == ("low_confidence", NOW + dt.timedelta(hours=24))
    else:
        assert (told.skip_rest, told.review_at) == ("", None)


def test_an_order_without_problems_is_done_with_and_an_exception_is_not(stages):
    told = checked(A, but(A, problems=[], severity="none"), record_id="X-1")
    assert decide(told, record_type="order", stages=stages, now=NOW).skip_rest == "no_problem"
    assert decide(told, record_type="exception", stages=stages, now=NOW).skip_rest == ""
    assert decide(checked(A, GOOD[A], record_id="X-1"), record_type="order", stages=stages, now=NOW).skip_rest == ""
