"""Why a figure changed, and which days stand out: arithmetic on the same facts, nothing that guesses at causes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.metrics import metric
from seeding_platform.analytics.plan import QueryPlan
from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.periods import Window
    from seeding_platform.analytics.plan import Filter

FEWEST_DAYS = 28
SCALE = 1.4826
"""Median absolute deviation to standard deviation, for normal data."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one member did to the change of a figure; all members' totals add up to the change.

    Args:
        member: a value of the dimension.
        total: volume + mix + rate.
        volume: of a sum: how much more or less of it.
        mix: of a ratio: the member's weight grew or shrank, measured against the whole.
        rate: of a ratio: the member's own ratio changed.
        current: the member's figure now.
        previous: the member's figure before.
    """

    member: str | None
    total: float
    volume: float
    mix: float
    rate: float
    current: float | None
    previous: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change taken apart.

    Args:
        metric: the figure.
        by: the dimension.
        current: now.
        previous: before.
        change: current - previous.
        parts: by member, the largest effect first.
    """

    metric: str
    by: str
    current: float
    previous: float
    change: float
    parts: tuple[Contribution, ...]


def contributions(facts: Known, name: str, *, by: str, window: Window, compare: Window, filters: tuple[Filter, ...] = ()) -> Change:
    """Split the change of a figure between two windows exactly over the members of a dimension.

    A sum changes by each member's own change (volume). A ratio N/D changes by weight and rate: with w = D_i/D and
    r = N_i/D_i, and means over both windows, the change is the sum of mean(w) * change(r) (rate) and
    change(w) * (mean(r) - mean(R)) (mix); what a member without D adds is rate. See Laspeyres-Edgeworth decomposition
    (Edgeworth 1925) for the use of means.

    Raises:
        PermanentError: one of the windows has no figure to compare.
    """
    one = metric(name)
    base = QueryPlan(metrics=(name,), window=window, compare=compare, filters=filters)
    total = answered(base, facts)
    whole = total.rows[0][name] if total.rows else {"current": None, "previous": None}
    if whole["current"] is None or whole["previous"] is None:
        raise PermanentError(f"{name} has no figure in one of the windows, so there is no change to split.", fix="Choose windows with facts.")
    below = (total.basis.get("cac_basis") or one.denominator) if one.otherwise else one.denominator
    names = (name,) if one.kind == "sum" else (name, str(one.numerator), str(below))
    rows = answered(base.model_copy(update={"metrics": names, "dimensions": (by,)}), facts).rows
    parts = _volumes(rows, name, by) if one.kind == "sum" else _rates(rows, names, by, scale=one.scale)
    ordered = tuple(sorted(parts, key=lambda p: (-abs(p.total), str(p.member))))
    return Change(name, by, whole["current"], whole["previous"], whole["current"] - whole["previous"], ordered)


def _volumes(rows: Sequence[dict[str, Any]], name: str, by: str) -> list[Contribution]:
    found = []
    for row in rows:
        current, previous = row[name]["current"], row[name]["previous"]
        change = (current or 0) - (previous or 0)
        found.append(Contribution(row[by], change, change, 0.0, 0.0, current, previous))
    return found


def _rates(rows: Sequence[dict[str, Any]], names: tuple[str, ...], by: str, *, scale: float) -> list[Contribution]:
    name, top, bottom = names

    def sums(part: str) -> tuple[float, float]:
        return sum(r[top][part] or 0 for r in rows), sum(r[bottom][part] or 0 for r in rows)

    (n1, d1), (n0, d0) = sums("current"), sums("previous")
    middle = (n1 / d1 + n0 / d0) / 2
    found = []
    for row in rows:
        n, d = ({part: row[key][part] or 0 for part in ("current", "previous")} for key in (top, bottom))
        total = n["current"] / d1 - n["previous"] / d0
        weight = d["current"] / d1 - d["previous"] / d0
        rates = [n[part] / d[part] for part in ("current", "previous") if d[part]]
        mean = sum(rates) / len(rates) if rates else 0.0
        rate, mix = total - weight * mean, weight * (mean - middle)
        shown = row[name]
        found.append(Contribution(row[by], scale * (rate + mix), 0.0, scale * mix, scale * rate, shown["current"], shown["previous"]))
    return found


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A day that stands out from the same weekdays.

    Args:
        day: ISO date.
        value: the figure of the day.
        expected: median of the weekday.
        distance: from the median, in robust standard deviations.
        spread: one robust standard deviation.
        n: days that were compared.
    """

    day: str
    value: float
    expected: float
    distance: float
    spread: float
    n: int


def anomalies(facts: Known, name: str, *, window: Window, filters: tuple[Filter, ...] = (), most: float = 4.0) -> list[Anomaly]:
    """Days further than `most` robust standard deviations from the median of their weekday (Hampel 1974); complete days only.

    Raises:
        PermanentError: fewer than four weeks of complete days: nothing to compare with.
    """
    import datetime as dt

    plan = QueryPlan(metrics=(name,), grain="day", window=window, filters=filters)
    rows = [r for r in answered(plan, facts).rows if dt.date.fromisoformat(r["period"]) <= facts.complete_through and r[name] is not None]
    if len(rows) < FEWEST_DAYS:
        raise PermanentError(
            f"{len(rows)} complete days are too few to say which stands out; {FEWEST_DAYS} are needed.", fix="Choose a longer window."
        )
    by_weekday: dict[int, list[float]] = {}
    for row in rows:
        by_weekday.setdefault(dt.date.fromisoformat(row["period"]).weekday(), []).append(float(row[name]))
    medians = {day: statistics.median(values) for day, values in by_weekday.items()}
    away = [float(r[name]) - medians[dt.date.fromisoformat(r["period"]).weekday()] for r in rows]
    spread = SCALE * statistics.median(abs(x) for x in away)
    if spread == 0:
        return []
    found = [
        Anomaly(row["period"], float(row[name]), float(row[name]) - x, x / spread, spread, len(rows))
        for row, x in zip(rows, away, strict=True)
        if abs(x) > most * spread
    ]
    return sorted(found, key=lambda a: -abs(a.distance))
