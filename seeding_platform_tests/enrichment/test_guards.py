"""Breaker, budget, cache and waterfall: what is down is left alone, what is spent is spent, what is known is not asked, what is unsure goes on."""

import dataclasses
import datetime as dt
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.enrichment.outputs import Invalid, checked
from seeding_platform.enrichment.providers.breaker import OPEN_FOR, PROBES, Breaking, admitted, told
from seeding_platform.enrichment.providers.budget import Budgeted, Limits
from seeding_platform.enrichment.providers.cache import Cached
from seeding_platform.enrichment.providers.choice import guarded, provider_for
from seeding_platform.enrichment.providers.fake import Fake
from seeding_platform.enrichment.providers.protocol import Provider, Reply
from seeding_platform.enrichment.providers.script import Script
from seeding_platform.enrichment.providers.waterfall import Waterfall
from seeding_platform.errors import ConfigError
from seeding_platform.settings import Settings
from seeding_platform.storage.enrichment.answers import Answers
from seeding_platform.storage.enrichment.breakers import BreakerRow, Breakers
from seeding_platform.storage.enrichment.spending import Spending, Spent
from seeding_platform.storage.enrichment.states import ErrorClass, Made, Stage
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.asking import ORDER, classified, question
from seeding_platform_tests.enrichment.conftest import NOW

CLOSED = BreakerRow("closed", "", None, 0, NOW)
MINUTE = dt.timedelta(minutes=1)
FACTS = {"description": "The glass is broken", "order": ORDER}


def asked(n, start=0, **more):
    return [question(Stage.CLASSIFICATION, facts=FACTS, record_id=f"E-{i}", **more) for i in range(start, start + n)]


def fake(*rules, name="fake", **more):
    return Fake(Script.model_validate({"rules": rules, **more}), start=NOW, name=name)


def test_five_failures_in_a_row_open_it_for_five_minutes():
    assert told(CLOSED, [False] * 4, now=NOW).state == "closed"
    row = told(CLOSED, [False] * 5, now=NOW)
    assert row.state == "open"
    assert admitted(row, 100, now=NOW + OPEN_FOR - MINUTE)[0] == 0
    let, row = admitted(row, 100, now=NOW + OPEN_FOR)
    assert (let, row.state) == (PROBES, "half_open")
    assert admitted(row, 100, now=NOW + OPEN_FOR)[0] == 0
    assert told(row, [True] * 5, now=NOW).state == "closed"
    assert told(row, [True, False, False, False, False, False], now=NOW).state == "open"


def test_more_than_half_of_twenty_open_it():
    assert told(CLOSED, [True, False] * 10, now=NOW).state == "closed"
    assert told(CLOSED, [True, False, False] * 7, now=NOW).state == "open"


def test_a_probe_that_fails_costs_its_record_no_attempt(tmp_path):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        provider = Breaking(fake({"outcome": "timeout", "until": "+30m"}, {"outcome": "nulls"}), Breakers(state))
        before = provider.ask(asked(5), now=NOW)
        probes = provider.ask(asked(5), now=NOW + 6 * MINUTE)
        later = provider.ask(asked(1), now=NOW + 40 * MINUTE)
    assert [r.error for r in before] == [ErrorClass.TRANSIENT] * 5
    assert [(r.error, r.retry_at) for r in probes] == [(ErrorClass.PROVIDER_DOWN, NOW + 6 * MINUTE + OPEN_FOR)] * 5
    assert later[0].output is not None, "what is no failure of the provider stays what it is"


def test_a_probe_that_alone_gets_no_answer_costs_its_record_an_attempt(tmp_path):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        inner = fake({"match": {"record": "E-*"}, "outcome": "timeout"}, tokens=40, cost=0.001)
        provider = Breaking(inner, Breakers(state))
        provider.ask(asked(5), now=NOW)
        for stage in Stage:
            before = {} if stage is Stage.ORDER_ANALYSIS else {Stage.ORDER_ANALYSIS: {"problems": []}, **classified("damaged")}
            one = question(stage, facts=FACTS, record_id="E-0", upstream=before)
            [probe] = provider.ask([one], now=NOW + 6 * MINUTE)
            assert (probe.record_id, probe.error, probe.retry_at) == ("E-0", ErrorClass.TRANSIENT, None)
            assert (probe.tokens, probe.cost) == (40, 0.001), "the canary is paid for too"
        assert Breakers(state).one("fake").recent == "xo" * 3
        others = [question(Stage.CLASSIFICATION, facts=FACTS, record_id=name) for name in ("E-0", "F-1")]
        calls = inner.calls
        told_ = provider.ask(others, now=NOW + 7 * MINUTE)
    assert [r.error for r in told_] == [ErrorClass.TRANSIENT, None]
    assert inner.calls == calls + 2, "another record's answer says as much as the canary's"


def test_probes_that_are_never_heard_of_again_do_not_keep_it_half_open():
    _, row = admitted(told(CLOSED, [False] * 5, now=NOW), 100, now=NOW + OPEN_FOR)
    assert admitted(row, 9, now=NOW + 2 * OPEN_FOR)[0] == 9


@given(st.lists(st.tuples(st.integers(0, 30), st.lists(st.booleans(), max_size=8), st.integers(0, 20)), max_size=40))
def test_a_breaker_always_lets_somebody_through_in_the_end(moves):
    row, now = CLOSED, NOW
    for wanted, went, minutes in moves:
        now += minutes * MINUTE
        let, row = admitted(row, wanted, now=now)
        assert 0 <= let <= wanted
        assert row.state != "half_open" or let <= PROBES
        row = told(row, went[:let], now=now)
        assert len(row.recent) <= 20
    assert admitted(row, 1, now=now + 2 * OPEN_FOR)[0] == 1


def test_a_provider_that_is_down_is_left_alone_and_costs_no_attempt(database_url):
    with State.open(database_url) as state:
        down = fake({"outcome": "server_error", "until": "+1h"})
        provider = Breaking(down, Breakers(state))
        assert isinstance(provider, Provider)
        replies = provider.ask(asked(200), now=NOW)
        assert len(replies) == 200
        assert down.calls == 20
        assert sum(r.error is ErrorClass.PROVIDER_DOWN for r in replies) == 180
        assert {r.retry_at for r in replies if r.error is ErrorClass.PROVIDER_DOWN} == {NOW + OPEN_FOR}
        provider.ask(asked(50), now=NOW + MINUTE)
        assert down.calls == 20
        for minutes in range(5, 60, 5):
            provider.ask(asked(50), now=NOW + minutes * MINUTE)
        assert down.calls == 20 + 11 * 5
        assert all(r.error is None for r in provider.ask(asked(50), now=NOW + 70 * MINUTE))
        assert Breakers(state).one("fake").state == "closed"


def test_records_that_are_invalid_do_not_open_it(database_url):
    with State.open(database_url) as state:
        provider = Breaking(fake({"outcome": "nulls"}), Breakers(state))
        provider.ask(asked(60), now=NOW)
        assert Breakers(state).one("fake").state == "closed"


def test_many_workers_change_one_breaker(database_url):
    with State.open(database_url) as state:
        breakers = Breakers(state)
        count = [threading.Thread(target=lambda: breakers.changed("p", lambda r: told(r, [True], now=NOW), now=NOW)) for _ in range(12)]
        for thread in count:
            thread.start()
        for thread in count:
            thread.join()
        assert breakers.all()["p"].recent == "o" * 12


def test_a_budget_is_never_passed_and_begins_anew_with_the_day(database_url):
    with State.open(database_url) as state:
        inner = fake(tokens=1000, cost=0.01)
        provider = Budgeted(inner, Spending(state), Limits(tokens=40_000))
        replies = provider.ask(asked(100), now=NOW)
        assert len(replies) == 100
        spent = Spending(state).of("acme", NOW.date())["fake"]
        assert spent.tokens <= 40_000
        assert spent.calls == inner.calls == sum(r.error is None for r in replies) >= 35
        left = [r for r in replies if r.error is not None]
        assert {(r.error, r.retry_at) for r in left} == {(ErrorClass.BUDGET_EXHAUSTED, dt.datetime(2026, 11, 2, tzinfo=dt.UTC))}
        assert provider.ask(asked(1), now=NOW)[0].error is ErrorClass.BUDGET_EXHAUSTED
        assert provider.ask(asked(1, tenant="other"), now=NOW)[0].error is None
        assert provider.ask(asked(1), now=NOW + dt.timedelta(days=1))[0].error is None


def test_money_is_limited_too(database_url):
    with State.open(database_url) as state:
        provider = Budgeted(fake(tokens=1000, cost=0.01), Spending(state), Limits(cost=0.1), eur_per_million_tokens=10.0)
        provider.ask(asked(100), now=NOW)
        assert 0.05 <= Spending(state).of("acme", NOW.date())["fake"].cost <= 0.1 + 1e-9


def test_what_is_set_aside_at_once_is_never_more_than_the_limit(database_url):
    with State.open(database_url) as state:
        spending, taken = Spending(state), []

        def reserve(n):
            taken.append(spending.reserve("t", NOW.date(), f"p{n % 2}", Spent(1, 100, 0), most_tokens=500, most_cost=None))

        threads = [threading.Thread(target=reserve, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(taken) == 5
        assert sum(s.tokens for s in spending.of("t", NOW.date()).values()) == 500


def test_an_answer_is_asked_for_once_per_tenant_and_version(database_url):
    with State.open(database_url) as state:
        inner = fake(versions=[{"since": "+1h", "model": "fake-2"}])
        provider = Cached(inner, Answers(state))
        first = {r.record_id: r.output for r in provider.ask(asked(5), now=NOW)}
        again = provider.ask(asked(7), now=NOW)
        assert inner.calls == 7
        assert {r.record_id: r.output for r in again if r.made is not None} == first
        assert all(r.made.cached for r in again if r.made is not None)
        provider.ask(asked(5, tenant="other"), now=NOW)
        assert inner.calls == 12
        inner.tick(NOW + dt.timedelta(hours=1))
        provider.ask(asked(5), now=NOW + dt.timedelta(hours=1))
        assert inner.calls == 17
        changed = [question(Stage.CLASSIFICATION, facts={**FACTS, "description": "x"}, record_id="E-0")]
        provider.ask(changed, now=NOW)
        assert inner.calls == 18
        assert Answers(state).prune(before=NOW + dt.timedelta(days=1)) > 0
        assert Answers(state).found("acme", [provider.key(q) for q in asked(5)]) == {}


@pytest.mark.parametrize("outcome", ["nulls", "malformed", "wrong_enum", "timeout", "partial_batch", "duplicate_ids", "swapped_ids"])
def test_what_is_not_valid_is_not_kept(tmp_path, outcome):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        inner = fake({"outcome": outcome})
        provider = Cached(inner, Answers(state))
        provider.ask(asked(4), now=NOW)
        provider.ask(asked(4), now=NOW)
        assert inner.calls == 8


def test_who_wants_a_new_answer_gets_one(tmp_path):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        inner = fake()
        provider = Cached(inner, Answers(state), may=lambda q: q.asked == 0)
        provider.ask(asked(3), now=NOW)
        replies = provider.ask(asked(3, asked=1), now=NOW)
        assert inner.calls == 6
        assert [r.record_id for r in replies] == ["E-0", "E-1", "E-2"]


def tiers(stages, cheap, strong, stage=Stage.CLASSIFICATION):
    spec = stages.of(stage).model_copy(update={"providers": ("cheap", "strong")})
    both = stages.model_copy(update={"stages": {**stages.stages, stage: spec}})
    for provider, name in ((cheap, "cheap"), (strong, "strong")):
        if isinstance(provider, Fake):
            provider.name = name
    return Waterfall(both, {"cheap": cheap, "strong": strong})


def test_only_what_the_cheap_one_is_unsure_of_goes_to_the_strong_one(stages):
    cheap, strong = fake({"outcome": "low_confidence", "share": 0.3}, cost=0.001, tokens=10), fake(model="big", cost=0.1, tokens=100)
    provider = tiers(stages, cheap, strong)
    assert isinstance(provider, Provider)
    replies = provider.ask(asked(100), now=NOW)
    assert [r.record_id for r in replies] == [f"E-{i}" for i in range(100)]
    assert cheap.calls == 100
    assert strong.calls == cheap.met["low_confidence"] > 10
    assert all(r.output["ai_confidence"] >= stages.bar for r in replies)
    costs = {(r.made.provider, r.made.calls, round(r.cost, 3), r.tokens) for r in replies}
    assert costs == {("cheap", 1, 0.001, 10), ("strong", 2, 0.101, 110)}
    assert {(r.made.model_version, r.made.prompt_version) for r in replies} == {provider.version_of(Stage.CLASSIFICATION)}
    assert "fake-1" in provider.version_of(Stage.CLASSIFICATION)[0]
    assert "big" in provider.version_of(Stage.CLASSIFICATION)[0]


@pytest.mark.parametrize(
    ("outcome", "before", "waits_for"),
    [
        ("nulls", 0, None),
        ("timeout", 0, ErrorClass.TRANSIENT),
        ("timeout", 1, ErrorClass.TRANSIENT),
        ("timeout", 2, None),
        ("rate_limited", 0, ErrorClass.RATE_LIMITED),
        ("rate_limited", 4, ErrorClass.RATE_LIMITED),
    ],
)
def test_what_the_cheap_one_is_unsure_of_stands_where_the_strong_one_is_not_only_away(stages, outcome, before, waits_for):
    provider = tiers(stages, fake({"outcome": "low_confidence"}), fake({"outcome": outcome}))
    [reply] = provider.ask([dataclasses.replace(q, asked=before) for q in asked(1)], now=NOW)
    assert reply.error == waits_for
    if waits_for is None:
        assert reply.output["ai_confidence"] < stages.bar
        assert reply.made.provider == "cheap"
    else:
        assert (reply.output, reply.made.provider) == (None, "strong")


def test_what_the_cheap_one_is_sure_of_waits_for_nobody(stages):
    [reply] = tiers(stages, fake(), fake({"outcome": "rate_limited"})).ask(asked(1), now=NOW)
    assert (reply.error, reply.made.provider) == (None, "cheap")


def test_where_the_cheap_one_fails_the_strong_one_is_asked(stages):
    for outcome in ("timeout", "malformed", "partial_batch", "duplicate_ids", "swapped_ids"):
        [reply] = tiers(stages, fake({"outcome": outcome}), fake()).ask(asked(1), now=NOW)
        assert (reply.error, reply.made.provider) == (None, "strong")


def test_where_all_fail_the_last_error_counts(stages):
    [reply] = tiers(stages, fake({"outcome": "nulls"}), fake({"outcome": "rate_limited"})).ask(asked(1), now=NOW)
    assert (reply.error, reply.output) == (ErrorClass.RATE_LIMITED, None)
    assert reply.retry_at is not None
    assert reply.made.calls == 3


def test_one_answer_that_is_not_valid_is_forgiven(stages):
    class Second:
        """Gets it right when it is told what was wrong."""

        name = "cheap"

        def __init__(self):
            self.inner, self.asked = fake(), []

        def version_of(self, stage):
            return self.inner.version_of(stage)

        def ask(self, questions, *, now):
            self.asked += questions
            replies = self.inner.ask(questions, now=now)
            return [
                r if q.again else Reply(record_id=r.record_id, output={**r.output, "ai_confidence": 1.7})
                for q, r in zip(questions, replies, strict=True)
            ]

    cheap = Second()
    [reply] = tiers(stages, cheap, fake()).ask(asked(1), now=NOW)
    assert (reply.error, reply.made.provider, reply.made.calls) == (None, "cheap", 2)
    assert "ai_confidence" in cheap.asked[1].again


RULES = [{"outcome": o, "share": 0.2} for o in ("nulls", "timeout", "malformed", "partial_batch", "duplicate_ids", "swapped_ids", "low_confidence")]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_whatever_comes_back_every_question_has_one_checked_reply(stages, seed, n):
    provider = tiers(stages, fake(*RULES, seed=seed), fake(*RULES, seed=seed + 1))
    replies = provider.ask(asked(n), now=NOW)
    assert [r.record_id for r in replies] == [f"E-{i}" for i in range(n)]
    for reply in replies:
        assert (reply.error is None) != (reply.output is None)
        if reply.output is not None:
            assert not isinstance(checked(Stage.CLASSIFICATION, reply.output, record_id=reply.record_id), Invalid)


def test_all_of_it_together(stages, tmp_path):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        strong = guarded(fake({"outcome": "timeout", "share": 0.2}, name="strong", tokens=100), state, limits=Limits(tokens=10**6))
        provider = tiers(stages, fake({"outcome": "low_confidence"}), strong)
        first, again = provider.ask(asked(60), now=NOW), provider.ask(asked(60), now=NOW)
        assert sum(r.made.cached for r in again) == sum(r.made.provider == "strong" and r.error is None for r in first) > 30
        assert isinstance(again[0].made, Made)


def test_the_house_alone_answers_where_no_endpoint_is_set(stages, learned, tmp_path):
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        told = Settings(_env_file=None, state=tmp_path)
        provider = provider_for(told, state, stages=stages, classifier=learned)
        [reply] = provider.ask(asked(1), now=NOW)
        assert (reply.output["ai_label"], reply.made.provider, reply.cost) == ("damaged", "offline", 0.0)
        assert provider.version_of(Stage.CLASSIFICATION)[0] == "exception_classification:1"
        both = provider_for(told.model_copy(update={"ai_url": "http://127.0.0.1:1/v1"}), state, stages=stages, classifier=learned)
        assert set(both.providers) == {"offline", "openai"}
        assert both.providers["openai"].inner.inner.inner.url == "http://127.0.0.1:1/v1/chat/completions", "the base of the API is enough"
        nobody = Waterfall(stages, {})
        with pytest.raises(ConfigError, match="Nobody answers"):
            nobody.ask(asked(1), now=NOW)
