"""A worker over the real store, with providers that do what real ones do: whatever happens, every record is somewhere, and nothing is masked."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field, replace

import pytest

from seeding_platform.enrichment.actions import Carried
from seeding_platform.enrichment.judging import judge_by
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.enrichment.retry import DELAYS, RetryPolicy
from seeding_platform.enrichment.settings import WorkLimits
from seeding_platform.enrichment.working import Crew, work
from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment.states import ErrorClass, Record, Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def answer(question, *, confidence: float = 0.9) -> dict:
    """A good answer to a question."""
    if question.stage == Stage.ORDER_ANALYSIS:
        problem = {"kind": "overdue", "severity": "high", "evidence": []}
        return {"record_id": question.record_id, "problems": [problem], "severity": "high", "confidence": 0.95}
    if question.stage == Stage.CLASSIFICATION:
        return {"record_id": question.record_id, "ai_label": "late_delivery", "ai_confidence": confidence, "notes": "it is late"}
    parameters = {"amount": None, "currency": None, "template": "delay_apology", "reference": None}
    told = {"resolvable": True, "action": "notify_customer", "parameters": parameters, "confidence": 0.9, "reason": "late"}
    return {"record_id": question.record_id, **told}


@dataclass
class Scripted:
    """A provider that answers well, but for what a test says."""

    does: dict = field(default_factory=dict)
    name: str = "scripted"
    asked: list = field(default_factory=list)

    def version_of(self, stage: str) -> tuple[str, str]:
        return "m1", "p1"

    def ask(self, questions, *, now):
        self.asked += [(q.stage, q.record_id, q.again) for q in questions]
        replies = []
        for q in questions:
            does = self.does.get((q.stage, q.record_id)) or self.does.get(q.record_id)
            told = does(q) if does is not None else answer(q)
            if told is None:
                continue
            replies += told if isinstance(told, list) else [told if isinstance(told, Reply) else Reply(record_id=q.record_id, output=told)]
        return replies


@dataclass
class Floor:
    """A store, a clock and a provider, with hands to work."""

    store: EnrichmentStore
    provider: Scripted = field(default_factory=Scripted)
    at: dt.datetime = NOON
    acted: list = field(default_factory=list)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    limits: WorkLimits = field(default_factory=lambda: WorkLimits(batch=50))

    def act(self, claim, resolution, now) -> Carried:
        self.acted.append((claim.ref.record_id, resolution.action))
        return Carried(key="k", action=resolution.action, mode="dry_run", state="done", outcome="would be done")

    def take(self, *ids: str, tenant: str = "acme") -> None:
        self.store.intake([Record(tenant=tenant, record_type="exception", record_id=i, payload={"id": i}, input_hash=i) for i in ids], now=self.at)

    def crew(self, stages, **more) -> Crew:
        told = {
            "store": self.store, "provider_of": lambda tenant: self.provider, "judge": judge_by(stages, self.act), "limits": self.limits,
            "retries": self.retries, "now": lambda: self.at, "rng": random.Random(1), "owner": "w1", "pulse": False,
        }  # fmt: skip
        return Crew(**told | more)

    def of(self, record: str, tenant: str = "acme"):
        """State by stage of a record."""
        return {s.stage: s for s in self.store.story(tenant, "exception", record).record.stages}

    def accounted(self) -> bool:
        return all(c.ingested == c.completed + c.skipped + c.dead + c.due + c.leased for c in self.store.counts(now=self.at))


@pytest.fixture
def floor(database_url):
    with State.open(database_url) as state:
        made = Floor(EnrichmentStore(state))
        yield made
        assert made.accounted()


def test_a_record_goes_through_all_stages_and_its_action_is_carried_out_once(floor, stages):
    floor.take("E1", "E2")
    tally = work(floor.crew(stages))
    assert tally.completed == {stage: 2 for stage in Stage}
    assert floor.acted == [("E1", "notify_customer"), ("E2", "notify_customer")]
    done = floor.of("E1")
    assert (done[Stage.CLASSIFICATION].label, done[Stage.CLASSIFICATION].confidence) == ("late_delivery", 0.9)
    assert done[Stage.RESOLUTION].output["outcome"] == "would be done"
    assert work(floor.crew(stages)).claimed == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"ai_label": None, "ai_confidence": None},
        {"ai_confidence": float("nan")},
        {"ai_confidence": 1.7},
        {"ai_confidence": "high"},
        {"ai_label": "nonsense"},
        {"record_id": "E2"},
    ],
)
def test_an_answer_that_is_none_is_asked_for_once_more_and_then_waits_without_a_label(floor, stages, wrong):
    floor.take("E1")
    floor.provider.does[Stage.CLASSIFICATION, "E1"] = lambda q: answer(q) | wrong
    work(floor.crew(stages))
    state = floor.of("E1")[Stage.CLASSIFICATION]
    assert (state.status, state.error, state.label, state.confidence, state.output) == ("failed", ErrorClass.INVALID_OUTPUT, None, None, None)
    assert 0.8 * DELAYS[0] <= state.due_at - NOON <= 1.2 * DELAYS[0]
    asks = [again for stage, _, again in floor.provider.asked if stage == Stage.CLASSIFICATION]
    assert [bool(a) for a in asks] == [False, True]
    floor.provider.does.clear()
    floor.at = state.due_at
    work(floor.crew(stages))
    assert floor.of("E1")[Stage.RESOLUTION].status == "completed"


def test_no_answer_and_two_that_differ_are_none(floor, stages):
    floor.take("E1", "E2", "E3")
    floor.provider.does["E1"] = lambda q: None
    floor.provider.does["E2"] = lambda q: [Reply(record_id="E2", output=answer(q)), Reply(record_id="E2", output=answer(q) | {"confidence": 0.1})]
    floor.provider.does["E3"] = lambda q: [Reply(record_id="E3", output=answer(q))] * 2
    work(floor.crew(stages))
    assert floor.of("E1")[Stage.ORDER_ANALYSIS].error == ErrorClass.INVALID_OUTPUT
    assert floor.of("E2")[Stage.ORDER_ANALYSIS].error == ErrorClass.INVALID_OUTPUT
    assert floor.of("E3")[Stage.ORDER_ANALYSIS].status == "completed", "the same answer twice is one"


def test_a_record_that_makes_its_provider_raise_holds_up_no_other(floor, stages):
    def raises(question):
        raise ValueError("somebody@example.org")

    floor.take(*[f"E{n}" for n in range(20)])
    floor.provider.does["E7"] = raises
    work(floor.crew(stages))
    assert floor.of("E7")[Stage.ORDER_ANALYSIS].error == ErrorClass.TRANSIENT
    assert "somebody" not in floor.of("E7")[Stage.ORDER_ANALYSIS].message
    assert sum(floor.of(f"E{n}")[Stage.RESOLUTION].status == "completed" for n in range(20)) == 19


def test_what_cannot_be_worked_on_is_dead_at_once(floor, stages):
    def refuses(question):
        raise PermanentError("It is too long.")

    floor.take("E1")
    floor.provider.does["E1"] = refuses
    work(floor.crew(stages))
    state = floor.of("E1")[Stage.ORDER_ANALYSIS]
    assert (state.error, state.dead) == (ErrorClass.CONTENT_PERMANENT, True)


def test_six_tries_and_then_somebody_has_to_look(floor, stages):
    floor.take("E1")
    floor.provider.does["E1"] = lambda q: Reply(record_id="E1", error=ErrorClass.TRANSIENT, message="it did not answer")
    for _ in range(10):
        work(floor.crew(stages))
        floor.at += dt.timedelta(hours=5)
    state = floor.of("E1")[Stage.ORDER_ANALYSIS]
    assert (state.dead, state.attempts, state.retry_count) == (True, 6, 5)
    assert len(floor.provider.asked) == 6


@pytest.mark.parametrize("error", [ErrorClass.RATE_LIMITED, ErrorClass.PROVIDER_DOWN, ErrorClass.BUDGET_EXHAUSTED])
def test_what_is_nobodys_fault_costs_no_attempt_however_long_it_lasts(floor, stages, error):
    floor.take("E1")
    floor.provider.does["E1"] = lambda q: Reply(record_id="E1", error=error, message="not now", retry_at=floor.at + dt.timedelta(minutes=30))
    for _ in range(20):
        work(floor.crew(stages))
        floor.at += dt.timedelta(hours=1)
    assert (floor.of("E1")[Stage.ORDER_ANALYSIS].attempts, len(floor.provider.asked)) == (0, 20)
    floor.provider.does.clear()
    work(floor.crew(stages))
    assert floor.of("E1")[Stage.RESOLUTION].status == "completed"


def test_while_a_provider_is_down_a_pass_puts_off_one_batch_and_leaves_the_rest(floor, stages):
    down = ErrorClass.PROVIDER_DOWN
    floor.take(*[f"E{n:03}" for n in range(120)])
    for n in range(120):
        floor.provider.does[Stage.CLASSIFICATION, f"E{n:03}"] = lambda q: Reply(record_id=q.record_id, error=down, message="down")
    tally = work(floor.crew(stages))
    assert tally.completed == {Stage.ORDER_ANALYSIS: 120}
    assert tally.failed == {(Stage.CLASSIFICATION, down): 50}
    floor.provider.does.clear()
    assert work(floor.crew(stages)).completed[Stage.RESOLUTION] == 70
    floor.at += dt.timedelta(minutes=7)
    assert work(floor.crew(stages)).completed[Stage.RESOLUTION] == 50


def test_an_unsure_label_is_kept_and_nothing_is_done_on_it(floor, stages):
    floor.take("E1")
    floor.provider.does[Stage.CLASSIFICATION, "E1"] = lambda q: answer(q, confidence=0.6)
    work(floor.crew(stages))
    states = floor.of("E1")
    assert (states[Stage.CLASSIFICATION].status, states[Stage.CLASSIFICATION].confidence) == ("completed", 0.6)
    assert (states[Stage.RESOLUTION].status, states[Stage.RESOLUTION].message) == ("skipped", "low_confidence")
    assert states[Stage.RESOLUTION].review_at == NOON + dt.timedelta(hours=24)
    assert floor.acted == []


def test_an_action_that_did_not_come_about_is_tried_again(floor, stages):
    def away(claim, resolution, now):
        return Carried(key="k", action=resolution.action, mode="executed", state="sent", outcome="did not answer", error=ErrorClass.TRANSIENT)

    floor.take("E1")
    work(floor.crew(stages, judge=judge_by(stages, away)))
    state = floor.of("E1")[Stage.RESOLUTION]
    assert (state.status, state.error, state.output) == ("failed", ErrorClass.TRANSIENT, None)
    floor.at = state.due_at
    work(floor.crew(stages))
    assert floor.of("E1")[Stage.RESOLUTION].status == "completed"


def test_whoever_is_stopped_in_the_middle_gives_back_what_it_held(floor, stages):
    def stops(question):
        raise KeyboardInterrupt

    floor.take("E1", "E2")
    floor.provider.does["E2"] = stops
    with pytest.raises(KeyboardInterrupt):
        work(floor.crew(stages))
    assert {floor.of(e)[Stage.ORDER_ANALYSIS].status for e in ("E1", "E2")} == {"pending"}
    assert floor.of("E2")[Stage.ORDER_ANALYSIS].attempts == 0


def test_whoever_answers_after_its_lease_is_refused(floor, stages):
    floor.take("E1")
    others = replace(floor, provider=Scripted())

    def late(question):
        floor.at += dt.timedelta(seconds=floor.limits.lease_seconds + 1)
        others.at = floor.at
        floor.provider.does.clear()
        work(others.crew(stages, owner="w2"))
        return answer(question)

    floor.provider.does[Stage.CLASSIFICATION, "E1"] = late
    tally = work(floor.crew(stages))
    assert tally.outdated == 1
    assert floor.of("E1")[Stage.RESOLUTION].status == "completed"
    completed = [a for a in floor.store.story("acme", "exception", "E1").attempts if a.stage == Stage.CLASSIFICATION and a.outcome == "completed"]
    assert len(completed) == 1


@pytest.mark.long
def test_a_lease_is_renewed_while_an_answer_is_waited_for(floor, stages):
    import time

    floor.take("E1")
    floor.limits = WorkLimits(batch=10, lease_seconds=5)

    def slow(question):
        time.sleep(7)
        return answer(question)

    floor.provider.does[Stage.ORDER_ANALYSIS, "E1"] = slow
    tally = work(floor.crew(stages, pulse=True, now=lambda: dt.datetime.now(dt.UTC)))
    assert tally.outdated == 0
    assert floor.of("E1")[Stage.RESOLUTION].status == "completed"


def test_one_tenants_backlog_starves_no_other_and_time_is_kept(floor, stages):
    floor.take(*[f"B{n:04d}" for n in range(300)], tenant="big")
    floor.take("S1", tenant="small")
    calls = iter(range(10_000))
    tally = work(floor.crew(stages, now=lambda: NOON + dt.timedelta(seconds=next(calls))), until=NOON + dt.timedelta(seconds=9))
    assert tally.out_of_time
    assert floor.of("S1", "small")[Stage.ORDER_ANALYSIS].status == "completed"


def test_what_an_end_leaves_nothing_to_do_in_is_counted_as_skipped(floor, stages):
    floor.provider.does = {(Stage.CLASSIFICATION, "a"): lambda q: answer(q, confidence=0.4)}
    floor.take("a", "b")
    tally = work(floor.crew(stages))
    assert (tally.completed.total(), dict(tally.skipped), tally.moved) == (5, {Stage.RESOLUTION: 1}, {"acme": 5})
    assert floor.of("a")[Stage.RESOLUTION].status == "skipped"
