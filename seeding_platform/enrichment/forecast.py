"""How long a backlog lasts: when it is worked off, when it reaches its limit, and which rate it would take.

The model is a simple one and says so: the coming hours are like the last ones. What comes in less what is done is a figure an hour; its mean over the
last hours has limits by Student's t (at least those of a Poisson flow: an even hour by chance does not make the future certain), and the backlog
divided by those limits is the range of the time. Where the limits hold 0, it cannot be said whether the backlog grows or shrinks, and no time is
given. A daily cycle is not in it: a forecast over more than the hours looked at is no more than a direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURS = 6
"""So many of the last hours are looked at."""
FEWEST = 3
LEVEL = 0.9
FARTHEST = 24 * 14
"""Hours beyond which no time is given."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time from now, in hours: expected, at the earliest and at the latest (at 90 %)."""

    hours: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What becomes of a backlog.

    Attributes:
        backlog: records that wait now.
        limit: the backlog that is critical.
        arriving: records an hour that come in; None where too few hours are known.
        done: records an hour that are worked off.
        net: `arriving - done`; positive = it grows.
        net_low: lower limit of it.
        net_high: upper limit.
        to_zero: when it is worked off; None where it cannot be said, or not within two weeks.
        to_limit: when it reaches the limit; likewise, and None where it is beyond it already.
        needed: records an hour that must be done to work it off within `within_hours`, arrivals included.
        within_hours: the time that `needed` is for.
    """

    backlog: int
    limit: int
    arriving: float | None
    done: float | None
    net: float | None
    net_low: float | None
    net_high: float | None
    to_zero: Span | None
    to_limit: Span | None
    needed: float | None
    within_hours: float


def forecast(backlog: int, hours: Sequence[tuple[int, int]], *, limit: int, within_hours: float = 4.0) -> Forecast:
    """Look ahead.

    Args:
        backlog: records that wait now.
        hours: (came, done) of each of the last hours, the oldest first; the newest six count.
        limit: the backlog that is critical.
        within_hours: in which time it should be worked off.
    """
    looked = list(hours)[-HOURS:]
    if len(looked) < FEWEST:
        return Forecast(
            backlog=backlog, limit=limit, arriving=None, done=None, net=None, net_low=None, net_high=None, to_zero=_now(backlog), to_limit=None,
            needed=None, within_hours=within_hours,
        )  # fmt: skip
    n = len(looked)
    arriving, done = (sum(one[i] for one in looked) / n for i in (0, 1))
    net = arriving - done
    low, high = _limits([came - gone for came, gone in looked], arriving + done)
    shrinks, grows = high < 0, low > 0
    return Forecast(
        backlog=backlog,
        limit=limit,
        arriving=arriving,
        done=done,
        net=net,
        net_low=low,
        net_high=high,
        to_zero=_now(backlog) or (_span(backlog, -net, -low, -high) if shrinks else None),
        to_limit=_span(limit - backlog, net, high, low) if grows and backlog < limit else None,
        needed=arriving + backlog / within_hours,
        within_hours=within_hours,
    )


def _limits(nets: Sequence[int], flow: float) -> tuple[float, float]:
    from scipy.stats import t

    n = len(nets)
    mean = sum(nets) / n
    seen = sum((x - mean) ** 2 for x in nets) / (n - 1)
    reach = float(t.ppf((1 + LEVEL) / 2, n - 1)) * (max(seen, flow) / n) ** 0.5
    return mean - reach, mean + reach


def _now(backlog: int) -> Span | None:
    return None if backlog else Span(0.0, 0.0, 0.0)


def _span(distance: float, rate: float, fastest: float, slowest: float) -> Span | None:
    span = Span(distance / rate, distance / fastest, distance / slowest)
    return span if span.hours <= FARTHEST else None
