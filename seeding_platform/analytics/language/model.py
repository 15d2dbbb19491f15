"""A language model behind the rules: asked only about what they refuse, never trusted, and unable to say a number.

It may only name a plan in relative terms. Every value it filters by must stand in the question; every value, number and negation of the
question must stand in its plan; what is never answered (reasons, forecasts, advice, writing) is not sent at all. Anything else stays refused.
"""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from seeding_platform.analytics import periods
from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.language import asked, vocabulary_of
from seeding_platform.analytics.language.explain import explained
from seeding_platform.analytics.language.lexicon import LANGUAGES, lexicon
from seeding_platform.analytics.language.text import any_of, folded, typed
from seeding_platform.analytics.metrics import DIMENSIONS, catalogue
from seeding_platform.analytics.plan import Filter, Order, QueryPlan

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.plan import Answer

log = logging.getLogger("seeding.questions")
MOST_BYTES, SECONDS = 65_536, 8.0
DEFAULT_DAYS = 30


class NoWord(Exception):
    """The model gave nothing that can be used."""


class _Said(BaseModel, frozen=True, extra="forbid"):
    """What a model may say: no dates, no SQL, no figures."""


class RelativeWindow(_Said):
    """Days by their distance from the day of asking."""

    kind: Literal["last", "this"]
    n: int = Field(1, ge=1, le=400)
    unit: Literal["day", "week", "month", "quarter", "year"]


class SaidOrder(_Said):
    """Sort by a figure."""

    metric: str
    descending: bool = True


class SaidPlan(_Said):
    """A plan in relative terms."""

    metrics: Annotated[list[str], Field(min_length=1, max_length=8)]
    dimensions: Annotated[list[str], Field(max_length=4)] = []
    grain: Literal["day", "week", "month", "quarter", "year"] | None = None
    filters: Annotated[list[Filter], Field(max_length=8)] = []
    window: RelativeWindow | None = None
    compare: Literal["previous", "year"] | None = None
    order: SaidOrder | None = None
    limit: int | None = Field(None, ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """An endpoint in the form of OpenAI's chat completions.

    Args:
        url: whole address, such as `http://127.0.0.1:8081/v1/chat/completions`.
        name: of the model.
        key: bearer token; empty for none.
        seconds: how long it is waited for.
    """

    url: str
    name: str = "default"
    key: str = ""
    seconds: float = SECONDS

    def said(self, question: str, facts: Known) -> SaidPlan:
        """The plan that the model reads in a question.

        Raises:
            NoWord: no answer in time, too long, or not in the one form.
        """
        body = {
            "model": self.name,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": _instructions(facts)}, {"role": "user", "content": question}],
        }
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)  # noqa: S310 (the installation's own setting, checked there)
        try:
            with _opener().open(request, timeout=self.seconds) as response:
                raw = response.read(MOST_BYTES + 1)
            if len(raw) > MOST_BYTES:
                raise NoWord("an answer without end")
            return SaidPlan.model_validate_json(json.loads(raw)["choices"][0]["message"]["content"], strict=True)
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise NoWord(type(error).__name__) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The question goes to the address that was set, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Do not follow."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _instructions(facts: Known) -> str:
    return (
        "Turn the user's question about advertising figures into one JSON object of this schema and nothing else: "
        + json.dumps(SaidPlan.model_json_schema())
        + f" Metrics: {', '.join(catalogue().metrics)}. Dimensions: {', '.join(DIMENSIONS)}. "
        + "Filter only by values that the question names. If the question asks for anything else, answer {}."
        + f" Platforms: {', '.join(facts.values['platform'])}."
    )


def asked_with(
    model: LanguageModel | None, question: str, facts: Known, *, as_of: dt.date | None = None, lang: str | None = None, prefer: str = "en"
) -> Answer:
    """`asked`, and where its rules refuse, what a model reads in the question when that can be checked against it."""
    by_rules = asked(question, facts, as_of=as_of, lang=lang, prefer=prefer)
    if model is None or by_rules.status != "not_understood" or not by_rules.not_understood or never_answered(question):
        return by_rules
    try:
        plan = _plan(model.said(question, facts), question, facts, as_of or facts.as_of)
    except (NoWord, ValidationError, ValueError) as why:
        log.info("the model's reading was not used: %s", why if isinstance(why, NoWord) else type(why).__name__)
        return by_rules
    told = ("source_llm: a language model read this question; check below what it understood",)
    found = answered(plan, facts, lang=by_rules.lang, warnings=told, explanation=explained(plan, by_rules.lang, assumed=("window",)))
    return found.model_copy(update={"source": "llm"})


def never_answered(question: str) -> bool:
    """True when a question holds words of what is refused on purpose, in either language."""
    text = folded(typed(question))
    return any(re.search(any_of(lexicon(lang).words["never_answered"]), text) for lang in LANGUAGES)


def _plan(said: SaidPlan, question: str, facts: Known, as_of: dt.date) -> QueryPlan:
    """The plan, when everything in the question is in it, and nothing else.

    Raises:
        NoWord: something differs.
    """
    text = folded(typed(question))
    _check_values(said, text, facts)
    window, numbers = _window(said.window, as_of)
    _check_numbers(text, numbers | ({said.limit} if said.limit is not None else set()))
    negated = any(re.search(any_of(lexicon(lang).words["not"]), text) for lang in LANGUAGES)
    if negated != any(f.exclude for f in said.filters):
        raise NoWord("a negation is lost or made up")
    plan = QueryPlan(
        metrics=tuple(said.metrics),
        dimensions=tuple(said.dimensions),
        grain=said.grain,
        filters=tuple(said.filters),
        window=window,
        order=Order(metric=said.order.metric, descending=said.order.descending) if said.order else None,
        limit=said.limit or 1000,
    )
    if said.order is not None and said.order.metric not in said.metrics:
        raise NoWord("an order by a figure that is not shown")
    if said.compare is None:
        return plan
    compare = {"previous": periods.before, "year": periods.year_before}[said.compare](window, complete_through=facts.complete_through)
    return plan.model_copy(update={"compare": compare})


def _check_values(said: SaidPlan, text: str, facts: Known) -> None:
    filtered = {(f.dimension, v) for f in said.filters for v in f.values}
    if unknown := [v for d, v in filtered if v not in facts.values.get(d, ())]:
        raise NoWord(f"{len(unknown)} values that are not in the data")
    named = [meant for _, _, meant in vocabulary_of(facts).found(text)]
    if any(not any(value in meant for meant in named) for value in filtered):
        raise NoWord("a value that is not in the question")
    if any(not any(value in filtered for value in meant) for meant in named):
        raise NoWord("a value of the question is left out")


def _check_numbers(text: str, used: set[int | None]) -> None:
    asked_for = {int(n) for n in re.findall(r"(?<![\w.,])\d{1,4}(?![\w.,]*\d)", text)}
    if re.search(r"\d", re.sub(r"(?<![\w.,])\d{1,4}(?![\w.,]*\d)", "", text)):
        raise NoWord("a date or an amount, which a model may not read")
    spelled = {w for lang in LANGUAGES for w in lexicon(lang).lookups["number"] if re.search(any_of([w]), text)}
    meant = {int(lexicon(lang).lookups["number"][w]) for lang in LANGUAGES for w in spelled if w in lexicon(lang).lookups["number"]}
    if not asked_for <= used or not (used - {1, None}) <= asked_for | meant:
        raise NoWord("a number is lost or made up")


def _window(said: RelativeWindow | None, as_of: dt.date) -> tuple[periods.Window, set[int | None]]:
    if said is None:
        return periods.last(DEFAULT_DAYS, "day", as_of).model_copy(update={"source": "default"}), set()
    if said.kind == "this":
        return periods.to_date(said.unit, as_of), set()
    return periods.last(said.n, said.unit, as_of), {said.n}
