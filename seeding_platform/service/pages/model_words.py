"""What gates, trainings and changes of what serves say, by name and figures, in the words of who reads; the code's own words are English."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from seeding_platform.service.modelled import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.service.pages.render import Speaker
    from seeding_platform.service.routes.model_reasons import ReasonsAnswer
    from seeding_platform.storage.ml.deployments import Deployment
    from seeding_platform.storage.ml.jobs import Job
    from seeding_platform.storage.ml.standing import TrainingData

    Words = Mapping[str, Any]

DIGITS, MOST_EVIDENCE = 3, 4
RULE_DIGITS = {"rows": 0, "looks": 0, "dummy": 1, "latency": 1, "size": 1, "better": 4}
SIGNED = frozenset({"gain", "calibration", "dummy"})
LEAST_P = 1e-4


def number_said(value: float | None, say: Speaker, digits: int = DIGITS) -> str:
    """A figure; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else say.number(value, digits) if digits else say.count(value)


def gain_said(value: float | None, say: Speaker, digits: int = DIGITS) -> str:
    """A gain with its sign."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number_said(abs(value), say, digits)}"


def metric_said(name: str, k: Words) -> str:
    """What a metric is called; one's own by its name."""
    return str(k["metrics"].get(name, name))


def reason_said(reason: Mapping[str, Any], say: Speaker, k: Words) -> str:
    """How one rule of a gate came out; in its own words where the pages have none for it."""
    name, rule, value, bar = _form(reason), reason["rule"], reason["value"], reason["bar"]
    form = k["reasons"].get(name)
    if form is None:
        return str(reason["says"])
    digits = RULE_DIGITS.get(name, DIGITS)
    said = gain_said(value, say, digits) if rule in SIGNED else number_said(value, say, digits)
    if name == "better" and value is not None and value < LEAST_P:
        said = f"< {say.number(LEAST_P, digits)}"
    return str(form.format(value=said, bar=number_said(bar, say, digits), group=reason["says"].partition(":")[0]))


def _form(reason: Mapping[str, Any]) -> str:
    """The name of the sentence of a rule."""
    rule = str(reason["rule"])
    if rule == "slice":
        return "slice" if reason["passed"] else "slice_lost"
    if rule == "better":
        return "better" if reason["bar"] else "interval"
    return "unmeasured" if rule in ("latency", "size") and reason["value"] is None else rule


def evidence_said(evidence: Mapping[str, Any], names: Mapping[str, str], say: Speaker, k: Words) -> str:
    """What a trigger rests on: windows in which a figure dropped, or its first plain facts."""
    dropped = [(days, c) for days, c in evidence.get("windows", ()) if c["dropped"]]
    if dropped:
        windows = [(days, metric_said(c["metric"], k), number_said(c["current"], say), number_said(c["baseline"], say)) for days, c in dropped]
        return "; ".join(k["window"].format(days=days, metric=metric, current=now, before=before) for days, metric, now, before in windows)
    told = [(name, value) for name, value in evidence.items() if name != "asked_by" and not (value is None or isinstance(value, dict | list | bool))]
    return ", ".join(f"{k['facts'].get(name, name.replace('_', ' '))} {_fact_said(name, value, names, say)}" for name, value in told[:MOST_EVIDENCE])


def _fact_said(name: str, value: float | str, names: Mapping[str, str], say: Speaker) -> str:
    if isinstance(value, int | float):
        return number_said(value, say, 0 if float(value).is_integer() else DIGITS)
    return say.moment(dt.datetime.fromisoformat(value)) if name == "last_success" else names.get(value, value)


def came_said(job: Job, data: TrainingData | None, say: Speaker, k: Words) -> tuple[str, str]:
    """What came of a training, and what it says itself where that tells more."""
    e, gate = k["ended"], job.report.get("gate") or {}
    lost = " ".join(reason_said(r, say, k) for r in gate.get("reasons", ()) if not r["passed"])
    if job.state == "skipped":
        return (e["skipped"], job.says) if data is None else (data_said(data, say, k), "")
    if job.state == "no_change":
        return e["no_change"], ""
    if job.state == "failed":
        return e["again" if job.error == "transient" else "failed"], job.says
    if job.state != "succeeded":
        return "", ""
    if job.version is None:
        return e["unregistered"], ""
    if job.verdict == "deploy":
        return " ".join(filter(None, (e["deployed"].format(version=job.version), _gain(gate, say, k)))), ""
    if job.verdict == "hold":
        more = e["more"].format(n=say.count(gate["more_rows"])) if gate.get("more_rows") else ""
        return " ".join(filter(None, (e["held" if lost else "second"].format(version=job.version), lost, more if lost else ""))), ""
    return (f"{e['refused'].format(version=job.version)} {lost}", "") if lost else (e["undeployed"].format(version=job.version), job.says)


def data_said(data: TrainingData, say: Speaker, k: Words) -> str:
    """Whether rows were enough to train on, and why they were not."""
    if data.good:
        return str(k["data_good"])
    one_class = data.classes is not None and data.classes < 2 and data.distinct_rows > 0
    return str(k["data_one_class" if one_class else "data_few"].format(rows=say.count(data.distinct_rows)))


def change_said(change: Deployment, names: Mapping[str, str], say: Speaker, k: Words) -> dict[str, str]:
    """Who changed what serves and why; `own` is what a program said, in English."""
    who = change.actor.partition(":")[0]
    by = str(k["actors"].get(who, names.get(change.actor, change.actor)))
    if who == "job":
        return {"by": by, "reason": _gain(change.report.get("gate") or {}, say, k) or k["ended"]["first"], "own": ""}
    if who == "watch":
        return {"by": by, "reason": k["worse"], "own": change.reason}
    return {"by": by, "reason": k["by_workflow"] if change.reason == WORKFLOW else change.reason, "own": ""}


def _gain(gate: Mapping[str, Any], say: Speaker, k: Words) -> str:
    """The gain of a version over what served before; nothing of a first one."""
    gain = gate.get("gain")
    first = any(r["rule"] == "dummy" for r in gate.get("reasons", ()))
    return "" if gain is None or first else str(k["ended"]["gain"].format(gain=gain_said(gain, say), n=say.count(gate["n"])))


def data_rows(found: Sequence[TrainingData], say: Speaker, k: Words) -> list[dict[str, Any]]:
    """What trainings had to train on."""
    return [
        {
            "at": say.moment(d.at), "rows": say.count(d.rows), "labelled": say.count(d.labelled), "distinct": say.count(d.distinct_rows),
            "classes": number_said(d.classes, say, 0), "complete": say.share(d.completeness), "good": d.good, "says": data_said(d, say, k),
        }
        for d in found
    ]  # fmt: skip


def why_shown(found: ReasonsAnswer, say: Speaker, k: Words) -> dict[str, Any]:
    """What each feature does to an answer."""
    of = next((r.of for r in found.reasons if r.of is not None), None)
    lead = k["why_label"].format(version=found.version, label=of) if of is not None else k["why_number"].format(version=found.version)
    rows = [(r.feature, *(_value_said(v, say) for v in (r.value, r.instead)), gain_said(r.effect, say)) for r in found.reasons]
    return {"lead": lead, "rows": rows}


def _value_said(value: object, say: Speaker) -> str:
    """A value of a row, as it is or was usual."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value in (None, "") else str(value)
    return number_said(float(value), say, 0 if float(value).is_integer() else DIGITS)
