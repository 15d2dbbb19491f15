"""The desk: said once, kept with its history, on record, told as the routes say; whoever else raises the same at the same time."""

import datetime as dt
import logging
import threading

import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.governance.audit import Trail
from seeding_platform.monitoring import RULES, Alert, AlertDesk, Severity
from seeding_platform.monitoring.delivery import Delivery
from seeding_platform.monitoring.lifecycle import NotPossible
from seeding_platform.monitoring.routing import ROUTES, AlertRoutes, Route
from seeding_platform.settings import project_root
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.state import State

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def drift(subject="model/churn", tenant="t", **more):
    told = {"column": "tenure", "value": 0.31, "limit": 0.2}
    return Alert(rule="model.drift", tenant=tenant, subject=subject, evidence=told, **more)


def routed(state, *routes, **more):
    Adjusted(state).change(ROUTES, {"routes": list(routes), **more}, actor="k", reason="a test", now=NOON)


def sent(state, settings, now=NOON):
    return Delivery(state, settings).send_due(now=now)


def test_raised_again_and_again_it_is_said_once(desk, state, settings, outside):
    routed(state, "* -> slack")
    for minute in range(5):
        made = desk.raise_(drift(), now=NOON + dt.timedelta(minutes=minute))
    assert (made.count, made.state, made.notices) == (5, "open", 1)
    assert sent(state, settings) == 1
    (message,) = outside.to("/slack")
    assert message["text"].startswith("*[warning] The data of churn has drifted*")
    assert "tenure is not as the model was trained on it" in message["text"]
    assert f"https://figures.example.org/en/alerts/{made.alert_id}" in message["text"]


def test_its_history_is_kept_and_on_record(desk, state, settings):
    made = desk.raise_(drift(), now=NOON)
    desk.raise_(drift(severity=Severity.CRITICAL), now=NOON + HOUR)
    desk.acknowledge(made.alert_id, actor="ann", now=NOON + HOUR)
    desk.mute(made.alert_id, NOON + 3 * HOUR, actor="ann", now=NOON + HOUR)
    desk.clear("model.drift", "t", "model/churn", now=NOON + 2 * HOUR)
    told = [h.what for h in desk.alerts.history(made.alert_id)]
    assert told == ["opened", "notified", "escalated", "notified", "acknowledged", "muted", "resolved"]
    trail = Trail(settings, state)
    events = [r.event for r in reversed(trail.log.newest(action="alert."))]
    assert [(e.action, e.actor, e.tenant) for e in events] == [
        ("alert.opened", "service", "t"), ("alert.escalated", "service", "t"), ("alert.acknowledged", "ann", "t"), ("alert.muted", "ann", "t"),
        ("alert.resolved", "service", "t"),
    ]  # fmt: skip
    assert trail.verify().ok


def test_the_same_of_another_tenant_or_subject_is_another(desk):
    alerts = [desk.raise_(a, now=NOON) for a in (drift(), drift(tenant="other"), drift(subject="model/roi"))]
    assert len({a.alert_id for a in alerts}) == 3
    assert {a.count for a in alerts} == {1}


def test_cleared_it_is_over_and_raised_anew_it_is_a_new_one(desk):
    first = desk.raise_(drift(), now=NOON)
    assert desk.clear("model.drift", "t", "model/churn", now=NOON).state == "resolved"
    assert desk.clear("model.drift", "t", "model/churn", now=NOON) is None
    second = desk.raise_(drift(), now=NOON + HOUR)
    assert (second.occurrence, second.count, second.notices) == (2, 1, 0)
    assert [o.alert_id for o in desk.alerts.occurrences(first.fingerprint)] == [second.alert_id, first.alert_id]
    with pytest.raises(NotPossible, match="is over"):
        desk.acknowledge(first.alert_id, actor="ann", now=NOON)
    with pytest.raises(NotPossible, match="no alert"):
        desk.resolve("nonsense", actor="ann", now=NOON)


def test_what_flaps_is_told_once_and_again_when_it_stays(desk, state, settings, outside):
    routed(state, "* -> slack", repeat_hours=6, resolved=False)
    for n in range(8):
        desk.raise_(drift(), now=NOON + n * HOUR / 4)
        sent(state, settings, NOON + n * HOUR / 4)
        desk.clear("model.drift", "t", "model/churn", now=NOON + n * HOUR / 4 + HOUR / 8)
    assert len(outside.to("/slack")) == 1
    desk.raise_(drift(), now=NOON + 5 * HOUR)
    assert desk.due(now=NOON + 5 * HOUR) == 0
    assert desk.due(now=NOON + 6 * HOUR) == 1
    assert desk.due(now=NOON + 6 * HOUR) == 0
    sent(state, settings, NOON + 6 * HOUR)
    assert len(outside.to("/slack")) == 2


def test_many_who_raise_the_same_at_once_say_it_once(tmp_path, settings):
    url = f"sqlite:///{tmp_path / 'state.db'}"

    def raises():
        with State.open(url) as own:
            for _ in range(5):
                AlertDesk(own, settings).raise_(drift(), now=NOON)

    State.open(url).close()
    threads = [threading.Thread(target=raises) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with State.open(url) as own:
        desk = AlertDesk(own, settings)
        (alert,) = desk.alerts.standing()
        assert (alert.count, alert.notices) == (20, 1)
        assert len(desk.live.messages(tenant="t")) == 3  # Slack, the webhook, the pager


def test_without_routes_it_goes_to_what_the_environment_sets_up(desk, state, settings, outside, caplog):
    with caplog.at_level(logging.WARNING, logger="seeding.alerts"):
        desk.raise_(drift(), now=NOON)
    assert "The data of churn has drifted" in caplog.text
    assert sent(state, settings) == 3
    assert (len(outside.to("/slack")), len(outside.to("/hook")), len(outside.to("/pager")), outside.mail.got) == (1, 1, 1, [])


def test_a_pager_is_triggered_acknowledged_and_resolved_under_one_key(desk, state, settings, outside):
    routed(state, "critical, warning rules=model. -> pager")
    made = desk.raise_(drift(severity=Severity.CRITICAL), now=NOON)
    desk.raise_(Alert(rule="quality.monitor", tenant="t", subject="quality/orders:rows"), now=NOON)
    sent(state, settings)
    desk.acknowledge(made.alert_id, actor="ann", now=NOON)
    sent(state, settings)
    desk.resolve(made.alert_id, actor="ann", now=NOON)
    sent(state, settings)
    events = outside.to("/pager")
    assert [e["event_action"] for e in events] == ["trigger", "acknowledge", "resolve"]
    assert {(e["dedup_key"], e["routing_key"]) for e in events} == {(made.fingerprint, "routing-key")}
    assert events[0]["payload"]["severity"] == "critical"
    assert events[0]["payload"]["custom_details"]["column"] == "tenure"
    assert {"summary", "source", "severity"} <= events[0]["payload"].keys()
    assert "routing-key" not in str(desk.live.messages(tenant="t"))


def test_mail_goes_to_its_addresses_in_the_language_that_was_set(desk, state, settings, outside):
    routed(state, "* -> email ann@example.org, bob@example.org", lang="nl")
    desk.raise_(drift(), now=NOON)
    desk.clear("model.drift", "t", "model/churn", now=NOON + HOUR)
    assert sent(state, settings) == 0, "it was over before anybody was told"
    desk.raise_(drift(), now=NOON + 25 * HOUR)
    sent(state, settings, NOON + 25 * HOUR)
    desk.clear("model.drift", "t", "model/churn", now=NOON + 26 * HOUR)
    sent(state, settings, NOON + 26 * HOUR)
    first, over = outside.mail.got
    assert "To: ann@example.org, bob@example.org" in first
    assert "[warning] De gegevens van churn zijn verschoven" in first
    assert "Subject: Voorbij: De gegevens" in over


def test_quiet_hours_hold_back_all_but_what_is_critical(desk, state, settings, outside):
    routed(state, "* -> slack", quiet_from="22:00", quiet_to="07:00", zone="Europe/Amsterdam")
    night = dt.datetime(2026, 11, 24, 23, tzinfo=dt.UTC)  # midnight in Amsterdam
    desk.raise_(drift(), now=night)
    desk.raise_(drift("model/roi", severity=Severity.CRITICAL), now=night)
    desk.raise_(drift("model/short"), now=night)
    desk.clear("model.drift", "t", "model/short", now=night + HOUR)
    assert sent(state, settings, night + HOUR) == 1
    assert sent(state, settings, dt.datetime(2026, 11, 25, 5, 59, tzinfo=dt.UTC)) == 0
    assert sent(state, settings, dt.datetime(2026, 11, 25, 6, tzinfo=dt.UTC)) == 1
    texts = [m["text"] for m in outside.to("/slack")]
    assert ["model/roi" in texts[0], "model/churn" in texts[1], len(texts)] == [True, True, 2]


def test_channels_of_its_own_take_the_place_of_routes(desk, state, settings, outside):
    routed(state, "* -> pager", "* rules=model. -> slack")
    desk.raise_(drift(channels=("email ann@example.org",)), now=NOON)
    sent(state, settings)
    assert (len(outside.mail.got), len(outside.to("/slack")), outside.to("/pager")) == (1, 1, [])


def test_somebody_who_was_erased_is_told_nothing(desk, state, settings, outside):
    routed(state, "* -> email [ERASED], bob@example.org", "critical -> email [ERASED]")
    desk.raise_(drift(severity=Severity.CRITICAL), now=NOON)
    assert sent(state, settings) == 1
    assert "To: bob@example.org" in outside.mail.got[0]


def test_muted_nobody_is_told_until_it_ends(desk, state, settings, outside):
    routed(state, "* -> slack")
    made = desk.raise_(drift(), now=NOON)
    sent(state, settings)
    desk.mute(made.alert_id, NOON + 2 * HOUR, actor="ann", now=NOON)
    desk.raise_(drift(severity=Severity.CRITICAL), now=NOON + HOUR)
    assert desk.due(now=NOON + HOUR) == 0
    assert desk.due(now=NOON + 2 * HOUR) == 1
    sent(state, settings, NOON + 2 * HOUR)
    assert len(outside.to("/slack")) == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"routes": ["critical pager"]}, "write which alerts"),
        ({"routes": ["urgent -> pager"]}, "'urgent' is no severity"),
        ({"routes": ["-> pager"]}, "say which alerts"),
        ({"routes": ["* -> pigeon"]}, "'pigeon' is no channel"),
        ({"routes": ["* -> email"]}, "mail addresses"),
        ({"routes": ["* -> email nobody"]}, "mail addresses"),
        ({"routes": ["* -> slack https://hooks.example.org/secret"]}, "its address is a secret"),
        ({"routes": ["* rules=nonsense. -> slack"]}, "no rule begins with"),
        ({"routes": ["* tenant=a,b -> slack"]}, "'b' is no severity"),
        ({"quiet_from": "22:00"}, "quiet hours"),
        ({"zone": "Amsterdam"}, "no IANA time zone"),
        ({"repeat_hours": 0}, "0.25"),
    ],
)
def test_a_route_that_cannot_work_is_refused(state, values, said):
    with pytest.raises(ConfigError, match=said):
        Adjusted(state).change(ROUTES, values, actor="k", reason="a test", now=NOON)


def test_routes_may_be_one_text_with_one_a_line(state):
    wanted = AlertRoutes(routes=("critical -> console", "* -> slack")).routes
    Adjusted(state).change(ROUTES, {"routes": " critical -> console\n\n* -> slack\n"}, actor="k", reason="a test", now=NOON)
    assert AlertRoutes.model_validate(Adjusted(state).told(ROUTES)).routes == wanted
    with pytest.raises(ConfigError, match="is no channel"):
        Adjusted(state).change(ROUTES, {"routes": "critical -> console\n* -> pigeon"}, actor="k", reason="a test", now=NOON)


def test_which_alerts_take_a_route():
    route = Route.parsed("critical warning rules=quality. tenant=acme -> slack")
    assert route.matches("warning", "quality.monitor", "acme")
    assert not route.matches("info", "quality.monitor", "acme")
    assert not route.matches("warning", "model.drift", "acme")
    assert not route.matches("warning", "quality.monitor", "")


@pytest.mark.parametrize(("at", "until"), [("06:59", "07:00"), ("07:00", None), ("12:00", None), ("22:00", "07:00+1")])
def test_quiet_hours_over_midnight(at, until):
    routes = AlertRoutes(quiet_from=dt.time(22), quiet_to=dt.time(7))
    now = dt.datetime.combine(dt.date(2026, 11, 24), dt.time.fromisoformat(at), dt.UTC)
    found = routes.waits_until("warning", now)
    assert (None if found is None else f"{found:%H:%M}" + ("+1" if found.date() > now.date() else "")) == until
    assert routes.waits_until("critical", now) is None


def test_every_rule_has_its_words_and_its_runbook():
    docs = (project_root() / "docs" / "alerts.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        assert f"### {rule.name}\n" in docs, rule.name
        for form in (rule.title, rule.says, rule.todo):
            assert form.keys() == {"en", "nl"}, rule.name
            assert all(rule.told(form, lang, {"subject": "x"}) for lang in form)
