"""Virtual days of a tenant's enrichment, drawn from distributions, as the measurements that the monitor would take; and naive bars beside it.

Five minutes a step: records come by a daily cycle, a queue is worked off at a capacity, three attempts a record of which some fail and come again,
answers with a confidence. Nothing of the monitor's own code makes these figures but `rate` and `quality_of`.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from seeding_platform.enrichment import anomaly
from seeding_platform.enrichment.measures import Metric, quality_of, rate
from seeding_platform.enrichment.monitor import ANOMALY, OF_RULE, anomalies, verdicts
from seeding_platform.enrichment.thresholds import MonitorThresholds
from seeding_platform.storage.enrichment.measured import Answered
from seeding_platform.storage.enrichment.measurements import Measurement

BEGIN = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=5)
A_HOUR, A_DAY = 12, 288
WARM = 14 * A_DAY
KINDS = ("outage", "decay", "backlog", "failures")
EXPECTED = {
    "outage": {"enrichment.stalled", "enrichment.backlog", "enrichment.failure_rate", ANOMALY},
    "decay": {"enrichment.quality", "enrichment.confidence", ANOMALY},
    "backlog": {"enrichment.backlog"},
    "failures": {"enrichment.failure_rate", ANOMALY},
}
WEEK = (1.1, 1.05, 1.0, 1.0, 0.95, 0.6, 0.5)
LABELS = ("late", "lost", "damaged", "address", "other")
MIX = np.array([0.35, 0.2, 0.2, 0.15, 0.1])


@dataclass(frozen=True)
class Incident:
    """What goes wrong, and when: steps since the begin of everything."""

    kind: str
    first: int
    last: int


class Days:
    """So many virtual days of a tenant, after two weeks of which it is not asked."""

    def __init__(self, an_hour: float, days: int, rng: np.random.Generator, incident: Incident | None = None) -> None:
        self.n = WARM + days * A_DAY
        self.rng, self.incident = rng, incident
        self.capacity = max(5.0, 4 * an_hour / A_HOUR)
        names = ("came", "failed", "attempts", "deferred", "done", "dead", "invalid", "answers", "total", "squares", "high", "backlog", "due_age")
        self.rows = {name: np.zeros(self.n) for name in names}
        self.labels = np.zeros((self.n, len(LABELS)))
        self._draw(an_hour)
        self.sums = {name: np.concatenate([[0.0], np.cumsum(x)]) for name, x in self.rows.items()}
        self.label_sums = np.concatenate([np.zeros((1, len(LABELS))), np.cumsum(self.labels, axis=0)])

    def _draw(self, an_hour: float) -> None:
        rng, r, waiting, level, mix = self.rng, self.rows, 0.0, 0.88, MIX
        for i in range(self.n):
            if i % A_DAY == 0:  # no day is quite like the one before
                level, mix = 0.88 + rng.normal(0, 0.004), rng.dirichlet(MIX * 400)
            wrong = self.incident.kind if self.incident and self.incident.first <= i < self.incident.last else ""
            into = i - self.incident.first if wrong else 0
            cycle = (1 + 0.7 * np.sin(2 * np.pi * (i % A_DAY) / A_DAY - np.pi / 2)) * WEEK[i // A_DAY % 7]
            came = rng.poisson(an_hour / A_HOUR * cycle)
            if wrong == "backlog":
                came += rng.poisson(3000 / A_HOUR + an_hour / 2)
            waiting += came
            r["came"][i] = came
            if wrong == "outage":
                asked = min(5, int(waiting)) if into == 0 else int(waiting > 0)
                r["failed"][i] = r["attempts"][i] = asked
                r["deferred"][i] = max(0.0, waiting - asked)
                r["backlog"][i] = waiting
                continue
            worked = int(min(waiting, self.capacity))
            failing = 0.3 if wrong == "failures" else 0.04
            failed = rng.binomial(3 * worked, failing)
            done = max(0, worked - rng.binomial(worked, 1 - (1 - failing) ** 3))
            waiting -= done
            dead = rng.binomial(done, 0.005)
            lost = 0.025 / A_HOUR * into if wrong == "decay" else 0.0  # two and a half points an hour
            stated = np.clip(rng.beta(9, 1.2, done) + level - lost - 0.882, 0.01, 1)
            r["failed"][i], r["attempts"][i], r["done"][i], r["dead"][i] = failed, 3 * worked, done - dead, dead
            r["invalid"][i] = rng.binomial(done, 0.002)
            r["answers"][i], r["total"][i], r["squares"][i], r["high"][i] = done, stated.sum(), (stated**2).sum(), (stated >= 0.7).sum()
            r["backlog"][i] = waiting
            r["due_age"][i] = 300 * (waiting > 0)
            self.labels[i] = rng.multinomial(done, mix)

    def over(self, name: str, i: int, steps: int) -> float:
        """The sum of some last steps, this one included."""
        return float(self.sums[name][i + 1] - self.sums[name][max(0, i + 1 - steps)])

    def at(self, i: int) -> dt.datetime:
        return BEGIN + i * STEP

    def measured(self, i: int) -> dict[str, Measurement]:
        """Every figure that rules or anomalies look at."""
        now, tenant = self.at(i), "t"

        def made(metric, value, n, **detail):
            return Measurement(tenant=tenant, metric=metric, at=now, value=value, n=int(n), detail=detail)

        def share(metric, part, other, steps):
            hits = self.over(part, i, steps)
            return rate(metric, tenant, now, int(hits), int(hits + self.over(other, i, steps)))

        first, last = max(0, i + 1 - 8 * A_DAY), max(0, i + 1 - A_DAY)
        aged = int(self.sums["came"][last] - self.sums["came"][first])
        gone = self.sums["done"][i + 1] + self.sums["dead"][i + 1]
        died = self.sums["dead"][last] - self.sums["dead"][first]
        whole = max(0, int(min(self.sums["came"][last], gone) - self.sums["came"][first] - died))
        found = [
            rate(Metric.COMPLETENESS, tenant, now, min(whole, aged), aged),
            made(Metric.BACKLOG, self.rows["backlog"][i], self.rows["backlog"][i]),
            made(Metric.OLDEST_DUE, self.rows["due_age"][i], self.rows["backlog"][i]),
            share(Metric.SUCCESS, "done", "dead", A_DAY),
            share(Metric.DEFERRED, "deferred", "attempts", A_HOUR),
        ]
        for metric, steps in ((Metric.FAILURE, A_HOUR), (Metric.FAILURE_SIX, 6 * A_HOUR), (Metric.FAILURE_DAY, A_DAY)):
            found.append(rate(metric, tenant, now, int(self.over("failed", i, steps)), int(self.over("attempts", i, steps))))
        for quality, confidence, steps in (
            (Metric.QUALITY, Metric.CONFIDENCE, A_DAY),
            (Metric.QUALITY_HOUR, Metric.CONFIDENCE_HOUR, A_HOUR),
        ):
            n, total, squares = (self.over(name, i, steps) for name in ("answers", "total", "squares"))
            shape = (0,) * 9 + (int(n),)
            score, many, sd = quality_of(Answered(shape, total, squares, 0, ()), int(self.over("invalid", i, steps)), [])
            found.append(made(quality, score, many, sd=sd))
            counts = self.label_sums[i + 1] - self.label_sums[max(0, i + 1 - steps)]
            spread = max(0.0, squares / n - (total / n) ** 2) ** 0.5 if n else 0.0
            labels = dict(zip(LABELS, counts.tolist(), strict=True))
            found.append(made(confidence, total / n if n else None, n, sd=spread, labels=labels))
        found.append(rate(Metric.HIGH_CONFIDENCE, tenant, now, int(self.over("high", i, A_DAY)), int(self.over("answers", i, A_DAY))))
        return {m.metric: m for m in found}

    def naive(self, i: int) -> bool:
        """Whether the bars alone would alert: of whatever there is in the last hour, complete = of all records of a day."""
        came, gone = self.over("came", i, A_DAY), self.over("done", i, A_DAY)
        attempts, answers = self.over("attempts", i, A_HOUR), self.over("answers", i, A_HOUR)
        incomplete = came > 0 and gone / came < 0.85
        failing = attempts > 0 and self.over("failed", i, A_HOUR) / attempts > 0.05
        poor = answers > 0 and self.over("total", i, A_HOUR) / answers < 0.8
        unsure = answers > 0 and self.over("high", i, A_HOUR) / answers < 0.8
        return bool(incomplete or failing or poor or unsure or self.rows["backlog"][i] > 1000)


def watched(days: Days, *, first: int = WARM, last: int | None = None, bars: MonitorThresholds | None = None):
    """Look every five minutes; gives (step, rules that are raised) of each look. History before the first look is hourly, as it is kept."""
    bars = bars or MonitorThresholds()
    history: dict[str, list[Measurement]] = {}
    long: dict[str, list[Measurement]] = {}
    for i in range(A_DAY, first, A_HOUR):
        for name, m in days.measured(i).items():
            if name in anomaly.METRICS:
                long.setdefault(name, []).append(m)
    odd = anomalies([])
    for i in range(first, last or days.n):
        now, measured = days.at(i), days.measured(i)
        told = verdicts(history, measured, bars, now=now)
        assert told.keys() == OF_RULE.keys()
        if i % A_HOUR == 0:
            found = anomalies(anomaly.deviations(long, measured, now=now, far=bars.anomaly_far, fewest=bars.minimum_n))
            odd = found if found.severity or found.over else odd
            for name in anomaly.METRICS:
                long.setdefault(name, []).append(measured[name])
        for name, m in measured.items():
            history.setdefault(name, []).append(m)
            del history[name][:-30]
        raised = {rule for rule, verdict in told.items() if verdict.severity} | ({ANOMALY} if odd.severity else set())
        yield i, raised


def drawn_incident(rng: np.random.Generator, day: int, kind: str | None = None) -> Incident:
    """One incident of a day after the warm weeks: what, and from when to when."""
    kind = kind or str(rng.choice(KINDS))
    first = WARM + day * A_DAY + int(rng.integers(6 * A_HOUR, 12 * A_HOUR))
    hours = {"outage": 2, "decay": 12, "backlog": 1, "failures": 3}[kind]
    return Incident(kind, first, first + hours * A_HOUR)


def minutes_to_alert(days: Days) -> float | None:
    """Minutes from the begin of the incident to the first alert that is about it; None where none came up to an hour after its end."""
    incident = days.incident
    for i, raised in watched(days, first=incident.first - A_HOUR, last=min(days.n, incident.last + A_HOUR)):
        if i >= incident.first and raised & EXPECTED[incident.kind]:
            return 5.0 * (i - incident.first)
    return None
