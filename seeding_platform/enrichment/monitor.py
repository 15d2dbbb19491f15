"""The monitor of enrichment: measures a tenant, keeps the figures, and raises or ends its alerts; at most one a tenant and rule.

False alarms are kept rare by four things: too little behind a rate says nothing, its limits must lie wholly beyond a bar, two of three looks in a row
must find it so, and an alert ends only after some time within the bars. What is decided is a pure function of what was measured (`judged`,
`verdicts`), so that it can be tried on histories; only `EnrichmentMonitor` reads and writes.

Nothing that an alert sets going must be undone: how soon to look again (`next_check_at`) and how much may be worked on at once (`raised_limits`) are
functions of the alerts that stand.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment import anomaly
from seeding_platform.enrichment.measures import Metric, measured_now
from seeding_platform.enrichment.thresholds import graded, limit_of, thresholds_of, unjudged
from seeding_platform.monitoring.alert import Alert, AlertState
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.monitoring.rules import Severity
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.alerts import Wanted
from seeding_platform.storage.enrichment.measured import Measured
from seeding_platform.storage.enrichment.measurements import Measurements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeding_platform.enrichment.anomaly import Deviation
    from seeding_platform.enrichment.thresholds import MonitorThresholds
    from seeding_platform.settings import Settings
    from seeding_platform.storage.enrichment.measurements import Measurement
    from seeding_platform.storage.state import State

SUBJECT = "enrichment"
LOOKS, NEEDED = 3, 2
"""An alert is raised when so many of so many looks in a row find it so."""
SILENT = dt.timedelta(hours=1)
"""After so long without a bad look an alert ends, though too little came to say that it is well."""
OF_RULE: Mapping[str, tuple[str, ...]] = {
    "enrichment.completeness": (Metric.COMPLETENESS,),
    "enrichment.quality": (Metric.QUALITY,),
    "enrichment.backlog": (Metric.BACKLOG,),
    "enrichment.failure_rate": (Metric.FAILURE, Metric.FAILURE_SIX, Metric.FAILURE_DAY),
    "enrichment.dead_letters": (Metric.SUCCESS,),
    "enrichment.confidence": (Metric.HIGH_CONFIDENCE,),
    "enrichment.stalled": (Metric.DEFERRED, Metric.OLDEST_DUE),
}
"""What each rule looks at. Of failures the shortest window counts that has enough in it; of a standstill either shows it."""
ANOMALY = "enrichment.anomaly"
RULES = (*OF_RULE, ANOMALY)
STANDING = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.MUTED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about one rule.

    Args:
        severity: raise it, so bad; None = do not raise it.
        over: end it where it stands. Neither = leave it as it is.
        evidence: figures that show it.
    """

    severity: Severity | None = None
    over: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


def judged(history: Sequence[Measurement], measurement: Measurement, thresholds: MonitorThresholds, *, now: dt.datetime) -> Verdict:
    """What one metric's measurements say.

    Args:
        history: earlier measurements of the same metric and tenant, the oldest first; what is older than `looked_back` is not needed.
        measurement: the one of now.
        thresholds: the bars.
        now: the moment.
    """
    clear = dt.timedelta(minutes=thresholds.clear_minutes)
    looks = [m for m in history if now - looked_back(thresholds) < m.at < measurement.at] + [measurement]
    grades = [graded(m, thresholds) for m in looks]
    for severity in Severity:
        bad = [g is not None and not severity.above(g) for g in grades]
        fired = [i for i, m in enumerate(looks) if bad[i] and sum(bad[max(0, i - LOOKS + 1) : i + 1]) >= NEEDED and m.at > now - clear]
        if fired or (clear == dt.timedelta(0) and bad[-1] and sum(bad[-LOOKS:]) >= NEEDED):
            return Verdict(severity, evidence=_evidence(measurement, looks, grades, thresholds))
    last_bad = max((m.at for m, g in zip(looks, grades, strict=True) if g is not None), default=None)
    well = any((last_bad is None or m.at > last_bad) and not unjudged(m, thresholds) for m in looks)
    quiet = now - (looks[0].at if last_bad is None else last_bad)
    return Verdict(over=(well and quiet >= clear) or quiet >= SILENT)


def looked_back(thresholds: MonitorThresholds) -> dt.timedelta:
    """How much history `judged` needs."""
    return max(dt.timedelta(minutes=thresholds.clear_minutes), SILENT) + dt.timedelta(minutes=2 * LOOKS * thresholds.interval_minutes)


def verdicts(
    history: Mapping[str, Sequence[Measurement]], measured: Mapping[str, Measurement], thresholds: MonitorThresholds, *, now: dt.datetime
) -> dict[str, Verdict]:
    """What is to be done about each rule but anomalies; see `judged`."""
    found = {}
    for rule, metrics in OF_RULE.items():
        each = {m: judged(history.get(m, ()), measured[m], thresholds, now=now) for m in metrics if m in measured}
        if rule == "enrichment.failure_rate":
            enough = [i for i, m in enumerate(each) if not unjudged(measured[m], thresholds)]
            told = list(each.values())[: enough[0] + 1 if enough else None]  # what a shorter window saw is not over because it fell silent
            found[rule] = _together(told)
        else:
            found[rule] = _together(list(each.values()))
    return found


def anomalies(found: Sequence[Deviation]) -> Verdict:
    """What is to be done about anomalies: of those that are far the farthest is told; over where none is near any more."""
    far = [d for d in found if d.far]
    if not far:
        return Verdict(over=not found)
    worst = far[0]
    told = {
        "metric": worst.metric,
        "value": round(worst.value, 4),
        "usual": round(worst.usual, 4),
        "distance": round(worst.distance, 1),
        "n": worst.n,
    }
    return Verdict(Severity.WARNING, evidence={**told, "also": [d.metric for d in far[1:]]})


def next_check_at(standing: Iterable[str], thresholds: MonitorThresholds, *, now: dt.datetime) -> dt.datetime:
    """When to look again: after the interval, or half of it while an alert of enrichment stands that is more than for information.

    Args:
        standing: severities of the tenant's alerts of enrichment that are not over.
        thresholds: say the interval.
        now: the moment of the last look.
    """
    serious = any(severity != Severity.INFO for severity in standing)
    return now + dt.timedelta(minutes=thresholds.interval_minutes / (2 if serious else 1))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is worked on at once: records a batch, and batches side by side."""

    batch: int
    concurrency: int


def raised_limits(standing: Iterable[tuple[str, str]], limits: Limits, thresholds: MonitorThresholds) -> Limits:
    """The limits of processing while these alerts stand: raised while a backlog or completeness is critical, else as they were.

    They are not raised while failures are critical or the provider is down: more calls would not mend it.

    Args:
        standing: (rule, severity) of the tenant's alerts that are not over.
        limits: what holds without alerts.
        thresholds: the factor, and the most batches side by side; never below what holds without alerts.
    """
    stands = set(standing)
    critical = {rule for rule, severity in stands if severity == Severity.CRITICAL}
    held = "enrichment.failure_rate" in critical or any(rule == "enrichment.stalled" for rule, _ in stands)
    if held or not critical & {"enrichment.backlog", "enrichment.completeness"}:
        return limits
    factor = thresholds.raised_factor
    most = max(limits.concurrency, thresholds.raised_cap)
    return Limits(round(limits.batch * factor), min(most, max(limits.concurrency, round(limits.concurrency * factor))))


@dataclass(frozen=True, slots=True)
class Checked:
    """What one look at a tenant came to.

    Args:
        tenant: whose.
        at: when.
        measured: every figure, by metric.
        raised: (rule, severity) that are so.
        ended: rules whose alert ended.
        next_at: when to look again.
    """

    tenant: str
    at: dt.datetime
    measured: Mapping[str, Measurement]
    raised: tuple[tuple[str, str], ...]
    ended: tuple[str, ...]
    next_at: dt.datetime


class EnrichmentMonitor:
    """Looks at tenants.

    Args:
        state: the database.
        settings: which channels are set up; see `AlertDesk`.
    """

    def __init__(self, state: State, settings: Settings) -> None:
        self.source, self.kept = Measured(state), Measurements(state)
        self.desk, self.adjusted = AlertDesk(state, settings), Adjusted(state)

    def thresholds(self) -> MonitorThresholds:
        """The bars in force."""
        return thresholds_of(self.adjusted)

    def check(self, tenant: str, *, now: dt.datetime) -> Checked:
        """Measure one tenant, keep it, raise and end its alerts."""
        measured = measured_now(self.source, tenant, now=now, completeness_days=self.thresholds().completeness_days)
        return self.took(tenant, measured, now=now)

    def check_all(self, *, now: dt.datetime) -> list[Checked]:
        """Look at every tenant that is due; at one without a look yet in any case."""
        newest, due = self.kept.newest(), []
        for tenant in self.source.tenants():
            last = max((m.at for m in newest.get(tenant, {}).values()), default=None)
            if last is None or next_check_at([s for _, s in self.standing(tenant)], self.thresholds(), now=last) <= now:
                due.append(self.check(tenant, now=now))
        return due

    def took(self, tenant: str, measured: Iterable[Measurement], *, now: dt.datetime) -> Checked:
        """Keep what was measured of a tenant, raise and end its alerts."""
        thresholds, by_metric = self.thresholds(), {m.metric: m for m in measured}
        history = self.kept.since(tenant, now - looked_back(thresholds), until=now)
        last = max((m.at for one in history.values() for m in one if m.at < now), default=None)
        self.kept.keep(by_metric.values())
        told = verdicts(history, by_metric, thresholds, now=now)
        if last is None or last.replace(minute=0, second=0, microsecond=0) != now.replace(minute=0, second=0, microsecond=0):
            long = self.kept.since(tenant, now - anomaly.LOOKED_BACK, metrics=anomaly.METRICS, until=now)  # once an hour: it is a lot
            found = anomaly.deviations(long, by_metric, now=now, far=thresholds.anomaly_far, fewest=thresholds.minimum_n)
            told[ANOMALY] = anomalies(found)
        standing = {rule for rule, _ in self.standing(tenant)}
        raised, ended = [], []
        for rule, verdict in told.items():
            if verdict.severity is not None:
                alert = Alert(rule=rule, tenant=tenant, subject=SUBJECT, severity=verdict.severity, evidence=verdict.evidence)
                self.desk.raise_(alert, now=now)
                raised.append((rule, str(verdict.severity)))
            elif verdict.over and rule in standing and self.desk.clear(rule, tenant, SUBJECT, now=now) is not None:
                ended.append(rule)
        next_at = next_check_at([s for _, s in self.standing(tenant)], thresholds, now=now)
        return Checked(tenant, now, by_metric, tuple(raised), tuple(ended), next_at)

    def standing(self, tenant: str) -> list[tuple[str, str]]:
        """(rule, severity) of a tenant's alerts of enrichment that are not over."""
        wanted = Wanted(tenants=(tenant,), rules=RULES, states=STANDING)
        return sorted((one.rule, one.severity) for one in self.desk.alerts.listed(wanted, limit=len(RULES)) if one.subject == SUBJECT)

    def limits(self, tenant: str, limits: Limits) -> Limits:
        """How much may be worked on at once for a tenant now; what the worker asks before each round."""
        return raised_limits(self.standing(tenant), limits, self.thresholds())


def _together(each: Sequence[Verdict]) -> Verdict:
    """The worst of several; over where all are."""
    bad = [v for v in each if v.severity is not None]
    if bad:
        return min(bad, key=lambda v: list(Severity).index(v.severity or Severity.INFO))
    return Verdict(over=bool(each) and all(v.over for v in each))


def _evidence(
    measurement: Measurement, looks: Sequence[Measurement], grades: Sequence[Severity | None], thresholds: MonitorThresholds
) -> dict[str, Any]:
    """Figures of now, or of the last look that was bad where this one is not."""
    shown = measurement if grades[-1] is not None else next(m for m, g in zip(reversed(looks), reversed(grades), strict=True) if g is not None)
    beyond = limit_of(shown, thresholds)
    told: dict[str, Any] = {"metric": shown.metric, "value": round(shown.value or 0.0, 2), "n": shown.n, "limit": beyond[1] if beyond else None}
    told |= {name: round(float(shown.detail[name]), 2) for name in ("low", "high") if name in shown.detail}
    classes = shown.detail.get("classes")
    return told | ({"classes": dict(classes)} if classes else {})
