"""How a tenant does beside others that agreed to be compared: quartiles, never names, never of a few.

A tenant that does not share its figures sees nobody's. Whether it does is a kept thing of its own (kind `enrichment_sharing`), off until somebody
turns it on, with who did so and when. Shown are the quartiles of at least five others, in whole steps, so that no figure is anyone's to the point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeding_platform.enrichment.measures import Metric
from seeding_platform.storage.kept import Kept

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

    from seeding_platform.storage.enrichment.measurements import Measurement
    from seeding_platform.storage.kept import Item
    from seeding_platform.storage.state import State

KIND = "enrichment_sharing"
FEWEST_OTHERS = 5
FEWEST_ROWS = 50
STEPS: Mapping[str, float] = {
    Metric.COMPLETENESS: 1, Metric.QUALITY: 1, Metric.HIGH_CONFIDENCE: 1, Metric.FAILURE_DAY: 0.5, Metric.SUCCESS: 0.5, Metric.AVERAGE_TIME: 0.5,
}  # fmt: skip
"""What is compared, and to which step figures of others are rounded."""
LESS_IS_BETTER = frozenset({Metric.FAILURE_DAY, Metric.AVERAGE_TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One figure beside those of others.

    Attributes:
        metric: which.
        own: the tenant's own value.
        others: how many others there are.
        low: lower quartile of the others, rounded.
        middle: median.
        high: upper quartile.
        place: best = better than three quarters of them, worst = worse than three quarters, middle.
    """

    metric: str
    own: float
    others: int
    low: float
    middle: float
    high: float
    place: Literal["best", "middle", "worst"]


def sharing(state: State) -> frozenset[str]:
    """The tenants that share their figures."""
    return frozenset(item.tenant for item in Kept(state).all(KIND) if item.body is not None and item.body.get("shared") is True)


def share(state: State, tenant: str, *, on: bool, actor: str, now: dt.datetime) -> None:
    """Say whether a tenant shares its figures; the same again changes nothing.

    Raises:
        VersionConflict: somebody else said so at the same moment.
    """
    kept, item_id = Kept(state), f"enrichment-sharing:{tenant}"
    versions = kept.history(item_id, tenant=tenant)
    before: Item | None = versions[-1] if versions else None
    if (before is not None and before.body == {"shared": on}) or (before is None and not on):
        return
    if before is None:
        kept.add(KIND, {"shared": on}, tenant=tenant, actor=actor, item_id=item_id, now=now)
    else:
        kept.change(before, {"shared": on}, actor=actor, now=now)


def beside_others(tenant: str, newest: Mapping[str, Mapping[str, Measurement]], shared: Collection[str]) -> list[Beside]:
    """A tenant's figures beside those of the others that share.

    Args:
        tenant: whose.
        newest: newest measurements by tenant and metric.
        shared: tenants that share; where this one is not among them it sees nothing.

    Returns:
        One a figure of which the tenant and at least five others have enough rows.
    """
    if tenant not in shared:
        return []
    found = []
    for metric, step in STEPS.items():
        values = {t: v for t in shared if (v := _value(newest.get(t, {}).get(metric))) is not None}
        own = values.pop(tenant, None)
        if own is None or len(values) < FEWEST_OTHERS:
            continue
        ordered = sorted(values.values())
        low, middle, high = (_quantile(ordered, q) for q in (0.25, 0.5, 0.75))
        good, bad = (own < low, own > high) if metric in LESS_IS_BETTER else (own > high, own < low)
        rounded = (step * round(x / step) for x in (low, middle, high))
        place: Literal["best", "middle", "worst"] = "best" if good else "worst" if bad else "middle"
        low, middle, high = rounded
        found.append(Beside(metric=str(metric), own=own, others=len(ordered), low=low, middle=middle, high=high, place=place))
    return found


def _value(one: Measurement | None) -> float | None:
    return None if one is None or one.n < FEWEST_ROWS else one.value


def _quantile(ordered: list[float], q: float) -> float:
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
