"""The words of a question as marks: figures, dimensions, values, windows, ranks, thresholds. Order matters; each step takes its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.analytics.language.periods import NAMELESS_YEAR, RULES, NoSuchDay, Words
from seeding_platform.analytics.language.refusals import NotUnderstood, Unclear
from seeding_platform.analytics.language.text import Mark, Reading, any_of, folded
from seeding_platform.analytics.language.thresholds import loose_thresholds, thresholds
from seeding_platform.analytics.language.vocabulary import SHORT
from seeding_platform.analytics.metrics import metric

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.language.lexicon import Lexicon
    from seeding_platform.analytics.language.vocabulary import Vocabulary

_SLASHED = re.compile(r"(?<!\d)\d{1,2}/\d{1,2}(?:/\d{2,4})?(?!\d)|(?<!\d)\d{1,2}[.-]\d{1,2}[.-]\d{2,4}(?!\d)")


class Reader:
    """Reads one question in one language.

    Args:
        question: as typed.
        words: the language.
        names: names of the values in the facts.
        as_of: the day of asking.
        first_day: first day with facts.
    """

    def __init__(self, question: str, words: Lexicon, names: Vocabulary, *, as_of: dt.date, first_day: dt.date) -> None:
        self.reading = Reading(question)
        self.words, self.names = words, names
        self.as_of, self.first_day = as_of, first_day

    def read(self) -> Reading:
        """All marks of the question.

        Raises:
            NotUnderstood: words are left over.
            Unclear: words with more than one meaning.
        """
        if _SLASHED.search(self.reading.left):
            raise Unclear("slashed_date")
        for step in (
            self._values,
            self._polite,
            lambda: thresholds(self.reading, self.words),
            self._ranked_numbers,
            self._comparisons,
            self._periods,
            self._compounds,
            self._split_metrics,
            self._metrics,
            lambda: loose_thresholds(self.reading, self.words),
            self._performance,
            self._grains,
            self._dimensions,
            self._ranks,
            self._directions,
            self._trend,
            self._counting,
            self._averages,
            self._negations,
            self._by,
            self._together,
            self._sides,
            self._fillers,
        ):
            step()
        if left := self.reading.leftovers():
            raise NotUnderstood(left)
        return self.reading

    # words of courtesy, names

    def _polite(self) -> None:
        for match in self.reading.each(self.words.patterns["polite"]):
            self.reading.take(match)

    def _values(self) -> None:
        reading = self.reading
        capitals = reading.asked.isupper()
        for start, end, meant in list(self.names.found(reading.left)):
            asked = reading.asked[start:end]
            if len(asked) <= SHORT and (capitals or not asked.isupper()):
                continue
            if len({dimension for dimension, _ in meant}) > 1:
                raise Unclear("value_in_two_dimensions")
            reading.blank(start, end)
            reading.marks += [Mark("value", value, start, end, dimension) for dimension, value in meant]

    # numbers that belong to something

    def _ranked_numbers(self) -> None:
        for template, kind in (("(?P<rank>{rank}) {n}", "rank"), ("{n} (?P<rank>{rank})", "rank"), ("(?P<which>{which}) {n}(?= {dims})", "count")):
            for match in self.reading.each(self._ranked(template)):
                n = Words(match, self.words, self.as_of, self.first_day).number("n") or 0
                if n < 1:
                    raise Unclear("no_rows")
                if kind == "rank":
                    self.reading.mark("rank", self.words.meaning("rank", match["rank"]), match, note=n)
                else:
                    self.reading.mark("count", n, match)

    def _ranked(self, template: str) -> re.Pattern[str]:
        which = r"(?:which|what|the|welke|de|show|toon|list|geef)"
        filled = template.replace("{rank}", self.words.patterns["rank"].pattern).replace("{which}", which)
        return self.words.template(filled.replace("{dims}", self.words.patterns["dimension"].pattern))

    # time

    def _comparisons(self) -> None:
        told = self.words.words["compare"]
        for kind in ("year", "previous"):
            for text in told[kind]:
                for match in self.reading.each(self.words.template(text)):
                    self.reading.mark("compare", kind, match, note=self._counted(match))
        for match in self.reading.each(self.words.patterns["step"]):
            self.reading.mark("compare", "step", match, note=(None, self.words.meaning("step", match[0])))
        for kind in ("same_length", "unit"):
            for match in self.reading.each(self.words.template(told[kind])):
                self.reading.mark("compare", kind, match, note=self._counted(match))

    def _counted(self, match: re.Match[str]) -> tuple[int | None, str | None]:
        found = Words(match, self.words, self.as_of, self.first_day)
        return found.number("n"), (found.unit if found.text("unit") else None)

    def _periods(self) -> None:
        found: list[tuple[Mark, str, re.Match[str]]] = []
        for rule in self.words.periods:
            for match in self.reading.each(rule.pattern):
                found.append((self.reading.mark("window", None, match), rule.name, match))  # noqa: PERF401 (each mark takes its words)
        found.sort(key=lambda item: item[0].start)
        years = [Words(match, self.words, self.as_of, self.first_day).number("year") for _, _, match in found]
        hint = years[1] if len(found) == 2 and years[0] is None and years[1] is not None and found[0][1] in NAMELESS_YEAR else None
        for n, (mark, name, match) in enumerate(found):
            words = Words(match, self.words, self.as_of, self.first_day, hint if n == 0 else None)
            try:
                window = RULES[name](words)
            except NoSuchDay as error:
                raise NotUnderstood([self.reading.asked[mark.start : mark.end].strip()], "no_such_day") from error
            label = " ".join(self.reading.asked[mark.start : mark.end].split())
            self.reading.marks.remove(mark)
            self.reading.marks.append(Mark("window", window.model_copy(update={"label": label}), mark.start, mark.end))

    # figures

    def _compounds(self) -> None:
        for match in self.reading.each(self.words.patterns["compound"]):
            dimension = self.words.meaning("compound", match[0])
            self.reading.mark("dimension", dimension, match, note="by")
            self.reading.marks.append(Mark("performance", True, match.start(), match.end()))

    def _metrics(self) -> None:
        article = re.compile(rf"(?:{any_of(self.words.words['articles'])})\s+$")
        for match in self.reading.each(self.words.patterns["metric"]):
            name = self.words.meaning("metric", match[0])
            if article.search(self.reading.left[: match.start()]) and metric(name).unit == "count":
                raise Unclear("one_of_them")
            self.reading.mark("metric", name, match)

    def _split_metrics(self) -> None:
        """Figures in two places: "what did a click cost", "gaven we ... uit"."""
        for split in self.words.words["split_metrics"]:
            one, two = (re.compile(any_of(group)).search(self.reading.left) for group in split["words"])
            if one and two and not (one.start() < two.end() and two.start() < one.end()):
                self.reading.mark("metric", split["metric"], one)
                self.reading.take(two)

    def _performance(self) -> None:
        named = bool(self.reading.of("metric"))
        for kind in ("performance", "performance_weak"):
            for match in self.reading.each(self.words.patterns[kind]):
                if named:
                    self.reading.take(match)
                else:
                    self.reading.mark("performance", True, match)

    def _counting(self) -> None:
        """Words like "how many" ask for a figure; how many campaigns there are is not one."""
        for match in self.reading.each(self.words.patterns["counting"]):
            following = [m for m in self.reading.of("metric", "dimension", "grain", "performance") if m.start >= match.end()]
            if following and following[0].kind == "metric" and metric(following[0].value).kind == "sum":
                self.reading.take(match)
            elif not self.reading.of("metric") or (following and following[0].kind != "metric"):
                raise NotUnderstood([match[0].strip()], "counting")

    def _averages(self) -> None:
        """An average of a ratio is the ratio; of a sum it is another figure."""
        for match in self.reading.each(self.words.patterns["averages"]):
            following = [m for m in self.reading.of("metric") if m.start >= match.end() and self._only_fillers(match.end(), m.start)]
            if following and metric(following[0].value).kind == "ratio":
                self.reading.take(match)

    # rows

    def _grains(self) -> None:
        for match in self.reading.each(self.words.patterns["adverb"]):
            self.reading.mark("grain", self.words.meaning("adverb", match[0]), match, note="by")
        for match in self.reading.each(self.words.patterns["unit"]):
            unit = self.words.meaning("unit", match[0])
            first = self.words.words["units"][unit][0]
            self.reading.mark("grain", unit, match, note="one" if match[0] == first else "many")

    def _dimensions(self) -> None:
        for match in self.reading.each(self.words.patterns["dimension"]):
            name, number = self.words.meaning("dimension", match[0])
            self.reading.mark("dimension", name, match, note=number)

    def _by(self) -> None:
        """Words like "per": taken only before a dimension, a unit of time, or the figure that rows are sorted by."""
        rows = bool(self.reading.of("rank", "dimension", "grain"))
        for match in self.reading.each(self.words.patterns["by"]):
            following = [m for m in self.reading.of("dimension", "grain", "metric") if m.start >= match.end()]
            if not following or not self._only_fillers(match.end(), following[0].start):
                continue
            first = following[0]
            if first.kind == "metric":
                if rows and match[0].strip() not in ("a", "each", "every", "elk", "elke", "ieder", "iedere"):
                    self.reading.take(match)
                    self._noted(first, "order")
                continue
            self.reading.take(match)
            for joined in self._chain(first):
                self._noted(joined, "by")

    def _chain(self, first: Mark) -> list[Mark]:
        """A dimension and those that follow it after "and" or a comma."""
        found = [first]
        for mark in self.reading.of("dimension", "grain"):
            if mark.start >= found[-1].end and self._only_joins(found[-1].end, mark.start):
                found.append(mark)
        return found

    def _noted(self, mark: Mark, note: str) -> None:
        self.reading.marks.remove(mark)
        self.reading.marks.append(Mark(mark.kind, mark.value, mark.start, mark.end, note))

    def _together(self) -> None:
        """Figures "across all platforms" are added up; "all campaigns" alone may mean each of them."""
        for kind in ("together", "all"):
            for match in self.reading.each(self.words.patterns[kind]):
                following = [m for m in self.reading.of("dimension") if m.start >= match.end() and self._only_fillers(match.end(), m.start)]
                if following and following[0].note == "many":
                    self.reading.take(match)
                    self._noted(following[0], kind)

    def _ranks(self) -> None:
        for match in self.reading.each(self.words.patterns["rank"]):
            self.reading.mark("rank", self.words.meaning("rank", match[0]), match)
        for match in self.reading.each(self.words.patterns["rank_verb"]):
            self.reading.mark("rank", "sorted", match)
        for match in self.reading.each(self.words.patterns["sorted"]):
            following = [m for m in self.reading.of("metric") if m.start >= match.end() and self._only_fillers(match.end(), m.start)]
            if following:
                self.reading.mark("rank", "sorted", match)
                self._noted(following[0], "order")

    def _directions(self) -> None:
        for kind in ("ascending", "descending"):
            for match in self.reading.each(self.words.patterns[kind]):
                self.reading.mark("direction", kind, match)

    def _trend(self) -> None:
        for match in self.reading.each(self.words.patterns["trend"]):
            self.reading.mark("trend", True, match)
        for match in self.reading.each(self.words.patterns["change"]):
            self.reading.mark("change", True, match)
        for match in self.reading.each(self.words.patterns["verb"]):
            self.reading.mark("verb", True, match)

    # what is left out, what stands against what

    def _negations(self) -> None:
        """Words like "except": taken only before values, which then do not count."""
        for match in self.reading.each(self.words.patterns["not"]):
            at, dimension = match.end(), None
            found: list[Mark] = []
            for mark in [m for m in self.reading.of("value", "dimension") if m.start >= match.end()]:
                near = self._only_fillers(at, mark.start) if not found else self._only_joins(at, mark.start)
                if not near or (dimension not in (None, mark.note) and mark.kind == "value"):
                    break
                at = mark.end
                if mark.kind == "value":
                    dimension = mark.note
                    found.append(mark)
                else:
                    self._noted(mark, "label")
            if found:
                self._excluded(match, found)
        for match in self.reading.each(self.words.patterns["not_after"]):
            before = [m for m in self.reading.of("value") if m.end <= match.start() and self._only_fillers(m.end, match.start())]
            if before:
                self._excluded(match, before[-1:])

    def _excluded(self, match: re.Match[str], found: list[Mark]) -> None:
        self.reading.take(match)
        for mark in found:
            self.reading.marks.remove(mark)
            self.reading.marks.append(Mark("excluded", mark.value, mark.start, mark.end, mark.note))

    def _sides(self) -> None:
        """Words like "versus": taken between two windows, two values of a dimension, or two figures."""
        for match in self.reading.each(self.words.patterns["vs"]):
            kind = self._sides_of(match)
            if kind is not None:
                self.reading.mark("vs", kind, match)

    def _sides_of(self, match: re.Match[str]) -> str | None:
        left = [m for m in self.reading.of("window", "value", "metric") if m.end <= match.start()]
        right = [m for m in self.reading.of("window", "value", "metric") if m.start >= match.end()]
        if not left or not right:
            return None
        if right[0].kind == "window":
            return "window" if any(m.kind == "window" for m in left) else None
        shared = {m.note for m in left if m.kind == "value"} & {m.note for m in right if m.kind == "value"}
        if shared:
            return str(sorted(shared)[0])
        return "metric" if left[-1].kind == right[0].kind == "metric" else None

    def _fillers(self) -> None:
        shouted = self.reading.asked.isupper()
        for match in self.reading.each(self.words.patterns["filler"]):
            asked = self.reading.asked[match.start() : match.end()]
            if len(asked) == 1 and asked.isupper() and asked != "I" and match.start() and not shouted:
                continue  # "account A" names something; it is no article
            self.reading.take(match)

    # what stands between

    def _between(self, start: int, end: int) -> list[str]:
        return re.findall(r"[^\s,;:()\"]+", folded(self.reading.asked)[start:end])

    def _only_fillers(self, start: int, end: int) -> bool:
        return end >= start and all(w in self.words.words["fillers"] for w in self._between(start, end))

    def _only_joins(self, start: int, end: int) -> bool:
        joins = {"and", "or", "en", "of", "&", "nor", "noch", "the", "de", "het", "in", "by", "per", "also", "ook", "plus", "then"}
        return end >= start and all(w in joins for w in self._between(start, end))
