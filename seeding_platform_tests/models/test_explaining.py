"""What a model goes by, what it did with one row, parameters that do better, and the card that says all this."""

import itertools

import polars as pl
import pytest

from seeding_platform.errors import ContractBroken, PermanentError
from seeding_platform.models import evaluate, importance, reasons, search, split_rows, train
from seeding_platform.models.card import model_card
from seeding_platform_tests.models.made import spec, table

FEATURES = {"x": "numeric", "kind": "category", "text": "text", "day": "date", "account": "category"}


@pytest.fixture(scope="module")
def fitted():
    told = spec(kind="regression", target="number", features={"x": "numeric", "kind": "category", "account": "category"}, slices=["kind"])
    before, held = split_rows(told, table(300))
    return told, train(told, before, seed=0), held


def test_what_matters_is_worth_most(fitted):
    told, model, held = fitted
    worth = importance(model, told, held)
    assert list(worth) == ["x", "kind", "account"]
    assert worth["kind"] > 5 * abs(worth["account"])
    assert importance(model, told, held) == worth


def test_reasons_say_what_would_change(fitted):
    told, model, held = fitted
    row = held.row(0, named=True) | {"x": 9.5, "kind": "a"}
    found = reasons(model, told, row)
    assert found[0].feature == "x"
    assert found[0].effect > 2
    usual = model.scores(told, pl.DataFrame([row | {"x": found[0].instead}]))
    assert found[0].effect == pytest.approx(model.scores(told, pl.DataFrame([row]))[0] - usual[0])
    assert all(r.of is None for r in found)
    with pytest.raises(ContractBroken, match="'kind' is not in the row"):
        reasons(model, told, {"x": 1.0, "account": None})


def test_reasons_of_classes_are_in_probability():
    told = spec(features=FEATURES)
    model = train(told, table(200), seed=0)
    found = reasons(model, told, {"x": None, "kind": "new", "text": "great parcel", "day": "2026-02-01", "account": None})
    assert {r.feature for r in found} == set(FEATURES)
    assert {r.of for r in found} == {"yes"}
    assert all(-1 <= r.effect <= 1 for r in found)


def test_reasons_of_groups_say_whether_the_group_changes():
    told = spec(kind="clustering", target=None, features={"x": "numeric"})
    model = train(told, table(200), seed=0)
    assert {r.effect for r in reasons(model, told, {"x": 0.0})} <= {0.0, 1.0}
    assert importance(model, told, table(20)) == {}


def test_a_search_finds_what_does_better_within_its_budget():
    told = spec(kind="regression", target="number", params={"max_iter": 2, "learning_rate": 0.01})
    frame = table(150)
    ticks = itertools.count()
    found = search(told, frame, seed=0, cpu_seconds=9, clock=lambda: float(next(ticks)))
    assert found == search(told, frame, seed=0, cpu_seconds=9, clock=iter(range(10**6)).__next__), "the same order, the same end"
    assert found != told.params
    before, held = split_rows(told, frame)
    better = told.model_copy(update={"params": found})
    assert evaluate(train(better, before, seed=0), better, held).value < evaluate(train(told, before, seed=0), told, held).value


def test_no_budget_keeps_what_there_was():
    told = spec(params={"max_iter": 20})
    assert search(told, table(120), seed=0, cpu_seconds=0.0) == {"max_iter": 20}
    assert search(spec(params=None), table(120), seed=0, cpu_seconds=0.0) == {}


def test_a_search_looks_at_its_rows_in_their_order_of_time():
    told = spec(kind="regression", target="number", split={"kind": "time", "column": "at"}, params={"max_iter": 5})
    assert search(told, table(160), seed=0, cpu_seconds=6, clock=iter(range(10**6)).__next__)


def test_what_has_no_truth_cannot_be_searched():
    with pytest.raises(PermanentError, match="no truth to try parameters on"):
        search(spec(kind="clustering", target=None), table(), seed=0, cpu_seconds=1)
    with pytest.raises(PermanentError, match="not ours"):
        search(spec(trainer="a:b"), table(), seed=0, cpu_seconds=1)


def test_the_card_says_what_was_measured(fitted):
    told, model, held = fitted
    judged = evaluate(model, told, held)
    card = model_card(told, judged, importance(model, told, held), facts={"version": "7"})
    assert card.startswith("# toy\n")
    for line in ("- version: 7", f"- trained on: {model.rows} rows", f"- judged by: {held.height} rows", "## By kind", "## What it goes by"):
        assert line in card
    assert f"{judged.value:.4f}" in card
    tables = [block for block in card.split("\n\n") if block.startswith("|")]
    assert tables
    assert all(len({line.count("|") for line in block.splitlines()}) == 1 for block in tables)
    classes = spec(features={"x": "numeric"}, floor=0.99)
    model = train(classes, table(), seed=0)
    told_of = model_card(classes, evaluate(model, classes, table(100, seed=2)), {})
    assert "expected calibration error" in told_of
    assert "The floor of 0.99 is not kept." in told_of
