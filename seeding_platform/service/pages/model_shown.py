"""Models for people: how each stands, what was measured, what a training was for and what came of it, gates side by side."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.service.pages.measured_chart import Measured, measured_chart
from seeding_platform.service.pages.model_words import DIGITS, came_said, change_said, evidence_said, gain_said, metric_said, number_said, reason_said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from seeding_platform.models.operations.drifting import Drifting
    from seeding_platform.service.pages.render import Speaker
    from seeding_platform.storage.ml.deployments import Deployment
    from seeding_platform.storage.ml.jobs import Job
    from seeding_platform.storage.ml.standing import Measurement, TrainingData

    Words = Mapping[str, Any]

WIDTHS = (600, 340)
STAGES = ("frame", "guards", "fit", "evaluate", "register", "gate", "deploy")
STATUSES = {"serving": "ok", "held": "waiting", "trained": "plain", "untrained": "plain"}
JOB_BADGES = {"queued": "waiting", "running": "running", "succeeded": "ok", "failed": "failed", "skipped": "warn", "no_change": "plain"}
VERDICTS = {"deploy": "ok", "hold": "waiting", "refuse": "warn"}
MOST_COLUMNS = 20


def model_row(told: Mapping[str, Any], alerts: Sequence[Mapping[str, str]], say: Speaker, k: Words) -> dict[str, Any]:
    """One model of the list."""
    return {
        "name": told["model"], "describes": k["describes"].get(told["model"], told["description"]),
        "status": k["statuses"][told["status"]], "tone": STATUSES[told["status"]],
        "version": told["version"] or "–", "shadow": shadow_said(told, say, k), "metric": metric_said(told["metric"], k),
        "value": number_said(told.get("value"), say),
        "interval": interval_said(told.get("ci_low"), told.get("ci_high"), say), "floor": say.number(told["floor"], DIGITS),
        "better": k["higher"] if told["direction"] == "up" else k["lower"], "trained": moment_said(told.get("trained_at"), say),
        "checked": moment_said(told.get("checked_at"), say), "deployed": moment_said(told.get("deployed_at"), say),
        "rests": moment_said(told.get("cool_until"), say), "alerts": alerts,
    }  # fmt: skip


def shadow_said(told: Mapping[str, Any], say: Speaker, k: Words) -> str:
    """What answers beside what serves."""
    if not told.get("shadow"):
        return ""
    share = told.get("shadow_share") or 0.0
    return str(k["shadow_share"].format(version=told["shadow"], share=say.share(share)) if share else k["shadow_only"].format(version=told["shadow"]))


def interval_said(low: float | None, high: float | None, say: Speaker) -> str:
    """An interval, or nothing where there is none."""
    return "" if low is None or high is None else f"{say.number(low, DIGITS)} – {say.number(high, DIGITS)}"


def moment_said(moment: dt.datetime | None, say: Speaker) -> str:
    """A moment, or a dash."""
    return "–" if moment is None else say.moment(moment)


def distribution(models: Sequence[Mapping[str, Any]], k: Words) -> list[tuple[str, int, str]]:
    """How many models there are of each status, with its badge."""
    return [(k["statuses"][name], sum(m["status"] == name for m in models), tone) for name, tone in STATUSES.items()]


def charts_of(found: Sequence[Measurement], *, model: str, metric: str, floor: float | None, say: Speaker, k: Words) -> dict[str, Any] | None:
    """What was measured of a model, wide and narrow, and the same figures as rows; None where nothing was."""
    points = [Measured(m.at, m.value, m.source == "live", m.ci_low, m.ci_high) for m in found if m.source in ("live", "holdout")]
    if not points:
        return None
    newest = max(points, key=lambda p: p.at)
    label = k["chart"].format(model=model, metric=metric_said(metric, k), n=len(points), last=say.number(newest.value, DIGITS))

    def drawn(width: int) -> Markup:
        return measured_chart(
            points, floor=floor, floor_name=k["floor_is"].format(floor=say.number(floor, DIGITS)), shown=lambda v: say.number(v, 2),
            day=lambda m: say.day(m.date(), short=True), label=label, width=width,
        )  # fmt: skip

    rows = [
        {
            "at": say.moment(m.at), "source": k["sources"].get(m.source, m.source), "version": m.version, "value": say.number(m.value, DIGITS),
            "interval": interval_said(m.ci_low, m.ci_high, say) or "–", "rows": say.count(m.rows),
        }
        for m in found
    ]  # fmt: skip
    return {"name": model, "metric": metric_said(metric, k), "wide": drawn(WIDTHS[0]), "narrow": drawn(WIDTHS[1]), "rows": rows}


def job_shown(job: Job, names: Mapping[str, str], data: Mapping[str, TrainingData], say: Speaker, k: Words) -> dict[str, Any]:
    """A training: what it was for, how far it is or how it ended, with what it had to train on by job."""
    said, own = came_said(job, data.get(job.job_id), say, k)
    at = STAGES.index(job.stage) if job.stage in STAGES else -1
    return {
        "id": job.job_id, "model": job.whose.model, "asked": say.moment(job.requested_at), "trigger": k["triggers"].get(job.trigger, job.trigger),
        "evidence": evidence_said(job.evidence, names, say, k), "by": names.get(job.requested_by, job.requested_by),
        "state": k["job_states"][job.state], "tone": JOB_BADGES[job.state],
        "stages": [(name, "done" if i < at else "now" if i == at else "next") for i, name in enumerate(STAGES)],
        "stage": k["stages"].get(job.stage, ""), "verdict": k["verdicts"].get(job.verdict, ""), "verdict_tone": VERDICTS.get(job.verdict, "plain"),
        "says": said, "own": own, "version": job.version or "–", "gain": gain_said(job.improvement, say), "attempt": job.attempt,
    }  # fmt: skip


def deployment_shown(change: Deployment, names: Mapping[str, str], say: Speaker, k: Words) -> dict[str, Any]:
    """A change of what serves."""
    return change_said(change, names, say, k) | {
        "at": say.moment(change.planned_at), "kind": k["changes"][change.kind], "version": change.version, "previous": change.previous_version or "–",
        "state": k["change_states"][change.state], "tone": {"verified": "ok", "rolled_back": "failed"}.get(change.state, "running"),
        "says": change.says, "watched": moment_said(change.watched_until, say),
    }  # fmt: skip


def side_by_side(one: Mapping[str, Any], other: Mapping[str, Any], say: Speaker, k: Words) -> dict[str, Any]:
    """Two versions: facts, figures and every rule of both gates, in the order of the first that has it."""
    facts = [
        (k["trigger"], *(k["triggers"].get(v["trigger"], v["trigger"]) or "–" for v in (one, other))),
        (k["made"], *(say.moment(v["created_at"]) for v in (one, other))),
        (k["rows_trained"], *(say.count(int(v["lineage"].get("rows", 0))) for v in (one, other))),
        (k["data_version"], *(v["lineage"].get("data_version", "–") for v in (one, other))),
        (k["verdict"], *(k["verdicts"].get(v["verdict"], "–") for v in (one, other))),
    ]
    names = dict.fromkeys([*one["metrics"], *other["metrics"]])
    figures = [(metric_said(name, k), *(_figure(v["metrics"].get(name), say) for v in (one, other))) for name in names]
    gates = [(v["gate"] or {}).get("reasons", []) for v in (one, other)]
    rules = [
        {"rule": k["rules"].get(name, name), "sides": [_reason([r for r in gate if r["rule"] == name], say, k) for gate in gates]}
        for name in dict.fromkeys(r["rule"] for gate in gates for r in gate)
    ]
    return {"a": one["version"], "b": other["version"], "facts": facts, "figures": figures, "rules": rules}


def _figure(told: Mapping[str, Any] | None, say: Speaker) -> str:
    if told is None or told.get("value") is None:
        return "–"
    interval = interval_said(told.get("ci_low"), told.get("ci_high"), say)
    return say.number(told["value"], DIGITS) + (f" ({interval})" if interval else "")


def _reason(found: Sequence[Mapping[str, Any]], say: Speaker, k: Words) -> dict[str, Any]:
    """How a rule came out, of each group that lost too much."""
    if not found:
        return {"said": "–", "tone": "plain", "says": ""}
    kept = all(r["passed"] for r in found)
    says = " ".join(reason_said(r, say, k) for r in found)
    return {"said": k["passed"] if kept else k["not_passed"], "tone": "ok" if kept else "failed", "says": says}


def drift_shown(found: Drifting | None, say: Speaker, k: Words) -> dict[str, Any] | None:
    """How far new rows and answers are, what drifted first; None where nobody looked yet."""
    if found is None:
        return None
    rows = [] if found.judged is None else sorted(found.judged.to_dicts(), key=lambda r: (not r["drifted"], r["column"]))
    columns = [
        {
            "name": r["column"], "method": k["methods"].get(r["method"], r["method"]), "value": say.number(r["value"], DIGITS),
            "p": "–" if r["p"] is None else say.number(r["p"], 4), "bar": say.number(r["threshold"], DIGITS if r["p"] is None else 4),
            "drifted": r["drifted"],
        }
        for r in rows[:MOST_COLUMNS]
    ]  # fmt: skip
    lead = k["drift_few"] if found.judged is None else k["drift_some"].format(names=", ".join(found.columns)) if found.columns else k["drift_none"]
    return {
        "lead": lead,
        "rows": k["drift_rows"].format(n=say.count(found.rows), version=found.data_version, answers=say.count(found.given)),
        "columns": columns,
    }
