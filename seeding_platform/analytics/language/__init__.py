"""Questions in plain English and Dutch: understood by rules that must cover every word, or refused with the words left over."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.language.explain import explained, refusal, suggestions
from seeding_platform.analytics.language.lexicon import LANGUAGES, lexicon
from seeding_platform.analytics.language.read import Reader
from seeding_platform.analytics.language.refusals import NotUnderstood, Unclear
from seeding_platform.analytics.language.text import folded, typed, unreadable
from seeding_platform.analytics.language.typos import repaired
from seeding_platform.analytics.language.understand import Understood, understood
from seeding_platform.analytics.language.vocabulary import vocabulary
from seeding_platform.analytics.plan import Answer

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.language.text import Reading
    from seeding_platform.analytics.language.vocabulary import Vocabulary

_VOCABULARIES: OrderedDict[tuple[str, str], Vocabulary] = OrderedDict()
_KEPT = 8
MOST_REPAIRS = 4


def asked(question: str, facts: Known, *, as_of: dt.date | None = None, lang: str | None = None, prefer: str = "en") -> Answer:
    """Answer a question about a tenant's facts.

    Args:
        question: in English or Dutch.
        facts: what is asked about.
        as_of: the day of asking; default the day after the last complete one.
        lang: en or nl; default whichever language covers the words.
        prefer: of two languages that do equally well.
    """
    as_of = as_of or facts.as_of
    text = typed(question)
    if (reason := unreadable(text)) is not None:
        shown = lang if lang in LANGUAGES else prefer
        return _refused(facts, shown, NotUnderstood([], reason))
    best: tuple[int, str, NotUnderstood | Unclear] | None = None
    for language in [lang] if lang in LANGUAGES else _likely_first(text, prefer):
        outcome = _tried(text, facts, language, as_of)
        if isinstance(outcome, Understood):
            explanation = explained(outcome.plan, language, assumed=outcome.assumed)
            return answered(outcome.plan, facts, lang=language, warnings=tuple(outcome.warnings), explanation=explanation)
        weight = len(outcome.words) if isinstance(outcome, NotUnderstood) else 0
        if best is None or weight < best[0]:
            best = (weight, language, outcome)
    assert best is not None  # noqa: S101 - there is at least one language
    return _refused(facts, best[1], best[2])


def _likely_first(text: str, prefer: str) -> list[str]:
    """The languages, the one with more of the question's words first."""
    words = folded(text).split()
    known = {lang: {w for w in lexicon(lang).words["fillers"]} for lang in LANGUAGES}
    months = {lang: set(lexicon(lang).lookups["unit"]) | set(lexicon(lang).lookups["dimension"]) for lang in LANGUAGES}
    return sorted(LANGUAGES, key=lambda lang: (-sum((w in known[lang]) + 2 * (w in months[lang]) for w in words), lang != prefer))


def _tried(text: str, facts: Known, lang: str, as_of: dt.date) -> Understood | NotUnderstood | Unclear:
    """One language; mistyped words are repaired when that alone makes the question clear."""
    repairs: dict[str, str] = {}
    while True:
        try:
            found = understood(_read(text, facts, lang, as_of), facts, as_of=as_of)
        except Unclear as unclear:
            return unclear
        except NotUnderstood as refused:
            mended = _mended(text, refused, facts, lang) if len(repairs) < MOST_REPAIRS else None
            if mended is None:
                return refused
            text, wrong, right = mended
            repairs[wrong] = right
            continue
        found.warnings += [f"corrected: {wrong} read as {right}" for wrong, right in repairs.items()]
        return found


def _read(text: str, facts: Known, lang: str, as_of: dt.date) -> Reading:
    return Reader(text, lexicon(lang), vocabulary_of(facts), as_of=as_of, first_day=facts.first_day).read()


def vocabulary_of(facts: Known) -> Vocabulary:
    """Names of things in a tenant's facts, worked out once for a snapshot."""
    key = (facts.snapshot.id, facts.tenant)
    if key not in _VOCABULARIES:
        _VOCABULARIES[key] = vocabulary(facts.values)
        while len(_VOCABULARIES) > _KEPT:
            _VOCABULARIES.popitem(last=False)
    return _VOCABULARIES[key]


def _mended(text: str, refused: NotUnderstood, facts: Known, lang: str) -> tuple[str, str, str] | None:
    """The question with its first mistyped word put right; None where no word is clearly meant."""
    words, known = lexicon(lang), _known_words(facts, lang)
    for word in refused.words:
        right = repaired(word.lower(), known, never=words.words["never_repair"])
        if right is not None:
            at = folded(text).find(word)
            if at >= 0:
                return text[:at] + right + text[at + len(word) :], word, right
    return None


def _known_words(facts: Known, lang: str) -> dict[str, object]:
    """Single words that a mistyped one may be, with what they mean; longer phrases by their words, each meaning itself."""
    words = lexicon(lang)
    known: dict[str, object] = {w: w for name in ("last", "this") for text in words.words["classes"][name] for w in text.split()}
    known |= {w: "filler" for w in words.words["fillers"]} | {w: "performance" for w in words.words["performance"]}
    named: dict[str, object] = dict(vocabulary_of(facts).names())
    for kind in ("metric", "dimension", "unit", "month", "adverb", "rank"):
        named |= {name: meaning[0] if kind == "dimension" else meaning for name, meaning in words.lookups[kind].items()}
    known |= {part: part for name in named if " " in name for part in name.split()}
    return known | {name: meaning for name, meaning in named.items() if " " not in name}


def _refused(facts: Known, lang: str, why: NotUnderstood | Unclear) -> Answer:
    unclear = isinstance(why, Unclear)
    words = [] if isinstance(why, Unclear) else why.words
    return Answer(
        status="clarify" if unclear else "not_understood",
        explanation=refusal(why.reason, words, lang),
        not_understood=words,
        suggestions=suggestions(facts, lang),
        snapshot=facts.snapshot.id,
        lang="nl" if lang == "nl" else "en",
    )
