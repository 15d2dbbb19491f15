"""What was measured of a model over time: held-out rows as dots with their intervals, real use as a line, the floor dashed and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

HEIGHT = 220
ROOM = 0.12
"""Room above the largest and below the smallest figure, as a share of what lies between."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Args:
        at: when.
        value: the figure.
        live: of real use; else of held-out rows.
        low: lower limit; None is not known.
        high: upper limit.
    """

    at: dt.datetime
    value: float
    live: bool
    low: float | None = None
    high: float | None = None


def measured_chart(
    points: Sequence[Measured], *, floor: float | None, floor_name: str, shown: Callable[[float], str], day: Callable[[dt.datetime], str], label: str,
    width: int,
) -> Markup:  # fmt: skip
    """Figures over time on an axis of their own; nothing where there are none.

    Args:
        points: in any order.
        floor: worst value that may serve; None where there is none.
        floor_name: what it is called.
        shown: a figure at the axis.
        day: a moment at the axis.
        label: the chart in words.
        width: in units of the picture.
    """
    if not points:
        return Markup("")
    ordered = sorted(points, key=lambda p: p.at)
    low, high = _ends(ordered, floor)
    begin, span = ordered[0].at, (ordered[-1].at - ordered[0].at).total_seconds()
    left, right, top, bottom = 52, 14, 16, 26

    def x(moment: dt.datetime) -> float:
        share = (moment - begin).total_seconds() / span if span else 0.5
        return left + share * (width - left - right)

    def y(value: float) -> float:
        return top + (1 - (value - low) / (high - low)) * (HEIGHT - top - bottom)

    out = [f'<svg class="chart" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for step in range(5):
        level = low + (high - low) * step / 4
        out.append(f'<line class="{"axis" if step == 0 else "grid"}" x1="{left}" x2="{width - right}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        out.append(f'<text x="{left - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{escape(shown(level))}</text>')
    ends = [(ordered[0].at, "start"), (ordered[-1].at, "end")] if span else [(begin, "middle")]
    out += [f'<text x="{x(at):.0f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(day(at))}</text>' for at, anchor in ends]
    if floor is not None:
        out.append(f'<line class="ref" x1="{left}" x2="{width - right}" y1="{y(floor):.1f}" y2="{y(floor):.1f}"/>')
        out.append(f'<text class="t-prior" x="{width - right}" y="{y(floor) - 5:.1f}" text-anchor="end">{escape(floor_name)}</text>')
    used = [p for p in ordered if p.live]
    if len(used) > 1:
        out.append(f'<path class="line st1" d="M{"L".join(f"{x(p.at):.1f} {y(p.value):.1f}" for p in used)}"/>')
    out += [f'<circle class="fl1" cx="{x(p.at):.1f}" cy="{y(p.value):.1f}" r="2.5"/>' for p in used]
    for p in (p for p in ordered if not p.live):
        if p.low is not None and p.high is not None:
            cap = f"M{x(p.at) - 5:.1f} {y(p.low):.1f}h10M{x(p.at) - 5:.1f} {y(p.high):.1f}h10"
            out.append(f'<path class="whisker st2" d="M{x(p.at):.1f} {y(p.low):.1f}V{y(p.high):.1f}{cap}"/>')
        out.append(f'<rect class="fl2" x="{x(p.at) - 4:.1f}" y="{y(p.value) - 4:.1f}" width="8" height="8"/>')
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


def _ends(points: Sequence[Measured], floor: float | None) -> tuple[float, float]:
    """Where the axis begins and ends: a rate need not start at 0, but nothing that is drawn may stick out."""
    known = [v for p in points for v in (p.value, p.low, p.high) if v is not None] + ([] if floor is None else [floor])
    low, high = min(known), max(known)
    room = (high - low) * ROOM or abs(high) * ROOM or ROOM
    return low - room, high + room
