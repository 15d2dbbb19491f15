"""An answer as lines of text, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.analytics.metrics import metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.analytics.plan import Answer


def figure(value: float | None, name: str) -> str:
    """A figure as people read it: money to the cent, counts whole, shares in percent, nothing as a dash.

    >>> figure(0.0213, "ctr"), figure(1234.5, "spend"), figure(None, "cac")
    ('2.13%', '1,234.50', '–')
    """
    if value is None:
        return "–"
    unit = metric(name).unit
    if unit == "share":
        return f"{100 * value:,.2f}%"
    return f"{value:,.0f}" if unit == "count" and value == int(value) else f"{value:,.2f}"


def answer_lines(answer: Answer) -> Iterator[str]:
    """The sentence, the rows as a table, the warnings; for a refusal the reason and questions that work."""
    yield answer.explanation
    if answer.plan is not None and answer.rows:
        yield ""
        yield from _table(answer)
    for warning in answer.warnings:
        yield f"! {warning}"
    if answer.suggestions:
        yield ""
        yield from (f"  {suggestion}" for suggestion in answer.suggestions)


def _table(answer: Answer) -> Iterator[str]:
    assert answer.plan is not None  # noqa: S101 - the caller has looked
    plan = answer.plan
    keys = [*plan.dimensions, *(["period"] if plan.grain else [])]
    head = [*keys, *(title for name in plan.metrics for title in ([name, "before", "change"] if plan.compare else [name]))]
    body = [[*(str(row[k]) if row[k] is not None else "–" for k in keys), *_cells(row, answer)] for row in answer.rows]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    for line in [head, *body]:
        yield "  ".join(cell.ljust(w) if i < len(keys) else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))).rstrip()


def _cells(row: dict[str, Any], answer: Answer) -> list[str]:
    assert answer.plan is not None  # noqa: S101
    cells: list[str] = []
    for name in answer.plan.metrics:
        value = row[name]
        if answer.plan.compare is None:
            cells.append(figure(value, name))
            continue
        change = value["change"] if metric(name).unit == "share" else value["change_pct"]
        unit = " pt" if metric(name).unit == "share" else "%"
        cells += [figure(value["current"], name), figure(value["previous"], name), "–" if change is None else f"{change:+.2f}{unit}"]
    return cells
