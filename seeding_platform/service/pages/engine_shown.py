"""What the pages of engines show: standing, generations, comparisons, deliveries and addresses, in the words of a language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from seeding_platform.catalog.engine import Family
from seeding_platform.service.engine_answers import UNBUILT, place_told
from seeding_platform.storage.delivery.records import DeliveryState, GenerationState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.distribution.delivery.overview import DeadLetter, Figures
    from seeding_platform.service.engine_answers import DayAnswer, DiffAnswer, EndpointAnswer, EngineAnswer, EngineDetail, GenerationAnswer
    from seeding_platform.service.pages.render import Speaker
    from seeding_platform.storage.delivery.records import Attempt, Delivery, Generation

    Words = Mapping[str, Any]

STATUSES = {
    "healthy": "ok", "behind": "failed", "sending": "running", "soaking": "running", "healed": "healed", "dead": "failed", "down": "failed",
    "slow": "warn", "held": "waiting", "recalled": "failed", "unaddressed": "waiting", "unbuilt": "plain",
}  # fmt: skip
GENERATIONS = {"published": "plain", "soaking": "running", "good": "ok", "rolled_back": "healed", "recalled": "failed"}
DELIVERIES = {
    "waiting": "waiting", "held": "waiting", "delivering": "running", "prepared": "running", "acknowledged": "ok", "dead": "failed",
    "superseded": "plain", "aborted": "warn",
}  # fmt: skip
FAMILIES = (*(str(f) for f in Family), "own")
LATE_S = 60
"""A generation that was issued so many seconds ago and has not arrived is late; before, it is on its way."""
LONGEST_VALUE = 60
DAYS_WIDTH, DAYS_HEIGHT = 150, 20


def duration_said(seconds: float | None, say: Speaker, k: Words) -> str:
    """Seconds as people read them; a dash for none."""
    if seconds is None:
        return "–"
    for unit, most, size in (("s", 90, 1), ("min", 5400, 60), ("h", 172_800, 3600)):
        if seconds < most:
            return f"{say.number(seconds, 1) if unit == 's' and seconds < 10 else say.count(seconds / size)} {k['units'][unit]}"
    return f"{say.count(seconds / 86_400)} {k['units']['d']}"


def lead_said(answers: Sequence[EngineAnswer], k: Words) -> str:
    """What is so, in a sentence or two."""
    built, addressed = [a for a in answers if a.desired is not None], [a for a in answers if a.endpoints]
    if not built:
        return str(k["lead_none"])
    if not addressed:
        return str(k["lead_unaddressed"]).format(n=len(built))
    behind = [a for a in addressed if a.up_to_date < a.endpoints]
    if not behind:
        return str(k["lead_all_one"] if len(addressed) == 1 else k["lead_all"].format(n=len(addressed)))
    more = k["lead_behind_one"] if len(behind) == 1 else k["lead_behind"].format(n=len(behind))
    return f"{k['lead_some'].format(x=len(addressed) - len(behind), y=len(addressed))} {more}"


def figures_shown(found: Figures, lang: str, say: Speaker, k: Words) -> list[tuple[str, str, str, str]]:
    """Key figures: name, value, what is added to it, where it leads."""
    itself = k["by_itself"].format(n=say.count(found.by_itself)) if found.by_itself else ""
    return [
        (k["acknowledged_of"], k["of"].format(x=say.count(found.up_to_date), y=say.count(found.addressed)), "", ""),
        (k["slowest"], duration_said(found.slowest_s, say, k), "", ""),
        (k["rolled_back_today"], say.count(found.rolled_back), itself, ""),
        (k["dead_letters"], say.count(found.dead), "", f"/{lang}/engines/dead-letters"),
    ]


def status_of(engine: EngineAnswer, trouble: Delivery | None) -> str:
    """The one word for how an engine is: the worst that is so."""
    dead = trouble is not None and trouble.state == DeliveryState.DEAD
    lag = engine.lag_s or 0.0
    told = (
        ("unbuilt", engine.state == UNBUILT),
        ("recalled", engine.note == "recalled"),
        ("unaddressed", not engine.endpoints),
        ("dead", dead or engine.note == "dead"),
        ("down", engine.health == "down"),
        ("held", trouble is not None and trouble.state == DeliveryState.HELD),
        ("behind", lag >= LATE_S),
        ("sending", lag > 0),
        ("soaking", engine.state == GenerationState.SOAKING),
        ("healed", engine.note == "rolled_back"),
        ("slow", engine.health == "slow"),
    )
    return next((name for name, so in told if so), "healthy")


def engine_row(engine: EngineAnswer, trouble: Delivery | None, head: Generation | None, took: float | None, say: Speaker, k: Words) -> dict[str, Any]:
    """An engine in the table of all, or at the top of its own page."""
    status = status_of(engine, trouble)
    late = engine.endpoints > 0 and engine.up_to_date < engine.endpoints
    return {
        "name": engine.engine,
        "title": engine.title,
        "family": engine.family,
        "status": k["statuses"][status],
        "tone": STATUSES[status],
        "why": _why(status, trouble, head, say, k),
        "desired": "–" if engine.desired is None else say.count(engine.desired),
        "number": engine.desired,
        "acknowledged": "–" if engine.acknowledged is None else say.count(engine.acknowledged),
        "late": late,
        "lag": duration_said(engine.lag_s if late else took, say, k),
        "rows": "–" if engine.rows is None else say.count(engine.rows),
        "days": days_drawn(engine.uptime, engine.title, k),
        "up": "–" if engine.uptime_share is None else up_said(engine.uptime_share, say),
        "addresses": k["of"].format(x=say.count(engine.up_to_date), y=say.count(engine.endpoints)),
        "content": (engine.content_id or "–")[:12],
    }


def up_said(share: float, say: Speaker) -> str:
    """A share of time in percent with two digits; only what is complete is 100%."""
    return f"{say.number(100 * (share if share >= 1 else min(share, 0.9999)), 2)}%"


def _why(status: str, trouble: Delivery | None, head: Generation | None, say: Speaker, k: Words) -> str:
    w = k["why"]
    if trouble is not None and status == "dead":
        return str(w["dead"]).format(error=trouble.error or "–")
    if trouble is not None and status == "held":
        return str(w["held"]).format(at=say.moment(trouble.due_at) if trouble.due_at else w["soon"])
    if trouble is not None and trouble.error and status in ("behind", "sending", "down"):
        said = w["tries_one"] if trouble.attempts == 1 else w["tries"]
        return str(said).format(n=trouble.attempts, error=trouble.error, at=f"{trouble.due_at:%H:%M}" if trouble.due_at else w["soon"])
    if head is not None and status == "soaking" and head.soak_until is not None:
        return str(w["soaking"]).format(since=f"{head.issued_at:%H:%M}", until=f"{head.soak_until:%H:%M}")
    if head is not None and status == "healed":
        return str(w["healed"]).format(at=say.moment(head.issued_at), reason=head.reason or "–")
    return ""


def days_drawn(days: Sequence[DayAnswer], engine: str, k: Words) -> Markup:
    """Thirty days, the oldest left: a full bar is up, amber a slow day, a short red bar an outage, a low grey one a day without a look."""
    if not days:
        return Markup("–")
    kinds = ["none" if not d.up + d.slow + d.down else "down" if d.down > max(d.up, d.slow) / 20 else "slow" if d.slow > d.up else "up" for d in days]
    label = k["days_said"].format(engine=engine, down=kinds.count("down"), slow=kinds.count("slow"), none=kinds.count("none"))
    step = DAYS_WIDTH / len(days)
    out = [f'<svg class="uptime" viewBox="0 0 {DAYS_WIDTH} {DAYS_HEIGHT}" preserveAspectRatio="xMinYMid" role="img" aria-label="{escape(label)}">']
    for at, kind in enumerate(kinds):
        tone, height = {"up": ("f-good", 20), "slow": ("f-warn", 13), "down": ("f-bad", 7), "none": ("f-muted", 2)}[kind]
        out.append(f'<rect class="{tone}" x="{at * step:.1f}" y="{DAYS_HEIGHT - height}" width="{step * 0.68:.1f}" height="{height}" rx="1"/>')
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


def policy_shown(engine: EngineDetail, say: Speaker, k: Words) -> list[tuple[str, str]]:
    """The policy of an engine, as names and values."""
    told = []
    for name, value in engine.policy.items():
        if value is None or name not in k["policies"]:
            continue
        said = str(value)
        if name == "mode":
            said = k["modes"].get(said, said)
        elif name == "maximum_lag_seconds":
            said = duration_said(float(value), say, k)
        elif name == "soak_minutes":
            said = k["minutes"].format(n=say.number(engine.rules["soak"] / 60, 0))
        elif name in ("quorum", "minimum_confidence"):
            said = say.share(float(engine.rules["quorum"] if name == "quorum" else value))
        elif name == "group" and said == "independent":
            said = k["independent"]
        told.append((k["policies"][name], said))
    return told


def generation_shown(made: GenerationAnswer, names: Mapping[str, str], say: Speaker, k: Words) -> dict[str, Any]:
    """A generation for people."""
    return {
        "n": made.generation, "kind": k["kinds"].get(made.kind, made.kind), "state": k["states"].get(made.state, made.state),
        "tone": GENERATIONS.get(made.state, "plain"), "at": say.moment(made.issued_at), "by": names.get(made.actor, made.actor),
        "content": made.content_id[:12], "reason": made.reason or "", "note": made.note if made.note != (made.reason or "") else "",
    }  # fmt: skip


def diff_shown(found: DiffAnswer, say: Speaker, k: Words) -> dict[str, Any]:
    """Two generations side by side."""
    counts = []
    if found.incomparable is None:
        counts = [(k[n], say.count(getattr(found, n) or 0)) for n in ("added", "removed", "changed", "unchanged")]
    notes = [k[n].format(names=", ".join(getattr(found, n))) for n in ("new_fields", "lost_fields", "other_types") if getattr(found, n)]
    examples = [(k["added"], _key(key), "") for key in found.examples_added]
    examples += [(k["removed"], _key(key), "") for key in found.examples_removed]
    for row in found.examples_changed:
        changes = "; ".join(f"{name}: {_value(a)} → {_value(b)}" for name, (a, b) in row.fields.items())
        examples.append((k["changed"], _key(row.key), changes))
    return {
        "a": found.a.generation, "b": found.b.generation, "counts": counts, "notes": notes, "examples": examples,
        "same": found.a.content_id == found.b.content_id,
        "incomparable": "" if found.incomparable is None else k["incomparable"].format(why=found.incomparable),
        "fields": [(name, say.count(n)) for name, n in sorted(found.by_field.items(), key=lambda pair: -pair[1])],
        "facts": _facts(found, say, k),
    }  # fmt: skip


def _facts(found: DiffAnswer, say: Speaker, k: Words) -> list[tuple[str, str, str]]:
    """What both say of themselves, row by row."""

    def told(side: Any) -> dict[str, str]:
        out = {
            k["facts"]["created"]: say.moment(side.created), k["facts"]["rows"]: say.count(side.rows),
            k["facts"]["contract_version"]: side.contract_version, k["facts"]["run_id"]: side.run_id[:12],
            k["facts"]["pii_policy"]: side.pii_policy,
        }  # fmt: skip
        for table, n in side.inputs.items():
            out[k["used"].format(table=table)] = k["of_rows"].format(used=say.count(n.get("used", 0)), rows=say.count(n.get("rows", 0)))
        for name, value in _flat({n: v for n, v in side.quality.items() if n != "confidence"}).items():
            out[k["facts"].get(name, name.replace("_", " "))] = _figure(value, say, k)
        for table, n in side.quality.get("confidence", {}).items():
            out[k["confidence"].format(table=table)] = say.share(n.get("mean")) if isinstance(n, dict) else _figure(n, say, k)
        return out

    a, b = told(found.a), told(found.b)
    return [(name, a.get(name, "–"), b.get(name, "–")) for name in dict.fromkeys([*a, *b])]


def _flat(told: Mapping[str, Any], begins: str = "") -> dict[str, Any]:
    """Facts within facts, by the way to them."""
    out: dict[str, Any] = {}
    for name, value in told.items():
        out |= _flat(value, f"{begins}{name}.") if isinstance(value, dict) else {f"{begins}{name}": value}
    return out


def _figure(value: Any, say: Speaker, k: Words) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or str(k["none"])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return say.count(value) if float(value).is_integer() else say.number(value, 2)


def _key(key: Mapping[str, Any]) -> str:
    return ", ".join(_value(v) for v in key.values())


def _value(value: Any) -> str:
    said = "–" if value is None else str(value)
    return said if len(said) <= LONGEST_VALUE else f"{said[: LONGEST_VALUE - 1]}…"


def delivery_shown(delivery: Delivery, tries: Sequence[Attempt], places: Mapping[str, str], say: Speaker, k: Words) -> dict[str, Any]:
    """A delivery for people, with every try as a line."""
    waits = delivery.state in (DeliveryState.WAITING, DeliveryState.HELD) and delivery.due_at is not None
    return {
        "id": delivery.delivery_id, "generation": delivery.generation, "engine": delivery.engine, "task": k["tasks"][delivery.task],
        "recall": delivery.task == "recall", "place": places.get(delivery.endpoint_id, delivery.endpoint_id),
        "state": k["delivery_states"][delivery.state], "tone": DELIVERIES[delivery.state], "at": say.moment(delivery.opened_at),
        "next": k["next"].format(at=say.moment(delivery.due_at)) if waits and delivery.due_at else "", "error": delivery.error,
        "message": delivery.message, "via": k["vias"].get(delivery.via, delivery.via), "bytes": say.count(delivery.bytes),
        "tries": [_try(t, say, k) for t in tries],
    }  # fmt: skip


def _try(t: Attempt, say: Speaker, k: Words) -> str:
    outcome = k["delivery_states"].get(t.outcome, k.get(t.outcome, t.outcome))
    parts = [f"{say.moment(t.at)}: {outcome}", "" if t.code is None else str(t.code), k["took"].format(n=say.count(t.took_ms)), t.error]
    return ", ".join(part for part in parts if part)


def letter_shown(letter: DeadLetter, tries: Sequence[Attempt], places: Mapping[str, str], say: Speaker, k: Words) -> dict[str, Any]:
    """A dead letter for people."""
    return {**delivery_shown(letter.delivery, tries, places, say, k), "replayable": letter.replayable}


def endpoint_shown(endpoint: EndpointAnswer, say: Speaker, k: Words) -> dict[str, Any]:
    """An address for people."""
    why = k["whys"].get(endpoint.disabled_why, endpoint.disabled_why)
    alone = endpoint.open_until is not None and endpoint.failures
    return {
        "id": endpoint.endpoint_id, "place": endpoint.target or endpoint.place, "kind": k["kinds_of"][endpoint.kind], "on": endpoint.enabled,
        "state": k["on"] if endpoint.enabled else k["off"].format(why=why), "revision": endpoint.revision,
        "tone": "plain" if not endpoint.enabled else "failed" if endpoint.failures else "ok",
        "failures": k["failures"].format(n=endpoint.failures) if endpoint.failures else "",
        "alone": k["alone"].format(at=f"{endpoint.open_until:%H:%M}") if alone else "",
        "seen": k["never"] if endpoint.seen_at is None else say.moment(endpoint.seen_at), "schedule": endpoint.schedule or k["at_once"],
        "old": k["old_until"].format(at=say.moment(endpoint.old_until)) if endpoint.old_until is not None else "",
        "secret": endpoint.kind in ("http", "webhook"),
    }  # fmt: skip


def places_of(endpoints: Sequence[Any]) -> dict[str, str]:
    """Where each address is, without what may be secret in it."""
    return {e.endpoint_id: place_told(e.kind, e.target) for e in endpoints}
