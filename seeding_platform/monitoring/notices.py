"""How an alert is told: a subject and a text for people, an event for a pager, facts for other systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.monitoring.alert import AlertState
from seeding_platform.monitoring.rules import RULES

if TYPE_CHECKING:
    from seeding_platform.storage.alerts import Occurrence

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "resolved": "Over: {title}", "again": "Still so: {title}", "subject": "About", "tenant": "Organisation", "since": "Since", "count": "Times",
        "todo": "What to do", "everybody": "the whole installation", "link": "Open it",
    },
    "nl": {
        "resolved": "Voorbij: {title}", "again": "Nog steeds: {title}", "subject": "Over", "tenant": "Organisatie", "since": "Sinds",
        "count": "Aantal keer", "todo": "Wat te doen", "everybody": "de hele installatie", "link": "Open de melding",
    },
}  # fmt: skip


def title_of(alert: Occurrence, lang: str) -> str:
    """One line: its own, or its rule's."""
    rule = RULES.get(alert.rule)
    return alert.title or (alert.rule if rule is None else rule.told(rule.title, lang, _facts(alert)))


def says_of(alert: Occurrence, lang: str) -> str:
    """What is so: its own words, or its rule's."""
    rule = RULES.get(alert.rule)
    return alert.says or ("" if rule is None else rule.told(rule.says, lang, _facts(alert)))


def message_of(alert: Occurrence, lang: str, url: str) -> tuple[str, str]:
    """Subject and text of a message to people.

    Args:
        alert: as it is.
        lang: en or nl.
        url: address of the service as people reach it; may be empty.
    """
    w, title, rule = WORDS[lang], title_of(alert, lang), RULES.get(alert.rule)
    shown = title if alert.title else f"[{alert.severity}] {title}"
    subject = w["resolved"].format(title=title) if alert.state == AlertState.RESOLVED else w["again"].format(title=shown) if alert.notices else shown
    lines = [says_of(alert, lang), ""]
    lines += [f"{w['subject']}: {alert.subject}", f"{w['tenant']}: {alert.tenant or w['everybody']}"]
    lines += [f"{w['since']}: {alert.opened_at:%Y-%m-%d %H:%M} UTC", f"{w['count']}: {alert.count}"]
    if rule is not None and alert.state != AlertState.RESOLVED:
        lines += ["", f"{w['todo']}: {rule.todo[lang]}"]
    if url:
        lines += ["", f"{w['link']}: {url.rstrip('/')}/{lang}/alerts/{alert.alert_id}"]
    return subject, "\n".join(lines) + "\n"


def pager_event(alert: Occurrence, action: str, lang: str, url: str) -> str:
    """The body of an event for a pager (PagerDuty's Events API v2), without the key that the environment keeps.

    Args:
        alert: as it is.
        action: trigger, acknowledge or resolve.
        lang: en or nl.
        url: address of the service as people reach it; may be empty.
    """
    told: dict[str, Any] = {"event_action": action, "dedup_key": alert.fingerprint}
    if action == "trigger":
        told["payload"] = {
            "summary": f"{title_of(alert, lang)}. {says_of(alert, lang)}"[:1024],
            "source": "seeding-platform",
            "severity": alert.severity,
            "timestamp": alert.opened_at.isoformat(),
            "component": alert.subject,
            "group": alert.tenant,
            "class": alert.rule,
            "custom_details": {"count": alert.count, **alert.evidence},
        }
        told["links"] = [{"href": f"{url.rstrip('/')}/{lang}/alerts/{alert.alert_id}", "text": alert.alert_id}] if url else []
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


def facts_of(alert: Occurrence) -> dict[str, Any]:
    """An alert for another system."""
    return {
        "alert_id": alert.alert_id,
        "fingerprint": alert.fingerprint,
        "occurrence": alert.occurrence,
        "rule": alert.rule,
        "severity": alert.severity,
        "subject": alert.subject,
        "state": str(alert.state),
        "count": alert.count,
        "opened_at": alert.opened_at.isoformat(),
        "last_at": alert.last_at.isoformat(),
        "resolved_at": None if alert.resolved_at is None else alert.resolved_at.isoformat(),
        "title": title_of(alert, "en"),
        "says": says_of(alert, "en"),
        "evidence": dict(alert.evidence),
    }


def named(subject: str, tenant: str) -> str:
    """What people call what an alert is about: a model by its name, everything else as it is.

    >>> named("model/acme.churn", "acme"), named("model/staging:acme.churn", "acme"), named("quality/orders", "acme")
    ('churn', 'churn (staging)', 'quality/orders')
    """
    kind, _, name = subject.partition("/")
    if kind != "model":
        return subject
    environment, _, own = name.rpartition(":")
    own = own.removeprefix(f"{tenant}.")
    return f"{own} ({environment})" if environment else own


def _facts(alert: Occurrence) -> dict[str, Any]:
    return {**alert.evidence, "subject": named(alert.subject, alert.tenant)}
