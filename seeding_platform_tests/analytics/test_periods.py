"""Periods in words against pandas' calendar, for random phrases and days of asking."""

import calendar
import datetime as dt
import random

import pytest

from seeding_platform.analytics import periods
from seeding_platform.analytics.language.lexicon import lexicon
from seeding_platform.analytics.language.read import Reader
from seeding_platform.analytics.language.refusals import NotUnderstood
from seeding_platform.analytics.language.vocabulary import vocabulary
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.depth import depth

NONE = vocabulary({})
UNITS = {
    "en": {"d": ("day", "days"), "w": ("week", "weeks"), "m": ("month", "months"), "q": ("quarter", "quarters"), "y": ("year", "years")},
    "nl": {"d": ("dag", "dagen"), "w": ("week", "weken"), "m": ("maand", "maanden"), "q": ("kwartaal", "kwartalen"), "y": ("jaar", "jaren")},
}
MONTHS = {
    "en": calendar.month_name[1:],
    "nl": ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"],
}
THIS = {"en": dict.fromkeys("wmqy", "this"), "nl": {"w": "deze", "m": "deze", "q": "dit", "y": "dit"}}
LAST = {"en": ["last", "past", "previous"], "nl": ["laatste", "afgelopen", "vorige"]}
ORDINALS = {"en": ["first", "second", "third", "fourth"], "nl": ["eerste", "tweede", "derde", "vierde"]}


def phrase(rng: random.Random, lang: str, as_of: dt.date) -> tuple[str, str]:
    """Words, and the oracle's token for them."""
    kind = rng.choice(
        ["last_n", "last_one", "this", "month", "month_year", "quarter", "quarter_words", "year", "week", "day", "day_iso", "range", "since"]
    )
    unit = rng.choice("dwmqy")
    year = rng.randint(as_of.year - 3, as_of.year)
    month = rng.randint(1, 12)
    of, to, since, from_ = {"en": (" of ", "to", "since", "from"), "nl": (" van ", "tot en met", "sinds", "van")}[lang]
    if kind == "last_n":
        n = rng.randint(2, 40)
        return f"{rng.choice(LAST[lang])} {n} {UNITS[lang][unit][1]}", f"L{n}{unit}"
    if kind == "last_one":
        unit = rng.choice("wmqy")
        return f"{rng.choice(LAST[lang])} {UNITS[lang][unit][0]}", f"L1{unit}"
    if kind == "this":
        unit = rng.choice("wmqy")
        return f"{THIS[lang][unit]} {UNITS[lang][unit][0]}", f"t{unit}"
    if kind == "month":
        latest = as_of.year if month <= as_of.month else as_of.year - 1
        return MONTHS[lang][month - 1], f"{latest}-{month:02d}"
    if kind == "month_year":
        return f"{MONTHS[lang][month - 1]} {year}", f"{year}-{month:02d}"
    if kind in ("quarter", "quarter_words"):
        q = rng.randint(1, 4)
        latest = as_of.year if 3 * q - 2 <= as_of.month else as_of.year - 1
        if kind == "quarter":
            return rng.choice([(f"Q{q} {year}", f"{year}-Q{q}"), (f"Q{q}", f"{latest}-Q{q}")])
        word = {"en": "quarter", "nl": "kwartaal"}[lang]
        return f"{ORDINALS[lang][q - 1]} {word}{of}{year}", f"{year}-Q{q}"
    if kind == "year":
        return str(year), str(year)
    if kind == "week":
        week = rng.randint(1, 52)
        return f"week {week}{of}{year}", f"{year}-W{week}"
    day = rng.randint(1, calendar.monthrange(year, month)[1])
    date = dt.date(year, month, day)
    if kind == "day":
        return f"{day} {MONTHS[lang][month - 1]} {year}", f"{date}..{date}"
    if kind == "day_iso":
        return f"{date}", f"{date}..{date}"
    if kind == "range":
        end = date + dt.timedelta(days=rng.randint(1, 90))
        return f"{from_} {day} {MONTHS[lang][month - 1]} {year} {to} {end.day} {MONTHS[lang][end.month - 1]} {end.year}", f"{date}..{end}"
    date = min(date, as_of)
    return f"{since} {date.day} {MONTHS[lang][date.month - 1]} {date.year}", f"{date}..{as_of}"


def faults(seed: int, n: int) -> list[tuple[str, str, dt.date]]:
    """Of n random phrases, those whose days differ from the calendar's."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        lang = rng.choice(["en", "nl"])
        as_of = dt.date(2020, 1, 1) + dt.timedelta(days=rng.randint(0, 3000))
        words, token = phrase(rng, lang, as_of)
        reading = Reader(f"spend {words}", lexicon(lang), NONE, as_of=as_of, first_day=dt.date(2015, 1, 1)).read()
        (mark,) = reading.of("window")
        right = (mark.value.start, mark.value.end) == oracle.window(token, as_of)
        through = as_of - dt.timedelta(days=rng.randint(0, 2))
        if token[0] != "t" or (min(mark.value.end, through) >= mark.value.start):
            before = periods.before(mark.value, complete_through=through)
            right = right and (before.start, before.end) == oracle.previous(token, as_of, through)
        if not right:
            found.append((lang, words, as_of))
    return found


@pytest.mark.long
def test_periods_equal_the_calendar():
    assert faults(1, 1000) == []


@pytest.mark.long
def test_ten_thousand_periods_equal_the_calendar():
    assert faults(2, depth(10_000, 3_000)) == []


@pytest.mark.parametrize("words", ["31 June 2025", "last 0 days", "week 60", "30 february 2024"])
def test_days_that_do_not_exist_are_refused(words):
    with pytest.raises(NotUnderstood):
        Reader(f"spend {words}", lexicon("en"), NONE, as_of=dt.date(2025, 7, 1), first_day=dt.date(2020, 1, 1)).read()


def test_a_month_is_no_month_where_it_is_a_word_of_courtesy():
    reading = Reader("May I see spend in May", lexicon("en"), NONE, as_of=dt.date(2025, 7, 1), first_day=dt.date(2020, 1, 1)).read()
    assert [m.value.start for m in reading.of("window")] == [dt.date(2025, 5, 1)]
