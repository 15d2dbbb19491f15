"""What becomes of an alert: repeats count, worse is told again, what flaps is not, what people do holds; whatever the order."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.monitoring import lifecycle
from seeding_platform.monitoring.alert import Alert, AlertState, NotAnId, Severity, plain
from seeding_platform.monitoring.lifecycle import NotPossible, due_notice
from seeding_platform.monitoring.routing import AlertRoutes

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
TOLD = AlertRoutes()


def alert(severity=None, **evidence):
    return Alert(rule="quality.monitor", tenant="t", subject="quality/orders:rows", severity=severity, evidence=evidence)


def opened(severity=None, before=None, now=NOON):
    return lifecycle.opened(alert(severity), before, now=now)[0]


def test_a_repeat_counts_and_brings_the_newest_evidence():
    seen = opened()
    made, happened = lifecycle.repeated(seen, alert(value=3), now=NOON + HOUR)
    assert (made.count, made.evidence, made.last_at, made.opened_at, happened) == (2, {"value": 3}, NOON + HOUR, NOON, None)


def test_worse_is_told_again_and_better_is_not():
    seen = lifecycle.notified(opened(Severity.WARNING), now=NOON)[0]
    assert not due_notice(seen, None, TOLD, now=NOON + HOUR)
    worse, happened = lifecycle.repeated(seen, alert(Severity.CRITICAL), now=NOON + HOUR)
    assert (happened.what, happened.detail["from"], happened.detail["to"]) == ("escalated", "warning", "critical")
    assert due_notice(worse, None, TOLD, now=NOON + HOUR)
    told = lifecycle.notified(worse, now=NOON + HOUR)[0]
    eased, happened = lifecycle.repeated(told, alert(Severity.INFO), now=NOON + 2 * HOUR)
    assert happened.what == "eased"
    assert not due_notice(eased, None, TOLD, now=NOON + 2 * HOUR)
    again, _ = lifecycle.repeated(eased, alert(Severity.CRITICAL), now=NOON + 3 * HOUR)
    assert not due_notice(again, None, TOLD, now=NOON + 3 * HOUR), "people know that it was critical"


def test_worse_opens_again_what_somebody_has_taken_on_and_leaves_a_mute_alone():
    seen = lifecycle.notified(opened(Severity.WARNING), now=NOON)[0]
    taken = lifecycle.acknowledged(seen, actor="k", now=NOON)[0]
    assert lifecycle.repeated(taken, alert(Severity.WARNING), now=NOON)[0].state == AlertState.ACKNOWLEDGED
    assert lifecycle.repeated(taken, alert(Severity.CRITICAL), now=NOON)[0].state == AlertState.OPEN
    quiet = lifecycle.muted(seen, NOON + HOUR, actor="k", now=NOON)[0]
    assert lifecycle.repeated(quiet, alert(Severity.CRITICAL), now=NOON)[0].state == AlertState.MUTED


def test_what_opens_again_and_again_is_told_once_in_a_while():
    first = lifecycle.notified(opened(), now=NOON)[0]
    over = lifecycle.resolved(first, actor="service", now=NOON + HOUR)[0]
    second = opened(before=over, now=NOON + 2 * HOUR)
    assert (second.occurrence, second.alert_id != first.alert_id, second.fingerprint) == (2, True, first.fingerprint)
    assert not due_notice(second, over, TOLD, now=NOON + 2 * HOUR)
    assert due_notice(second, over, TOLD, now=NOON + 24 * HOUR), "it still stands, and it is long enough ago"
    assert due_notice(opened(Severity.CRITICAL, over, NOON + 2 * HOUR), over, TOLD, now=NOON + 2 * HOUR), "worse is told at once"


def test_reminders_are_for_what_is_open_and_only_when_wanted():
    seen = lifecycle.notified(opened(), now=NOON)[0]
    remind = AlertRoutes(remind=True, repeat_hours=2)
    assert not due_notice(seen, None, TOLD, now=NOON + 99 * HOUR)
    assert not due_notice(seen, None, remind, now=NOON + HOUR)
    assert due_notice(seen, None, remind, now=NOON + 2 * HOUR)
    assert not due_notice(lifecycle.acknowledged(seen, actor="k", now=NOON)[0], None, remind, now=NOON + 9 * HOUR)


def test_a_mute_holds_until_its_end_also_over_the_next_occurrence():
    seen = lifecycle.muted(opened(), NOON + 5 * HOUR, actor="k", now=NOON)[0]
    over = lifecycle.resolved(seen, actor="service", now=NOON + HOUR)[0]
    again = opened(before=over, now=NOON + 2 * HOUR)
    assert (again.state, again.muted_until, again.muted_by) == (AlertState.MUTED, NOON + 5 * HOUR, "k")
    assert lifecycle.unmuted(again, now=NOON + 4 * HOUR) is None
    heard, happened = lifecycle.unmuted(again, now=NOON + 5 * HOUR)
    assert (heard.state, happened.what) == (AlertState.OPEN, "unmuted")
    assert due_notice(heard, None, TOLD, now=NOON + 5 * HOUR)
    assert opened(before=over, now=NOON + 6 * HOUR).state == AlertState.OPEN


def test_what_is_over_stays_over():
    over = lifecycle.resolved(opened(), actor="k", now=NOON)[0]
    for act in (
        lambda: lifecycle.acknowledged(over, actor="k", now=NOON),
        lambda: lifecycle.muted(over, NOON + HOUR, actor="k", now=NOON),
        lambda: lifecycle.resolved(over, actor="k", now=NOON),
    ):
        with pytest.raises(NotPossible, match="is over"):
            act()


@pytest.mark.parametrize("until", [NOON, NOON - HOUR, NOON + dt.timedelta(days=91)])
def test_a_mute_ends_within_ninety_days_from_now(until):
    with pytest.raises(NotPossible, match="still to come"):
        lifecycle.muted(opened(), until, actor="k", now=NOON)


STEPS = st.lists(st.sampled_from(["info", "warning", "critical", "clear", "ack", "mute", "wait"]), max_size=40)


@settings(deadline=None, max_examples=300)
@given(STEPS, st.booleans())
def test_whatever_happens_people_are_told_no_more_than_once_a_period_unless_it_gets_worse(steps, remind):
    """A model of the desk without its database: revisions grow by one, and notices keep their distance."""
    told, now, seen, newest, known, notices = AlertRoutes(remind=remind, repeat_hours=3), NOON, None, None, None, []
    for step in steps:
        now += HOUR / 2
        if seen is not None and (heard := lifecycle.unmuted(seen, now=now)):
            seen, known, notices = heard[0], None, []  # whoever muted it wants to hear of it then
        before = seen
        if step in list(Severity):
            seen = lifecycle.opened(alert(step), newest, now=now)[0] if seen is None else lifecycle.repeated(seen, alert(step), now=now)[0]
        elif seen is not None and step == "clear":
            newest, seen = lifecycle.resolved(seen, actor="s", now=now)[0], None
            known = newest if newest.notified_at is not None else known
        elif seen is not None and step == "ack":
            seen = lifecycle.acknowledged(seen, actor="k", now=now)[0]
        elif seen is not None and step == "mute":
            seen = lifecycle.muted(seen, now + 2 * HOUR, actor="k", now=now)[0]
        if seen is None:
            continue
        if before is not None and step != "wait":
            assert seen.revision == before.revision + 1
        if due_notice(seen, known, told, now=now):
            assert seen.state == AlertState.OPEN
            assert all(Severity(seen.severity).above(s) for at, s in notices if now - at < told.repeat)
            seen = lifecycle.notified(seen, now=now)[0]
            notices.append((now, seen.severity))


def test_evidence_are_figures_moments_and_ids():
    kept = alert(value=0.5, run="a1b2c3", since=dt.date(2026, 11, 24), at=NOON, columns=["likes", "shares"], ok=True, none=None).evidence
    assert kept["since"] == "2026-11-24"
    assert plain("0" * 24, "x") == "0" * 24, "a long number is an id"


@pytest.mark.parametrize(
    "text",
    ["jan@example.nl", "Jan de Vries", "+31612345678", "06-12345678", "0031 6 1234 5678", "NL91ABNA0417164300", "111222333", "4111-1111-1111-1111",
     "192.168.12.14", "2001:db8::1", "00:1A:2B:3C:4D:5E", "078-05-1120", "a sentence", "x" * 161, "é", "a\nb"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["value", "key", "list", "subject"])
def test_what_may_be_a_person_is_refused_and_not_repeated(text, place):
    evidence = {"value": {"x": text}, "key": {text: 1}, "list": {"x": ["a", text]}}.get(place, {})
    with pytest.raises(NotAnId) as caught:
        Alert(rule="quality.monitor", tenant="t", subject=text if place == "subject" else "quality/orders", evidence=evidence)
    assert text not in str(caught.value)


def test_a_rule_that_there_is_not_is_refused():
    with pytest.raises(Exception, match="no rule 'nonsense'"):
        Alert(rule="nonsense", tenant="t", subject="x")
