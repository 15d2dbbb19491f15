"""A new version before it goes live: the one that does worse is refused, and nothing is done by it, whoever works."""

import dataclasses
import datetime as dt

import polars as pl
import pytest

from seeding_platform.enrichment.proving import FEWEST, RULE, golden_set, judged
from seeding_platform.storage.enrichment.states import ErrorClass, Record, Stage
from seeding_platform.storage.enrichment.taught import HumanLabels
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.enrichment.test_refreshing import house
from seeding_platform_tests.enrichment.test_working import Reply, Scripted

__all__ = ["house"]

CLASSES = Stage.CLASSIFICATION
WRONG = {
    Stage.ORDER_ANALYSIS: {"problems": [{"kind": "unpaid", "severity": "high", "evidence": []}]},
    CLASSES: {"ai_label": "damaged"},
    Stage.RESOLUTION: {"action": "escalate"},
}
RIGHT = {Stage.ORDER_ANALYSIS: "overdue", CLASSES: "late_delivery", Stage.RESOLUTION: "notify_customer"}


@dataclasses.dataclass
class Versioned(Scripted):
    """A provider of a version that gives some records another label."""

    version: str = "m1"
    wrong: frozenset = frozenset()
    stage: Stage = CLASSES

    def version_of(self, stage):
        return self.version, "p1"

    def ask(self, questions, *, now):
        replies = super().ask(questions, now=now)
        if questions[0].stage != self.stage:
            return replies
        return [dataclasses.replace(r, output=r.output | WRONG[self.stage]) if r.record_id in self.wrong else r for r in replies]


def names(many):
    return [f"r{n:02}" for n in range(many)]


def labelled(house, many=40):
    """Records that went through by the first version, and whose label a person confirmed."""
    first = Versioned()
    house.provider, house._providers = lambda _: first, {}
    house.store.intake(
        [Record(tenant="acme", record_type="exception", record_id=n, payload={"n": n}, input_hash="h") for n in names(many)], now=house.bench.now()
    )
    house.refreshed()
    house.worked()
    for name in names(many):
        house.store.judge("acme", "exception", name, label="late_delivery", actor="ann", reason="sample", now=house.bench.now())
    return first


def said(house, stage, many=40):
    """Records that went through by the first version, and of whose stage a person said what is right."""
    first = labelled(house, many=0)
    house.store.intake(
        [Record(tenant="acme", record_type="exception", record_id=n, payload={"n": n}, input_hash="h") for n in names(many)], now=house.bench.now()
    )
    house.worked()
    for name in names(many):
        house.store.say("acme", ("exception", name), stage=stage, word=RIGHT[stage], actor="ann", reason="sample", now=house.bench.now())
    house.refreshed()
    return first


def fresh(house, provider, earlier=None):
    """The house of another pass, in which another version answers."""
    return dataclasses.replace(house, provider=lambda _: provider, earlier=lambda tenant, version: earlier)


def states(house, stage=CLASSES):
    return {v["version"]: v["state"] for v in Versions(house.bench.state).all("acme") if v["stage"] == stage}


def standing(house):
    return [a.rule for a in house.monitor.desk.alerts.standing() if a.rule == RULE]


def test_one_that_is_no_worse_goes_live_with_its_proof(house):
    labelled(house)
    assert states(house) == {"m1|p1": "live"}
    house = fresh(house, Versioned(version="m2", wrong=frozenset(names(1))))
    house.refreshed()
    assert states(house) == {"m1|p1": "retired", "m2|p1": "live"}
    report = next(v["report"] for v in Versions(house.bench.state).all("acme") if v["version"] == "m2|p1" and v["stage"] == CLASSES)
    assert (report["verdict"], report["n"], report["won"], report["lost"]) == ("not_worse", 40, 0, 1)
    assert standing(house) == []


def test_one_that_does_worse_is_refused_and_the_live_one_goes_on(house):
    first = labelled(house)
    worse = Versioned(version="m2", wrong=frozenset(names(8)))
    house = fresh(house, worse, earlier=first)
    said = house.refreshed()
    assert "acme, exception_classification: m2|p1 is refused; m1|p1 stays live" in said
    assert states(house) == {"m1|p1": "live", "m2|p1": "refused"}
    assert standing(house) == [RULE]
    assert house.store.pauses("acme") == []
    house.store.intake([Record(tenant="acme", record_type="exception", record_id="new", payload={}, input_hash="h")], now=house.bench.now())
    worse.asked.clear()
    house.worked()
    stage = next(s for s in house.store.story("acme", "exception", "new").record.stages if s.stage == CLASSES)
    assert (stage.model_version, stage.status) == ("m1", "completed")
    again = fresh(house, worse, earlier=first)
    again.refreshed()
    assert not [a for a in worse.asked if a[0] == CLASSES]  # neither proven again nor asked
    assert joined(again.provider_of("acme").version_of(CLASSES)) == "m1|p1"


def test_where_the_live_one_is_gone_the_stage_waits_until_a_better_one_comes(house):
    labelled(house)
    house = fresh(house, Versioned(version="m2", wrong=frozenset(names(8))))
    house.refreshed()
    [pause] = house.store.pauses("acme")
    assert (pause.stage, pause.actor) == (CLASSES, "enrichment")
    house.store.intake([Record(tenant="acme", record_type="exception", record_id="new", payload={}, input_hash="h")], now=house.bench.now())
    house.worked()
    status = {s.stage: s.status for s in house.store.story("acme", "exception", "new").record.stages}
    assert status[CLASSES] == "pending"
    house = fresh(house, Versioned(version="m3"))
    house.refreshed()
    assert states(house) == {"m1|p1": "retired", "m2|p1": "refused", "m3|p1": "live"}
    assert (house.store.pauses("acme"), standing(house)) == ([], [])
    house.worked()
    assert next(s.model_version for s in house.store.story("acme", "exception", "new").record.stages if s.stage == CLASSES) == "m3"


def test_with_few_labels_it_goes_live_unproven_and_says_so(house):
    labelled(house, many=FEWEST - 1)
    house = fresh(house, Versioned(version="m2", wrong=frozenset(names(20))))
    assert any("unproven" in line for line in house.refreshed())
    assert states(house)["m2|p1"] == "live"


def test_one_that_was_live_before_may_come_back(house):
    first = labelled(house)
    fresh(house, Versioned(version="m2")).refreshed()
    house = fresh(house, dataclasses.replace(first, wrong=frozenset(names(20)), asked=[]))
    house.refreshed()
    assert states(house) == {"m1|p1": "live", "m2|p1": "retired"}


def test_an_outage_of_the_new_one_proves_nothing(house):
    labelled(house)
    down = {n: lambda q: Reply(record_id=q.record_id, error=ErrorClass.TRANSIENT, message="no answer") for n in names(40)}
    house = fresh(house, Versioned(version="m2", does=down))
    house.refreshed()
    assert states(house)["m2|p1"] == "live"
    assert "refused" not in states(house).values()


def test_the_labelled_history_counts_and_reviews_of_another_input_do_not(house):
    labelled(house, many=3)
    at = house.bench.now() - dt.timedelta(days=30)
    rows = [(t, n, "damaged", at) for t, n in (("acme", "r00"), ("acme", "r03"), ("other", "r01"))]
    schema = {"tenant": pl.String, "exception_id": pl.String, "label": pl.String, "labelled_at": pl.Datetime("us", "UTC")}
    Lake(house.bench.settings.lake).overwrite("quality/exception_labels", pl.DataFrame(rows, schema=schema, orient="row"))
    house.bench.at += dt.timedelta(hours=1)
    house.store.intake(
        [
            Record(tenant="acme", record_type="exception", record_id="r03", payload={}, input_hash="h"),
            Record(tenant="acme", record_type="exception", record_id="r02", payload={"n": "other"}, input_hash="changed"),
        ],
        now=house.bench.now(),
    )
    house.worked()
    found = {g.question.record_id: g.truth for g in golden_set(house, "acme")}
    assert found == {"r00": "late_delivery", "r01": "late_delivery", "r03": "damaged"}


@pytest.mark.parametrize("stage", [Stage.ORDER_ANALYSIS, Stage.RESOLUTION])
def test_every_stage_has_a_golden_set_of_its_own(house, stage):
    first = said(house, stage)
    assert {g.truth for g in golden_set(house, "acme", stage)} == {RIGHT[stage]}
    assert golden_set(house, "acme") == []
    worse = Versioned(version="m2", wrong=frozenset(names(8)), stage=stage)
    house = fresh(house, worse, earlier=first)
    assert f"acme, {stage}: m2|p1 is refused; m1|p1 stays live" in house.refreshed()
    assert (states(house, stage), states(house)) == ({"m1|p1": "live", "m2|p1": "refused"}, {"m1|p1": "retired", "m2|p1": "live"})
    assert (standing(house), house.store.pauses("acme")) == ([RULE], [])
    provider = house.provider_of("acme")
    assert {s: provider.version_of(s)[0] for s in Stage} == {s: "m1" if s is stage else "m2" for s in Stage}
    house.store.intake([Record(tenant="acme", record_type="exception", record_id="r00", payload={}, input_hash="new")], now=house.bench.now())
    house.worked()
    made = {s.stage: s.model_version for s in house.store.story("acme", "exception", "r00").record.stages}
    assert made == {s: "m1" if s is stage else "m2" for s in Stage}
    better = fresh(house, Versioned(version="m3", stage=stage))
    better.refreshed()
    assert (states(house, stage)["m3|p1"], standing(house)) == ("live", [])
    story = house.store.story("acme", "exception", "r01")
    assert [(label.stage, label.label, label.machine_label) for label in story.labels] == [(stage, RIGHT[stage], RIGHT[stage])]


def test_what_a_person_says_of_another_stage_neither_moves_a_record_nor_teaches_the_classifier(house):
    said(house, Stage.RESOLUTION, many=2)
    story = house.store.story("acme", "exception", "r00")
    assert [s.provider for s in story.record.stages] == ["scripted"] * 3
    assert HumanLabels(house.bench.state).newest("acme").is_empty()
    assert house.monitor.source.judged("acme", after=house.bench.now() - dt.timedelta(days=1), until=house.bench.now()) == []
    unknown = house.store.say(
        "acme", ("exception", "none"), stage=Stage.RESOLUTION, word="reship", actor="ann", reason="sample", now=house.bench.now()
    )
    assert unknown is None


def test_a_candidate_is_tried_on_the_golden_set_before_anybody_puts_it_in_force(house):
    first, stage = said(house, Stage.RESOLUTION), str(Stage.RESOLUTION)
    candidate = Versioned(version="m2", wrong=frozenset(names(8)), stage=Stage.RESOLUTION)
    versions = Versions(house.bench.state)
    versions.put("acme", stage, "m2|p1", "candidate", report={"setup": {"model": "m2"}}, share=0.5, now=house.bench.now())
    house = fresh(house, first, earlier=candidate)
    [line] = house.refreshed()
    assert line == "acme, automated_resolution: candidate m2|p1 is worse on 40 records beside m1|p1"
    [kept] = [v for v in versions.all("acme") if v["state"] == "candidate"]
    assert (kept["share"], kept["report"]["setup"], kept["report"]["won"], kept["report"]["lost"]) == (0.5, {"model": "m2"}, 0, 8)
    candidate.asked.clear()
    assert house.refreshed() == []
    assert candidate.asked == [], "it is proven once"
    versions.put("acme", stage, "m2|p1", "live", report=kept["report"], now=house.bench.now())
    house = fresh(house, first, earlier=candidate)
    assert house.refreshed() == [], "what a person has put in force stays"
    assert house.provider_of("acme").version_of(stage) == ("m2", "p1")
    assert house.provider_of("acme").version_of(CLASSES) == ("m1", "p1")


@pytest.mark.parametrize(("won", "lost", "same", "verdict"), [
    (0, 2, 38, "not_worse"), (0, 3, 37, "worse"), (0, 5, 195, "worse"), (6, 8, 186, "not_worse"), (9, 0, 31, "not_worse"), (0, 20, 9, "unproven"),
])  # fmt: skip
def test_the_verdict(won, lost, same, verdict):
    assert judged([(False, True)] * won + [(True, False)] * lost + [(True, True)] * same).verdict == verdict
