"""Charts as inline SVG without styles: they print, follow the theme, need no script and say in words what they show."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Values = Sequence[float | None]

WIDE = 500
STEPS = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)


def axis_end(top: float) -> float:
    """The end of an axis that holds a value: a round number with four equal steps.

    >>> axis_end(937.0), axis_end(0.0)
    (1000.0, 1.0)
    """
    if top <= 0:
        return 1.0
    power = 10 ** floor(log10(top))
    return float(next(step * power for step in STEPS if step * power >= top))


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A line through points; it breaks where there is none."""
    drawn, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        drawn.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return "".join(drawn)


def spark(values: Values, before: Values, *, label: str, width: int = 200, height: int = 34) -> Markup:
    """A trend without axes, scaled to itself: it shows direction, never size."""
    known = [v for v in (*values, *before) if v is not None]
    if len(values) < 2 or not known:
        return Markup("")
    low, span = min(known), (max(known) - min(known)) or 1

    def points(series: Values) -> list[tuple[float, float] | None]:
        last = max(len(series) - 1, 1)
        return [None if v is None else (i * width / last, height - 3 - (v - low) / span * (height - 6)) for i, v in enumerate(series)]

    prior = f'<path class="prior" d="{_path(points(before))}"/>' if len(before) > 1 else ""
    head = f'<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
    return Markup(  # noqa: S704 (numbers of ours; words are escaped)
        f'{head}{prior}<path class="line" d="{_path(points(values))}"/></svg>'
    )


def bar(share: float, tone: str = "") -> Markup:
    """A length beside a number; `tone` (good, bad, warn) where it is a judgement."""
    return Markup(  # noqa: S704 (a number and a word of ours)
        f'<svg class="bar{f" bar--{tone}" if tone else ""}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{max(min(share, 1.0), 0.006) * 100:.1f}" height="8"/></svg>'
    )


def reliability(bins: Sequence[tuple[float, float, int]], *, label: str) -> Markup:
    """Stated against observed share; on the dashed line the two are the same. A dot's size is its number of records."""
    most = max((n for _, _, n in bins), default=1)
    dots = "".join(f'<circle cx="{10 + s * 180:.1f}" cy="{190 - o * 180:.1f}" r="{2.5 + 4 * (n / most) ** 0.5:.1f}"/>' for s, o, n in bins)
    return Markup(  # noqa: S704 (numbers of ours; words are escaped)
        f'<svg class="chart plot" viewBox="0 0 200 200" role="img" aria-label="{escape(label)}"><path class="axis" d="M10 10V190H190"/>'
        f'<path class="prior" d="M10 190L190 10"/><g class="dots">{dots}</g></svg>'
    )


def trend(
    values: Values,
    before: Values,
    days: Sequence[str],
    *,
    shown: Callable[[float], str],
    named: Callable[[float], str],
    names: tuple[str, str],
    provisional: int,
    provisional_name: str,
    label: str,
    width: int,
    height: int = 280,
    marked: Mapping[int, str] | None = None,
) -> Markup:
    """This period solid, the one before dashed, on one axis from 0; days that will still change are shaded and named.

    Args:
        values: a figure a day.
        before: the same of the earlier period, by place.
        days: names of the days.
        shown: a figure at the axis.
        named: a figure at the end of a line.
        names: of the two lines.
        provisional: how many of the last days are provisional.
        provisional_name: what that is called.
        label: the chart in words.
        width: in units of the picture.
        height: in units of the picture.
        marked: notes, by place of their day.
    """
    known = [v for v in (*values, *before) if v is not None]
    count = len(values)
    if count < 2 or not known:
        return Markup("")
    left, right, top, bottom = 52, (120 if width > WIDE else 10), 22, 26
    end = axis_end(max(known))

    def x(place: int) -> float:
        return left + place * (width - left - right) / (count - 1)

    def y(value: float) -> float:
        return top + (1 - value / end) * (height - top - bottom)

    out = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    if provisional:
        start = x(max(count - provisional, 0)) - (x(1) - x(0)) / 2
        out.append(f'<rect class="prov" x="{start:.1f}" y="{top}" width="{x(count - 1) - start:.1f}" height="{height - top - bottom}"/>')
        out.append(f'<text class="t-warn" x="{x(count - 1):.0f}" y="{top - 7}" text-anchor="end">{escape(provisional_name)}</text>')
    for step in range(5):
        level = end * step / 4
        kind = "axis" if step == 0 else "grid"
        out.append(f'<line class="{kind}" x1="{left}" x2="{width - right}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        out.append(f'<text x="{left - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{escape(shown(level))}</text>')
    every = max(1, round(count / (5 if width > WIDE else 3)))
    for place in range(0, count, every):
        anchor = "start" if place == 0 else "middle"
        out.append(f'<text x="{x(place):.0f}" y="{height - 6}" text-anchor="{anchor}">{escape(days[place])}</text>')
    out.append(f'<path class="prior" d="{_path([None if v is None else (x(i), y(v)) for i, v in enumerate(before[:count])])}"/>')
    out.append(f'<path class="line st1" d="{_path([None if v is None else (x(i), y(v)) for i, v in enumerate(values)])}"/>')
    for place, note in sorted((marked or {}).items()):
        if 0 <= place < count:
            out.append(f'<g class="note"><title>{escape(note)}</title><path class="prior" d="M{x(place):.1f} {top}V{height - bottom}"/>')
            out.append(f'<circle class="note-dot" cx="{x(place):.1f}" cy="{top}" r="4"/></g>')
    if width > WIDE:
        out += _line_ends(values, before, names, named, y, width - right + 10)
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


@dataclass(frozen=True, slots=True)
class Whisker:
    """One figure with its interval.

    Args:
        name: whose it is.
        value: the figure; None where there is none.
        low: lower limit; None is not known.
        high: upper limit.
        said: the figure in words, at the end of its row.
        tone: good, bad or muted; empty where nothing is judged.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    said: str
    tone: str = ""


def whiskers(rows: Sequence[Whisker], *, end: float, shown: Callable[[float], str], label: str, width: int, marks: Mapping[float, str]) -> Markup:
    """Figures as dots with their intervals, one below the other, on one axis from 0; a limit beyond its end is an arrow.

    Args:
        rows: from top to bottom.
        end: of the axis.
        shown: a figure at the axis.
        label: the chart in words.
        width: in units of the picture.
        marks: named levels, drawn dashed.
    """
    if not rows or end <= 0:
        return Markup("")
    wide = width > WIDE
    left, right, top, step = (150, 150, 24, 26) if wide else (4, 8, 24, 44)
    height = top + step * len(rows) + 24

    def x(value: float) -> float:
        return left + min(max(value / end, 0.0), 1.0) * (width - left - right)

    out = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    for place in range(5):
        level = end * place / 4
        out.append(f'<line class="{"axis" if place == 0 else "grid"}" x1="{x(level):.1f}" x2="{x(level):.1f}" y1="{top - 4}" y2="{height - 22}"/>')
        anchor = "start" if place == 0 else "end" if place == 4 and not wide else "middle"
        out.append(f'<text x="{x(level):.1f}" y="{height - 6}" text-anchor="{anchor}">{escape(shown(level))}</text>')
    for level, name in sorted(marks.items()):
        if 0 <= level <= end:
            out.append(f'<line class="ref" x1="{x(level):.1f}" x2="{x(level):.1f}" y1="{top - 4}" y2="{height - 22}"/>')
            anchor = "end" if x(level) > width * 0.6 else "start"
            out.append(f'<text class="t-prior" x="{x(level):.1f}" y="{top - 10}" text-anchor="{anchor}">{escape(name)}</text>')
    for place, row in enumerate(rows):
        out += _whisker(row, x, top + step * place + (step // 2 if wide else 30), end, (left - 10, width - right + 12) if wide else None, width)
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


def _whisker(row: Whisker, x: Callable[[float], float], y: float, end: float, beside: tuple[float, float] | None, width: int) -> list[str]:
    """One row: its name and figure beside it, or above it where there is no room."""
    kind = f"s-{row.tone}" if row.tone else "st1"
    out = []
    if beside is not None:
        out.append(f'<text x="{beside[0]:.0f}" y="{y + 4:.0f}" text-anchor="end">{escape(row.name)}</text>')
        out.append(f'<text class="t-strong" x="{beside[1]:.0f}" y="{y + 4:.0f}">{escape(row.said)}</text>')
    else:
        out.append(f'<text x="{x(0) + 6:.0f}" y="{y - 12:.0f}">{escape(row.name)}</text>')
        out.append(f'<text class="t-strong" x="{width - 8}" y="{y - 12:.0f}" text-anchor="end">{escape(row.said)}</text>')
    if row.value is None:
        return out
    if row.low is not None and row.high is not None:
        out.append(f'<path class="whisker {kind}" d="M{x(row.low):.1f} {y:.1f}H{x(row.high):.1f}M{x(row.low):.1f} {y - 5:.1f}v10"/>')
        cap = f"M{x(end) - 5:.1f} {y - 5:.1f}l5 5l-5 5" if row.high > end else f"M{x(row.high):.1f} {y - 5:.1f}v10"
        out.append(f'<path class="whisker {kind}" d="{cap}"/>')
    dot = f"f-{row.tone}" if row.tone else "fl1"
    if row.value <= end:
        out.append(f'<circle class="{dot}" cx="{x(row.value):.1f}" cy="{y:.1f}" r="4.5"/>')
    return out


def _line_ends(
    values: Values, before: Values, names: tuple[str, str], shown: Callable[[float], str], y: Callable[[float], float], at: float
) -> list[str]:
    """Names and last values at the ends of the lines, apart from each other."""
    ends = [(name, kind, series[-1]) for name, kind, series in zip(names, ("t-strong", "t-prior"), (values, before), strict=True) if series]
    placed = [(name, kind, value, y(value)) for name, kind, value in ends if value is not None]
    if len(placed) == 2 and abs(placed[0][3] - placed[1][3]) < 34:
        middle = (placed[0][3] + placed[1][3]) / 2
        sign = -17 if placed[0][3] <= placed[1][3] else 17
        placed = [(*placed[0][:3], middle + sign), (*placed[1][:3], middle - sign)]
    return [
        f'<text class="{kind}" x="{at:.0f}" y="{height:.0f}">{escape(name)}<tspan x="{at:.0f}" dy="15">{escape(shown(value))}</tspan></text>'
        for name, kind, value, height in placed
    ]
