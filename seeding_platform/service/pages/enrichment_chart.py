"""Charts of enrichment as inline SVG: where records are, stage by stage, and how sure their answers are. Words come from whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTHS = (1104, 340)
BAND, TOP, LEFT_OVER = 56, 44, 100
"""Height of a full ribbon, room above it, and the longest bar of what fell out beside it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Records of a stage that are not done with it.

    Args:
        name: in words.
        n: how many.
        kind: class of its colour.
    """

    name: str
    n: int
    kind: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One stage.

    Args:
        name: in words.
        done: how many completed it.
        parts: the others that came to it.
    """

    name: str
    done: int
    parts: tuple[Part, ...]


def flow(
    stages: Sequence[Passage], came: int, *, came_in: tuple[str, str], through: tuple[str, str], completed: str, count: Callable[[float], str],
    label: str, width: int,
) -> Markup:  # fmt: skip
    """Records through the stages: ribbons as high as there are records; what fell out below each, at a scale of its own.

    Args:
        stages: in their order.
        came: records that came in.
        came_in: title and text at the begin.
        through: title and text at the end.
        completed: text below a stage's name, with `{n}`.
        count: a number in words.
        label: the chart in words.
        width: in units of the picture; a narrow one is a list of stages.
    """
    if width <= WIDTHS[1]:
        return _listed(stages, completed, count, label, width)
    most = max((p.n for s in stages for p in s.parts), default=0) or 1
    begin, step = 150, (width - 254) / max(len(stages) - 0.39, 1)
    rows = max((len(s.parts) for s in stages), default=0)
    height = TOP + BAND + 22 + 22 * rows
    out = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    out.append(f'<text class="t-strong" x="0" y="{TOP + 23}">{escape(came_in[0])}</text><text x="0" y="{TOP + 41}">{escape(came_in[1])}</text>')
    x_from, high = 96.0, float(BAND)
    for place, stage in enumerate(stages):
        x = begin + place * step
        out.append(f'<rect class="ribbon" x="{x_from:.0f}" y="{TOP + BAND - high:.1f}" width="{x - x_from:.0f}" height="{high:.1f}"/>')
        out.append(f'<rect class="f1" x="{x:.0f}" y="{TOP + BAND - high:.1f}" width="16" height="{high:.1f}" rx="2"/>')
        out.append(f'<text class="t-strong" x="{x:.0f}" y="{TOP - 26}">{escape(stage.name)}</text>')
        out.append(f'<text x="{x:.0f}" y="{TOP - 9}">{escape(completed.format(n=count(stage.done)))}</text>')
        for row, part in enumerate(stage.parts):
            y, long = TOP + BAND + 30 + 22 * row, max(3.0, part.n / most * LEFT_OVER)
            out.append(f'<path class="leader" d="M{x + 8:.0f} {TOP + BAND}V{y - 4}H{x + 22:.0f}"/>')
            out.append(f'<rect class="{part.kind}" x="{x + 24:.0f}" y="{y - 11}" width="{long:.1f}" height="14" rx="2"/>')
            out.append(f'<text x="{x + 32 + long:.0f}" y="{y}"><tspan class="t-strong">{count(part.n)}</tspan> {escape(part.name)}</text>')
        x_from, high = x + 16, max(2.0, BAND * stage.done / came) if came and stage.done else 1.0
    end = width - 104
    out.append(f'<rect class="ribbon" x="{x_from:.0f}" y="{TOP + BAND - high:.1f}" width="{end - x_from:.0f}" height="{high:.1f}"/>')
    out.append(
        f'<text class="t-strong" x="{end + 10}" y="{TOP + 23}">{escape(through[0])}</text>'
        f'<text x="{end + 10}" y="{TOP + 41}">{escape(through[1])}</text>'
    )
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


def _listed(stages: Sequence[Passage], completed: str, count: Callable[[float], str], label: str, width: int) -> Markup:
    out, y = [], 0
    for stage in stages:
        parts = [Part(completed.replace("{n}", "").strip(), stage.done, "f1"), *stage.parts]
        total = sum(p.n for p in parts)
        out.append(f'<text class="t-strong" x="0" y="{y + 14}">{escape(stage.name)}</text>')
        out.append(f'<text x="{width}" y="{y + 14}" text-anchor="end">{count(total)}</text>')
        shown = [p for p in parts if p.n]
        least = 8.0
        room = width - 2 * max(len(shown) - 1, 0) - least * len(shown)
        x = 0.0
        for part in shown:
            long = least + room * part.n / total
            out.append(f'<rect class="{part.kind}" x="{x:.1f}" y="{y + 22}" width="{long:.1f}" height="18" rx="2"/>')
            x += long + 2
        if not shown:
            out.append(f'<rect class="f-soft" x="0" y="{y + 22}" width="{width}" height="18" rx="2"/>')
        for row, part in enumerate(parts):
            line = y + 60 + 18 * row
            out.append(
                f'<rect class="{part.kind}" x="0" y="{line - 9}" width="10" height="10" rx="2"/><text x="18" y="{line}">{escape(part.name)}</text>'
            )
            out.append(f'<text class="t-strong" x="{width}" y="{line}" text-anchor="end">{count(part.n)}</text>')
        y += 66 + 18 * len(parts)
    head = f'<svg class="chart" viewBox="0 0 {width} {max(y - 8, 20)}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)


def confidences(
    histogram: Sequence[int], *, bar: float, bar_name: str, count: Callable[[float], str], share: Callable[[float], str], label: str, width: int
) -> Markup:
    """How many answers there are of each confidence, a column a bin; those below the bar in amber.

    Args:
        histogram: answers in bins of equal size, from 0 to 1.
        bar: from where on an answer is acted upon.
        bar_name: what it is called.
        count: a number in words.
        share: a confidence in words.
        label: the chart in words.
        width: in units of the picture.
    """
    most = max(histogram, default=0)
    if not most:
        return Markup("")
    height, top, bottom = 190, 30, 24
    column = width / len(histogram)
    out = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    out.append(f'<line class="axis" x1="0" x2="{width}" y1="{height - bottom}" y2="{height - bottom}"/>')
    for place, n in enumerate(histogram):
        x, high = place * column, n / most * (height - top - bottom)
        kind = "fl1" if place / len(histogram) >= bar - 1e-9 else "f-warn"
        if n:
            out.append(
                f'<rect class="{kind}" x="{x + 2:.1f}" y="{height - bottom - high:.1f}" width="{column - 4:.1f}" height="{max(high, 1):.1f}" rx="2"/>'
            )
            out.append(f'<text x="{x + column / 2:.1f}" y="{height - bottom - high - 5:.1f}" text-anchor="middle">{escape(count(n))}</text>')
    for place in range(0, len(histogram) + 1, 2 if width > WIDTHS[1] else 5):
        anchor = "start" if place == 0 else "end" if place == len(histogram) else "middle"
        out.append(f'<text x="{place * column:.1f}" y="{height - 6}" text-anchor="{anchor}">{escape(share(place / len(histogram)))}</text>')
    x = bar * width
    out.append(f'<line class="ref" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 16}" y2="{height - bottom}"/>')
    out.append(f'<text class="t-prior" x="{x - 6:.1f}" y="{top - 12}" text-anchor="end">{escape(bar_name)}</text>')
    return Markup("".join(out) + "</svg>")  # noqa: S704 (numbers of ours; words are escaped)
