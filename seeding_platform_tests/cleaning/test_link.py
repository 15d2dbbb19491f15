"""Linkage of records by several fields."""

from __future__ import annotations

import random

import polars as pl
import pytest

from seeding_platform.cleaning import link
from seeding_platform.errors import ConfigError
from seeding_platform_tests.benchmarks.link.__main__ import figures, halves, persons

POLICY = {"id": "nr", "fields": {"name": {"kind": "name"}, "street": {"kind": "name"}, "born": {"kind": "date"}, "phone": {"kind": "code"}}}
_FIRST = ["Anna", "Bram", "Cees", "Dirk", "Elsa", "Fenna", "Gijs", "Hanna", "Ivo", "Jan", "Karin", "Lotte", "Mats", "Nora", "Otto", "Pim"]
_LAST = ["Jansen", "Bakker", "Visser", "Smit", "Mulder", "Dekker", "Vos", "Peters", "Hendriks", "Dijkstra", "Brouwer", "Koster", "Prins", "Kuipers"]
_STREETS = ["Dorpsstraat", "Kerkweg", "Molenlaan", "Stationsplein", "Havenkade", "Beukenhof", "Lindelaan", "Schoolpad"]


def people(n: int, seed: int) -> pl.DataFrame:
    dice = random.Random(seed)
    return pl.DataFrame(
        {
            "nr": [f"p{i}" for i in range(n)],
            "name": [f"{dice.choice(_FIRST)} {dice.choice(_LAST)}" for _ in range(n)],
            "street": [f"{dice.choice(_STREETS)} {dice.randint(1, 200)}" for _ in range(n)],
            "born": [f"{dice.randint(1940, 2005)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}" for _ in range(n)],
            "phone": [f"06{dice.randint(10**7, 10**8 - 1)}" for _ in range(n)],
        },
        schema=dict.fromkeys(("nr", "name", "street", "born", "phone"), pl.String),
    )


def again(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same people with a slip in each record."""
    dice, rows = random.Random(seed), []
    for row in table.iter_rows(named=True):
        field = dice.choice(["name", "street", "born", "phone"])
        value, at = row[field], dice.randrange(1, len(row[field]) - 1)
        row[field] = dice.choice([None, value[:at] + value[at + 1 :], value[:at] + value[at + 1] + value[at] + value[at + 2 :]])
        rows.append(row | {"nr": row["nr"].replace("p", "q")})
    return pl.DataFrame(rows, schema=table.schema)


def test_two_tables_are_linked_whatever_the_order_of_their_rows():
    seed = random.SystemRandom().randrange(10**6)
    table = people(400, seed)
    a, b = table.head(300), again(table.tail(300), seed)
    found = link(a, b, policy=POLICY)
    right = found.filter(pl.col("id_a").str.slice(1) == pl.col("id_b").str.slice(1)).height
    assert right / found.height >= 0.98
    assert right >= 0.97 * 200
    assert found["score"].is_between(0, 1).all()
    shuffled = link(a.sample(fraction=1, shuffle=True, seed=1), b.sample(fraction=1, shuffle=True, seed=2), policy=POLICY)
    assert shuffled.select("id_a", "id_b").sort("id_a", "id_b").equals(found.select("id_a", "id_b").sort("id_a", "id_b"))


def test_one_table_is_linked_within_itself_each_pair_once():
    table = people(300, 5)
    both = pl.concat([table, again(table.head(100), 6)])
    found = link(both, policy=POLICY)
    pairs = {frozenset(pair) for pair in found.select("id_a", "id_b").rows()}
    assert len(pairs) == found.height
    right = sum(1 for pair in pairs if len({i[1:] for i in pair}) == 1)
    assert right >= 97
    assert right >= 0.98 * len(pairs)


def test_where_nobody_stands_twice_hardly_anything_is_linked():
    assert link(people(500, 8), policy=POLICY).height <= 2
    assert link(people(300, 9), people(300, 10), policy=POLICY).height <= 2


def test_a_thing_may_stand_several_times_in_the_second_table():
    table = people(200, 11)
    copies = pl.concat([again(table, seed).with_columns(nr=pl.format("{}-{}", "nr", pl.lit(seed))) for seed in (1, 2, 3)])
    found = link(table, copies, policy=POLICY)
    assert found.height >= 0.95 * 600
    assert link(table, copies, policy=POLICY | {"one_to_one": True, "threshold": 0.9}).height <= 200


def test_one_field_is_enough_for_what_is_equal():
    table = people(100, 12)
    found = link(table, table.with_columns(nr=pl.col("nr").str.replace("p", "q")), policy={"id": "nr", "fields": {"phone": {"kind": "code"}}})
    assert found.height == 100


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_tiny_tables(rows):
    found = link(people(rows, 1), policy=POLICY)
    assert found.is_empty()
    assert found.schema == {"id_a": pl.String, "id_b": pl.String, "score": pl.Float64}
    assert link(people(rows, 1), people(rows, 2), policy=POLICY).is_empty()


def test_empty_fields_and_other_types():
    table = people(50, 3).with_columns(name=pl.lit(None, dtype=pl.String), nr=pl.int_range(50), phone=pl.col("phone").cast(pl.Int64))
    found = link(table, table.with_columns(nr=pl.col("nr") + 100), policy=POLICY)
    assert found.height == 50
    assert found.schema["id_a"] == pl.Int64


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"id": "nr", "fields": {}}, "fields"),
        ({"id": "nr", "fields": {"name": {"kind": "smell"}}}, "kind"),
        ({"id": "nr", "fields": {"nr": {"kind": "code"}}}, "cannot be compared"),
        ({"id": "nr", "fields": {"shoe": {"kind": "number"}}}, "the first table has no column shoe"),
        ({"id": "name", "fields": {"phone": {"kind": "code"}}}, "stands twice"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(policy, told):
    with pytest.raises(ConfigError, match=told):
        link(people(200, 4), policy=policy)


@pytest.mark.real
@pytest.mark.parametrize(("name", "bar"), [("dblp_acm", 0.97), ("febrl", 0.98)])
def test_public_records_are_linked(name, bar):
    _, best, default = halves(name)
    assert best[2] >= bar
    assert default[2] >= bar


@pytest.mark.real
def test_originals_alone_are_nobodys_duplicates():
    table, _, _ = persons()
    originals = table.filter(pl.col("rec_id").str.ends_with("org"))
    fields = {c: {"kind": "name"} for c in ("given_name", "surname", "suburb")} | {c: {"kind": "code"} for c in ("postcode", "soc_sec_id")}
    found = link(originals, policy={"id": "rec_id", "fields": fields})
    assert figures(found.with_columns(same=False), found, 0.5)[0] == 0.0
    assert found.height <= 0.002 * originals.height
