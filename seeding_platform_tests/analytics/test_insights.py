"""Changes taken apart add up to the change; days that stand out are those that were made to."""

import datetime as dt
import math
import random

import polars as pl
import pytest

from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.insights import anomalies, contributions
from seeding_platform.analytics.periods import Window
from seeding_platform.analytics.plan import Filter, QueryPlan
from seeding_platform.errors import PermanentError
from seeding_platform.storage.snapshots import Snapshot
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.test_questions import OWN
from seeding_platform_tests.depth import depth

FIRST, LAST = dt.date(2025, 1, 1), dt.date(2025, 4, 30)
METRICS = [*oracle.SUMS, "ctr", "cpc", "cpm", "cvr", "cpa", "cac", "roas", "aov", "roi"]


def facts_of(frame: pl.DataFrame, folder):
    frame.write_csv(folder / "facts.csv")
    return known(Snapshot.of(read_fact_table(folder / "facts.csv")))


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    frame = oracle.facts(**OWN, first=FIRST, last=LAST, seed=8, rows_a_day=6)
    return facts_of(frame, tmp_path_factory.mktemp("insights"))


def faults(facts, seed: int, cases: int) -> list[str]:
    """Of so many random changes, those whose parts do not add up."""
    rng, found = random.Random(seed), []
    done = 0
    while done < cases:
        name, by = rng.choice(METRICS), rng.choice(["platform", "campaign", "country", "device"])
        starts = [FIRST + dt.timedelta(days=rng.randint(0, 110)) for _ in range(2)]
        windows = [Window(start=s, end=s + dt.timedelta(days=rng.randint(0, 8))) for s in starts]
        filters = (Filter(dimension="account", values=("DACH",)),) if rng.random() < 0.3 else ()
        plan = QueryPlan(metrics=(name,), window=windows[0], compare=windows[1], filters=filters)
        rows = answered(plan, facts).rows
        if not rows or None in (rows[0][name]["current"], rows[0][name]["previous"]):
            continue
        done += 1
        split = contributions(facts, name, by=by, window=windows[0], compare=windows[1], filters=filters)
        shown = rows[0][name]["change"] / (100 if name in ("ctr", "cvr", "roi") else 1)
        sums = math.isclose(sum(p.total for p in split.parts), split.change, rel_tol=1e-9, abs_tol=1e-6)
        parts = all(math.isclose(p.total, p.volume + p.mix + p.rate, abs_tol=1e-9) for p in split.parts)
        if not (sums and parts and split.change == pytest.approx(shown)):
            found.append(f"{name} by {by}, {windows}")
    return found


@pytest.mark.long
def test_parts_add_up_to_the_change(facts):
    assert faults(facts, 1, 120) == []


@pytest.mark.long
def test_a_thousand_changes_add_up(facts):
    assert faults(facts, 2, depth(1000, 300)) == []


def rows(day: str, platform: str, spend: float, conversions: int) -> dict:
    return {"date": day, "platform": platform, "spend": spend, "clicks": 10, "impressions": 100, "conversions": conversions}


def test_mix_and_rate_are_told_apart(tmp_path):
    """Each platform keeps its CAC (10 and 40); only more of the dear one is bought: all of it is mix."""
    mixed = pl.DataFrame(
        [rows("2025-01-01", "A", 100, 10), rows("2025-01-01", "B", 400, 10), rows("2025-01-02", "A", 100, 10), rows("2025-01-02", "B", 1200, 30)]
    )
    facts = facts_of(mixed, tmp_path)
    one, two = (Window(start=d, end=d) for d in (dt.date(2025, 1, 2), dt.date(2025, 1, 1)))
    found = contributions(facts, "cac", by="platform", window=one, compare=two)
    assert found.change == pytest.approx(32.5 - 25)
    assert sum(p.rate for p in found.parts) == pytest.approx(0)
    assert sum(p.mix for p in found.parts) == pytest.approx(7.5)


def test_a_member_that_comes_or_goes_or_never_converts(tmp_path):
    frame = pl.DataFrame(
        [rows("2025-01-01", "A", 100, 10), rows("2025-01-02", "A", 90, 10), rows("2025-01-02", "B", 60, 0), rows("2025-01-01", "C", 30, 1)]
    )
    facts = facts_of(frame, tmp_path)
    one, two = (Window(start=d, end=d) for d in (dt.date(2025, 1, 2), dt.date(2025, 1, 1)))
    found = contributions(facts, "cac", by="platform", window=one, compare=two)
    assert {p.member for p in found.parts} == {"A", "B", "C"}
    assert sum(p.total for p in found.parts) == pytest.approx(found.change)
    assert next(p for p in found.parts if p.member == "B").total == pytest.approx(6.0)


def test_a_window_without_facts_is_refused(facts):
    nowhere = Window(start=dt.date(2020, 1, 1), end=dt.date(2020, 1, 2))
    with pytest.raises(PermanentError, match="no change to split"):
        contributions(facts, "spend", by="platform", window=Window(start=FIRST, end=LAST), compare=nowhere)


def test_days_that_were_made_to_stand_out_are_found(tmp_path):
    rng = random.Random(4)
    days = [FIRST + dt.timedelta(days=i) for i in range(84)]
    level = {d: (300 if d.weekday() < 5 else 80) + rng.uniform(-12, 12) for d in days}
    level[days[40]] += 200
    level[days[61]] = 5.0
    frame = pl.DataFrame([rows(str(d), "A", round(v, 2), 3) for d, v in level.items()])
    facts = facts_of(frame, tmp_path)
    found = anomalies(facts, "spend", window=Window(start=days[0], end=days[-1]))
    assert {a.day for a in found} == {str(days[40]), str(days[61])}
    with pytest.raises(PermanentError, match="too few"):
        anomalies(facts, "spend", window=Window(start=days[0], end=days[20]))
