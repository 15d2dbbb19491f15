"""Triggers in their order, guards, and the watch after a deployment."""

import datetime as dt
import json

import polars as pl
import pytest
from pydantic import ValidationError

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion import metric
from seeding_platform.models.retraining import (
    Action,
    Due,
    Fingerprint,
    ModelState,
    NotDue,
    Ready,
    RetrainingThresholds,
    Skipped,
    Standing,
    Trigger,
    cooling,
    decide,
    trainable,
    unchanged,
    watch,
)
from seeding_platform.models.retraining.performance import Performance

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
BARS = RetrainingThresholds()
DROPPED = Performance(True, (), "accuracy dropped")
EVERYTHING = {
    "asked_by": "ann",
    "last_success": NOW - dt.timedelta(days=8),
    "performance": DROPPED,
    "data_version": "2",
    "new_labels": 100,
    "drifted": ("age",),
}
QUIET = {"last_success": NOW - dt.timedelta(days=2), "data_version": "1"}


def state(**more) -> ModelState:
    return ModelState(**({"model": "t.m", "trained_on": "1"} | QUIET | more))


def test_the_first_reason_that_holds_wins():
    reasons = list(EVERYTHING)
    order = [("asked_by",), ("last_success",), ("performance",), ("data_version", "new_labels"), ("drifted",)]
    left = list(reasons)
    for names, trigger in zip(order, Trigger, strict=True):
        found = decide(state(**{k: EVERYTHING[k] for k in left}), NOW, BARS)
        assert isinstance(found, Due)
        assert (found.trigger, found.action) == (trigger, Action.EVALUATE if trigger is Trigger.DRIFT else Action.RETRAIN)
        assert found.says
        assert json.dumps(found.evidence)
        left = [k for k in left if k not in names]
    assert isinstance(decide(state(), NOW, BARS), NotDue)


@pytest.mark.parametrize(("version", "labels", "due"), [("2", 100, True), ("2", 99, False), ("1", 500, False)])
def test_new_data_is_a_new_version_with_enough_labels(version, labels, due):
    assert isinstance(decide(state(data_version=version, new_labels=labels), NOW, BARS), Due) == due


@pytest.mark.parametrize(
    ("frequency", "days", "due"), [("weekly", 6, False), ("weekly", 7, True), ("daily", 2, True), ("monthly", 29, False), ("monthly", 30, True)]
)
def test_age_forces_a_retraining(frequency, days, due):
    found = decide(state(last_success=NOW - dt.timedelta(days=days)), NOW, RetrainingThresholds(update_frequency=frequency))
    assert isinstance(found, Due) == due
    assert decide(state(last_success=None), NOW, BARS).says.startswith("it was never trained")


def rows(n: int, *, same: int = 0, label=lambda i: i % 2) -> pl.DataFrame:
    made = pl.DataFrame({"x": [float(i) for i in range(n - same)], "y": [label(i) for i in range(n - same)]})
    return pl.concat([made, made.head(same)]).with_row_index("id")


def test_duplicates_by_content_are_removed_before_rows_are_counted():
    skipped = trainable(rows(100, same=30), target="y", classes=True, thresholds=BARS, ignore=["id"])
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.says) == ("too_few_rows", "70 labelled rows (30 duplicates and 0 without a label left out), 100 are needed")
    ready = trainable(rows(130, same=30), target="y", classes=True, thresholds=BARS, ignore=["id"])
    assert isinstance(ready, Ready)
    assert (ready.rows.height, ready.duplicates) == (100, 30)


def test_rows_without_a_label_and_one_class_alone_are_not_trained_on():
    some = rows(120, label=lambda i: None if i < 21 else i % 2)
    assert trainable(some, target="y", classes=True, thresholds=BARS, ignore=["id"]).reason == "too_few_rows"
    one = rows(150, label=lambda i: 1)
    assert trainable(one, target="y", classes=True, thresholds=BARS).reason == "one_class"
    assert isinstance(trainable(one, target="y", classes=False, thresholds=BARS), Ready)
    with pytest.raises(ConfigError, match="no column z"):
        trainable(one, target="z", classes=True, thresholds=BARS)


def test_an_attempt_is_followed_by_a_rest_but_for_one_asked_for():
    at = NOW - dt.timedelta(hours=23)
    assert cooling(Trigger.PERFORMANCE, at, NOW, BARS).reason == "cool_down"
    assert cooling(Trigger.MANUAL, at, NOW, BARS) is None
    assert cooling(Trigger.WEEKLY, NOW - dt.timedelta(hours=24), NOW, BARS) is None
    assert cooling(Trigger.WEEKLY, None, NOW, BARS) is None


def test_nothing_changed_is_no_fit():
    made = Fingerprint("d", "c", "p")
    assert unchanged([Fingerprint("a", "b", "c"), made], Fingerprint("d", "c", "p")).reason == "no_change"
    assert all(unchanged([made], other) is None for other in (Fingerprint("e", "c", "p"), Fingerprint("d", "x", "p"), Fingerprint("d", "c", "q")))
    assert unchanged([], made) is None


def served(right: int, n: int) -> pl.DataFrame:
    return pl.DataFrame({"truth": [1] * n, "prediction": [1] * right + [0] * (n - right)}, schema={"truth": pl.Int64, "prediction": pl.Int64})


def watched(after: pl.DataFrame, *, hours: float = 8, requests: int = 1000, failures: int = 0):
    return watch(
        served(510, 600),
        after,
        metric("accuracy"),
        requests=requests,
        failures=failures,
        deployed_at=NOW - dt.timedelta(hours=hours),
        now=NOW,
        thresholds=BARS,
    )


def test_a_deployment_is_watched_until_24_hours_or_500_labels():
    assert watched(served(0, 0)).standing is Standing.WATCHING
    assert watched(served(255, 300)).standing is Standing.WATCHING
    assert watched(served(425, 500)).standing is Standing.KEPT
    assert watched(served(255, 300), hours=24).standing is Standing.KEPT


def test_a_worse_deployment_is_rolled_back_with_evidence():
    found = watched(served(225, 300))
    assert found.standing is Standing.ROLL_BACK
    assert found.comparison.drop == pytest.approx(0.1)
    assert found.comparison.p < 0.01
    assert watched(served(240, 300)).standing is Standing.WATCHING, "five points on 300 labels may be chance"
    assert watched(served(40, 80)).comparison is None


@pytest.mark.parametrize(("requests", "failures", "back"), [(1000, 11, True), (1000, 10, False), (50, 1, False), (20, 3, True), (0, 0, False)])
def test_failing_answers_roll_back(requests, failures, back):
    found = watched(served(0, 0), requests=requests, failures=failures)
    assert (found.standing is Standing.ROLL_BACK) == back


def test_more_failures_than_answers_are_refused():
    with pytest.raises(ConfigError, match="2 of 1"):
        watched(served(0, 0), requests=1, failures=2)


def test_thresholds_are_described_and_bounded():
    assert all(f.description for f in RetrainingThresholds.model_fields.values())
    for wrong in ({"check_hours": 5}, {"zone": "Mars/Olympus"}, {"retraining_threshold": 0}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            RetrainingThresholds(**wrong)
