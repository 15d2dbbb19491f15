"""What must not leave does not leave, in any format; what does not fit its contract changes nothing."""

import datetime as dt
import json
from dataclasses import replace

import polars as pl
import pytest

from seeding_platform.catalog.engine import Family
from seeding_platform.distribution.delivery.rules import rules_for, rules_of
from seeding_platform.distribution.feeds import Feed
from seeding_platform.distribution.policies import POLICIES, policy_of
from seeding_platform.distribution.rules import RULES
from seeding_platform.distribution.verify import read_pointer, verify_bundle
from seeding_platform.errors import ContractBroken
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.contracts import contract
from seeding_platform_tests.distribution.frames import NOON, post
from seeding_platform_tests.distribution.test_bundle import ENGINES, build
from seeding_platform_tests.places import place_in

FORMATS = ["parquet", "arrow", "ndjson", "json", "csv", "libsvm"]
PLANTED = "planted0b5e55ed"
OTHERS = ("f", "d", "b", "day", "at", "tags", "xs")


def echo(engine, *, smallest=None):
    """A feed that gives a row for each post, its account as text; with `smallest` it leaves out what fewer accounts share, as a feed must."""

    def rows(tables, context):
        made = tables["content_posts"].select(k="post_id", i=pl.lit(1, dtype=pl.Int64), s="account_id", y=pl.lit(True)).sort("k").collect()
        return made if smallest is None else made.filter(pl.col("k").n_unique().over("s") >= smallest)

    return Feed("every_type", ("content_posts",), rows)


def everything_in(folder):
    """All that somebody could read in a bundle: the bytes as they are, and the values of packed formats."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes()
            if file.suffix in (".parquet", ".arrow"):
                frame = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_ipc(file)
                yield json.dumps(frame.to_dicts(), default=str).encode()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_row_of_little_confidence_never_leaves(tmp_path, kind):
    engine = contract(kind, label=True, without=OTHERS)
    sure = [post(f"p{n}", NOON, account_id="known", confidence=0.70) for n in range(3)]
    doubtful = post(PLANTED, NOON, account_id=PLANTED, confidence=0.69)
    made = build(tmp_path, contract=engine, feed=echo(engine), inputs={"content_posts": [*sure, doubtful]})
    assert made.rows == 3
    assert not any(PLANTED.encode() in text for text in everything_in(tmp_path))
    seen = build(tmp_path / "all", contract=contract(kind, label=True, without=OTHERS, minimum_confidence=0.6), feed=echo(engine),
                 inputs={"content_posts": [*sure, doubtful]})  # fmt: skip
    assert seen.rows == 4
    assert any(PLANTED.encode() in text for text in everything_in(tmp_path / "all")), "the search finds what is there"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_group_of_too_few_people_never_leaves(tmp_path, kind):
    groups = {"k": 5, "fields": ["s"], "distinct": "k"}
    engine = contract(kind, label=True, without=OTHERS, k_anonymity=groups)
    many = [post(f"p{n}", NOON, account_id="known") for n in range(5)]
    few = [post(f"q{n}", NOON, account_id=PLANTED) for n in range(4)]
    made = build(tmp_path, contract=engine, feed=echo(engine, smallest=5), inputs={"content_posts": many})
    before = (tmp_path / "t1" / "every_type" / "CURRENT").read_bytes()
    with pytest.raises(ContractBroken) as raised:  # a feed that forgets is stopped
        build(tmp_path, contract=engine, feed=echo(engine), inputs={"content_posts": [*many, *few]})
    assert raised.value.column == "s"
    assert PLANTED not in str(raised.value), "the refusal does not tell the group"
    assert (tmp_path / "t1" / "every_type" / "CURRENT").read_bytes() == before
    again = build(tmp_path, contract=engine, feed=echo(engine, smallest=5), inputs={"content_posts": [*many, *few]})
    assert (again.fresh, again.content_id, again.rows) == (False, made.content_id, 5)
    assert not any(PLANTED.encode() in text for text in everything_in(tmp_path))


@pytest.mark.parametrize("kind", FORMATS)
def test_one_column_that_drifts_is_refused_by_name_and_the_pointer_stays(tmp_path, kind):
    engine = contract(kind, label=True, without=OTHERS)
    good = echo(engine)
    made = build(tmp_path, contract=engine, feed=good, inputs={"content_posts": [post("p1", NOON)]})
    drifts = {
        "i": lambda f: f.with_columns(pl.col("i").cast(pl.String)),
        "s": lambda f: f.drop("s"),
        "extra": lambda f: f.with_columns(extra=1),
        "y": lambda f: f.with_columns(y=pl.lit(None, dtype=pl.Boolean)),
    }
    for column, drift in drifts.items():
        drifted = replace(good, build=lambda tables, context, drift=drift: drift(good.build(tables, context)))
        with pytest.raises(ContractBroken) as raised:
            build(tmp_path, contract=engine, feed=drifted, inputs={"content_posts": [post("p1", NOON), post("p2", NOON)]})
        assert raised.value.column == column
        assert column in str(raised.value)
    pointer = read_pointer(made.path.parent)
    assert pointer is not None
    assert pointer.content_id == made.content_id
    verify_bundle(made.path.parent)
    assert sorted(p.name for p in made.path.parent.iterdir()) == sorted([".lock", "CURRENT", made.path.name])


def test_every_engine_has_a_policy_of_its_family():
    assert {e.family for e in ENGINES.values()} == set(POLICIES)
    for engine in ENGINES.values():
        told = policy_of(engine)
        assert told.maximum_lag_seconds == engine.maximum_lag_seconds
        assert told.mode in engine.delivery
        assert 0 < told.quorum <= 1
        assert told.soak_minutes == POLICIES[engine.family].soak_minutes


def test_the_family_of_an_engine_says_how_long_it_is_watched_unless_somebody_else_does(tmp_path):
    place = place_in(tmp_path / "place")
    with State.open(place.settings.state_url) as state:
        by_family = rules_for(rules_of(place.settings), state, "churn_prediction")
        assert by_family.soak == dt.timedelta(minutes=POLICIES[Family.ANALYTICS].soak_minutes)
        assert by_family.quorum == POLICIES[Family.ANALYTICS].quorum
        everywhere = rules_of(place.settings.model_copy(update={"engine_soak_minutes": 3.0}))
        assert rules_for(everywhere, state, "churn_prediction").soak == dt.timedelta(minutes=3)
        Adjusted(state).change(RULES, {"soak_minutes": 7, "quorum": 1.0}, scope="churn_prediction", actor="k", reason="tried", now=NOON)
        adjusted = rules_for(rules_of(place.settings), state, "churn_prediction")
        assert (adjusted.soak, adjusted.quorum) == (dt.timedelta(minutes=7), 1.0)
        assert rules_for(rules_of(place.settings), state, "one_of_our_own").soak > dt.timedelta(0)
