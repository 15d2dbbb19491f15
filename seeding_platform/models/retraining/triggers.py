"""Which model is due, and why: the first reason that holds wins, with its evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seeding_platform.models.retraining.calendar import forced_due

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.models.retraining.performance import Performance
    from seeding_platform.models.retraining.thresholds import RetrainingThresholds


class Trigger(StrEnum):
    """Why a model is due, in the order in which reasons win."""

    MANUAL = "manual"
    WEEKLY = "weekly"
    PERFORMANCE = "performance"
    NEW_DATA = "new_data"
    DRIFT = "drift"


class Action(StrEnum):
    """What a due model is due for."""

    RETRAIN = "retrain"
    EVALUATE = "evaluate"


@dataclass(frozen=True, slots=True)
class ModelState:
    """What is known of a model at a check.

    Args:
        model: its name.
        last_success: when it was last trained to an end; None = never.
        data_version: version of its training data now.
        trained_on: version that the champion was trained on; None = no champion.
        new_labels: labelled rows since then.
        performance: the check of its performance; None = none was made.
        drifted: columns that drifted.
        asked_by: who asks for a retraining by hand; None = nobody.
    """

    model: str
    last_success: dt.datetime | None
    data_version: str
    trained_on: str | None
    new_labels: int = 0
    performance: Performance | None = None
    drifted: tuple[str, ...] = ()
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A model that is due.

    Args:
        model: its name.
        trigger: the reason that won.
        action: what is to be done.
        says: one sentence for people.
        evidence: the figures, as JSON would hold them.
    """

    model: str
    trigger: Trigger
    action: Action
    says: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotDue:
    """A model that is not due, and what was looked at."""

    model: str
    says: str
    evidence: Mapping[str, Any]


def decide(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | NotDue:
    """What a model is due for: by hand, for its age, for a drop, for new data, or (an evaluation only) for drift."""
    for judge in (_manual, _weekly, _performance, _new_data, _drift):
        found = judge(state, now, thresholds)
        if found is not None:
            return found
    performance = None if state.performance is None else asdict(state.performance)
    evidence = {"last_success": _iso(state.last_success), "new_labels": state.new_labels, "performance": performance}
    return NotDue(state.model, state.performance.says if state.performance else "nothing is due", evidence)


def _manual(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | None:
    del now, thresholds
    if state.asked_by is None:
        return None
    return Due(state.model, Trigger.MANUAL, Action.RETRAIN, f"asked for by {state.asked_by}", {"asked_by": state.asked_by})


def _weekly(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | None:
    days = thresholds.forced_days
    if not forced_due(state.last_success, now, days=days, hours=thresholds.check_hours, zone=thresholds.zone):
        return None
    says = (
        "it was never trained"
        if state.last_success is None
        else f"the last success is {(now - state.last_success).total_seconds() / 86400:.1f} days old"
    )
    evidence = {"last_success": _iso(state.last_success), "days": days}
    return Due(state.model, Trigger.WEEKLY, Action.RETRAIN, f"{says}; {days} are allowed", evidence)


def _performance(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | None:
    del now, thresholds
    if state.performance is None or not state.performance.dropped:
        return None
    return Due(state.model, Trigger.PERFORMANCE, Action.RETRAIN, state.performance.says, asdict(state.performance))


def _new_data(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | None:
    del now
    if state.data_version == state.trained_on or state.new_labels < thresholds.new_labels:
        return None
    evidence = {"data_version": state.data_version, "trained_on": state.trained_on, "new_labels": state.new_labels, "bar": thresholds.new_labels}
    return Due(state.model, Trigger.NEW_DATA, Action.RETRAIN, f"{state.new_labels} new labels; {thresholds.new_labels} are a reason", evidence)


def _drift(state: ModelState, now: dt.datetime, thresholds: RetrainingThresholds) -> Due | None:
    del now, thresholds
    if not state.drifted:
        return None
    says = f"drift in {', '.join(state.drifted)}: an evaluation is due, no retraining"
    return Due(state.model, Trigger.DRIFT, Action.EVALUATE, says, {"columns": list(state.drifted)})


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
