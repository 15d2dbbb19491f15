"""Questions must give the rows that plain Polars gives, or be refused; a wrong number never."""

import datetime as dt
import json
from pathlib import Path

import pytest

from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.language import asked
from seeding_platform.storage.snapshots import Snapshot
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.grid import grid
from seeding_platform_tests.analytics.questions.oracle import Case, Expected

HERE = Path(__file__).parent
COMPLETE = dt.date(2025, 6, 30)
OWN = {
    "platforms": ["Google", "Meta", "LinkedIn", "TikTok", "X"],
    "accounts": ["Benelux", "DACH"],
    "campaigns": ["Brand_Search", "Prospecting", "Retargeting", "Lead_Gen", "Zomer_Actie"],
    "countries": ["NL", "BE", "DE", "FR", "US", "GB"],
    "devices": ["Desktop", "Mobile", "Tablet"],
}
SECOND = {
    **OWN,
    "accounts": ["AcctA", "AcctB", "AcctC"],
    "campaigns": ["Brand_Search", "Prospecting", "Retargeting", "Summer_Sale", "Video_Reach"],
    "countries": ["NL", "BE", "DE", "FR", "GB", "US", "CA", "MX", "NA"],
}
NOT_YET = {"xe014", "xe015", "xe021", "xe024", "xe030", "xn009", "xn026"}
"""Of the second set: refused although they could be answered."""


def world(folder: Path, names: dict, first: dt.date, last: dt.date, seed: int):
    frame = oracle.facts(**names, first=first, last=last, seed=seed)
    frame.write_csv(folder / "facts.csv")
    return frame, known(Snapshot.of(read_fact_table(folder / "facts.csv")))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return world(tmp_path_factory.mktemp("own"), OWN, dt.date(2024, 1, 1), COMPLETE, 7)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return world(tmp_path_factory.mktemp("second"), SECOND, dt.date(2025, 1, 1), dt.date(2026, 3, 31), 9)


def fault(case: Case, frame, facts) -> str:
    """Empty when the answer is right."""
    answer = asked(case.question, facts, as_of=case.as_of)
    if answer.status in case.refusals:
        return ""
    if answer.status in ("clarify", "not_understood"):
        return f"refused: {answer.explanation}"
    if case.expected is None:
        return f"WRONG, must be refused: {answer.explanation}"
    wrong = oracle.same(answer.rows, oracle.rows(frame, case.expected), case.expected)
    return f"WRONG: {wrong}; understood: {answer.explanation}" if wrong else ""


def own_cases() -> list[Case]:
    return oracle.cases((HERE / "own.txt").read_text(encoding="utf-8"), as_of=COMPLETE + dt.timedelta(days=1), complete=COMPLETE)


def written_cases(name: str) -> list[Case]:
    found = []
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        expect, expected = told["expect"], None
        statuses = [expect["status"]] if isinstance(expect["status"], str) else expect["status"]
        if statuses == ["ok"]:
            day = dt.date.fromisoformat
            expected = Expected(
                metrics=expect["metrics"],
                start=day(expect["start"]),
                end=day(expect["end"]),
                dimensions=expect.get("dimensions") or [],
                grain=expect.get("grain"),
                filters=expect.get("filters") or {},
                exclude=expect.get("exclude") or {},
                compare=tuple(map(day, expect["compare"])) if expect.get("compare") else None,
                having=[tuple(h) for h in expect.get("having") or []],
                order=tuple(expect["order"]) if expect.get("order") else None,
                limit=expect.get("limit"),
            )
        # either refusal will do where one is wanted: both say that there is no number
        refusals = {"clarify", "not_understood"} if expected is None and "no_data" not in statuses else set(statuses) - {"ok"}
        found.append(Case(told["lang"], told["tier"], told["q"], dt.date.fromisoformat(told["as_of"]), refusals, expected, name=told["id"]))
    return found


@pytest.mark.parametrize("lang", ["en", "nl"])
@pytest.mark.parametrize("tier", ["core", "extended", "refusal"])
def test_every_question_of_our_own_set(own, tier, lang):
    cases = [c for c in own_cases() if (c.tier, c.lang) == (tier, lang)]
    assert cases
    assert {c.name: said for c in cases if (said := fault(c, *own))} == {}


@pytest.mark.parametrize("tier", ["core", "extended", "refusal"])
def test_the_set_of_somebody_who_had_not_read_the_rules(second, tier):
    cases = [c for c in written_cases("second.jsonl") if c.tier == tier]
    faults = {c.name: said for c in cases if (said := fault(c, *second))}
    assert {name for name, said in faults.items() if said.startswith("WRONG")} == set()
    assert set(faults) - NOT_YET == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", [11])
def test_a_grid_of_made_questions(own, seed):
    assert {c.name: said for c in grid(150, seed=seed, complete=COMPLETE) if (said := fault(c, *own))} == {}


@pytest.mark.long
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_large_grids(own, seed):
    assert {c.name: said for c in grid(500, seed=seed, complete=COMPLETE) if (said := fault(c, *own))} == {}


@pytest.mark.parametrize("lang", ["en", "nl", None])
def test_a_refusal_says_why_and_what_works(own, lang):
    _, facts = own
    answer = asked("profit by platform", facts, lang=lang)
    assert (answer.status, answer.rows, answer.sql) == ("not_understood", [], "")
    assert "profit" in answer.not_understood
    assert "profit" in answer.explanation
    assert answer.suggestions
    assert all(asked(s, facts, lang=lang).status == "ok" for s in answer.suggestions)


def test_what_was_assumed_is_said(own):
    _, facts = own
    answer = asked("spend by platfrom", facts)
    assert "last 30 days" in answer.explanation
    assert "corrected: platfrom read as platform" in answer.warnings
    assert answer.plan.window.source == "default"


def test_no_value_of_a_question_reaches_the_sql(own):
    _, facts = own
    answer = asked("spend in the Netherlands for the Brand Search campaign in June", facts)
    assert answer.status == "ok"
    assert "NL" not in answer.sql
    assert "Brand" not in answer.sql
    assert "2025" not in answer.sql


def test_short_codes_count_in_capitals_only(own):
    _, facts = own
    assert asked("show us the spend", facts).plan.filters == ()
    assert asked("show US spend", facts).plan.filters[0].values == ("US",)
    assert asked("SHOW US THE SPEND", facts).status in ("not_understood", "ok")
    assert not asked("SHOW US THE SPEND", facts).plan or asked("SHOW US THE SPEND", facts).plan.filters == ()


def test_names_that_are_words_of_the_language_keep_the_languages_meaning(tmp_path):
    names = {**OWN, "campaigns": ["Q1", "May", "2024", "Clicks", "all", "Brand_Search", "Brand Search", "Merk | Zoeken", "Spring (NL) 50%"]}
    _, facts = world(tmp_path, names, dt.date(2025, 3, 1), COMPLETE, 6)
    assert asked("spend in Q1", facts).plan.filters == ()
    assert asked("clicks in May", facts).plan.metrics == ("clicks",)
    assert asked("spend in 2024", facts).status == "no_data"
    assert asked("spend for Brand Search last month", facts).plan.filters[0].values == ("Brand Search", "Brand_Search"), "both are called so"
    assert asked("spend for merk zoeken last month", facts).plan.filters[0].values == ("Merk | Zoeken",)
    assert asked("spend for Spring (NL) 50% last month", facts).plan.filters[0].values == ("Spring (NL) 50%",)


def test_ten_thousand_campaigns_do_not_make_a_question_slow_to_read(tmp_path):
    from seeding_platform.analytics.language.vocabulary import vocabulary

    many = vocabulary({"campaign": [f"Campaign number {n}" for n in range(10_000)]})
    assert [meant for *_, meant in many.found("spend for campaign number 777 last month")] == [(("campaign", "Campaign number 777"),)]
