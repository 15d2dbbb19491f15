"""What is worth telling about the figures without being asked: what moved them, which days stand out, what comes next.

Each finding has its size, its interval and the number of days behind it; one whose interval holds no effect is not told.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.forecast import NoForecast, forecast
from seeding_platform.analytics.insights import FEWEST_DAYS, anomalies, contributions
from seeding_platform.analytics.language.explain import messages, metric_name
from seeding_platform.analytics.metrics import metric
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.insights import Contribution
    from seeding_platform.analytics.periods import Window

WATCHED = ("revenue", "conversions", "cac", "roas")
LOOKED_AHEAD = ("revenue", "spend", "conversions")
DAYS, AHEAD, RECENT, HISTORY = 30, 14, 14, 90
DRAWS, BLOCK, SEED = 1000, 7, 20
MOST_DAYS_TOLD = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth telling.

    Args:
        kind: moved (what a member did to a change), stands_out (a day unlike its weekdays), ahead (the days to come).
        metric: the figure.
        segment: the member or the day; empty for the whole.
        effect: its size, in the figure's unit.
        low: lower end of the 95 % interval.
        high: upper end.
        n: days behind it.
        valid_from: first day for which it was said.
        valid_to: last day.
        confidence: 0-1: how often resampled days agree in sign (moved), or the measured coverage of the interval (ahead).
        told: further values for the sentence.
    """

    kind: Literal["moved", "stands_out", "ahead"]
    metric: str
    segment: str
    effect: float
    low: float
    high: float
    n: int
    valid_from: dt.date
    valid_to: dt.date
    confidence: float | None
    told: dict[str, Any]


def findings(facts: Known) -> list[Finding]:
    """Everything worth telling about a tenant's facts today, the surest first within each kind."""
    return [*moved(facts), *standing_out(facts), *coming(facts)]


def moved(facts: Known) -> list[Finding]:
    """The platform that moved each watched figure most between the last thirty days and those before; one currency only."""
    window = periods.last(DAYS, "day", facts.as_of)
    before = periods.before(window, complete_through=facts.complete_through)
    if before is None or before.start < facts.first_day or len(facts.values["currency"]) > 1:
        return []
    found = []
    for name in WATCHED:
        try:
            change = contributions(facts, name, by="platform", window=window, compare=before)
        except PermanentError:
            continue  # nothing to compare with: there is no change to tell
        if len(change.parts) < 2 or not change.parts[0].member:
            continue
        largest = change.parts[0]
        low, high, agree = _interval(facts, name, largest, window, before, chosen_from=len(change.parts))
        if low <= 0 <= high:
            continue
        found.append(Finding("moved", name, str(largest.member), largest.total, low, high, 2 * DAYS, window.start, window.end, agree, {}))
    return found


def _interval(facts: Known, name: str, part: Contribution, window: Window, before: Window, *, chosen_from: int) -> tuple[float, float, float]:
    """95 % interval of what a member did to a change: blocks of seven days drawn again in each window (Kuensch 1989).

    It is widened for the few blocks that a window holds (Student's t) and for the member being the largest of several (Bonferroni).

    Returns:
        Low, high, and the share of draws on the larger side of 0.
    """
    import numpy as np
    from scipy.stats import norm, t

    one, member = metric(name), str(part.member)
    rng = np.random.default_rng(SEED)
    below = str(one.denominator)
    if one.otherwise is not None:
        whole = answered(QueryPlan(metrics=(name,), window=window, compare=before), facts)
        below = str(whole.basis.get("cac_basis") or below)
    parts = (name,) if one.kind == "sum" else (str(one.numerator), below)
    now, then = (_drawn(_by_day(facts, parts, member, w), rng) for w in (window, before))
    if one.kind == "sum":
        effect = now[0][0] - then[0][0]
    else:
        (n1, all_n1), (d1, all_d1), (n0, all_n0), (d0, all_d0) = now[0], now[1], then[0], then[1]
        middle = (all_n1 / all_d1 + all_n0 / all_d0) / 2
        effect = one.scale * (n1 / all_d1 - n0 / all_d0 - (d1 / all_d1 - d0 / all_d0) * middle)
    low, high = (float(end) for end in np.quantile(effect, [0.025, 0.975]))
    blocks = 2 * (window.days / BLOCK - 1)
    wider = float(t.ppf(1 - 0.025 / chosen_from, blocks) / norm.ppf(0.975))
    agree = float(max((effect > 0).mean(), (effect < 0).mean()))
    return part.total - wider * max(part.total - low, 0), part.total + wider * max(high - part.total, 0), agree


def _by_day(facts: Known, parts: Sequence[str], member: str, window: Window) -> Any:
    """(part, [member, all], day): sums of each day."""
    import numpy as np

    rows = answered(QueryPlan(metrics=tuple(parts), dimensions=("platform",), grain="day", window=window), facts).rows
    made = np.zeros((len(parts), 2, window.days))
    for row in rows:
        day = (dt.date.fromisoformat(row["period"]) - window.start).days
        for i, part in enumerate(parts):
            value = float(row[part] or 0)
            made[i, 1, day] += value
            if row["platform"] == member:
                made[i, 0, day] += value
    return made


def _drawn(days: Any, rng: Any) -> Any:
    """(part, [member, all], draw): sums over days drawn again in blocks."""
    import numpy as np

    count = days.shape[2]
    blocks = -(-count // BLOCK)
    starts = rng.integers(0, count, size=(DRAWS, blocks))
    at = (starts[:, :, None] + np.arange(BLOCK)).reshape(DRAWS, -1)[:, :count] % count
    return days[:, :, at].sum(axis=3)


def standing_out(facts: Known) -> list[Finding]:
    """Days of the last two weeks that are unlike their weekdays of the last ninety."""
    start = max(facts.first_day, facts.complete_through - (HISTORY - 1) * periods.DAY)
    window = periods.Window(start=start, end=facts.complete_through)
    if window.days < FEWEST_DAYS or len(facts.values["currency"]) > 1:
        return []
    found = []
    for name in ("spend", *WATCHED):
        try:
            days = anomalies(facts, name, window=window)
        except PermanentError:
            continue  # too few days have this figure
        for one in days:
            day = dt.date.fromisoformat(one.day)
            if day <= facts.complete_through - RECENT * periods.DAY:
                continue
            effect, around = one.value - one.expected, 1.96 * one.spread
            told = {"value": one.value, "expected": one.expected, "distance": one.distance}
            found.append(Finding("stands_out", name, one.day, effect, effect - around, effect + around, one.n, day, day, None, told))
    return sorted(found, key=lambda f: -abs(f.told["distance"]))[:MOST_DAYS_TOLD]


def coming(facts: Known) -> list[Finding]:
    """The next two weeks of each figure for which something trustworthy can be said."""
    found = []
    for name in LOOKED_AHEAD:
        try:
            one = forecast(facts, name, days=AHEAD)
        except NoForecast:
            continue  # nothing trustworthy can be said, so nothing is
        first, last = (dt.date.fromisoformat(one.days[i].day) for i in (0, -1))
        told = {"origins": one.origins, "days": AHEAD}
        found.append(Finding("ahead", name, "", one.total, one.total_low, one.total_high, one.history, first, last, one.coverage_95, told))
    return found


def finding_said(finding: Finding, lang: str, *, figure: Callable[[float, str], str], day: Callable[[dt.date], str]) -> str:
    """A finding in a sentence.

    Args:
        finding: what is told.
        lang: en or nl.
        figure: writes a value of a figure.
        day: writes a day.
    """
    words = messages(lang)["findings"]

    def written(value: float) -> str:
        return f"{'−' if value < 0 else ''}{figure(abs(value), finding.metric)}"

    name = metric_name(finding.metric, lang)
    shown = {
        "metric": name,
        "Metric": name[0].upper() + name[1:],
        "segment": finding.segment,
        "low": written(finding.low),
        "high": written(finding.high),
        "first": day(finding.valid_from),
        "last": day(finding.valid_to),
    }
    if finding.kind == "moved":
        way = "up" if finding.effect > 0 else "down"
        return str(words[f"moved_{way}"].format(**shown, effect=written(abs(finding.effect)), ends=_ends(finding, written)))
    if finding.kind == "stands_out":
        return str(words["stands_out"].format(**shown, value=written(finding.told["value"]), expected=written(finding.told["expected"])))
    share = f"{100 * finding.confidence:.0f}" if finding.confidence is not None else "–"
    return str(words["ahead"].format(**shown, total=written(finding.effect), days=finding.told["days"], share=share, n=finding.told["origins"]))


def _ends(finding: Finding, written: Callable[[float], str]) -> dict[str, str]:
    near, far = sorted((abs(finding.low), abs(finding.high)))
    return {"near": written(near), "far": written(far)}


def insight_rows(found: Sequence[Finding], *, tenant: str) -> pl.DataFrame:
    """Findings as rows of `learning_insights`."""
    import polars as pl

    def midnight(day: dt.date) -> dt.datetime:
        return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)

    rows = [
        {
            "tenant": tenant,
            "insight_id": hashlib.sha256(f"{tenant}|{f.kind}|{f.metric}|{f.segment}|{f.valid_from}|{f.valid_to}".encode()).hexdigest()[:16],
            "statement": finding_said(f, "en", figure=lambda value, _: f"{value:,.2f}", day=lambda day: day.isoformat()),
            "kind": f"ads_{f.kind}:{f.metric}",
            "segment": f.segment or None,
            "effect": f.effect,
            "ci_low": f.low,
            "ci_high": f.high,
            "n": f.n,
            "valid_from": midnight(f.valid_from),
            "valid_to": midnight(f.valid_to + periods.DAY),
            "confidence": f.confidence,
        }
        for f in found
    ]
    from seeding_platform.catalog import TABLES

    contract = TABLES["learning_insights"].columns
    schema = {"tenant": pl.String(), **{n: c.dtype if isinstance(c.dtype, pl.DataType) else c.dtype() for n, c in contract.items()}}
    return pl.DataFrame(rows, schema=schema)
