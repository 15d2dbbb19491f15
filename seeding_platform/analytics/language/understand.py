"""From the marks of a question to one plan, or to the reason why there is none. A wrong number is far worse than a refusal."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeding_platform.analytics import periods
from seeding_platform.analytics.language.refusals import NotUnderstood, Unclear
from seeding_platform.analytics.metrics import catalogue, metric
from seeding_platform.analytics.periods import Window
from seeding_platform.analytics.plan import MOST_ROWS, Filter, Order, QueryPlan, Threshold

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.language.text import Mark, Reading

DEFAULT_DAYS = 30


@dataclass(slots=True)
class Understood:
    """A plan, and what was assumed to get there.

    Args:
        plan: what is asked.
        warnings: `code: text`.
        assumed: parts of the plan that the question does not name (window, metric).
    """

    plan: QueryPlan
    warnings: list[str] = field(default_factory=list)
    assumed: tuple[str, ...] = ()


def understood(reading: Reading, facts: Known, *, as_of: dt.date) -> Understood:
    """The plan of a question whose words are all covered.

    Raises:
        Unclear: the words have more than one meaning or lack something.
        NotUnderstood: the words are known but make no question.
    """
    warnings: list[str] = []
    assumed: list[str] = []
    _one_scope(reading)
    window, compare = _time(reading, facts, as_of=as_of, assumed=assumed)
    dimensions, grain, single = _rows(reading, window)
    metrics = _metrics(reading, warnings, assumed)
    having = tuple(Threshold(metric=m, operator=o, value=v) for m, o, v in (mark.value for mark in reading.of("having")))
    order, limit, metrics = _order(reading, metrics, single=single)
    if (having or order is not None) and not dimensions and grain is None:
        raise Unclear("rank_of_what" if order is not None else "threshold_on_what")
    if reading.of("verb") and compare is None and not dimensions and len(metrics) == 1:
        raise Unclear("compared_with_what")
    if compare is None and reading.of("change"):
        compare = periods.before(window, complete_through=facts.complete_through)
    plan = QueryPlan(
        metrics=tuple(metrics),
        dimensions=dimensions,
        grain=grain,
        filters=_filters(reading),
        window=window,
        compare=compare,
        having=having,
        order=order,
        limit=limit or MOST_ROWS,
    )
    return Understood(plan, warnings, tuple(assumed))


def _one_scope(reading: Reading) -> None:
    """Refuse two questions in one: "spend for Meta and CAC for Google"."""
    against = bool(reading.of("vs", "verb"))
    for one, two in itertools.pairwise(reading.of("metric")):
        if {"of", "from", "van", "uit"} & set(reading.asked[one.end : two.start].lower().split()):
            raise Unclear("figure_of_a_figure")  # revenue from new customers is neither of the two
    for dimension in {m.note for m in reading.of("value")}:
        _one_scope_of([m for m in reading.of("value") if m.note == dimension], reading, against=against)


def _one_scope_of(values: list[Mark], reading: Reading, *, against: bool) -> None:
    """Between two values of a dimension stands nothing that would belong to the first of them only."""
    for one, two in itertools.pairwise(values):
        inside = [m for m in reading.of("metric", "window", "having", "value", "excluded") if one.end <= m.start and m.end <= two.start]
        if any(m.kind != "metric" for m in inside):
            raise Unclear("two_questions")
        if inside and not (against and len({m.value for m in reading.of("metric")}) == 1):
            raise Unclear("two_questions")
        if not against and {"to", "naar"} & set(reading.asked[one.end : two.start].lower().split()):
            raise Unclear("two_questions")


def _metrics(reading: Reading, warnings: list[str], assumed: list[str]) -> list[str]:
    named = list(dict.fromkeys(m.value for m in reading.of("metric")))
    if named:
        return named
    if reading.of("having"):
        return list(dict.fromkeys(m.value[0] for m in reading.of("having")))
    if reading.of("performance") and not reading.of("rank"):
        return list(catalogue().performance)
    if reading.of("value") and not reading.of("dimension", "grain") and _how(reading):
        return list(catalogue().performance)
    if reading.of("rank"):
        warnings.append(f"ranked_by: {catalogue().rank_by}, since the question names no figure")
        assumed.append("metric")
        return [catalogue().rank_by]
    if reading.of("dimension", "value", "window", "grain", "compare"):
        raise Unclear("which_metric")
    raise NotUnderstood([], "nothing")


def _how(reading: Reading) -> bool:
    """A question such as "how did the Summer Sale do?" asks for its performance."""
    return reading.asked.strip().lower().startswith(("how ", "hoe "))


# time


def _time(reading: Reading, facts: Known, *, as_of: dt.date, assumed: list[str]) -> tuple[Window, Window | None]:
    windows, compares = reading.of("window"), reading.of("compare")
    if len(windows) > 2 or len(compares) > 1 or (len(windows) == 2 and compares):
        raise Unclear("too_many_periods")
    if len(windows) == 2:
        return _two(windows, reading)
    if windows:
        window = windows[0].value
    elif compares and compares[0].value == "step":
        window = periods.last(1, compares[0].note[1], as_of)
        assumed.append("window")
    elif compares and compares[0].value == "previous" and compares[0].note[0] and compares[0].note[1]:
        window = periods.last(compares[0].note[0], compares[0].note[1], as_of)
        assumed.append("window")
    else:
        window = periods.last(DEFAULT_DAYS, "day", as_of).model_copy(update={"source": "default"})
        assumed.append("window")
    return window, _compared(window, compares[0], facts, named=bool(windows), as_of=as_of) if compares else None


def _two(windows: list[Mark], reading: Reading) -> tuple[Window, Window | None]:
    one, two = windows[0].value, windows[1].value
    if any(m.value == "window" for m in reading.of("vs")) or reading.of("verb"):
        return one, two
    first, second = sorted((one, two), key=lambda w: w.start)
    if first.kind == second.kind == "calendar" and first.unit == second.unit and first.end + periods.DAY == second.start:
        joined = Window(start=first.start, end=second.end, kind="calendar", unit=first.unit, label=f"{first.label}, {second.label}")
        return joined, None
    raise Unclear("two_periods")


def _compared(window: Window, mark: Mark, facts: Known, *, named: bool, as_of: dt.date) -> Window | None:
    through = facts.complete_through
    n, unit = mark.note or (None, None)
    if mark.value == "year":
        return periods.year_before(window, complete_through=through)
    if mark.value == "unit" and unit is not None:
        return _against_unit(window, unit, facts, named=named, as_of=as_of)
    if n is not None and unit is not None and not _as_long(window, n, unit):
        raise Unclear("lengths_differ")
    return periods.before(window, complete_through=through)


def _against_unit(window: Window, unit: Any, facts: Known, *, named: bool, as_of: dt.date) -> Window | None:
    """A comparison "vs last month": the one before where months are compared, the same days a year ago for "last year", else that month."""
    if not named:
        raise Unclear("compared_with_what")
    if window.unit == unit and window.kind in ("calendar", "to_date") and (window.kind == "to_date" or _as_long(window, 1, unit)):
        return periods.before(window, complete_through=facts.complete_through)
    if unit == "year":
        return periods.year_before(window, complete_through=facts.complete_through)
    if window.days == 1 and unit == "day":
        return periods.before(window, complete_through=facts.complete_through)
    raise Unclear("lengths_differ")


def _as_long(window: Window, n: int, unit: Any) -> bool:
    if unit == "day":
        return window.days == n
    return periods.shifted(unit, window.start, n) - periods.DAY == window.end


# rows


def _rows(reading: Reading, window: Window) -> tuple[tuple[str, ...], periods.Unit | None, bool]:
    """Dimensions, grain, and whether one row is asked for ("which platform has the highest ...")."""
    dimensions, single = _dimensions(reading)
    grains = reading.of("grain")
    if len({m.value for m in grains}) > 1:
        raise Unclear("two_grains")
    grain = grains[0].value if grains else None
    if grain is None and reading.of("trend"):
        grain = periods.grain_for(window)
    single = single or (bool(grains) and grains[0].note == "one" and not dimensions)
    return dimensions, grain, single


def _dimensions(reading: Reading) -> tuple[tuple[str, ...], bool]:
    found: list[str] = []
    single = False
    picks = bool(reading.of("rank", "having"))
    for mark in reading.of("dimension"):
        if mark.note in ("together", "label") or _is_label(mark, reading):
            continue
        if mark.note == "all" and not picks:
            if any(e.note == mark.value for e in reading.of("excluded")):
                continue
            raise Unclear("all_together_or_each")
        found.append(mark.value)
        single = single or mark.note == "one"
    against = [m.value for m in reading.of("vs") if m.value not in ("window", "metric")]
    if not against and reading.of("verb"):
        sides = [m.note for m in reading.of("value")]
        against = [d for d in dict.fromkeys(sides) if sides.count(d) > 1]
    return tuple(dict.fromkeys([*found, *against])), single


def _is_label(mark: Mark, reading: Reading) -> bool:
    """In "the Brand Search campaign" the word only says what the value is."""
    if mark.note in ("by", "all"):
        return False
    words = {"the", "a", "of", "de", "het", "een", "van", "our", "onze", ":", "named", "called"}
    for value in reading.of("value", "excluded"):
        if value.note != mark.value:
            continue
        start, end = (mark.end, value.start) if value.start >= mark.end else (value.end, mark.start)
        if set(reading.asked[start:end].lower().replace(":", " ").replace('"', " ").replace("'", " ").split()) <= words:
            return True
    return False


def _filters(reading: Reading) -> tuple[Filter, ...]:
    found: list[Filter] = []
    for kind, exclude in (("value", False), ("excluded", True)):
        marks = reading.of(kind)
        for dimension in dict.fromkeys(m.note for m in marks):
            values = tuple(dict.fromkeys(m.value for m in marks if m.note == dimension))
            found.append(Filter(dimension=dimension, values=values, exclude=exclude))
    return tuple(found)


PRICES = {"clicks": "cpc", "impressions": "cpm", "conversions": "cpa"}
"""What is meant when the cheapest of a count is asked for."""


def _order(reading: Reading, metrics: list[str], *, single: bool) -> tuple[Order | None, int | None, list[str]]:
    """Order and limit, and the figures: the cheapest clicks are those with the lowest cost per click."""
    ranks, counts = reading.of("rank"), reading.of("count")
    if not ranks:
        if counts or reading.of("direction"):
            raise Unclear("ranked_by_what")
        return None, None, metrics
    if len({(m.value, m.note) for m in ranks if m.value != "sorted"}) > 1:
        raise Unclear("two_ranks")
    rank = next((m for m in ranks if m.value != "sorted"), ranks[0])
    if {m.note for m in reading.of("dimension", "grain")} > {"by"} and rank.value != "sorted":
        raise Unclear("first_of_each")
    name = _ranked_by(rank, reading, metrics)
    if rank.value in ("cheap", "dear"):
        if not reading.of("metric") or (metric(name).unit != "money" and name not in PRICES):
            raise Unclear("ranked_by_what")
        metrics = [PRICES.get(m, m) if m == name else m for m in metrics]
        name = PRICES.get(name, name)
    limit = rank.note or (counts[0].value if counts else 1 if single and rank.value != "sorted" else None)
    return Order(metric=name, descending=_descending(rank, name, reading)), limit, metrics


def _ranked_by(rank: Mark, reading: Reading, metrics: list[str]) -> str:
    named = reading.of("metric")
    explicit = [m.value for m in named if m.note == "order"]
    if explicit:
        return str(explicit[0])
    if len(metrics) == 1:
        return metrics[0]
    after = [m for m in named if m.start >= rank.end]
    if after and not reading.asked[rank.end : after[0].start].strip():
        return str(after[0].value)
    raise Unclear("ranked_by_what")


def _descending(rank: Mark, name: str, reading: Reading) -> bool:
    """Whether the rows with most come first; the best CAC is the lowest."""
    if directions := reading.of("direction"):
        return bool(directions[0].value == "descending")
    if rank.value in ("high", "low", "cheap", "dear"):
        return rank.value in ("high", "dear")
    cheap = metric(name).better == "down"
    if rank.value == "sorted":
        return True
    return cheap if rank.value == "worst" else not cheap
