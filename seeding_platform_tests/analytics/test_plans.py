"""Random plans, compiled and run, give the rows that plain Polars gives."""

import datetime as dt
import random

import polars as pl
import pytest

from seeding_platform.analytics.ask import answered
from seeding_platform.analytics.compile import compiled
from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.periods import Window
from seeding_platform.analytics.plan import Filter, Order, QueryPlan, Threshold
from seeding_platform.storage.snapshots import Snapshot
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.oracle import Expected
from seeding_platform_tests.analytics.questions.test_questions import OWN
from seeding_platform_tests.depth import depth

FIRST, LAST = dt.date(2024, 11, 1), dt.date(2025, 4, 30)
DIMENSIONS = {"platform": "platforms", "account": "accounts", "campaign": "campaigns", "country": "countries", "device": "devices"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("plans") / "facts.csv"
    frame = oracle.facts(**OWN, first=FIRST, last=LAST, seed=5, rows_a_day=9)
    frame = frame.filter(~frame["date"].is_in([dt.date(2025, 1, 3), dt.date(2025, 2, 14)]))  # days without facts
    frame.write_csv(path)
    return frame, known(Snapshot.of(read_fact_table(path)))


def random_window(rng: random.Random) -> tuple[dt.date, dt.date]:
    start = FIRST + dt.timedelta(days=rng.randint(-5, 150))
    return start, start + dt.timedelta(days=rng.choice([0, 1, 6, 13, 29, 60]))


def random_plan(rng: random.Random) -> tuple[QueryPlan, Expected]:
    metrics = rng.sample([*oracle.SUMS, *oracle.RATIOS], rng.randint(1, 4))
    dimensions = rng.sample(sorted(DIMENSIONS), rng.choice([0, 0, 1, 1, 2]))
    start, end = random_window(rng)
    expected = Expected(metrics=metrics, start=start, end=end, dimensions=dimensions, grain=rng.choice([None, None, None, "day", "week", "month"]))
    filters = []
    for name in rng.sample(sorted(DIMENSIONS), rng.choice([0, 1, 2])):
        values = rng.sample(OWN[DIMENSIONS[name]], rng.randint(1, 2))
        exclude = rng.random() < 0.3
        (expected.exclude if exclude else expected.filters)[name] = values
        filters.append(Filter(dimension=name, values=tuple(values), exclude=exclude))
    if rng.random() < 0.4:
        expected.compare = random_window(rng)
    if dimensions or expected.grain:
        if rng.random() < 0.25:
            expected.having = [(metrics[0], rng.choice([">", "<=", ">=", "<"]), float(rng.choice([0.02, 1.5, 20, 500])))]
        if rng.random() < 0.4:
            expected.order = (metrics[0], rng.choice(["asc", "desc"]))
            expected.limit = rng.choice([None, 1, 3])
    plan = QueryPlan(
        metrics=tuple(metrics),
        dimensions=tuple(dimensions),
        grain=expected.grain,
        filters=tuple(filters),
        window=Window(start=start, end=end),
        compare=Window(start=expected.compare[0], end=expected.compare[1]) if expected.compare else None,
        having=tuple(Threshold(metric=m, operator=o, value=v) for m, o, v in expected.having),
        order=Order(metric=expected.order[0], descending=expected.order[1] == "desc") if expected.order else None,
        limit=expected.limit or 1000,
    )
    return plan, expected


def faults(world, seed: int, n: int) -> list[str]:
    """Where the answers to n random plans differ from the oracle."""
    frame, facts = world
    rng = random.Random(seed)
    drawn = [random_plan(rng) for _ in range(n)]
    told = [(plan, oracle.same(answered(plan, facts).rows, oracle.rows(frame, expected), expected)) for plan, expected in drawn]
    return [f"{fault}: {plan}" for plan, fault in told if fault]


@pytest.mark.long
def test_random_plans_equal_polars(world):
    assert faults(world, 1, 250) == []


@pytest.mark.long
def test_two_thousand_random_plans_equal_polars(world):
    assert faults(world, 2, depth(2000, 600)) == []


def test_values_are_placeholders_and_other_dialects_come_from_the_same_tree(world):
    plan, _ = random_plan(random.Random(3))
    evil = plan.model_copy(update={"filters": (Filter(dimension="campaign", values=("x' OR 1=1 --",)),)})
    statement = compiled(evil, tenant="default")
    assert "OR 1=1" not in statement.sql()
    assert "x' OR 1=1 --" in statement.params.values()
    assert "OR 1=1" not in statement.sql("postgres")


def test_a_tenant_sees_only_its_own(world, tmp_path):
    frame, facts = world
    frame.write_csv(tmp_path / "facts.csv")
    mine, theirs = (read_fact_table(tmp_path / "facts.csv", tenant=t) for t in ("default", "somebody-else"))
    both = known(Snapshot.of(pl.concat([theirs.with_columns(spend=pl.col("spend") * 2), mine])), tenant="default")
    plan = QueryPlan(metrics=("spend",), window=Window(start=FIRST, end=LAST))
    assert answered(plan, both).rows == answered(plan, facts).rows
