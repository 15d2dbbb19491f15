"""A broken audit log and deadlines raise alerts; evidence and payloads hold nothing of a person, and an erasure reaches what people wrote."""

import datetime as dt

import pytest
import sqlalchemy as sa

from seeding_platform.governance.alarms import audit_alarm, deadline_alarms
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.subject_rights.matcher import ERASED, Identifier, Matcher
from seeding_platform.governance.subject_rights.stores import StateStore
from seeding_platform.monitoring import Alert
from seeding_platform.monitoring.alert import NotAnId, plain
from seeding_platform.monitoring.routing import ERASED as ERASED_HERE
from seeding_platform.monitoring.routing import ROUTES
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.audit import Event
from seeding_platform.storage.database import writing
from seeding_platform.storage.privacy import PrivacyRequest, PrivacyState
from seeding_platform.storage.schema import audit_events
from seeding_platform.storage.webhooks import Webhook, Webhooks
from seeding_platform_tests.monitoring.conftest import desk, empty, outside, settings, state

__all__ = ["desk", "empty", "outside", "settings", "state"]
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def test_an_audit_log_that_was_changed_is_an_alert(desk, state, settings):
    trail = Trail(settings, state)
    audit_alarm(desk, trail, now=NOON)
    trail.record(Event(at=NOON, tenant="t", actor="k", action="x"))
    trail.verified(actor="k", now=NOON)
    audit_alarm(desk, trail, now=NOON)
    assert desk.alerts.standing() == []
    with writing(state.engine) as connection:
        connection.execute(sa.update(audit_events).where(audit_events.c.seq == 1).values(actor="somebody else"))
    trail.verified(actor="k", now=NOON + DAY)
    audit_alarm(desk, trail, now=NOON + DAY)
    (alert,) = desk.alerts.standing()
    assert (alert.rule, alert.severity, alert.tenant, alert.evidence["problems"]) == ("audit.broken", "critical", "", 1)


def request(name, due, tenant="t"):
    return PrivacyRequest(
        request_id=name, tenant=tenant, kind="erase", state="received", subject="person-x", sealed=None, actor="k", received_at=NOON, due_at=due
    )


def test_a_deadline_is_told_a_week_before_gets_worse_when_it_is_past_and_ends_with_the_answer(desk, state):
    kept = PrivacyState(state)
    kept.add(request("r1", NOON + 30 * DAY))
    kept.add(request("r2", NOON + 60 * DAY, tenant="other"))
    deadline_alarms(desk, state, now=NOON)
    assert desk.alerts.standing() == []
    deadline_alarms(desk, state, now=NOON + 24 * DAY)
    (alert,) = desk.alerts.standing()
    assert (alert.subject, alert.tenant, alert.severity, alert.evidence["due"]) == ("privacy/r1", "t", "warning", "2026-12-24")
    deadline_alarms(desk, state, now=NOON + 31 * DAY)
    (alert,) = desk.alerts.standing()
    assert (alert.severity, alert.count, alert.notices) == ("critical", 2, 2)
    kept.move("r1", "closed", closed_at=NOON + 31 * DAY)
    deadline_alarms(desk, state, now=NOON + 31 * DAY)
    assert desk.alerts.standing() == []


@pytest.mark.parametrize("label", ["EMAIL", "PHONE", "IBAN", "CREDIT_CARD", "BSN", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN"])
def test_no_evidence_holds_what_detectors_find(label):
    """Values of people, one of each kind that has a form, in the ways in which they are written."""
    import polars as pl

    from seeding_platform.governance.pii import detect_pii

    written = {
        "EMAIL": ["jan.devries@example.nl", "x+y@sub.example.co.uk"],
        "PHONE": ["+31612345678", "0612345678", "06-12345678", "+31-20-6241111"],
        "IBAN": ["NL91ABNA0417164300", "DE89370400440532013000"],
        "CREDIT_CARD": ["4111111111111111", "5555-5555-5555-4444", "4111.1111.1111.1111"],
        "BSN": ["111222333", "1112.22.333"],
        "IP_ADDRESS": ["81.2.69.142", "2001:db8:85a3::8a2e:370:7334"],
        "MAC_ADDRESS": ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e"],
        "US_SSN": ["078-05-1120", "219-09-9999"],
    }[label]
    found = detect_pii(pl.Series([f"{label}: {text}" for text in written]))
    assert found.height, "the values are what they are called"
    for text in written:
        with pytest.raises(NotAnId):
            plain({"x": text}, "It")


def test_alerts_webhooks_and_routes_are_searched_and_rewritten(desk, state, settings):
    """The tables of alerts are part of the state store: what people wrote in them goes with the person."""
    person = "ann.jansen@example.org"
    alert = desk.raise_(
        Alert(rule="kpi.limit", tenant="t", subject="alert-rule/x@1", title=f"Call {person}", channels=(f"email {person}",)), now=NOON
    )
    Webhooks(state).add(Webhook(webhook_id="wh_1", tenant="t", url=f"https://example.org/?to={person}", events=(), created_at=NOON, made_by="k"))
    Adjusted(state).change(ROUTES, {"routes": [f"* -> email {person}, bob@example.org"]}, actor="k", reason="x", now=NOON)
    store = StateStore(settings, state, "t", Matcher([Identifier("EMAIL", person)]))
    assert {"alerts", "webhooks", "kept_items", "outbox_messages"} <= store.find().keys()
    store.erase()
    assert store.residue() == []
    left = desk.alerts.one(alert.alert_id)
    assert (left.title, left.channels) == (f"Call {ERASED}", (f"email {ERASED}",))
    assert desk.routes().routes == (f"* -> email {ERASED}, bob@example.org",)
    assert ERASED_HERE == ERASED
    assert desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/x"), now=NOON).notices == 1


def test_another_tenants_alerts_stay_as_they_are(desk, state, settings):
    person = "ann.jansen@example.org"
    made = desk.raise_(Alert(rule="kpi.limit", tenant="other", subject="alert-rule/x@1", title=f"Call {person}", channels=()), now=NOON)
    store = StateStore(settings, state, "t", Matcher([Identifier("EMAIL", person)]))
    assert store.find() == {}
    store.erase()
    assert person in desk.alerts.one(made.alert_id).title
