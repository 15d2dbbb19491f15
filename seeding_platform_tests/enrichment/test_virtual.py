"""Hours of enrichment in virtual time: all but poison is complete, nothing is masked or done twice, and nobody had to help."""

import dataclasses

import pytest

from seeding_platform.enrichment.providers.script import Match, Outcome, Rule, Script
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.virtual import AS_BUILT, BEGIN, HOUR, MINUTE, Policy, Run, bad_day, played


def test_a_short_bad_day_leaves_nothing_but_poison(tmp_path):
    script = bad_day((0.2, 0.4), poison=0.05)
    found = played(f"sqlite:///{tmp_path / 's.db'}", n=60, hours=0.5, script=script, outage=(0.2, 0.4), until=1.5 * HOUR)
    assert found.within_a_day == found.ceiling < 1.0
    assert (found.lost, found.masked, found.double_actions, found.written_twice, found.dead_not_poison) == (0, 0, 0, 0, 0)
    assert found.actions > 15


def test_few_records_outlive_a_long_outage_that_takes_each_of_their_retries(tmp_path):
    script = Script(rules=(Rule(outcome=Outcome.SERVER_ERROR, until="+8h"),))
    found = played(f"sqlite:///{tmp_path / 's.db'}", n=7, hours=0.05, script=script, outage=(0, 8), policy=SLOW, until=10 * HOUR)
    assert (found.within_a_day, found.dead) == (1.0, 0)


@pytest.mark.parametrize("n", [1, 3])
def test_records_that_never_get_an_answer_end_as_dead_letters_though_nothing_else_waits(tmp_path, n):
    script = Script(rules=(Rule(match=Match(record="E-*"), outcome=Outcome.TIMEOUT),))
    with State.open(f"sqlite:///{tmp_path / 's.db'}") as state:
        run = Run(state, script, n, 0.05)
        run.until(BEGIN + 12 * HOUR)
        run.accounted()
        found = run.store.records("t0", dead=True)
        stage = found[0].stages[0]
        assert run.figures().dead == n
        assert (stage.attempts, stage.error, stage.escalated_at <= BEGIN + 8 * HOUR) == (6, "transient", True)
        assert stage.escalated_at >= BEGIN + 4 * HOUR, "the delays between its tries were kept"


SLOW = Policy("a look every ten minutes", every=10 * MINUTE)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_bad_day_of_two_thousand_records(tmp_path):
    found = played(f"sqlite:///{tmp_path / 's.db'}", n=2_000, hours=12, script=bad_day(), outage=(2, 10), until=36 * HOUR)
    assert found.within_a_day == found.ceiling, found
    assert (found.lost, found.masked, found.double_actions, found.written_twice, found.dead_not_poison) == (0, 0, 0, 0, 0), found
    assert found.healed >= 0.99, found
    assert found.calls_per_record <= 3.9, "with few records the probes of eight hours count; twenty thousand keep to 3.4"
    assert found.p95_minutes <= 6, found


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_simulation_can_tell_what_is_wrong(tmp_path):
    """Each of the simpler ways shows in the figure that it is about; otherwise the figures above would say nothing."""
    told = {"n": 200, "hours": 3, "outage": (0.25, 7.0), "until": 16 * HOUR}
    script = bad_day((0.25, 7.0)).model_copy(update={"seed": 3})
    masks = played(f"sqlite:///{tmp_path / 'm.db'}", script=script, policy=dataclasses.replace(AS_BUILT, masks=True), **told)
    assert masks.masked > 100
    bare = played(f"sqlite:///{tmp_path / 'b.db'}", script=script, policy=dataclasses.replace(AS_BUILT, breaker=False), **told)
    assert bare.dead_not_poison > 20
    late = Script(seed=1, rules=(Rule(match=Match(stage=Stage.RESOLUTION), outcome=Outcome.LATE, share=0.1),))
    calm = {"n": 60, "hours": 0.5, "until": 3 * HOUR}
    doubled = played(f"sqlite:///{tmp_path / 'd.db'}", script=late, policy=dataclasses.replace(AS_BUILT, fences=False), **calm)
    once = played(f"sqlite:///{tmp_path / 'o.db'}", script=late, **calm)
    assert doubled.double_actions > 0 == once.double_actions
    assert doubled.written_twice > 0 == once.written_twice
