"""What the classifier learns from: what had landed, and what people said in reviews, the newest of which counts."""

import datetime as dt

import sqlalchemy as sa

from seeding_platform.models import frame_of, shipped_spec
from seeding_platform.models.frames.exception_classification import REVIEWED, wording
from seeding_platform.storage.enrichment.schema import labels
from seeding_platform.storage.enrichment.taught import HumanLabels
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.conftest import NOW

SPEC = shipped_spec("exception_classification")


def said(n, record_id, label, *, tenant="demo-3pl", kind="exception", hours=0):
    return {
        "label_id": f"l{n}", "tenant": tenant, "record_type": kind, "record_id": record_id, "input_hash": "h", "label": label, "machine_label": None,
        "machine_confidence": None, "reason": "low_confidence", "actor": "key:1", "at": NOW + dt.timedelta(hours=hours),
    }  # fmt: skip


def test_what_people_said_last_counts(database_url, tables):
    with State.open(database_url) as state:
        with state.engine.begin() as connection:
            rows = [
                said(1, "EX-001", "other"), said(2, "EX-001", "missing_data", hours=1), said(3, "EH-0001", "damaged"),
                said(4, "EX-002", "other", tenant="somebody"), said(5, "EX-003", "other", kind="order"),
            ]  # fmt: skip
            connection.execute(sa.insert(labels), rows)
        reviewed = HumanLabels(state).newest("demo-3pl")
    assert dict(reviewed.select("exception_id", "label").rows()) == {"EX-001": "missing_data", "EH-0001": "damaged"}
    before = frame_of(SPEC, {name: table.lazy() for name, table in tables.items()})
    after = frame_of(SPEC, {name: table.lazy() for name, table in tables.items()} | {REVIEWED: reviewed.lazy()})
    told = dict(after.select("exception_id", "label").rows())
    assert after.height == before.height + 1
    assert (told["EX-001"], told["EH-0001"]) == ("missing_data", "damaged")


def test_no_labels_of_people_are_no_rows(database_url):
    with State.open(database_url) as state:
        assert HumanLabels(state).newest("demo-3pl").height == 0


def test_exceptions_that_differ_only_in_which_one_they_are_go_together(tables):
    assert wording("Order ZB-20007 is 3 days LATE, mail [EMAIL]") == wording("Order ZB-1 is 12 days late, mail [PHONE]")
    frame = frame_of(SPEC, {name: table.lazy() for name, table in tables.items()})
    assert frame["wording"].n_unique() < frame.height
    assert not frame["description"].str.contains(r"zb-\d|[0-9]{3}").any()


def test_without_the_text_there_is_nothing_to_learn_from(tables):
    without = {**tables, "exception_records": tables["exception_records"].drop("description")}
    assert frame_of(SPEC, {name: table.lazy() for name, table in without.items()}).height == 0
